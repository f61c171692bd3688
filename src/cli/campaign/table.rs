//! Owns how campaigns look to people: tables, with times as the campaign's own zone has them.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};
use jiff::Timestamp;

use super::document::{Availability, Campaign, Limit, Schedule};

/// The least width of a column that may be broken, with its padding: a date, or a time and its offset, stay whole.
const BROKEN_WIDTH_MIN: u16 = 14;

/// Writes a table of all campaigns.
pub(super) fn list(campaigns: &[Campaign], out: &mut dyn Write) -> io::Result<()> {
    let mut table = table(io::stdout().is_terminal());
    table.set_header(["id", "name", "mode", "state", "starts", "ends", "issued", "left"]);
    for campaign in campaigns {
        let zone = &campaign.time_zone;
        table.add_row([
            campaign.id.clone(),
            campaign.name.clone(),
            campaign.mode.clone(),
            campaign.state.clone(),
            moment(&campaign.schedule.starts_at, zone),
            moment(&campaign.schedule.ends_at, zone),
            or_dash(campaign.issued()),
            or_dash(campaign.remaining()),
        ]);
    }
    keep_whole_but(&[4, 5], &mut table);
    writeln!(out, "{}", table.trim_fmt())
}

/// Writes what a campaign is and does, and the table of its coupon types.
pub(super) fn campaign(campaign: &Campaign, out: &mut dyn Write) -> io::Result<()> {
    let zone = &campaign.time_zone;
    writeln!(out, "{}: {}", campaign.id, campaign.name)?;
    writeln!(out, "state       {}", state(campaign))?;
    writeln!(out, "mode        {}, {}", campaign.mode, limit(&campaign.limit, campaign.phone_required))?;
    writeln!(out, "schedule    {} ({zone})", schedule(&campaign.schedule, zone))?;
    if campaign.schedule.windows.is_some()
        && let (Some(opens_at), Some(closes_at)) = (&campaign.opens_at, &campaign.closes_at)
    {
        writeln!(out, "window      {} to {}", moment(opens_at, zone), moment(closes_at, zone))?;
    }
    if let Some(fairness) = &campaign.fairness {
        writeln!(out, "commitment  {}", fairness.commitment)?;
        writeln!(out, "seed        {}", fairness.seed.as_deref().unwrap_or("told when it is over"))?;
    }
    writeln!(out, "{}", types(campaign).trim_fmt())
}

/// Columns that no type of the campaign has anything for are left out.
fn types(campaign: &Campaign) -> Table {
    let types = &campaign.coupon_types;
    let has_days = types.iter().any(|coupon_type| coupon_type.daily_quota.is_some());
    let has_odds = types.iter().any(|coupon_type| coupon_type.probability.is_some());
    let mut table = table(io::stdout().is_terminal());
    let mut header = vec!["coupon type", "name", "quota", "issued", "left"];
    if has_days {
        header.extend(["daily quota", "left today"]);
    }
    if has_odds {
        header.push("probability");
    }
    header.push("valid for");
    table.set_header(header);
    for coupon_type in types {
        let mut row = vec![
            coupon_type.id.clone(),
            coupon_type.name.clone(),
            coupon_type.total_quota.to_string(),
            or_dash(coupon_type.issued),
            or_dash(coupon_type.remaining),
        ];
        if has_days {
            row.extend([or_dash(coupon_type.daily_quota), or_dash(coupon_type.remaining_today)]);
        }
        if has_odds {
            row.push(or_dash(coupon_type.probability));
        }
        row.push(coupon_type.valid_for.clone().unwrap_or_else(|| String::from("ever")));
        table.add_row(row);
    }
    keep_whole_but(&[], &mut table);
    table
}

/// What is left of a campaign, for a terminal: redrawn by `watch`.
pub(super) fn availability(availability: &Availability) -> String {
    let mut table = table(true);
    table.set_header(["coupon type", "name", "left", "left today"]);
    for left in &availability.coupon_types {
        let (remaining, today) = (left.remaining.to_string(), left.remaining_today.to_string());
        table.add_row([left.id.clone(), left.name.clone(), remaining, today]);
    }
    keep_whole_but(&[], &mut table);
    let Availability { campaign_id, state, server_time, opens_at, closes_at, .. } = availability;
    let from = opens_at.as_deref().unwrap_or("-");
    let to = closes_at.as_deref().unwrap_or("-");
    format!("{campaign_id}: {state} since the change at {server_time}\nopen {from} to {to}\n{}\n", table.trim_fmt())
}

/// The same as a line, for a pipe.
pub(super) fn availability_line(availability: &Availability) -> String {
    let mut line = format!("{} {}", availability.server_time, availability.state);
    for left in &availability.coupon_types {
        line += &format!("  {} {} ({} today)", left.id, left.remaining, left.remaining_today);
    }
    line
}

/// How many characters a line of the terminal holds, if there is one.
pub(super) fn terminal_width() -> Option<u16> {
    Table::new().width()
}

