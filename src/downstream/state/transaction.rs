//! A client's transaction: what `EXEC` will change, and how its reply has to be read.

use std::{mem, rc::Rc};

use bytes::{Bytes, BytesMut};

use super::{mode::Quiet, subscriptions::Subscriptions};
use crate::{
    command::{
        catalog::Merge,
        change::{Change, HelloOptions},
        client::{ReplyMode, Switch, line::Form, naming::Naming, tracking::Tracking},
        info,
        own_id::write_hello,
        pause::Pausing,
        table::Subscription,
    },
    downstream::{registry::question::Question, state::substitute::Substitute},
    resp::{Protocol, ReplyScanner, reply},
    session::Adapt,
    state::{ids::ClientId, label::Label},
};

/// What a queued command does when `EXEC` runs it.
#[derive(Clone)]
pub(crate) enum Effect {
    /// Its reply is a session.
    Adapt(Adapt),
    /// Its reply speaks of the upstream connection.
    Substitute(Substitute),
    /// Its reply speaks of all commands.
    Merge(Rc<Merge>),
    /// It is a question about clients, or `INFO`.
    Question(Question),
    /// This takes the place of its reply.
    Answer(Bytes),
    /// It is `INFO`, and this is to be said of clients.
    Section(info::Counts, String),
    /// `CLIENT TRACKING`
    Tracking(Tracking),
    /// `CLIENT NO-EVICT` or `NO-TOUCH`
    Switch(Switch, bool),
    /// It changes user, database or protocol; nothing that we know of when the server has understood what we have not.
    Change(Option<Change>, HelloOptions),
    /// It changes subscriptions, to so many topics: several frames answer.
    Subscription(Subscription, usize),
    /// `MONITOR`, on servers that take it here.
    Monitor,
    /// `CLIENT PAUSE` or `UNPAUSE`
    Pause(Pausing),
    /// The server's word on credentials, or on its commands, is old then.
    Revoke(bool),
    /// It leaves state on the connection, unless it is refused.
    Lasting,
    /// `CLIENT REPLY`
    Quiet(ReplyMode),
}

impl Effect {
    /// Appends what the client is told in place of `frame`, the server's answer to a command that was not queued.
    pub(crate) fn write(
        &self,
        frame: &[u8],
        label: &Label,
        protocol: Protocol,
        out: &mut BytesMut,
    ) {
        match self {
            Self::Adapt(adapt) => adapt.apply(frame, protocol, out),
            Self::Substitute(substitute) => substitute.write(frame, label, protocol, out),
            _ => out.extend_from_slice(frame),
        }
    }
}

/// The commands queued since `MULTI`.
#[derive(Default)]
pub(crate) struct Transaction {
    queued: usize,
    effects: Vec<(usize, Effect)>,
    /// What has come of a reply that consists of several frames.
    frames: BytesMut,
    collecting: bool,
    spoiled: bool,
    /// The size of what was queued.
    pub(crate) memory: usize,
    /// How the server's lists look, where it has listed nobody.
    pub(crate) form: Option<Form>,
}

/// Who executes a transaction.
pub(crate) struct Executor {
    /// The client's id.
    pub id: ClientId,
    /// What it is called so far.
    pub label: Rc<Label>,
    /// Its protocol so far.
    pub protocol: Protocol,
    /// What it is subscribed to so far.
    pub subscriptions: Subscriptions,
    /// Which replies it is not given so far.
    pub(crate) quiet: Quiet,
}

/// What an executed transaction has changed.
pub(crate) struct Executed {
    /// What was changed of user, database, protocol and name, in order.
    pub changes: Vec<Change>,
    /// The connection keeps state.
    pub lasting: bool,
    /// What the client is called now.
    pub label: Rc<Label>,
    /// What it is subscribed to now.
    pub subscriptions: Subscriptions,
    /// It monitors now.
    pub monitors: bool,
    /// `CLIENT TRACKING`, if it was said.
    pub tracking: Option<Tracking>,
    /// What was switched.
    pub switches: Vec<(Switch, bool)>,
    /// Pauses that have begun or ended.
    pub(crate) pausing: Vec<Pausing>,
    /// The server's word on credentials is old, and that on its commands.
    pub revoked: (bool, bool),
    /// Which replies the client is not given now.
    pub(crate) quiet: Quiet,
}

