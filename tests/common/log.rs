//! What a child process writes: kept as a whole, and a line can be waited for.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use super::wait::PATIENCE;

/// The output of a child, both its streams in one.
pub(crate) struct Log {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    written: Mutex<Written>,
    grown: Condvar,
}

#[derive(Default)]
struct Written {
    text: String,
    ended: bool,
}

impl Log {
    /// Starts a program whose output goes here.
    pub(crate) fn spawn(mut command: Command) -> io::Result<(Child, Log)> {
        let (output, input) = io::pipe()?;
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
        let child = command.spawn()?;
        // With our ends of the pipe in it: only the child's are left, so that the output ends with the child.
        drop(command);
        let shared = Arc::new(Shared::default());
        let log = Log { shared: Arc::clone(&shared) };
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                shared.written.lock().unwrap().text.push_str(&String::from_utf8_lossy(&line));
                shared.grown.notify_all();
                line.clear();
            }
            shared.written.lock().unwrap().ended = true;
            shared.grown.notify_all();
        });
        Ok((child, log))
    }

    /// What has been written until now.
    pub(crate) fn text(&self) -> String {
        self.shared.written.lock().unwrap().text.clone()
    }

    /// Waits for a line with this text in it; `None` when the child ended without one.
    pub(crate) fn line_with(&self, text: &str) -> Option<String> {
        let find = |written: &Written| {
            let whole = written.text.split_inclusive('\n');
            whole.into_iter().find(|line| line.contains(text)).map(str::to_owned)
        };
        self.wait(text, |written| match find(written) {
            None if written.ended => Some(None),
            None => None,
            found => Some(found),
        })
    }

    /// Waits until the child has closed its output, and gives all of it.
    pub(crate) fn whole(&self) -> String {
        self.wait("the end", |written| written.ended.then(|| written.text.clone()))
    }

    fn wait<T>(&self, what: &str, mut probe: impl FnMut(&Written) -> Option<T>) -> T {
        let mut found = None;
        let written = self.shared.written.lock().unwrap();
        let (written, _) = self
            .shared
            .grown
            .wait_timeout_while(written, PATIENCE, |written| {
                found = probe(written);
                found.is_none()
            })
            .unwrap();
        found.unwrap_or_else(|| panic!("no {what} within {PATIENCE:?} in\n{}", written.text))
    }
}
