//! Which primary of a cluster has which slot.

use std::collections::HashMap;

use crate::{state::slot::Slot, upstream::address::Address};

/// The owner of a slot that nobody has. There are never so many primaries: each has a slot of its own.
const NOBODY: u16 = u16::MAX;

/// What is known of a cluster at a time: its primaries, and which slots they have. It never changes; there are others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    primaries: Vec<Address>,
    /// For each slot the index of its owner among the primaries, or [`NOBODY`].
    owners: Box<[u16]>,
}

impl Map {
    /// A map in which `first` to `last` of each range belong to the address. Of two that name the same slot the later one
    /// counts.
    pub fn new(ranges: impl IntoIterator<Item = (Slot, Slot, Address)>) -> Self {
        let ranges: Vec<_> = ranges.into_iter().collect();
        let mut named = vec![None; usize::from(Slot::COUNT)];
        for (range, (first, last, _)) in ranges.iter().enumerate() {
            if let Some(slots) = named.get_mut(first.index()..=last.index()) {
                slots.fill(Some(range));
            }
        }
        Self::of(|slot| named[slot.index()].map(|range: usize| &ranges[range].2))
    }

    /// A map in which each slot has the owner that `owner` says.
    pub(super) fn of<'a>(owner: impl Fn(Slot) -> Option<&'a Address>) -> Self {
        let mut map = Self::default();
        let mut indices: HashMap<&Address, u16> = HashMap::new();
        let mut before: Option<(&Address, u16)> = None;
        for slot in slots() {
            let Some(address) = owner(slot) else { continue };
            let index = match before {
                // Slots are mostly owned in long ranges.
                Some((same, index)) if same == address => index,
                _ => *indices.entry(address).or_insert_with(|| {
                    map.primaries.push(address.clone());
                    (map.primaries.len() - 1) as u16
                }),
            };
            before = Some((address, index));
            map.owners[slot.index()] = index;
        }
        map
    }

    /// The primaries that have slots. In a map that was found they are in the order of their lowest slots: so the
    /// indices stay when a replica takes over.
    #[must_use]
    pub fn primaries(&self) -> &[Address] {
        &self.primaries
    }

    /// Who has a slot, as an index into [`Map::primaries`].
    #[must_use]
    pub fn owner(&self, slot: Slot) -> Option<usize> {
        let index = self.owners[slot.index()];
        (index != NOBODY).then_some(usize::from(index))
    }

    /// Where the owner of a slot is.
    #[must_use]
    pub fn address_of(&self, slot: Slot) -> Option<&Address> {
        self.owner(slot).map(|index| &self.primaries[index])
    }

    /// The index of a primary in [`Map::primaries`].
    #[must_use]
    pub fn index_of(&self, address: &Address) -> Option<usize> {
        self.primaries.iter().position(|primary| primary == address)
    }

    /// How many slots somebody has.
    #[must_use]
    pub fn assigned(&self) -> usize {
        self.owners.iter().filter(|index| **index != NOBODY).count()
    }

    /// Whether every slot has an owner.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.owners.contains(&NOBODY)
    }

    /// The same with another owner of one slot. All primaries keep their indices; one that is new comes last.
    #[must_use]
    pub fn with(&self, slot: Slot, owner: Address) -> Self {
        let mut map = self.clone();
        let index = map.index_of(&owner).unwrap_or_else(|| {
            map.primaries.push(owner);
            map.primaries.len() - 1
        });
        // Nobody has learned of so many addresses as that this could fail; if it did, the server would tell once more.
        map.owners[slot.index()] = u16::try_from(index).unwrap_or(NOBODY);
        map
    }

    /// Primaries that have no slots any more in `new`, because others have them.
    pub(super) fn replaced<'a>(&'a self, new: &'a Self) -> impl Iterator<Item = &'a Address> {
        let gone = self.primaries.iter().enumerate().filter(|(_, old)| new.index_of(old).is_none());
        gone.filter(|(index, _)| {
            slots().any(|slot| self.owner(slot) == Some(*index) && new.owner(slot).is_some())
        })
        .map(|(_, old)| old)
    }
}

/// The map of a cluster of which nothing is known.
impl Default for Map {
    fn default() -> Self {
        let owners = vec![NOBODY; usize::from(Slot::COUNT)].into_boxed_slice();
        Self { primaries: Vec::new(), owners }
    }
}

