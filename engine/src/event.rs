//! What happened, as the log keeps it. An event holds all that [`crate::shard::State::apply`] needs, time included, so that
//! the same log gives the same state on any machine and in any later version.

use std::borrow::Cow;

use crate::campaign::{CampaignDefinition, CampaignPatch};
use crate::id::{CampaignNumber, Serial, TypeIndex};
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

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// The campaign was made.
    Created {
        /// As described, defaults filled in.
        definition: Cow<'a, CampaignDefinition>,
        /// Names the key that its coupon codes are made with, so that another key is noticed.
        code_key: CodeKeyId,
    },
    /// The campaign was changed (pausing and resuming too).
    Patched {
        /// What changed.
        patch: Cow<'a, CampaignPatch>,
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
        /// The day it counts for, in the campaign's zone. Never before that of an earlier claim.
        day: Day,
        /// Of which type.
        coupon_type: TypeIndex,
        /// To whom; a valid user id.
        user: &'a str,
        /// Under which key, where the limit is above one.
        key: Option<&'a str>,
        /// The type that was asked for by name: a repeat under the same key must ask the same.
        requested: Option<TypeIndex>,
    },
    /// A claim was voided.
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
}

/// Names a code key without telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeKeyId(pub u64);
