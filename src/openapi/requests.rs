//! Owns what each operation is asked with: parameters and bodies, with examples that a test sends to a real server.

use serde_json::{Value, json};

use super::examples;
use super::operation::Operation;

/// What is said of the headers by which whoever asks for a coupon, or what leads to one, is judged.
const PASS: &str = "What a met challenge gave, where one is asked for.";
const DEVICE: &str = "The caller's device, where devices are counted or limited: at most 128 bytes, and sent once.";

/// A body that an operation takes.
pub(crate) struct Body {
    /// The schema of it, in JSON.
    pub(crate) schema: &'static str,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// Examples by name.
    pub(crate) examples: Vec<(&'static str, Value)>,
}

impl Operation {
    /// The JSON body it takes.
    pub(crate) fn body(self) -> Option<Body> {
        let required = |schema, examples| Some(Body { schema, required: true, examples });
        match self {
            Operation::Claim => required("NewClaim", examples::claims()),
            Operation::Draw | Operation::Enter => required("NewDraw", examples::draws()),
            Operation::DrawByBody => required("NewDrawByBody", examples::draw_by_body()),
            Operation::WaitingRoomJoin | Operation::WaitingRoomToken => required("NewArrival", examples::arrivals()),
            Operation::Register => required("NewRegistration", examples::registrations()),
            Operation::ChallengeMeet => required("ChallengeAnswer", examples::challenge_answers()),
            Operation::ClaimBatch => required("NewClaimBatch", examples::batch()),
            Operation::CampaignCreate => required("NewCampaign", examples::campaigns()),
            Operation::CampaignPatch => required("CampaignPatch", examples::patches()),
            Operation::Redeem => required("NewRedemption", examples::redemptions()),
            Operation::RedeemByBody => required("NewRedemptionByBody", examples::redemption_by_body()),
            Operation::UserCreate => required("NewUser", examples::users()),
            Operation::CampaignPause
            | Operation::CampaignResume
            | Operation::CampaignCancel
            | Operation::CampaignArchive
            | Operation::Confirm
            | Operation::Release
            | Operation::Reverse => Some(Body { schema: "Nothing", required: false, examples: Vec::new() }),
            // Its body is lines, not JSON.
            Operation::CodeUpload | Operation::EligibleUpload => None,
            Operation::ClaimsByUser
            | Operation::EntryByUser
            | Operation::Availability
            | Operation::WaitingRoomRead
            | Operation::WaitingRoomAudit
            | Operation::ChallengeRead
            | Operation::PublicKeys
            | Operation::Time
            | Operation::CampaignList
            | Operation::CampaignRead
            | Operation::ClaimList
            | Operation::ClaimVoid
            | Operation::FraudReport
            | Operation::CouponRead
            | Operation::UserRead
            | Operation::UserErase
            | Operation::Livez
            | Operation::Readyz
            | Operation::Metrics
            | Operation::OpenApi
            | Operation::Events
            | Operation::ManagementMetrics
            | Operation::Page
            | Operation::CampaignPage
            | Operation::AdminPage
            | Operation::DocsPage => None,
        }
    }

