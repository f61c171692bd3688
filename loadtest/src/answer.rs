//! What an answer to a claim says: a win in the words of the contract, a refusal by its code, or something strange.
//! Whether it should have said so is the oracle's matter.

use std::borrow::Cow;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;

use crate::request;
use crate::response::Reply;

/// The symbols of a coupon code, by value.
const SYMBOLS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A generated coupon code: 16 symbols of 5 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Win {
    /// The coupon's code.
    pub(crate) code: Code,
    /// The coupon type, by its place in the campaign.
    pub(crate) coupon_type: u16,
    /// The UTC date of the decision, as the number `yyyymmdd`.
    pub(crate) day: u32,
    /// A hash of all that a repeat must say again.
    pub(crate) fingerprint: u64,
    /// The answer called itself a repeat.
    pub(crate) repeated: bool,
}

/// Who was meant by a claim, so that the answer can be held against it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    /// The campaign's id.
    pub(crate) campaign: &'a str,
    /// The user's number.
    pub(crate) user: u64,
    /// The ids of the campaign's coupon types, in order.
    pub(crate) coupon_types: &'a [String],
}

/// An answer to a claim.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// A coupon.
    Won(Win),
    /// A problem document with this code.
    Refused(Cow<'a, str>),
    /// Neither.
    Strange(Strange),
}

/// Why an answer is neither a win nor a refusal as the contract has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strange {
    /// A status that is neither success nor refusal.
    Status(u16),
    /// A body that is not the JSON it should be.
    Body(u16),
    /// A win for another campaign or user than asked for.
    Misdirected,
    /// A coupon type that the campaign does not have.
    CouponType,
    /// A code that is not 16 symbols in groups of four, or a time that is none.
    Form,
    /// 201 for a repeat, 200 for a new win, or an outcome other than `won`.
    Contradiction,
}

impl fmt::Display for Strange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Body(status) => write!(f, "a body that does not fit status {status}"),
            Self::Misdirected => f.write_str("a win for another campaign or user"),
            Self::CouponType => f.write_str("a coupon type that the campaign does not have"),
            Self::Form => f.write_str("a malformed code or time"),
            Self::Contradiction => f.write_str("status, `repeated` and `outcome` contradict each other"),
        }
    }
}

#[derive(Deserialize)]
struct ClaimBody<'a> {
    claim_id: &'a str,
    campaign_id: &'a str,
    user_id: &'a str,
    outcome: &'a str,
    repeated: bool,
    decided_at: &'a str,
    #[serde(borrow)]
    coupon: CouponBody<'a>,
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

/// Reads an answer to the claim that `asked` describes.
pub(crate) fn read<'a>(reply: &Reply<'a>, asked: Asked<'_>) -> Answer<'a> {
    match reply.status {
        200 | 201 => win(reply, asked).map_or_else(Answer::Strange, Answer::Won),
        400..=499 | 503 => match serde_json::from_slice::<ProblemBody<'_>>(reply.body) {
            Ok(problem) => Answer::Refused(problem.code),
            Err(_) => Answer::Strange(Strange::Body(reply.status)),
        },
        status => Answer::Strange(Strange::Status(status)),
    }
}

fn win(reply: &Reply<'_>, asked: Asked<'_>) -> Result<Win, Strange> {
    let claim: ClaimBody<'_> = serde_json::from_slice(reply.body).map_err(|_| Strange::Body(reply.status))?;
    if claim.campaign_id != asked.campaign || request::user_of(claim.user_id) != Some(asked.user) {
        return Err(Strange::Misdirected);
    }
    if claim.repeated != (reply.status == 200) || claim.outcome != "won" {
        return Err(Strange::Contradiction);
    }
    let coupon = claim.coupon;
    let place = asked.coupon_types.iter().position(|id| id == coupon.coupon_type).ok_or(Strange::CouponType)?;
    let mut hasher = DefaultHasher::new();
    (claim.claim_id, claim.decided_at, coupon.code, coupon.coupon_type, coupon.expires_at).hash(&mut hasher);
    Ok(Win {
        code: Code::parse(coupon.code).ok_or(Strange::Form)?,
        coupon_type: u16::try_from(place).map_err(|_| Strange::CouponType)?,
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
mod tests {
    use super::*;

    const WON: &str = r#"{"claim_id":"c-1","campaign_id":"spring","user_id":"u-000000000007","outcome":"won","repeated":false,
        "decided_at":"2026-12-01T02:00:00.123Z","coupon":{"code":"7K3M-0000-ZZZZ-0001","coupon_type":"b","state":"issued",
        "expires_at":"2026-12-31T02:00:00.123Z"}}"#;

    fn check(status: u16, body: &str, expected: impl FnOnce(Answer<'_>)) {
        let types = ["a".to_owned(), "b".to_owned()];
        let reply = Reply { status, body: body.as_bytes(), closes: false, taken: 0 };
        expected(read(&reply, Asked { campaign: "spring", user: 7, coupon_types: &types }));
    }

    #[test]
    fn a_win_is_read_with_its_type_day_and_code() {
        check(201, WON, |answer| {
            let Answer::Won(win) = answer else { panic!("{answer:?}") };
            assert_eq!((win.coupon_type, win.day, win.repeated), (1, 20_261_201, false));
            assert_eq!(win.code.to_string(), "7K3M-0000-ZZZZ-0001");
        });
    }

    #[test]
    fn a_repeat_has_the_fingerprint_of_the_win_and_another_coupon_has_not() {
        let print = |status, body: &str| {
            let mut print = 0;
            check(status, body, |answer| match answer {
                Answer::Won(win) => print = win.fingerprint,
                Answer::Refused(_) | Answer::Strange(_) => panic!("{answer:?}"),
            });
            print
        };
        let repeat = WON.replace("false", "true").replace("issued", "redeemed");
        assert_eq!(print(200, &repeat), print(201, WON));
        assert_ne!(print(201, &WON.replace("0001", "0002")), print(201, WON));
    }

    #[test]
    fn a_refusal_is_read_by_its_code() {
        check(409, r#"{"type":"about:blank","status":409,"code":"sold_out"}"#, |answer| {
            assert_eq!(answer, Answer::Refused("sold_out".into()));
        });
    }

    #[test]
    fn what_breaks_the_contract_is_strange() {
        let strange =
            |status, body: &str, what| check(status, body, |answer| assert_eq!(answer, Answer::Strange(what)));
        strange(500, "", Strange::Status(500));
        strange(409, "", Strange::Body(409));
        strange(201, "{}", Strange::Body(201));
        strange(200, WON, Strange::Contradiction);
        strange(201, &WON.replace("\"won\"", "\"no_coupon\""), Strange::Contradiction);
        strange(201, &WON.replace("007", "008"), Strange::Misdirected);
        strange(201, &WON.replace("spring", "summer"), Strange::Misdirected);
        strange(201, &WON.replace("\"b\"", "\"c\""), Strange::CouponType);
        strange(201, &WON.replace("7K3M", "7K3U"), Strange::Form);
        strange(201, &WON.replace("7K3M-", "7K3M0"), Strange::Form);
        strange(201, &WON.replace("2026-12-01T", "2026-12-01 "), Strange::Form);
    }
}
