//! Owns the list of what the server can be asked, by method and path, and which route leads to which of it.

use landrush_engine::campaign::Mode;
use landrush_engine::command::Settlement;

use crate::http::route::{Action, Route};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Anybody; the admin key changes nothing.
    Anybody,
    /// Anybody; whoever bears the admin key is told more.
    AnybodyAndMore,
    /// A user: believed, or by a token, as the configuration has it.
    User,
    /// A user, or whoever bears the admin key.
    UserOrManagement,
    /// Whoever bears the admin key.
    Management,
}

/// How an operation is presented.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The method, in lower case.
    pub(crate) method: &'static str,
    /// The path, and other paths to the same.
    pub(crate) paths: &'static [&'static str],
    /// Under which heading.
    pub(crate) tag: Tag,
    /// The name in generated clients.
    pub(crate) id: &'static str,
    /// Who may ask.
    pub(crate) caller: Caller,
    /// In a few words.
    pub(crate) summary: &'static str,
    /// What a caller must know beside the schemas.
    pub(crate) description: &'static str,
}

macro_rules! tags {
    ($($tag:ident = $name:literal, $description:literal;)+) => {
        /// The headings.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Tag { $(#[doc = $description] $tag),+ }

        impl Tag {
            /// All there are, in the order of the document.
            pub(crate) const ALL: &[Tag] = &[$(Tag::$tag),+];

            /// The heading, and what stands under it.
            pub(crate) const fn text(self) -> (&'static str, &'static str) {
                match self { $(Tag::$tag => ($name, $description)),+ }
            }
        }
    };
}

tags! {
    Claims = "Claims, draws, entries", "What a shopper asks for.";
    Live = "Live", "What is left, and the server's time.";
    Campaigns = "Campaigns", "Making, changing and ending campaigns.";
    Redemption = "Redemption", "The shop's checkout.";
    Users = "Users", "Phone numbers and names, apart from all else.";
    Operations = "Operations", "For whoever runs the server.";
    Pages = "Pages", "What browsers are given.";
}

macro_rules! operations {
    ($($operation:ident $caller:ident $tag:ident $method:literal [$($path:literal),+] $id:literal $summary:literal $description:literal;)+) => {
        /// What the server can be asked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Operation { $(#[doc = $summary] $operation),+ }

        impl Operation {
            /// All there are.
            pub(crate) const ALL: &[Operation] = &[$(Operation::$operation),+];

            /// How it is presented.
            pub(crate) const fn entry(self) -> Entry {
                match self {
                    $(Operation::$operation => Entry {
                        method: $method, paths: &[$($path),+], tag: Tag::$tag, id: $id, caller: Caller::$caller,
                        summary: $summary, description: $description,
                    }),+
                }
            }
        }
    };
}

