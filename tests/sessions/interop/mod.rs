//! The npm library `redis-sessions` 4.0.0 and sessiond on one Redis. The library runs unchanged in a Node child.

mod defects;

use serde_json::{Value as Json, json};

use crate::common::*;

/// What the library needs to know of a session, as JSON.
fn create(library: &mut LibrarySessions, options: Json) -> String {
    let created = library.call("create", options);
    created["token"].as_str().unwrap_or_else(|| panic!("create answered {created}")).to_owned()
}

fn user(id: &str) -> Json {
    json!({ "app": "app", "id": id, "ip": "1.2.3.4", "ttl": 1000 })
}

fn of(token: &str) -> Json {
    json!({ "app": "app", "token": token })
}

/// A session in JSON form without its idle time.
fn seen(client: &mut Client, token: &str) -> Json {
    let reply = cmd!(client, "SESSION.GET", "app", token, "PEEK", "JSON");
    serde_json::from_str(&reply.text()).unwrap()
}

#[test]
fn both_sides_see_change_and_kill_each_others_sessions() {
    each_mode(|stack| {
        for port in [stack.redis.port(), stack.port()] {
            let mut client = stack.client();
            let mut redis = stack.redis.client();
            let mut library = LibrarySessions::on(port);

            let token = create(
                &mut library,
                json!({
                    "app": "app", "id": "user", "ip": "1.2.3.4", "ttl": 1000, "d": {"a": 1, "b": "x", "c": null},
                }),
            );
            let session = seen(&mut client, &token);
            assert_eq!(session["d"], json!({"a": 1, "b": "x"}));
            assert_eq!(
                (&session["id"], &session["r"], &session["ttl"]),
                (&json!("user"), &json!(1), &json!(1000))
            );
            cmd!(client, "SESSION.SET", "app", token, "{\"b\":null,\"z\":true}");
            cmd!(client, "SESSION.GET", "app", token);
            let got = library.call("get", of(&token));
            assert_eq!(got["d"], json!({"a": 1, "z": true}));
            assert_eq!((&got["r"], &got["w"]), (&json!(2), &json!(2)));
            let set = json!({ "app": "app", "token": token, "d": {"n": 7} });
            assert_eq!(library.call("set", set)["w"], json!(3));
            assert_eq!(seen(&mut client, &token)["d"], json!({"a": 1, "z": true, "n": 7}));

            let own = cmd!(
                client,
                "SESSION.CREATE",
                "app",
                "user",
                "::1",
                "DATA",
                "{\"k\":1.5}",
                "NORESAVE"
            )
            .text();
            let got = library.call("get", of(&own));
            assert_eq!(
                (&got["d"], &got["no_resave"], &got["ip"]),
                (&json!({"k": 1.5}), &json!(true), &json!("::1"))
            );
            let listed = library.call("soid", json!({ "app": "app", "id": "user" }));
            assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
            let listed = library.call("soapp", json!({ "app": "app", "deltaTime": 60 }));
            assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
            assert_eq!(cmd!(client, "SESSION.SOID", "app", "user").items().len(), 2);
            let activity = library.call("activity", json!({ "app": "app", "deltaTime": 60 }));
            assert_eq!(activity, json!({ "activity": 1 }));
            check!(client, "SESSION.ACTIVITY", "app" => "1");
            assert_consistent_within(&mut redis, "app", 2);

            check!(client, "SESSION.KILL", "app", token => "1");
            assert_eq!(library.call("get", of(&token)), Json::Null);
            assert_eq!(library.call("kill", of(&own)), json!({ "kill": 1 }));
            check!(client, "SESSION.GET", "app", own => "$nil");
            assert!(redis.dump().is_empty(), "{:?}", redis.dump());

            for killer in ["killsoid", "killall", "SESSION.KILLSOID", "SESSION.KILLALL"] {
                create(&mut library, user("one"));
                cmd!(client, "SESSION.CREATE", "app", "one", "ip");
                match killer {
                    "killsoid" => {
                        let killed = library.call("killsoid", json!({ "app": "app", "id": "one" }));
                        assert_eq!(killed, json!({ "kill": 2 }));
                    }
                    "killall" => {
                        assert_eq!(
                            library.call("killall", json!({ "app": "app" })),
                            json!({ "kill": 2 })
                        );
                    }
                    "SESSION.KILLSOID" => check!(client, "SESSION.KILLSOID", "app", "one" => "2"),
                    _ => check!(client, "SESSION.KILLALL", "app" => "2"),
                }
                assert!(redis.dump().is_empty(), "{killer}: {:?}", redis.dump());
            }

            let token = create(&mut library, user("late"));
            age(&mut redis, "app", &token, 2000);
            check!(client, "SESSION.WIPE" => "1");
            let token = cmd!(client, "SESSION.CREATE", "app", "late", "ip", "TTL", "10").text();
            age(&mut redis, "app", &token, 2000);
            library.call("_wipe", Json::Null);
            assert!(redis.dump().is_empty(), "{:?}", redis.dump());
        }
    });
}

#[test]
fn the_librarys_cache_hears_of_our_changes() {
    each_mode(|stack| {
        for port in [stack.redis.port(), stack.port()] {
            let mut client = stack.client();
            let mut library = LibrarySessions::cached_on(port);
            let token = create(&mut library, user("user"));
            assert!(library.call("get", of(&token)).is_object());
            cmd!(client, "SESSION.SET", "app", token, "{\"fresh\":1}");
            eventually("the cached copy is dropped after SESSION.SET", || {
                (library.call("get", of(&token))["d"] == json!({ "fresh": 1 })).then_some(())
            });
            check!(client, "SESSION.KILL", "app", token => "1");
            eventually("the cached copy is dropped after SESSION.KILL", || {
                library.call("get", of(&token)).is_null().then_some(())
            });
        }
    });
}
