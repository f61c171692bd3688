//! `landrush wal dump`: the log's records, one JSON object a line. Coupon codes are worth money and not in it unless they are asked
//! for; a claim is named by its id.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use clap::Args;
use landrush_engine::codec::decode_event;
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Event};
use landrush_engine::id::{CampaignNumber, Serial};
use landrush_engine::keys::Keys;
use landrush_engine::unsound::Unsound;
use landrush_wal::lsn::Lsn;

use super::Failure;
use super::campaigns::{Known, known_before};
use super::event_json::{Names, kind};
use super::reading::{Log, numbered, steadily};
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
    /// Print coupon codes too. They are worth money: mind where the output goes.
    #[arg(long)]
    codes: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let codes = Keys::load(&arguments.dir).map_err(Failure::Keys)?.as_ref().map(Codes::new);
    if arguments.codes && codes.is_none() {
        return Err(Failure::Usage(format!(
            "without the keys in {} no code is known; restore them from a backup",
            arguments.dir.join(Keys::DIRECTORY).display()
        )));
    }
    let mut printer = Printer {
        out: BufWriter::new(std::io::stdout().lock()),
        line: Vec::new(),
        codes,
        arguments,
        campaigns: HashMap::new(),
        last: Lsn::ZERO,
    };
    let printed = printer.print_all(&arguments.dir);
    // What was read before a failure is worth having.
    printer.out.flush()?;
    printed?;
    match &arguments.campaign {
        Some(wanted) if !printer.campaigns.values().any(|campaign| campaign.id == *wanted) => {
            Err(Failure::Usage(format!("the log knows no campaign {wanted}")))
        }
        Some(_) | None => Ok(()),
    }
}

struct Printer<'a, W> {
    out: W,
    line: Vec<u8>,
    codes: Option<Codes>,
    arguments: &'a Arguments,
    campaigns: HashMap<CampaignNumber, Known>,
    /// The last record visited.
    last: Lsn,
}

impl<W: Write> Printer<'_, W> {
    /// Prints the log, also if a server removes its oldest segments meanwhile: then what is gone is left out, and said.
    fn print_all(&mut self, dir: &Path) -> Result<(), Failure> {
        let upto = Lsn(self.arguments.to.unwrap_or(u64::MAX));
        steadily(|| {
            let log = Log::open(dir)?;
            let begins_after = log.reader.begins_after();
            if begins_after > self.last {
                if self.last > Lsn::ZERO {
                    let (from, to) = (self.last.0 + 1, begins_after);
                    drop(writeln!(
                        std::io::stderr(),
                        "landrush: records {from} to {to} were removed meanwhile: a snapshot holds them"
                    ));
                }
                self.campaigns = known_before(&log)?;
                self.last = begins_after;
            }
            log.frames(self.last, "reading the log", &mut |segment, frame| {
                for (lsn, record) in numbered(frame) {
                    if lsn > upto {
                        return Ok(ControlFlow::Break(()));
                    }
                    if lsn > self.last {
                        self.record(lsn, record, &segment.name, frame.offset)?;
                        self.last = lsn;
                    }
                }
                Ok::<_, Failure>(ControlFlow::Continue(()))
            })?;
            Ok(())
        })
    }

    fn record(&mut self, lsn: Lsn, record: &[u8], segment: &str, offset: u64) -> Result<(), Failure> {
        let event = decode_event(record).map_err(|cause| Unsound::Undecodable { lsn, cause })?;
        let serial = self.take(&event);
        let known = self.campaigns.get(&event.campaign);
        let id = known.map(|known| known.id.as_str());
        let Arguments { from, campaign, codes: show_codes, .. } = self.arguments;
        if from.is_some_and(|from| lsn < Lsn(from)) || campaign.as_deref().is_some_and(|wanted| id != Some(wanted)) {
            return Ok(());
        }
        let names = Names {
            codes: self.codes.as_ref(),
            show_codes: *show_codes,
            coupon_types: known.map_or(&[], |known| &known.coupon_types),
            campaign: event.campaign,
        };
        self.line.clear();
        let mut json = JsonText::object(&mut self.line);
        json.number("lsn", lsn.0);
        json.text("segment", segment);
        json.number("offset", offset);
        json.time("at", event.at);
        json.text("event", kind(&event.change));
        json.number("campaign", u64::from(event.campaign.0));
        json.optional_text("campaign_id", id);
        names.change(&event.change, serial, &mut json);
        json.end();
        self.line.push(b'\n');
        Ok(self.out.write_all(&self.line)?)
    }

    /// Remembers what later records are to be read with, and gives the serial of a new claim.
    fn take(&mut self, event: &Event<'_>) -> Option<Serial> {
        if let Change::Created { definition, .. } = &event.change {
            self.campaigns.insert(event.campaign, Known::new(definition, Some(0)));
        }
        let claims = &mut self.campaigns.get_mut(&event.campaign)?.claims;
        let serial = (*claims).filter(|_| event.change.is_grant()).map(Serial);
        if let Some(serial) = serial {
            *claims = serial.0.checked_add(1);
        }
        serial
    }
}