operations! {
    Claim User Claims "post" ["/v1/campaigns/{campaign_id}/claims"] "claim" "Ask for a coupon"
        "For campaigns of mode `first_come`. A win is on disk before it is answered, and repeating the call answers the same again, with 200 and `repeated`.";
    Draw User Claims "post" ["/v1/campaigns/{campaign_id}/draws"] "draw" "Draw"
        "For campaigns of mode `draw`. A losing draw is answered, kept and repeated as a winning one is.";
    Enter User Claims "post" ["/v1/campaigns/{campaign_id}/entries"] "enter" "Enter a lottery"
        "For campaigns of mode `lottery`. Winners are drawn when the campaign ends.";
    DrawByBody User Claims "post" ["/draw"] "draw_by_body" "Draw, the campaign named in the body"
        "One of the four calls of the original service.";
    ClaimsByUser UserOrManagement Claims "get" ["/v1/campaigns/{campaign_id}/claims/by-user/{user_id}"] "claims_by_user" "One user's claims or draws"
        "So that a reloaded page can show them.";
    EntryByUser UserOrManagement Claims "get" ["/v1/campaigns/{campaign_id}/entries/by-user/{user_id}"] "entry_by_user" "One user's entry"
        "With its rank, once the winners are drawn.";
    Availability Anybody Live "get" ["/v1/campaigns/{campaign_id}/availability"] "availability" "What is left of a campaign"
        "Of durable decisions only. Cacheable for a second; the tag does not change with `server_time`.";
    Events Anybody Live "get" ["/v1/campaigns/{campaign_id}/events"] "events" "What is left of a campaign, as it changes"
        "Server-sent events: `event: availability` with an opaque `id:` and, as data, what `availability` answers; one at once, then on change, at most four a second. Of a campaign with a waiting room also `event: waiting_room`, with what `GET …/waiting-room` answers. A comment every 15 s; a jittered `retry:`. At the cap newcomers are refused, and nobody is evicted.";
    WaitingRoomJoin User Live "post" ["/v1/campaigns/{campaign_id}/waiting-room"] "join_waiting_room" "Come to the waiting room"
        "Gives a ticket, which the claim carries in the header `X-Landrush-Ticket`. Coming again gives the same place; whoever was let in and did not claim in time has lost it, and stands at the back. Those who came before the opening are shuffled then. Where users of devices are counted, they are here, as by the claim: one too many gets no place (`not_eligible`).";
    WaitingRoomRead User Live "get" ["/v1/campaigns/{campaign_id}/waiting-room"] "waiting_room" "How far the waiting room is"
        "Cacheable for a second. With the header `X-Landrush-Ticket` also where the bearer stands, and then private: only so is a user's token needed, which must be of the ticket's user.";
    WaitingRoomAudit Anybody Live "get" ["/v1/campaigns/{campaign_id}/waiting-room/audit"] "waiting_room_audit" "How the waiting rooms were shuffled"
        "Of the windows that have opened, the latest first: of the present one and of 64 before it. With a place's `number`, which the answer to coming told, anybody computes its position: `landrush draw check --seed … --entries-hash … --count … --number …`. Those who came after the opening stand in the order of their numbers.";
    Register User Live "post" ["/v1/campaigns/{campaign_id}/registrations"] "register" "Register with a campaign"
        "For campaigns with `protection.eligibility.who` `registered`, which hear nobody else: durable before it is answered, until `registration_closes_at`.";
    ChallengeRead User Live "get" ["/v1/campaigns/{campaign_id}/challenge"] "challenge" "Ask for a challenge"
        "With `protection.challenge.provider` `altcha`: a proof of work of the ALTCHA protocol, version 2, bound to the user and the campaign. It can be answered once, within ten minutes and before the server is started anew. With `turnstile` and `hcaptcha`: the site key for the provider's widget, whose response is the answer.";
    ChallengeMeet User Live "post" ["/v1/campaigns/{campaign_id}/challenge"] "meet_challenge" "Answer a challenge"
        "Gives a pass, which the claim carries in the header `X-Landrush-Pass` and which holds for half an hour: get it before the opening.";
    WaitingRoomToken User Live "post" ["/v1/campaigns/{campaign_id}/waiting-room/token"] "waiting_room_token" "Prove to another server that one was let in"
        "For whoever bears, in the header `X-Landrush-Ticket`, the ticket of a place that is let in, and whom a claim would not be refused for want of a pass, a registration or a device: a JSON Web Token (EdDSA) with `iss` `landrush`, `sub` the user, `aud` the campaign, `exp` when the place is gone, `jti` the place. Any server verifies it by the keys at `/.well-known/landrush-keys.json`.";
    PublicKeys Anybody Live "get" ["/.well-known/landrush-keys.json"] "public_keys" "The keys that verify such tokens"
        "A JWK set. It changes only with the keys of the data directory.";
    Time Anybody Live "get" ["/v1/time"] "time" "The server's time"
        "For clients that keep a clock in step.";
    CampaignList AnybodyAndMore Campaigns "get" ["/v1/campaigns"] "list_campaigns" "The campaigns, by pages"
        "";
    CampaignRead AnybodyAndMore Campaigns "get" ["/v1/campaigns/{campaign_id}"] "read_campaign" "One campaign"
        "Without `metadata`, and without counts where they are shown in buckets; the admin key adds them.";
    CampaignCreate Management Campaigns "post" ["/v1/campaigns", "/campaign"] "create_campaign" "Make a campaign"
        "The same body again under the same id is answered with 200, another one with `conflict`.";
    CampaignPatch Management Campaigns "patch" ["/v1/campaigns/{campaign_id}"] "change_campaign" "Change a campaign"
        "A merge: what is not named stays. Applied between two claims.";
    CampaignPause Management Campaigns "post" ["/v1/campaigns/{campaign_id}/pause"] "pause_campaign" "Take no claims for now"
        "Redemption goes on. Whoever is let in from a waiting room loses no time by it: after the pause, as much is left to claim in as before.";
    CampaignResume Management Campaigns "post" ["/v1/campaigns/{campaign_id}/resume"] "resume_campaign" "Take claims again"
        "";
    CampaignCancel Management Campaigns "post" ["/v1/campaigns/{campaign_id}/cancel"] "cancel_campaign" "Take no claims any more"
        "Issued coupons stay redeemable, unless `revoke` voids them.";
    CampaignArchive Management Campaigns "post" ["/v1/campaigns/{campaign_id}/archive"] "archive_campaign" "Export a campaign and free its memory"
        "Once its last coupon has expired. The id stays taken.";
    ClaimList Management Campaigns "get" ["/v1/campaigns/{campaign_id}/claims"] "list_claims" "What was issued, oldest first"
        "By pages of JSON or, with `Accept: text/csv` or `application/x-ndjson`, all in one answer; these take no `limit` and no `cursor`.";
    FraudReport Management Campaigns "get" ["/v1/campaigns/{campaign_id}/report/fraud"] "fraud_report" "Where a campaign's coupons and refusals went"
        "By address block, device and phone prefix, by how soon after the opening, and by what the gate refused. In memory: counted since `since`. Of claims in batches addresses and devices are not in it, nor is what was refused before the campaign was known. A line's counts are never too high, and too low by at most the error beside them.";
    ClaimBatch Management Claims "post" ["/v1/campaigns/{campaign_id}/claims:batch"] "claim_batch" "Ask for up to 8,192 coupons"
        "For the shop's own gateway. Each claim is judged by itself and answered in its place, with its `status`.";
    ClaimVoid Management Campaigns "delete" ["/v1/campaigns/{campaign_id}/claims/{claim_id}"] "void_claim" "Void a claim or a draw"
        "";
    CodeUpload Management Campaigns "post" ["/v1/campaigns/{campaign_id}/coupon-types/{coupon_type}/codes"] "upload_codes" "Upload the shop's own codes"
        "For coupon types with `codes: imported`. Streamed, whole or not at all.";
    EligibleUpload Management Campaigns "put" ["/v1/campaigns/{campaign_id}/eligible"] "upload_eligible" "Replace the list of those whom a campaign is for"
        "For campaigns with `protection.eligibility.who` `list`: user ids, one a line. Streamed, whole or not at all, in the place of the list before.";
    CouponRead Management Redemption "get" ["/v1/coupons/{code}"] "read_coupon" "One coupon"
        "Case, dashes and spaces of a generated code do not matter.";
    Redeem Management Redemption "post" ["/v1/coupons/{code}/redemptions"] "redeem" "Redeem a coupon, or hold it for an order"
        "The same order again is answered with the same redemption, 200 and `repeated`.";
    RedeemByBody Management Redemption "post" ["/redeem"] "redeem_by_body" "Redeem a coupon, its code in the body"
        "One of the four calls of the original service.";
    Confirm Management Redemption "post" ["/v1/redemptions/{redemption_id}/confirm"] "confirm_redemption" "Redeem what is held"
        "Repeats to the same answer.";
    Release Management Redemption "post" ["/v1/redemptions/{redemption_id}/release"] "release_redemption" "Give a hold back"
        "Repeats to the same answer.";
    Reverse Management Redemption "post" ["/v1/redemptions/{redemption_id}/reverse"] "reverse_redemption" "Undo a redemption"
        "For an order that was cancelled. Repeats to the same answer.";
    UserCreate UserOrManagement Users "post" ["/v1/users", "/user"] "create_user" "Store a phone number and a name"
        "The server makes the id when none is given; an id of one's own needs the admin key or that user's token.";
    UserRead Management Users "get" ["/v1/users/{user_id}"] "read_user" "One user's phone number and name"
        "";
    UserErase Management Users "delete" ["/v1/users/{user_id}"] "erase_user" "Erase a user's phone number and name"
        "For good; no count changes.";
    Livez Anybody Operations "get" ["/livez"] "livez" "Whether the process lives"
        "";
    Readyz Anybody Operations "get" ["/readyz"] "readyz" "Whether it serves"
        "503 until recovery is done, and while draining.";
    Metrics Anybody Operations "get" ["/metrics"] "metrics" "Counts, for Prometheus"
        "Not found here where `[metrics] listen` gives them a listener of their own.";
    ManagementMetrics Management Operations "get" ["/v1/metrics"] "management_metrics" "The same counts, for the operator's page"
        "Also where the others have a listener of their own.";
    OpenApi Anybody Operations "get" ["/openapi.json"] "openapi" "This document"
        "";
    Page Anybody Pages "get" ["/"] "page" "The live page: all campaigns"
        "What it loads lies below `/assets/page/`.";
    CampaignPage Anybody Pages "get" ["/c/{campaign_id}"] "campaign_page" "The live page of one campaign"
        "A page also where there is no such campaign, for people follow old links.";
    AdminPage Anybody Pages "get" ["/admin"] "admin_page" "The operator's page"
        "It asks for the admin key. What it loads lies below `/assets/admin/`.";
    DocsPage Anybody Pages "get" ["/swagger-ui", "/redoc", "/rapidoc"] "docs_page" "This document, to read and try"
        "What they load lies below `/assets/docs/`, with the licences in `licences.txt`.";
}

