//! The OpenAPI 3.1 document: what the server can be asked and what it answers, put together from the code's own tables. Schemas
//! are the types in `schemas`, refusals come from [`problem`](crate::http::problem), and paths are held against the routes.

mod answers;
mod codes;
mod examples;
mod operation;
mod requests;
mod schemas;

use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use self::answers::{Header, Success};
use self::operation::{Caller, Operation, Tag};
use self::schemas::{campaign, checkout, claim, fraud, protection};
use crate::http::problem::Code;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "landrush",
        description = include_str!("openapi/introduction.md"),
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(
        schemas::Moment, schemas::Span, schemas::Identifier, schemas::UserId, schemas::OrderId, schemas::Phone,
        schemas::DisplayName, schemas::ServerId, schemas::CouponCode, schemas::ProblemCode, schemas::Problem,
        schemas::Fault, schemas::Health, schemas::ServerTime, schemas::Nothing, schemas::Document,
        campaign::Mode, campaign::Period, campaign::LimitBy, campaign::AvailabilityDisplay, campaign::Return,
        campaign::CodeSource, campaign::State, campaign::TimeZone, campaign::TimeOfDay, campaign::Weekday,
        campaign::Hash, campaign::Schedule, campaign::Windows, campaign::Limit, campaign::Returns,
        campaign::NewCampaign, campaign::NewCouponType, campaign::CampaignPatch, campaign::SchedulePatch,
        campaign::CouponTypePatch, campaign::Campaign, campaign::Fairness, campaign::FairnessEntries,
        campaign::CouponType,
        protection::NewArrival, protection::ChallengeSet, protection::AltchaChallenge, protection::WidgetChallenge, protection::AltchaParameters, protection::ChallengeAnswer, protection::NewRegistration,
        protection::Registration, protection::RegistrationState, protection::EligibleList, protection::EligibleUser,
        protection::Pass, protection::Place, protection::PlaceState, protection::WaitingRoomView,
        protection::WaitingRoomAudit, protection::AuditedRoom, protection::RoomEntries,
        protection::AdmissionToken, protection::PublicKeys, protection::PublicKey,
        campaign::Opening, campaign::CampaignPage, campaign::Availability, campaign::TypeAvailability,
        campaign::Left, campaign::Bucket,
        claim::CouponState, claim::WonOrNot, claim::Won, claim::EntryOutcome, claim::NewClaim, claim::NewDraw,
        claim::NewDrawByBody, claim::NewClaimBatch, claim::BatchedClaim, claim::WonCoupon, claim::Claim,
        claim::Draw, claim::Entry, claim::AnyClaim, claim::GrantedClaim, claim::ClaimItems, claim::ClaimPage,
        claim::BatchResult, claim::BatchResults,
        checkout::RedemptionState, checkout::NewRedemption, checkout::NewRedemptionByBody, checkout::Redemption,
        checkout::CouponRedemption, checkout::Coupon, checkout::UploadedCode, checkout::Imported, checkout::NewUser,
        checkout::User,
        fraud::FraudReport, fraud::EarlyArrivals, fraud::MarkKind, fraud::FraudBreakdown, fraud::MarkLine,
    ))
)]
struct Components;

/// What is refused where a member is unknown: bodies of requests.
const CLOSED: [&str; 22] = [
    "ChallengeAnswer",
    "NewRegistration",
    "EligibleUser",
    "NewArrival",
    "NewCampaign",
    "NewCouponType",
    "Schedule",
    "Windows",
    "Limit",
    "Returns",
    "CampaignPatch",
    "SchedulePatch",
    "CouponTypePatch",
    "NewClaim",
    "NewDraw",
    "NewDrawByBody",
    "NewClaimBatch",
    "BatchedClaim",
    "NewRedemption",
    "NewRedemptionByBody",
    "NewUser",
    "Nothing",
];

/// Makes the document.
pub fn document() -> Value {
    let mut document = serde_json::to_value(Components::openapi()).expect("a document is JSON");
    for name in CLOSED {
        let schema = &mut document["components"]["schemas"][name];
        assert!(schema.is_object(), "{name} is a schema");
        schema["additionalProperties"] = Value::Bool(false);
    }
    document["components"]["securitySchemes"] = json!({
        "admin_key": {"type": "http", "scheme": "bearer", "description": "The admin key: `LANDRUSH_ADMIN_KEY`, or the one made on first start, in `<data dir>/keys/`."},
        "user_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "With `auth.users = \"jwt\"`: a token whose `sub` is the user. With `\"trusted\"` none is asked for."}
    });
    document["components"]["headers"] = headers();
    document["components"]["responses"] = json!({"MethodNotAllowed": refusal(405, &[Code::MethodNotAllowed], true)});
    document["servers"] = json!([{"url": "/"}]);
    document["tags"] = Tag::ALL
        .iter()
        .map(|tag| tag.text())
        .map(|(name, description)| json!({"name": name, "description": description}))
        .collect();
    let mut paths = Map::new();
    for operation in Operation::ALL {
        let entry = operation.entry();
        for (index, path) in entry.paths.iter().enumerate() {
            let item = paths.entry(*path).or_insert_with(|| json!({}));
            item[entry.method] = described(*operation, path, index);
        }
    }
    document["paths"] = Value::Object(paths);
    document
}

