//! A client's actions, carried out on its connections.

use std::{rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::task::spawn_local;

use super::{
    context::Context,
    links::Links,
    ports::{Asked, Ports, To},
    registry::question::Question,
    seat::{Granted, Seat},
};
use crate::{
    resp::RequestScanner,
    state::{
        ids::{ClientId, Place, ServerId},
        key::LaneKey,
        label::Label,
        traces::Clean,
    },
    upstream::{
        conduit::Conduit,
        connect::DialError,
        fabric::{Entered, Fabric},
        link::{Link, Standing},
    },
};

/// A client's actions.
pub(super) struct Actions<'a> {
    seat: &'a Rc<Seat>,
    context: &'a Rc<Context>,
    links: &'a mut Links,
}

impl<'a> Actions<'a> {
    pub(super) fn new(seat: &'a Rc<Seat>, context: &'a Rc<Context>, links: &'a mut Links) -> Self {
        Self { seat, context, links }
    }

    fn open(&self, to: To) -> Option<&Conduit<Seat>> {
        self.links.conduit(to).filter(|conduit| conduit.is_open())
    }

    fn open_lane(&self) -> Option<&Rc<Link<Seat>>> {
        self.open(To::Lane)?.link()
    }

    /// The lane for clients in the state of `key`. Where it is not there at once, `tell` is called when that is known.
    fn lane(
        &self,
        key: &Rc<LaneKey>,
        login: Option<&[u8]>,
        tell: impl FnOnce(&Rc<Seat>, &LaneKey, Result<Entered<Seat>, DialError>) + 'static,
    ) -> Result<Conduit<Seat>, Asked> {
        if let Some(lane) = self.links.joined.upgrade().map(Conduit::Link)
            && self.context.fabric.takes_back(&lane, key)
        {
            return Ok(lane);
        }
        match self.context.fabric.shared_at_once(key) {
            Some(found) => found.map_err(Asked::Refused),
            None => {
                let (context, key, seat) =
                    (self.context.clone(), key.clone(), Rc::downgrade(self.seat));
                let login = login.map(Bytes::copy_from_slice);
                spawn_local(async move {
                    let lane = context.fabric.shared(&key, login.as_deref()).await;
                    if let Some(seat) = seat.upgrade() {
                        tell(&seat, &key, lane);
                    }
                });
                Err(Asked::Later)
            }
        }
    }
}

