//! Owns how files are called of which each is one campaign's: by its number, with an extension that says of what kind they are.

use std::io;
use std::path::{Path, PathBuf};

use landrush_engine::id::CampaignNumber;

/// Where the file of `campaign` lies.
pub(super) fn path(directory: &Path, campaign: CampaignNumber, extension: &str) -> PathBuf {
    directory.join(format!("{}.{extension}", campaign.0))
}

/// The files that are there, in no order; none if the directory is not.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn list(directory: &Path, extension: &str) -> io::Result<Vec<(CampaignNumber, PathBuf)>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let of_campaign = |path: PathBuf| {
        let number = path.file_stem()?.to_str()?.parse().ok()?;
        (path.extension()? == extension).then_some((CampaignNumber(number), path))
    };
    Ok(entries.into_iter().filter_map(|entry| of_campaign(entry.path())).collect())
}

/// An error that names the file.
pub(super) fn named(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_kind_that_bear_a_number_are_listed() {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["7.list", "8.new", "list", "a.list", "9.list.new", "4294967296.list"] {
            std::fs::write(directory.path().join(name), "").expect("written");
        }
        let seven = (CampaignNumber(7), path(directory.path(), CampaignNumber(7), "list"));
        assert_eq!(list(directory.path(), "list").expect("read"), [seven]);
        assert_eq!(list(&directory.path().join("none"), "list").expect("none"), []);
    }
}
