//! Owns what each operation answers when it does not refuse.

use serde_json::Value;

use super::examples;
use super::operation::Operation;

/// One answer.
pub(crate) struct Success {
    /// The status.
    pub(crate) status: u16,
    /// What it says.
    pub(crate) description: &'static str,
    /// Media type and the schema of the body; without a schema it is text.
    pub(crate) contents: Vec<(&'static str, Option<&'static str>)>,
    /// The body as JSON, as a test has seen it.
    pub(crate) example: Option<Value>,
    /// Headers beside those of every answer.
    pub(crate) headers: &'static [Header],
}

/// A header of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    /// Names the body.
    ETag,
    /// The same, where only what is the same for all has one.
    ETagOfShared,
    /// What the answer depends on beside the path.
    Vary,
    /// The same, where only what is the same for all says so.
    VaryOfShared,
    /// Where it is to be found.
    Location,
    /// The same, unless nothing was made.
    LocationOfMade,
    /// For how long it may be kept.
    CacheControl,
    /// What the page may load.
    ContentSecurityPolicy,
}

impl Header {
    /// All of them.
    pub(crate) const ALL: [Header; 8] = [
        Header::ETag,
        Header::ETagOfShared,
        Header::Vary,
        Header::VaryOfShared,
        Header::Location,
        Header::LocationOfMade,
        Header::CacheControl,
        Header::ContentSecurityPolicy,
    ];

    /// The header's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Header::ETag | Header::ETagOfShared => "ETag",
            Header::Vary | Header::VaryOfShared => "Vary",
            Header::Location | Header::LocationOfMade => "Location",
            Header::CacheControl => "Cache-Control",
            Header::ContentSecurityPolicy => "Content-Security-Policy",
        }
    }

    /// What the document calls it, and what it says.
    pub(crate) const fn text(self) -> (&'static str, &'static str) {
        match self {
            Header::ETag => ("ETag", "Names what the body says; for `If-None-Match`."),
            Header::ETagOfShared => {
                ("ETag-Of-Shared", "Names what the body says; for `If-None-Match`. One's own place has none.")
            }
            Header::Vary => ("Vary", "`X-Landrush-Ticket`: whoever sends one is told their own place."),
            Header::VaryOfShared => (
                "Vary-Of-Shared",
                "`X-Landrush-Ticket`: whoever sends one is told their own place, which says nothing of this kind.",
            ),
            Header::Location => ("Location", "Where what was made is to be found."),
            Header::LocationOfMade => ("Location-Of-Made", "Where what was made is to be found; not of a dry run."),
            Header::CacheControl => ("Cache-Control", "For how long the answer may be kept, and by whom."),
            Header::ContentSecurityPolicy => {
                ("Content-Security-Policy", "What the page may load: nothing from elsewhere.")
            }
        }
    }

    /// Whether every answer has it that it is described of.
    pub(crate) const fn is_required(self) -> bool {
        match self {
            Header::ETag | Header::Vary | Header::Location | Header::CacheControl | Header::ContentSecurityPolicy => {
                true
            }
            Header::ETagOfShared | Header::VaryOfShared | Header::LocationOfMade => false,
        }
    }
}

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

fn json(status: u16, description: &'static str, schema: &'static str, example: Value) -> Success {
    Success { status, description, contents: vec![(JSON, Some(schema))], example: Some(example), headers: &[] }
}

fn bare(status: u16, description: &'static str) -> Success {
    Success { status, description, contents: Vec::new(), example: None, headers: &[] }
}

fn html(status: u16, description: &'static str) -> Success {
    Success { contents: vec![(HTML, None)], ..bare(status, description) }
}

