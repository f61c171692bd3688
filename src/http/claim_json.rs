//! Owns how a claim, a draw or an entry looks in an answer.

use landrush_engine::campaign::{CampaignDefinition, Mode};
use landrush_engine::id::TypeIndex;
use landrush_engine::outcome::{ClaimKind, ClaimView, CouponState, CouponView};

use super::json_text::JsonText;
use crate::app::Opened;

/// Writes the members of a claim, a draw or an entry of the campaign that `definition` describes.
pub(crate) fn write(
    claim: &ClaimView,
    user: &str,
    repeated: bool,
    definition: &CampaignDefinition,
    opened: &Opened,
    json: &mut JsonText<'_>,
) {
    let codes = opened.engine.codes();
    let (code, id) = match claim.coupon {
        Some(CouponView { imported: None, .. }) => {
            let (code, id) = codes.code_and_claim_id(claim.campaign, claim.serial);
            (Some(code), id)
        }
        Some(_) | None => (None, codes.claim_id(claim.campaign, claim.serial)),
    };
    json.plain(id_name(definition.mode), id.as_str());
    if let ClaimKind::Entry { .. } = claim.kind {
        json.number("number", u64::from(claim.serial.0) + 1);
    }
    json.plain("campaign_id", definition.id.as_str());
    json.text("user_id", user);
    json.plain("outcome", outcome(claim));
    json.bool("repeated", repeated);
    json.time("decided_at", claim.decided_at);
    match claim.kind {
        ClaimKind::Claim => {}
        ClaimKind::Draw { sampled } => {
            let sampled = sampled.map(|sampled| type_id(definition, sampled));
            json.optional_text("sampled", sampled);
        }
        ClaimKind::Entry { rank: Some(rank) } => json.number("rank", u64::from(rank)),
        ClaimKind::Entry { rank: None } => {}
    }
    if let Some(coupon) = &claim.coupon {
        json.nested("coupon", |json| {
            match code {
                Some(code) => json.plain("code", code.as_str()),
                None => write_code(claim, coupon, opened, json),
            }
            json.plain("coupon_type", type_id(definition, coupon.coupon_type));
            json.plain("state", state(coupon.state));
            json.optional_time("expires_at", coupon.expires_at);
        });
    }
}

/// Writes the coupon's code, as `code`.
pub(crate) fn write_code(claim: &ClaimView, coupon: &CouponView, opened: &Opened, json: &mut JsonText<'_>) {
    match coupon.imported {
        None => json.text("code", opened.engine.codes().code(claim.campaign, claim.serial).as_str()),
        Some(_) => json.optional_text("code", code(claim, coupon, opened).as_deref()),
    }
}

/// The coupon's code.
pub(crate) fn code(claim: &ClaimView, coupon: &CouponView, opened: &Opened) -> Option<String> {
    let ClaimView { campaign, serial, .. } = *claim;
    match coupon.imported {
        None => Some(opened.engine.codes().code(campaign, serial).to_string()),
        Some(position) => {
            opened.engine.imported_codes().code(campaign, coupon.coupon_type, position).map(|code| code.to_string())
        }
    }
}

/// What the id is called.
fn id_name(mode: Mode) -> &'static str {
    match mode {
        Mode::FirstCome => "claim_id",
        Mode::Draw => "draw_id",
        Mode::Lottery => "entry_id",
    }
}

fn outcome(claim: &ClaimView) -> &'static str {
    match (claim.coupon, claim.kind) {
        (Some(_), _) => "won",
        (None, ClaimKind::Entry { rank: None }) => "pending",
        (None, ClaimKind::Claim | ClaimKind::Draw { .. } | ClaimKind::Entry { rank: Some(_) }) => "no_coupon",
    }
}

/// What a coupon type is called.
pub(crate) fn type_id(definition: &CampaignDefinition, coupon_type: TypeIndex) -> &str {
    definition.coupon_types[coupon_type.as_index()].id.as_str()
}

/// What has become of a coupon, in a word.
pub(crate) fn state(state: CouponState) -> &'static str {
    match state {
        CouponState::Issued => "issued",
        CouponState::Reserved => "reserved",
        CouponState::Redeemed => "redeemed",
        CouponState::Expired => "expired",
        CouponState::Void => "void",
    }
}
