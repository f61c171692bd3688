//! `landrush draw check`: one result from public facts alone, without a server or its log.

use std::io::Write;

use clap::Args;
use landrush_engine::fairness::hex;
use landrush_engine::fairness::{DrawPlace, ENTRIES_MAX, LotteryKey, Odds, Probability, Seed, rank};
use landrush_engine::id::{CampaignId, CouponTypeId, TypeIndex, UserId};

use super::Failure;
use crate::http::json_text::JsonText;
use crate::text::{parse_rfc3339, rfc3339_string};

/// Both ways to ask, each whole.
const USAGE: &str = "\
landrush draw check --seed <HEX> --campaign <ID> --user <ID> --period <TEXT> --n <N> --odds <DECIMALS>
                           [--types <IDS>] [--json]
       landrush draw check --seed <HEX> --entries-hash <HEX> --count <N> --number <K> [--json]";

#[derive(Debug, Args)]
#[command(override_usage = USAGE)]
pub(in crate::cli) struct Arguments {
    /// The campaign's seed, as it is published when the campaign is over.
    #[arg(long, value_name = "HEX", value_parser = Seed::from_hex)]
    seed: Seed,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    draw: Option<DrawFacts>,
    #[command(flatten)]
    entry: Option<EntryFacts>,
}

// That the arguments of one question go together is said by its group: they are not required when the other is asked.

/// Which draw, and the odds.
#[derive(Debug, Args)]
#[group(conflicts_with = "EntryFacts", requires_all = ["campaign", "user", "period", "n", "odds"])]
#[command(next_help_heading = "A draw")]
struct DrawFacts {
    /// The campaign's id.
    #[arg(long, required = false, value_name = "ID", value_parser = CampaignId::new)]
    campaign: CampaignId,
    /// The person's id.
    #[arg(long, required = false, value_name = "ID", value_parser = UserId::new)]
    user: UserId,
    /// What the person's limit is per: `campaign`, a day as 2026-12-01, or the opening moment of a window as
    /// 2026-12-01T02:00:00.000Z.
    #[arg(long, required = false, value_name = "TEXT", value_parser = parse_period)]
    period: String,
    /// Which of the person's draws in the period, from 1.
    #[arg(id = "n", long = "n", required = false, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
    /// The probabilities of the coupon types in listed order: 0.1,0.25.
    #[arg(long, required = false, value_name = "DECIMALS", value_delimiter = ',')]
    odds: Vec<Probability>,
    /// The ids of the coupon types in the same order: cash-5,cash-9.
    #[arg(long, value_name = "IDS", value_delimiter = ',', value_parser = CouponTypeId::new)]
    types: Vec<CouponTypeId>,
}

/// Which entry of which lottery.
#[derive(Debug, Args)]
#[group(requires_all = ["entries_hash", "count", "number"])]
#[command(next_help_heading = "A lottery")]
struct EntryFacts {
    /// The hash of the entries, as the campaign shows it.
    #[arg(long, required = false, value_name = "HEX", value_parser = hex::parse)]
    entries_hash: [u8; 32],
    /// How many entries there are.
    #[arg(long, required = false, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(ENTRIES_MAX)))]
    count: u32,
    /// The number of the entry, from 1.
    #[arg(long, required = false, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    number: u32,
}

/// What was computed.
enum Checked<'a> {
    Draw { draw: &'a DrawFacts, point: u32, sampled: Option<TypeIndex> },
    Entry { entry: &'a EntryFacts, rank: u32 },
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let checked = match (&arguments.draw, &arguments.entry) {
        (Some(draw), None) => draw.check(&arguments.seed)?,
        (None, Some(entry)) => entry.check(&arguments.seed)?,
        (None, None) | (Some(_), Some(_)) => {
            return Err(Failure::Usage(String::from(
                "say which result to check: a draw's, with --campaign, --user, --period, --n and --odds, or a lottery's, \
                 with --entries-hash, --count and --number",
            )));
        }
    };
    let commitment = arguments.seed.commitment().to_string();
    let mut out = std::io::stdout().lock();
    if arguments.json { checked.json(&commitment, &mut out) } else { checked.lines(&commitment, &mut out) }
}

impl DrawFacts {
    fn check(&self, seed: &Seed) -> Result<Checked<'_>, Failure> {
        let odds = Odds::new(self.odds.iter().copied());
        let odds = odds.map_err(|error| Failure::Usage(format!("the probabilities of --odds {error}")))?;
        if !self.types.is_empty() && self.types.len() != self.odds.len() {
            return Err(Failure::Usage(format!(
                "--types must name as many coupon types as --odds has probabilities: {}, not {}",
                self.odds.len(),
                self.types.len()
            )));
        }
        let (campaign, user) = (self.campaign.as_str(), self.user.as_str());
        let point = DrawPlace { campaign, user, period: &self.period, number: self.number }.point(seed);
        Ok(Checked::Draw { draw: self, point, sampled: odds.type_at(point) })
    }

    /// The id of a type, if the types were named.
    fn name(&self, sampled: TypeIndex) -> Option<&str> {
        self.types.get(sampled.as_index()).map(CouponTypeId::as_str)
    }
}

