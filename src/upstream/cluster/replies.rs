//! What the nodes answer: passed on to the client, joined, or sent on to another node.

use std::{rc::Rc, task::Waker};

use bytes::BytesMut;
use tokio::time::Instant;

use super::{
    job::{At, Expects, Goes, Job},
    joint::Joined,
    redirect::{self, Redirect},
    router::{AGAIN, Router},
};
use crate::{
    resp::{ReplyScanner, reply},
    state::{ids::Place, slot::Slot},
    upstream::link::{
        Link, Unsent,
        receiver::{Failure, Receiver, Verdict},
    },
};

/// How often in a row a request is sent on at once.
const MOST_HOPS: u8 = 5;

/// Replies in a row that pass as they are.
#[derive(Default)]
struct Run {
    first: Place,
    /// Where they are in what has come.
    start: usize,
    end: usize,
    count: u32,
}

impl<R: Receiver> Router<R> {
    /// One reply of a node.
    pub(super) fn handle(self: &Rc<Self>, number: Place, frame: &[u8]) {
        let taken = self.inner.borrow_mut().jobs.take(number);
        let Some(job) = taken else { return };
        self.decided(number, job.node());
        if let At::Inquiry(_) = job.at {
            return self.found_keys(number, job, frame);
        }
        if frame.first() == Some(&b'-') {
            if let Some(job) = self.follow(number, job, frame) {
                self.deliver(job.place, frame, job.expects);
            }
        } else {
            self.deliver(job.place, frame, job.expects);
        }
    }

    /// Sends a request on where a node has said that it has not run it; else it is given back.
    fn follow(self: &Rc<Self>, number: Place, mut job: Job, frame: &[u8]) -> Option<Job> {
        let Some(redirect) = redirect::read(frame) else { return Some(job) };
        let At::Node(id, _) = job.at else { return Some(job) };
        // Whoever the connection is not for cannot say more.
        let now = Instant::now();
        let since = *job.since.get_or_insert(now);
        if now.duration_since(since) >= self.fleet.hold() {
            return Some(job);
        }
        job.asks = None;
        job.again = Some(now + AGAIN);
        let named =
            |target| self.fleet.node(id).map(|node| self.fleet.resolve(target, &node.address));
        match redirect {
            Redirect::Moved(slot, target) => {
                if let Some(address) = named(target) {
                    self.fleet.learn(slot, &address);
                    job.again = None;
                }
            }
            Redirect::Ask(target) => {
                job.asks = named(target);
                job.again = None;
            }
            Redirect::Later => {}
            Redirect::Replica => self.fleet.doubt(),
        }
        job.hops += 1;
        if job.hops > MOST_HOPS {
            job.hops = 0;
            job.again = Some(now + AGAIN);
        }
        self.hold(number, job);
        None
    }

    /// A node has said where the keys of a request are.
    fn found_keys(self: &Rc<Self>, number: Place, mut job: Job, frame: &[u8]) {
        let first = reply::elements(frame).and_then(|mut keys| keys.next()?.ok());
        // Without keys it is for any node to refuse.
        job.goes = match first.and_then(reply::as_bulk) {
            Some(key) => Goes::Slot(Slot::of(key)),
            None => Goes::Any,
        };
        self.hold(number, job);
    }

    /// Hands a reply to whoever waits for it.
    pub(super) fn deliver(self: &Rc<Self>, place: Place, frame: &[u8], expects: Expects) {
        let client = self.client.borrow().upgrade();
        match expects {
            Expects::Run => {
                if let Some(client) = client {
                    R::replies(&client, place, frame, 1);
                }
            }
            Expects::One(kept) => {
                if let Some(client) = client {
                    R::reply(&client, None, place, frame, &kept);
                }
            }
            Expects::Part(joint, part) => {
                let joined = joint.fill(part, frame);
                self.deliver_joined(joint.place, joined);
            }
            Expects::Leg(leg, expects) => {
                let mut out = BytesMut::new();
                leg.reply(frame, &mut out);
                self.deliver(place, &out, *expects);
            }
            Expects::Noted(note, expects) => {
                let shown = self.noted(note, frame).unwrap_or(frame);
                self.deliver(place, shown, *expects);
            }
        }
    }

    fn deliver_joined(self: &Rc<Self>, place: Place, joined: Option<Joined>) {
        match joined {
            None => {}
            Some(Joined::Frame(frame, expects)) => self.deliver(place, &frame, expects),
            Some(Joined::Failed(failure)) => self.deliver_failure(place, &failure),
        }
    }

    /// A request has no reply and will get none.
    pub(super) fn fail(self: &Rc<Self>, number: Place, job: Job, failure: &Failure) {
        self.decided(number, None);
        match job.expects {
            Expects::Part(joint, _) => {
                let joined = joint.fail(failure);
                self.deliver_joined(joint.place, joined);
            }
            _ => self.deliver_failure(job.place, failure),
        }
    }

    fn deliver_failure(&self, place: Place, failure: &Failure) {
        if let Some(client) = self.client.borrow().upgrade() {
            R::failed(&client, place, 1, failure);
        }
    }

    /// The place that the client knows a request by.
    fn of_client(&self, number: Option<Place>) -> Option<Place> {
        self.inner.borrow().jobs.get(number?).map(|job| job.place)
    }

    fn flush_run(&self, run: &mut Run, frames: &[u8]) {
        let Run { first, start, end, count } = std::mem::take(run);
        if count > 0
            && let Some(client) = self.client.borrow().upgrade()
        {
            R::replies(&client, first, &frames[start..end], count);
        }
    }

