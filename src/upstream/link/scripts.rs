//! What a link knows of scripts: which the server has, and how many calls are being repeated because it had not.

/// The scripts of one server, as one connection has heard of them.
#[derive(Debug, Default)]
pub struct Scripts {
    /// Those that the server knows, by what tells them apart. Scripts are few.
    known: Vec<usize>,
    repeating: u32,
}

impl Scripts {
    /// Whether the server has answered a call of this script by its digest on this connection, and has not forgotten it since.
    pub fn knows(&self, script: usize) -> bool {
        self.known.contains(&script)
    }

    /// Notes whether the server knows the script.
    pub fn learn(&mut self, script: usize, known: bool) {
        match self.known.iter().position(|&one| one == script) {
            Some(place) if !known => drop(self.known.swap_remove(place)),
            None if known => self.known.push(script),
            _ => {}
        }
    }

    /// Notes a request that is sent again because the server did not know its script.
    pub fn repeats(&mut self) {
        self.repeating += 1;
    }

    /// Notes that such a request has been answered.
    pub fn repeated(&mut self) {
        self.repeating = self.repeating.saturating_sub(1);
    }

    /// Whether such requests are under way.
    pub fn is_repeating(&self) -> bool {
        self.repeating > 0
    }
}
