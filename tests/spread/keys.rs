//! `COMMAND GETKEYS` of a server has to name the same keys, and `CLUSTER KEYSLOT` the same slots.

use sessiond::state::slot::Slot;

use super::{
    common::{Client, Redis, Value, cmd, words},
    specs, with_request,
};

/// Requests of every kind; no key stands twice, so that its name tells its place.
const REQUESTS: &[&str] = &[
    "GET k",
    "SET k v EX 10 GET",
    "MGET a b c",
    "MSET a 1 b 2",
    "DEL a b",
    "LPUSH k v w",
    "RENAME a b",
    "LMOVE a b LEFT RIGHT",
    "COPY a b REPLACE",
    "BITOP AND d a b",
    "BITFIELD k GET u8 0",
    "BLPOP a b 0",
    "BLMPOP 0 2 a b LEFT",
    "BZMPOP 0 1 a MIN",
    "BZPOPMIN a b 0",
    "LMPOP 2 a b LEFT COUNT 3",
    "ZMPOP 1 a MAX",
    "EVAL script 2 a b c",
    "EVALSHA sha 1 a c",
    "EVAL_RO script 1 a",
    "FCALL f 2 a b c",
    "FCALL_RO f 1 a",
    "XREAD COUNT 2 BLOCK 5 STREAMS a b 0 1",
    "XREADGROUP GROUP streams c COUNT 1 STREAMS a b > 7",
    "XADD k MAXLEN 5 * f v",
    "XGROUP CREATE k g $ MKSTREAM",
    "XGROUP DELCONSUMER k g c",
    "XINFO STREAM k FULL",
    "XAUTOCLAIM k g c 0 0",
    "ZUNION 2 a b WEIGHTS 1 2",
    "ZINTER 2 a b",
    "ZDIFF 2 a b WITHSCORES",
    "ZINTERCARD 2 a b LIMIT 1",
    "SINTERCARD 2 a b",
    "ZUNIONSTORE d 2 a b AGGREGATE MAX",
    "ZDIFFSTORE d 1 a",
    "ZRANGESTORE a b 0 1",
    "SINTERSTORE d a b",
    "SDIFF a b",
    "PFCOUNT a b",
    "PFMERGE d a b",
    "SORT k BY w* GET v* STORE d",
    "SORT k LIMIT 0 5 ALPHA",
    "SORT_RO k BY w*",
    "GEORADIUS k 1 2 3 km STORE d",
    "GEORADIUS k 1 2 3 km",
    "GEORADIUSBYMEMBER k m 3 km STOREDIST d",
    "GEOSEARCHSTORE d k FROMMEMBER m BYRADIUS 1 km",
    "MIGRATE host 1 k 0 5",
    "OBJECT ENCODING k",
    "OBJECT FREQ k",
    "MEMORY USAGE k SAMPLES 5",
    "LCS a b LEN",
    "WATCH a b",
    "RESTORE k 0 value",
    "SMOVE a b m",
    "HSET k f v",
    "EXISTS a b c",
    "TOUCH a b",
];

/// Requests without keys, and some that are not as they should be.
const WITHOUT: &[&str] = &[
    "PING",
    "INFO memory",
    "EVAL script 0 a",
    "CONFIG GET a",
    "SCAN 0",
    "KEYS a",
    "PUBLISH a b",
    "SCRIPT LOAD a",
    "CLIENT SETNAME a",
    "MEMORY DOCTOR",
    "FLUSHALL ASYNC",
    "ZUNION 3 a b",
    "EVAL script x a",
    "LMPOP 0 a LEFT",
];

/// The keys as the server names them; `None` when the arguments are not what the command takes.
fn keys_by_server(client: &mut Client, text: &str) -> Option<Vec<String>> {
    let args: Vec<_> = words("COMMAND GETKEYS").into_iter().chain(words(text)).collect();
    match client.run(&args) {
        Value::Array(keys) => Some(keys.iter().map(ToString::to_string).collect()),
        Value::Error(text) if text.contains("no key arguments") => Some(Vec::new()),
        Value::Error(_) => None,
        other => panic!("{text}: {other}"),
    }
}

#[test]
fn keys_are_those_that_the_server_finds() {
    let redis = Redis::start();
    let mut client = redis.client();
    for specs in specs(&redis) {
        assert!(specs.len() > 200, "{} commands", specs.len());
        for text in REQUESTS.iter().chain(WITHOUT) {
            let by_server = keys_by_server(&mut client, text).unwrap_or_default();
            assert_eq!(by_server.is_empty(), WITHOUT.contains(text), "{text}");
            with_request(text, |request| {
                let spec = specs.of(request).unwrap_or_else(|| panic!("{text} is not known"));
                assert!(!spec.has_hidden_keys(), "{text}");
                let keys: Vec<_> = specs
                    .keys(request)
                    .into_iter()
                    .map(|place| Value::Bulk(request.arg(place).unwrap().to_vec()).to_string())
                    .collect();
                assert_eq!(keys, by_server, "{text}");
                assert_eq!(specs.first_key(request), specs.keys(request).first().copied());
            });
        }
    }
}

/// Each command and subcommand with the least number of arguments that it takes, and with some more: numbers, so that they
/// may also be numbers of keys.
#[test]
fn keys_of_all_commands_are_those_that_the_server_finds() {
    let redis = Redis::start();
    let mut client = redis.client();
    let [specs, _] = specs(&redis);
    let (mut compared, mut with_keys) = (0, 0);
    for entry in cmd!(client, "COMMAND").items() {
        let subcommands = entry.items().get(9).map(Value::items).unwrap_or_default();
        for entry in subcommands.iter().chain([entry]) {
            let name = entry.items()[0].text().replace('|', " ");
            let arity = entry.items()[1].int();
            let least = usize::try_from(arity.abs()).unwrap();
            let most = if arity < 0 { least + 5 } else { least };
            for len in least..=most {
                let begin = name.split(' ').count();
                let numbers = (begin..len).map(|place| format!(" {place}"));
                let text = format!("{name}{}", numbers.collect::<String>());
                let (keys, is_message) = with_request(&text, |request| {
                    let places = specs.keys(request);
                    let keys = places.into_iter().map(|place| request.arg(place).unwrap());
                    let keys = keys.map(|key| Value::bulk(key).to_string()).collect::<Vec<_>>();
                    (keys, specs.of(request).unwrap().flags().pubsub)
                });
                let by_server = keys_by_server(&mut client, &text);
                // Shard channels are in slots, and to the server no keys.
                if let Some(by_server) = by_server.filter(|_| !is_message) {
                    assert_eq!(keys, by_server, "{text}");
                    compared += 1;
                    with_keys += usize::from(!keys.is_empty());
                }
            }
        }
    }
    assert!(compared > 500 && with_keys > 300, "{compared} compared, {with_keys} with keys");
}

#[test]
fn slots_are_those_that_the_server_says() {
    let redis = Redis::with(&["--cluster-enabled", "yes"]);
    let mut client = redis.client();
    for key in ["", "a", "foo", "{a}b", "x{a}{b}", "{}a", "a{", "}{a}", "{{a}}", "a\0b", "\u{fc}"] {
        let Value::Int(slot) = cmd!(client, "CLUSTER", "KEYSLOT", key) else { panic!("{key}") };
        assert_eq!(i64::from(Slot::of(key.as_bytes()).number()), slot, "{key:?}");
    }
}