impl Transaction {
    /// Notes a command that the server has queued.
    pub(crate) fn queue(&mut self, effect: Option<Effect>) {
        if let Some(effect) = effect {
            self.effects.push((self.queued, effect));
        }
        self.queued += 1;
    }

    /// The server has refused to queue a command.
    pub(crate) fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// Whether it has, so that nothing of the transaction runs.
    pub(crate) fn is_spoiled(&self) -> bool {
        self.spoiled
    }

    /// How many commands are queued.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// The questions about clients, and their places in the reply to `EXEC`.
    pub(crate) fn questions(&mut self) -> impl Iterator<Item = (usize, &mut Effect)> {
        let effects = self.effects.iter_mut().map(|(place, effect)| (*place, effect));
        effects.filter(|(_, effect)| matches!(effect, Effect::Question(_)))
    }

    /// Whether the reply to `EXEC` has to be read.
    pub(crate) fn has_effects(&self) -> bool {
        !self.effects.is_empty()
    }

    /// Takes one frame of the reply to `EXEC`, for a client with these subscriptions. True once the reply is whole: each
    /// subscription in it is confirmed by one frame for each topic, of which the array counts only one.
    pub(crate) fn collect(&mut self, frame: &[u8], subscriptions: Subscriptions) -> bool {
        if !self.subscribes() {
            return true;
        }
        self.frames.extend_from_slice(frame);
        let is_array = reply::kind(&self.frames) == Some(reply::Kind::Array);
        let whole = match reply::elements(&self.frames) {
            Some(elements) if is_array => {
                self.elements(elements.rest(), subscriptions).all(|element| element.is_some())
            }
            _ => true,
        };
        self.collecting = !whole;
        whole
    }

    /// Whether more frames of the reply are to come.
    pub(crate) fn is_collecting(&self) -> bool {
        self.collecting
    }

    /// The whole reply to `EXEC`, of which `last` is the last frame.
    pub(crate) fn take_frames(&mut self, last: &[u8]) -> Bytes {
        if self.frames.is_empty() {
            return Bytes::copy_from_slice(last);
        }
        mem::take(&mut self.frames).freeze()
    }

