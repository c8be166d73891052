//! File descriptors: raises the process' limit to what the configured number of clients needs.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is needed besides the clients: listening, logging, the control plane, lanes and idle exclusive connections.
const RESERVE: u64 = 256;

/// Raises the soft limit, as far as the hard one allows, to what `clients` can need, who may each have an upstream connection
/// too. Gives the number of clients that fit: those of `dedicated` mode always have one.
pub(super) fn provide(clients: usize, dedicated: bool) -> usize {
    let limit = getrlimit(Resource::Nofile);
    // No limit is told as none.
    let Some(soft) = limit.current else { return clients };
    let wanted = (clients as u64).saturating_mul(2).saturating_add(RESERVE);
    let raised = limit.maximum.map_or(wanted, |hard| hard.min(wanted)).max(soft);
    let new = Rlimit { current: Some(raised), maximum: limit.maximum };
    let current = match setrlimit(Resource::Nofile, new) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    let each = if dedicated { 2 } else { 1 };
    let fit = usize::try_from(current.saturating_sub(RESERVE) / each).unwrap_or(clients).max(1);
    if fit >= clients {
        return clients;
    }
    tracing::info!(
        "the limit of {current} open files is enough for {fit} clients, max_clients is {clients}; raise it (ulimit -n, \
         LimitNOFILE)"
    );
    fit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_grows_with_the_clients_and_never_shrinks() {
        let before = getrlimit(Resource::Nofile);
        assert_eq!(provide(1, true), 1);
        let after = getrlimit(Resource::Nofile);
        assert!(after.current >= before.current.min(Some(2 + RESERVE)));
        assert_eq!(after.maximum, before.maximum);
        assert!(provide(usize::MAX, false) >= provide(usize::MAX, true));
        assert!(getrlimit(Resource::Nofile).current >= after.current);
    }
}
