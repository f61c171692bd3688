//! `landrush wal replay`: rebuilds the state from the oldest kept snapshot, or from nothing, says what was issued, and checks
//! every promise on the claims themselves.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use comfy_table::Table;
use landrush_engine::audit::{Audit, CampaignAudit};
use landrush_engine::coupon::Codes;
use landrush_engine::keys::Keys;
use landrush_engine::snapshot::rebuild_state;
use landrush_engine::time::Day;
use landrush_wal::lsn::Lsn;

use super::history::StoredHistory;
use super::{Failure, open, progress_bar};
use crate::http::json_text::JsonText;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The data directory.
    pub(in crate::cli) dir: PathBuf,
    /// Print one JSON object a campaign instead of tables.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let reader = open(&arguments.dir)?;
    let keys = Keys::load(&arguments.dir).map_err(Failure::damaged)?.ok_or_else(|| {
        Failure::Damaged(String::from(
            "the folder `keys` is missing or not whole; without the keys no code can be checked",
        ))
    })?;
    let snapshots = reader.snapshots().map_err(Failure::damaged)?;
    let history = StoredHistory { reader: &reader, snapshot: snapshots.last(), upto: Lsn(u64::MAX) };
    let bytes: u64 = reader.segments().iter().map(|segment| segment.bytes).sum();
    let bar = progress_bar(bytes, "replaying the log");
    let state = rebuild_state(&history, &keys)?;
    bar.set_message("checking every claim");
    let audit = Audit::of(&state, &Codes::new(&keys));
    bar.finish_and_clear();

    let mut out = std::io::stdout().lock();
    if !arguments.json {
        match snapshots.last() {
            Some(snapshot) => {
                writeln!(out, "from {} (record {}) and the log behind it", snapshot.name, snapshot.last_lsn)?
            }
            None => writeln!(out, "from the log alone")?,
        }
    }
    for campaign in &audit.campaigns {
        if arguments.json { print_json(campaign, &mut out)? } else { print(campaign, &mut out)? }
    }
    let broken: u64 = audit.campaigns.iter().map(|campaign| campaign.violation_count).sum();
    if broken > 0 {
        return Err(Failure::Damaged(format!("{broken} promises are broken; they are listed with their campaigns")));
    }
    if !arguments.json {
        writeln!(out, "\nevery promise is kept: no type over its quota, nobody over the limit, no code twice")?;
    }
    Ok(())
}

fn print(campaign: &CampaignAudit, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "\ncampaign {} (number {}), {} claims granted", campaign.id, campaign.number.0, campaign.claims)?;
    if campaign.archived {
        writeln!(out, "archived: its claims are in the export")?;
        return Ok(());
    }
    let mut types = table();
    types.set_header(["coupon type", "total quota", "issued", "remaining", "voided"]);
    for coupon_type in &campaign.coupon_types {
        types.add_row([
            coupon_type.id.to_string(),
            coupon_type.total_quota.to_string(),
            coupon_type.issued.to_string(),
            coupon_type.remaining.to_string(),
            coupon_type.voided.to_string(),
        ]);
    }
    writeln!(out, "{}", types.trim_fmt())?;
    if !campaign.days.is_empty() {
        let mut days = table();
        let names = campaign.coupon_types.iter().map(|coupon_type| coupon_type.id.to_string());
        days.set_header(std::iter::once(String::from("day")).chain(names));
        for day in &campaign.days {
            days.add_row(std::iter::once(date(day.day)).chain(day.issued.iter().map(u32::to_string)));
        }
        writeln!(out, "{}", days.trim_fmt())?;
    }
    for violation in &campaign.violations {
        writeln!(out, "BROKEN: {violation}")?;
    }
    let unlisted = campaign.violation_count.saturating_sub(campaign.violations.len() as u64);
    if unlisted > 0 {
        writeln!(out, "BROKEN: {unlisted} more")?;
    }
    Ok(())
}

/// Lines between cells for people, none for programs.
fn table() -> Table {
    let mut table = Table::new();
    if std::io::stdout().is_terminal() {
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
    } else {
        table.load_style(comfy_table::presets::NOTHING);
    }
    table
}

fn print_json(campaign: &CampaignAudit, out: &mut impl Write) -> Result<(), Failure> {
    let mut line = Vec::new();
    let mut json = JsonText::object(&mut line);
    json.text("campaign_id", campaign.id.as_str());
    json.number("campaign", u64::from(campaign.number.0));
    json.bool("archived", campaign.archived);
    json.number("claims", u64::from(campaign.claims));
    json.array("coupon_types", campaign.coupon_types.iter(), |coupon_type, json| {
        json.text("id", coupon_type.id.as_str());
        json.number("total_quota", u64::from(coupon_type.total_quota));
        json.number("issued", u64::from(coupon_type.issued));
        json.number("remaining", u64::from(coupon_type.remaining));
        json.number("voided", u64::from(coupon_type.voided));
    });
    json.array("days", campaign.days.iter(), |day, json| {
        json.text("day", &date(day.day));
        let names = campaign.coupon_types.iter().map(|coupon_type| coupon_type.id.as_str());
        json.nested("issued", |json| {
            names.zip(&day.issued).for_each(|(name, count)| json.number(name, u64::from(*count)))
        });
    });
    json.array("violations", campaign.violations.iter(), |violation, json| json.text("what", &violation.to_string()));
    json.number("violation_count", campaign.violation_count);
    json.end();
    line.push(b'\n');
    Ok(out.write_all(&line)?)
}

fn date(day: Day) -> String {
    let days = i32::try_from(day.0).unwrap_or(i32::MAX);
    jiff::civil::date(1970, 1, 1)
        .checked_add(jiff::Span::new().days(days))
        .map_or_else(|_| format!("day {days}"), |date| date.to_string())
}
