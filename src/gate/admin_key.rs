//! Owns the admin key: where it comes from, and the check that a call bears it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hyper::header::HeaderValue;
use thiserror::Error;

/// The environment variable that holds the key.
pub const VARIABLE: &str = "LANDRUSH_ADMIN_KEY";

/// The key that management calls must bear.
#[derive(Clone)]
pub struct AdminKey(Box<[u8]>);

/// Where the key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The environment.
    Environment,
    /// This file.
    File(PathBuf),
}

/// Why there is no admin key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminKeyError {
    /// The key is too short to keep anybody out, or cannot stand in a header.
    #[error("the admin key in {place} must be at least {bytes_min} visible ASCII characters long", bytes_min = AdminKey::BYTES_MIN)]
    Unfit {
        /// The variable or the file.
        place: String,
    },
    /// The file cannot be read or made.
    #[error("the admin key {}: {cause}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
}

impl AdminKey {
    /// The shortest key that is taken, in bytes.
    pub const BYTES_MIN: usize = 16;

    /// The key from the environment (`from_environment`), or from the file in `data_dir`, which is made from `entropy` if it
    /// is not there. Call it with the data directory locked.
    ///
    /// # Errors
    /// [`AdminKeyError`] names the place.
    pub fn load_or_create(
        from_environment: Option<&str>,
        data_dir: &Path,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<(Self, Source), AdminKeyError> {
        if let Some(text) = from_environment {
            return Ok((Self::new(text, || VARIABLE.to_owned())?, Source::Environment));
        }
        let directory = data_dir.join("keys");
        let path = directory.join("admin.key");
        let key = match fs::read_to_string(&path) {
            Ok(text) => Self::new(text.trim_end(), || path.display().to_string())?,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                let mut random = [0; 32];
                entropy(&mut random);
                let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
                create(&directory, &path, &text).map_err(|cause| AdminKeyError::Io { path: path.clone(), cause })?;
                Self(text.into_bytes().into())
            }
            Err(cause) => return Err(AdminKeyError::Io { path, cause }),
        };
        Ok((key, Source::File(path)))
    }

    fn new(text: &str, place: impl FnOnce() -> String) -> Result<Self, AdminKeyError> {
        if text.len() < Self::BYTES_MIN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(AdminKeyError::Unfit { place: place() });
        }
        Ok(Self(text.as_bytes().into()))
    }

    /// Whether the header `Authorization` bears this key.
    pub fn is_borne_by(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some((scheme, token)) = authorization.and_then(|value| value.as_bytes().split_at_checked(7)) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"bearer ") && self.equals(token.trim_ascii())
    }

    /// Compares without telling by its duration how much of the key is right, only whether its length is.
    fn equals(&self, token: &[u8]) -> bool {
        if token.len() != self.0.len() {
            return false;
        }
        let difference =
            self.0.iter().zip(token).fold(0, |difference, (a, b)| std::hint::black_box(difference | (a ^ b)));
        difference == 0
    }
}

impl std::fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminKey(secret)")
    }
}

/// Writes the key so that after a crash it is there whole or not at all.
fn create(directory: &Path, path: &Path, text: &str) -> io::Result<()> {
    DirBuilder::new().mode(0o700).recursive(true).create(directory)?;
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn bears(key: &AdminKey, header: &str) -> bool {
        key.is_borne_by(Some(&HeaderValue::from_str(header).expect("a header")))
    }

    #[test]
    fn the_key_is_made_once_and_read_back() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut next = 0u8;
        let mut entropy = |bytes: &mut [u8]| {
            next += 1;
            bytes.fill(next);
        };
        let (made, source) = AdminKey::load_or_create(None, directory.path(), &mut entropy).expect("made");
        let (read, _) = AdminKey::load_or_create(None, directory.path(), &mut entropy).expect("read");
        assert_eq!(made.0, read.0);
        let Source::File(path) = source else { panic!("not from a file") };
        assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn the_environment_comes_first_and_is_checked() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let load = |text| AdminKey::load_or_create(Some(text), directory.path(), &mut |_| panic!("nothing to make"));
        let (key, source) = load("0123456789abcdef").expect("long enough");
        assert_eq!(source, Source::Environment);
        assert!(bears(&key, "Bearer 0123456789abcdef"));
        assert!(bears(&key, "bearer 0123456789abcdef"));
        for wrong in ["Bearer 0123456789abcdeg", "Bearer 0123456789abcde", "Bearer", "Basic 0123456789abcdef", ""] {
            assert!(!bears(&key, wrong), "{wrong}");
        }
        assert!(!key.is_borne_by(None));
        for unfit in ["", "short", "with a space in it", "0123456789abcde\u{e4}"] {
            assert!(load(unfit).is_err(), "{unfit}");
        }
    }
}
