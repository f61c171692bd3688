//! What an answer to a step of the checkout says, in the words of the contract. Whether it should have said so is for
//! [`super::phase`].

use jiff::Timestamp;
use serde::Deserialize;

use crate::answer::Code;
use crate::checkout::wire::{Step, order_of};
use crate::request::user_of;
use crate::response::Reply;

/// What a till was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A redemption, as it is now.
    Redemption(Redemption),
    /// A coupon, as it is now.
    Coupon {
        state: CouponState,
        /// The last redemption, where the answer shows it: its id, order and state.
        latest: Option<(String, u64, State)>,
    },
    /// A refusal by its code.
    Refused(String),
    /// An answer that the contract does not have, in words.
    Strange(&'static str),
}

/// A redemption that a till was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redemption {
    pub(crate) id: String,
    pub(crate) order: u64,
    pub(crate) state: State,
    /// When a hold ends.
    pub(crate) expires_at: Option<Timestamp>,
    /// It is called new.
    pub(crate) is_new: bool,
}

/// What a redemption can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Reserved,
    Confirmed,
    Released,
    Expired,
    Reversed,
}

/// What a coupon can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CouponState {
    Issued,
    Reserved,
    Redeemed,
    Expired,
    Void,
}

#[derive(Deserialize)]
struct RedemptionBody {
    redemption_id: String,
    /// A coupon's own redemption need not say again which coupon it is.
    code: Option<String>,
    order_id: String,
    state: State,
    expires_at: Option<Timestamp>,
    repeated: Option<bool>,
}

#[derive(Deserialize)]
struct CouponBody {
    code: String,
    state: CouponState,
    user_id: String,
    redemption: Option<RedemptionBody>,
}

#[derive(Deserialize)]
struct ProblemBody {
    code: String,
}

impl Told {
    /// The turn in which answers to steps that were on their way at once are judged, after those without an answer: what
    /// took the coupon, what it was found to be, what was refused for it.
    pub(super) fn turn(&self) -> u8 {
        match self {
            Self::Redemption(redemption) if redemption.is_new => 1,
            Self::Redemption(_) | Self::Coupon { .. } => 2,
            Self::Refused(_) | Self::Strange(_) => 3,
        }
    }
}

/// Reads an answer to `step` of the coupon `code`, which `user` won.
pub(crate) fn read(reply: &Reply<'_>, code: Code, user: u64, step: &Step) -> Told {
    let told = match reply.status {
        200 | 201 => match step {
            Step::Redeem { .. } | Step::Settle { .. } => redemption(reply, code, step),
            Step::Look => coupon(reply, code, user),
        },
        400..=499 | 503 => match serde_json::from_slice::<ProblemBody>(reply.body) {
            Ok(problem) => Ok(Told::Refused(problem.code)),
            Err(_) => Err("a refusal without a code"),
        },
        _ => Err("a status that is neither success nor refusal"),
    };
    told.unwrap_or_else(Told::Strange)
}

