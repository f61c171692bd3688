//! Owns the shapes of claims, draws and entries.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Ref, Type};
use utoipa::openapi::{RefOr, Schema};

use super::{Identifier, Moment, PartialSchema, Phone, Problem, ServerId, UserId, one_of_schemas, text_schemas};

text_schemas! {
    /// What has become of a coupon.
    CouponState = |text| text.enum_values(Some(["issued", "reserved", "redeemed", "expired", "void"]));
    /// What came of it.
    WonOrNot = |text| text.enum_values(Some(["won", "no_coupon"]));
    /// What came of it.
    Won = |text| text.enum_values(Some(["won"]));
    /// What came of it, or that it is not decided yet.
    EntryOutcome = |text| text.enum_values(Some(["pending", "won", "no_coupon"]));
}

/// Asks for a coupon.
#[derive(ToSchema)]
pub(crate) struct NewClaim {
    /// May be left out where a token says who the user is.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
    /// Absent: the first listed type with quota left. Named: judged alone.
    coupon_type: Option<Identifier>,
    /// Stored as the user's.
    phone: Option<Phone>,
}

/// Asks for a draw, or for an entry.
#[derive(ToSchema)]
pub(crate) struct NewDraw {
    /// May be left out where a token says who the user is.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
    /// Stored as the user's.
    phone: Option<Phone>,
}

/// Asks for a draw in the campaign that it names.
#[derive(ToSchema)]
pub(crate) struct NewDrawByBody {
    campaign_id: Identifier,
    /// May be left out where a token says who the user is.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
    /// Stored as the user's.
    #[schema(nullable = false)]
    phone: Option<Phone>,
}

/// Asks for many coupons.
#[derive(ToSchema)]
pub(crate) struct NewClaimBatch {
    #[schema(min_items = 1, max_items = 8192)]
    claims: Vec<BatchedClaim>,
}

/// One claim of many.
#[derive(ToSchema)]
pub(crate) struct BatchedClaim {
    user_id: UserId,
    coupon_type: Option<Identifier>,
    phone: Option<Phone>,
}

/// A coupon that was won.
#[derive(ToSchema)]
pub(crate) struct WonCoupon {
    /// What the shopper shows at the checkout.
    code: String,
    coupon_type: Identifier,
    state: CouponState,
    /// Null: never.
    #[schema(required = true)]
    expires_at: Option<Moment>,
}

/// A claim that won.
#[derive(ToSchema)]
pub(crate) struct Claim {
    claim_id: ServerId,
    campaign_id: Identifier,
    user_id: UserId,
    outcome: Won,
    /// Whether this repeats what was answered before.
    repeated: bool,
    decided_at: Moment,
    coupon: WonCoupon,
}

/// A draw, won or not.
#[derive(ToSchema)]
pub(crate) struct Draw {
    draw_id: ServerId,
    campaign_id: Identifier,
    user_id: UserId,
    outcome: WonOrNot,
    /// Whether this repeats what was answered before.
    repeated: bool,
    decided_at: Moment,
    /// The coupon type that the odds chose, or null. It may have run out.
    #[schema(required = true)]
    sampled: Option<Identifier>,
    /// With `outcome` `won`.
    #[schema(nullable = false)]
    coupon: Option<WonCoupon>,
}

/// An entry in a lottery.
#[derive(ToSchema)]
pub(crate) struct Entry {
    entry_id: ServerId,
    /// The place among the entries, from 1.
    #[schema(minimum = 1)]
    number: u32,
    campaign_id: Identifier,
    user_id: UserId,
    outcome: EntryOutcome,
    /// Whether this repeats what was answered before.
    repeated: bool,
    decided_at: Moment,
    /// The place in the drawn order, once it is drawn.
    #[schema(nullable = false)]
    rank: Option<u32>,
    /// With `outcome` `won`.
    #[schema(nullable = false)]
    coupon: Option<WonCoupon>,
}

one_of_schemas! {
    /// A claim, a draw or an entry, as the campaign's mode has it.
    AnyClaim = [Claim, Draw, Entry];
    /// What came of one claim of many.
    BatchResult = [GrantedClaim, Problem];
}

/// A claim of many that won.
#[derive(ToSchema)]
pub(crate) struct GrantedClaim {
    /// 201, or 200 for what was answered before.
    #[schema(minimum = 200, maximum = 201)]
    status: u16,
    claim_id: ServerId,
    campaign_id: Identifier,
    user_id: UserId,
    outcome: Won,
    /// Whether this repeats what was answered before.
    repeated: bool,
    decided_at: Moment,
    coupon: WonCoupon,
}

/// One user's claims or draws.
#[derive(ToSchema)]
pub(crate) struct ClaimItems {
    items: Vec<AnyClaim>,
}

/// A page of what was issued.
#[derive(ToSchema)]
pub(crate) struct ClaimPage {
    items: Vec<AnyClaim>,
    /// For the parameter `cursor`; null: this is the last page.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What came of each claim of many, in their order.
#[derive(ToSchema)]
pub(crate) struct BatchResults {
    results: Vec<BatchResult>,
}