    /// Its parameters beside those of its path.
    pub(crate) fn parameters(self) -> Vec<Value> {
        match self {
            Operation::Claim | Operation::Draw | Operation::Enter | Operation::DrawByBody => [
                ("X-Landrush-Ticket", "The ticket of somebody who is let in, where there is a waiting room."),
                ("X-Landrush-Pass", PASS),
                ("X-Device-Id", DEVICE),
                (
                    "X-Landrush-Authorization",
                    "`Bearer` and a management key, beside a user's token: a refusal then says by what, in `x-landrush-refused-by`.",
                ),
            ]
            .into_iter()
            .map(|(name, description)| header(name, description, json!({"type": "string"})))
            .chain([header(
                "Idempotency-Key",
                "Names this claim among a person's others. Required where the campaign's `limit.max` is above 1, ignored elsewhere. Bare or quoted, at most 128 bytes.",
                json!({"type": "string", "minLength": 1, "maxLength": 130}),
            )])
            .collect(),
            Operation::CampaignList => paging().into(),
            Operation::ClaimList => paging().into(),
            Operation::CampaignCreate | Operation::CampaignPatch | Operation::CampaignArchive => vec![dry_run()],
            Operation::Events => {
                vec![header("Last-Event-ID", "The `id:` of the last event seen.", json!({"type": "string"}))]
            }
            Operation::CampaignCancel => vec![dry_run(), flag("revoke", "Voids the coupons that were issued.")],
            Operation::ClaimVoid => vec![
                flag(
                    "restock",
                    "Whether the unit returns to the quota. Default: as the campaign's `returns.voided` has it.",
                ),
                flag("allow_again", "Lets the person claim again."),
            ],
            Operation::Availability
            | Operation::WaitingRoomAudit
            | Operation::OpenApi
            | Operation::AdminPage
            | Operation::DocsPage => {
                vec![header("If-None-Match", "The tags that the client has.", json!({"type": "string"}))]
            }
            Operation::WaitingRoomJoin | Operation::Register | Operation::ChallengeMeet => {
                vec![header("X-Device-Id", DEVICE, json!({"type": "string"}))]
            }
            Operation::WaitingRoomToken => vec![
                header("X-Landrush-Ticket", "The ticket of the caller's place.", json!({"type": "string"})),
                header("X-Landrush-Pass", PASS, json!({"type": "string"})),
                header("X-Device-Id", DEVICE, json!({"type": "string"})),
            ],
            Operation::WaitingRoomRead => vec![
                header("If-None-Match", "The tags that the client has.", json!({"type": "string"})),
                header("X-Landrush-Ticket", "The ticket of the caller's place.", json!({"type": "string"})),
            ],
            Operation::ChallengeRead => vec![query(
                "user_id",
                "For whom. May be left out where a token says it.",
                json!({"$ref": "#/components/schemas/UserId"}),
            )],
            Operation::ClaimBatch
            | Operation::EligibleUpload
            | Operation::PublicKeys
            | Operation::ManagementMetrics
            | Operation::Page
            | Operation::CampaignPage
            | Operation::CampaignPause
            | Operation::CampaignResume
            | Operation::CodeUpload
            | Operation::Redeem
            | Operation::RedeemByBody
            | Operation::Confirm
            | Operation::Release
            | Operation::Reverse
            | Operation::UserCreate
            | Operation::ClaimsByUser
            | Operation::EntryByUser
            | Operation::Time
            | Operation::CampaignRead
            | Operation::FraudReport
            | Operation::CouponRead
            | Operation::UserRead
            | Operation::UserErase
            | Operation::Livez
            | Operation::Readyz
            | Operation::Metrics => Vec::new(),
        }
    }
}

/// The parameters of a path, by the names in its braces.
pub(crate) fn path_parameters(path: &str, operation: Operation) -> Vec<Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    names
        .map(|name| {
            let (description, schema, example) = match name {
                "campaign_id" => ("The campaign.", "Identifier", examples::campaign_of(operation)),
                "coupon_type" => ("The coupon type.", "Identifier", "own-codes"),
                "user_id" => ("The user, percent-encoded.", "UserId", "u-1"),
                "claim_id" => ("The `claim_id` or `draw_id`.", "ServerId", "0G4T1M8XQ2ZC7R5K"),
                "redemption_id" => ("The redemption.", "ServerId", "0G4T1M8XQ2ZC7R5K"),
                "code" => ("The coupon's code, percent-encoded.", "CouponCode", "7K3M-2XQ9-D4TB-0HWV"),
                other => unreachable!("no path of ours has {other}"),
            };
            let schema = format!("#/components/schemas/{schema}");
            json!({
                "name": name, "in": "path", "required": true, "description": description,
                "schema": {"$ref": schema}, "example": example
            })
        })
        .collect()
}

fn header(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "header", "description": description, "schema": schema})
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    json!({"name": name, "in": "query", "description": description, "schema": schema})
}

fn flag(name: &str, description: &str) -> Value {
    query(name, description, json!({"type": "boolean"}))
}

fn dry_run() -> Value {
    flag("dry_run", "Says what would happen, and does nothing.")
}

fn paging() -> [Value; 2] {
    [
        query(
            "limit",
            "The most items of the page.",
            json!({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}),
        ),
        query("cursor", "The `next_cursor` of the page before.", json!({"type": "string", "pattern": "^[0-9a-f]+$"})),
    ]
}