impl EntryFacts {
    fn check(&self, seed: &Seed) -> Result<Checked<'_>, Failure> {
        if self.number > self.count {
            return Err(Failure::Usage(format!("there is no entry {} among {}", self.number, self.count)));
        }
        let rank = rank(&LotteryKey::new(seed, &self.entries_hash), self.number, self.count);
        Ok(Checked::Entry { entry: self, rank })
    }
}

impl Checked<'_> {
    /// For people.
    fn lines(&self, commitment: &str, out: &mut impl Write) -> Result<(), Failure> {
        writeln!(out, "commitment  {commitment}")?;
        match self {
            Checked::Draw { draw, point, sampled } => {
                writeln!(out, "point       {point} of {}", Probability::ONE.billionths())?;
                match sampled {
                    Some(sampled) => {
                        let name = draw.name(*sampled).map_or_else(String::new, |name| format!(": {name}"));
                        writeln!(out, "sampled     type {} of {}{name}", place(*sampled), draw.odds.len())?;
                    }
                    None => writeln!(out, "sampled     none")?,
                }
            }
            Checked::Entry { entry, rank } => writeln!(out, "rank        {rank} of {}", entry.count)?,
        }
        Ok(())
    }

    /// For programs: one line.
    fn json(&self, commitment: &str, out: &mut impl Write) -> Result<(), Failure> {
        let mut line = Vec::new();
        let mut json = JsonText::object(&mut line);
        json.text("commitment", commitment);
        match self {
            Checked::Draw { draw, point, sampled } => {
                json.number("point", u64::from(*point));
                match sampled {
                    Some(sampled) => json.number("place", place(*sampled)),
                    None => json.raw("place", b"null"),
                }
                if !draw.types.is_empty() {
                    json.optional_text("sampled", sampled.and_then(|sampled| draw.name(sampled)));
                }
            }
            Checked::Entry { rank, .. } => json.number("rank", u64::from(*rank)),
        }
        json.end();
        line.push(b'\n');
        Ok(out.write_all(&line)?)
    }
}

/// The place of a type in the list, from 1.
fn place(coupon_type: TypeIndex) -> u64 {
    u64::from(coupon_type.0) + 1
}

/// Takes a period as the server spells it, and nothing like it: another spelling would give another, wrong result.
fn parse_period(text: &str) -> Result<String, &'static str> {
    let is_day = || text.parse::<jiff::civil::Date>().is_ok_and(|day| day.to_string() == text);
    let is_moment = || parse_rfc3339(text).is_ok_and(|moment| rfc3339_string(moment) == text);
    if text == "campaign" || is_day() || is_moment() {
        Ok(String::from(text))
    } else {
        Err("must be `campaign`, a day as 2026-12-01, or a moment as 2026-12-01T02:00:00.000Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_taken_in_its_one_spelling() {
        for good in ["campaign", "2026-12-01", "2028-02-29", "2026-12-01T02:00:00.000Z", "2026-12-01T23:59:59.999Z"] {
            assert_eq!(parse_period(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "Campaign",
            "day",
            "2026-12-1",
            "20261201",
            "2026-02-29",
            " 2026-12-01",
            "2026-12-01T02:00:00Z",
            "2026-12-01T02:00:00.0Z",
            "2026-12-01T10:00:00.000+08:00",
            "2026-12-01t02:00:00.000z",
            "2026-12-01\0",
        ] {
            assert!(parse_period(bad).is_err(), "{bad:?}");
        }
    }
}
