//! What one worker answers to the questions of all.

use std::rc::Rc;

use super::{
    context::Context,
    registry::roster::{Ask, Counts},
    seat::Seat,
};
use crate::{
    command::client::{
        filter::Filter,
        profile::{Flags, Profile},
    },
    state::ids::ClientId,
};

impl Context {
    /// Answers a question about this worker's clients. An asker that has left needs no answer.
    pub fn answer(&self, ask: Ask) {
        match ask {
            Ask::Profiles(filter, answer) => {
                let admitted = self.admitted(&filter).map(|(_, profile)| profile);
                let _ = answer.send(admitted.collect());
            }
            Ask::End(filter, asker, answer) => {
                let ended: Vec<_> = self.admitted(&filter).map(|(seat, _)| seat).collect();
                ended.iter().filter(|seat| seat.id() != asker).for_each(Seat::cut);
                let _ = answer.send(ended.iter().map(|seat| seat.id()).collect());
            }
            Ask::Pinned(id, answer) => {
                let _ = answer.send(self.seat(id).and_then(|seat| seat.tell_own()));
            }
            Ask::Keep(id, answer) => match self.seat(id) {
                Some(seat) => seat.keep(answer),
                None => drop(answer.send(None)),
            },
            Ask::Release(id) => {
                if let Some(seat) = self.seat(id) {
                    seat.unkeep();
                }
            }
            Ask::Count(answer) => {
                let _ = answer.send(self.counts());
            }
        }
    }

    fn seat(&self, id: ClientId) -> Option<Rc<Seat>> {
        self.clients.borrow().get(&id).cloned()
    }

    fn admitted<'a>(&self, filter: &'a Filter) -> impl Iterator<Item = (Rc<Seat>, Profile)> + 'a {
        self.seats()
            .into_iter()
            .filter(|seat| filter.may_admit(seat.id().0))
            .filter_map(|seat| seat.profile().map(|profile| (seat, profile)))
            .filter(|(_, profile)| filter.admits(profile))
    }

    fn counts(&self) -> Counts {
        let (lanes, idle) = self.fabric.counts();
        let mut counts = Counts { lanes, idle, ..Counts::default() };
        let paused = self.pause.is_on();
        for doing in self.clients.borrow().values().filter_map(|seat| seat.doing()) {
            counts.clients += 1;
            counts.pinned += usize::from(doing.is_pinned);
            let blocked = doing.flags.has(Flags::BLOCKED);
            counts.blocked += usize::from(blocked);
            counts.held_up += usize::from(paused && !blocked && doing.is_pinned && doing.awaits);
            counts.subscribers += usize::from(doing.flags.has(Flags::SUBSCRIBED));
            counts.tracking += usize::from(doing.flags.has(Flags::TRACKING));
            counts.watching += usize::from(doing.watches);
            counts.replicas += usize::from(doing.flags.has(Flags::REPLICA));
        }
        counts
    }
}
