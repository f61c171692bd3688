//! How `landrush wal replay` shows a campaign: tables for people, lines for programs.

use std::io::{IsTerminal, Write};

use comfy_table::Table;
use landrush_engine::audit::CampaignAudit;

use crate::cli::wal::event_json::date;
use crate::cli::wal::{Failure, counted};
use crate::http::json_text::JsonText;

/// A campaign's tables, and the promises that were broken.
pub(super) fn tables(campaign: &CampaignAudit, out: &mut impl Write) -> Result<(), Failure> {
    write!(out, "\ncampaign {} (number {}), {} claims granted", campaign.id, campaign.number.0, campaign.claims)?;
    if campaign.redemptions > 0 {
        write!(out, ", {}", counted(campaign.redemptions.into(), "redemption"))?;
    }
    if campaign.recomputed > 0 {
        write!(out, ", {} computed again from the seed", campaign.recomputed)?;
    }
    writeln!(out)?;
    if campaign.archived {
        writeln!(out, "archived: its claims are in the export")?;
        return Ok(());
    }
    let mut types = table();
    types.set_header(["coupon type", "total quota", "issued", "remaining", "voided", "redeemed", "expired"]);
    for coupon_type in &campaign.coupon_types {
        types.add_row([
            coupon_type.id.to_string(),
            coupon_type.total_quota.to_string(),
            coupon_type.issued.to_string(),
            coupon_type.remaining.to_string(),
            coupon_type.voided.to_string(),
            coupon_type.redeemed.to_string(),
            coupon_type.expired.to_string(),
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

/// The same as one line of JSON.
pub(super) fn json(campaign: &CampaignAudit, out: &mut impl Write) -> Result<(), Failure> {
    let mut line = Vec::new();
    let mut json = JsonText::object(&mut line);
    json.text("campaign_id", campaign.id.as_str());
    json.number("campaign", u64::from(campaign.number.0));
    json.bool("archived", campaign.archived);
    json.number("claims", u64::from(campaign.claims));
    json.number("redemptions", u64::from(campaign.redemptions));
    json.number("recomputed", u64::from(campaign.recomputed));
    json.array("coupon_types", campaign.coupon_types.iter(), |coupon_type, json| {
        json.text("id", coupon_type.id.as_str());
        json.number("total_quota", u64::from(coupon_type.total_quota));
        json.number("issued", u64::from(coupon_type.issued));
        json.number("remaining", u64::from(coupon_type.remaining));
        json.number("voided", u64::from(coupon_type.voided));
        json.number("redeemed", u64::from(coupon_type.redeemed));
        json.number("expired", u64::from(coupon_type.expired));
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
