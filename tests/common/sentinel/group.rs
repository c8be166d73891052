//! Starting a Sentinel group, asking it who is the primary, and making it fail over.

use super::super::client::Client;
use super::super::member::{Kind, Login, Member};
use super::super::value::Value;
use super::super::wait::eventually;

/// The name under which the Sentinels know the group.
pub(crate) const SERVICE: &str = "main";

/// Replies are patient: a Sentinel's timers in their quickest reasonable form. A machine that is late by seconds does not
/// make it stop working (its "tilt").
const QUICK: [&str; 12] = [
    "info-period",
    "300",
    "publish-period",
    "300",
    "ask-period",
    "300",
    "ping-period",
    "200",
    "tilt-trigger",
    "60000",
    "tilt-period",
    "1000",
];

/// What a group is to be like.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// What the nodes want to hear from everybody, each other included.
    pub(crate) login: Option<Login>,
    /// What the Sentinels want to hear.
    pub(crate) sentinel_login: Option<Login>,
    /// After how many milliseconds of silence a primary is down.
    pub(crate) down_after: u32,
    /// Further lines in the nodes' files.
    pub(crate) node_lines: &'static str,
}

impl Plan {
    /// Nobody needs a password; a primary counts as down after a second.
    pub(crate) const PLAIN: Plan =
        Plan { login: None, sentinel_login: None, down_after: 1000, node_lines: "" };
}

/// A running group. Nodes and Sentinels have the numbers 0 to 2; node 0 is the primary at first.
pub(crate) struct Group {
    pub(crate) sentinels: Vec<Member>,
    pub(crate) nodes: Vec<Member>,
    plan: Plan,
}

impl Group {
    /// A group without passwords.
    pub(crate) fn start() -> Group {
        Group::with(Plan::PLAIN)
    }

    /// A group, ready to fail over.
    pub(crate) fn with(plan: Plan) -> Group {
        let primary = Member::start(Kind::Node, plan.login, |_| node_lines(plan, None));
        let first = primary.port();
        let mut group = Group { sentinels: Vec::new(), nodes: vec![primary], plan };
        for _ in 0..2 {
            let lines = |_| node_lines(plan, Some(first));
            group.nodes.push(Member::start(Kind::Node, plan.login, lines));
        }
        // A Sentinel that starts later knows the replicas with its first question.
        group.wait_replicas(0);
        for _ in 0..3 {
            let lines = |_| sentinel_lines(plan, first);
            let sentinel = Member::start(Kind::Sentinel, plan.sentinel_login, lines);
            quicken(&sentinel);
            group.sentinels.push(sentinel);
        }
        group.settled();
        group
    }

    /// The address as sessiond's `--upstream` wants it.
    pub(crate) fn url(&self) -> String {
        let ports: Vec<u16> = self.sentinels.iter().map(Member::port).collect();
        self.url_by(&ports)
    }

    /// The address with these Sentinels in it.
    pub(crate) fn url_by(&self, ports: &[u16]) -> String {
        let hosts: Vec<String> = ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        let login = self.plan.login.map(Login::in_url).unwrap_or_default();
        format!("redis+sentinel://{login}{}/{SERVICE}", hosts.join(","))
    }

    /// A client of a node itself.
    pub(crate) fn client(&self, node: usize) -> Client {
        self.nodes[node].client()
    }

