//! The private server's places: the data directory, its lock, and the socket.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::geteuid,
};
use sha1::{Digest, Sha1};

use super::Error;
use crate::net::reason;

/// What a socket's path may measure in bytes: `sun_path` without its final zero, on the systems where
/// it is shortest (108 on Linux, 104 on macOS and the BSDs).
const LONGEST_SOCKET_PATH: usize = 103;

/// How often, and how far apart, the lock is tried.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

const SOCKET: &str = "redis.sock";

/// The data directory, locked for as long as this value lives.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    socket: PathBuf,
    /// The directory that was made for a socket whose path would else be too long.
    aside: Option<PathBuf>,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if it is missing (for our user alone), locks it and finds a place for the
    /// socket.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let unusable = |error: io::Error| unusable(path, &reason(&error));
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        let lock = lock(&path)?;
        let beside = path.join(SOCKET);
        let (socket, aside) = match beside.as_os_str().len() <= LONGEST_SOCKET_PATH {
            true => (beside, None),
            false => {
                let aside = private_directory(&path)?;
                (aside.join(SOCKET), Some(aside))
            }
        };
        Ok(Self { path, socket, aside, _lock: lock })
    }

    /// The absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the server shall listen.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Left there by a server that was killed; nobody else can have put it there.
        let _ = fs::remove_file(&self.socket);
        if let Some(aside) = &self.aside {
            let _ = fs::remove_dir(aside);
        }
    }
}

/// `$XDG_DATA_HOME/sessiond`, else `~/.local/share/sessiond`, else `sessiond-data` in the working
/// directory.
pub fn default_data_dir() -> PathBuf {
    data_dir_of(env::var_os("XDG_DATA_HOME").map(Into::into), env::var_os("HOME").map(Into::into))
}

fn data_dir_of(data_home: Option<PathBuf>, home: Option<PathBuf>) -> PathBuf {
    // The XDG rules say that a relative path there is to be ignored.
    let data_home = data_home.filter(|path| path.is_absolute());
    let home = home.filter(|path| path.is_absolute()).map(|home| home.join(".local/share"));
    match data_home.or(home) {
        Some(folder) => folder.join("sessiond"),
        None => PathBuf::from("sessiond-data"),
    }
}

/// Takes `path/lock` or says who has it. The lock ends with this process however it ends.
fn lock(path: &Path) -> Result<File, Error> {
    let unusable = |error: io::Error| unusable(path, &reason(&error));
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(path.join("lock")).map_err(unusable)?;
    let mut attempts = 0;
    while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
        attempts += 1;
        match error {
            // Whoever was killed a moment ago may not be quite gone.
            rustix::io::Errno::WOULDBLOCK if attempts < LOCK_ATTEMPTS => {
                std::thread::sleep(LOCK_PAUSE);
            }
            rustix::io::Errno::WOULDBLOCK => {
                let mut pid = String::new();
                // Only told to people, so that a failure to read it changes nothing.
                let _ = file.read_to_string(&mut pid);
                let known = Some(pid.trim()).filter(|pid| !pid.is_empty());
                let pid = known.unwrap_or("unknown").to_owned();
                return Err(Error::InUse { path: path.to_owned(), pid });
            }
            error => return Err(unusable(error.into())),
        }
    }
    file.set_len(0).and_then(|()| file.rewind()).map_err(unusable)?;
    writeln!(file, "{}", process::id()).map_err(unusable)?;
    Ok(file)
}

/// A directory with a short path that only our user can enter, the same one for the same data.
fn private_directory(data: &Path) -> Result<PathBuf, Error> {
    let base = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let base = base.filter(|base| base.is_dir()).unwrap_or_else(env::temp_dir);
    let digest = Sha1::digest(data.as_os_str().as_encoded_bytes());
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let path = base.join(format!("sessiond-{}-{name}", geteuid().as_raw()));
    if path.join(SOCKET).as_os_str().len() > LONGEST_SOCKET_PATH {
        return Err(unusable(data, "its path and that of the temporary directory are too long"));
    }
    match DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Anybody can make a directory of this name in a shared one: take it only if it is ours.
            let found = fs::symlink_metadata(&path).map_err(|e| unusable(&path, &reason(&e)))?;
            let closed = found.permissions().mode() & 0o077 == 0;
            match found.is_dir() && found.uid() == geteuid().as_raw() && closed {
                true => Ok(path),
                false => Err(unusable(&path, "it is not private to this user")),
            }
        }
        Err(error) => Err(unusable(&path, &reason(&error))),
    }
}

fn unusable(path: &Path, why: &str) -> Error {
    Error::Directory { path: path.to_owned(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_follows_the_xdg_rules() {
        let some = |path: &str| Some(PathBuf::from(path));
        assert_eq!(data_dir_of(some("/x"), some("/h")), Path::new("/x/sessiond"));
        assert_eq!(data_dir_of(some("x"), some("/h")), Path::new("/h/.local/share/sessiond"));
        assert_eq!(data_dir_of(None, None), Path::new("sessiond-data"));
    }

    #[test]
    fn a_directory_is_made_private_and_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let first = DataDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        match DataDir::open(&path) {
            Err(Error::InUse { pid, .. }) => assert_eq!(pid, process::id().to_string()),
            other => panic!("{other:?}"),
        }
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn a_long_path_gets_its_socket_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("d".repeat(120));
        let directory = DataDir::open(&path).unwrap();
        let aside = directory.socket().parent().unwrap().to_owned();
        assert!(directory.socket().as_os_str().len() <= LONGEST_SOCKET_PATH);
        assert_eq!(fs::metadata(&aside).unwrap().permissions().mode() & 0o777, 0o700);
        drop(directory);
        assert!(!aside.exists());

        DirBuilder::new().mode(0o755).create(&aside).unwrap();
        assert!(matches!(DataDir::open(&path), Err(Error::Directory { .. })));
        fs::remove_dir(aside).unwrap();
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "").unwrap();
        let message = DataDir::open(&path).unwrap_err().to_string();
        assert!(message.contains(path.to_str().unwrap()), "{message}");
    }
}
