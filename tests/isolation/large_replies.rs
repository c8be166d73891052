//! A large reply to a client that reads it is nothing that others notice.

use std::collections::BTreeSet;

use crate::common::*;

/// The server's ids of the connections on which clients' reads have run last.
fn reading(stack: &Stack) -> BTreeSet<String> {
    let connections = stack.redis.connections();
    let reads = connections.iter().filter(|line| line.contains(" cmd=get "));
    reads.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn large_replies_end_no_connection() {
    each_mode(|stack| {
        const LARGE: usize = 3 << 20;
        let mut client = stack.client();
        let mut idle: Vec<Client> = (0..10).map(|_| stack.client()).collect();
        check!(client, "SET", "large", vec![b'x'; LARGE] => "+OK");
        check!(client, "SET", "small", "v" => "+OK");
        check!(client, "GET", "small" => "\"v\"");
        for other in &mut idle {
            check!(other, "GET", "small" => "\"v\"");
        }
        let before = reading(&stack);
        assert!(!before.is_empty());
        for _ in 0..20 {
            let Value::Bulk(value) = cmd!(client, "GET", "large") else { panic!("no value") };
            assert_eq!(value.len(), LARGE);
            check!(client, "GET", "small" => "\"v\"");
        }
        for other in &mut idle {
            check!(other, "GET", "small" => "\"v\"");
        }
        assert_eq!(reading(&stack), before, "connections before and after large replies");
    });
}
