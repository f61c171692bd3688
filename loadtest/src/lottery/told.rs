//! What an answer to an entry says, and what a lottery publishes when it is drawn, in the words of the contract.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::answer::Code;
use crate::fairness::{Hash, hash_of};
use crate::lottery::Lottery;
use crate::request::user_of;
use crate::response::Reply;

/// An answer to an entry, or to a look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The entry as it is now.
    Entry(Entry),
    /// A refusal by its code.
    Refused(String),
    /// An answer that the contract does not have, in words.
    Strange(&'static str),
}

/// An entry that a user was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) number: u32,
    /// It is called new.
    pub(crate) is_new: bool,
    /// What came of it, once it is drawn.
    pub(crate) drawn: Option<Drawn>,
}

/// What came of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) rank: u32,
    /// The coupon type, by its place.
    pub(crate) prize: Option<u16>,
    pub(crate) code: Option<Code>,
}

/// What a lottery publishes when it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fairness {
    pub(crate) commitment: String,
    pub(crate) seed: Hash,
    pub(crate) count: u32,
    pub(crate) hash: Hash,
}

impl Fairness {
    /// Reads what a campaign shows as `fairness`; `None` while it is not drawn.
    ///
    /// # Errors
    /// When it shows something else than the contract says.
    pub(crate) fn read(campaign: &Value) -> Result<Option<Self>> {
        let fairness = &campaign["fairness"];
        let hash = |value: &Value| value.as_str().and_then(hash_of);
        let commitment = fairness["commitment"].as_str().context("a lottery without a commitment")?.to_owned();
        if fairness["seed"].is_null() {
            return Ok(None);
        }
        Ok(Some(Self {
            commitment,
            seed: hash(&fairness["seed"]).context("a seed that is not 64 hexadecimal digits")?,
            count: fairness["entries"]["count"].as_u64().context("no count")?.try_into()?,
            hash: hash(&fairness["entries"]["hash"]).context("a hash that is not 64 hexadecimal digits")?,
        }))
    }
}

#[derive(Deserialize)]
struct EntryBody<'a> {
    entry_id: &'a str,
    number: u32,
    campaign_id: &'a str,
    user_id: &'a str,
    outcome: &'a str,
    repeated: bool,
    rank: Option<u32>,
    #[serde(borrow)]
    coupon: Option<CouponBody<'a>>,
}

#[derive(Deserialize)]
struct CouponBody<'a> {
    code: &'a str,
    coupon_type: &'a str,
}

#[derive(Deserialize)]
struct ProblemBody {
    code: String,
}

/// Reads an answer to the entry of `user` in `lottery`.
pub(crate) fn read(reply: &Reply<'_>, lottery: &Lottery, user: u64) -> Told {
    let told = match reply.status {
        200 | 201 => entry(reply, lottery, user).map(Told::Entry),
        400..=499 | 503 => match serde_json::from_slice::<ProblemBody>(reply.body) {
            Ok(problem) => Ok(Told::Refused(problem.code)),
            Err(_) => Err("a refusal without a code"),
        },
        _ => Err("a status that is neither success nor refusal"),
    };
    told.unwrap_or_else(Told::Strange)
}

fn entry(reply: &Reply<'_>, lottery: &Lottery, user: u64) -> Result<Entry, &'static str> {
    let body: EntryBody<'_> = serde_json::from_slice(reply.body).map_err(|_| "a body that is no entry")?;
    if body.campaign_id != lottery.campaign() || user_of(body.user_id) != Some(user) {
        return Err("an answer for another campaign or user");
    }
    if body.repeated != (reply.status == 200) {
        return Err("a status and `repeated` that contradict each other");
    }
    let prize = |coupon: &CouponBody<'_>| {
        let place = lottery.prizes().position(|id| id == coupon.coupon_type).ok_or("an unknown coupon type")?;
        let code = Code::parse(coupon.code).ok_or("a malformed code")?;
        Ok::<_, &'static str>((u16::try_from(place).map_err(|_| "an unknown coupon type")?, code))
    };
    let coupon = body.coupon.as_ref().map(prize).transpose()?;
    let drawn = match (body.outcome, body.rank, coupon) {
        ("pending", None, None) => None,
        ("won", Some(rank), Some((prize, code))) => Some(Drawn { rank, prize: Some(prize), code: Some(code) }),
        ("no_coupon", Some(rank), None) => Some(Drawn { rank, prize: None, code: None }),
        _ => return Err("an outcome, a rank and a coupon that contradict each other"),
    };
    Ok(Entry { id: body.entry_id.to_owned(), number: body.number, is_new: !body.repeated, drawn })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PENDING: &str = r#"{"entry_id":"e-1","number":3,"campaign_id":"raffle","user_id":"u-000000000007",
        "outcome":"pending","repeated":false}"#;
    const WON: &str = r#"{"entry_id":"e-1","number":3,"campaign_id":"raffle","user_id":"u-000000000007",
        "outcome":"won","repeated":true,"rank":2,"coupon":{"code":"7K3M-0000-ZZZZ-0001","coupon_type":"b"}}"#;

    fn told(status: u16, body: &str) -> Told {
        let prizes = vec![("a".to_owned(), 1), ("b".to_owned(), 2)];
        let lottery = Lottery::new("raffle".into(), prizes, jiff::Timestamp::UNIX_EPOCH, "00".repeat(32));
        read(&Reply { status, body: body.as_bytes(), closes: false, taken: 0 }, &lottery, 7)
    }

    #[test]
    fn an_entry_is_read_before_and_after_the_drawing() {
        let entry = Entry { id: "e-1".into(), number: 3, is_new: true, drawn: None };
        assert_eq!(told(201, PENDING), Told::Entry(entry.clone()));
        let drawn = Some(Drawn { rank: 2, prize: Some(1), code: Code::parse("7K3M-0000-ZZZZ-0001") });
        assert_eq!(told(200, WON), Told::Entry(Entry { is_new: false, drawn, ..entry }));
    }

    #[test]
    fn what_breaks_the_contract_is_strange() {
        for (status, body) in [
            (500, ""),
            (410, "{}"),
            (200, PENDING),
            (201, &PENDING.replace("\"number\":3,", "")),
            (201, &PENDING.replace("007", "008")),
            (201, &PENDING.replace("pending", "no_coupon")),
            (201, &PENDING.replace("pending", "won")),
            (200, &WON.replace("\"b\"", "\"c\"")),
            (200, &WON.replace("7K3M", "7K3U")),
            (200, &WON.replace("\"rank\":2,", "")),
        ] {
            assert!(matches!(told(status, body), Told::Strange(_)), "{status} {body}");
        }
        assert_eq!(told(410, r#"{"code":"ended"}"#), Told::Refused("ended".into()));
    }

    #[test]
    fn fairness_is_read_once_it_is_published() {
        let seed = "0f".repeat(32);
        let mut campaign =
            json!({"fairness": {"commitment": "ab", "seed": null, "entries": {"count": 9, "hash": null}}});
        assert_eq!(Fairness::read(&campaign).expect("as agreed"), None);
        campaign["fairness"]["seed"] = seed.clone().into();
        assert!(Fairness::read(&campaign).is_err(), "a seed without a hash");
        campaign["fairness"]["entries"]["hash"] = seed.into();
        let expected = Fairness { commitment: "ab".into(), seed: [15; 32], count: 9, hash: [15; 32] };
        assert_eq!(Fairness::read(&campaign).expect("as agreed"), Some(expected));
        assert!(Fairness::read(&json!({})).is_err());
    }
}