fn redemption(reply: &Reply<'_>, code: Code, step: &Step) -> Result<Told, &'static str> {
    let body: RedemptionBody = serde_json::from_slice(reply.body).map_err(|_| "a body that is no redemption")?;
    if body.code.as_deref().and_then(Code::parse) != Some(code) {
        return Err("a redemption of another coupon");
    }
    let is_new = match step {
        Step::Redeem { .. } if body.repeated == Some(reply.status == 200) => reply.status == 201,
        Step::Redeem { .. } => return Err("a status and `repeated` that contradict each other"),
        Step::Settle { id, .. } if *id != body.redemption_id => return Err("another redemption"),
        Step::Settle { .. } if reply.status == 200 => false,
        Step::Settle { .. } | Step::Look => return Err("status 201 for what makes nothing"),
    };
    let order = order_of(&body.order_id).ok_or("an order that nobody placed")?;
    let RedemptionBody { redemption_id: id, state, expires_at, .. } = body;
    Ok(Told::Redemption(Redemption { id, order, state, expires_at, is_new }))
}

fn coupon(reply: &Reply<'_>, code: Code, user: u64) -> Result<Told, &'static str> {
    let body: CouponBody = serde_json::from_slice(reply.body).map_err(|_| "a body that is no coupon")?;
    if Code::parse(&body.code) != Some(code) || user_of(&body.user_id) != Some(user) {
        return Err("another coupon, or another winner");
    }
    let latest = body.redemption.map(|latest| {
        let order = order_of(&latest.order_id).ok_or("an order that nobody placed")?;
        Ok::<_, &'static str>((latest.redemption_id, order, latest.state))
    });
    Ok(Told::Coupon { state: body.state, latest: latest.transpose()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "7K3M-0000-ZZZZ-0001";
    const HELD: &str = r#"{"redemption_id":"r-1","code":"7K3M-0000-ZZZZ-0001","order_id":"o-7","state":"reserved",
        "expires_at":"2026-12-01T02:00:01.500Z","repeated":false}"#;
    const COUPON: &str = r#"{"code":"7K3M-0000-ZZZZ-0001","state":"redeemed","user_id":"u-000000000003",
        "redemption":{"redemption_id":"r-1","order_id":"o-7","state":"confirmed"}}"#;
    const REDEEM: Step = Step::Redeem { order: 7, hold_s: Some(1) };

    fn told(step: &Step, status: u16, body: &str) -> Told {
        let reply = Reply { status, body: body.as_bytes(), closes: false, taken: 0 };
        read(&reply, Code::parse(CODE).expect("a code"), 3, step)
    }

    #[test]
    fn a_redemption_is_read_with_its_order_and_end() {
        let expires_at = Some("2026-12-01T02:00:01.500Z".parse().expect("a time"));
        let (id, state) = ("r-1".to_owned(), State::Reserved);
        let redemption = Redemption { id, order: 7, state, expires_at, is_new: true };
        assert_eq!(told(&REDEEM, 201, HELD), Told::Redemption(redemption.clone()));
        let repeat = told(&REDEEM, 200, &HELD.replace("false", "true"));
        assert_eq!(repeat, Told::Redemption(Redemption { is_new: false, ..redemption }));
    }

    #[test]
    fn a_coupon_is_read_with_its_last_redemption_where_it_is_shown() {
        let latest = Some(("r-1".to_owned(), 7, State::Confirmed));
        assert_eq!(told(&Step::Look, 200, COUPON), Told::Coupon { state: CouponState::Redeemed, latest });
        let without = r#"{"code":"7K3M-0000-ZZZZ-0001","state":"issued","user_id":"u-000000000003"}"#;
        assert_eq!(told(&Step::Look, 200, without), Told::Coupon { state: CouponState::Issued, latest: None });
    }

    #[test]
    fn what_breaks_the_contract_is_strange() {
        let settle = Step::Settle { id: "r-2".into(), how: crate::checkout::Settlement::Confirm };
        for (step, status, body) in [
            (&REDEEM, 500, ""),
            (&REDEEM, 409, "{}"),
            (&REDEEM, 200, HELD),
            (&REDEEM, 201, "{}"),
            (&REDEEM, 201, &HELD.replace("7K3M", "7K3N")),
            (&REDEEM, 201, &HELD.replace("o-7", "7")),
            (&REDEEM, 201, &HELD.replace("reserved", "voided")),
            (&settle, 200, HELD),
            (&Step::Look, 200, &COUPON.replace("003", "004")),
            (&Step::Look, 200, &COUPON.replace("o-7", "7")),
        ] {
            assert!(matches!(told(step, status, body), Told::Strange(_)), "{step} {status} {body}");
        }
        assert_eq!(told(&REDEEM, 409, r#"{"code":"reserved"}"#), Told::Refused("reserved".into()));
    }
}
