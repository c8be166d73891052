//! What the nodes of a cluster say, and what is to be believed of that.

use bytes::Bytes;

use super::slots;
use crate::{
    resp::reply,
    state::slot::Slot,
    upstream::{
        address::Address,
        connect::is_replica,
        topology::map::{self, Map},
    },
};

/// What one node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Where it was asked.
    pub(super) of: Address,
    /// Who has which slots.
    pub(super) map: Map,
    /// All nodes that it names.
    pub(super) nodes: Vec<Address>,
    /// `cluster_current_epoch`: the higher, the later is the news that it has had.
    pub(super) epoch: u64,
    /// How many slots it does not hear from the owners of.
    pub(super) failing: u64,
    /// Whether it says that it is a primary itself.
    pub(super) is_primary: bool,
}

impl View {
    /// Reads the replies of the node at `of` to `CLUSTER SLOTS`, `CLUSTER INFO` and `ROLE`; why that does not help, if it does
    /// not.
    pub(super) fn read(of: Address, replies: &[Bytes; 3]) -> Result<Self, String> {
        let [slots, info, role] = replies;
        let Some(slots::Told { map, nodes }) = slots::read(slots, &of) else {
            let words = reply::error_text(slots).map(String::from_utf8_lossy);
            return Err(words.map_or("it does not say who has which slots".into(), Into::into));
        };
        let info = reply::as_bulk(info).map(String::from_utf8_lossy).unwrap_or_default();
        let number = |name: &str| {
            let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.and_then(|value| value.trim().parse().ok()).unwrap_or(0_u64)
        };
        let epoch = number("cluster_current_epoch");
        let failing = number("cluster_slots_pfail").saturating_add(number("cluster_slots_fail"));
        // A user who may not ask for the role is not told.
        let is_primary = !is_replica(role);
        Ok(Self { of, map, nodes, epoch, failing, is_primary })
    }
}

/// Who has which slots, by what the nodes say: of those that name an owner of a slot only the ones with the latest news count;
/// of these most decide, and between equals the present owner stays. Who is cut off from the others has no later news than
/// they have.
pub(super) fn decide(views: &[View], present: &Map) -> Map {
    match views {
        [] => present.clone(),
        [first, others @ ..] if others.iter().all(|other| other.map == first.map) => {
            first.map.clone()
        }
        _ => of_many(views, present),
    }
}

fn of_many(views: &[View], present: &Map) -> Map {
    let mut decided: Vec<Option<&Address>> = Vec::with_capacity(usize::from(Slot::COUNT));
    let mut before: Option<Slot> = None;
    for slot in map::slots() {
        // Slots come in long ranges, for which nothing has to be decided anew.
        let is_same = before.is_some_and(|before| {
            let mut maps = views.iter().map(|view| &view.map).chain([present]);
            maps.all(|map| map.owner(slot) == map.owner(before))
        });
        let owner = match decided.last() {
            Some(owner) if is_same => *owner,
            _ => decide_one(views, present, slot),
        };
        decided.push(owner);
        before = Some(slot);
    }
    Map::of(|slot| decided[slot.index()])
}

