//! Owns the proof of work: challenges of the ALTCHA protocol, version 2 (<https://altcha.org/docs/v2/proof-of-work/>), bound to a campaign
//! and a user, each of which may be tried once and expires. Which have been tried is forgotten with the process, and so is the key that
//! they are signed with: after a restart none of those before holds. The protocol itself is the `altcha` crate's.
//!
//! A caller derives keys by PBKDF2 under one counter after the other until one begins with a zero byte: 256 derivations at the mean.
//! Checking the answer takes one; making a challenge takes none, a few microseconds, so that none need be made ahead of an opening.

use std::collections::BTreeMap;
use std::time::Duration;

use ::altcha::{
    Challenge, CreateChallengeOptions, HmacAlgorithm, Payload, VerifySolutionOptions, create_challenge, sign_challenge,
    verify_solution,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landrush_engine::fairness::hex::Hex;
use landrush_engine::id::{CampaignId, UserId};
use landrush_engine::time::Timestamp;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::Semaphore;

use super::spent::{NotFresh, Spent};

/// How long a challenge can be answered.
pub const LIFETIME: Duration = Duration::from_mins(10);

/// The iterations of PBKDF2 behind one derivation.
pub const COST: u32 = 1_000;

/// Answers that may wait to be checked or be checked, one more is told to come again.
const CHECKS_MAX: usize = 256;

/// Answers that are checked at a time: so many processors a flood of them takes at most, and no more.
const CHECKS_AT_ONCE: usize = 1;

/// The longest answer that is looked at, in bytes.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 10;

/// Sets challenges and checks what comes back.
pub struct Altcha {
    secret: String,
    spent: Spent,
    checks: Semaphore,
    checks_at_once: Semaphore,
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// It cannot be read.
    #[error("the payload is no answer to a challenge of this server")]
    Malformed,
    /// It is to a challenge that was set for another user or campaign, by another server, or by this one before a restart.
    #[error("the challenge was not set for this user and campaign since the server was started: ask for another")]
    Foreign,
    /// The challenge has expired.
    #[error("the challenge has expired: ask for another")]
    Expired,
    /// The challenge has been tried.
    #[error("the challenge has been tried before: ask for another")]
    Spent,
    /// The work was not done.
    #[error("the solution does not hold: ask for another challenge")]
    Wrong,
    /// There is no room to check it; it can be sent again.
    #[error("too many answers to check")]
    Busy,
}

impl Altcha {
    /// Challenges under `key`, which is random and of this process alone.
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            secret: Hex(&key).to_string(),
            spent: Spent::new(LIFETIME),
            checks: Semaphore::new(CHECKS_MAX),
            checks_at_once: Semaphore::new(CHECKS_AT_ONCE),
        }
    }

    /// A challenge for `user` in `campaign`, as JSON.
    pub fn challenge(&self, campaign: &CampaignId, user: &UserId, now: Timestamp) -> String {
        let expires_at = now.saturating_add(LIFETIME).as_milliseconds() / 1_000;
        let options = CreateChallengeOptions {
            algorithm: String::from("PBKDF2/SHA-256"),
            cost: COST,
            data: Some(binding(campaign, user)),
            expires_at: Some(i64::try_from(expires_at).unwrap_or(i64::MAX)),
            hmac_signature_secret: Some(self.secret.clone()),
            ..CreateChallengeOptions::default()
        };
        let challenge = create_challenge(options).expect("the prefix is hexadecimal and the secret is not empty");
        serde_json::to_string(&challenge).expect("a challenge is plain JSON")
    }

    /// Checks that `payload` answers a challenge of `user` in `campaign`, which then is spent, whether or not it does.
    ///
    /// # Errors
    /// [`Fault`]
    pub async fn check(
        &self,
        payload: &str,
        campaign: &CampaignId,
        user: &UserId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let payload = self.read(payload, campaign, user, now)?;
        // What is cheap to tell is told before the place in the queue and the challenge are used up.
        let _place = self.checks.try_acquire().map_err(|_| Fault::Busy)?;
        let nonce = nonce(&payload.challenge).ok_or(Fault::Malformed)?;
        self.spent.spend(nonce, now).map_err(|not_fresh| match not_fresh {
            NotFresh::Tried => Fault::Spent,
            NotFresh::Full => Fault::Busy,
        })?;
        let secret = self.secret.clone();
        let _turn = self.checks_at_once.acquire().await.map_err(|_| Fault::Busy)?;
        // A fraction of a millisecond, which is long for a thread on which thousands of others wait.
        let checked = tokio::task::spawn_blocking(move || {
            let Payload { challenge, solution } = &payload;
            verify_solution(VerifySolutionOptions::new(challenge, solution, secret)).is_ok_and(|result| result.verified)
        });
        match checked.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::Wrong),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// The answer that `payload` is, if it is to a challenge that was set here for this user and campaign, and lives.
    ///
    /// # Errors
    /// [`Fault`]
    pub fn read(&self, payload: &str, campaign: &CampaignId, user: &UserId, now: Timestamp) -> Result<Payload, Fault> {
        let json = STANDARD.decode(payload).map_err(|_| Fault::Malformed)?;
        let payload: Payload = serde_json::from_slice(&json).map_err(|_| Fault::Malformed)?;
        let parameters = &payload.challenge.parameters;
        let signed = sign_challenge(&HmacAlgorithm::Sha256, &mut parameters.clone(), None, &self.secret, None);
        let expected = signed.ok().and_then(|signed| signed.signature).ok_or(Fault::Malformed)?;
        let given = payload.challenge.signature.as_deref().unwrap_or_default();
        let is_ours = aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_bytes(), given.as_bytes()).is_ok();
        if !is_ours || parameters.data.as_ref() != Some(&binding(campaign, user)) {
            return Err(Fault::Foreign);
        }
        let expires_at = parameters.expires_at.and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(0);
        if now.as_milliseconds() / 1_000 >= expires_at {
            return Err(Fault::Expired);
        }
        Ok(payload)
    }
}

