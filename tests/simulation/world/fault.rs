//! What goes wrong between sessiond and the server.

use super::World;

/// How long a fault may show after it is over, in milliseconds.
const AFTERMATH: u64 = 3000;

impl World {
    /// A connection breaks or falls silent, or new ones cannot be made, or only slowly; gives whether anything has come of it.
    pub(super) fn something_breaks(&mut self) -> bool {
        let kind = self.random.below(11);
        let time = self.random.below(if kind == 7 { 400 } else { 3000 }) as u64;
        let arrives = self.random.one_in(2);
        let link = self.some_link();
        let mut network = self.network.borrow_mut();
        let now = network.now;
        let (what, whose) = match (kind, link) {
            (0..4, Some(at)) => {
                let number = network.links[at].number;
                network.cut(at, arrives);
                (if arrives { "breaks after it has written:" } else { "breaks:" }, number)
            }
            (4 | 5, Some(at)) => {
                let wire = &mut network.links[at];
                wire.silent_until = now + time;
                ("falls silent:", wire.number)
            }
            (6, _) => {
                network.refuses_until = now + time;
                ("connections are refused", 0)
            }
            (7, _) => {
                network.delay = time;
                ("connections take long", 0)
            }
            (8, _) => {
                network.fall_silent(now + 2 * time);
                ("the server falls silent", 0)
            }
            (9 | 10, Some(at)) => {
                let number = network.links[at].number;
                network.kill(at);
                ("the server closes", number)
            }
            _ => return false,
        };
        drop(network);
        self.troubled_until = self.troubled_until.max(now + 2 * time + AFTERMATH);
        self.actors.iter_mut().for_each(|actor| actor.touched = true);
        self.note(what, whose as u64, time as usize);
        true
    }
}
