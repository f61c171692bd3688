//! Owns the shapes of the shop's side: coupons, redemptions, uploads, users.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::claim::CouponState;
use super::{Identifier, Moment, OrderId, PartialSchema, Phone, ServerId, Span, UserId, text_schemas};

text_schemas! {
    /// What has become of a redemption.
    RedemptionState = |text| text.enum_values(Some(["reserved", "confirmed", "released", "expired", "reversed"]));
}

/// Redeems a coupon, or holds it.
#[derive(ToSchema)]
pub(crate) struct NewRedemption {
    order_id: OrderId,
    /// Refuses the coupon of anybody else.
    user_id: Option<UserId>,
    /// `1s` to `24h`: reserved for so long. Absent: confirmed at once.
    hold: Option<Span>,
}

/// Redeems the coupon that it names.
#[derive(ToSchema)]
pub(crate) struct NewRedemptionByBody {
    /// As the shopper typed it.
    code: String,
    order_id: OrderId,
    /// Refuses the coupon of anybody else.
    user_id: Option<UserId>,
    /// `1s` to `24h`: reserved for so long. Absent: confirmed at once.
    hold: Option<Span>,
}

/// A redemption of a coupon for an order.
#[derive(ToSchema)]
pub(crate) struct Redemption {
    redemption_id: ServerId,
    order_id: OrderId,
    state: RedemptionState,
    created_at: Moment,
    /// Of a hold: how long it was to be.
    #[schema(nullable = false)]
    hold: Option<Span>,
    /// Of a hold: when it runs out, or ran out.
    #[schema(nullable = false)]
    expires_at: Option<Moment>,
    code: String,
    coupon_state: CouponState,
    campaign_id: Identifier,
    coupon_type: Identifier,
    /// Whether this repeats what was answered before; not said of what is confirmed, released or reversed.
    #[schema(nullable = false)]
    repeated: Option<bool>,
}

/// The last redemption of a coupon.
#[derive(ToSchema)]
pub(crate) struct CouponRedemption {
    redemption_id: ServerId,
    order_id: OrderId,
    state: RedemptionState,
    created_at: Moment,
    #[schema(nullable = false)]
    hold: Option<Span>,
    #[schema(nullable = false)]
    expires_at: Option<Moment>,
}

/// A coupon as the checkout sees it.
#[derive(ToSchema)]
pub(crate) struct Coupon {
    code: String,
    state: CouponState,
    campaign_id: Identifier,
    coupon_type: Identifier,
    user_id: UserId,
    claim_id: ServerId,
    decided_at: Moment,
    /// Null: never.
    #[schema(required = true)]
    expires_at: Option<Moment>,
    /// The shop's own, of the coupon type.
    #[schema(value_type = Option<Object>, nullable = false)]
    metadata: Option<serde_json::Value>,
    /// Null: none ever.
    #[schema(required = true)]
    redemption: Option<CouponRedemption>,
}

/// One of the shop's own codes, a line of an upload.
#[derive(ToSchema)]
pub(crate) struct UploadedCode {
    #[schema(min_length = 1, max_length = 128)]
    code: String,
}

/// What came of an upload.
#[derive(ToSchema)]
pub(crate) struct Imported {
    /// Codes in this upload.
    imported: u32,
    /// Codes that can be handed out now.
    available: u32,
}

/// A user to be stored.
#[derive(ToSchema)]
pub(crate) struct NewUser {
    /// Absent: the server makes one.
    user_id: Option<UserId>,
    phone: Phone,
    #[schema(min_length = 1, max_length = 88)]
    name: Option<String>,
}

/// A user's phone number and name.
#[derive(ToSchema)]
pub(crate) struct User {
    user_id: UserId,
    #[schema(required = true)]
    phone: Option<Phone>,
    #[schema(required = true)]
    name: Option<String>,
    /// Of what was stored: whether it was there before.
    #[schema(nullable = false)]
    repeated: Option<bool>,
}
