//! The primary dies or freezes under load: clients stay connected, wait, and go on with the next one.

use crate::common::*;
use crate::front::*;
use crate::load::*;

const CLIENTS: usize = 30;

#[test]
fn the_primary_is_killed_under_load() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let counters = under_load(&fronts, &mut group, CLIENTS, |load, group| {
        load.safe(group);
        group.nodes[0].kill();
        group.wait_other_than(0);
    });
    assert_bounded(&counters, group.changes());
    assert_eq!(counters.iter().map(|counter| counter.refused).sum::<usize>(), 0);
}

#[test]
fn the_primary_freezes_under_load() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let counters = under_load(&fronts, &mut group, CLIENTS, |load, group| {
        load.safe(group);
        group.nodes[0].stop();
        group.wait_other_than(0);
        load.progress();
        // It wakes up as a primary and does what it had received. Nobody hears of that, and nobody asks it any more.
        group.nodes[0].resume();
        group.settled();
        assert_left_alone(load, group, 0);
    });
    assert_bounded(&counters, group.changes());
}

#[test]
fn three_failovers_in_a_row() {
    let mut group = Group::start();
    let fronts = fronts(&group.url(), &PATIENT);
    let counters = under_load(&fronts, &mut group, CLIENTS, |load, group| {
        for round in 0..3 {
            load.safe(group);
            let old = group.primary();
            if round == 1 {
                group.fail_over();
                load.progress();
            } else {
                group.nodes[old].kill();
                group.wait_other_than(old);
                load.progress();
                group.nodes[old].start_again();
            }
            group.settled();
        }
    });
    assert!(group.changes() >= 3);
    assert_bounded(&counters, group.changes());
}
