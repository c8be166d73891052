//! Other languages: programs beside the tests, and the npm library `redis-sessions` as a child to talk to.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

/// The folder with the Node programs and their packages.
pub(crate) fn node_dir() -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients/node");
    assert!(
        dir.join("node_modules").is_dir(),
        "the Node clients are not installed: run `make test-setup`"
    );
    dir
}

/// The Python of the test environment.
pub(crate) fn python() -> PathBuf {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools/venv/bin/python");
    assert!(python.is_file(), "the Python clients are not installed: run `make test-setup`");
    python
}

/// Runs a program to its end; its output is the failure's text.
pub(crate) fn run_checked(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output =
        output.unwrap_or_else(|error| panic!("{command:?}: {error}; run `make test-setup`"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed\n{stdout}\n{stderr}");
    stdout + &stderr
}

/// The npm library `redis-sessions`, used as it is, in a child that takes one call per line.
pub(crate) struct LibrarySessions {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl LibrarySessions {
    /// The library with its Redis on this port.
    pub(crate) fn on(port: u16) -> LibrarySessions {
        LibrarySessions::with(json!({ "port": port, "wipe": 0 }))
    }

    /// The library with its in-memory cache switched on.
    pub(crate) fn cached_on(port: u16) -> LibrarySessions {
        LibrarySessions::with(json!({ "port": port, "wipe": 0, "cachetime": 600 }))
    }

    fn with(options: Json) -> LibrarySessions {
        let dir = node_dir();
        let mut child = Command::new("node")
            .arg(dir.join("redis-sessions-driver.js"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed: `make test-setup` installs it");
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        LibrarySessions { child, input, output }
    }

    /// Calls a method; an exception of the library comes back as `{"threw": message}`.
    pub(crate) fn call(&mut self, method: &str, options: Json) -> Json {
        self.request(json!({ "method": method, "options": options }))
    }

    /// Calls a method, with another call made in the middle of it: right after its first use of the
    /// client function `after`, as a second process would. The other call is `[method, options]`.
    pub(crate) fn call_racing(
        &mut self,
        method: &str,
        options: Json,
        after: &str,
        meanwhile: (&str, Json),
    ) -> Json {
        self.request(json!({
            "method": method,
            "options": options,
            "after": after,
            "meanwhile": { "method": meanwhile.0, "options": meanwhile.1 },
        }))
    }

    fn request(&mut self, request: Json) -> Json {
        writeln!(self.input, "{request}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{request} answered {line:?}"))
    }
}

impl Drop for LibrarySessions {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
