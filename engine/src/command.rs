//! What may be asked of a shard. Everything in a command has been parsed and checked; whether it is granted is decided by
//! [`crate::shard::State::decide`].

use std::sync::Arc;
use std::time::Duration;

use crate::campaign::{CampaignDefinition, CampaignPatch};
use crate::fairness::{Ranks, Seed};
use crate::id::{
    CampaignNumber, CodeFileId, IdempotencyKey, OrderId, PhoneId, RedemptionNumber, Serial, TypeIndex, UserId,
};
use crate::room::Place;
use crate::time::Timestamp;

/// One request to the shard that owns its campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Asks for a coupon.
    Claim(Claim),
    /// Draws: wins a coupon or none, by the odds.
    Draw(Claim),
    /// Enters a lottery.
    Enter(Claim),
    /// Comes to a waiting room.
    Arrive(Arrive),
    /// Registers with a campaign that hears only those who have.
    Register(Register),
    /// Makes a campaign under a number that the router has just dealt.
    Create {
        /// The number it will have, if it is new.
        campaign: CampaignNumber,
        /// What the caller described, defaults filled in.
        definition: Box<CampaignDefinition>,
        /// What its draws or its lottery will be computed from, if it is new: fresh random bytes.
        seed: Seed,
    },
    /// Changes a campaign.
    Patch {
        /// Which one.
        campaign: CampaignNumber,
        /// What to change.
        patch: Box<CampaignPatch>,
        /// Only say what would happen.
        dry_run: bool,
    },
    /// Pauses (`false`) or resumes (`true`) claims.
    AcceptClaims {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Whether claims are taken from now on.
        accept: bool,
    },
    /// Stops claims for good.
    Cancel {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Also void what was issued and not redeemed.
        revoke: bool,
        /// Only say what would happen.
        dry_run: bool,
    },
    /// Frees the campaign's memory and keeps its id taken.
    Archive {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Only say whether it may be archived.
        dry_run: bool,
    },
    /// Makes a lottery's ranks known, once they have been computed off the shard.
    Rank {
        /// Which campaign.
        campaign: CampaignNumber,
        /// The ranks of all its entries.
        ranks: Arc<Ranks>,
    },
    /// Adds codes of the shop's own to a coupon type. Their file is on disk.
    ImportCodes {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Which of its coupon types.
        coupon_type: TypeIndex,
        /// Where they are.
        file: CodeFile,
        /// How many codes the type must have had before: their place in the order in which codes are handed out.
        first: u32,
    },
    /// Voids one claim or draw.
    Void {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Which of its claims.
        claim: Serial,
        /// Give the unit back; `None`: as the campaign's `returns.voided` says.
        restock: Option<bool>,
        /// Let the person claim again.
        allow_again: bool,
    },
    /// Reads whether somebody has registered.
    Registration {
        /// With which campaign.
        campaign: CampaignNumber,
        /// Who.
        user: UserId,
    },
    /// Reads one person's claims, draws or entry.
    ClaimsByUser {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Whose.
        user: UserId,
    },
    /// Reads a page of the campaign's issued coupons, oldest first.
    Claims {
        /// Which campaign.
        campaign: CampaignNumber,
        /// The last claim of the page before; `None`: from the first.
        after: Option<Serial>,
        /// At most so many, up to [`CLAIMS_PAGE_MAX`].
        limit: u16,
    },
    /// Reads one coupon.
    Coupon {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Which of its coupons.
        coupon: CouponPlace,
    },
    /// Redeems a coupon for an order, at once or with a hold first.
    Redeem(Redeem),
    /// Ends a hold, or takes a redemption back.
    Settle {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Which of its redemptions.
        redemption: RedemptionNumber,
        /// How.
        settlement: Settlement,
    },
}

/// The most claims that one page holds.
pub const CLAIMS_PAGE_MAX: u16 = 1_000;

/// Asks for a coupon, a draw or an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which campaign.
    pub campaign: CampaignNumber,
    /// For whom.
    pub user: UserId,
    /// The type asked for; `None`: the first listed with quota left. Of a draw or an entry always `None`.
    pub coupon_type: Option<TypeIndex>,
    /// Tells this claim from others of the same person, where the limit is above one.
    pub key: Option<IdempotencyKey>,
    /// Stands for the person's phone number, where the campaign needs one.
    pub phone: Option<PhoneId>,
    /// What was found out about the person before the shard was asked.
    pub gate: Gate,
    /// When the last byte of the request was read: what opening and closing are judged by.
    pub stamped_at: Timestamp,
}

