//! Ties a child process to this one: it is killed when we end, whatever ends us.
#![allow(
    unsafe_code,
    reason = "what must happen between fork and exec can only be said with pre_exec"
)]

use std::{io, os::unix::process::CommandExt, process::Command};

use rustix::{
    fs::Mode,
    process::{getpid, getppid, set_parent_process_death_signal, umask},
};

/// Makes the process that `command` starts die by SIGKILL with the thread that starts it, and keeps
/// its files from everybody but our own user.
///
/// SIGKILL and not SIGTERM: a server that is busy in a script would put SIGTERM off for ever, and one
/// that takes its time could meet its successor on the same files. Redis writes its append-only
/// file before it answers, so no answered command is lost by that.
pub(super) fn tether(command: &mut Command) {
    let parent = getpid();
    let prepare = move || {
        umask(Mode::RWXG | Mode::RWXO);
        if cfg!(any(target_os = "linux", target_os = "android", target_os = "freebsd")) {
            set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            // We may have ended before the signal was asked for.
            if getppid() != Some(parent) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe work is allowed. `prepare` makes three
    // system calls and neither allocates nor takes a lock.
    unsafe { command.pre_exec(prepare) };
}
