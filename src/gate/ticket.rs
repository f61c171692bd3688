//! Owns the tickets of waiting rooms: a signed place, bound to its campaign and its user. Leaves where a place stands to
//! [`landrush_engine::room`].
//!
//! A ticket is not a secret that opens anything for somebody else: whoever shows it must be the user that it was made for.
//! It is 64 symbols of base64url: 32 bytes that say what it is for, and half of an HMAC-SHA-256 over them.

use aws_lc_rs::{digest, hmac};
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::room::Place;
use landrush_engine::time::Timestamp;

/// Makes and reads tickets.
pub struct Tickets {
    key: hmac::Key,
}

/// A ticket that was made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Of which campaign.
    pub campaign: CampaignNumber,
    /// Which place.
    pub place: Place,
    user: [u8; USER_BYTES],
}

const USER_BYTES: usize = 16;
const CLAIMS_BYTES: usize = 4 + 8 + 4 + USER_BYTES;
const SIGNATURE_BYTES: usize = 16;
const TICKET_BYTES: usize = CLAIMS_BYTES + SIGNATURE_BYTES;
/// How long a ticket is, in symbols.
pub const TICKET_SYMBOLS: usize = TICKET_BYTES / 3 * 4;
const _: () = assert!(TICKET_BYTES.is_multiple_of(3), "no symbol of a ticket is padded");

const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Tickets {
    /// Tickets under a key of their own, derived from `keys`, so that they hold after a restart.
    pub fn new(keys: &Keys) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &keys.derived("waiting room ticket")) }
    }

    /// The ticket of `user` for `place`.
    pub fn issue(&self, campaign: CampaignNumber, place: Place, user: &UserId) -> String {
        let mut bytes = [0; TICKET_BYTES];
        let (claims, signature) = bytes.split_at_mut(CLAIMS_BYTES);
        claims[..4].copy_from_slice(&campaign.0.to_le_bytes());
        claims[4..12].copy_from_slice(&place.window.as_milliseconds().to_le_bytes());
        claims[12..16].copy_from_slice(&place.number.to_le_bytes());
        claims[16..].copy_from_slice(&user_hash(user));
        signature.copy_from_slice(&hmac::sign(&self.key, claims).as_ref()[..SIGNATURE_BYTES]);
        spell(&bytes)
    }

    /// The ticket that `text` is; `None`: it was not made here.
    pub fn read(&self, text: &[u8]) -> Option<Ticket> {
        let bytes = unspell(text)?;
        let (claims, signature) = bytes.split_first_chunk::<CLAIMS_BYTES>()?;
        let expected = hmac::sign(&self.key, claims);
        aws_lc_rs::constant_time::verify_slices_are_equal(&expected.as_ref()[..SIGNATURE_BYTES], signature).ok()?;
        let (campaign, rest) = claims.split_first_chunk()?;
        let (window, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (user, _) = rest.split_first_chunk()?;
        let window = Timestamp::from_milliseconds(u64::from_le_bytes(*window));
        let place = Place { window, number: u32::from_le_bytes(*number) };
        Some(Ticket { campaign: CampaignNumber(u32::from_le_bytes(*campaign)), place, user: *user })
    }
}

impl Ticket {
    /// Whether it was made for `user`.
    pub fn is_of(&self, user: &UserId) -> bool {
        self.user == user_hash(user)
    }
}

fn user_hash(user: &UserId) -> [u8; USER_BYTES] {
    let digest = digest::digest(&digest::SHA256, user.as_str().as_bytes());
    let (first, _) = digest.as_ref().split_first_chunk().expect("a digest has 32 bytes");
    *first
}

fn spell(bytes: &[u8; TICKET_BYTES]) -> String {
    let mut text = String::with_capacity(TICKET_SYMBOLS);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for shift in [18, 12, 6, 0] {
            text.push(char::from(SYMBOLS[(bits >> shift & 63) as usize]));
        }
    }
    text
}

fn unspell(text: &[u8]) -> Option<[u8; TICKET_BYTES]> {
    if text.len() != TICKET_SYMBOLS {
        return None;
    }
    let mut bytes = [0; TICKET_BYTES];
    for (group, symbols) in bytes.chunks_mut(3).zip(text.chunks(4)) {
        let mut bits = 0u32;
        for symbol in symbols {
            let value = SYMBOLS.iter().position(|known| known == symbol)?;
            bits = bits << 6 | u32::try_from(value).ok()?;
        }
        group.copy_from_slice(&bits.to_be_bytes()[1..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place { window: Timestamp::from_milliseconds(1_796_083_200_000), number: 77 }
    }

    fn tickets(code: u8) -> Tickets {
        Tickets::new(&Keys::from_bytes([1; 16], [code; 32]))
    }

    fn user(name: &str) -> UserId {
        UserId::new(name).expect("a valid user id")
    }

    #[test]
    fn a_ticket_is_read_back_and_is_of_its_user_alone() {
        let text = tickets(2).issue(CampaignNumber(9), place(), &user("ann"));
        assert_eq!(text.len(), TICKET_SYMBOLS);
        let ticket = tickets(2).read(text.as_bytes()).expect("made here");
        assert_eq!((ticket.campaign, ticket.place), (CampaignNumber(9), place()));
        assert!(ticket.is_of(&user("ann")) && !ticket.is_of(&user("bob")));
    }

    #[test]
    fn whatever_is_changed_it_holds_no_more() {
        let text = tickets(2).issue(CampaignNumber(9), place(), &user("ann")).into_bytes();
        for index in 0..text.len() {
            let mut forged = text.clone();
            forged[index] = if forged[index] == b'A' { b'B' } else { b'A' };
            assert_eq!(tickets(2).read(&forged), None, "symbol {index}");
        }
        assert_eq!(tickets(3).read(&text), None, "another server's");
        for strange in [&b""[..], b"A", &text[1..], &[0xff; TICKET_SYMBOLS]] {
            assert_eq!(tickets(2).read(strange), None);
        }
    }
}
