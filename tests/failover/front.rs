//! sessiond in front of a Sentinel group, in every mode, and what clients may be told while the primary changes.

use crate::common::*;

pub(crate) const LOST: &str = "UPSTREAM connection lost, the command may or may not have run";
pub(crate) const UNAVAILABLE: &str = "UPSTREAM unavailable: ";

/// Requests wait longer for an upstream than a test waits for a reply: an error of ours is then a finding.
pub(crate) const PATIENT: [&str; 2] = ["--hold", "120"];

/// One sessiond in this mode with further options; housekeeping is off, and trouble with the upstream no surprise.
pub(crate) fn front(mode: Mode, url: &str, options: &[&str]) -> Sessiond {
    let mut all = vec!["--upstream", url, "--wipe", "0"];
    all.extend_from_slice(options);
    let mut sessiond = Sessiond::start(&mode.options(&all));
    sessiond.expect_troubles();
    sessiond
}

/// One sessiond for every mode, all in front of the same group.
pub(crate) fn fronts(url: &str, options: &[&str]) -> Vec<Sessiond> {
    modes().iter().map(|mode| front(*mode, url, options)).collect()
}

/// The port of the server that answers this client, or why it is not known.
pub(crate) fn serving(client: &mut Client) -> Result<u16, String> {
    let reply = cmd!(client, "CONFIG", "GET", "port");
    if reply.is_error() {
        return Err(reply.error().to_owned());
    }
    Ok(reply.field("port").text().parse().unwrap())
}

/// Waits until this sessiond sends the requests of new clients to this node.
pub(crate) fn wait_served(sessiond: &Sessiond, group: &Group, node: usize) {
    let wanted = group.nodes[node].port();
    eventually("sessiond has gone over to the new primary", || {
        (serving(&mut sessiond.client()) == Ok(wanted)).then_some(())
    });
}

/// How often a node has been asked for a command, by its own count.
pub(crate) fn calls(group: &Group, node: usize, command: &str) -> u64 {
    let said = group.info(node, "commandstats", &format!("cmdstat_{command}"));
    let calls = said.as_deref().and_then(|said| said.strip_prefix("calls=")?.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

/// How often a node has answered an error of this kind, by its own count.
pub(crate) fn errors(group: &Group, node: usize, kind: &str) -> u64 {
    let said = group.info(node, "errorstats", &format!("errorstat_{kind}"));
    said.as_deref().and_then(|said| said.strip_prefix("count=")).map_or(0, |n| n.parse().unwrap())
}

/// The connections that sessiond has to a node: neither the test's own, nor those of the group among itself.
pub(crate) fn connections(group: &Group, node: usize) -> Vec<String> {
    let mut client = group.client(node);
    let own = format!("id={} ", client.id());
    let list = cmd!(client, "CLIENT", "LIST", "TYPE", "normal").text()
        + &cmd!(client, "CLIENT", "LIST", "TYPE", "pubsub").text();
    let foreign = |line: &&str| !line.starts_with(&own) && !line.contains(" name=sentinel-");
    list.lines().filter(foreign).map(str::to_owned).collect()
}
