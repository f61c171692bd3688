//! What may be asked of a shard. Everything in a command has been parsed and checked; whether it is granted is decided by
//! [`crate::shard::State::decide`].

use crate::campaign::{CampaignDefinition, CampaignPatch};
use crate::id::{CampaignNumber, IdempotencyKey, Serial, TypeIndex, UserId};
use crate::time::Timestamp;

/// One request to the shard that owns its campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Asks for a coupon.
    Claim(Claim),
    /// Makes a campaign under a number that the router has just dealt.
    Create {
        /// The number it will have, if it is new.
        campaign: CampaignNumber,
        /// What the caller described, defaults filled in.
        definition: Box<CampaignDefinition>,
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
    /// Voids one claim.
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
    /// Reads one person's claims.
    ClaimsByUser {
        /// Which campaign.
        campaign: CampaignNumber,
        /// Whose.
        user: UserId,
    },
    /// Reads a page of the campaign's claims, oldest first.
    Claims {
        /// Which campaign.
        campaign: CampaignNumber,
        /// The last claim of the page before; `None`: from the first.
        after: Option<Serial>,
        /// At most so many, up to [`CLAIMS_PAGE_MAX`].
        limit: u16,
    },
}

/// The most claims that one page holds.
pub const CLAIMS_PAGE_MAX: u16 = 1_000;

/// Asks for a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which campaign.
    pub campaign: CampaignNumber,
    /// For whom.
    pub user: UserId,
    /// The type asked for; `None`: the first listed with quota left.
    pub coupon_type: Option<TypeIndex>,
    /// Tells this claim from others of the same person, where the limit is above one.
    pub key: Option<IdempotencyKey>,
    /// When the last byte of the request was read: what opening and closing are judged by.
    pub stamped_at: Timestamp,
}

impl Command {
    /// The campaign that the command speaks of.
    pub fn campaign(&self) -> CampaignNumber {
        match self {
            Command::Claim(Claim { campaign, .. })
            | Command::Create { campaign, .. }
            | Command::Patch { campaign, .. }
            | Command::AcceptClaims { campaign, .. }
            | Command::Cancel { campaign, .. }
            | Command::Archive { campaign, .. }
            | Command::Void { campaign, .. }
            | Command::ClaimsByUser { campaign, .. }
            | Command::Claims { campaign, .. } => *campaign,
        }
    }
}