    /// What is to be done when some replies have been dealt with.
    fn go_on(self: &Rc<Self>) {
        let mut inner = self.inner.borrow_mut();
        inner.jobs.forget();
        let waits = !inner.held.is_empty();
        drop(inner);
        if waits && self.pump() {
            self.fleet.wait_with(self);
        }
    }
}

impl<R: Receiver> Receiver for Router<R> {
    fn replies(this: &Rc<Self>, place: Place, frames: &[u8], count: u32) {
        let mut scanner = ReplyScanner::new();
        let (mut at, mut run) = (0, Run::default());
        for index in 0..count {
            let len = match count {
                1 => frames.len(),
                // They have been found to be whole.
                _ => scanner.scan(&frames[at..]).ok().flatten().unwrap_or_default(),
            };
            let (number, frame) = (place.plus(index), &frames[at..at + len]);
            let passes = frame.first() != Some(&b'-') && this.private.is_none();
            let job = match passes {
                true => this.inner.borrow_mut().jobs.take(number),
                false => None,
            };
            match job {
                Some(Job { place, expects: Expects::Run, .. })
                    if run.count > 0 && run.first.plus(run.count) == place && run.end == at =>
                {
                    run.end += len;
                    run.count += 1;
                }
                Some(Job { place, expects: Expects::Run, .. }) => {
                    this.flush_run(&mut run, frames);
                    run = Run { first: place, start: at, end: at + len, count: 1 };
                }
                Some(job) => {
                    this.flush_run(&mut run, frames);
                    this.deliver(job.place, frame, job.expects);
                }
                None => {
                    this.flush_run(&mut run, frames);
                    this.handle(number, frame);
                }
            }
            at += len;
        }
        this.flush_run(&mut run, frames);
        this.go_on();
    }

    fn reply(this: &Rc<Self>, _: Option<&Rc<Link<Self>>>, place: Place, frame: &[u8], _: &[u8]) {
        this.handle(place, frame);
        this.go_on();
    }

    fn takes_parts(this: &Rc<Self>, place: Place) -> bool {
        let inner = this.inner.borrow();
        let Some(job) = inner.jobs.get(place) else { return true };
        let place = match &job.expects {
            Expects::Run | Expects::One(_) => job.place,
            _ => return false,
        };
        drop(inner);
        this.client.borrow().upgrade().is_none_or(|client| R::takes_parts(&client, place))
    }

    fn part(this: &Rc<Self>, place: Place, bytes: &[u8], ended: bool) {
        let mut inner = this.inner.borrow_mut();
        let of_client = inner.jobs.get(place).map(|job| job.place);
        if ended {
            inner.jobs.take(place);
        }
        drop(inner);
        let client = this.client.borrow().upgrade();
        if let (Some(client), Some(place)) = (client, of_client) {
            R::part(&client, place, bytes, ended);
        }
        if ended {
            this.go_on();
        }
    }

    fn partable(this: &Rc<Self>, front: Option<Place>, beginning: &[u8]) -> Option<bool> {
        let client = this.client.borrow().upgrade();
        match client {
            Some(client) => {
                R::partable(&client, this.of_client(front), beginning).filter(|answers| {
                    !answers || front.is_none_or(|front| Self::takes_parts(this, front))
                })
            }
            None => Some(front.is_some()),
        }
    }

    fn judge(this: &Rc<Self>, front: Option<Place>, frame: &[u8]) -> Verdict {
        let client = this.client.borrow().upgrade();
        match client {
            Some(client) => R::judge(&client, this.of_client(front), frame),
            None if front.is_some() => Verdict::Answers,
            None => Verdict::Unasked,
        }
    }

    fn interrupts(this: &Rc<Self>, frame: &[u8]) -> bool {
        let client = this.client.borrow().upgrade();
        client.is_some_and(|client| R::interrupts(&client, frame))
    }

    fn unasked(this: &Rc<Self>, bytes: &[u8], complete: bool) {
        let client = this.client.borrow().upgrade();
        if let Some(client) = client {
            R::unasked(&client, bytes, complete);
        }
    }

    fn failed(this: &Rc<Self>, place: Place, count: u32, failure: &Failure) {
        for index in 0..count {
            let number = place.plus(index);
            let taken = this.inner.borrow_mut().jobs.take(number);
            let Some(job) = taken else { continue };
            // An inquiry is not the request itself.
            let is_unsent =
                matches!(failure, Failure::Unsent(_)) || matches!(job.at, At::Inquiry(_));
            match is_unsent {
                true => this.hold(number, job),
                false => this.fail(number, job, failure),
            }
        }
        this.fleet.doubt();
        this.inner.borrow_mut().jobs.forget();
        // The link is in the middle of its end.
        this.fleet.wait_with(this);
    }

    fn takes_back(_: &Rc<Self>) -> bool {
        false
    }

    fn unsent(_: &Rc<Self>, unsent: Unsent<Self>) {
        unsent.fail("the connection has closed");
    }

    fn closed(this: &Rc<Self>, link: Option<&Rc<Link<Self>>>) {
        let node = link.and_then(|link| this.inner.borrow().roads.leads(link));
        if node.is_some_and(|node| this.would_miss(node)) {
            this.open.set(false);
            let client = this.client.borrow().upgrade();
            if let Some(client) = client {
                R::closed(&client, None);
            }
        }
    }

    fn touch(&self) -> bool {
        self.client.borrow().upgrade().is_some_and(|client| client.touch())
    }

    fn flush(&self) -> usize {
        self.client.borrow().upgrade().map_or(0, |client| client.flush())
    }

    fn backlog(&self) -> usize {
        self.client.borrow().upgrade().map_or(0, |client| client.backlog())
    }

    fn on_drain(&self, waker: &Waker) {
        if let Some(client) = self.client.borrow().upgrade() {
            client.on_drain(waker);
        }
    }
}