    /// Appends the reply to `EXEC` as the client is to see it.
    pub(crate) fn execute(self, frames: &[u8], executor: Executor, out: &mut BytesMut) -> Executed {
        let Executor { id, label, mut protocol, subscriptions, quiet } = executor;
        let before = subscriptions.clone();
        let mut executed = Executed {
            changes: Vec::new(),
            lasting: false,
            label,
            subscriptions,
            monitors: false,
            tracking: None,
            switches: Vec::new(),
            pausing: Vec::new(),
            revoked: (false, false),
            quiet,
        };
        let elements = match reply::kind(frames) {
            Some(reply::Kind::Array) => reply::elements(frames),
            _ => None,
        };
        let Some(rest) = elements.map(|elements| elements.rest()) else {
            if quiet == Quiet::No {
                out.extend_from_slice(frames);
            }
            return executed;
        };
        let mut silence = Silence::new(quiet);
        out.extend_from_slice(&frames[..frames.len() - rest.len()]);
        silence.leave_out(out, 0);
        let mut effects = self.effects.iter().peekable();
        for (index, element) in self.elements(rest, before).enumerate() {
            let Some(element) = element else { break };
            let effect = effects.next_if(|(at, _)| *at == index).map(|(_, effect)| effect);
            let before = out.len();
            // What the server says of a command, or of a client, that it does not know may be an error.
            if reply::is_error(element)
                && !matches!(effect, Some(Effect::Merge(_) | Effect::Answer(_)))
            {
                // A refused HELLO may have changed the user all the same.
                executed.lasting |= match effect {
                    Some(Effect::Change(_, options)) => options.may_have_been_taken(element),
                    _ => false,
                };
                out.extend_from_slice(element);
                silence.leave_out(out, before);
                continue;
            }
            match effect {
                Some(Effect::Adapt(adapt)) => adapt.apply(element, protocol, out),
                Some(Effect::Substitute(substitute)) => {
                    substitute.write(element, &executed.label, protocol, out);
                    if let Substitute::Naming(naming) = substitute {
                        executed.label = Rc::new(naming.apply(&executed.label));
                    }
                }
                Some(Effect::Merge(merge)) => merge.apply(element, protocol, out),
                Some(Effect::Change(None, _)) => {
                    executed.lasting = true;
                    out.extend_from_slice(element);
                }
                Some(Effect::Change(Some(change), _)) => {
                    protocol = change.protocol.unwrap_or(protocol);
                    write_hello(element, id, out);
                    if let Some(name) = &change.name {
                        let named = Naming::Name(name.clone()).apply(&executed.label);
                        executed.label = Rc::new(named);
                    }
                    executed.changes.push(change.clone());
                }
                Some(Effect::Section(counts, section)) => {
                    info::merge(
                        element,
                        counts,
                        |upstream| section.clone() + &upstream.lines(),
                        out,
                    );
                }
                Some(Effect::Answer(answer)) => out.extend_from_slice(answer),
                Some(Effect::Subscription(..)) => {
                    executed.subscriptions.read(element);
                    out.extend_from_slice(element);
                }
                Some(Effect::Quiet(mode)) => {
                    silence.set(*mode);
                    if *mode == ReplyMode::On {
                        out.extend_from_slice(element);
                    }
                }
                other => {
                    executed.note(other);
                    out.extend_from_slice(element);
                }
            }
            // Confirmations are not left out.
            if !matches!(effect, Some(Effect::Subscription(..))) {
                silence.leave_out(out, before);
            }
        }
        executed.quiet = silence.outcome();
        executed
    }

    fn subscribes(&self) -> bool {
        self.effects.iter().any(|(_, effect)| matches!(effect, Effect::Subscription(..)))
    }

    /// The answers to the queued commands, each of which may consist of several frames; `None` for one that is not there.
    fn elements<'a>(
        &self,
        mut rest: &'a [u8],
        mut subscriptions: Subscriptions,
    ) -> impl Iterator<Item = Option<&'a [u8]>> {
        let topics = |index: usize| {
            let found = self.effects.binary_search_by_key(&index, |(at, _)| *at);
            match found.map(|at| &self.effects[at].1) {
                Ok(Effect::Subscription(subscription, topics)) => Some((*subscription, *topics)),
                _ => None,
            }
        };
        (0..self.queued).map(move |index| {
            let mut len = ReplyScanner::new().scan(rest).ok()??;
            if let Some((subscription, topics)) = topics(index)
                && !reply::is_error(&rest[..len])
            {
                for _ in 1..subscriptions.confirmations(subscription, topics) {
                    len += ReplyScanner::new().scan(&rest[len..]).ok()??;
                }
                subscriptions.read(&rest[..len]);
            }
            let (element, behind) = rest.split_at(len);
            rest = behind;
            Some(element)
        })
    }
}

/// What is left out of the reply to `EXEC`: as by the server, whose commands run one by one. What it has said before stays,
/// though it may announce more than follows.
struct Silence {
    always: bool,
    skips: bool,
}

impl Silence {
    fn new(quiet: Quiet) -> Self {
        Self { always: quiet == Quiet::Always, skips: false }
    }

    fn set(&mut self, mode: ReplyMode) {
        match mode {
            ReplyMode::On => self.always = false,
            ReplyMode::Off => self.always = true,
            // It speaks of the request behind `EXEC`.
            ReplyMode::Skip => self.skips |= !self.always,
        }
    }

    fn leave_out(&self, out: &mut BytesMut, from: usize) {
        if self.always {
            out.truncate(from);
        }
    }

    fn outcome(&self) -> Quiet {
        match (self.always, self.skips) {
            (true, _) => Quiet::Always,
            (false, true) => Quiet::Next,
            (false, false) => Quiet::No,
        }
    }
}

