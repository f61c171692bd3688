//! Owns the tickets of waiting rooms: a signed place, bound to its campaign and its user. Leaves where a place stands to
//! [`landrush_engine::room`].
//!
//! A ticket is not a secret that opens anything for somebody else: whoever shows it must be the user that it was made for.

use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::room::Place;
use landrush_engine::time::Timestamp;

use super::seal::{CLAIM_BYTES, Seal, user_hash};

/// Makes and reads tickets.
pub struct Tickets {
    seal: Seal,
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

impl Tickets {
    /// Tickets under a key of their own, derived from `keys`, so that they hold after a restart.
    pub fn new(keys: &Keys) -> Self {
        Self { seal: Seal::new(keys, "waiting room ticket") }
    }

    /// The ticket of `user` for `place`.
    pub fn issue(&self, campaign: CampaignNumber, place: Place, user: &UserId) -> String {
        let mut claim = [0; CLAIM_BYTES];
        claim[..4].copy_from_slice(&campaign.0.to_le_bytes());
        claim[4..12].copy_from_slice(&place.window.as_milliseconds().to_le_bytes());
        claim[12..16].copy_from_slice(&place.number.to_le_bytes());
        claim[16..].copy_from_slice(&user_hash::<USER_BYTES>(user));
        self.seal.seal(&claim)
    }

    /// The ticket that `text` is; `None`: it was not made here.
    pub fn read(&self, text: &[u8]) -> Option<Ticket> {
        let claim = self.seal.open(text)?;
        let (campaign, rest) = claim.split_first_chunk()?;
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
        self.user == user_hash::<USER_BYTES>(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_back_and_is_of_its_user_alone() {
        let user = |name: &str| UserId::new(name).expect("a valid user id");
        let tickets = Tickets::new(&Keys::from_bytes([1; 16], [2; 32]));
        let place = Place { window: Timestamp::from_milliseconds(1_796_083_200_000), number: 77 };
        let text = tickets.issue(CampaignNumber(9), place, &user("ann"));
        let ticket = tickets.read(text.as_bytes()).expect("made here");
        assert_eq!((ticket.campaign, ticket.place), (CampaignNumber(9), place));
        assert!(ticket.is_of(&user("ann")) && !ticket.is_of(&user("bob")));
    }
}