/// What was found out about whoever claims, before the shard is asked: it is told only to those who do not repeat a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gate {
    /// The place in the waiting room that the person has proved to hold, where there is a waiting room.
    pub place: Option<Place>,
    /// What speaks against the claim.
    pub refusal: Option<GateRefusal>,
}

/// What a gate in front of the shards can refuse a claim for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateRefusal {
    /// No challenge was met.
    ChallengeRequired,
    /// The person is none of those whom the campaign is for.
    NotEligible,
}

/// Comes to the waiting room of the window that is open, or opens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrive {
    /// Which campaign.
    pub campaign: CampaignNumber,
    /// Who.
    pub user: UserId,
    /// When the last byte of the request was read.
    pub stamped_at: Timestamp,
    /// What the gate has against them: it is told only to those who have no place yet.
    pub refusal: Option<GateRefusal>,
}

/// Registers with a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Which campaign.
    pub campaign: CampaignNumber,
    /// Who.
    pub user: UserId,
    /// When the last byte of the request was read: what the cut-off is judged by.
    pub stamped_at: Timestamp,
}

/// A file of codes that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeFile {
    /// Its name.
    pub id: CodeFileId,
    /// How many codes it holds.
    pub count: u32,
    /// SHA-256 over its header and codes.
    pub hash: [u8; 32],
}

/// Which coupon of a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CouponPlace {
    /// The coupon of this claim.
    Claim(Serial),
    /// The coupon that bears the code at this place, from 0, among those imported for the type.
    Imported {
        /// The coupon type.
        coupon_type: TypeIndex,
        /// The place of the code.
        position: u32,
    },
}

/// Redeems a coupon for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeem {
    /// Which campaign.
    pub campaign: CampaignNumber,
    /// Which of its coupons.
    pub coupon: CouponPlace,
    /// For which order: repeats of one order get one answer.
    pub order: OrderId,
    /// Whose coupon it must be, if the shop says.
    pub user: Option<UserId>,
    /// Only reserve it, for so long: brought to whole milliseconds, one to [`crate::shard::HOLD_MAX`].
    pub hold: Option<Duration>,
}

/// How a redemption goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// The order went through: the coupon is redeemed.
    Confirm,
    /// The order did not: the coupon is given back.
    Release,
    /// A confirmed order was cancelled: the coupon is given back.
    Reverse,
}

impl Command {
    /// What is asked for, of a claim, a draw or an entry.
    pub(crate) fn claim(&self) -> Option<&Claim> {
        match self {
            Command::Claim(claim) | Command::Draw(claim) | Command::Enter(claim) => Some(claim),
            Command::Arrive(_)
            | Command::Register(_)
            | Command::Create { .. }
            | Command::Patch { .. }
            | Command::AcceptClaims { .. }
            | Command::Cancel { .. }
            | Command::Archive { .. }
            | Command::Rank { .. }
            | Command::ImportCodes { .. }
            | Command::Void { .. }
            | Command::Registration { .. }
            | Command::ClaimsByUser { .. }
            | Command::Claims { .. }
            | Command::Coupon { .. }
            | Command::Redeem(_)
            | Command::Settle { .. } => None,
        }
    }

    /// The campaign that the command speaks of.
    pub fn campaign(&self) -> CampaignNumber {
        match self {
            Command::Claim(Claim { campaign, .. })
            | Command::Draw(Claim { campaign, .. })
            | Command::Enter(Claim { campaign, .. })
            | Command::Arrive(Arrive { campaign, .. })
            | Command::Register(Register { campaign, .. })
            | Command::Create { campaign, .. }
            | Command::Patch { campaign, .. }
            | Command::AcceptClaims { campaign, .. }
            | Command::Cancel { campaign, .. }
            | Command::Archive { campaign, .. }
            | Command::Rank { campaign, .. }
            | Command::ImportCodes { campaign, .. }
            | Command::Void { campaign, .. }
            | Command::Registration { campaign, .. }
            | Command::ClaimsByUser { campaign, .. }
            | Command::Claims { campaign, .. }
            | Command::Coupon { campaign, .. }
            | Command::Redeem(Redeem { campaign, .. })
            | Command::Settle { campaign, .. } => *campaign,
        }
    }
}
