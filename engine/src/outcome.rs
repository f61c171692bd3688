//! What a shard answers. A refusal by the rules is an outcome like any other, not an error.

use std::sync::Arc;

use crate::campaign::{CampaignView, InvalidDefinition};
use crate::id::{CampaignNumber, Serial, TypeIndex, UserId};
use crate::time::Timestamp;

/// The answer to a [`crate::command::Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The claim was granted now.
    Won(ClaimView),
    /// The claim had been granted before; this is that grant, as it stands today.
    Repeated(ClaimView),
    /// The rules say no. Nothing changed.
    Refused(Refusal),
    /// The campaign was made.
    Created(Arc<CampaignView>),
    /// The campaign as it is after the command (after a dry run: as it would be).
    Campaign(Arc<CampaignView>),
    /// The claim is void (now, or already).
    Voided,
    /// The campaign is archived (dry run: may be archived).
    Archived,
    /// Claims, oldest first.
    Claims {
        /// The page.
        items: Vec<ClaimItem>,
        /// Whether there are more after the last one.
        more: bool,
    },
}

/// Why the rules say no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such campaign.
    NoSuchCampaign,
    /// No such coupon type in the campaign.
    NoSuchCouponType,
    /// No such claim in the campaign.
    NoSuchClaim,
    /// The definition or the patch breaks a rule.
    Invalid(InvalidDefinition),
    /// The campaign is archived.
    Archived,
    /// The limit is above one and the claim names no key.
    KeyRequired,
    /// The key belongs to a claim with another content.
    KeyReused,
    /// The campaign was cancelled.
    Cancelled,
    /// The campaign is over.
    Ended,
    /// Claims are paused.
    Paused,
    /// The campaign has not opened.
    NotOpen {
        /// When it will.
        opens_at: Timestamp,
    },
    /// The person has had all that the limit allows.
    LimitReached,
    /// The total quota is gone.
    SoldOut,
    /// Today's quota is gone, and some of the total is left.
    DailySoldOut {
        /// When the next day begins in the campaign's zone.
        resets_at: Timestamp,
    },
    /// The id belongs to a campaign with another definition.
    Conflict,
    /// A total quota below what has been issued.
    QuotaBelowIssued {
        /// Which coupon type.
        coupon_type: TypeIndex,
        /// What has been issued of it.
        issued: u32,
    },
    /// The coupon has been redeemed, and cannot be voided.
    AlreadyRedeemed,
    /// The campaign has claims or coupons that still live, and cannot be archived.
    StillLive {
        /// When the last of its coupons expires; `None`: some never do, or claims may still come.
        until: Option<Timestamp>,
    },
    /// The log takes no writes at present. Nothing happened.
    LogUnavailable,
}

/// A granted claim and its coupon. Code and claim id follow from campaign and serial by [`crate::coupon::Codes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimView {
    /// Which campaign.
    pub campaign: CampaignNumber,
    /// The claim's place in it.
    pub serial: Serial,
    /// The type of the coupon.
    pub coupon_type: TypeIndex,
    /// When it was granted, by the shard's clock.
    pub decided_at: Timestamp,
    /// When the coupon expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// What has become of the coupon.
    pub state: CouponState,
}

/// What has become of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponState {
    /// It may be redeemed.
    Issued,
    /// Its time has run out.
    Expired,
    /// It was voided or revoked.
    Void,
}

/// A granted claim in a list, where the reader does not know whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimItem {
    /// Whose claim.
    pub user: UserId,
    /// The claim.
    pub claim: ClaimView,
}
