//! Owns how whoever claims, or comes to a waiting room, is held against whom the campaign is for. Registrations are the shard's to judge;
//! the rest is judged here.

use hyper::header::HeaderMap;
use landrush_engine::campaign::{CampaignDefinition, Eligibility, Limit, Period, TokenClaim, Who};
use landrush_engine::command::Command;
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::outcome::{Outcome, Refusal};
use landrush_engine::published::Published;

use super::admission::{self, Visitor};
use super::lane::Lane;
use super::problem::Problem;
use super::{caller, claims};
use crate::app::Opened;
use crate::gate::companions::Bond;

/// Whether the campaign is for `user`, as far as its list and the user's token say.
pub(crate) fn is_listed(
    lane: &Lane,
    opened: &Opened,
    campaign: CampaignNumber,
    definition: &CampaignDefinition,
    user: &UserId,
    headers: &HeaderMap,
) -> bool {
    let Some(eligibility) = &definition.protection.eligibility else { return true };
    let is_listed = match eligibility.who {
        Who::Listed => opened.eligible.has(campaign, user.as_str()),
        Who::Anyone | Who::Registered => true,
    };
    is_listed && (eligibility.token_claims.is_empty() || token_says(lane, headers, &eligibility.token_claims))
}

/// Turns away whoever has not registered with a campaign that hears nobody else. What is published says of some of them too that they
/// may have; the shard knows, and is asked of nobody else.
///
/// # Errors
/// 403; 503, if there is no room to ask.
pub(crate) async fn is_registered(
    lane: &Lane,
    opened: &Opened,
    campaign: &Published,
    definition: &CampaignDefinition,
    user: &UserId,
) -> Result<(), Problem> {
    match definition.protection.eligibility.as_ref().map(|eligibility| eligibility.who) {
        None | Some(Who::Anyone | Who::Listed) => return Ok(()),
        Some(Who::Registered) if campaign.may_be_heard(user) => {}
        Some(Who::Registered) => return Err(Problem::refused(Refusal::NotEligible)),
    }
    lane.has_room_for(opened, campaign, user)?;
    let command = Command::Registration { campaign: campaign.number(), user: user.clone() };
    let outcome = lane.ask(&opened.engine, campaign.route(), command).await?;
    if let Outcome::Registered { .. } = outcome { Ok(()) } else { Err(claims::unexpected(&outcome)) }
}

/// How many devices one user may come by where users of devices are counted and the campaign says nothing of this: what is kept of
/// all users lies in one place, and nobody is to fill it.
const DEVICES_PER_USER: u32 = 16;

/// Whether `visitor` is one of the first users of its device and phone, and comes by one of its own first devices. Whoever names no
/// device, where devices are counted, is none. Of whoever has had all that the campaign grants nothing is kept, nor of whoever
/// `may_take_place` not.
///
/// # Errors
/// 400 if the name of the device is none.
pub(crate) fn is_among_few(
    opened: &Opened,
    campaign: &Published,
    definition: &CampaignDefinition,
    visitor: &Visitor<'_>,
    headers: &HeaderMap,
    may_take_place: bool,
) -> Result<bool, Problem> {
    let Some(Eligibility { devices_per_user, users_per_device, .. }) = &definition.protection.eligibility else {
        return Ok(true);
    };
    if devices_per_user.is_none() && users_per_device.is_none() {
        return Ok(true);
    }
    let Some(device) = admission::device(headers)? else { return Ok(false) };
    let user = visitor.user.as_str();
    let phone = opened.people.phone_hash(visitor.user, visitor.phone);
    let bonds = [
        Some((Bond::DeviceOfUser { user, device }, devices_per_user.unwrap_or(DEVICES_PER_USER))),
        users_per_device.map(|max| (Bond::UserOfDevice { device, user }, max)),
        phone.zip(*users_per_device).map(|(phone, max)| (Bond::UserOfPhone { phone, user }, max)),
    ];
    let (companions, bonds) = (&opened.companions, bonds.into_iter().flatten());
    let Limit { max, per, by: _ } = definition.limit;
    let is_one_for_all = max == 1 && per == Period::Campaign;
    Ok(if !may_take_place || is_one_for_all && campaign.may_have_decided(visitor.user) {
        companions.would_admit(campaign.number(), bonds)
    } else {
        companions.admit(campaign.number(), bonds)
    })
}

/// Whether the token, which has been verified, says all of `claims`. Where callers are believed there is none.
fn token_says(lane: &Lane, headers: &HeaderMap, claims: &[TokenClaim]) -> bool {
    lane.app().verifier().is_some() && caller::bearer_of(headers).is_some_and(|token| lane.tokens().says(token, claims))
}
