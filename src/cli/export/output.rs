//! Owns where an export goes: standard output, or a file that is there whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli::api::Failure;

/// What an export is written to. Dropped before [`Output::finish`], a file is not made.
pub(super) enum Output {
    /// Standard output.
    Stdout(BufWriter<io::Stdout>),
    /// A file under a temporary name beside the one it is to have.
    File { written: BufWriter<NamedTempFile>, path: PathBuf },
}

impl Output {
    /// An output to `path`, or to standard output.
    ///
    /// # Errors
    /// Nothing can be made there, or something other than a file is there already.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Output::Stdout(BufWriter::new(io::stdout()))) };
        let unfit = |what: String| Failure::Usage(format!("cannot write {}: {what}", path.display()));
        // A link stays, what it points to is replaced.
        let path = match fs::canonicalize(path) {
            Ok(path) if path.is_file() => path,
            // A device must not be replaced by a file.
            Ok(_) => return Err(unfit(String::from("it is there, and no file"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
            Err(error) => return Err(unfit(error.to_string())),
        };
        let name = path.file_name().ok_or_else(|| unfit(String::from("it is no name of a file")))?;
        let directory = match path.parent() {
            Some(directory) if directory != Path::new("") => directory,
            Some(_) | None => Path::new("."),
        };
        let prefix = format!(".{}.", name.display());
        let made = tempfile::Builder::new().prefix(&prefix).suffix(".partial").tempfile_in(directory);
        let file = made.map_err(|error| unfit(error.to_string()))?;
        Ok(Output::File { written: BufWriter::new(file), path })
    }

    /// Writes out what is left, and gives a file its name.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Output::Stdout(mut stdout) => stdout.flush(),
            Output::File { written, path } => {
                let file = written.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(path)?;
                Ok(())
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Output::Stdout(stdout) => stdout.write(bytes),
            Output::File { written, .. } => written.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Output::Stdout(stdout) => stdout.flush(),
            Output::File { written, .. } => written.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("readable");
        entries.map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8")).collect()
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("issued.csv");
        let mut output = Output::open(Some(&path)).expect("opens");
        output.write_all(b"half").expect("written");
        assert!(!path.exists());
        drop(output);
        assert_eq!(names(directory.path()), Vec::<String>::new());

        fs::write(&path, "older").expect("written");
        let mut output = Output::open(Some(&path)).expect("opens");
        output.write_all(b"whole").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "older");
        output.finish().expect("named");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "whole");
        assert_eq!(names(directory.path()), ["issued.csv"]);
    }

    #[test]
    fn a_link_stays_and_other_things_are_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "older").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let mut output = Output::open(Some(&link)).expect("opens");
        output.write_all(b"newer").expect("written");
        output.finish().expect("named");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_to_string(&file).expect("readable"), "newer");
        for unfit in [directory.path(), Path::new("/dev/null"), Path::new("/"), &directory.path().join("none/file")] {
            assert!(matches!(Output::open(Some(unfit)), Err(Failure::Usage(_))), "{}", unfit.display());
        }
    }
}
