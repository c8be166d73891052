//! From a script's reply to the command's reply.

use bytes::BytesMut;

use super::listing::Listing;
use super::view::{Form, View};
use crate::resp::{Protocol, encode, reply};

/// What to make of a script's reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adapt {
    /// It is the command's reply.
    Verbatim,
    /// It is a session.
    Session(Form),
    /// It is one session per command, of several commands that one call has carried out.
    Sessions(Forms),
    /// It is a listing in one piece.
    Listing(Form),
}

/// How the sessions of several commands are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forms {
    count: u8,
    /// A bit for each that is shown as JSON.
    json: u16,
}

impl Forms {
    /// The most that fit.
    pub(super) const MOST: u32 = u16::BITS;

    /// Adds the next one. There is room.
    pub(super) fn push(&mut self, form: Form) {
        debug_assert!(u32::from(self.count) < Self::MOST, "one bit for each");
        self.json |= u16::from(form == Form::Json) << self.count;
        self.count += 1;
    }

    /// How many there are.
    pub(super) fn count(self) -> u32 {
        u32::from(self.count)
    }

    /// Each in turn.
    pub(super) fn iter(self) -> impl Iterator<Item = Form> {
        (0..self.count).map(move |place| Form::json_if(self.json >> place & 1 == 1))
    }
}

impl Adapt {
    /// How many commands the reply answers.
    #[must_use]
    pub fn commands(self) -> u32 {
        match self {
            Adapt::Sessions(forms) => forms.count(),
            Adapt::Verbatim | Adapt::Session(_) | Adapt::Listing(_) => 1,
        }
    }

    /// Appends what becomes of `frame`, one complete reply of the server, in the protocol of the
    /// connection that it came from, which is the client's. Errors and nulls pass unchanged.
    pub fn apply(self, frame: &[u8], protocol: Protocol, out: &mut BytesMut) {
        let adapted = match self {
            Adapt::Verbatim => false,
            Adapt::Session(form) => write_session(form, frame, protocol, out),
            Adapt::Sessions(forms) => {
                if !write_sessions(forms, frame, protocol, out) {
                    // The call was refused as a whole: so is each command.
                    (1..forms.count()).for_each(|_| out.extend_from_slice(frame));
                    out.extend_from_slice(frame);
                }
                true
            }
            Adapt::Listing(form) => {
                let mut listing = Listing::new(form);
                let is_listing = listing.add(frame, protocol).is_some();
                if is_listing {
                    listing.write(out);
                }
                is_listing
            }
        };
        if !adapted {
            out.extend_from_slice(frame);
        }
    }
}

/// Whether the reply is a session; if so it is written.
fn write_session(form: Form, frame: &[u8], protocol: Protocol, out: &mut BytesMut) -> bool {
    let view = View::read(frame);
    if let Some(view) = &view {
        write_view(view, form, protocol, out);
    }
    view.is_some()
}

/// Whether the reply has one element for each command; if so all are written.
fn write_sessions(forms: Forms, frame: &[u8], protocol: Protocol, out: &mut BytesMut) -> bool {
    let Some(mut elements) = reply::elements(frame) else {
        return false;
    };
    if elements.remaining() != Some(u64::from(forms.count())) {
        return false;
    }
    for form in forms.iter() {
        if let Some((view, behind)) = View::read_front(elements.rest()) {
            write_view(&view, form, protocol, out);
            elements.skip_to(behind);
        } else if let Some(Ok(element)) = elements.next() {
            out.extend_from_slice(element);
        }
    }
    true
}

fn write_view(view: &View<'_>, form: Form, protocol: Protocol, out: &mut BytesMut) {
    match form {
        Form::Map => view.write_map(protocol, out),
        Form::Json => {
            let mut json = String::with_capacity(256);
            view.write_json(&mut json);
            encode::bulk(out, json);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session of a listing.
    fn item(token: &str, la: i64) -> String {
        format!(
            "*10\r\n$1\r\na\r\n$1\r\n1\r\n$2\r\n10\r\n:0\r\n$1\r\nx\r\n_\r\n_\r\n$1\r\n2\r\n\
             ${}\r\n{la}\r\n$1\r\n{token}\r\n",
            la.to_string().len()
        )
    }

    fn applied(adapt: Adapt, frame: &str, protocol: Protocol) -> String {
        let mut out = BytesMut::new();
        adapt.apply(frame.as_bytes(), protocol, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn errors_and_nulls_pass() {
        for form in [Form::Map, Form::Json] {
            for adapt in [Adapt::Verbatim, Adapt::Session(form), Adapt::Listing(form)] {
                for frame in ["-NOPERM no\r\n", "$-1\r\n", "_\r\n", "!5\r\nERR a\r\n"] {
                    assert_eq!(applied(adapt, frame, Protocol::Resp3), frame);
                }
            }
        }
    }

    #[test]
    fn sessions_of_several_commands() {
        let session =
            "*8\r\n$1\r\na\r\n$1\r\n1\r\n$2\r\n10\r\n:0\r\n$1\r\nx\r\n$-1\r\n$-1\r\n:2\r\n";
        let mut forms = Forms::default();
        [Form::Json, Form::Map, Form::Map, Form::Json]
            .into_iter()
            .for_each(|form| forms.push(form));
        assert_eq!(Adapt::Sessions(forms).commands(), 4);
        let frame = format!("*4\r\n{session}$-1\r\n{session}-ERR a\r\n");
        let [json, map] = [Form::Json, Form::Map]
            .map(|form| applied(Adapt::Session(form), session, Protocol::Resp2));
        assert_eq!(
            applied(Adapt::Sessions(forms), &frame, Protocol::Resp2),
            format!("{json}$-1\r\n{map}-ERR a\r\n")
        );
        for refused in ["-OOM no\r\n", "*0\r\n"] {
            let all = applied(Adapt::Sessions(forms), refused, Protocol::Resp2);
            assert_eq!(all, refused.repeat(4));
        }
    }

    #[test]
    fn listings_are_sorted_and_show_no_tokens() {
        let page =
            format!("*5\r\n*0\r\n{}{}{}{}", item("b", 5), item("c", 7), item("d", 5), item("b", 5));
        let shown = applied(Adapt::Listing(Form::Json), &page, Protocol::Resp3);
        let one = r#"{"id":"a","r":2,"w":1,"ttl":10,"idle":0,"ip":"x"}"#;
        let all = format!("[{one},{one},{one}]");
        assert_eq!(shown, format!("${}\r\n{all}\r\n", all.len()));
        let shown = applied(Adapt::Listing(Form::Map), &page, Protocol::Resp3);
        assert!(shown.starts_with("*3\r\n%6\r\n$2\r\nid\r\n"), "{shown}");
        let shown = applied(Adapt::Listing(Form::Map), "*1\r\n*0\r\n", Protocol::Resp2);
        assert_eq!(shown, "*0\r\n");
        let shown = applied(Adapt::Listing(Form::Json), "*1\r\n*0\r\n", Protocol::Resp2);
        assert_eq!(shown, "$2\r\n[]\r\n");
    }
}
