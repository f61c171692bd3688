//! The naive model: lists of claims, of redemptions and of those who wait, counted anew for each answer, and nothing else.

mod claims;
mod facts;
mod operators;
mod redemptions;
mod registrations;
mod room;

use std::collections::BTreeMap;

use landrush_engine::campaign::{CampaignDefinition, CampaignPatch, Cancellation, Mode};
use landrush_engine::command::Command;
use landrush_engine::id::{CampaignNumber, IdempotencyKey, OrderId, PhoneId, TypeIndex, UserId};
use landrush_engine::outcome::{Outcome, RedemptionState, Refusal};
use landrush_engine::time::{Day, Timestamp};

use self::room::ModelRoom;
use crate::shop::HOUR_MS;

/// Singapore is eight hours ahead, always: a calendar that a model can have.
pub(crate) const ZONE: &str = "Asia/Singapore";
const ZONE_MS: u64 = 8 * HOUR_MS;
/// A campaign with windows opens every twelve hours, at the hours of [`WINDOWS_AT`], for six: by the clock of Greenwich at
/// midnight and at noon.
pub(crate) const WINDOWS_AT: [&str; 2] = ["08:00", "20:00"];
pub(crate) const WINDOW_MS: u64 = 6 * HOUR_MS;
const WINDOW_EVERY_MS: u64 = 12 * HOUR_MS;

#[derive(Debug)]
struct ModelCampaign {
    number: CampaignNumber,
    created: CampaignDefinition,
    definition: CampaignDefinition,
    created_at: Timestamp,
    accept_claims: bool,
    accept_redemptions: bool,
    cancelled: Option<Cancellation>,
    ended: bool,
    archived: bool,
    claims: Vec<ModelClaim>,
    redemptions: Vec<ModelRedemption>,
    registered: Vec<UserId>,
    room: ModelRoom,
}

#[derive(Debug)]
struct ModelClaim {
    user: UserId,
    key: Option<IdempotencyKey>,
    phone: Option<PhoneId>,
    requested: Option<TypeIndex>,
    /// Of a draw.
    sampled: Option<TypeIndex>,
    won: Option<TypeIndex>,
    at: Timestamp,
    day: Day,
    window: Option<Timestamp>,
    is_void: bool,
    is_allowed_again: bool,
    /// Its time is over, as the log has it.
    has_run_out: bool,
    /// Its time is over, and nothing else had become of it.
    is_expired: bool,
    is_restocked: bool,
    is_restocked_today: bool,
}

#[derive(Debug)]
struct ModelRedemption {
    claim: usize,
    order: OrderId,
    named_user: bool,
    at: Timestamp,
    hold: Option<std::time::Duration>,
    state: RedemptionState,
}

/// What a shard should do, told in the simplest way.
#[derive(Debug, Default)]
pub(crate) struct Model {
    campaigns: BTreeMap<CampaignNumber, ModelCampaign>,
}

fn refuse(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

impl Model {
    pub(crate) fn submit(&mut self, command: &Command, now: Timestamp) -> Outcome {
        let number = command.campaign();
        self.campaigns.values_mut().for_each(|campaign| campaign.do_what_is_due(now));
        if let Command::Create { definition, .. } = command {
            return self.create(number, definition, now);
        }
        let Some(campaign) = self.campaigns.get_mut(&number) else { return refuse(Refusal::NoSuchCampaign) };
        if campaign.archived {
            return if matches!(command, Command::Archive { .. }) {
                Outcome::Archived
            } else {
                refuse(Refusal::Archived)
            };
        }
        match command {
            Command::Claim(claim) => campaign.claim(claim, Mode::FirstCome, now),
            Command::Draw(claim) => campaign.claim(claim, Mode::Draw, now),
            Command::Arrive(arrive) => campaign.arrive(arrive, now),
            Command::Register(register) => campaign.register(register),
            Command::Create { .. } => unreachable!("done above"),
            Command::Patch { patch, dry_run, .. } => campaign.patch(patch, *dry_run, now),
            Command::AcceptClaims { accept, .. } => {
                let patch = CampaignPatch { accept_claims: Some(*accept), ..CampaignPatch::default() };
                campaign.patch(&patch, false, now)
            }
            Command::Cancel { revoke, dry_run, .. } => campaign.cancel(*revoke, *dry_run, now),
            Command::Archive { dry_run, .. } => campaign.archive(*dry_run, now),
            Command::Void { claim, restock, allow_again, .. } => {
                campaign.void(claim.as_index(), *restock, *allow_again, now)
            }
            Command::Registration { user, .. } => campaign.registration(user),
            Command::ClaimsByUser { user, .. } => campaign.claims_by_user(user, now),
            Command::Claims { after, limit, .. } => campaign.claims_page(*after, *limit, now),
            Command::Coupon { coupon, .. } => campaign.coupon(*coupon, now),
            Command::Redeem(redeem) => campaign.redeem(redeem, now),
            Command::Settle { redemption, settlement, .. } => campaign.settle(redemption.as_index(), *settlement, now),
            Command::Enter(_) | Command::Rank { .. } | Command::ImportCodes { .. } => {
                unreachable!("no step of the model")
            }
        }
    }

    /// Forgets what is in no log.
    pub(crate) fn restart(&mut self) {
        self.campaigns.values_mut().for_each(|campaign| campaign.room.restart());
    }

    fn create(&mut self, number: CampaignNumber, definition: &CampaignDefinition, now: Timestamp) -> Outcome {
        let same = self.campaigns.values().find(|campaign| campaign.created.id == definition.id);
        if let Some(campaign) = same {
            return if campaign.archived {
                refuse(Refusal::Archived)
            } else if campaign.created == *definition {
                Outcome::Campaign(campaign.view())
            } else {
                refuse(Refusal::Conflict)
            };
        }
        let campaign = ModelCampaign {
            number,
            created: definition.clone(),
            definition: definition.clone(),
            created_at: now,
            accept_claims: true,
            accept_redemptions: true,
            cancelled: None,
            ended: false,
            archived: false,
            claims: Vec::new(),
            redemptions: Vec::new(),
            registered: Vec::new(),
            room: ModelRoom::default(),
        };
        let view = campaign.view();
        self.campaigns.insert(number, campaign);
        Outcome::Created(view)
    }
}
