//! Owns the bytes of a file of codes: writing them, paced, and reading them with every check. The layout is a table in
//! [`super`]. Leaves names and the directory to [`super::directory`].

use std::fs::File;
use std::io::{self, BufReader, Read, Take, Write};
use std::os::unix::fs::FileExt;

use sha2::{Digest, Sha256};

use super::error::Damage;
use super::{CODE_BYTES_MAX, Owner, UPLOAD_CODES_MAX, check_code};
use crate::command::CodeFile;
use crate::id::{CampaignNumber, CodeFileId, TypeIndex};

const MAGIC: [u8; 8] = *b"lr-codes";
const VERSION: u16 = 1;

const VERSION_AT: usize = size_of_val(&MAGIC);
const COUPON_TYPE_AT: usize = VERSION_AT + size_of::<u16>();
const CAMPAIGN_AT: usize = COUPON_TYPE_AT + size_of::<u16>();
const FILE_AT: usize = CAMPAIGN_AT + size_of::<u32>();
const HEADER_BYTES: usize = FILE_AT + size_of::<u64>();

const HASH_AT: usize = size_of::<u32>();
const CRC_AT: usize = HASH_AT + size_of::<[u8; 32]>();
const FOOTER_BYTES: usize = CRC_AT + size_of::<u32>();

const _: () = assert!(HEADER_BYTES == 24 && FOOTER_BYTES == 40);

const BUFFER_BYTES: usize = 64 << 10;
/// Written bytes are synced in portions of this, so that the log's own syncs never wait behind a large one.
const UNSYNCED_BYTES_MAX: usize = 1 << 20;

/// Writes a file of codes.
#[derive(Debug)]
pub(super) struct CodeWriter {
    file: File,
    id: CodeFileId,
    hasher: Sha256,
    buffer: Vec<u8>,
    unsynced_bytes: usize,
    count: u32,
}

