//! Owns the lists of those who are denied, and of those whom rates do not hold for. A list names blocks of addresses, users and
//! the beginnings of phone numbers; whoever is on both lists is denied.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

use landrush_engine::id::UserId;
use thiserror::Error;

use super::address::ClientAddress;
use super::cidr::{Cidr, CidrError};

/// The longest file of a list that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 16 << 20;

/// Who is denied, and whom rates do not hold for.
#[derive(Debug, Default)]
pub struct Lists {
    allowed: List,
    denied: List,
}

/// Some callers.
#[derive(Debug, Default)]
struct List {
    blocks: Vec<Cidr>,
    users: HashSet<Box<str>>,
    phones: Vec<Box<str>>,
}

/// Why a list cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListError {
    /// A file cannot be read.
    #[error("the list {}: {cause}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// An entry names nobody.
    #[error("the entry \"{entry}\" {fault}")]
    Entry {
        /// Which entry.
        entry: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
}

/// What is wrong with an entry of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EntryFault {
    /// It begins with none of the words, and is no block.
    #[error("{0}; others begin with user:, phone: or file:")]
    Block(CidrError),
    /// No user can have that id.
    #[error("is no user id")]
    User,
    /// No phone number begins so.
    #[error("is no beginning of a phone number, as +65 or +659123")]
    Phone,
    /// A file names another one.
    #[error("names a file from within a file")]
    Nested,
}

impl Lists {
    /// The lists that these entries name, with the files among them read.
    ///
    /// # Errors
    /// [`ListError`] names the file or the entry.
    pub fn read(allow: &[String], deny: &[String]) -> Result<Self, ListError> {
        Ok(Self { allowed: List::read(allow)?, denied: List::read(deny)? })
    }

    /// Whether requests from `address` are denied.
    pub fn denies_address(&self, address: ClientAddress) -> bool {
        self.denied.has_address(address)
    }

    /// Whether requests for `user`, or with `phone`, are denied.
    pub fn denies_person(&self, user: &UserId, phone: Option<&str>) -> bool {
        self.denied.has_user(user) || phone.is_some_and(|phone| self.denied.has_phone(phone))
    }

    /// Whether anybody is denied by a phone number.
    pub fn denies_phones(&self) -> bool {
        !self.denied.phones.is_empty()
    }

    /// Whether no rate holds for requests from `address`, or for `user`.
    pub fn allows(&self, address: Option<ClientAddress>, user: &UserId) -> bool {
        address.is_some_and(|address| self.allowed.has_address(address)) || self.allowed.has_user(user)
    }

    /// Whether the rate of a phone number does not hold for `phone`. It lifts no other rate: anybody can make up such a number.
    pub fn allows_phone(&self, phone: &str) -> bool {
        self.allowed.has_phone(phone)
    }

    /// How many entries there are in both.
    pub fn entries(&self) -> usize {
        self.allowed.entries() + self.denied.entries()
    }
}

impl List {
    fn read(entries: &[String]) -> Result<Self, ListError> {
        let mut list = Self::default();
        for entry in entries {
            match entry.strip_prefix("file:") {
                Some(path) => list.read_file(Path::new(path))?,
                None => list.add(entry)?,
            }
        }
        Ok(list)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ListError> {
        let unreadable = |cause| ListError::Unreadable { path: path.to_owned(), cause };
        if fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
            return Err(unreadable(io::Error::other("is longer than 16 MiB")));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let lines = text.lines().map(|line| line.split_once(" #").map_or(line, |(entry, _)| entry).trim());
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).try_for_each(|line| self.add(line))
    }