impl Ports for Actions<'_> {
    fn standing(&self, to: To) -> Option<Standing> {
        self.open(to).map(|link| link.standing())
    }

    fn is_congested(&self, to: To) -> bool {
        self.links.conduit(to).is_some_and(|link| link.is_congested())
    }

    fn run(&mut self, to: To, place: Place, requests: &[u8], count: u32) {
        let sent = self
            .links
            .conduit(to)
            .is_some_and(|link| link.send_run(self.seat, place, requests, count));
        self.links.note(sent, place, count);
    }

    fn goes_past(&mut self) -> bool {
        let (Fabric::Server(hub), Some(lane)) = (&self.context.fabric, self.open_lane()) else {
            return false;
        };
        hub.prepare_bypass(lane);
        !lane.is_idle() && lane.bypass().is_some()
    }

    fn past(&mut self, place: Place, request: &[u8]) {
        let bypass = self.open_lane().and_then(|lane| lane.bypass());
        let write = |out: &mut BytesMut| out.extend_from_slice(request);
        let sent = bypass.is_some_and(|bypass| bypass.send(self.seat, place, b"", write));
        self.links.note(sent, place, 1);
    }

    fn send(&mut self, to: To, place: Place, kept: &[u8], write: &mut dyn FnMut(&mut BytesMut)) {
        let sent =
            self.links.conduit(to).is_some_and(|link| link.send(self.seat, place, kept, write));
        self.links.note(sent, place, 1);
    }

    fn login(&mut self, to: To, place: Place, request: &[u8]) {
        let sent =
            self.links.conduit(to).is_some_and(|link| link.send_login(self.seat, place, request));
        self.links.note(sent, place, 1);
    }

    fn expect(&mut self, place: Place, as_run: bool) {
        let sent = self.links.own.as_ref().is_some_and(|own| match as_run {
            true => own.send_run(self.seat, place, b"", 1),
            false => own.expect(self.seat, place),
        });
        self.links.note(sent, place, 1);
    }

    fn unheard(&mut self, to: To, request: &[u8]) {
        if let Some(link) = self.links.conduit(to) {
            link.send_unheard(request);
        }
    }

    fn raw(&mut self, bytes: &[u8]) {
        if let Some(own) = &self.links.own {
            own.send_raw(bytes);
        }
    }

    fn enter(&mut self, key: &Rc<LaneKey>, login: Option<&[u8]>) -> Asked {
        let found = self.lane(key, login, |seat, _, lane| seat.granted(lane.map(Granted::Lane)));
        match found {
            Ok(conduit) => {
                self.links.enter(self.seat, conduit);
                Asked::Ready
            }
            Err(asked) => asked,
        }
    }

    fn go_back(&mut self) -> bool {
        self.links.lane = self.links.previous.take();
        self.open(To::Lane).is_some()
    }

    fn is_lane_of(&self, key: &LaneKey) -> bool {
        self.open(To::Lane).is_some_and(|link| *link.key() == *key)
    }

    fn pin(&mut self, key: &Rc<LaneKey>, unauthenticated: bool) -> Asked {
        match self.context.fabric.own_at_once(key, unauthenticated) {
            Some(Ok(own)) => {
                self.links.take(self.seat, own);
                Asked::Ready
            }
            Some(Err(error)) => Asked::Refused(error),
            None => {
                let (context, key, seat) =
                    (self.context.clone(), key.clone(), Rc::downgrade(self.seat));
                spawn_local(async move {
                    let own = context.fabric.own(&key, unauthenticated).await;
                    match (own, seat.upgrade()) {
                        (own, Some(seat)) => seat.granted(own.map(Granted::Own)),
                        (Ok(own), None) => own.give_back_unused(),
                        (Err(_), None) => {}
                    }
                });
                Asked::Later
            }
        }
    }

    fn prove(&mut self, key: &Rc<LaneKey>) -> Asked {
        let found = self.lane(key, None, |seat, key, lane| seat.proved(key, lane.is_ok()));
        found.map_or_else(|asked| asked, |_| Asked::Ready)
    }

    fn id(&self, to: To) -> ServerId {
        self.links.conduit(to).map(|link| link.id()).unwrap_or_default()
    }

    fn own_label(&self) -> Rc<Label> {
        self.links.own.as_ref().map(|own| own.label()).unwrap_or_default()
    }

    fn own_changed(&mut self, key: Option<&Rc<LaneKey>>, label: Option<&Rc<Label>>) {
        if let Some(own) = &self.links.own {
            if let Some(key) = key {
                own.set_key(key.clone());
                if !key.identity.is_proven() {
                    // It has become anew what it may have been before.
                    self.links.joined = std::rc::Weak::new();
                }
            }
            if let Some(label) = label {
                own.set_label(label.clone());
            }
        }
    }

    fn send_left(&mut self) {
        let Some(left) = self.links.take_left() else { return };
        let refused = match &self.links.own {
            Some(own) => own.inherit(left),
            None => Err(left),
        };
        if let Err(left) = refused {
            self.links.seldom().unsent.extend(left.places());
        }
    }

    fn leave_lane(&mut self) {
        self.links.leave_lane();
    }

    fn give_back(&mut self, clean: Clean) {
        if let Some(own) = self.links.own.take() {
            own.give_back(clean);
        }
    }

    fn drop_own(&mut self) {
        self.links.own = None;
    }

    fn finish(&mut self) {
        if let Some(own) = &self.links.own {
            own.finish();
        }
    }

    fn tunnel(&mut self, open: bool) {
        if let Some(own) = &self.links.own {
            own.set_tunnel(open);
        }
    }

    fn admitted(&mut self, to: To, admitted: bool) {
        if let Some(link) = self.links.conduit(to) {
            link.admitted(admitted);
        }
    }

    fn void_proofs(&mut self) {
        self.context.proofs.void();
    }

    fn knows(&self, to: To, script: usize) -> bool {
        self.links.conduit(to).is_some_and(|link| link.knows(script))
    }

    fn learn(&mut self, to: To, script: usize, known: bool) {
        if let Some(link) = self.links.conduit(to) {
            link.learn(script, known);
        }
    }

    fn repeat(&mut self, to: To, place: Place, write: &mut dyn FnMut(&mut BytesMut)) {
        let sent = self.links.conduit(to).is_some_and(|link| link.repeat(self.seat, place, write));
        self.links.note(sent, place, 1);
    }

    fn may_share(&self, name: &[u8]) -> Option<bool> {
        self.context.commands.borrow().get(name)
    }

    fn note_command(&mut self, name: &[u8], may_share: bool) {
        self.context.commands.borrow_mut().insert(name, may_share);
    }

    fn forget_commands(&mut self) {
        self.context.commands.borrow_mut().clear();
    }

    fn ask(&mut self, place: Place, questions: Vec<Question>) {
        let (context, id, seat) = (self.context.clone(), self.seat.id(), Rc::downgrade(self.seat));
        spawn_local(async move {
            let mut told = Vec::with_capacity(questions.len());
            for question in questions {
                told.push(context.roster.tell(question, id).await);
            }
            if let Some(seat) = seat.upgrade() {
                seat.answered(place, told);
            }
        });
    }

    fn release_target(&mut self, id: ClientId) {
        self.context.roster.release(id);
    }

    fn tell_keepers(&mut self, own: Option<ServerId>) {
        if let Some(seldom) = &mut self.links.seldom {
            seldom.waiting.answer(own);
        }
    }

    fn pause_writes(&mut self, time: Option<Duration>) {
        self.context.pause.set(time);
    }

    fn writes_are_paused(&self) -> bool {
        self.context.pause.is_on()
    }

    fn served(&mut self, database: u32) {
        self.context.served.insert(database);
    }

    fn alarm(&mut self, time: Duration) {
        self.links.seldom().alarm = Some(time);
    }

    fn scanner(&mut self) -> Box<RequestScanner> {
        self.context.spares.take_scanner()
    }

    fn give_scanner(&mut self, scanner: Box<RequestScanner>) {
        self.context.spares.give_scanner(scanner);
    }

    fn spare(&mut self) -> BytesMut {
        self.context.spares.take()
    }

    fn give_spare(&mut self, buffer: BytesMut) {
        self.context.spares.give_back(buffer);
    }
}
