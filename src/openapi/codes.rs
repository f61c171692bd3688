//! Owns what the gate is to each operation, and which refusals each knows, in the order in which it would give them. Their
//! statuses and names come from the one table in [`problem`](crate::http::problem).

use super::operation::{Caller, Operation};
use crate::http::problem::Code::{self, *};

/// What any call is refused with that needs the engine.
const SERVING: &[Code] = &[Starting, ShuttingDown, LogUnavailable];
/// What a call adds that asks a shard.
const SHARD: &[Code] = &[Overloaded, Internal];
/// What a call adds that has a body.
const BODY: &[Code] = &[UnsupportedMediaType, TooLarge, RequestTimeout, InvalidRequest];
/// What a call adds that speaks of a campaign.
const CAMPAIGN: &[Code] = &[NotFound, Archived];
/// What anybody is refused with where the gate judges who calls.
const GATE: &[Code] = &[Forbidden, RateLimited];
/// What a call adds that hands something out.
const CLAIMS: &[Code] = &[
    WrongMode,
    RateLimited,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    Cancelled,
    Ended,
    Paused,
    NotOpen,
    ChallengeRequired,
    TicketRequired,
    NotEligible,
    LimitReached,
];

impl Operation {
    /// Whether the gate judges who calls it: by the list of those who are denied, and by the rate of a management key.
    pub(crate) const fn is_guarded(self) -> bool {
        !matches!(
            self,
            Operation::Livez
                | Operation::Readyz
                | Operation::Metrics
                | Operation::Time
                | Operation::OpenApi
                | Operation::Page
                | Operation::CampaignPage
                | Operation::AdminPage
                | Operation::DocsPage
        )
    }

    /// Whether a call counts for the rate of a management key that it bears. Claims bear none.
    pub(crate) const fn is_counted(self) -> bool {
        self.is_guarded() && !matches!(self, Operation::Claim | Operation::Draw | Operation::Enter)
    }

