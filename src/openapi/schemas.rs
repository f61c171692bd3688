//! Owns the shapes of bodies and answers, as types that are never made: the handlers read and write JSON by hand, for speed. That
//! they agree with these is tested against the running server.

#![expect(dead_code, reason = "shapes for the document alone")]
#![allow(unused_qualifications, reason = "the derive writes whole paths")]

pub(crate) mod campaign;
pub(crate) mod checkout;
pub(crate) mod claim;
pub(crate) mod fraud;
pub(crate) mod protection;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::http::problem::Code;

macro_rules! text_schemas {
    ($($(#[doc = $doc:literal])+ $name:ident = |$builder:ident| $build:expr;)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let $builder = ObjectBuilder::new().schema_type(Type::String).description(Some(concat!($($doc),+).trim()));
                $build.into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

/// A schema of the words of a contract's table.
pub(crate) fn words<T>(builder: ObjectBuilder, table: &[(&'static str, T)]) -> ObjectBuilder {
    builder.enum_values(Some(table.iter().map(|(word, _)| *word)))
}

macro_rules! one_of_schemas {
    ($($(#[doc = $doc:literal])+ $name:ident = [$($item:ident),+];)+) => {$(
        $(#[doc = $doc])+
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let one_of = OneOfBuilder::new().description(Some(concat!($($doc),+).trim()));
                one_of$(.item(Ref::from_schema_name(<$item as ToSchema>::name())))+.into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

pub(crate) use {one_of_schemas, text_schemas};

text_schemas! {
    /// A moment: RFC 3339, in UTC, to the millisecond.
    Moment = |text| text.format(Some(utoipa::openapi::SchemaFormat::KnownFormat(utoipa::openapi::KnownFormat::DateTime)));
    /// A span of time.
    Span = |text| text.pattern(Some("^([0-9]+(ms|s|m|h|d|w))+$")).min_length(Some(2)).examples(["5m", "1h30m", "30d"]);
    /// An id that the caller chooses.
    Identifier = |text| text.pattern(Some("^[a-z0-9][a-z0-9-]{0,63}$"));
    /// Whom the shop knows by it: 1 to 128 bytes of UTF-8 without control characters.
    UserId = |text| text.min_length(Some(1)).max_length(Some(128)).pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]+$"));
    /// The shop's own order number: 1 to 128 bytes of UTF-8 without control characters.
    OrderId = |text| text.min_length(Some(1)).max_length(Some(128)).pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]+$"));
    /// A phone number with its country code, spaced as people do; answered in E.164.
    Phone = |text| text.min_length(Some(4)).max_length(Some(40)).examples(["+65 9123 4567"]);
    /// A name for people: 1 to 200 characters, no control characters.
    DisplayName = |text| text.min_length(Some(1)).max_length(Some(200)).pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]+$"));
    /// An id that the server made.
    ServerId = |text| text.min_length(Some(1)).max_length(Some(64));
    /// A coupon's code: of generated ones, case, dashes and spaces do not matter.
    CouponCode = |text| text.min_length(Some(1)).max_length(Some(128));
    /// Why a request was refused; stable, to be matched on.
    ProblemCode = |text| text.enum_values(Some(names()));
}

/// The names of all codes, each once.
fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = Vec::new();
    for code in Code::ALL {
        if !names.contains(&code.name()) {
            names.push(code.name());
        }
    }
    names
}

/// A refusal (RFC 9457).
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// `urn:landrush:problem:` and the code.
    r#type: String,
    /// What the code means, for people.
    title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is the matter this time, for people.
    detail: String,
    code: ProblemCode,
    /// With `not_open`: when the campaign opens.
    #[schema(nullable = false)]
    opens_at: Option<Moment>,
    /// With `daily_sold_out`: when the daily quota begins anew.
    #[schema(nullable = false)]
    resets_at: Option<Moment>,
    /// With 429, 503 and `not_open`: after how many milliseconds to ask again, spread so that clients do not come all at once.
    #[schema(nullable = false)]
    retry_after_ms: Option<u64>,
    /// With `invalid_request`: what is wrong, field by field.
    #[schema(nullable = false)]
    errors: Option<Vec<Fault>>,
}

/// What is wrong with a field.
#[derive(ToSchema)]
pub(crate) struct Fault {
    /// A JSON Pointer into the body; for what is no part of it, the name and, in `detail`, the place.
    pointer: String,
    /// What is wrong, for people.
    detail: String,
}

/// Whether the process lives.
#[derive(ToSchema)]
pub(crate) struct Health {
    /// `ok`, or `ready`.
    status: String,
}

/// The server's time.
#[derive(ToSchema)]
pub(crate) struct ServerTime {
    server_time: Moment,
}

/// An OpenAPI document.
#[derive(ToSchema)]
pub(crate) struct Document {
    openapi: String,
    #[schema(value_type = Object)]
    info: serde_json::Value,
    #[schema(value_type = Object)]
    paths: serde_json::Value,
}

/// No members; the body may be left out too.
#[derive(ToSchema)]
pub(crate) struct Nothing {}
