//! What kind of world it is.

use std::time::Duration;

use super::proxy::Setup;
use crate::random::Random;
use crate::script::{Cast, Kind, Step, generate, prepare};
use crate::server::{Server, Settings};

/// How much connections hold in each direction: where it is little, writes have to wait.
const SIZES: [&[usize]; 3] = [&[1 << 20], &[16, 300, 1 << 16], &[1 << 14]];

/// The kind of a world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(super) steps: u64,
    pub(super) dedicated: bool,
    /// Clients at a time.
    pub(super) clients: usize,
    pub(super) password: bool,
    pub(super) large: bool,
    pub(super) sizes: &'static [usize],
    /// Connections to the server break, fall silent, are refused.
    pub(super) faults: bool,
    /// Silence is not waited for, and there may be too few connections for all.
    pub(super) hasty: bool,
    pub(super) maxclients: usize,
    /// Keys say where they belong.
    pub(super) tagged: bool,
}

impl Plan {
    /// Everything works, only at its own pace.
    pub(crate) fn calm(seed: u64) -> Self {
        let mut random = Random::seeded(seed ^ 0x5EED);
        let size = random.below(SIZES.len());
        Self {
            steps: 300 + random.below(900) as u64,
            dedicated: random.one_in(4),
            clients: 1 + random.below(8),
            password: random.one_in(4),
            large: size == 0 && random.one_in(6),
            sizes: SIZES[size],
            faults: false,
            hasty: false,
            maxclients: 10_000,
            tagged: false,
        }
    }

    /// The server and the way to it fail.
    pub(crate) fn rough(seed: u64) -> Self {
        let mut random = Random::seeded(seed ^ 0xFA17);
        let hasty = random.one_in(2);
        let maxclients = if hasty && random.one_in(3) { 2 + random.below(5) } else { 10_000 };
        Self { faults: true, hasty, maxclients, ..Self::calm(seed) }
    }

    /// The same, and nothing may run where its client does not believe to be.
    pub(crate) fn tagged(seed: u64) -> Self {
        Self { tagged: true, password: false, ..Self::rough(seed) }
    }

    pub(super) fn setup(self) -> Setup {
        let seconds =
            |hasty, patient| Duration::from_secs(if self.hasty { hasty } else { patient });
        Setup {
            dedicated: self.dedicated,
            connect_timeout: seconds(2, 1_000_000),
            upstream_timeout: seconds(2, 0),
        }
    }

    pub(super) fn server(self) -> Server {
        self.server_for(self.maxclients, false)
    }

    /// The same, with room for everybody, and without need of sessiond.
    pub(super) fn roomy_server(self) -> Server {
        self.server_for(10_000, true)
    }

    fn server_for(self, maxclients: usize, sessions: bool) -> Server {
        let requirepass = self.password.then(|| "secret".to_owned());
        let settings =
            Settings { requirepass, maxclients, logs: true, sessions, ..Settings::default() };
        let mut server = Server::new(settings);
        prepare(&mut server);
        // Who may not say CLIENT SETNAME may be named by HELLO, and another connection could not be named like this one.
        let answer = server.administer(b"ACL SETUSER bob +client|setname\r\n");
        assert_eq!(answer, b"+OK\r\n");
        server
    }

    /// What a client of this world says.
    pub(super) fn script(self, random: &mut Random, prefix: String) -> Vec<Step> {
        if self.tagged {
            return super::tagged::script(random, &prefix);
        }
        let length = 5 + random.below(40);
        let mut filter = Filter::default();
        let mut pauses = false;
        let steps = generate(random, &self.cast(prefix), length).into_iter();
        let kept = steps.filter_map(|mut step| {
            // A look at the replies that a step left out would have come behind is not left out with it.
            pauses |= !step.joined;
            if !filter.keeps(&step) {
                return None;
            }
            step.joined &= !std::mem::take(&mut pauses);
            Some(step)
        });
        kept.collect()
    }

    fn cast(self, prefix: String) -> Cast {
        let password = self.password.then(|| "secret".to_owned());
        Cast { password, large: self.large, sessions: true, ..Cast::new(prefix) }
    }
}

/// Leaves out what sessiond is known to answer in another way than the server, or where what comes cannot be told apart.
#[derive(Default)]
struct Filter {
    in_multi: bool,
    marked: bool,
    tracked: bool,
    reset: bool,
    subscribed: bool,
    waits: bool,
}

impl Filter {
    fn keeps(&mut self, step: &Step) -> bool {
        match step.kind {
            Kind::Multi => self.in_multi = true,
            Kind::Exec | Kind::Discard => self.in_multi = false,
            Kind::Reset => (self.in_multi, self.reset) = (false, true),
            Kind::Subscribe => self.subscribed = true,
            Kind::WaitForEver => self.waits = true,
            Kind::Tracking => self.tracked |= !self.reset,
            Kind::Module => self.marked |= has(step, b"STATEFUL") > 0,
            _ => {}
        }
        match step.kind {
            // The server remembers beyond RESET which keys were read, for when they are tracked again.
            Kind::Tracking => !(self.tracked && self.reset),
            // What a module has kept is not kept beyond RESET.
            Kind::Module => !(self.marked && self.reset),
            // A transaction in which replies are switched off gets an array with too few elements. No client, of Redis or
            // of sessiond, can tell where the next reply begins.
            Kind::ReplyMode => !self.in_multi,
            // Confirmations of several channels and messages make the array longer than it says.
            Kind::Publish => !self.in_multi,
            Kind::Subscribe | Kind::Unsubscribe => !(self.in_multi && has(step, b":c") > 1),
            Kind::Hello | Kind::Id => !(self.in_multi && self.subscribed),
            // Only a socket can tell that a client has gone that is not read from.
            Kind::Large => !self.waits,
            _ => true,
        }
    }
}

fn has(step: &Step, word: &[u8]) -> usize {
    step.bytes.windows(word.len()).filter(|part| *part == word).count()
}
