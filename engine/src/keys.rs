//! Owns the engine's secrets: their files, and how they come into being. Leaves what they are used for to
//! [`crate::coupon`] and [`crate::shard`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::event::CodeKeyId;

/// The secrets of one data directory.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// Places people in tables, so that nobody can choose ids that crowd together. Losing it loses nothing.
    pub person: [u8; 16],
    /// Makes coupon codes and claim ids. Losing it loses every code that was handed out.
    pub code: [u8; 32],
}

/// Why the keys could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A file or the directory could not be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// A file is not a key.
    #[error("{} holds {found} bytes, a key of this kind has {expected}; restore it from a backup", path.display())]
    WrongLength {
        /// Which one.
        path: PathBuf,
        /// How long a key of its kind is, in bytes.
        expected: usize,
        /// How long the file is, in bytes.
        found: usize,
    },
}

impl Keys {
    /// The directory of the keys within the data directory.
    pub const DIRECTORY: &'static str = "keys";
    const PERSON_FILE: &'static str = "person.key";
    const CODE_FILE: &'static str = "code.key";

    /// Keys from bytes: for programs that keep their secrets elsewhere.
    pub fn from_bytes(person: [u8; 16], code: [u8; 32]) -> Self {
        Self { person, code }
    }

    /// Reads the keys in `data_dir`, and makes from `entropy` those that are not there yet. What was made is on disk,
    /// readable by its owner alone, before this returns.
    ///
    /// # Errors
    /// [`KeysError`] names the file.
    pub fn load_or_create(data_dir: &Path, entropy: &mut dyn FnMut(&mut [u8])) -> Result<Keys, KeysError> {
        let directory = data_dir.join(Self::DIRECTORY);
        if !directory.is_dir() {
            DirBuilder::new().mode(0o700).recursive(true).create(&directory).map_err(at(&directory))?;
            sync_directory(data_dir)?;
        }
        let person = load_or_create(&directory, Self::PERSON_FILE, entropy)?;
        let code = load_or_create(&directory, Self::CODE_FILE, entropy)?;
        Ok(Self { person, code })
    }

    /// Reads the keys in `data_dir` and makes none; `None` if one of them is not there.
    ///
    /// # Errors
    /// [`KeysError`] names the file.
    pub fn load(data_dir: &Path) -> Result<Option<Keys>, KeysError> {
        let directory = data_dir.join(Self::DIRECTORY);
        let (person, code) = (load(&directory, Self::PERSON_FILE)?, load(&directory, Self::CODE_FILE)?);
        Ok(person.zip(code).map(|(person, code)| Self { person, code }))
    }

    /// A key for another use, named by `label`: it tells nothing of the code key nor of other uses' keys, and lasts as long.
    pub fn derived(&self, label: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"landrush derived key\0")
            .chain_update(self.code)
            .chain_update(label)
            .finalize()
            .into()
    }

    /// The public name of the code key. Every campaign in the log bears it, so that a log is never served with codes that
    /// its customers do not hold.
    pub fn code_key_id(&self) -> CodeKeyId {
        let digest = Sha256::new().chain_update(b"landrush code key\0").chain_update(self.code).finalize();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        CodeKeyId(u64::from_le_bytes(id))
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(secret)")
    }
}

fn load_or_create<const LENGTH: usize>(
    directory: &Path,
    name: &str,
    entropy: &mut dyn FnMut(&mut [u8]),
) -> Result<[u8; LENGTH], KeysError> {
    if let Some(key) = load(directory, name)? {
        return Ok(key);
    }
    let mut key = [0; LENGTH];
    entropy(&mut key);
    create(directory, &directory.join(name), &key)?;
    Ok(key)
}

fn load<const LENGTH: usize>(directory: &Path, name: &str) -> Result<Option<[u8; LENGTH]>, KeysError> {
    let path = directory.join(name);
    match fs::read(&path) {
        Ok(bytes) => {
            let found = bytes.len();
            let key = <[u8; LENGTH]>::try_from(bytes);
            key.map(Some).map_err(|_| KeysError::WrongLength { path, expected: LENGTH, found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(&path)(error)),
    }
}

/// Writes a key so that after a crash it is there whole or not at all.
fn create(directory: &Path, path: &Path, key: &[u8]) -> Result<(), KeysError> {
    let temporary = path.with_extension("new");
    // A crash may have left one behind. It was never used, and its mode is not ours to trust.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&temporary)(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(at(&temporary))?;
    file.write_all(key).and_then(|()| file.sync_all()).map_err(at(&temporary))?;
    fs::rename(&temporary, path).map_err(at(path))?;
    sync_directory(directory)
}

fn sync_directory(directory: &Path) -> Result<(), KeysError> {
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(at(directory))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> KeysError + '_ {
    move |cause| KeysError::Io { path: path.to_owned(), cause }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn counting() -> impl FnMut(&mut [u8]) {
        let mut next = 0u8;
        move |bytes| {
            for byte in bytes {
                next = next.wrapping_add(1);
                *byte = next;
            }
        }
    }

    #[test]
    fn keys_are_made_once_and_read_ever_after() {
        let dir = tempfile::tempdir().expect("a directory");
        let made = Keys::load_or_create(dir.path(), &mut counting()).expect("made");
        let read = Keys::load_or_create(dir.path(), &mut |_| panic!("nothing is made twice")).expect("read");
        assert_eq!(made, read);
        assert_ne!(made.person[..], made.code[..16]);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let keys = dir.path().join("keys");
        assert_eq!(mode(&keys), 0o700);
        assert_eq!((mode(&keys.join("person.key")), mode(&keys.join("code.key"))), (0o600, 0o600));
        assert_eq!(fs::read_dir(&keys).expect("readable").count(), 2, "nothing temporary stays");
    }

    #[test]
    fn what_a_crash_left_behind_is_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::create_dir(dir.path().join("keys")).expect("made");
        fs::write(dir.path().join("keys/code.new"), b"torn").expect("written");
        let made = Keys::load_or_create(dir.path(), &mut counting()).expect("made");
        assert_eq!(fs::read(dir.path().join("keys/code.key")).expect("there"), made.code);
    }

    #[test]
    fn a_key_of_the_wrong_length_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        Keys::load_or_create(dir.path(), &mut counting()).expect("made");
        fs::write(dir.path().join("keys/code.key"), b"short").expect("written");
        let error = Keys::load_or_create(dir.path(), &mut counting()).expect_err("not a key").to_string();
        assert!(error.contains("code.key holds 5 bytes, a key of this kind has 32"), "{error}");
    }

    #[test]
    fn the_key_id_depends_on_the_code_key_alone() {
        let id = |person, code| Keys::from_bytes([person; 16], [code; 32]).code_key_id();
        assert_eq!(id(1, 2), id(9, 2));
        assert_ne!(id(1, 2), id(1, 3));
        assert_eq!(format!("{:?}", Keys::from_bytes([1; 16], [2; 32])), "Keys(secret)");
    }
}
