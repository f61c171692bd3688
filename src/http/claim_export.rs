//! Owns the export of what a campaign has issued, in one answer: CSV or a JSON object a line, written as fast as the client
//! takes it, a page of the shard's at a time.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::ACCEPT;
use hyper::http::request::Parts;
use landrush_engine::command::{CLAIMS_PAGE_MAX, Command};
use landrush_engine::outcome::{ClaimItem, ClaimView};
use landrush_engine::published::Published;
use tokio::sync::mpsc::{Sender, channel};

use super::answer::Answer;
use super::lane::Lane;
use super::problem::Problem;
use super::query::Query;
use super::{claim_json, claims};
use crate::app::Opened;
use crate::text;

/// The columns of the CSV.
pub(crate) const COLUMNS: [&str; 7] =
    ["claim_id", "user_id", "coupon_type", "code", "state", "decided_at", "expires_at"];

/// Pages that wait for the client to take them.
const PAGES_WAITING_MAX: usize = 2;

/// How claims are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A line of column names, then a line a claim.
    Csv,
    /// The JSON of a claim, one a line.
    Ndjson,
}

impl Format {
    /// What the client asks for by `Accept`; `None`: pages of JSON.
    pub(crate) fn asked(parts: &Parts) -> Option<Self> {
        let accepts = parts.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut ranges = accepts.flat_map(|value| value.split(','));
        ranges.find_map(|range| match range.split(';').next().unwrap_or_default().trim() {
            "text/csv" => Some(Format::Csv),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Some(Format::Ndjson),
            _ => None,
        })
    }

    fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Ndjson => "application/x-ndjson",
        }
    }
}

/// `GET /v1/campaigns/{id}/claims` with `Accept: text/csv` or `application/x-ndjson`.
pub(crate) fn stream(
    lane: &Rc<Lane>,
    opened: &Opened,
    id: &str,
    format: Format,
    parts: &Parts,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let campaign = claims::living(opened, id)?;
    let (to_client, pages) = channel(PAGES_WAITING_MAX);
    let lane = Rc::clone(lane);
    // Ends when all is written, when the client has gone, or when a page cannot be had.
    drop(tokio::task::spawn_local(async move {
        if let Err(problem) = write(&lane, &campaign, format, &to_client).await {
            tracing::warn!(campaign = %campaign.definition().id, code = problem.code.name(), "an export broke off");
            drop(to_client.send(Err(io::Error::other(problem.code.name()))).await);
        }
    }));
    Ok(Answer::stream(StatusCode::OK, format.media_type(), pages))
}

async fn write(
    lane: &Lane,
    campaign: &Arc<Published>,
    format: Format,
    to_client: &Sender<io::Result<Bytes>>,
) -> Result<(), Problem> {
    let opened = super::opened(lane)?;
    let mut after = None;
    let mut is_first = true;
    loop {
        let command = Command::Claims { campaign: campaign.number(), after, limit: CLAIMS_PAGE_MAX };
        let (items, more) = claims::page(lane, opened, campaign, command).await?;
        after = items.last().map(|item| item.claim.serial).or(after);
        let page = match format {
            Format::Csv => csv(&items, is_first, campaign, opened),
            Format::Ndjson => ndjson(&items, campaign, opened),
        };
        is_first = false;
        if !page.is_empty() && to_client.send(Ok(page.into())).await.is_err() {
            return Ok(());
        }
        if !more {
            return Ok(());
        }
    }
}

fn ndjson(items: &[ClaimItem], campaign: &Published, opened: &Opened) -> Vec<u8> {
    let mut lines = Vec::new();
    for item in claims::issued(items) {
        claims::write_line(&item.claim, item.user.as_str(), campaign, opened, &mut lines);
    }
    lines
}

/// The data as it is: nothing is changed for spreadsheets that take text for formulas.
fn csv(items: &[ClaimItem], is_first: bool, campaign: &Published, opened: &Opened) -> Vec<u8> {
    let definition = campaign.definition();
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = (|| {
        if is_first {
            writer.write_record(COLUMNS)?;
        }
        for ClaimItem { user, claim } in claims::issued(items) {
            let coupon = claim.coupon.as_ref().expect("it was issued");
            let ClaimView { campaign, serial, decided_at, .. } = *claim;
            let code = claim_json::code(claim, coupon, opened);
            writer.write_record([
                opened.engine.codes().claim_id(campaign, serial).as_str(),
                user.as_str(),
                claim_json::type_id(&definition, coupon.coupon_type),
                code.as_deref().unwrap_or_default(),
                claim_json::state(coupon.state),
                &text::rfc3339_string(decided_at),
                &coupon.expires_at.map(text::rfc3339_string).unwrap_or_default(),
            ])?;
        }
        Ok::<(), csv::Error>(())
    })();
    written.expect("rows of one length go into memory");
    writer.into_inner().expect("memory takes all")
}
