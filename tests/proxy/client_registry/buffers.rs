//! `CLIENT LIST` tells how large a client's buffers are, as Redis tells it.

use super::list;
use crate::common::*;

/// What stands there of the client `id` under these names.
fn sizes<const N: usize>(asker: &mut Client, id: i64, names: [&str; N]) -> [usize; N] {
    let line = list(asker, &[]).remove(&id).unwrap();
    names.map(|name| line[name].parse().unwrap())
}

#[test]
fn the_query_buffer_is_told_of_until_its_client_has_been_idle() {
    each_mode(|stack| {
        let (mut asker, mut client) = (stack.client(), stack.client());
        for size in [20, 40, 60, 100] {
            // Whatever buffers others leave behind.
            check!(stack.client(), "SET", "k", "A".repeat(size << 10) => "+OK");
        }
        let id = client.id();
        let read = |asker: &mut Client| sizes(asker, id, ["qbuf", "qbuf-free"]).iter().sum();
        let usual: usize = read(&mut asker);
        assert!((16 << 10..32 << 10).contains(&usual), "{usual}");
        check!(client, "SET", "k", "A".repeat(400_000) => "+OK");
        let large: usize = read(&mut asker);
        assert!(large >= 400_000, "{large}");
        eventually("it shrinks when less is sent", || {
            check!(client, "SET", "k", "A" => "+OK");
            let now = read(&mut asker);
            (0 < now && now < large).then_some(())
        });
        eventually("it is given back when nothing is sent", || {
            let [idle, free, total, itself] =
                sizes(&mut asker, id, ["idle", "qbuf-free", "tot-mem", "rbs"]);
            assert!(total > free + itself, "{total}");
            (idle >= 3 && free == 0).then_some(())
        });
    });
}

#[test]
fn the_reply_buffer_is_as_large_as_the_last_replies() {
    each_mode_with(&["--enable-debug-command", "yes"], &[], |stack| {
        let (mut asker, mut client) = (stack.client(), stack.client());
        let id = client.id();
        check!(asker, "DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "100" => "+OK");
        let reply = |asker: &mut Client| sizes(asker, id, ["rbs"])[0];
        eventually("it is small for small replies", || {
            (1 << 10..2 << 10).contains(&reply(&mut asker)).then_some(())
        });
        check!(client, "SET", "k", "x".repeat(32 << 10) => "+OK");
        check!(asker, "DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "never" => "+OK");
        eventually("it is large for large ones, but never as large as those", || {
            cmd!(client, "GET", "k");
            (reply(&mut asker) == 16 << 10).then_some(())
        });
        let [buffered, pieces, rest] = sizes(&mut asker, id, ["obl", "oll", "omem"]);
        assert_eq!([buffered, pieces, rest], [0, 0, 0]);
        check!(asker, "DEBUG", "REPLYBUFFER", "PEAK-RESET-TIME", "100" => "+OK");
        eventually("it shrinks when there are no more replies", || {
            (reply(&mut asker) < 2 << 10).then_some(())
        });
    });
}

#[test]
fn unread_replies_are_told_of() {
    each_mode(|stack| {
        let (mut asker, mut client) = (stack.client(), stack.client());
        let id = client.id();
        check!(client, "SET", "k", "x".repeat(1 << 20) => "+OK");
        for _ in 0..40 {
            client.write(&["GET", "k"]);
        }
        eventually("more is there than the socket takes", || {
            let [buffered, pieces, rest, size] =
                sizes(&mut asker, id, ["obl", "oll", "omem", "rbs"]);
            (buffered <= size && pieces > 0 && rest > 0).then_some(())
        });
        let events = list(&mut asker, &[])[&id]["events"].clone();
        assert_eq!(events, "rw");
    });
}
