//! Commands that call several buckets at once: many replies for one place.

use super::*;
use crate::session::{Buckets, Layout, Settings};

const ONE: &[u8] = b":1\r\n";

/// A client that has asked four buckets, and behind that for a key.
fn gathering() -> (Stage, Place) {
    let buckets = Buckets::new(4).unwrap();
    let settings = Settings { layout: Layout::Buckets, buckets, ..Settings::default() };
    assert!(settings.agree(b"4"));
    let mut stage = Stage::keeping(settings, false);
    let done = stage.send("SESSION.ACTIVITY app|GET k");
    assert_eq!((done.matches("Lane: EVALSHA").count(), done.matches("Lane").count()), (4, 4));
    let place = stage.world.sent[0].0;
    assert!(stage.world.sent.iter().all(|sent| *sent == (place, 1)));
    (stage, place)
}

#[test]
fn replies_may_come_in_any_order() {
    let (mut stage, place) = gathering();
    for number in [3, 1, 2] {
        stage.client.reply(place, ONE, &[number], &mut stage.world);
        assert_eq!((stage.told(), stage.go_on()), (String::new(), String::new()));
    }
    stage.client.reply(place, b":5\r\n", b"", &mut stage.world);
    assert_eq!(stage.told(), ":8\r\n");
    assert_eq!(stage.go_on(), "Lane: GET k");
}

#[test]
fn what_is_lost_is_told_once() {
    for answered in 0..4 {
        let (mut stage, place) = gathering();
        for number in 0..answered {
            stage.client.reply(place, ONE, &[number], &mut stage.world);
            stage.world.sent.remove(0);
        }
        assert_eq!(stage.lose(To::Lane), LOST);
        // Another lane had taken some of it over.
        stage.client.reply(place, ONE, &[3], &mut stage.world);
        assert_eq!(stage.told(), "");
        assert_eq!(stage.go_on(), "Lane: GET k");
        assert_eq!(stage.reply("~$1\r\nv\r\n"), "$1\r\nv\r\n");
        assert_eq!(stage.client.end(), None);
    }
}

#[test]
fn the_first_error_is_told_when_nothing_is_under_way_any_more() {
    let (mut stage, place) = gathering();
    for frame in [&b"-NOPERM no\r\n"[..], ONE, b"-OTHER no\r\n"] {
        let number = 4 - stage.world.sent.len() as u8;
        stage.client.reply(place, frame, &[number], &mut stage.world);
        stage.world.sent.remove(0);
        assert_eq!((stage.told(), stage.go_on()), (String::new(), String::new()));
    }
    stage.client.reply(place, ONE, &[3], &mut stage.world);
    assert_eq!(stage.told(), "-NOPERM no\r\n");
}
