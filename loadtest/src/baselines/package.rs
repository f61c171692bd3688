//! Programs that come from the distribution's packages: where they are, and what to say where they are not.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A package that is not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The package.
    pub(crate) package: &'static str,
    /// The program that was looked for.
    pub(crate) program: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { package, program } = self;
        write!(f, "there is no {program}; package {package} has it: apt-get install -y {package}")
    }
}

impl std::error::Error for Missing {}

/// Where `program` of `package` is on the search path.
///
/// # Errors
/// When it is not.
pub(crate) fn on_path(program: &'static str, package: &'static str) -> Result<PathBuf, Missing> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file());
    found.ok_or(Missing { package, program })
}

/// Where the server programs of PostgreSQL are: the newest version's folder, which is not on the search path.
///
/// # Errors
/// When no version is installed.
pub(crate) fn postgres_programs() -> Result<PathBuf, Missing> {
    newest(Path::new("/usr/lib/postgresql"), "initdb").ok_or(Missing { package: "postgresql", program: "initdb" })
}

/// The `bin` folder that has `program`, of the highest version among the folders in `versions`.
fn newest(versions: &Path, program: &str) -> Option<PathBuf> {
    let folders = fs::read_dir(versions).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let with_program = folders.filter(|folder| folder.join("bin").join(program).is_file());
    let version = |folder: &PathBuf| folder.file_name()?.to_str()?.parse::<u32>().ok();
    Some(with_program.max_by_key(version)?.join("bin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_package_is_named_with_the_line_that_installs_it() {
        let missing = on_path("no-such-program", "no-such-package").expect_err("nobody has this");
        assert!(missing.to_string().ends_with("apt-get install -y no-such-package"), "{missing}");
    }

    #[test]
    fn the_highest_version_that_has_the_program_is_taken() {
        let versions = tempfile::TempDir::new().expect("a directory");
        for (version, program) in [("9", "initdb"), ("15", "initdb"), ("16", "psql")] {
            let folder = versions.path().join(version).join("bin");
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join(program), "").expect("written");
        }
        assert_eq!(newest(versions.path(), "initdb"), Some(versions.path().join("15/bin")));
        assert_eq!(newest(versions.path(), "pg_dump"), None);
    }
}
