//! `CLIENT TRACKING`, `CACHING`, `GETREDIR` and `TRACKINGINFO`.

use super::text::{is, join, shown};
use super::{Args, Server, Text, number};

/// What a client asks for.
#[derive(Default)]
struct Options {
    broadcast: bool,
    opt_in: bool,
    opt_out: bool,
    no_loop: bool,
    redirect: i64,
    prefixes: Vec<Text>,
}

pub(super) fn tracking(server: &mut Server, id: u64, args: &Args) {
    let options = match parse(server, args) {
        Ok(options) => options,
        Err(error) => return server.client(id).error(error),
    };
    if is(&args[2], "off") {
        server.stop_tracking(id);
    } else if is(&args[2], "on") {
        if let Err(error) = check(server, id, &options) {
            return server.client(id).error(error);
        }
        if options.broadcast && !check_prefixes(server, id, &options.prefixes) {
            return;
        }
        begin(server, id, options);
    } else {
        return server.client(id).syntax_error();
    }
    server.client(id).ok();
}

fn parse(server: &Server, args: &Args) -> Result<Options, &'static str> {
    let mut options = Options::default();
    let mut rest = args[3..].iter();
    while let Some(option) = rest.next() {
        if is(option, "redirect")
            && let Some(target) = rest.clone().next()
        {
            rest.next();
            if options.redirect != 0 {
                return Err("A client can only redirect to a single other client");
            }
            let target =
                number::integer(target).ok_or("value is not an integer or out of range")?;
            if !u64::try_from(target).is_ok_and(|target| server.clients.contains_key(&target)) {
                return Err("The client ID you want redirect to does not exist");
            }
            options.redirect = target;
        } else if is(option, "bcast") {
            options.broadcast = true;
        } else if is(option, "optin") {
            options.opt_in = true;
        } else if is(option, "optout") {
            options.opt_out = true;
        } else if is(option, "noloop") {
            options.no_loop = true;
        } else if is(option, "prefix")
            && let Some(prefix) = rest.next()
        {
            options.prefixes.push(prefix.clone());
        } else {
            return Err("syntax error");
        }
    }
    Ok(options)
}

/// Whether the options fit together, and to how the client tracks already.
fn check(server: &mut Server, id: u64, options: &Options) -> Result<(), &'static str> {
    let now = &server.client(id).tracking;
    if !options.broadcast && !options.prefixes.is_empty() {
        return Err("PREFIX option requires BCAST mode to be enabled");
    }
    if now.on && now.broadcast != options.broadcast {
        return Err("You can't switch BCAST mode on/off before disabling tracking for this \
                    client, and then re-enabling it with a different mode.");
    }
    if options.broadcast && (options.opt_in || options.opt_out) {
        return Err("OPTIN and OPTOUT are not compatible with BCAST");
    }
    if options.opt_in && options.opt_out {
        return Err("You can't specify both OPTIN mode and OPTOUT mode");
    }
    if (options.opt_in && now.opt_out) || (options.opt_out && now.opt_in) {
        return Err("You can't switch OPTIN/OPTOUT mode before disabling tracking for this \
                    client, and then re-enabling it with a different mode.");
    }
    Ok(())
}

/// Whether no key has two prefixes; says so otherwise. As in Redis, only some mistakes end the command.
fn check_prefixes(server: &mut Server, id: u64, prefixes: &[Text]) -> bool {
    let overlap = |a: &[u8], b: &[u8]| a.starts_with(b) || b.starts_with(a);
    for (at, prefix) in prefixes.iter().enumerate() {
        let known = server.client(id).tracking.prefixes.iter();
        let clash = known.clone().find(|known| overlap(known, prefix)).cloned();
        let (what, other, ends) = match (clash, prefixes[at + 1..].iter()) {
            (Some(known), _) => (&b"' overlaps with an existing prefix '"[..], known, true),
            (None, mut later) => match later.find(|later| overlap(later, prefix)) {
                Some(later) => {
                    (&b"' overlaps with another provided prefix '"[..], later.clone(), at == 0)
                }
                None => continue,
            },
        };
        let end = b"'. Prefixes for a single client must not overlap.";
        let (prefix, other) = (shown(prefix, usize::MAX), shown(&other, usize::MAX));
        server.client(id).error(join([b"Prefix '", prefix, what, other, end]));
        return !ends;
    }
    true
}

fn begin(server: &mut Server, id: u64, options: Options) {
    server.tracking.in_use = true;
    let tracking = &mut server.client(id).tracking;
    tracking.on = true;
    tracking.broken = false;
    tracking.broadcast = options.broadcast;
    tracking.opt_in = options.opt_in;
    tracking.opt_out = options.opt_out;
    tracking.no_loop = options.no_loop;
    tracking.redirect = u64::try_from(options.redirect).unwrap_or(0);
    if options.broadcast {
        let mut prefixes = options.prefixes;
        if prefixes.is_empty() {
            prefixes.push(Text::new());
        }
        for prefix in prefixes {
            server.client(id).tracking.prefixes.insert(prefix.clone());
            server.tracking.prefixes.entry(prefix).or_default().clients.insert(id);
        }
    }
}

pub(super) fn caching(server: &mut Server, id: u64, args: &Args) {
    let client = server.client(id);
    if !client.tracking.on {
        return client.error(
            "CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
             OPTOUT mode enabled",
        );
    }
    if is(&args[2], "yes") {
        if !client.tracking.opt_in {
            return client
                .error("CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.");
        }
    } else if is(&args[2], "no") {
        if !client.tracking.opt_out {
            return client
                .error("CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.");
        }
    } else {
        return client.syntax_error();
    }
    client.tracking.caching = true;
    client.ok();
}

pub(super) fn getredir(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    client.integer(client.redirection());
}

pub(super) fn trackinginfo(server: &mut Server, id: u64, _: &Args) {
    let client = server.client(id);
    let tracking = client.tracking.clone();
    let caching = tracking.caching;
    let flags = [
        (tracking.on, "on"),
        (!tracking.on, "off"),
        (tracking.broadcast, "bcast"),
        (tracking.opt_in, "optin"),
        (tracking.opt_in && caching, "caching-yes"),
        (tracking.opt_out, "optout"),
        (tracking.opt_out && caching, "caching-no"),
        (tracking.no_loop, "noloop"),
        (tracking.broken, "broken_redirect"),
    ];
    client.map(3);
    client.bulk(b"flags");
    client.late(|client| client.set(flags.iter().filter(|(set, _)| *set).count()));
    for (_, flag) in flags.iter().filter(|(set, _)| *set) {
        client.bulk(flag.as_bytes());
    }
    client.bulk(b"redirect");
    client.integer(client.redirection());
    client.bulk(b"prefixes");
    client.array(tracking.prefixes.len());
    for prefix in &tracking.prefixes {
        client.bulk(prefix);
    }
}
