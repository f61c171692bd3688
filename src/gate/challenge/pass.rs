//! Owns passes: the signed proof that somebody has met a campaign's challenge, bound to the campaign and the user.

use std::time::Duration;

use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::keys::Keys;
use landrush_engine::time::Timestamp;

use crate::gate::seal::{CLAIM_BYTES, Seal, user_hash};

/// How long a pass holds: long enough to be got before an opening and used at it.
pub const PASS_FOR: Duration = Duration::from_mins(30);

const USER_BYTES: usize = 20;

/// Makes and reads passes.
pub struct Passes {
    seal: Seal,
}

impl Passes {
    /// Passes under a key of their own, derived from `keys`, so that they hold after a restart.
    pub fn new(keys: &Keys) -> Self {
        Self { seal: Seal::new(keys, "challenge pass") }
    }

    /// The pass of `user` at `now`, and the first moment at which it holds no more.
    pub fn issue(&self, campaign: CampaignNumber, user: &UserId, now: Timestamp) -> (String, Timestamp) {
        let expires_at = now.saturating_add(PASS_FOR);
        let mut claim = [0; CLAIM_BYTES];
        claim[..4].copy_from_slice(&campaign.0.to_le_bytes());
        claim[4..12].copy_from_slice(&expires_at.as_milliseconds().to_le_bytes());
        claim[12..].copy_from_slice(&user_hash::<USER_BYTES>(user));
        (self.seal.seal(&claim), expires_at)
    }

    /// Whether `text` is a pass of `user` for `campaign` that holds at `now`.
    pub fn holds(&self, text: &[u8], campaign: CampaignNumber, user: &UserId, now: Timestamp) -> bool {
        let Some(claim) = self.seal.open(text) else { return false };
        let (number, rest) = claim.split_at(4);
        let (expires_at, person) = rest.split_at(8);
        let expires_at = expires_at.try_into().map_or(0, u64::from_le_bytes);
        number == campaign.0.to_le_bytes()
            && now < Timestamp::from_milliseconds(expires_at)
            && person == user_hash::<USER_BYTES>(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_holds_for_its_user_its_campaign_and_its_time() {
        let user = |name: &str| UserId::new(name).expect("a valid user id");
        let passes = Passes::new(&Keys::from_bytes([1; 16], [2; 32]));
        let now = Timestamp::from_milliseconds(1_796_083_200_000);
        let (pass, expires_at) = passes.issue(CampaignNumber(9), &user("ann"), now);
        let pass = pass.as_bytes();
        assert_eq!(expires_at, now.saturating_add(PASS_FOR));
        assert!(passes.holds(pass, CampaignNumber(9), &user("ann"), now));
        assert!(!passes.holds(pass, CampaignNumber(9), &user("bob"), now));
        assert!(!passes.holds(pass, CampaignNumber(8), &user("ann"), now));
        assert!(!passes.holds(pass, CampaignNumber(9), &user("ann"), expires_at));
        assert!(!passes.holds(b"", CampaignNumber(9), &user("ann"), now));
    }
}
