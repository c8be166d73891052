//! Whether a client's user may run a command with these keys and channels.

use super::table::{Entry, NO_AUTH};
use super::{Server, Text};

/// What is not allowed.
#[derive(Clone, Copy)]
pub(super) enum Denied {
    Command,
    Key,
    Channel,
}

impl Denied {
    /// What is said when the command comes.
    pub(super) fn before(self, name: &str) -> Text {
        match self {
            Self::Command => {
                format!("-NOPERM this user has no permissions to run the '{name}' command")
            }
            Self::Key => "-NOPERM this user has no permissions to access one of the keys used as \
                          arguments"
                .to_owned(),
            Self::Channel => "-NOPERM this user has no permissions to access one of the channels \
                              used as arguments"
                .to_owned(),
        }
        .into_bytes()
    }

    /// Why a queued command does not run.
    pub(super) fn in_exec(self) -> &'static str {
        match self {
            Self::Command => "no permission to execute the command or subcommand",
            Self::Key => "no permission to touch the specified keys",
            Self::Channel => "no permission to access one of the channels used as arguments",
        }
    }
}

impl Server {
    pub(super) fn check_permission(
        &self,
        id: u64,
        entry: &Entry,
        args: &[Text],
    ) -> Result<(), Denied> {
        let Some(user) = self.clients.get(&id).and_then(|client| self.users.get(&client.user))
        else {
            return Ok(());
        };
        if !entry.is(NO_AUTH) && !user.may_run(entry) {
            return Err(Denied::Command);
        }
        if !user.all_keys && entry.keys(args).iter().any(|key| !user.may_touch(key)) {
            return Err(Denied::Key);
        }
        let channels = match entry.name {
            "subscribe" | "ssubscribe" | "psubscribe" => &args[1..],
            "publish" | "spublish" => &args[1..2],
            _ => &[],
        };
        let is_pattern = entry.name == "psubscribe";
        if channels.iter().any(|channel| !user.may_hear(channel, is_pattern)) {
            return Err(Denied::Channel);
        }
        Ok(())
    }
}
