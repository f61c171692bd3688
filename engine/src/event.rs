//! What happened, as the log keeps it. An event holds all that [`crate::shard::State::apply`] needs, time included, so that
//! the same log gives the same state on any machine and in any later version.

use std::sync::Arc;
use std::time::Duration;

use crate::campaign::{CampaignDefinition, CampaignPatch};
use crate::command::{CodeFile, Settlement};
use crate::fairness::{Ranks, Seed};
use crate::id::{CampaignNumber, PhoneId, RedemptionNumber, Serial, TypeIndex};
use crate::time::{Day, Timestamp};

/// One thing that happened to one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// To which campaign.
    pub campaign: CampaignNumber,
    /// When, by the clock of the shard that decided it.
    pub at: Timestamp,
    /// What.
    pub change: Change<'a>,
}

// Events are decoded, decided and looked ahead at by the million: what is large and rare is boxed.
const _: () = assert!(size_of::<Event<'static>>() <= 96);

impl<'a> Event<'a> {
    /// What it grants to somebody, if it is a claim, a draw or an entry.
    pub(crate) fn grant(&self) -> Option<&Granted<'a>> {
        self.change.grant()
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// The campaign was made.
    Created {
        /// As described, defaults filled in.
        definition: Box<CampaignDefinition>,
        /// Names the key that its coupon codes are made with, so that another key is noticed.
        code_key: CodeKeyId,
        /// What its draws, its lottery and its waiting rooms are computed from, if it has any of them.
        seed: Option<Seed>,
    },
    /// The campaign was changed (pausing and resuming too, but for [`Change::Resumed`]).
    Patched {
        /// What changed.
        patch: Box<CampaignPatch>,
    },
    /// The campaign takes claims again after a pause that found people let in from its waiting room.
    Resumed {
        /// What changed.
        patch: Box<CampaignPatch>,
        /// How much longer than it was those may claim who had not lapsed when the pause began.
        longer_by: Duration,
    },
    /// Claims were stopped for good.
    Cancelled {
        /// Whether what was issued and not redeemed is void from now on.
        revoke: bool,
    },
    /// Its memory was freed; its id stays taken.
    Archived,
    /// A coupon was granted. Its serial is the number of claims granted before it.
    Claimed {
        /// What any grant bears.
        grant: Granted<'a>,
        /// Of which type.
        coupon_type: TypeIndex,
        /// The type that was asked for by name: a repeat under the same key must ask the same.
        requested: Option<TypeIndex>,
    },
    /// A draw was made. Its serial is the number of draws made before it.
    Drew {
        /// What any grant bears.
        grant: Granted<'a>,
        /// What the odds chose.
        sampled: Option<TypeIndex>,
        /// Whether a coupon of that type was left, and won.
        won: bool,
    },
    /// Somebody entered the lottery. The serial is the number of entries before.
    Entered {
        /// What any grant bears.
        grant: Granted<'a>,
    },
    /// The campaign came to its end.
    Ended,
    /// The lottery was drawn: every rank follows from the seed and from these.
    Ranked {
        /// How many entries there are.
        count: u32,
        /// The hash of the ordered entries.
        entries_hash: [u8; 32],
        /// The ranks, where they have been computed already. Not in the log.
        ranks: Option<Arc<Ranks>>,
    },
    /// Codes of the shop's own were added to a coupon type.
    CodesImported {
        /// To which.
        coupon_type: TypeIndex,
        /// Where they are.
        file: CodeFile,
    },
    /// A claim or a draw was voided.
    Voided {
        /// Which one.
        claim: Serial,
        /// Its unit returns to the total quota.
        restock: bool,
        /// Its unit returns to the daily quota too: only on the day of its issue.
        restock_today: bool,
        /// The person may claim again.
        allow_again: bool,
    },
    /// A coupon was redeemed, or reserved. The redemption's number is the number of redemptions before it.
    Redeemed {
        /// Whose coupon.
        claim: Serial,
        /// For which order; a valid order id.
        order: &'a str,
        /// Whether the shop said whose coupon it had to be: a repeat must do the same.
        named_user: bool,
        /// For how long it is reserved; `None`: it is redeemed.
        hold: Option<Duration>,
    },
    /// A redemption was confirmed, released or reversed.
    Settled {
        /// Which one.
        redemption: RedemptionNumber,
        /// How.
        settlement: Settlement,
        /// The day it counts for, if the coupon has run out and its unit returns.
        day: Day,
    },
    /// A hold ran out.
    HoldExpired {
        /// Which redemption.
        redemption: RedemptionNumber,
        /// The day it counts for, if the coupon has run out and its unit returns.
        day: Day,
    },
    /// Somebody registered.
    Registered {
        /// Who.
        user: &'a str,
    },
    /// Somebody came to a waiting room. The number is the number of those who came to it before, plus one.
    Arrived {
        /// The opening that the room is for. Never before that of an earlier one.
        window: Timestamp,
        /// Who; a valid user id.
        user: &'a str,
    },
    /// A window opened: those who had come to its waiting room stand in the order of their ranks.
    Shuffled {
        /// When it opened, by the schedule.
        window: Timestamp,
        /// How many had come.
        count: u32,
        /// The chained hash over them.
        hash: [u8; 32],
    },
    /// People were let in from the waiting room.
    Admitted {
        /// The last position that is let in.
        up_to: u32,
    },
    /// Coupons ran out, in the order in which they were issued.
    Expired {
        /// Of which type.
        coupon_type: TypeIndex,
        /// How many more of its coupons have come to their end: also those that something else had become of before.
        count: u32,
        /// The day it counts for, where units return.
        day: Day,
    },
}

impl<'a> Change<'a> {
    /// Whether it is a claim, a draw or an entry: each has the next serial of its campaign.
    pub fn is_grant(&self) -> bool {
        self.grant().is_some()
    }

    /// What a claim, a draw or an entry bears.
    pub(crate) fn grant(&self) -> Option<&Granted<'a>> {
        match self {
            Change::Claimed { grant, .. } | Change::Drew { grant, .. } | Change::Entered { grant } => Some(grant),
            Change::Created { .. }
            | Change::Patched { .. }
            | Change::Resumed { .. }
            | Change::Cancelled { .. }
            | Change::Archived
            | Change::Ended
            | Change::Ranked { .. }
            | Change::CodesImported { .. }
            | Change::Voided { .. }
            | Change::Redeemed { .. }
            | Change::Settled { .. }
            | Change::HoldExpired { .. }
            | Change::Arrived { .. }
            | Change::Registered { .. }
            | Change::Shuffled { .. }
            | Change::Admitted { .. }
            | Change::Expired { .. } => None,
        }
    }
}

/// What claims, draws and entries have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Granted<'a> {
    /// The day it counts for, in the campaign's zone. Never before that of an earlier one.
    pub day: Day,
    /// When the window opened that it counts for, where the limit is per window. Never before that of an earlier one.
    pub window: Option<Timestamp>,
    /// To whom; a valid user id.
    pub user: &'a str,
    /// Under which key, where the limit is above one.
    pub key: Option<&'a str>,
    /// Stands for the phone number it counts for, where the limit is by phone.
    pub phone: Option<PhoneId>,
}

/// Names a code key without telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeKeyId(pub u64);
