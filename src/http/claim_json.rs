//! Owns how a granted claim looks in an answer.

use landrush_engine::campaign::CampaignDefinition;
use landrush_engine::coupon::Codes;
use landrush_engine::outcome::{ClaimView, CouponState};

use super::json_text::JsonText;

/// Writes the members of a granted claim.
pub(crate) fn write(
    claim: &ClaimView,
    user: &str,
    repeated: bool,
    definition: &CampaignDefinition,
    codes: &Codes,
    json: &mut JsonText<'_>,
) {
    json.text("claim_id", codes.claim_id(claim.campaign, claim.serial).as_str());
    json.text("campaign_id", definition.id.as_str());
    json.text("user_id", user);
    json.text("outcome", "won");
    json.bool("repeated", repeated);
    json.time("decided_at", claim.decided_at);
    json.nested("coupon", |coupon| {
        coupon.text("code", codes.code(claim.campaign, claim.serial).as_str());
        coupon.text("coupon_type", definition.coupon_types[claim.coupon_type.as_index()].id.as_str());
        coupon.text("state", state(claim.state));
        coupon.optional_time("expires_at", claim.expires_at);
    });
}

fn state(state: CouponState) -> &'static str {
    match state {
        CouponState::Issued => "issued",
        CouponState::Expired => "expired",
        CouponState::Void => "void",
    }
}
