//! What the server says of itself in `HELLO` and `COMMAND DOCS`.

use crate::common::*;

#[test]
fn hello_tells_what_redis_tells() {
    each_mode(|stack| {
        let plain = Redis::start();
        let (mut expected, mut actual) = (plain.client(), stack.client());
        let lines = [
            "HELLO",
            "HELLO 2",
            "HELLO 3",
            "HELLO",
            "HELLO 3 SETNAME me",
            "HELLO 2",
            "HELLO 4",
            "HELLO abc",
            "HELLO 3 AUTH default",
            "HELLO 3 NOSUCH",
            "HELLO 3 SETNAME \"bad name\"",
            "HELLO 3 AUTH nobody wrong",
            "GET missing",
        ];
        for line in lines {
            let want = normalised(expected.run(&words(line)));
            let got = normalised(actual.run(&words(line)));
            assert_eq!(got, want, "{line}");
        }
    });
}

/// `HELLO`'s connection number differs by nature.
fn normalised(reply: Value) -> String {
    let id = match &reply {
        Value::Map(_) | Value::Array(_) => reply.field("id").to_string(),
        _ => return reply.to_string(),
    };
    let (map, flat) = (format!("\"id\": {id},"), format!("\"id\", {id},"));
    reply.to_string().replace(&map, "\"id\": N,").replace(&flat, "\"id\", N,")
}

/// What a reply says, in no order: each server process lists subcommands in an order of its own.
fn words_of(value: &Value) -> String {
    let text = value.to_string();
    let mut words: Vec<&str> = text.split([' ', ',', '[', ']', '{', '}', '(', ')']).collect();
    words.sort_unstable();
    words.join(" ")
}

#[test]
fn command_docs_of_redis_are_all_there() {
    each_mode(|stack| {
        for protocol in [2, 3] {
            let (mut plain, mut client) = (stack.redis.client(), stack.client());
            if protocol == 3 {
                plain = plain.resp3();
                client = client.resp3();
            }
            for subcommand in ["DOCS", "INFO"] {
                let name = |value: &Value| match value {
                    Value::Array(items) => items[0].text(),
                    other => other.text(),
                };
                let entries = |client: &mut Client| -> Vec<(String, String)> {
                    match cmd!(client, "COMMAND", subcommand) {
                        Value::Array(items) if subcommand == "INFO" => {
                            items.iter().map(|item| (name(item), words_of(item))).collect()
                        }
                        reply => {
                            let fields = reply.fields();
                            fields.into_iter().map(|(n, v)| (n, words_of(&v))).collect()
                        }
                    }
                };
                let ours: std::collections::BTreeMap<_, _> =
                    entries(&mut client).into_iter().collect();
                for (name, entry) in entries(&mut plain) {
                    assert_eq!(ours.get(&name), Some(&entry), "COMMAND {subcommand} of {name}");
                }
            }
        }
    });
}