    /// The node that all running Sentinels name; none while they do not agree.
    pub(crate) fn named(&self) -> Option<usize> {
        let mut named = self.running_sentinels().map(|sentinel| {
            let mut client = sentinel.client();
            let reply = client.run(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
            let Value::Array(address) = reply else { return None };
            self.node_on(&address[1].text())
        });
        let first = named.next().expect("a running sentinel")?;
        named.all(|other| other == Some(first)).then_some(first)
    }

    /// The primary: the node that all running Sentinels name and that says so itself.
    pub(crate) fn primary(&self) -> usize {
        eventually("one primary for all", || self.named().filter(|node| self.is_primary(*node)))
    }

    /// Whether a node can be reached and says that it is a primary.
    pub(crate) fn is_primary(&self, node: usize) -> bool {
        self.role(node).is_some_and(|role| role == "master")
    }

    /// Waits until another node than `old` is the primary.
    pub(crate) fn wait_other_than(&self, old: usize) -> usize {
        eventually("another primary", || {
            self.named().filter(|node| *node != old && self.is_primary(*node))
        })
    }

    /// A planned failover: the primary hands over while it is well. The node that takes over.
    pub(crate) fn fail_over(&self) -> usize {
        let old = self.primary();
        eventually("the failover begins", || {
            // Not now, because no replica is good enough yet or the last one is not over, is no failure.
            let mut sentinel = self.running_sentinels().next()?.client();
            let reply = sentinel.run(&["SENTINEL", "FAILOVER", SERVICE]);
            (reply.to_string() == "+OK").then_some(())
        });
        self.wait_other_than(old)
    }

    /// Waits until the group is whole: every running node that is not the primary follows it, and the Sentinels have
    /// seen that, and each other.
    pub(crate) fn settled(&self) {
        let primary = self.primary();
        self.wait_replicas(primary);
        for sentinel in self.running_sentinels() {
            let mut client = sentinel.client();
            eventually("the sentinels have seen the whole group", || {
                let seen = client.run(&["SENTINEL", "MASTER", SERVICE]);
                let others = seen.field("num-other-sentinels").text();
                let replicas = client.run(&["SENTINEL", "REPLICAS", SERVICE]);
                let well = |replica: &&Value| {
                    let port = replica.field("port").text();
                    let running =
                        self.node_on(&port).is_some_and(|node| self.nodes[node].running());
                    running
                        && replica.field("flags").text() == "slave"
                        && replica.field("master-link-status").text() == "ok"
                        && replica.field("master-port").text()
                            == self.nodes[primary].port().to_string()
                };
                let count = replicas.items().iter().filter(well).count();
                let wanted = self.running_nodes() - 1;
                let well = seen.field("flags").text() == "master";
                (well && others == "2" && count == wanted).then_some(())
            });
        }
    }

    /// Waits until every running replica has what the primary holds now.
    pub(crate) fn replicated(&self, primary: usize) {
        let offset = self.offset(primary).expect("a primary has an offset");
        for node in (0..self.nodes.len()).filter(|node| *node != primary) {
            if self.nodes[node].running() {
                eventually("the replicas have all", || {
                    self.offset(node).filter(|reached| *reached >= offset)
                });
            }
        }
    }

    /// How often the group has changed its primary.
    pub(crate) fn changes(&self) -> usize {
        let logs = self.running_sentinels().map(Member::log);
        logs.map(|log| log.matches("+switch-master").count()).max().expect("a running sentinel")
    }

    /// What a node's `INFO` says in a field of a section.
    pub(crate) fn info(&self, node: usize, section: &str, field: &str) -> Option<String> {
        let text = self.client(node).run(&["INFO", section]).text();
        let mut lines = text.lines();
        let start = format!("{field}:");
        lines.find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    }

    /// The node on a port.
    pub(crate) fn node_on(&self, port: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.port().to_string() == port)
    }

    fn role(&self, node: usize) -> Option<String> {
        if !self.nodes[node].running() {
            return None;
        }
        let reply = self.nodes[node].try_client()?.run(&["ROLE"]);
        matches!(reply, Value::Array(_)).then(|| reply.items()[0].text())
    }

    fn offset(&self, node: usize) -> Option<i64> {
        let field = if self.is_primary(node) { "master_repl_offset" } else { "slave_repl_offset" };
        self.info(node, "replication", field)?.parse().ok()
    }

    fn running_nodes(&self) -> usize {
        self.nodes.iter().filter(|node| node.running()).count()
    }

    fn running_sentinels(&self) -> impl Iterator<Item = &Member> {
        self.sentinels.iter().filter(|sentinel| sentinel.running())
    }

    /// Waits until a primary has all other running nodes as replicas.
    fn wait_replicas(&self, primary: usize) {
        let wanted = self.running_nodes() - 1;
        eventually("the replicas follow", || {
            let text = self.client(primary).run(&["INFO", "replication"]).text();
            (text.matches("state=online").count() == wanted).then_some(())
        });
    }
}

fn node_lines(plan: Plan, primary: Option<u16>) -> String {
    let mut lines = "save \"\"\nenable-debug-command yes\nrepl-diskless-sync-delay 0\n".to_owned();
    lines += "repl-ping-replica-period 1\n";
    if let Some(Login { user, password }) = plan.login {
        lines += &format!("masterauth {password}\n");
        lines += &user.map(|user| format!("masteruser {user}\n")).unwrap_or_default();
    }
    lines += &primary.map(|port| format!("replicaof 127.0.0.1 {port}\n")).unwrap_or_default();
    lines + plan.node_lines + "\n"
}

fn sentinel_lines(plan: Plan, primary: u16) -> String {
    let down_after = plan.down_after;
    let mut lines = format!("sentinel monitor {SERVICE} 127.0.0.1 {primary} 2\n");
    lines += &format!("sentinel down-after-milliseconds {SERVICE} {down_after}\n");
    lines += &format!("sentinel failover-timeout {SERVICE} 2000\n");
    lines += &format!("sentinel parallel-syncs {SERVICE} 1\n");
    if let Some(Login { user, password }) = plan.login {
        lines += &format!("sentinel auth-pass {SERVICE} {password}\n");
        if let Some(user) = user {
            lines += &format!("sentinel auth-user {SERVICE} {user}\n");
        }
    }
    if let Some(Login { user, password }) = plan.sentinel_login {
        lines += &format!("sentinel sentinel-pass {password}\n");
        lines += &user.map(|user| format!("sentinel sentinel-user {user}\n")).unwrap_or_default();
    }
    lines
}

/// Lets a Sentinel look more often than every second to ten. One that cannot do that is slower.
fn quicken(sentinel: &Member) {
    let mut command = vec!["SENTINEL", "DEBUG"];
    command.extend(QUICK);
    sentinel.client().run(&command);
}