    /// Why it may be refused.
    pub(crate) fn codes(self) -> Vec<Code> {
        let parts: &[&[Code]] = match self {
            Operation::Claim => &[SERVING, SHARD, BODY, CAMPAIGN, CLAIMS, &[SoldOut, DailySoldOut]],
            Operation::Draw | Operation::Enter | Operation::DrawByBody => &[SERVING, SHARD, BODY, CAMPAIGN, CLAIMS],
            Operation::ClaimBatch => &[SERVING, SHARD, BODY, CAMPAIGN, &[WrongMode]],
            Operation::ClaimsByUser => &[SERVING, SHARD, &[InvalidRequest], CAMPAIGN],
            Operation::EntryByUser => &[SERVING, SHARD, &[InvalidRequest], CAMPAIGN, &[WrongMode]],
            Operation::Availability => &[SERVING, CAMPAIGN, &[Overloaded]],
            Operation::WaitingRoomRead => &[SERVING, &[Overloaded, InvalidRequest], CAMPAIGN, &[TicketRequired]],
            Operation::WaitingRoomAudit => &[SERVING, &[Overloaded, InvalidRequest], CAMPAIGN],
            Operation::WaitingRoomJoin => &[
                SERVING,
                SHARD,
                BODY,
                CAMPAIGN,
                &[RateLimited, Cancelled, Ended, NotOpen, NotEligible, LimitReached, SoldOut, DailySoldOut],
            ],
            Operation::Register => {
                &[SERVING, SHARD, BODY, CAMPAIGN, &[RateLimited, Cancelled, Ended, RegistrationClosed]]
            }
            Operation::EligibleUpload => {
                &[SERVING, &[UnsupportedMediaType, TooLarge, RequestTimeout, InvalidRequest], CAMPAIGN, &[Conflict]]
            }
            Operation::ChallengeRead => &[SERVING, &[InvalidRequest], CAMPAIGN],
            Operation::ChallengeMeet => &[SERVING, &[Overloaded], BODY, CAMPAIGN, &[RateLimited, ChallengeRequired]],
            Operation::WaitingRoomToken => {
                &[SERVING, SHARD, BODY, CAMPAIGN, &[RateLimited, TicketRequired, ChallengeRequired, NotEligible]]
            }
            Operation::PublicKeys => &[SERVING],
            Operation::CampaignList => &[SERVING, &[InvalidRequest, Overloaded]],
            Operation::CampaignRead => &[SERVING, &[InvalidRequest, Overloaded], CAMPAIGN],
            Operation::CampaignCreate => &[SERVING, SHARD, BODY, &[Archived, Conflict]],
            Operation::CampaignPatch => &[SERVING, SHARD, BODY, CAMPAIGN, &[Cancelled, CannotReopen, QuotaBelowIssued]],
            Operation::CampaignPause | Operation::CampaignResume => {
                &[SERVING, SHARD, BODY, CAMPAIGN, &[Cancelled, CannotReopen]]
            }
            Operation::CampaignCancel => &[SERVING, SHARD, BODY, CAMPAIGN, &[Cancelled, CannotReopen]],
            Operation::CampaignArchive => &[SERVING, SHARD, BODY, CAMPAIGN, &[StillLive]],
            Operation::ClaimList => &[SERVING, SHARD, &[InvalidRequest], CAMPAIGN],
            Operation::FraudReport => &[SERVING, &[InvalidRequest], CAMPAIGN],
            Operation::ClaimVoid => &[SERVING, SHARD, &[InvalidRequest], CAMPAIGN, &[AlreadyRedeemed, WrongMode]],
            Operation::CodeUpload => {
                &[SERVING, SHARD, BODY, CAMPAIGN, &[Conflict, DuplicateCode, Cancelled, CannotReopen]]
            }
            Operation::CouponRead => &[SERVING, SHARD, &[InvalidRequest, NotFound]],
            Operation::Redeem | Operation::RedeemByBody => &[
                SERVING,
                SHARD,
                BODY,
                &[NotFound, Archived, WrongUser, IdempotencyKeyReused, RedemptionsPaused],
                &[Reserved, AlreadyRedeemed, Expired, Void],
            ],
            Operation::Confirm | Operation::Release | Operation::Reverse => &[
                SERVING,
                SHARD,
                BODY,
                &[NotFound, Archived, RedemptionsPaused, Void, HoldExpired],
                &[AlreadyConfirmed, AlreadyReleased, AlreadyReversed, NotConfirmed],
            ],
            Operation::UserCreate => &[SERVING, SHARD, BODY, &[Unauthorized, Conflict]],
            Operation::UserRead => &[SERVING, &[Internal, InvalidRequest, NotFound]],
            Operation::UserErase => &[SERVING, &[Overloaded, InvalidRequest, NotFound]],
            Operation::Readyz => &[SERVING],
            Operation::Metrics => &[&[NotFound]],
            Operation::Events => &[SERVING, CAMPAIGN, &[Overloaded]],
            Operation::ManagementMetrics => &[SERVING],
            Operation::Livez
            | Operation::Time
            | Operation::OpenApi
            | Operation::Page
            | Operation::CampaignPage
            | Operation::AdminPage
            | Operation::DocsPage => &[],
        };
        let caller: &[Code] = match self.entry().caller {
            Caller::Management | Caller::UserOrManagement | Caller::User => &[Unauthorized],
            Caller::Anybody | Caller::AnybodyAndMore => &[],
        };
        let gate = if self.is_guarded() { GATE } else { &[] };
        let mut codes: Vec<Code> = Vec::new();
        for code in parts.iter().copied().flatten().chain(caller).chain(gate) {
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        codes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_known_to_some_operation() {
        let known: Vec<Code> = Operation::ALL.iter().flat_map(|operation| operation.codes()).collect();
        for code in Code::ALL {
            // A method that a path does not know is no operation's affair.
            assert_eq!(known.contains(&code), code != MethodNotAllowed, "{code:?}");
        }
    }
}
