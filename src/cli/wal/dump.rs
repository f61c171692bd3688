//! `landrush wal dump`: the log's records, one JSON object a line. Coupon codes are worth money and not in it; a claim is named
//! by its id.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use landrush_engine::codec::decode_event;
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Event};
use landrush_engine::id::{CampaignNumber, Serial};
use landrush_engine::keys::Keys;
use landrush_wal::lsn::Lsn;
use landrush_wal::store::ReadRecordsError;

use super::stats::kind;
use super::{Failure, open, unreadable};
use crate::http::json_text::JsonText;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The data directory.
    pub(in crate::cli) dir: PathBuf,
    /// The first record to print.
    #[arg(long, value_name = "LSN")]
    from: Option<u64>,
    /// The last record to print.
    #[arg(long, value_name = "LSN")]
    to: Option<u64>,
    /// Print the records of this campaign alone.
    #[arg(long, value_name = "ID")]
    campaign: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let reader = open(&arguments.dir)?;
    let keys = Keys::load(&arguments.dir).map_err(Failure::damaged)?;
    let mut printer = Printer {
        out: BufWriter::new(std::io::stdout().lock()),
        line: Vec::new(),
        codes: keys.as_ref().map(Codes::new),
        names: HashMap::new(),
        claims: HashMap::new(),
        first: Lsn(arguments.from.unwrap_or(0)),
        campaign: arguments.campaign.as_deref(),
    };
    let upto = Lsn(arguments.to.unwrap_or(u64::MAX));
    // From the start, whatever is printed: a campaign's name and the number of its claims come from the records before.
    let read = reader.records(reader.begins_after(), upto, &mut |lsn, record| printer.record(lsn, record));
    match read {
        Ok(_) => Ok(printer.out.flush()?),
        Err(ReadRecordsError::Visit(failure)) => Err(failure),
        Err(ReadRecordsError::Read(error)) => {
            printer.out.flush()?;
            Err(unreadable(&error))
        }
    }
}

struct Printer<'a, W> {
    out: W,
    line: Vec<u8>,
    codes: Option<Codes>,
    names: HashMap<CampaignNumber, String>,
    /// Claims seen, by campaign, where its creation was seen too: else serials are not known.
    claims: HashMap<CampaignNumber, u32>,
    first: Lsn,
    campaign: Option<&'a str>,
}

impl<W: Write> Printer<'_, W> {
    fn record(&mut self, lsn: Lsn, record: &[u8]) -> Result<(), Failure> {
        let event = decode_event(record).map_err(|error| Failure::Damaged(format!("record {lsn}: {error}")))?;
        if let Change::Created { definition, .. } = &event.change {
            self.names.insert(event.campaign, definition.id.as_str().to_owned());
            self.claims.insert(event.campaign, 0);
        }
        let serial = match (&event.change, self.claims.get_mut(&event.campaign)) {
            (Change::Claimed { .. }, Some(claims)) => {
                *claims += 1;
                Some(Serial(*claims - 1))
            }
            _ => None,
        };
        let name = self.names.get(&event.campaign).map(String::as_str);
        if lsn < self.first || self.campaign.is_some_and(|wanted| name != Some(wanted)) {
            return Ok(());
        }
        self.line.clear();
        let mut json = JsonText::object(&mut self.line);
        json.number("lsn", lsn.0);
        json.time("at", event.at);
        json.text("event", kind(&event.change));
        json.number("campaign", u64::from(event.campaign.0));
        json.optional_text("campaign_id", name);
        write_change(&event, serial, self.codes.as_ref(), &mut json);
        json.end();
        self.line.push(b'\n');
        Ok(self.out.write_all(&self.line)?)
    }
}

fn write_change(event: &Event<'_>, serial: Option<Serial>, codes: Option<&Codes>, json: &mut JsonText<'_>) {
    let claim = |serial: Serial, json: &mut JsonText<'_>| {
        json.number("claim", u64::from(serial.0));
        if let Some(codes) = codes {
            json.text("claim_id", codes.claim_id(event.campaign, serial).as_str());
        }
    };
    match &event.change {
        Change::Created { definition, .. } => {
            json.text("name", &definition.name);
            json.text("time_zone", &definition.time_zone);
            json.time("starts_at", definition.starts_at);
            json.time("ends_at", definition.ends_at);
            json.array("coupon_types", definition.coupon_types.iter(), |coupon_type, json| {
                json.text("id", coupon_type.id.as_str());
                json.number("total_quota", u64::from(coupon_type.total_quota));
                if let Some(quota) = coupon_type.daily_quota {
                    json.number("daily_quota", u64::from(quota));
                }
            });
        }
        Change::Patched { patch } => {
            json.optional_text("name", patch.name.as_deref());
            if let Some(ends_at) = patch.ends_at {
                json.time("ends_at", ends_at);
            }
            if let Some(accept) = patch.accept_claims {
                json.bool("accept_claims", accept);
            }
            if let Some(accept) = patch.accept_redemptions {
                json.bool("accept_redemptions", accept);
            }
            json.array("coupon_types", patch.coupon_types.iter(), |coupon_type, json| {
                json.number("coupon_type", u64::from(coupon_type.coupon_type.0));
                if let Some(quota) = coupon_type.total_quota {
                    json.number("total_quota", u64::from(quota));
                }
                match coupon_type.daily_quota {
                    Some(Some(quota)) => json.number("daily_quota", u64::from(quota)),
                    Some(None) => json.raw("daily_quota", b"null"),
                    None => {}
                }
            });
        }
        Change::Cancelled { revoke } => json.bool("revoke", *revoke),
        Change::Archived => {}
        Change::Claimed { day, coupon_type, user, key, requested } => {
            if let Some(serial) = serial {
                claim(serial, json);
            }
            json.text("user_id", user);
            json.number("coupon_type", u64::from(coupon_type.0));
            json.number("day", u64::from(day.0));
            json.optional_text("idempotency_key", *key);
            if requested.is_some() {
                json.bool("named", true);
            }
        }
        Change::Voided { claim: voided, restock, restock_today, allow_again } => {
            claim(*voided, json);
            json.bool("restock", *restock);
            json.bool("restock_today", *restock_today);
            json.bool("allow_again", *allow_again);
        }
    }
}
