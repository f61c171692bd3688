//! Owns how operators are told where a campaign's coupons went. What is counted, and how exactly, belongs to [`crate::fraud`].

use hyper::StatusCode;
use hyper::http::request::Parts;

use super::answer::Answer;
use super::claims;
use super::json_text::JsonText;
use super::lane::Lane;
use super::problem::Problem;
use super::query::Query;
use crate::app::Opened;
use crate::fraud::{Breakdown, EARLY, Report};

/// `GET /v1/campaigns/{id}/report/fraud`.
pub(crate) fn read(lane: &Lane, opened: &Opened, id: &str, parts: &Parts) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let campaign = claims::living(opened, id)?;
    let report = lane.app().fraud().report(campaign.number());
    let body = lane.body(|out| {
        let mut json = JsonText::object(out);
        json.text("campaign_id", campaign.definition().id.as_str());
        json.time("server_time", lane.now());
        write(&report, &mut json);
        json.end();
    });
    Ok(Answer::json(StatusCode::OK, body).with("cache-control", "private, no-store"))
}

fn write(report: &Report, json: &mut JsonText<'_>) {
    json.time("since", report.since);
    json.number("granted", report.granted);
    json.number("no_coupon", report.no_coupon);
    json.number("repeated", report.repeated);
    json.number("refused", report.refused);
    json.nested("early", |json| {
        json.number("within_ms", u64::try_from(EARLY.as_millis()).expect("short"));
        json.number("granted", report.granted_early);
        json.number("refused", report.refused_early);
    });
    json.nested("gate_refused", |json| {
        report.gate_refused.iter().for_each(|(reason, count)| json.number(reason.name(), *count));
    });
    json.array("by", report.by.iter(), write_breakdown);
}

fn write_breakdown(by: &Breakdown, json: &mut JsonText<'_>) {
    json.text("kind", by.kind.name());
    json.number("distinct", by.distinct);
    json.number("granted", by.granted);
    json.number("refused", by.refused);
    json.number("granted_error", by.granted_error);
    json.number("refused_error", by.refused_error);
    write_share("top_share", by.top_share, json);
    write_share("even_share", by.even_share, json);
    json.array("top", by.top.iter(), |line, json| {
        json.text("name", &line.name);
        json.number("granted", line.granted);
        json.number("refused", line.refused);
        write_share("share", line.share, json);
    });
}

/// To a hundredth of a percent.
fn write_share(name: &str, share: f64, json: &mut JsonText<'_>) {
    json.raw(name, format!("{share:.4}").as_bytes());
}
