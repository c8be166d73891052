//! sessiond as a process: stopped for a while, so that what happens meanwhile has all happened when it looks.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::*;

/// The process that serves a client.
pub(crate) struct Process(Pid);

/// Asks a client's sessiond which process it is.
pub(crate) fn process(client: &mut Client) -> Process {
    let info = cmd!(client, "INFO", "everything").text();
    let line = info.lines().find(|line| line.starts_with("sessiond_process_id:")).unwrap();
    Process(Pid::from_raw(line["sessiond_process_id:".len()..].parse().unwrap()).unwrap())
}

impl Process {
    /// How many descriptors it has open, where the system tells that.
    pub(crate) fn descriptors(&self) -> Option<usize> {
        let listing = format!("/proc/{}/fd", self.0.as_raw_nonzero());
        fs::read_dir(listing).ok().map(Iterator::count)
    }
}

/// It stands still as long as this is there.
pub(crate) struct Frozen(Pid);

impl Frozen {
    pub(crate) fn stop(process: &Process) -> Frozen {
        kill_process(process.0, Signal::STOP).unwrap();
        Frozen(process.0)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}
