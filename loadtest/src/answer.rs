//! What an answer to a claim or a draw says: a decision in the words of the contract, a refusal by its code, or something
//! strange. Whether it should have said so is the oracle's matter.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::request::{self, Kind};
use crate::response::Reply;

/// The symbols of a coupon code, by value.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A generated coupon code: 16 symbols of 5 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Code(u128);

impl Code {
    /// Reads `XXXX-XXXX-XXXX-XXXX`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() != 19 {
            return None;
        }
        text.bytes()
            .enumerate()
            .try_fold(0, |code, (place, byte)| {
                if place % 5 == 4 {
                    return (byte == b'-').then_some(code);
                }
                let value = SYMBOLS.iter().position(|symbol| *symbol == byte)?;
                Some(code << 5 | u128::try_from(value).ok()?)
            })
            .map(Self)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for place in 0..16_u32 {
            let value = usize::try_from(self.0 >> (75 - 5 * place) & 31).unwrap_or_default();
            let dash = if place > 0 && place % 4 == 0 { "-" } else { "" };
            write!(f, "{dash}{}", char::from(SYMBOLS[value]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A coupon that a user was told to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Coupon {
    /// The coupon's code.
    pub(crate) code: Code,
    /// The coupon type, by its place in the campaign.
    pub(crate) coupon_type: u16,
}

/// What a user was told that a claim or a draw came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decision {
    /// The coupon; a draw may have none.
    pub(crate) coupon: Option<Coupon>,
    /// The coupon type that a draw's odds chose, by its place in the campaign.
    pub(crate) sampled: Option<u16>,
    /// The UTC date of the decision, as the number `yyyymmdd`.
    pub(crate) day: u32,
    /// A hash of all that a repeat must say again.
    pub(crate) fingerprint: u64,
    /// The answer called itself a repeat.
    pub(crate) repeated: bool,
}

impl Decision {
    /// The coupon's code, if there is a coupon.
    pub(crate) fn code(&self) -> Option<Code> {
        self.coupon.map(|coupon| coupon.code)
    }
}

/// Who was meant by a claim or a draw, so that the answer can be held against it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The campaign's id.
    pub(crate) campaign: &'a str,
    /// What the campaign is asked for.
    pub(crate) kind: Kind,
    /// The user's number.
    pub(crate) user: u64,
    /// The ids of the campaign's coupon types, in order.
    pub(crate) coupon_types: &'a [String],
}

/// An answer to a claim or a draw.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// A coupon, or a draw that lost.
    Decided(Decision),
    /// A problem document with this code.
    Refused(Cow<'a, str>),
    /// Neither.
    Strange(Strange),
}

/// Why an answer is neither a decision nor a refusal as the contract has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Strange {
    /// A status that is neither success nor refusal.
    Status(u16),
    /// A body that is not the JSON it should be.
    Body(u16),
    /// An answer for another campaign or user than asked for.
    Misdirected,
    /// A coupon type that the campaign does not have.
    CouponType,
    /// A code that is not 16 symbols in groups of four, or a time that is none.
    Form,
    /// 201 for a repeat, 200 for what is new, or an outcome that the coupon or the odds contradict.
    Contradiction,
}

impl fmt::Display for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Body(status) => write!(f, "a body that does not fit status {status}"),
            Self::Misdirected => f.write_str("an answer for another campaign or user"),
            Self::CouponType => f.write_str("a coupon type that the campaign does not have"),
            Self::Form => f.write_str("a malformed code or time"),
            Self::Contradiction => {
                f.write_str("status, `repeated`, `outcome`, coupon and `sampled` that contradict each other")
            }
        }
    }
}

#[derive(Deserialize)]
struct ClaimBody<'a> {
    claim_id: Option<&'a str>,
    draw_id: Option<&'a str>,
    campaign_id: &'a str,
    user_id: &'a str,
    outcome: &'a str,
    repeated: bool,
    decided_at: &'a str,
    sampled: Option<&'a str>,
    #[serde(borrow)]
    coupon: Option<CouponBody<'a>>,
}

