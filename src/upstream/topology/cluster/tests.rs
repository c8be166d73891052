use super::*;
use crate::state::slot::Slot;

fn at(port: u16) -> Address {
    Address::Tcp { host: "h".into(), port }
}

/// A map in which each of two ports has half of the slots.
fn map(ports: [u16; 2]) -> Map {
    let slot = |number| Slot::new(number).unwrap();
    let halves = [(0, 8191), (8192, 16383)].into_iter().zip(ports);
    Map::new(halves.map(|((first, last), port)| (slot(first), slot(last), at(port))))
}

/// What a primary says that names its replica, 10 ports further on, as well.
fn view(of: u16, epoch: u64, ports: [u16; 2]) -> View {
    let nodes = ports.iter().flat_map(|port| [at(*port), at(port % 10 + 10)]).collect();
    View { of: at(of), map: map(ports), nodes, epoch, failing: 0, is_primary: true }
}

fn found(views: &[View]) -> Found {
    let mut found = Found::default();
    for view in views {
        found.asked.push(view.of.clone());
        found.add(view.clone());
    }
    found
}

fn seeds() -> Seeds {
    Seeds { nodes: vec![at(1), at(9)] }
}

fn is_well(found: &Found, map: &Map) -> bool {
    found.is_well(map, &found.signs(map))
}

/// A finder, and what it tells.
fn finder() -> (Finder, watch::Receiver<Current>) {
    let place = crate::upstream::site::Place::Cluster(seeds());
    let site = Site { place, credentials: None, database: 0, tls: None };
    let current = Current { map: Some(Arc::default()), ..Current::new(Err("unknown".into())) };
    let (sender, current) = watch::channel(current);
    let (doubt, commands) = (Doubt::default(), Doubt::default());
    let finder = Finder::new(Arc::new(site), seeds(), Duration::ZERO, sender, doubt, commands);
    (finder, current)
}

#[test]
fn all_is_well_when_all_agree_and_are_there() {
    let both = [view(1, 5, [1, 2]), view(2, 5, [1, 2])];
    assert!(is_well(&found(&both), &map([1, 2])));
    assert!(!is_well(&Found::default(), &map([1, 2])));
    let mut silent = found(&both[..1]);
    silent.asked.push(at(2));
    assert!(!is_well(&silent, &map([1, 2])), "one does not answer");
    assert!(is_well(&found(&both[..1]), &map([1, 2])), "one was not asked");
    let mut failing = both.clone();
    failing[1].failing = 1;
    assert!(!is_well(&found(&failing), &map([1, 2])));
    let apart = [both[0].clone(), view(2, 5, [11, 2])];
    assert!(!is_well(&found(&apart), &map([1, 2])), "they do not agree");
    let partial = Map::new([(Slot::new(0).unwrap(), Slot::new(1).unwrap(), at(1))]);
    let mut alone = both[0].clone();
    alone.map = partial.clone();
    assert!(!is_well(&found(&[alone]), &partial), "slots are missing");
}

#[test]
fn who_has_left_the_cluster_is_not_waited_for() {
    let mut former = view(9, 3, [9, 2]);
    former.failing = 7;
    let views = [view(1, 5, [1, 2]), former, view(2, 5, [1, 2])];
    assert!(is_well(&found(&views), &map([1, 2])));
    let known = found(&views).known(&map([1, 2]), &seeds(), true);
    assert_eq!(known, [1, 2, 11, 12].map(at));
}

#[test]
fn the_seeds_are_asked_again_when_all_is_not_well() {
    let one = found(&[view(1, 5, [1, 2])]);
    assert_eq!(one.known(&map([1, 2]), &seeds(), false), [1, 2, 11, 12, 9].map(at));
    let mut none = Found::default();
    none.asked.push(at(12));
    assert_eq!(none.known(&map([1, 2]), &seeds(), false), [1, 9, 2, 12].map(at));
}

#[test]
fn no_more_than_so_many_are_asked() {
    let mut many = view(1, 5, [1, 2]);
    many.nodes = (100..9000).map(at).collect();
    let known = found(&[many]).known(&map([1, 2]), &seeds(), false);
    assert_eq!((known.len(), &known[..3]), (KNOWN, &[at(1), at(2), at(100)][..]));
}

