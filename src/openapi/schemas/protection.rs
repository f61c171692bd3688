//! Owns the shapes of what guards a campaign.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

use super::campaign::{Fairness, Hash};
use super::{Moment, PartialSchema, Phone, Span, UserId, one_of_schemas, text_schemas, words as table};
use crate::http::words;

text_schemas! {
    /// Requests in a span, as many at once: 1 to 1,000,000 in 1s to 24h.
    Rate = |text| text.pattern(Some("^[0-9]+/([0-9]+(ms|s|m|h|d))+$")).examples(["5/10s"]);
    /// Who sets a challenge, and checks what comes back.
    Provider = |text| table(text, words::PROVIDERS);
    /// What holds while the provider of challenges is away: nobody passes, or everybody.
    WhenUnavailable = |text| table(text, words::WHEN_UNAVAILABLES);
    /// Where somebody stands: a place that has lapsed is over too.
    PlaceState = |text| text.enum_values(Some(["waiting", "admitted", "sold_out", "over"]));
    /// Where somebody stands who has registered.
    RegistrationState = |text| text.enum_values(Some(["registered"]));
    /// Of whom claims are heard.
    Who = |text| table(text, words::WHOS);
}

/// What guards a campaign. A part that this version does not enforce is refused by name.
#[derive(ToSchema)]
pub(crate) struct Protection {
    #[schema(nullable = false)]
    rate_limit: Option<RateLimits>,
    #[schema(nullable = false)]
    challenge: Option<Challenge>,
    #[schema(nullable = false)]
    eligibility: Option<Eligibility>,
    #[schema(nullable = false)]
    waiting_room: Option<WaitingRoom>,
}

/// How often one caller may ask: so many at once, and then evenly as many in that time. What is absent is not limited.
#[derive(ToSchema)]
pub(crate) struct RateLimits {
    #[schema(nullable = false)]
    user: Option<Rate>,
    /// By IPv4 address, or /64 of IPv6.
    #[schema(nullable = false)]
    address: Option<Rate>,
    /// By the header `X-Device-Id`.
    #[schema(nullable = false)]
    device: Option<Rate>,
    #[schema(nullable = false)]
    phone: Option<Rate>,
}

/// What a caller must have solved.
#[derive(ToSchema)]
pub(crate) struct Challenge {
    provider: Provider,
    /// Default: closed.
    #[schema(nullable = false)]
    when_unavailable: Option<WhenUnavailable>,
}

/// Who may ask at all.
#[derive(ToSchema)]
pub(crate) struct Eligibility {
    /// Default: anyone.
    #[schema(nullable = false)]
    who: Option<Who>,
    /// Default: the campaign's end.
    #[schema(nullable = false)]
    registration_closes_at: Option<Moment>,
    /// Default: none, and 16 where users of devices are counted.
    #[schema(minimum = 1, maximum = 100, nullable = false)]
    devices_per_user: Option<u32>,
    /// Of one device, and of one phone number.
    #[schema(minimum = 1, maximum = 100, nullable = false)]
    users_per_device: Option<u32>,
    /// What the user's token must say: strings, numbers, true or false, by name.
    #[schema(value_type = Option<Object>, nullable = false)]
    token_claims: Option<serde_json::Value>,
}

one_of_schemas! {
    /// What is to be met.
    ChallengeSet = [AltchaChallenge, WidgetChallenge];
}

/// A challenge that its provider sets, in a widget on the page.
#[derive(ToSchema)]
pub(crate) struct WidgetChallenge {
    provider: Provider,
    /// By what the provider knows the page.
    site_key: String,
}

/// A proof of work to be done, by the ALTCHA protocol, version 2.
#[derive(ToSchema)]
pub(crate) struct AltchaChallenge {
    parameters: AltchaParameters,
    /// Binds the parameters to this server.
    signature: String,
}

/// What is to be derived: a key that begins with the prefix, from the nonce and a counter of four bytes.
#[derive(ToSchema)]
pub(crate) struct AltchaParameters {
    algorithm: String,
    /// Iterations behind one key.
    cost: u32,
    /// Whom and what for.
    data: serde_json::Value,
    /// The last second at which it can be answered, since 1970.
    #[serde(rename = "expiresAt")]
    expires_at: u64,
    /// In bytes.
    #[serde(rename = "keyLength")]
    key_length: u32,
    /// In hexadecimal, as nonce and salt are.
    #[serde(rename = "keyPrefix")]
    key_prefix: String,
    nonce: String,
    salt: String,
}

/// An answer to a challenge.
#[derive(ToSchema)]
pub(crate) struct ChallengeAnswer {
    /// May be left out where a token says who asks.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
    provider: Provider,
    /// What the provider's script gives; of ALTCHA the base64 of challenge and solution.
    #[schema(max_length = 4096)]
    payload: String,
}