    fn add(&mut self, entry: &str) -> Result<(), ListError> {
        let fault = |fault| ListError::Entry { entry: entry.to_owned(), fault };
        if let Some(user) = entry.strip_prefix("user:") {
            UserId::new(user).map_err(|_| fault(EntryFault::User))?;
            self.users.insert(user.into());
        } else if let Some(phone) = entry.strip_prefix("phone:") {
            let digits = phone.strip_prefix('+').unwrap_or_default();
            if !(1..=15).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(fault(EntryFault::Phone));
            }
            self.phones.push(phone.into());
        } else if entry.starts_with("file:") {
            return Err(fault(EntryFault::Nested));
        } else {
            self.blocks.push(entry.parse().map_err(|error| fault(EntryFault::Block(error)))?);
        }
        Ok(())
    }

    fn has_address(&self, address: ClientAddress) -> bool {
        self.blocks.iter().any(|block| block.contains(address.ip()))
    }

    fn has_user(&self, user: &UserId) -> bool {
        // Most lists are empty: no user id is hashed for them.
        !self.users.is_empty() && self.users.contains(user.as_str())
    }

    fn has_phone(&self, phone: &str) -> bool {
        self.phones.iter().any(|prefix| phone.starts_with(&**prefix))
    }

    fn entries(&self) -> usize {
        self.blocks.len() + self.users.len() + self.phones.len()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn lists(allow: &[&str], deny: &[&str]) -> Result<Lists, ListError> {
        let owned = |entries: &[&str]| entries.iter().map(|entry| String::from(*entry)).collect::<Vec<_>>();
        Lists::read(&owned(allow), &owned(deny))
    }

    fn address(text: &str) -> ClientAddress {
        text.parse::<IpAddr>().expect("an address").into()
    }

    #[test]
    fn callers_are_found_by_address_user_and_phone() {
        let lists = lists(&["192.0.2.0/24"], &["2001:db8::/32", "user:u-1", "phone:+659"]).expect("lists");
        let (one, other) = (UserId::new("u-1").expect("an id"), UserId::new("u-10").expect("an id"));
        assert!(lists.denies_address(address("2001:db8:1::1")) && !lists.denies_address(address("192.0.2.1")));
        assert!(lists.denies_person(&one, None) && !lists.denies_person(&other, None));
        assert!(lists.denies_person(&other, Some("+6591234567")) && !lists.denies_person(&other, Some("+6581234567")));
        assert!(lists.allows(Some(address("192.0.2.1")), &one) && !lists.allows(Some(address("192.0.3.1")), &one));
        assert_eq!(lists.entries(), 4);
    }

    #[test]
    fn phones_are_asked_about_by_themselves() {
        let of_phones = lists(&["user:u-1", "phone:+659"], &["phone:+44"]).expect("lists");
        let (one, other) = (UserId::new("u-1").expect("an id"), UserId::new("u-2").expect("an id"));
        assert!(of_phones.allows(None, &one) && !of_phones.allows(None, &other));
        assert!(of_phones.allows_phone("+6591234567"));
        assert!(!of_phones.allows_phone("+6581234567") && !of_phones.allows_phone("+442079460000"));
        assert!(of_phones.denies_phones());
        assert!(!lists(&["phone:+659"], &["user:u-1"]).expect("lists").denies_phones());
    }

    #[test]
    fn a_file_holds_an_entry_a_line_and_remarks() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("deny");
        fs::write(&path, "# bots\n192.0.2.1 # seen in May\n\nuser:a#b\n").expect("written");
        let entry = format!("file:{}", path.display());
        let read = lists(&[], &[&entry]).expect("read");
        assert!(read.denies_address(address("192.0.2.1")));
        assert!(read.denies_person(&UserId::new("a#b").expect("an id"), None));
        fs::write(&path, entry.clone()).expect("written");
        assert!(matches!(lists(&[], &[&entry]), Err(ListError::Entry { fault: EntryFault::Nested, .. })));
        fs::remove_file(&path).expect("removed");
        assert!(matches!(lists(&[], &[&entry]), Err(ListError::Unreadable { .. })));
    }

    #[test]
    fn an_entry_that_names_nobody_is_refused() {
        for entry in
            ["", "everybody", "10.0.0.1/8", "user:", "phone:65", "phone:+", "phone:+65x", "phone:+1234567890123456"]
        {
            let error = lists(&[entry], &[]).expect_err(entry).to_string();
            assert!(error.contains(&format!("\"{entry}\"")), "{error}");
        }
    }
}