fn decide_one<'a>(views: &'a [View], present: &Map, slot: Slot) -> Option<&'a Address> {
    let named = || views.iter().filter_map(|view| Some((view.epoch, view.map.address_of(slot)?)));
    let latest = named().map(|(epoch, _)| epoch).max()?;
    let mut votes: Vec<(usize, &Address)> = Vec::new();
    for (_, owner) in named().filter(|(epoch, _)| *epoch == latest) {
        match votes.iter_mut().find(|(_, other)| *other == owner) {
            Some((count, _)) => *count += 1,
            None => votes.push((1, owner)),
        }
    }
    let present = present.address_of(slot);
    let (_, owner) = votes.into_iter().max_by(|(count, owner), (other_count, other)| {
        let rank = |count: usize, owner: &Address| (count, present == Some(owner));
        let ranks = rank(*count, owner).cmp(&rank(*other_count, other));
        // The order in which answers came must not decide, or the next look might find another one.
        ranks.then_with(|| owner.to_string().cmp(&other.to_string()))
    })?;
    Some(owner)
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

    /// A map in which each of the ports has a thousand slots; nobody has those of port 0.
    fn map(ports: [u16; 3]) -> Map {
        let ranges = ports.into_iter().zip(0..).filter(|(port, _)| *port != 0);
        Map::new(ranges.map(|(port, n)| (slot(n * 1000), slot(n * 1000 + 999), at(port))))
    }

    fn view(of: u16, epoch: u64, ports: [u16; 3]) -> View {
        let nodes = Vec::new();
        View { of: at(of), map: map(ports), nodes, epoch, failing: 0, is_primary: true }
    }

    fn decided(views: &[View], present: [u16; 3]) -> Map {
        let mut backward = views.to_vec();
        backward.reverse();
        let decided = decide(views, &map(present));
        assert_eq!(decided, decide(&backward, &map(present)), "the order must not matter");
        decided
    }

    #[test]
    fn where_all_agree_there_is_nothing_to_decide() {
        let views = [1, 2, 3].map(|of| view(of, u64::from(of), [1, 2, 3]));
        assert_eq!(decided(&views, [7, 8, 9]), map([1, 2, 3]));
        // Without any word the last map stays.
        assert_eq!(decided(&[], [7, 8, 9]), map([7, 8, 9]));
    }

    #[test]
    fn the_latest_news_count_even_against_most() {
        let views = [view(1, 4, [1, 2, 3]), view(2, 4, [1, 2, 3]), view(4, 5, [4, 2, 3])];
        assert_eq!(decided(&views, [1, 2, 3]), map([4, 2, 3]));
    }

    #[test]
    fn of_equals_most_decide() {
        let views = [view(1, 5, [1, 2, 3]), view(2, 5, [4, 2, 3]), view(3, 5, [4, 2, 3])];
        assert_eq!(decided(&views, [1, 2, 3]), map([4, 2, 3]));
        assert_eq!(decided(&views, [0, 0, 0]), map([4, 2, 3]));
    }

    #[test]
    fn between_equals_the_present_owner_stays() {
        let views = [view(1, 5, [1, 2, 3]), view(2, 5, [4, 2, 3])];
        assert_eq!(decided(&views, [1, 2, 3]), map([1, 2, 3]));
        assert_eq!(decided(&views, [4, 2, 3]), map([4, 2, 3]));
        // Without one it is always the same.
        assert_eq!(decided(&views, [0, 0, 0]), map([4, 2, 3]));
    }

    /// One that has been frozen, or cut off, still believes that it is the primary.
    #[test]
    fn a_former_primary_does_not_win() {
        let former = view(1, 4, [1, 2, 3]);
        let others = [view(2, 5, [4, 2, 3]), view(3, 5, [4, 2, 3]), view(4, 5, [4, 2, 3])];
        let views = [vec![former.clone()], others.to_vec()].concat();
        assert_eq!(decided(&views, [4, 2, 3]), map([4, 2, 3]));
        assert_eq!(decided(&views, [1, 2, 3]), map([4, 2, 3]));
        // Even one other node is enough.
        assert_eq!(decided(&[former, others[0].clone()], [1, 2, 3]), map([4, 2, 3]));
    }

    #[test]
    fn each_slot_is_decided_by_those_who_know_its_owner() {
        // One that has only just been introduced, with the latest news, and two that have heard of some.
        let views = [view(9, 8, [0, 9, 0]), view(1, 7, [1, 2, 0]), view(2, 7, [1, 2, 0])];
        assert_eq!(decided(&views, [0, 0, 0]), map([1, 9, 0]));
        assert_eq!(decided(&views, [7, 7, 7]), map([1, 9, 0]));
    }

    #[test]
    fn single_slots_are_decided_apart_from_their_neighbours() {
        let moved = |of, epoch| {
            let mut view = view(of, epoch, [1, 2, 3]);
            view.map = view.map.with(slot(500), at(2)).with(slot(501), at(3));
            view
        };
        let views = [view(1, 4, [1, 2, 3]), moved(2, 5), view(3, 4, [1, 2, 3])];
        let found = decided(&views, [1, 2, 3]);
        let owners = [499, 500, 501, 502, 1000].map(|n| found.address_of(slot(n)).cloned());
        assert_eq!(owners, [1, 2, 3, 1, 2].map(|port| Some(at(port))));
    }

    fn replies(slots: &'static str, info: &str, role: &'static str) -> [Bytes; 3] {
        let info = format!("${}\r\n{info}\r\n", info.len());
        [slots.into(), info.into(), role.into()]
    }

    const SLOTS: &str = "*1\r\n*3\r\n:0\r\n:5\r\n*3\r\n$1\r\nh\r\n:1\r\n$1\r\ni\r\n";

    #[test]
    fn a_node_is_understood() {
        let info = "cluster_state:fail\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:6\r\n\
            cluster_slots_pfail:5461\r\ncluster_slots_fail:2\r\ncluster_current_epoch:6\r\n\
            cluster_my_epoch:2\r\n";
        let replica = "*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n";
        let view = View::read(at(7), &replies(SLOTS, info, replica)).unwrap();
        assert_eq!((view.of, view.epoch, view.failing, view.is_primary), (at(7), 6, 5463, false));
        assert_eq!((view.map.primaries(), view.nodes), (&[at(1)][..], vec![at(1)]));
        let primary = "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
        assert!(View::read(at(7), &replies(SLOTS, info, primary)).unwrap().is_primary);
    }

    #[test]
    fn a_node_that_does_not_tell_everything_is_believed_the_rest() {
        let mut said = replies(SLOTS, "", "-NOPERM x\r\n");
        said[1] = "-NOPERM x\r\n".into();
        let view = View::read(at(7), &said).unwrap();
        assert_eq!((view.epoch, view.failing, view.is_primary), (0, 0, true));
    }

    #[test]
    fn why_a_node_does_not_help_is_told() {
        let why = |slots| View::read(at(7), &replies(slots, "", "")).unwrap_err();
        let words = "ERR This instance has cluster support disabled";
        assert_eq!(why("-ERR This instance has cluster support disabled\r\n"), words);
        assert_eq!(why("+OK\r\n"), "it does not say who has which slots");
    }
}