fn state(campaign: &Campaign) -> String {
    let mut text = campaign.state.clone();
    if let Some(at) = &campaign.cancelled_at {
        text = text + ", at " + &moment(at, &campaign.time_zone);
    }
    if campaign.revoked == Some(true) {
        text += ", its coupons revoked";
    }
    if campaign.accept_redemptions == Some(false) {
        text += ", redemption paused";
    }
    text
}

fn limit(limit: &Limit, phone_required: bool) -> String {
    let Limit { max, per, by } = limit;
    let phone = if phone_required { ", phone required" } else { "" };
    format!("at most {max} per {per} and {by}{phone}")
}

fn schedule(schedule: &Schedule, zone: &str) -> String {
    let span = format!("{} to {}", moment(&schedule.starts_at, zone), moment(&schedule.ends_at, zone));
    match &schedule.windows {
        Some(windows) => {
            let days = windows.days.as_ref().map_or_else(|| String::from("every day"), |days| days.join(" "));
            format!("{span}, {days} at {} for {}", windows.at.join(" "), windows.duration)
        }
        None => span,
    }
}

/// A moment by the clocks of `zone`, to the minute; as it came, if either is not understood.
fn moment(text: &str, zone: &str) -> String {
    let zoned = text.parse::<Timestamp>().and_then(|moment| moment.in_tz(zone));
    zoned.map_or_else(|_| text.to_owned(), |zoned| zoned.strftime("%Y-%m-%d %H:%M %:z").to_string())
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| String::from("-"), |value| value.to_string())
}

/// Lets only names, the second column, and the columns `breakable` be broken where a terminal is narrow, and not into slivers:
/// ids and counts are read as one.
fn keep_whole_but(breakable: &[usize], table: &mut Table) {
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_constraint(if place == 1 || breakable.contains(&place) {
            ColumnConstraint::LowerBoundary(Width::Fixed(BROKEN_WIDTH_MIN))
        } else {
            ColumnConstraint::ContentWidth
        });
    }
}

/// Lines between cells and cells that fit for people, none and whole ones for programs.
fn table(is_terminal: bool) -> Table {
    let mut table = Table::new();
    if is_terminal {
        table.load_style(comfy_table::presets::UTF8_FULL_CONDENSED);
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.load_style(comfy_table::presets::NOTHING);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_told_by_the_clocks_of_the_campaign() {
        assert_eq!(moment("2030-03-01T02:00:00.000Z", "Asia/Singapore"), "2030-03-01 10:00 +08:00");
        assert_eq!(moment("2030-07-01T00:00:00.000Z", "Europe/Berlin"), "2030-07-01 02:00 +02:00");
        assert_eq!(moment("soon", "Asia/Singapore"), "soon");
        assert_eq!(moment("2030-03-01T02:00:00.000Z", "Mars/Olympus"), "2030-03-01T02:00:00.000Z");
    }

    #[test]
    fn whatever_a_campaign_has_is_shown() {
        let draw = r#"{
            "id": "lucky", "name": "Lucky draw", "state": "cancelled", "time_zone": "UTC", "mode": "draw",
            "schedule": {"starts_at": "2030-03-01T02:00:00.000Z", "ends_at": "2030-03-02T02:00:00.000Z",
                         "windows": {"at": ["10:00", "15:00"], "days": ["mon"], "duration": "5m"}},
            "opens_at": null, "closes_at": null, "limit": {"max": 1, "per": "day", "by": "phone"},
            "phone_required": true, "cancelled_at": "2030-03-01T03:00:00.000Z", "revoked": true,
            "fairness": {"commitment": "c0ffee", "seed": null}, "something_new": 1,
            "coupon_types": [{"id": "a", "name": "A", "total_quota": 5, "daily_quota": null, "probability": 0.000000001}]
        }"#;
        let mut out = Vec::new();
        campaign(&serde_json::from_str(draw).expect("a campaign"), &mut out).expect("written");
        let text = String::from_utf8(out).expect("UTF-8");
        for part in [
            "cancelled, at 2030-03-01 03:00 +00:00, its coupons revoked",
            "draw, at most 1 per day and phone, phone required",
            "mon at 10:00 15:00 for 5m",
            "commitment  c0ffee",
            "told when it is over",
            "0.000000001",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert!(!text.contains("daily"), "{text}");
    }

    #[test]
    fn what_is_left_is_a_table_or_a_line() {
        let bucketed = r#"{"campaign_id": "sale", "state": "open", "server_time": "2030-03-01T02:00:00.000Z",
            "opens_at": null, "closes_at": "2030-03-02T02:00:00.000Z", "resets_at": null, "coupon_types": [
            {"id": "a", "name": "A", "remaining": "plenty", "remaining_today": "none"},
            {"id": "b", "name": "B", "remaining": 7, "remaining_today": 2}]}"#;
        let bucketed: Availability = serde_json::from_str(bucketed).expect("availability");
        let line = availability_line(&bucketed);
        assert_eq!(line, "2030-03-01T02:00:00.000Z open  a plenty (none today)  b 7 (2 today)");
        let table = availability(&bucketed);
        assert!(table.contains("plenty") && table.contains("open - to 2030-03-02"), "{table}");
    }
}