/// All slots there are.
pub(super) fn slots() -> impl Iterator<Item = Slot> {
    (0..Slot::COUNT).filter_map(Slot::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> Address {
        Address::Tcp { host: "h".into(), port }
    }

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    fn map(ranges: &[(u16, u16, u16)]) -> Map {
        Map::new(ranges.iter().map(|&(first, last, port)| (slot(first), slot(last), at(port))))
    }

    #[test]
    fn primaries_are_in_the_order_of_their_lowest_slots() {
        let found = map(&[(8000, 16383, 1), (0, 10, 2), (100, 7999, 2), (11, 99, 3)]);
        assert_eq!(found.primaries(), [at(2), at(3), at(1)]);
        let owners = [0, 10, 11, 99, 100, 7999, 8000, 16383].map(|n| found.owner(slot(n)));
        assert_eq!(owners, [0, 0, 1, 1, 0, 0, 2, 2].map(Some));
        assert_eq!(found.address_of(slot(50)), Some(&at(3)));
        assert_eq!((found.index_of(&at(1)), found.index_of(&at(9))), (Some(2), None));
        assert!(found.is_complete());
        // A replica that takes over has the index of its primary, whatever its address.
        let later = map(&[(8000, 16383, 1), (0, 10, 9), (100, 7999, 9), (11, 99, 3)]);
        assert_eq!(later.primaries(), [at(9), at(3), at(1)]);
    }

    #[test]
    fn a_slot_may_have_no_owner() {
        let found = map(&[(0, 9, 1), (11, 16383, 2)]);
        assert_eq!((found.owner(slot(10)), found.is_complete()), (None, false));
        assert_eq!((found.assigned(), Map::default().assigned()), (16383, 0));
        assert_eq!(found.address_of(slot(10)), None);
        assert!(Map::default().primaries().is_empty() && !Map::default().is_complete());
        assert_eq!(map(&[(9, 3, 1)]), Map::default());
    }

    #[test]
    fn of_two_owners_the_later_counts_and_those_without_slots_are_none() {
        let found = map(&[(0, 16383, 1), (0, 9, 2), (0, 9, 3)]);
        assert_eq!(found.primaries(), [at(3), at(1)]);
        assert_eq!(found, map(&[(0, 9, 3), (10, 16383, 1)]));
        assert_ne!(found, map(&[(0, 10, 3), (11, 16383, 1)]));
    }

    #[test]
    fn what_is_learned_moves_nobody_else() {
        let found = map(&[(0, 9, 1), (10, 16383, 2)]);
        let learned = found.with(slot(0), at(7)).with(slot(10), at(1)).with(slot(11), at(7));
        assert_eq!(learned.primaries(), [at(1), at(2), at(7)]);
        let owners = [0, 1, 10, 11, 12].map(|n| learned.owner(slot(n)));
        assert_eq!(owners, [2, 0, 0, 2, 1].map(Some));
        assert_eq!(found, map(&[(0, 9, 1), (10, 16383, 2)]));
        assert_eq!(found.with(slot(3), at(1)), found);
        assert!(map(&[(1, 16383, 1)]).with(slot(0), at(2)).is_complete());
    }

    #[test]
    fn who_has_lost_all_slots_to_others_is_replaced() {
        let old = map(&[(0, 9, 1), (10, 16383, 2)]);
        let replaced = |new: &Map| old.replaced(new).cloned().collect::<Vec<_>>();
        assert_eq!(replaced(&map(&[(0, 9, 3), (10, 16383, 2)])), [at(1)]);
        assert_eq!(replaced(&map(&[(0, 9, 2), (10, 16383, 4)])), [at(1)]);
        assert_eq!(replaced(&map(&[(0, 9, 3), (10, 16383, 4)])), [at(1), at(2)]);
        assert_eq!(replaced(&map(&[(9, 9, 3)])), [at(1)]);
        assert_eq!(replaced(&old), []);
        assert_eq!(replaced(&map(&[(0, 0, 1), (1, 16383, 2)])), []);
        // Slots that nobody has now have not been taken over.
        assert_eq!(replaced(&map(&[(10, 16383, 2)])), []);
        assert_eq!(Map::default().replaced(&old).count(), 0);
    }
}
