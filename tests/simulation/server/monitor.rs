//! `MONITOR`: who watches all commands, and how a command is shown.

use super::text::{is, quoted};
use super::{Args, Server};

pub(super) fn monitor(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    if client.deny_blocking {
        return client.error("MONITOR isn't allowed for DENY BLOCKING client");
    }
    // A second time it is ignored, without a reply.
    if !client.monitor {
        client.monitor = true;
        client.ok();
        server.monitors.push(id);
    }
}

impl Server {
    /// Shows a command to those who watch.
    pub(super) fn show(&mut self, id: u64, args: &Args) {
        if self.monitors.is_empty() {
            return;
        }
        let database = self.client(id).database;
        let now = 1_700_000_000_000 + self.now;
        let (seconds, millis) = (now / 1000, now % 1000);
        let mut line = format!("+{seconds}.{millis:03}000 [{database} {}]", address(id));
        let secrets = secrets(args);
        for (at, arg) in args.iter().enumerate() {
            line.push(' ');
            line.push_str(&quoted(if secrets.contains(&at) { b"(redacted)" } else { arg }));
        }
        line.push_str("\r\n");
        for monitor in self.monitors.clone() {
            self.client(monitor).put(line.as_bytes());
        }
    }
}

/// Where a client is, as others see it.
pub(super) fn address(id: u64) -> String {
    format!("127.0.0.1:{}", 10_000 + id % 50_000)
}

/// The places of arguments that belong to a password, as far as they were looked at.
fn secrets(args: &Args) -> Vec<usize> {
    if is(&args[0], "auth") && args.len() <= 3 {
        return (1..args.len()).collect();
    }
    let mut secrets = Vec::new();
    if is(&args[0], "hello") && args.get(1).is_some_and(|version| matches!(&**version, b"2" | b"3"))
    {
        let mut at = 2;
        while at + 2 < args.len() && is(&args[at], "auth")
            || at + 1 < args.len() && is(&args[at], "setname")
        {
            let is_name = is(&args[at], "setname");
            if !is_name {
                secrets.extend([at + 1, at + 2]);
            }
            at += if is_name { 2 } else { 3 };
        }
    }
    secrets
}