/// 201, and the same with 200 for a repeat.
fn made(what: [&'static str; 2], schema: &'static str, example: Value, repeat: Value) -> Vec<Success> {
    vec![json(201, what[0], schema, example), json(200, what[1], schema, repeat)]
}

fn with(headers: &'static [Header], mut successes: Vec<Success>) -> Vec<Success> {
    successes.iter_mut().for_each(|success| success.headers = headers);
    successes
}

impl Operation {
    /// What it answers when it does not refuse.
    pub(crate) fn successes(self) -> Vec<Success> {
        use Header::{
            CacheControl, ContentSecurityPolicy, ETag, ETagOfShared, Location, LocationOfMade, Vary, VaryOfShared,
        };
        let repeated = |example: &Value| {
            let mut example = example.clone();
            example["repeated"] = Value::Bool(true);
            example
        };
        match self {
            Operation::Claim => {
                let claim = examples::claim();
                let repeat = repeated(&claim);
                made(["A coupon was won.", "It had been won before: the same again."], "Claim", claim, repeat)
            }
            Operation::Draw | Operation::DrawByBody => {
                let draw = examples::draw();
                let repeat = repeated(&draw);
                made(["Drawn, won or not.", "It had been drawn before: the same again."], "Draw", draw, repeat)
            }
            Operation::Enter => {
                let entry = examples::entry();
                let repeat = repeated(&entry);
                made(["Entered.", "Entered before: the same again."], "Entry", entry, repeat)
            }
            Operation::ClaimsByUser => {
                with(&[CacheControl], vec![json(200, "The user's, oldest first.", "ClaimItems", examples::items())])
            }
            Operation::EntryByUser => {
                with(&[CacheControl], vec![json(200, "The user's entry.", "Entry", repeated(&examples::entry()))])
            }
            Operation::ClaimBatch => {
                vec![json(200, "What came of each, in their order.", "BatchResults", examples::batch_results())]
            }
            Operation::Availability => with(
                &[ETag, CacheControl],
                vec![
                    json(200, "What is left.", "Availability", examples::availability()),
                    bare(304, "What the client has still holds."),
                ],
            ),
            Operation::WaitingRoomJoin => {
                let came = examples::place;
                let words = ["Came, and has a place.", "Had come before: the same place."];
                with(&[CacheControl], made(words, "Place", came(), came()))
            }
            Operation::WaitingRoomToken => {
                with(&[CacheControl], vec![json(201, "The token.", "AdmissionToken", examples::admission_token())])
            }
            Operation::PublicKeys => {
                with(&[CacheControl], vec![json(200, "The keys.", "PublicKeys", examples::public_keys())])
            }
            Operation::WaitingRoomRead => {
                let view = json(200, "How far it is.", "WaitingRoomView", examples::waiting_room());
                let mut answers = with(&[ETagOfShared, VaryOfShared, CacheControl], vec![view]);
                // One's own place is told anew each time.
                let same = vec![bare(304, "What the client has still holds.")];
                answers.extend(with(&[ETag, Vary, CacheControl], same));
                answers
            }
            Operation::WaitingRoomAudit => with(
                &[ETag, CacheControl],
                vec![
                    json(200, "How each was shuffled.", "WaitingRoomAudit", examples::waiting_room_audit()),
                    bare(304, "What the client has still holds."),
                ],
            ),
            Operation::Register => with(
                &[CacheControl],
                made(
                    ["Registered.", "Had registered before."],
                    "Registration",
                    examples::registration(),
                    examples::registration(),
                ),
            ),
            Operation::EligibleUpload => {
                vec![json(200, "All of them are taken.", "EligibleList", examples::eligible_list())]
            }
            Operation::ChallengeRead => {
                with(&[CacheControl], vec![json(200, "The challenge.", "ChallengeSet", examples::altcha_challenge())])
            }
            Operation::ChallengeMeet => with(&[CacheControl], vec![json(201, "Met.", "Pass", examples::pass())]),
            Operation::Time => {
                with(&[CacheControl], vec![json(200, "The moment of the answer.", "ServerTime", examples::time())])
            }
            Operation::CampaignList => vec![json(200, "A page.", "CampaignPage", examples::campaign_page())],
            Operation::CampaignRead => vec![json(200, "The campaign.", "Campaign", examples::campaign(false))],
            Operation::CampaignCreate => {
                let words =
                    ["Made.", "It was there, made with the same body; or, in a dry run, it would be made like this."];
                let mut answers = made(words, "Campaign", examples::campaign(true), examples::campaign(true));
                // What a dry run would make is to be found nowhere; it is answered as what was there is.
                for answer in &mut answers {
                    answer.headers = if answer.status == 201 { &[Location] } else { &[LocationOfMade] };
                }
                answers
            }
            Operation::CampaignPatch
            | Operation::CampaignPause
            | Operation::CampaignResume
            | Operation::CampaignCancel
            | Operation::CampaignArchive => {
                vec![json(200, "The campaign as it then is, or would be.", "Campaign", Value::Null)]
            }
            Operation::ClaimList => {
                let mut page = json(200, "A page, or all of it by lines.", "ClaimPage", examples::claim_page());
                page.contents.push(("text/csv; charset=utf-8; header=present", None));
                page.contents.push(("application/x-ndjson", None));
                vec![page]
            }
            Operation::FraudReport => {
                with(&[CacheControl], vec![json(200, "The report.", "FraudReport", examples::fraud_report())])
            }
            Operation::ClaimVoid => vec![bare(204, "Voided.")],
            Operation::CodeUpload => vec![json(201, "All of them are taken.", "Imported", examples::imported())],
            Operation::CouponRead => {
                with(&[CacheControl], vec![json(200, "The coupon.", "Coupon", examples::coupon())])
            }
            Operation::Redeem | Operation::RedeemByBody => made(
                ["Redeemed, or held.", "This order had it before: the same again."],
                "Redemption",
                examples::redemption(Some(false)),
                examples::redemption(Some(true)),
            ),
            Operation::Confirm | Operation::Release | Operation::Reverse => {
                vec![json(200, "The redemption as it then is.", "Redemption", Value::Null)]
            }
            Operation::UserCreate => {
                let user = examples::user(Some(false));
                let repeat = repeated(&user);
                with(&[Location], made(["Stored.", "It was there, with the same data."], "User", user, repeat))
            }
            Operation::UserRead => with(&[CacheControl], vec![json(200, "The user.", "User", examples::user(None))]),
            Operation::UserErase => vec![bare(204, "Erased.")],
            Operation::Livez => with(&[CacheControl], vec![json(200, "It lives.", "Health", examples::health("ok"))]),
            Operation::Readyz => {
                with(&[CacheControl], vec![json(200, "It serves.", "Health", examples::health("ready"))])
            }
            Operation::Metrics | Operation::ManagementMetrics => {
                vec![Success { contents: vec![(crate::metrics::MEDIA_TYPE, None)], ..bare(200, "OpenMetrics text.") }]
            }
            Operation::OpenApi => with(
                &[ETag, CacheControl],
                vec![
                    Success { contents: vec![(JSON, Some("Document"))], ..bare(200, "An OpenAPI 3.1 document.") },
                    bare(304, "What the client has still holds."),
                ],
            ),
            Operation::Events => with(
                &[CacheControl],
                vec![Success { contents: vec![("text/event-stream", None)], ..bare(200, "The stream.") }],
            ),
            Operation::Page => with(&[CacheControl, ContentSecurityPolicy], vec![html(200, "The page.")]),
            Operation::CampaignPage => with(
                &[CacheControl, ContentSecurityPolicy],
                vec![
                    html(200, "The page."),
                    html(404, "A page that says that there is no such campaign."),
                    html(410, "A page that says that the campaign ended long ago."),
                    html(503, "A page that asks to come again."),
                ],
            ),
            Operation::AdminPage | Operation::DocsPage => with(
                &[ETag, CacheControl, ContentSecurityPolicy],
                vec![
                    Success { contents: vec![(HTML, None)], ..bare(200, "The page.") },
                    bare(304, "What the client has still holds."),
                ],
            ),
        }
    }
}