/// What a challenge is bound to.
fn binding(campaign: &CampaignId, user: &UserId) -> BTreeMap<String, Value> {
    let text = |text: &str| Value::String(text.to_owned());
    BTreeMap::from([(String::from("campaign"), text(campaign.as_str())), (String::from("user"), text(user.as_str()))])
}

fn nonce(challenge: &Challenge) -> Option<[u8; 16]> {
    let mut nonce = [0; 16];
    let digits = challenge.parameters.nonce.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in nonce.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What answers `challenge`, whether or not the work was done.
    fn answer(challenge: &str) -> String {
        STANDARD.encode(format!(r#"{{"challenge":{challenge},"solution":{{"counter":0,"derivedKey":"00"}}}}"#))
    }

    #[test]
    fn a_challenge_is_its_user_s_and_its_campaign_s_until_it_expires() {
        let (user, campaign) = (UserId::new("u-1").expect("an id"), CampaignId::new("sale").expect("an id"));
        let now = Timestamp::from_milliseconds(1_796_083_200_000);
        let altcha = Altcha::new([2; 32]);
        let given = answer(&altcha.challenge(&campaign, &user, now));
        let check = |campaign: &CampaignId, user: &UserId, after: Duration, fault: Option<Fault>| {
            let read = altcha.read(&given, campaign, user, now.saturating_add(after));
            assert_eq!(read.err(), fault, "{after:?}");
        };
        check(&campaign, &user, Duration::ZERO, None);
        check(&campaign, &user, LIFETIME - Duration::from_millis(1), None);
        check(&campaign, &user, LIFETIME, Some(Fault::Expired));
        check(&campaign, &user, LIFETIME * 1_000, Some(Fault::Expired));
        check(&campaign, &UserId::new("u-2").expect("an id"), Duration::ZERO, Some(Fault::Foreign));
        check(&CampaignId::new("other").expect("an id"), &user, Duration::ZERO, Some(Fault::Foreign));
        let stranger = Altcha::new([3; 32]);
        assert_eq!(stranger.read(&given, &campaign, &user, now).err(), Some(Fault::Foreign));
    }
}
