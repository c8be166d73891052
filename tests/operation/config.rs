//! The configuration: files that are valid, files that are not and what is said about them, the
//! precedence of the sources, and the exit codes of the program.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sessiond::config::{
    Config,
    keys::{KEYS, Key},
};

const EXAMPLE_HEAD: &str = "\
# The configuration of sessiond: every key with its default. Start it with
#   sessiond --config sessiond.toml
# Every key is also an environment variable (SESSIOND_UPSTREAM_MODE) and a flag (--upstream-mode);
# flags win over variables, variables over this file.
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/operation/config").join(folder)).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn load_file(path: &Path) -> Result<Config, String> {
    Config::load(Some(path), [], []).map_err(|error| error.to_string())
}

fn key(name: &str) -> &'static Key {
    KEYS.iter().find(|key| key.name == name).unwrap()
}

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// A file with `text` in a folder that lives as long as the first value.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessiond.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn valid_files_are_taken_and_printed_so_that_they_read_back() {
    for path in files("valid") {
        let printed = load_file(&path).unwrap_or_else(|error| panic!("{error}")).to_toml();
        let (_folder, copy) = file(&printed);
        let again = load_file(&copy).unwrap_or_else(|error| panic!("{error}\n{printed}"));
        assert_eq!(printed, again.to_toml(), "{}", path.display());
    }
}

/// The first line of an invalid file is `# expected: ` and what follows the file's name.
#[test]
fn invalid_files_are_refused_with_the_expected_line() {
    for path in files("invalid") {
        let text = fs::read_to_string(&path).unwrap();
        let expected = text.lines().next().unwrap().strip_prefix("# expected: ").unwrap();
        let error =
            load_file(&path).err().unwrap_or_else(|| panic!("{} was taken", path.display()));
        assert_eq!(error, format!("{}:{expected}", path.display()));
    }
}

