//! Owns the 256 bytes in which a person, or a number that a person had before, is stored.

use super::{Person, PhoneNumber};
use crate::id::{PhoneId, UserId};

/// Bytes of a slot.
pub(super) const BYTES: usize = 256;
/// The longest name.
pub(super) const NAME_BYTES: usize = 88;

const KIND_AT: usize = 4;
const USER_LENGTH_AT: usize = KIND_AT + 1;
const PHONE_LENGTH_AT: usize = USER_LENGTH_AT + 1;
const NAME_LENGTH_AT: usize = PHONE_LENGTH_AT + 1;
const VERSION_AT: usize = NAME_LENGTH_AT + 1;
const PHONE_ID_AT: usize = VERSION_AT + 8;
const USER_AT: usize = PHONE_ID_AT + 8;
const PHONE_AT: usize = USER_AT + UserId::BYTES_MAX;
const NAME_AT: usize = PHONE_AT + PhoneNumber::BYTES_MAX;
const _: () = assert!(NAME_AT + NAME_BYTES == BYTES);
const _: () = assert!(512 % BYTES == 0, "a slot lies within a sector");

const PERSON: u8 = 1;
const FORMER: u8 = 2;

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// Of two slots of one person the higher is the newer.
    pub(super) version: u64,
    pub(super) content: Content,
}

/// What is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    Person {
        person: Person,
        phone_id: Option<PhoneId>,
    },
    /// A number that the user had before, by its keyed hash.
    Former {
        user: UserId,
        hash: u128,
        phone_id: PhoneId,
    },
}

/// A slot that is neither free nor sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Slot {
    pub(super) fn encode(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        bytes[VERSION_AT..][..8].copy_from_slice(&self.version.to_le_bytes());
        let (user, phone_id) = match &self.content {
            Content::Person { person, phone_id } => {
                bytes[KIND_AT] = PERSON;
                let phone = person.phone.as_ref().map_or("", PhoneNumber::as_str);
                let name = person.name.as_deref().unwrap_or_default();
                put_text(&mut bytes, PHONE_LENGTH_AT, PHONE_AT, phone);
                put_text(&mut bytes, NAME_LENGTH_AT, NAME_AT, name);
                (&person.user, *phone_id)
            }
            Content::Former { user, hash, phone_id } => {
                bytes[KIND_AT] = FORMER;
                bytes[PHONE_AT..][..16].copy_from_slice(&hash.to_le_bytes());
                (user, Some(*phone_id))
            }
        };
        bytes[PHONE_ID_AT..][..8].copy_from_slice(&phone_id.map_or(0, |id| id.0).to_le_bytes());
        put_text(&mut bytes, USER_LENGTH_AT, USER_AT, user.as_str());
        let crc = crc32c::crc32c(&bytes[4..]);
        bytes[..4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// What the slot holds; `None`: it is free.
    pub(super) fn decode(bytes: &[u8; BYTES]) -> Result<Option<Self>, Unreadable> {
        if *bytes == [0; BYTES] {
            return Ok(None);
        }
        if part::<4>(bytes, 0) != crc32c::crc32c(&bytes[4..]).to_le_bytes() {
            return Err(Unreadable);
        }
        let user = text(bytes, USER_LENGTH_AT, USER_AT, UserId::BYTES_MAX).ok_or(Unreadable)?;
        let user = UserId::new(user).map_err(|_| Unreadable)?;
        let phone_id = Some(PhoneId(u64::from_le_bytes(part(bytes, PHONE_ID_AT)))).filter(|id| id.0 > 0);
        let content = match bytes[KIND_AT] {
            PERSON => {
                let phone = text(bytes, PHONE_LENGTH_AT, PHONE_AT, PhoneNumber::BYTES_MAX).ok_or(Unreadable)?;
                let name = text(bytes, NAME_LENGTH_AT, NAME_AT, NAME_BYTES).ok_or(Unreadable)?;
                let phone = (!phone.is_empty()).then(|| PhoneNumber::new(phone)).transpose();
                let phone = phone.map_err(|_| Unreadable)?;
                if phone.is_some() != phone_id.is_some() {
                    return Err(Unreadable);
                }
                let name = (!name.is_empty()).then(|| name.to_owned());
                Content::Person { person: Person { user, phone, name }, phone_id }
            }
            FORMER => Content::Former {
                user,
                hash: u128::from_le_bytes(part(bytes, PHONE_AT)),
                phone_id: phone_id.ok_or(Unreadable)?,
            },
            _ => return Err(Unreadable),
        };
        Ok(Some(Self { version: u64::from_le_bytes(part(bytes, VERSION_AT)), content }))
    }
}

fn put_text(bytes: &mut [u8; BYTES], length_at: usize, at: usize, text: &str) {
    bytes[length_at] = u8::try_from(text.len()).expect("texts have been checked");
    bytes[at..][..text.len()].copy_from_slice(text.as_bytes());
}

fn text(bytes: &[u8; BYTES], length_at: usize, at: usize, length_max: usize) -> Option<&str> {
    let length = usize::from(bytes[length_at]);
    std::str::from_utf8(bytes[at..].get(..length).filter(|_| length <= length_max)?).ok()
}

fn part<const LENGTH: usize>(bytes: &[u8; BYTES], at: usize) -> [u8; LENGTH] {
    bytes[at..][..LENGTH].try_into().expect("within the slot")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: &str) -> UserId {
        UserId::new(id).expect("valid")
    }

    fn slots() -> [Slot; 3] {
        let phone = PhoneNumber::new("+6591234567").expect("valid");
        let person = |phone, name: Option<&str>| Person { user: user("u-1"), phone, name: name.map(str::to_owned) };
        [
            Slot {
                version: 7,
                content: Content::Person {
                    person: person(Some(phone), Some("Ann \u{e4}")),
                    phone_id: Some(PhoneId(0x0102)),
                },
            },
            Slot { version: 8, content: Content::Person { person: person(None, None), phone_id: None } },
            Slot { version: 9, content: Content::Former { user: user("u-1"), hash: 3 << 100, phone_id: PhoneId(5) } },
        ]
    }

    #[test]
    fn what_is_written_is_read() {
        for slot in slots() {
            assert_eq!(Slot::decode(&slot.encode()), Ok(Some(slot)));
        }
        assert_eq!(Slot::decode(&[0; BYTES]), Ok(None));
    }

    #[test]
    fn a_person_is_written_as_ever() {
        let bytes = slots()[0].encode();
        assert_eq!(bytes[4..24], [1, 3, 11, 6, 7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&bytes[24..28], b"u-1\0");
        assert_eq!(&bytes[152..164], b"+6591234567\0");
        assert_eq!(&bytes[168..175], "Ann \u{e4}\0".as_bytes());
        assert_eq!(bytes[..4], crc32c::crc32c(&bytes[4..]).to_le_bytes());
    }

    #[test]
    fn a_slot_that_is_not_whole_is_noticed() {
        let sound = slots()[0].encode();
        for byte in 0..BYTES {
            for bit in 0..8 {
                let mut rotten = sound;
                rotten[byte] ^= 1 << bit;
                assert_eq!(Slot::decode(&rotten), Err(Unreadable), "byte {byte} bit {bit}");
            }
        }
    }
}