/// One operation on the `index`th of its paths.
fn described(operation: Operation, path: &str, index: usize) -> Value {
    let entry = operation.entry();
    let mut described = json!({
        "tags": [entry.tag.text().0],
        "operationId": if index == 0 { entry.id.to_owned() } else { format!("{}_{}", entry.id, index + 1) },
        "summary": entry.summary,
        "security": security(entry.caller),
        "responses": responses(operation),
    });
    if !entry.description.is_empty() {
        described["description"] = json!(entry.description);
    }
    let mut parameters = requests::path_parameters(path, operation);
    parameters.extend(operation.parameters());
    if !parameters.is_empty() {
        described["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = operation.body() {
        let mut content = json!({"schema": reference(body.schema)});
        if !body.examples.is_empty() {
            let examples = body.examples.into_iter().map(|(name, value)| (name.to_owned(), json!({"value": value})));
            content["examples"] = Value::Object(examples.collect());
        }
        described["requestBody"] = json!({"required": body.required, "content": {"application/json": content}});
    }
    if operation == Operation::CodeUpload {
        described["requestBody"] = json!({"required": true, "content": {
            "application/x-ndjson": {"schema": {"type": "string", "contentSchema": reference("UploadedCode")}, "example": examples::CODES_NDJSON},
            "text/csv": {"schema": {"type": "string"}, "example": examples::CODES_CSV}
        }});
    }
    if operation == Operation::EligibleUpload {
        described["requestBody"] = json!({"required": true, "content": {
            "application/x-ndjson": {"schema": {"type": "string", "contentSchema": reference("EligibleUser")}, "example": examples::ELIGIBLE_NDJSON}
        }});
    }
    described
}

fn security(caller: Caller) -> Value {
    match caller {
        Caller::Anybody => json!([]),
        Caller::AnybodyAndMore => json!([{}, {"admin_key": []}]),
        Caller::User => json!([{}, {"user_token": []}]),
        Caller::UserOrManagement => json!([{}, {"user_token": []}, {"admin_key": []}]),
        Caller::Management => json!([{"admin_key": []}]),
    }
}

fn responses(operation: Operation) -> Value {
    let mut responses = Map::new();
    for success in operation.successes() {
        responses.insert(success.status.to_string(), answer(success));
    }
    let mut codes = operation.codes();
    codes.sort_by_key(|code| code.status());
    for same in codes.chunk_by(|one, other| one.status() == other.status()) {
        let status = same[0].status().as_u16();
        responses.insert(status.to_string(), refusal(status, same, false));
    }
    if operation.is_counted() {
        for response in responses.values_mut() {
            for name in ["RateLimit-Policy", "RateLimit"] {
                response["headers"][name] = header_reference(name);
            }
        }
    }
    Value::Object(responses)
}

fn answer(success: Success) -> Value {
    let mut headers = json!({"x-request-id": header_reference("x-request-id")});
    for header in success.headers {
        headers[header.name()] = header_reference(header.text().0);
    }
    let mut answer = json!({"description": success.description, "headers": headers});
    for (media_type, schema) in success.contents {
        let mut content = json!({"schema": schema.map_or_else(|| json!({"type": "string"}), reference)});
        if let (Some(_), Some(example)) = (schema, success.example.as_ref().filter(|example| !example.is_null())) {
            content["example"] = example.clone();
        }
        answer["content"][media_type] = content;
    }
    answer
}

/// The refusals of one status, told apart by their codes.
fn refusal(status: u16, codes: &[Code], allow: bool) -> Value {
    let mut names: Vec<&str> = codes.iter().map(|code| code.name()).collect();
    names.dedup();
    let mut headers = json!({"x-request-id": header_reference("x-request-id")});
    // A 409 has it where the code is `not_open`.
    let (waits, may_wait) = (matches!(status, 429 | 503), codes.contains(&Code::NotOpen));
    if waits || may_wait {
        let name = if waits { "Retry-After" } else { "Retry-After-Opening" };
        headers["Retry-After"] = header_reference(name);
    }
    // What the gate says no with.
    if matches!(status, 401 | 403 | 429) {
        headers["x-landrush-refused-by"] = header_reference("x-landrush-refused-by");
    }
    if status == 401 {
        headers["WWW-Authenticate"] = header_reference("WWW-Authenticate");
    }
    if allow {
        headers["Allow"] = header_reference("Allow");
    }
    let described: Vec<String> = codes.iter().map(|code| format!("`{}`: {}.", code.name(), code.title())).collect();
    json!({
        "description": described.join(" "),
        "headers": headers,
        "content": {"application/problem+json": {"schema": {
            "allOf": [reference("Problem")],
            "properties": {"status": {"const": status}, "code": {"enum": names}}
        }}}
    })
}

fn headers() -> Value {
    let header = |description: &str, required: bool, schema: Value| json!({"description": description, "required": required, "schema": schema});
    let text = || json!({"type": "string"});
    let seconds = || json!({"type": "integer", "minimum": 0});
    let mut headers = json!({
        "x-request-id": header("The request's own id, or the server's for it.", true, text()),
        "Retry-After": header("After how many seconds to ask again.", true, seconds()),
        "Retry-After-Opening": header("With `not_open`: after how many seconds to ask again.", false, seconds()),
        "RateLimit-Policy": header("To whoever bears a management key with a rate: how many requests in how many seconds.", false, text()),
        "RateLimit": header("To the same: how many are left, and in how many seconds all are there again or, where none is left, one.", false, text()),
        "x-landrush-refused-by": header("To whoever bears a management key: which part of the gate refused.", false, text()),
        "WWW-Authenticate": header("`Bearer`.", true, text()),
        "Allow": header("The methods that the path knows.", true, text()),
    });
    for known in Header::ALL {
        let (name, description) = known.text();
        headers[name] = header(description, known.is_required(), text());
    }
    headers
}

fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn header_reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}