#[test]
fn only_what_changes_is_told() {
    let (mut finder, mut current) = finder();
    current.mark_unchanged();
    finder.conclude(&found(&[view(1, 5, [1, 2]), view(2, 5, [1, 2])]));
    assert!(current.has_changed().unwrap());
    let first = current.borrow_and_update().clone();
    assert_eq!(first.map.as_deref(), Some(&map([1, 2])));
    assert_eq!(first.server.unwrap().address, at(1));
    finder.conclude(&found(&[view(2, 5, [1, 2]), view(1, 5, [1, 2])]));
    assert!(!current.has_changed().unwrap());
    finder.conclude(&Found::default());
    assert!(!current.has_changed().unwrap(), "one silent look is nothing");
    finder.conclude(&found(&[view(2, 6, [11, 2]), view(11, 6, [11, 2])]));
    let later = current.borrow_and_update().clone();
    assert_eq!(later.map.as_deref(), Some(&map([11, 2])));
    assert_eq!((later.server.unwrap().address, later.failovers), (at(11), 1));
}

#[test]
fn the_last_map_stays_when_nobody_answers() {
    let (mut finder, mut current) = finder();
    finder.conclude(&found(&[view(1, 5, [1, 2])]));
    let mut gone = Found::default();
    gone.asked.extend([at(1), at(2)]);
    gone.failures.extend([(at(2), "timed out".to_owned()), (at(1), "refused".to_owned())]);
    finder.conclude(&gone);
    assert!(current.borrow_and_update().server.is_ok());
    finder.conclude(&gone);
    let last = current.borrow_and_update().clone();
    assert_eq!(last.map.as_deref(), Some(&map([1, 2])));
    let why = "no node of the cluster answers: redis://h:1: refused";
    assert_eq!(last.server.unwrap_err(), why);
    gone.failures.reverse();
    finder.conclude(&gone);
    assert!(!current.has_changed().unwrap());
    finder.conclude(&found(&[view(11, 5, [1, 2])]));
    let why = "no primary of the cluster answers";
    assert_eq!(current.borrow_and_update().server.as_ref().unwrap_err(), why);
    finder.conclude(&found(&[view(2, 5, [1, 2])]));
    assert_eq!(current.borrow_and_update().server.as_ref().unwrap().address, at(2));
}

/// A primary without slots is none that a replica has taken the place of.
#[test]
fn a_failover_is_told_from_slots_that_move() {
    let cases = [
        // It has given its slots away, knows so and is there.
        (Some(view(1, 6, [3, 2])), 0),
        // It is away.
        (None, 1),
        // It does not know yet what has become of its slots.
        (Some(view(1, 5, [1, 2])), 0),
        // It says that it is a replica.
        (Some(View { is_primary: false, ..view(1, 6, [3, 2]) }), 1),
    ];
    for (former, failovers) in cases {
        let (mut finder, current) = finder();
        finder.conclude(&found(&[view(1, 5, [1, 2]), view(2, 5, [1, 2])]));
        let others = [view(3, 6, [3, 2]), view(2, 6, [3, 2])];
        let views: Vec<View> = others.into_iter().chain(former).collect();
        finder.conclude(&found(&views));
        finder.conclude(&found(&views));
        assert_eq!(current.borrow().map.as_deref(), Some(&map([3, 2])));
        assert_eq!(current.borrow().failovers, failovers);
    }
    // Who does not know it at first tells later.
    for (later, failovers) in [
        (Some(view(1, 6, [3, 2])), 0),
        (Some(View { is_primary: false, ..view(1, 6, [3, 2]) }), 1),
        (None, 1),
    ] {
        let (mut finder, mut current) = finder();
        finder.conclude(&found(&[view(1, 5, [1, 2]), view(2, 5, [1, 2])]));
        let others = [view(3, 6, [3, 2]), view(2, 6, [3, 2])];
        finder.conclude(&found(&[&others[..], &[view(1, 5, [1, 2])]].concat()));
        current.mark_unchanged();
        let views: Vec<View> = others.into_iter().chain(later).collect();
        finder.conclude(&found(&views));
        finder.conclude(&found(&views));
        assert_eq!(current.borrow().failovers, failovers);
        assert!(!current.has_changed().unwrap());
    }
}
