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

#[test]
fn blocked_are_those_whose_writes_are_held_back() {
    each_mode(|stack| {
        let (mut admin, mut reader) = (stack.client(), stack.client());
        let blocked = |client: &mut Client| {
            let info = cmd!(client, "INFO", "clients").text();
            let count = info.lines().find_map(|line| line.strip_prefix("blocked_clients:"));
            count.unwrap().parse::<usize>().unwrap()
        };
        check!(admin, "CLIENT", "PAUSE", LONG, "WRITE" => "+OK");
        check!(reader, "GET", "k" => "$nil");
        reader.write(&args!("GET", "k"));
        reader.write(&args!("PING"));
        reader.write(&args!("INFO"));
        assert_eq!(blocked(&mut admin), 0, "who asks waits for nothing else");
        let (mut waiting, mut writer) = (stack.client(), stack.client());
        waiting.write(&args!("BLPOP", "none", "0"));
        writer.write(&args!("SET", "k", "v"));
        eventually("both are held back", || (stack.redis.blocked() == 2).then_some(()));
        assert_eq!(blocked(&mut admin), 2);
        check!(admin, "CLIENT", "UNPAUSE" => "+OK");
        assert_eq!(writer.reply().to_string(), "+OK");
        assert_eq!(blocked(&mut admin), 1);
    });
}
