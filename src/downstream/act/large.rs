//! Requests too large to be held: they are passed on as they arrive.

use bytes::{Buf, Bytes, BytesMut};

use super::footing::Stop;
use crate::{
    command::{Route, route},
    downstream::{
        client::Client,
        decide::{Action, decide},
        ports::{Ports, To},
        refusal,
        replies::Meaning,
        state::{course::Stall, large::Large, leaving::End, mode::Mode},
    },
};

/// The largest request that is held whole because its arguments have to be looked at.
const LARGEST_HELD: usize = 16 << 20;

impl Client {
    /// Whether the client is to be read from beyond what is usually held.
    pub fn reads_on(&self) -> bool {
        !matches!(self.large, Large::None) && self.course.stall.is_none()
    }

    /// Handles the large request that begins at the front of the input.
    pub(super) fn begin_large(
        &mut self,
        input: &mut BytesMut,
        ports: &mut impl Ports,
    ) -> Result<(), Option<Stall>> {
        let scanner = self.scanner.get_or_insert_default();
        let begun = scanner.begun(input);
        let route = begun.map_or(Route::Unknown, |request| route(&request));
        let kind = self.kind();
        match decide(kind, route) {
            Action::Lost(_) => self.swallow(Bytes::from_static(refusal::TRANSACTION_LOST)),
            Action::Forward | Action::Aside(_) | Action::Queue | Action::Catalog
                if passes(route) && !self.rules.spreads =>
            {
                match self.pass_large(route, ports) {
                    Ok(()) => {}
                    Err(Stop::Wait(stall)) => return Err(Some(stall)),
                    Err(Stop::Refused(error)) => {
                        let answer = self.refusal(&error);
                        self.swallow(answer.unwrap_or_default());
                    }
                }
            }
            _ if input.len() < LARGEST_HELD => {
                self.large = Large::Held;
                return Err(None);
            }
            _ => {
                let text = format!("ERR request is larger than {LARGEST_HELD} bytes");
                self.swallow(refusal::error(&text));
            }
        }
        Ok(())
    }

    fn swallow(&mut self, answer: Bytes) {
        self.large = Large::Swallowing(Box::new(answer));
    }

    fn pass_large(&mut self, route: Route, ports: &mut impl Ports) -> Result<(), Stop> {
        if self.course.calls > 0 {
            return Err(Stop::Wait(Stall::Calls));
        }
        self.own_link_in_database(ports)?;
        match self.mode {
            Mode::Tunnel(_) => {}
            Mode::Transaction(_) => {
                let place = self.place(Meaning::Queued(None));
                ports.expect(place, false);
            }
            Mode::Plain | Mode::Lost => match route {
                Route::Blocking => {
                    let place = self.place(Meaning::Waited);
                    self.course.waits = Some(place);
                    ports.expect(place, false);
                }
                Route::Lasting | Route::Unknown => {
                    let place = self.place(Meaning::Lasting);
                    ports.expect(place, false);
                }
                _ if self.is_quiet() => {
                    let place = self.place(Meaning::Waited);
                    ports.expect(place, false);
                }
                _ => {
                    let place = self.replies.run(1);
                    ports.expect(place, true);
                }
            },
        }
        self.large = Large::Passing;
        Ok(())
    }

    /// Goes on with a request that has begun.
    pub(super) fn go_on_with_large(
        &mut self,
        input: &mut BytesMut,
        ports: &mut impl Ports,
    ) -> Result<(), Option<Stall>> {
        let passing = matches!(self.large, Large::Passing);
        if passing && ports.standing(To::Own).is_none() {
            // The request has its answer. What is left of it is of no use.
            self.swallow(Bytes::new());
            return Ok(());
        }
        if passing && ports.is_congested(To::Own) {
            return Err(Some(Stall::Relief(To::Own)));
        }
        let (len, ended) = match self.scanner.get_or_insert_default().stream(input) {
            Ok(step) => step,
            Err(error) => {
                if passing {
                    // Half a request is with the server: it will never see the rest.
                    self.drop_own(ports);
                }
                self.replies.push(|out| error.encode(out));
                self.leaving.end(End::AfterError);
                return Ok(());
            }
        };
        if passing {
            ports.raw(&input[..len]);
        }
        input.advance(len);
        if ended {
            self.me.totals.commands += 1;
            if let Large::Swallowing(answer) = std::mem::take(&mut self.large)
                && !answer.is_empty()
            {
                self.answer_frame(&answer);
            }
            self.end_skip();
            return Ok(());
        }
        if len == 0 { Err(None) } else { Ok(()) }
    }
}

/// Whether a request on this way is passed on without having been read to its end.
fn passes(route: Route) -> bool {
    matches!(
        route,
        Route::Shared
            | Route::Catalog
            | Route::Blocking
            | Route::Unknown
            | Route::Aside
            | Route::Lasting
    )
}