/// `text` as comment lines of at most 100 characters.
fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split_whitespace() {
        let full = lines.last().is_some_and(|line| line.len() + 1 + word.len() > 100);
        if full {
            lines.push("#".to_owned());
        }
        let line = lines.last_mut().unwrap();
        line.push(' ');
        line.push_str(word);
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_example_holds_every_key_with_its_default() {
    let mut expected = EXAMPLE_HEAD.to_owned();
    for key in KEYS {
        expected.push('\n');
        expected.push_str(&comment(key.doc));
        expected.push_str(&comment(&format!("It must be {}.", key.allowed)));
        writeln!(expected, "{} = {}", key.name, key.default).unwrap();
    }
    let path = root().join("sessiond.example.toml");
    let found = fs::read_to_string(&path).unwrap();
    assert!(found == expected, "the example should be:\n{expected}");
    let defaults = Config::load(None, [], []).unwrap();
    assert_eq!(load_file(&path).unwrap().to_toml(), defaults.to_toml());
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let (_folder, path) = file("ttl = 100\nns = \"file\"\nmax_clients = 1\n");
    let variables = environment(&[
        ("SESSIOND_TTL", "200"),
        ("SESSIOND_NS", "variable"),
        ("SESSIOND_CONFIG", path.to_str().unwrap()),
        ("UNRELATED", "x"),
    ]);
    let flags = [(key("ttl"), "300".to_owned())];
    let config = Config::load(None, variables, flags).unwrap();
    assert_eq!(config.session.ttl, 300);
    assert_eq!(config.session.ns, "variable");
    assert_eq!(config.server.max_clients, 1);
}

#[test]
fn the_config_flag_wins_over_the_variable() {
    let (_folder, path) = file("ttl = 100\n");
    let variables = environment(&[("SESSIOND_CONFIG", "/no/such/file")]);
    let config = Config::load(Some(&path), variables, []).unwrap();
    assert_eq!(config.session.ttl, 100);
    let variables = environment(&[("SESSIOND_CONFIG", "/no/such/file")]);
    let error = Config::load(None, variables, []).unwrap_err().to_string();
    assert_eq!(error, "/no/such/file: cannot be read: no such file or socket");
}

#[test]
fn every_source_is_named_in_its_errors() {
    for (name, value, start) in [
        ("SESSIOND_TTL", "9", "environment variable SESSIOND_TTL: ttl = \"9\" is not allowed"),
        ("SESSIOND_TLL", "99", "environment variable SESSIOND_TLL: unknown key tll = \"99\""),
        ("SESSIOND_ttl", "99", "environment variable SESSIOND_ttl: unknown key ttl"),
    ] {
        let error = Config::load(None, environment(&[(name, value)]), []).unwrap_err().to_string();
        assert!(error.starts_with(start), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let flags = [(key("upstream_mode"), "both".to_owned())];
    let error = Config::load(None, [], flags).unwrap_err().to_string();
    let expected = "flag --upstream-mode: upstream_mode = \"both\" is not allowed; \
                    it must be shared or dedicated";
    assert_eq!(error, expected);
}

#[test]
fn user_and_password_win_over_the_url() {
    let variables = environment(&[
        ("SESSIOND_UPSTREAM", "redis://old:%70w@cache:7000/3"),
        ("SESSIOND_UPSTREAM_PASSWORD", "new"),
    ]);
    let endpoint = Config::load(None, variables, []).unwrap().upstream.site.unwrap();
    let credentials = endpoint.credentials.clone().unwrap();
    assert_eq!(credentials.user.as_deref(), Some("old"));
    assert_eq!(credentials.password.expose(), b"new");
    assert_eq!(endpoint.to_string(), "redis://cache:7000/3");
}

#[test]
fn secrets_are_never_shown() {
    let url = "redis://app:hunter2@h/1";
    let config = Config::load(None, environment(&[("SESSIOND_UPSTREAM", url)]), []).unwrap();
    let printed = config.to_toml();
    assert!(printed.contains("upstream = \"redis://h:6379/1\"\n"), "{printed}");
    assert!(printed.contains("upstream_password = \"***\" # hidden\n"), "{printed}");
    assert!(!format!("{printed} {config:?}").contains("hunter2"));
    for (name, value) in [
        ("SESSIOND_UPSTREAM", "redis://app:hunter2@h:port"),
        ("SESSIOND_UPSTREAM_PASWORD", "hunter2"),
        ("SESSIOND_UPSTREAM_PASSWORD", "hunter2"),
    ] {
        let error = Config::load(None, environment(&[(name, value)]), []).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

fn sessiond(flags: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sessiond"));
    command.args(flags).envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn the_program_checks_and_prints() {
    let checked = sessiond(&["--check-config", "--ttl", "60"], &[]);
    assert!(checked.status.success());
    assert_eq!(checked.stdout, b"the configuration is valid\n");
    let printed = sessiond(&["--print-config"], &[("SESSIOND_TTL", "60")]);
    assert!(printed.status.success());
    assert!(String::from_utf8(printed.stdout).unwrap().contains("\nttl = 60\n"));
    assert!(sessiond(&["--help"], &[]).status.success());
    assert!(sessiond(&["--version"], &[]).status.success());
}

#[test]
fn the_program_refuses_with_64_and_one_line() {
    let (_folder, path) = file("ttl = \"x\"\n");
    let path = path.to_str().unwrap();
    for (flags, variables, expected) in [
        (&["--check-config", "--ttl", "-1"][..], &[][..], "flag --ttl: ttl = \"-1\" "),
        (&["--tll", "1"], &[], "--tll"),
        (&["--ttl"], &[], "--ttl"),
        (&["stray"], &[], "stray"),
        (&["--print-config"], &[("SESSIOND_TTL", "1")], "SESSIOND_TTL: ttl = \"1\" "),
        (&["--config", path], &[], "sessiond.toml:1: ttl = \"x\" "),
    ] {
        let output = sessiond(flags, variables);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{told}");
        assert!(told.starts_with("sessiond: ") && told.contains(expected), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(output.stdout.is_empty());
    }
}