/// The proof that a challenge was met.
#[derive(ToSchema)]
pub(crate) struct Pass {
    /// For the header `X-Landrush-Pass`.
    pass: String,
    /// The first moment at which it holds no more.
    expires_at: Moment,
}

/// Registers with a campaign.
#[derive(ToSchema)]
pub(crate) struct NewRegistration {
    /// May be left out where a token says who asks.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
    /// Needed where the campaign needs a number, and none is known of the user.
    #[schema(nullable = false)]
    phone: Option<Phone>,
}

/// Somebody is registered.
#[derive(ToSchema)]
pub(crate) struct Registration {
    state: RegistrationState,
}

/// A line of a list of those whom a campaign is for; the user id alone, as a string, is taken too.
#[derive(ToSchema)]
pub(crate) struct EligibleUser {
    user_id: UserId,
}

/// What has become of an uploaded list.
#[derive(ToSchema)]
pub(crate) struct EligibleList {
    /// How many users it has.
    eligible: u64,
}

/// Comes to a waiting room.
#[derive(ToSchema)]
pub(crate) struct NewArrival {
    /// May be left out where a token says who asks.
    #[schema(nullable = false)]
    user_id: Option<UserId>,
}

/// A place in a waiting room.
#[derive(ToSchema)]
pub(crate) struct Place {
    /// For the header `X-Landrush-Ticket`.
    ticket: String,
    state: PlaceState,
    /// By arrival, from 1: what the position of those who came before the opening follows from.
    #[schema(minimum = 1)]
    number: u32,
    /// From 1; null until the opening shuffles those who came before it.
    #[schema(required = true)]
    position: Option<u32>,
    /// How many are let in before.
    #[schema(required = true)]
    ahead: Option<u32>,
    /// If everybody who is let in claims.
    #[schema(required = true)]
    estimated_wait: Option<Span>,
    /// The first moment at which the place is gone, once its holder is let in.
    #[schema(required = true)]
    admitted_until: Option<Moment>,
    /// With `sold_out`, where only today's coupons are gone: when people are let in again. Places are kept.
    #[schema(required = true)]
    resets_at: Option<Moment>,
}

/// What tells another server who was let in.
#[derive(ToSchema)]
pub(crate) struct AdmissionToken {
    /// A JSON Web Token.
    token: String,
    /// The first moment at which it holds no more.
    expires_at: Moment,
}

/// A JWK set (RFC 7517).
#[derive(ToSchema)]
pub(crate) struct PublicKeys {
    keys: Vec<PublicKey>,
}

/// An Ed25519 key (RFC 8037).
#[derive(ToSchema)]
pub(crate) struct PublicKey {
    kty: String,
    crv: String,
    alg: String,
    r#use: String,
    /// The key's thumbprint (RFC 7638).
    kid: String,
    /// The key, in base64url.
    x: String,
}

/// How far a waiting room is; with a ticket, also where its bearer stands.
#[derive(ToSchema)]
pub(crate) struct WaitingRoomView {
    state: PlaceState,
    /// With `sold_out`, where only today's coupons are gone: when people are let in again. Places are kept.
    #[schema(required = true)]
    resets_at: Option<Moment>,
    opens_at: Moment,
    /// The last position that is let in.
    now_serving: u32,
    /// How many are not let in yet.
    waiting: u32,
    admit_per_second: u32,
    fairness: Fairness,
    #[schema(minimum = 1, nullable = false)]
    number: Option<u32>,
    #[schema(nullable = true)]
    position: Option<u32>,
    #[schema(nullable = true)]
    ahead: Option<u32>,
    #[schema(nullable = true)]
    estimated_wait: Option<Span>,
    #[schema(nullable = true)]
    admitted_until: Option<Moment>,
}

/// How the rooms of a campaign's windows were shuffled.
#[derive(ToSchema)]
pub(crate) struct WaitingRoomAudit {
    /// Those that have opened, the latest first.
    rooms: Vec<AuditedRoom>,
}

/// How one room was shuffled.
#[derive(ToSchema)]
pub(crate) struct AuditedRoom {
    opens_at: Moment,
    /// SHA-256 over the seed's 32 bytes: it was shown before the opening.
    commitment: Hash,
    seed: Hash,
    entries: RoomEntries,
}

/// Who came before an opening.
#[derive(ToSchema)]
pub(crate) struct RoomEntries {
    count: u32,
    /// The chained hash over their ids, in the order of arrival.
    hash: Hash,
}

/// In what order, and how fast, people are let in.
#[derive(ToSchema)]
pub(crate) struct WaitingRoom {
    #[schema(minimum = 1, maximum = 1_000_000)]
    admit_per_second: u32,
    /// Default: 10m.
    #[schema(nullable = false)]
    opens_before: Option<Span>,
    /// Default: 2m.
    #[schema(nullable = false)]
    admitted_for: Option<Span>,
}
