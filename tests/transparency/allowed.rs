//! The differences that stay, each with its reason. The README has them under "What is different from Redis".

/// One difference.
pub(crate) struct Allowed {
    /// What the scenario's name begins with.
    pub(crate) scenario: &'static str,
    /// What the sent bytes contain.
    pub(crate) sent: &'static str,
    /// Why it stays.
    pub(crate) reason: &'static str,
}

/// All of them.
pub(crate) const ALLOWED: &[Allowed] = &[
    Allowed {
        scenario: "a user that is switched off",
        sent: "",
        reason: "another database is another lane, and the server no longer takes the old credentials for it",
    },
    Allowed { scenario: "another password", sent: "", reason: "the same" },
    Allowed { scenario: "two passwords of one user", sent: "", reason: "the same" },
    Allowed { scenario: "the default user", sent: "", reason: "the same" },
    Allowed {
        scenario: "a user that is deleted",
        sent: "BLPOP",
        reason: "whether the server has cut the client off, or is gone, is known only after the reply has failed",
    },
    Allowed { scenario: "a user deletes itself", sent: "DELUSER", reason: "the same" },
    Allowed {
        scenario: "a request over the server's own limit",
        sent: "",
        reason: "sessiond does not know the server's proto-max-bulk-len, only the usual 512 MB",
    },
];

/// The reason why this step of this scenario may differ.
pub(crate) fn allowed(scenario: &str, sent: &str) -> Option<&'static str> {
    let found = ALLOWED
        .iter()
        .find(|entry| scenario.starts_with(entry.scenario) && sent.contains(entry.sent));
    found.map(|entry| entry.reason)
}
