//! Arrays that answer for the keys of one request become the array that answers for all.

use bytes::BytesMut;

use super::elements;
use crate::resp::encode;

/// For each part which of the request's keys its elements answer for, counted from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    parts: Vec<Vec<usize>>,
    keys: usize,
}

impl Places {
    /// With no part yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the next key of the request to the part at `part`; at most one behind those that there are.
    pub fn push(&mut self, part: usize) {
        if part == self.parts.len() {
            self.parts.push(Vec::new());
        }
        if let Some(keys) = self.parts.get_mut(part) {
            keys.push(self.keys);
            self.keys += 1;
        }
    }

    pub(super) fn join(&self, parts: &[&[u8]], out: &mut BytesMut) -> Option<()> {
        if parts.len() != self.parts.len() {
            return None;
        }
        let mut all: Vec<&[u8]> = vec![&[]; self.keys];
        for (part, keys) in parts.iter().zip(&self.parts) {
            let elements = elements(part).filter(|elements| elements.len() == keys.len())?;
            for (key, element) in keys.iter().zip(elements) {
                *all.get_mut(*key)? = element;
            }
        }
        encode::array_header(out, all.len());
        all.into_iter().for_each(|element| out.extend_from_slice(element));
        Some(())
    }
}
