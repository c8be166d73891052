//! Finds the server program, and says how to install one where there is none.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

use super::Error;

/// The programs that can serve, in order of preference.
const PROGRAMS: [&str; 2] = ["redis-server", "valkey-server"];

/// How package managers install one of them; the first that exists is told.
const INSTALLERS: [(&str, &str, bool); 7] = [
    ("apt-get", "apt-get install redis-server", true),
    ("dnf", "dnf install valkey", true),
    ("yum", "yum install redis", true),
    ("apk", "apk add redis", true),
    ("pacman", "pacman -S valkey", true),
    ("zypper", "zypper install redis", true),
    ("brew", "brew install redis", false),
];

/// The configured program, else the first on PATH.
pub(super) fn find(configured: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(program) = configured {
        return Ok(program.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = PROGRAMS.iter().find_map(|name| on_path(name, &path));
    found.ok_or_else(|| Error::NotInstalled { hint: hint(&path) })
}

fn on_path(name: &str, path: &OsStr) -> Option<PathBuf> {
    let candidates = env::split_paths(path).map(|folder| folder.join(name));
    candidates.into_iter().find(|file| file.is_file() && access(file, Access::EXEC_OK).is_ok())
}

fn hint(path: &OsStr) -> String {
    let installer = INSTALLERS.iter().find(|(name, ..)| on_path(name, path).is_some());
    match installer {
        Some((_, command, true)) if !rustix::process::geteuid().is_root() => {
            format!("install one with `sudo {command}`")
        }
        Some((_, command, _)) => format!("install one with `{command}`"),
        None => "install one with this machine's package manager".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn folder_with(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(folder.path().join(name), "").unwrap();
            let mode = fs::Permissions::from_mode(0o700);
            fs::set_permissions(folder.path().join(name), mode).unwrap();
        }
        folder
    }

    #[test]
    fn only_programs_that_can_be_run_are_found() {
        let folder = folder_with(&["valkey-server"]);
        fs::write(folder.path().join("redis-server"), "not executable").unwrap();
        let path = folder.path().as_os_str();
        assert_eq!(on_path("valkey-server", path), Some(folder.path().join("valkey-server")));
        assert_eq!(on_path("redis-server", path), None);
    }

    #[test]
    fn the_hint_fits_the_machine() {
        let alpine = folder_with(&["apk"]);
        assert!(hint(alpine.path().as_os_str()).contains("apk add redis"));
        let mac = folder_with(&["brew"]);
        assert_eq!(hint(mac.path().as_os_str()), "install one with `brew install redis`");
        let bare = folder_with(&[]);
        assert!(hint(bare.path().as_os_str()).contains("package manager"));
    }
}