impl CodeWriter {
    /// Begins at the start of `file`, which is empty.
    pub(super) fn new(file: File, owner: Owner, id: CodeFileId) -> Self {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES + 1 + CODE_BYTES_MAX);
        buffer.extend_from_slice(&header(owner, id));
        Self { file, id, hasher: Sha256::new(), buffer, unsynced_bytes: 0, count: 0 }
    }

    /// Appends a valid code.
    pub(super) fn put(&mut self, code: &str) -> io::Result<()> {
        self.buffer.push(u8::try_from(code.len()).expect("codes are checked before they are written"));
        self.buffer.extend_from_slice(code.as_bytes());
        self.count += 1;
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes the rest and syncs the file.
    pub(super) fn finish(mut self) -> io::Result<CodeFile> {
        self.flush()?;
        let file = CodeFile { id: self.id, count: self.count, hash: self.hasher.finalize().into() };
        self.file.write_all(&footer(&file))?;
        self.file.sync_data()?;
        Ok(file)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.hasher.update(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.unsynced_bytes += self.buffer.len();
        self.buffer.clear();
        if self.unsynced_bytes >= UNSYNCED_BYTES_MAX {
            self.file.sync_data()?;
            self.unsynced_bytes = 0;
        }
        Ok(())
    }
}

/// Why a file could not be read to its end.
#[derive(Debug)]
pub(super) enum Unreadable {
    Io(io::Error),
    Damaged(Damage),
}

impl From<io::Error> for Unreadable {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

impl From<Damage> for Unreadable {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

/// Reads a file that must be `expected` of `owner`, and gives its codes in order to `take`. Only if all of it returns well
/// are the codes what was uploaded.
pub(super) fn read(
    file: &File,
    owner: Owner,
    expected: &CodeFile,
    mut take: impl FnMut(&str) -> Result<(), Damage>,
) -> Result<(), Unreadable> {
    let bytes = file.metadata()?.len();
    let codes_bytes = bytes.checked_sub((HEADER_BYTES + FOOTER_BYTES) as u64).ok_or(Damage::Truncated { bytes })?;
    let mut found_header = [0; HEADER_BYTES];
    file.read_exact_at(&mut found_header, 0)?;
    check_header(&found_header, owner, expected.id)?;
    let mut found_footer = [0; FOOTER_BYTES];
    file.read_exact_at(&mut found_footer, HEADER_BYTES as u64 + codes_bytes)?;
    check_footer(&found_footer, expected)?;

    let content = Hashing { file: file.take(HEADER_BYTES as u64 + codes_bytes), hasher: Sha256::new() };
    let mut content = BufReader::with_capacity(BUFFER_BYTES, content);
    content.read_exact(&mut found_header)?;
    let (mut left, mut count) = (codes_bytes, 0);
    while left > 0 {
        if count == UPLOAD_CODES_MAX {
            return Err(Damage::Count { expected: expected.count }.into());
        }
        let bad = Damage::Code { position: count };
        let mut code = [0; 1 + CODE_BYTES_MAX];
        content.read_exact(&mut code[..1])?;
        let length = usize::from(code[0]);
        left = left.checked_sub(1 + length as u64).ok_or(bad)?;
        let code = code.get_mut(1..=length).ok_or(bad)?;
        content.read_exact(code)?;
        let code = std::str::from_utf8(code).map_err(|_not_text| bad)?;
        check_code(code).map_err(|_invalid| bad)?;
        take(code)?;
        count += 1;
    }
    if count != expected.count {
        return Err(Damage::Count { expected: expected.count }.into());
    }
    let hash: [u8; 32] = content.into_inner().hasher.finalize().into();
    if hash == expected.hash { Ok(()) } else { Err(Damage::Hash.into()) }
}

fn header(owner: Owner, id: CodeFileId) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..VERSION_AT].copy_from_slice(&MAGIC);
    bytes[VERSION_AT..COUPON_TYPE_AT].copy_from_slice(&VERSION.to_le_bytes());
    bytes[COUPON_TYPE_AT..CAMPAIGN_AT].copy_from_slice(&owner.coupon_type.0.to_le_bytes());
    bytes[CAMPAIGN_AT..FILE_AT].copy_from_slice(&owner.campaign.0.to_le_bytes());
    bytes[FILE_AT..].copy_from_slice(&id.0.to_le_bytes());
    bytes
}

fn check_header(bytes: &[u8; HEADER_BYTES], owner: Owner, id: CodeFileId) -> Result<(), Damage> {
    if bytes[..VERSION_AT] != MAGIC {
        return Err(Damage::Magic);
    }
    let version = u16::from_le_bytes(part(bytes, VERSION_AT));
    if version != VERSION {
        return Err(Damage::Version { found: version });
    }
    let found = Owner {
        campaign: CampaignNumber(u32::from_le_bytes(part(bytes, CAMPAIGN_AT))),
        coupon_type: TypeIndex(u16::from_le_bytes(part(bytes, COUPON_TYPE_AT))),
    };
    let found_id = CodeFileId(u64::from_le_bytes(part(bytes, FILE_AT)));
    if (found, found_id) == (owner, id) { Ok(()) } else { Err(Damage::Other) }
}

fn footer(file: &CodeFile) -> [u8; FOOTER_BYTES] {
    let mut bytes = [0; FOOTER_BYTES];
    bytes[..HASH_AT].copy_from_slice(&file.count.to_le_bytes());
    bytes[HASH_AT..CRC_AT].copy_from_slice(&file.hash);
    let crc = crc32c::crc32c(&bytes[..CRC_AT]);
    bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// A whole footer of another upload means that the file was swapped; one whose CRC does not hold, that it rots or was cut.
fn check_footer(bytes: &[u8; FOOTER_BYTES], expected: &CodeFile) -> Result<(), Damage> {
    if crc32c::crc32c(&bytes[..CRC_AT]) != u32::from_le_bytes(part(bytes, CRC_AT)) {
        return Err(Damage::Footer);
    }
    if *bytes == footer(expected) { Ok(()) } else { Err(Damage::Other) }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("offsets lie within the fixed sizes")
}

/// Hashes what it reads.
struct Hashing<'f> {
    file: Take<&'f File>,
    hasher: Sha256,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `/dev/full` takes nothing: a full disk.
    #[test]
    fn a_full_disk_is_an_error() {
        let full = || File::options().write(true).open("/dev/full").expect("Linux has it");
        let owner = Owner { campaign: CampaignNumber(1), coupon_type: TypeIndex(0) };
        let mut writer = CodeWriter::new(full(), owner, CodeFileId(1));
        let failed = (0..BUFFER_BYTES).map(|_| writer.put("x").map_err(|error| error.kind()));
        assert_eq!(failed.into_iter().find(Result::is_err), Some(Err(io::ErrorKind::StorageFull)));
        let error = CodeWriter::new(full(), owner, CodeFileId(1)).finish().expect_err("nothing is taken");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
