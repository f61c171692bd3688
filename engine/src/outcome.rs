//! What a shard answers. A refusal by the rules is an outcome like any other, not an error.

use std::sync::Arc;
use std::time::Duration;

use crate::campaign::{CampaignView, InvalidDefinition};
use crate::command::GateRefusal;
use crate::id::{CampaignNumber, OrderId, RedemptionNumber, Serial, TypeIndex, UserId};
use crate::room::Place;
use crate::time::Timestamp;

/// The answer to a [`crate::command::Command`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The claim was granted, the draw made (won or lost) or the entry taken, now.
    Won(ClaimView),
    /// The claim, draw or entry had been granted before; this is that one, as it stands today.
    Repeated(ClaimView),
    /// The person has a place in the waiting room.
    Arrived {
        /// Which one.
        place: Place,
        /// Whether it was dealt before.
        repeated: bool,
    },
    /// The person is registered.
    Registered {
        /// Whether they were before.
        repeated: bool,
    },
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
    /// The ranks are known (now, or already).
    Ranked,
    /// The codes may be handed out.
    CodesImported {
        /// How many of those imported for the type have not been handed out.
        available: u32,
    },
    /// Claims, oldest first.
    Claims {
        /// The page.
        items: Vec<ClaimItem>,
        /// Whether there are more after the last one.
        more: bool,
    },
    /// A coupon, and what has become of it.
    Coupon(Box<CouponItem>),
    /// The coupon was redeemed or reserved, now.
    Redeemed(Box<RedemptionItem>),
    /// The redemption as it stands: it had been asked for before, or has been settled.
    Redemption(Box<RedemptionItem>),
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
    /// No such coupon in the campaign.
    NoSuchCoupon,
    /// No such redemption in the campaign.
    NoSuchRedemption,
    /// The definition or the patch breaks a rule.
    Invalid(InvalidDefinition),
    /// The campaign is archived.
    Archived,
    /// The campaign is of another mode.
    WrongMode,
    /// The limit is above one and the claim names no key.
    KeyRequired,
    /// The key belongs to a claim with another content, or the order to a redemption with another.
    KeyReused,
    /// The campaign needs a phone number, and none is known.
    PhoneRequired,
    /// The campaign was cancelled.
    Cancelled,
    /// The campaign is over.
    Ended,
    /// Claims are paused.
    Paused,
    /// The campaign, or its next window, has not opened.
    NotOpen {
        /// When it will.
        opens_at: Timestamp,
    },
    /// The campaign has no waiting room to come to.
    NoWaitingRoom,
    /// The person has met no challenge, and the campaign asks for one.
    ChallengeRequired,
    /// The person is not let in from the waiting room, or has not proved to be.
    TicketRequired,
    /// The person is none of those whom the campaign is for.
    NotEligible,
    /// The campaign takes no registrations: it hears everybody, or those on a list.
    NoRegistration,
    /// Registration is over.
    RegistrationClosed,
    /// The person, or the phone number, has had all that the limit allows.
    LimitReached,
    /// The total quota, or the imported codes, are gone.
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
    /// The coupon type makes its codes itself, and takes none.
    CodesGenerated,
    /// The coupon has been redeemed, for another order.
    AlreadyRedeemed,
    /// The coupon is reserved for another order.
    Reserved,
    /// The coupon's time has run out.
    Expired,
    /// The coupon was voided.
    Void,
    /// The coupon is another user's.
    WrongUser,
    /// Redemptions are paused.
    RedemptionsPaused,
    /// The redemption was confirmed, and cannot be released.
    AlreadyConfirmed,
    /// The hold was released.
    AlreadyReleased,
    /// The redemption was reversed.
    AlreadyReversed,
    /// The redemption was never confirmed, and cannot be reversed.
    NotConfirmed,
    /// The hold ran out, and the coupon was given back.
    HoldExpired,
    /// The campaign has claims or coupons that still live, and cannot be archived.
    StillLive {
        /// When the last of its coupons expires; `None`: some never do, or claims may still come.
        until: Option<Timestamp>,
    },
    /// The log takes no writes at present. Nothing happened.
    LogUnavailable,
}

impl From<GateRefusal> for Refusal {
    fn from(refusal: GateRefusal) -> Self {
        match refusal {
            GateRefusal::ChallengeRequired => Refusal::ChallengeRequired,
            GateRefusal::NotEligible => Refusal::NotEligible,
        }
    }
}

/// A granted claim, a draw or an entry. Code and id follow from campaign and serial by [`crate::coupon::Codes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimView {
    /// Which campaign.
    pub campaign: CampaignNumber,
    /// Its place in it.
    pub serial: Serial,
    /// When it was granted, by the shard's clock.
    pub decided_at: Timestamp,
    /// What it is.
    pub kind: ClaimKind,
    /// What was won; `None`: nothing, or nothing yet.
    pub coupon: Option<CouponView>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimKind {
    /// A claim: it always won.
    Claim,
    /// A draw.
    Draw {
        /// What the odds chose, whether or not any was left.
        sampled: Option<TypeIndex>,
    },
    /// An entry in a lottery. Its number is its serial plus one.
    Entry {
        /// Its rank, from 1, once the lottery is drawn.
        rank: Option<u32>,
    },
}

/// A coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CouponView {
    /// Its type.
    pub coupon_type: TypeIndex,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// What has become of it.
    pub state: CouponState,
    /// Where its code lies among those imported for its type; `None`: the code is generated.
    pub imported: Option<u32>,
}

/// What has become of a coupon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponState {
    /// It may be redeemed.
    Issued,
    /// It is held for an order.
    Reserved,
    /// It has been redeemed.
    Redeemed,
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

/// A coupon by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponItem {
    /// Whose it is.
    pub user: UserId,
    /// The claim that won it; it has a coupon.
    pub claim: ClaimView,
    /// Its latest redemption.
    pub redemption: Option<RedemptionView>,
}

/// A redemption, and the coupon that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedemptionItem {
    /// The redemption.
    pub redemption: RedemptionView,
    /// The claim that won the coupon; it has one.
    pub claim: ClaimView,
}

/// A coupon that was redeemed, or reserved, for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedemptionView {
    /// Its place among the campaign's redemptions.
    pub number: RedemptionNumber,
    /// For which order.
    pub order: OrderId,
    /// When it was asked for.
    pub at: Timestamp,
    /// For how long the coupon is reserved, where it is not redeemed at once.
    pub hold: Option<Duration>,
    /// When the hold runs out, or ran out.
    pub expires_at: Option<Timestamp>,
    /// What has become of it.
    pub state: RedemptionState,
}

/// What has become of a redemption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedemptionState {
    /// The coupon is held for the order.
    Reserved,
    /// The coupon is redeemed.
    Confirmed,
    /// The hold was given back.
    Released,
    /// The hold ran out.
    Expired,
    /// It was confirmed, and taken back.
    Reversed,
}