impl Executed {
    fn note(&mut self, effect: Option<&Effect>) {
        match effect {
            Some(Effect::Lasting) => self.lasting = true,
            Some(Effect::Monitor) => self.monitors = true,
            Some(Effect::Tracking(tracking)) => self.tracking = Some(*tracking),
            Some(Effect::Switch(switch, on)) => self.switches.push((*switch, *on)),
            Some(Effect::Pause(pausing)) => self.pausing.push(*pausing),
            Some(Effect::Revoke(false)) => self.revoked.0 = true,
            Some(Effect::Revoke(true)) => self.revoked.1 = true,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::table::Topic;

    fn executor(protocol: Protocol) -> Executor {
        let subscriptions = Subscriptions::default();
        let quiet = Quiet::No;
        Executor { id: ClientId(9), label: Rc::default(), protocol, subscriptions, quiet }
    }

    #[test]
    fn effects_meet_the_replies_of_their_commands() {
        let mut transaction = Transaction::default();
        transaction.queue(None);
        transaction.queue(Some(Effect::Substitute(Substitute::Id(ClientId(9)))));
        let select = Change { database: Some(2), ..Change::default() };
        transaction.queue(Some(Effect::Change(Some(select.clone()), HelloOptions::default())));
        let refused = Change { database: Some(4), ..Change::default() };
        transaction.queue(Some(Effect::Change(Some(refused), HelloOptions::default())));
        let frame = b"*4\r\n:1\r\n:55\r\n+OK\r\n-ERR out of range\r\n";
        let mut out = BytesMut::new();
        let executed = transaction.execute(frame, executor(Protocol::Resp2), &mut out);
        assert_eq!(&out[..], b"*4\r\n:1\r\n:9\r\n+OK\r\n-ERR out of range\r\n");
        assert_eq!(executed.changes, [select]);
    }

    #[test]
    fn an_aborted_transaction_changes_nothing() {
        for frame in [&b"*-1\r\n"[..], b"_\r\n", b"-EXECABORT no\r\n"] {
            let mut transaction = Transaction::default();
            transaction.queue(Some(Effect::Lasting));
            let mut out = BytesMut::new();
            let executed = transaction.execute(frame, executor(Protocol::Resp3), &mut out);
            assert_eq!(&out[..], frame);
            assert!(!executed.lasting);
        }
    }

    #[test]
    fn subscriptions_are_confirmed_by_more_frames_than_the_array_counts() {
        let subscribe = Subscription { kind: Topic::Channel, begins: true };
        let mut transaction = Transaction::default();
        transaction.queue(Some(Effect::Subscription(subscribe, 2)));
        transaction.queue(Some(Effect::Substitute(Substitute::Id(ClientId(9)))));
        let confirmed = |topic: &str, count: u32| {
            format!("*3\r\n$9\r\nsubscribe\r\n$1\r\n{topic}\r\n:{count}\r\n")
        };
        // The array holds both confirmations; the id comes behind it.
        let array = format!("*2\r\n{}{}", confirmed("a", 1), confirmed("b", 2));
        let none = Subscriptions::default();
        assert!(
            !transaction.collect(array.as_bytes(), none.clone()) && transaction.is_collecting()
        );
        assert!(transaction.collect(b":55\r\n", none) && !transaction.is_collecting());
        let whole = transaction.take_frames(b":55\r\n");
        let mut out = BytesMut::new();
        let executed = transaction.execute(&whole, executor(Protocol::Resp2), &mut out);
        assert_eq!(String::from_utf8(out.to_vec()).unwrap(), format!("{array}:9\r\n"));
        assert_eq!(executed.subscriptions.counts(), [2, 0, 0]);
    }

    #[test]
    fn a_refused_subscription_is_one_frame() {
        let subscribe = Subscription { kind: Topic::Channel, begins: true };
        let mut transaction = Transaction::default();
        transaction.queue(Some(Effect::Subscription(subscribe, 2)));
        assert!(transaction.collect(b"*1\r\n-NOPERM no\r\n", Subscriptions::default()));
    }
}
