//! Owns reading the segments' headers, and what they have to say of one another.

use super::{Loaded, SegmentFile, Segments, damage};
use crate::damage::{DamageKind, ReadError};
use crate::frame::SECTOR_BYTES;
use crate::segment::{HeaderFault, Origin, SegmentHeader, number_of};
use crate::storage::{Entry, Folder, Storage, read_full};
use crate::width;

impl Segments {
    /// Reads all headers.
    pub(crate) fn load<S: Storage>(storage: &S) -> Result<Self, ReadError> {
        let Loaded { segments, fault, .. } = Self::load_sound(storage)?;
        fault.map_or(Ok(segments), Err)
    }

    /// Reads headers as far as they are sound.
    pub(crate) fn load_sound<S: Storage>(storage: &S) -> Result<Loaded, ReadError> {
        let entries = storage.list(Folder::Log).map_err(ReadError::io(Folder::Log.name()))?;
        let mut found: Vec<_> =
            entries.into_iter().filter_map(|entry| Some((number_of(&entry.name)?, entry))).collect();
        found.sort_by_key(|(number, _)| *number);
        let mut segments = Self { used: Vec::new(), blank: None };
        let mut found = found.into_iter();
        let mut fault = None;
        let mut rest = Vec::new();
        for (number, entry) in found.by_ref() {
            let name = entry.name.clone();
            if let Err(error) = segments.load_one(storage, number, entry) {
                fault = Some(error);
                rest.push(name);
                break;
            }
        }
        rest.extend(found.map(|(_, entry)| entry.name));
        if let (Some((_, name)), true) = (&segments.blank, segments.used.is_empty() && fault.is_none()) {
            fault = Some(damage(name, 0, DamageKind::HeaderBlank));
        }
        Ok(Loaded { segments, fault, rest })
    }

    fn load_one<S: Storage>(&mut self, storage: &S, number: u64, entry: Entry) -> Result<(), ReadError> {
        if let Some((_, name)) = &self.blank {
            return Err(damage(name, 0, DamageKind::HeaderBlank));
        }
        if let Some(last) = self.used.last().filter(|last| last.header.number + 1 != number) {
            return Err(damage(&entry.name, 0, DamageKind::Missing { number: last.header.number + 1 }));
        }
        match read_header(storage, &entry.name)? {
            Some(header) => self.add(number, SegmentFile { name: entry.name, bytes: entry.bytes, header }),
            None => {
                self.blank = Some((number, entry.name));
                Ok(())
            }
        }
    }

    fn add(&mut self, number: u64, segment: SegmentFile) -> Result<(), ReadError> {
        let header = &segment.header;
        let fault = |what| Err(damage(&segment.name, 0, what));
        if header.number != number {
            return fault(DamageKind::Number { found: header.number });
        }
        if let Some(before) = self.used.last().map(|before| before.header) {
            if before.instance != header.instance {
                return fault(DamageKind::Instance);
            }
            let epoch_fits = match header.origin {
                Origin::First => false,
                Origin::Rotation => header.epoch == before.epoch,
                Origin::Start => header.epoch > before.epoch,
            };
            if !epoch_fits || header.first_lsn < before.first_lsn {
                return fault(DamageKind::Predecessor);
            }
        }
        self.used.push(segment);
        Ok(())
    }
}

fn read_header<S: Storage>(storage: &S, name: &str) -> Result<Option<SegmentHeader>, ReadError> {
    let file = storage.open(Folder::Log, name).map_err(ReadError::io(name))?;
    let mut sector = [0; SECTOR_BYTES];
    let read = read_full(&file, &mut sector, 0).map_err(ReadError::io(name))?;
    if width::in_file(read) < width::in_file(SECTOR_BYTES) {
        return Err(damage(name, width::in_file(read), DamageKind::HeaderShort));
    }
    SegmentHeader::decode(&sector).map_err(|fault| match fault {
        HeaderFault::Version { found } => ReadError::Version { segment: name.to_owned(), found },
        HeaderFault::Magic | HeaderFault::Crc | HeaderFault::Fields => damage(name, 0, DamageKind::Header(fault)),
    })
}
