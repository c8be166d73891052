//! Requests that have no reply: what the client is told, and what must not run any more.

use bytes::Bytes;

use super::super::{
    client::Client,
    ports::Ports,
    refusal,
    replies::{Meaning, meaning::Ours},
    state::{leaving::End, mode::Mode},
};
use crate::{
    state::{
        ids::{ClientId, Place},
        traces::Traces,
    },
    upstream::link::receiver::Failure,
};

impl Client {
    /// `count` requests from `place` on have no reply and will get none.
    pub fn failed(&mut self, place: Place, count: u32, failure: &Failure, ports: &mut impl Ports) {
        let in_part = self.replies.is_in_part();
        if in_part {
            // Half a reply is with the client: nothing that follows could be understood.
            self.leaving.end(End::Now);
        }
        if !self.leaving.tells_failures() {
            // It leaves with its connection: what stands behind this has no place without it.
            return;
        }
        let error = if in_part { Bytes::new() } else { refusal::failed(failure) };
        // Of a reply that was held until its turn nothing has been shown.
        self.replies.forget_half(place);
        match self.replies.take(place) {
            None => self.replies.fail_run(place, count, &error),
            Some(meaning) => self.fail(place, meaning, &error, ports),
        }
    }

    fn fail(&mut self, place: Place, meaning: Meaning, error: &[u8], ports: &mut impl Ports) {
        let commands = meaning.commands();
        if self.replies.is_silent(place) && !matches!(meaning, Meaning::Ours(_)) {
            // The client cannot be told that it is lost.
            self.leaving.end(End::Politely);
        }
        match meaning {
            Meaning::Call(_) | Meaning::Single(_) | Meaning::Again(_) => self.called(commands),
            // The server's word is missing: nothing that follows may run in another state than the client believes.
            Meaning::Change(..)
            | Meaning::Lasting
            | Meaning::Unknown(_)
            | Meaning::Switched(..)
            | Meaning::Quiet(_)
            | Meaning::ExecutedForm(_)
            | Meaning::Monitoring => self.leaving.end(End::Politely),
            Meaning::Begun => {
                self.mode = Mode::Lost;
            }
            Meaning::Watched(_) => self.mark(Traces::WATCHING),
            Meaning::Executing | Meaning::Discarded => drop(self.end_transaction()),
            Meaning::Aborting => {
                self.end_transaction();
                return self.fill_frame(place, refusal::DISCARDED);
            }
            Meaning::Tracking(tracking, None) => {
                self.leaving.end(End::Politely);
                if let Some((id, _)) = tracking.redirect {
                    ports.release_target(ClientId(id));
                }
            }
            Meaning::Ours(ours) => {
                match ours {
                    Ours::Admission(_) | Ours::Mark => {
                        self.course.answer = Some(Box::new(Bytes::copy_from_slice(error)));
                    }
                    Ours::Hello(_) => {
                        self.replies.answer(|out| out.extend_from_slice(error));
                        self.leaving.end(End::Politely);
                    }
                    // The connection has changed already.
                    Ours::Placed => self.leaving.end(End::Politely),
                    Ours::Command(_) | Ours::Expulsion => {}
                }
            }
            _ => {}
        }
        let each = error.repeat(commands as usize);
        self.fill_frame(place, &each);
    }
}