impl Operation {
    /// The operation that `route` leads to; files that pages load are none.
    #[cfg_attr(not(test), expect(dead_code, reason = "holds the list of routes against the list of operations"))]
    pub(crate) const fn of(route: Route<'_>) -> Option<Self> {
        Some(match route {
            Route::Livez => Operation::Livez,
            Route::Readyz => Operation::Readyz,
            Route::Metrics => Operation::Metrics,
            Route::Time => Operation::Time,
            Route::ManagementMetrics => Operation::ManagementMetrics,
            Route::ListPage => Operation::Page,
            Route::CampaignPage(_) => Operation::CampaignPage,
            // The only page among the files.
            Route::WebFile(_) => Operation::AdminPage,
            Route::Events(_) => Operation::Events,
            Route::OpenApi => Operation::OpenApi,
            Route::DocsPage(_) => Operation::DocsPage,
            Route::DocsFile(_) => return None,
            Route::CampaignCreate => Operation::CampaignCreate,
            Route::CampaignList => Operation::CampaignList,
            Route::CampaignRead(_) => Operation::CampaignRead,
            Route::CampaignPatch(_) => Operation::CampaignPatch,
            Route::CampaignAction(_, Action::Pause) => Operation::CampaignPause,
            Route::CampaignAction(_, Action::Resume) => Operation::CampaignResume,
            Route::CampaignAction(_, Action::Cancel) => Operation::CampaignCancel,
            Route::CampaignAction(_, Action::Archive) => Operation::CampaignArchive,
            Route::Availability(_) => Operation::Availability,
            Route::WaitingRoomRead(_) => Operation::WaitingRoomRead,
            Route::WaitingRoomAudit(_) => Operation::WaitingRoomAudit,
            Route::Register(_) => Operation::Register,
            Route::EligibleUpload(_) => Operation::EligibleUpload,
            Route::ChallengeRead(_) => Operation::ChallengeRead,
            Route::ChallengeMeet(_) => Operation::ChallengeMeet,
            Route::WaitingRoomJoin(_) => Operation::WaitingRoomJoin,
            Route::WaitingRoomToken(_) => Operation::WaitingRoomToken,
            Route::PublicKeys => Operation::PublicKeys,
            Route::Claim(_, Mode::FirstCome) => Operation::Claim,
            Route::Claim(_, Mode::Draw) => Operation::Draw,
            Route::Claim(_, Mode::Lottery) => Operation::Enter,
            Route::ClaimBatch(_) => Operation::ClaimBatch,
            Route::ClaimList(_) => Operation::ClaimList,
            Route::FraudReport(_) => Operation::FraudReport,
            Route::ClaimsByUser(..) => Operation::ClaimsByUser,
            Route::ClaimVoid(..) => Operation::ClaimVoid,
            Route::Draw => Operation::DrawByBody,
            Route::UserCreate => Operation::UserCreate,
            Route::UserRead(_) => Operation::UserRead,
            Route::UserErase(_) => Operation::UserErase,
            Route::CouponRead(_) => Operation::CouponRead,
            Route::Redeem(_) => Operation::Redeem,
            Route::RedeemByBody => Operation::RedeemByBody,
            Route::Settle(_, Settlement::Confirm) => Operation::Confirm,
            Route::Settle(_, Settlement::Release) => Operation::Release,
            Route::Settle(_, Settlement::Reverse) => Operation::Reverse,
            Route::CodeUpload(..) => Operation::CodeUpload,
            Route::EntryByUser(..) => Operation::EntryByUser,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use hyper::Method;

    use super::*;

    /// The other way round, that each route has an operation, is `of`'s match without a catch-all.
    #[test]
    fn every_operation_is_where_its_route_is() {
        for operation in Operation::ALL {
            let entry = operation.entry();
            let method = Method::from_bytes(entry.method.to_uppercase().as_bytes()).expect("a method");
            for path in entry.paths {
                let path = path.replace(['{', '}'], "");
                let route = Route::find(&method, &path).unwrap_or_else(|none| panic!("{method} {path}: {none:?}"));
                assert_eq!(Operation::of(route), Some(*operation), "{method} {path}");
                assert_eq!(route.is_management(), entry.caller == Caller::Management, "{method} {path}");
            }
        }
    }

    #[test]
    fn names_are_given_once() {
        let ids: HashSet<&str> = Operation::ALL.iter().map(|operation| operation.entry().id).collect();
        assert_eq!(ids.len(), Operation::ALL.len());
    }
}