#[derive(Deserialize)]
struct CouponBody<'a> {
    code: &'a str,
    coupon_type: &'a str,
    expires_at: Option<&'a str>,
}

#[derive(Deserialize)]
struct ProblemBody<'a> {
    #[serde(borrow)]
    code: Cow<'a, str>,
}

#[derive(Deserialize)]
struct WaitBody {
    retry_after_ms: Option<u64>,
}

/// How long a refusal asks to wait before coming again: `Retry-After` to the millisecond, as its body says it.
pub(crate) fn retry_after(reply: &Reply<'_>) -> Option<Duration> {
    let body: WaitBody = serde_json::from_slice(reply.body).ok()?;
    body.retry_after_ms.map(Duration::from_millis)
}

/// Whether a refusal says nothing of what is refused, so that asking again is the way to know.
pub(crate) fn is_passing(code: &str) -> bool {
    matches!(code, "overloaded" | "rate_limited" | "log_unavailable")
}

/// Reads an answer to the claim or draw that `asked` describes.
pub(crate) fn read<'a>(reply: &Reply<'a>, asked: Asked<'_>) -> Answer<'a> {
    match reply.status {
        200 | 201 => decision(reply, asked).map_or_else(Answer::Strange, Answer::Decided),
        400..=499 | 503 => match serde_json::from_slice::<ProblemBody<'_>>(reply.body) {
            Ok(problem) => Answer::Refused(problem.code),
            Err(_) => Answer::Strange(Strange::Body(reply.status)),
        },
        status => Answer::Strange(Strange::Status(status)),
    }
}

fn decision(reply: &Reply<'_>, asked: Asked<'_>) -> Result<Decision, Strange> {
    let claim: ClaimBody<'_> = serde_json::from_slice(reply.body).map_err(|_| Strange::Body(reply.status))?;
    if claim.campaign_id != asked.campaign || request::user_of(claim.user_id) != Some(asked.user) {
        return Err(Strange::Misdirected);
    }
    if claim.repeated != (reply.status == 200) {
        return Err(Strange::Contradiction);
    }
    let id = match asked.kind {
        Kind::Claim => claim.claim_id,
        Kind::Draw => claim.draw_id,
        Kind::Entry => None,
    };
    let id = id.ok_or(Strange::Body(reply.status))?;
    let place = |id: &str| {
        let place = asked.coupon_types.iter().position(|known| known == id).ok_or(Strange::CouponType)?;
        u16::try_from(place).map_err(|_| Strange::CouponType)
    };
    let sampled = claim.sampled.map(place).transpose()?;
    let coupon = claim.coupon.as_ref().map(|coupon| {
        Ok(Coupon { code: Code::parse(coupon.code).ok_or(Strange::Form)?, coupon_type: place(coupon.coupon_type)? })
    });
    let coupon = coupon.transpose()?;
    let fits = match (asked.kind, claim.outcome, &coupon) {
        (Kind::Claim, "won", Some(_)) => sampled.is_none(),
        (Kind::Draw, "won", Some(coupon)) => sampled == Some(coupon.coupon_type),
        (Kind::Draw, "no_coupon", None) => true,
        (Kind::Claim | Kind::Draw | Kind::Entry, _, _) => false,
    };
    if !fits {
        return Err(Strange::Contradiction);
    }
    let mut hasher = DefaultHasher::new();
    let words = claim.coupon.map(|coupon| (coupon.code, coupon.coupon_type, coupon.expires_at));
    (id, claim.decided_at, claim.sampled, words).hash(&mut hasher);
    Ok(Decision {
        coupon,
        sampled,
        day: day(claim.decided_at).ok_or(Strange::Form)?,
        fingerprint: hasher.finish(),
        repeated: claim.repeated,
    })
}

/// `2026-12-01T…` as 20261201.
fn day(time: &str) -> Option<u32> {
    let date = time.strip_suffix('Z')?.get(..11)?.strip_suffix('T')?;
    date.split('-')
        .try_fold(0_u32, |day, part| Some(day * 100 + part.parse::<u32>().ok().filter(|part| *part < 10_000)?))
}

#[cfg(test)]
mod tests;
