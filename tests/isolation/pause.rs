//! `CLIENT PAUSE n WRITE` holds writes back and nothing else.

use crate::behind::hurry;
use crate::common::*;

/// Longer than any reply is waited for, so that only UNPAUSE can end it.
const LONG: &str = "120000";

#[test]
fn reads_go_on_while_writes_are_paused() {
    each_mode(|stack| {
        let (mut admin, mut writer) = (stack.client(), stack.client());
        let mut readers: Vec<Client> = (0..5).map(|_| stack.client()).collect();
        check!(writer, "SET", "k", "old" => "+OK");
        for reader in &mut readers {
            check!(reader, "GET", "k" => "\"old\"");
        }
        check!(admin, "CLIENT", "PAUSE", LONG, "WRITE" => "+OK");
        writer.write(&args!("SET", "k", "new"));
        eventually("the write is held back", || (stack.redis.blocked() >= 1).then_some(()));
        readers.push(stack.client());
        for reader in &mut readers {
            hurry(reader, 10);
            check!(reader, "GET", "k" => "\"old\"");
            check!(reader, "MGET", "k", "none" => "[\"old\", $nil]");
        }
        let mut second = stack.client();
        second.write(&args!("INCR", "n"));
        for reader in &mut readers {
            check!(reader, "GET", "k" => "\"old\"");
        }
        check!(stack.redis.client(), "EXISTS", "n" => "0");
        hurry(&admin, 10);
        check!(admin, "CLIENT", "UNPAUSE" => "+OK");
        assert_eq!(writer.reply().to_string(), "+OK");
        assert_eq!(second.reply().to_string(), "1");
        for reader in &mut readers {
            check!(reader, "GET", "k" => "\"new\"");
            check!(reader, "SET", "k", "new" => "+OK");
        }
    });
}
