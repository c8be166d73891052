//! How session keys are named in each layout, worked out apart from sessiond.

/// A layout of session keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// That of the libraries.
    Libraries,
    /// With so many buckets for each app.
    Buckets(u16),
}

impl Layout {
    /// What sessiond is started with.
    pub(crate) fn options(self) -> Vec<String> {
        match self {
            Layout::Libraries => Vec::new(),
            Layout::Buckets(count) => {
                let count = count.to_string();
                ["--layout", "buckets", "--cluster-buckets", &count].map(str::to_owned).into()
            }
        }
    }

    /// The key of a session.
    pub(crate) fn key(self, app: &str, token: &str) -> String {
        let base = self.base(app, |count| {
            let digits = token.bytes().take(3).map(|letter| match letter {
                b'A'..=b'Z' => u32::from(letter - b'A'),
                b'a'..=b'z' => u32::from(letter - b'a') + 26,
                _ => u32::from(letter - b'0') + 52,
            });
            let number = digits.fold(0, |number, digit| number * 62 + digit);
            if number < u32::from(count) { format!("{number:04}") } else { "none".to_owned() }
        });
        format!("{base}:{token}")
    }

    /// The key of this last part that belongs to an id: of an app's indexes the one where its entries are.
    pub(crate) fn named(self, app: &str, id: &str, last: &str) -> String {
        if self == Layout::Libraries && last == "SESSIONS" {
            return "rs:SESSIONS".to_owned();
        }
        format!("{}:{last}", self.base(app, |count| format!("{:04}", crc16(id) % count)))
    }

    fn base(self, app: &str, bucket: impl FnOnce(u16) -> String) -> String {
        match self {
            Layout::Libraries => format!("rs:{app}"),
            Layout::Buckets(count) => format!("{{rs:{app}:{}}}", bucket(count)),
        }
    }
}

/// CRC-16/XMODEM, bit by bit.
pub(crate) fn crc16(text: &str) -> u16 {
    text.bytes().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
        })
    })
}
