//! A stop does not wait for clients that never stop.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::*;

const DRAIN: Duration = Duration::from_secs(20);

/// Both read and write as fast as they can until they are closed.
fn keeps_sending(stack: &Stack, clients: usize, piece: &[u8]) {
    for _ in 0..clients {
        let client = stack.client();
        let (mut writer, mut reader) = (client.duplicate(), client.duplicate());
        let piece = piece.to_vec();
        thread::spawn(move || while writer.write_all(&piece).is_ok() {});
        thread::spawn(move || {
            let mut chunk = vec![0; 64 << 10];
            while let Ok(1..) = reader.read(&mut chunk) {}
        });
    }
}

fn stops_early(commands: &[Vec<Vec<u8>>]) {
    let drain = DRAIN.as_secs().to_string();
    let options = ["--drain-timeout", drain.as_str()];
    each_mode_with(&[], &options, |mut stack| {
        let mut watcher = stack.client();
        check!(watcher, "SET", "k", "v" => "+OK");
        let piece: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
        keeps_sending(&stack, 3, &piece.repeat(500));
        eventually("the clients are under way", || {
            let count = cmd!(watcher, "GET", "n");
            matches!(count, Value::Bulk(text) if text.len() >= 3).then_some(())
        });
        let begun = Instant::now();
        stack.sessiond().terminate();
        assert!(stack.sessiond().wait_exit().success());
        let took = begun.elapsed();
        assert!(took < DRAIN / 2, "a stop took {took:?} of at most {DRAIN:?}");
    });
}

#[test]
fn clients_with_full_pipelines_do_not_hold_up_a_stop() {
    stops_early(&[args!("INCR", "n"), args!("GET", "k")]);
}

#[test]
fn clients_with_transactions_in_full_pipelines_do_not_hold_up_a_stop() {
    stops_early(&[args!("MULTI"), args!("INCR", "n"), args!("SELECT", "0"), args!("EXEC")]);
}
