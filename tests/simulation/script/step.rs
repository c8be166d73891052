//! One step of a client: a request, or the end of its connection.

/// What a step is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    /// An ordinary command that changes nothing.
    Read,
    /// An ordinary command that changes data.
    Write,
    /// A request or reply of more than a mebibyte.
    Large,
    Multi,
    Exec,
    Discard,
    Watch,
    Unwatch,
    Select,
    Auth,
    /// `HELLO`: the reply to it may tell the server's id for the connection.
    Hello,
    Reset,
    Subscribe,
    Unsubscribe,
    Publish,
    ReplyMode,
    Tracking,
    /// `CLIENT` without what has a kind of its own.
    Client,
    /// The reply is the server's id for the connection.
    Id,
    /// It may wait, but not longer than a moment.
    Wait,
    /// It may wait for ever.
    WaitForEver,
    Script,
    /// A command of sessiond's own.
    Session,
    Unknown,
    /// A command that is refused for its arguments.
    Refused,
    /// It ends the connection, or is no request at all.
    Malformed,
    Module,
    Monitor,
    Quit,
    /// The client sends nothing more, and reads on. There are no bytes.
    HalfClose,
    /// The client is gone. There are no bytes.
    Leave,
}

impl Kind {
    pub(crate) const ALL: [Self; 31] = [
        Self::Read,
        Self::Write,
        Self::Large,
        Self::Multi,
        Self::Exec,
        Self::Discard,
        Self::Watch,
        Self::Unwatch,
        Self::Select,
        Self::Auth,
        Self::Hello,
        Self::Reset,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Publish,
        Self::ReplyMode,
        Self::Tracking,
        Self::Client,
        Self::Id,
        Self::Wait,
        Self::WaitForEver,
        Self::Script,
        Self::Session,
        Self::Unknown,
        Self::Refused,
        Self::Malformed,
        Self::Module,
        Self::Monitor,
        Self::Quit,
        Self::HalfClose,
        Self::Leave,
    ];

    /// Whether the client's side of the connection ends here.
    pub(crate) fn is_end(self) -> bool {
        matches!(self, Self::HalfClose | Self::Leave)
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) bytes: Vec<u8>,
    /// Whether it may follow the step before without a look at the replies. Otherwise all that comes in reply is there first.
    pub(crate) joined: bool,
}
