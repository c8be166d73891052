//! Listings of sessions: gathering them from pages, in order, each once.

use std::cmp::Reverse;
use std::collections::HashMap;

use bytes::{Bytes, BytesMut};

use super::view::{Form, View};
use crate::resp::{Protocol, encode, reply};

/// The sessions gathered so far, as they will be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    form: Form,
    items: Vec<Item>,
    /// Where each token's session is: pages can show a session twice.
    places: HashMap<Bytes, usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    la: i64,
    shown: Bytes,
}

impl Listing {
    /// An empty listing.
    pub(super) fn new(form: Form) -> Self {
        Self { form, items: Vec::new(), places: HashMap::new() }
    }

    /// How its sessions are shown.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    /// Adds the sessions of a page, and gives what the page says of itself ahead of them. `None`
    /// for a reply that is no page.
    pub(super) fn add<'a>(&mut self, page: &'a [u8], protocol: Protocol) -> Option<Vec<&'a [u8]>> {
        let mut elements = reply::elements(page)?;
        let place = reply::elements(elements.next()?.ok()?)?;
        let place = place.map(|element| reply::as_bulk(element.ok()?)).collect::<Option<_>>()?;
        for element in elements {
            let view = View::read(element.ok()?)?;
            let item = Item { la: view.la, shown: self.show(&view, protocol) };
            match self.places.get(view.token) {
                // The later reading is the fresher one.
                Some(&place) => self.items[place] = item,
                None => {
                    self.places.insert(Bytes::copy_from_slice(view.token), self.items.len());
                    self.items.push(item);
                }
            }
        }
        Some(place)
    }

    /// Appends the listing as a reply, the most recently active first.
    pub(super) fn write(&mut self, out: &mut BytesMut) {
        self.items.sort_by_key(|item| Reverse(item.la));
        let shown = self.items.iter().map(|item| &item.shown[..]);
        match self.form {
            Form::Map => {
                encode::array_header(out, self.items.len());
                shown.for_each(|item| out.extend_from_slice(item));
            }
            Form::Json => {
                let items: Vec<_> = shown.collect();
                let array = [b"[", &items.join(&b',')[..], b"]"].concat();
                encode::bulk(out, array);
            }
        }
    }

    fn show(&self, view: &View<'_>, protocol: Protocol) -> Bytes {
        match self.form {
            Form::Map => {
                let mut out = BytesMut::new();
                view.write_map(protocol, &mut out);
                out.freeze()
            }
            Form::Json => {
                let mut json = String::new();
                view.write_json(&mut json);
                Bytes::from(json)
            }
        }
    }
}
