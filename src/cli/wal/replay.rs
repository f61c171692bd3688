//! `landrush wal replay`: rebuilds the state from the oldest kept snapshot, or from nothing, says what was issued, and checks
//! every promise on the claims themselves.

mod print;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use landrush_engine::audit::Audit;
use landrush_engine::coupon::Codes;
use landrush_engine::keys::Keys;
use landrush_engine::shard::State;
use landrush_engine::snapshot::rebuild_state;
use landrush_engine::unsound::Unsound;
use landrush_wal::lsn::Lsn;

use super::Failure;
use super::history::{StoredHistory, empty_state};
use super::reading::{Log, steadily};

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The data directory.
    pub(in crate::cli) dir: PathBuf,
    /// Print one JSON object a campaign instead of tables.
    #[arg(long)]
    json: bool,
}

/// What a replay led to.
struct Replayed {
    origin: String,
    state: State,
    /// The first record that contradicts those before it: the state is of those.
    contradiction: Option<Unsound>,
}

/// Rebuilds the state and computes every draw, and ranks of every lottery, again from their seeds.
pub(super) fn verify_draws(dir: &Path) -> Result<(), Failure> {
    let Replayed { state, contradiction, .. } = steadily(|| replay(&Log::open(dir)?, None))?;
    let audit = Audit::without_codes(&state);
    drop(state);
    let mut out = std::io::stdout().lock();
    let mut broken = 0;
    let drawn = audit.campaigns.iter().filter(|campaign| campaign.recomputed > 0);
    for campaign in drawn {
        let (id, claims, recomputed) = (&campaign.id, campaign.claims, campaign.recomputed);
        if recomputed < claims {
            writeln!(out, "{id}: {recomputed} of {claims} ranks computed again, and the hash of all entries")?;
        } else {
            writeln!(out, "{id}: {} computed again from the seed", super::counted(claims.into(), "result"))?;
        }
        let wrong = campaign.violations.iter().filter(|violation| violation.is_of_a_draw());
        for violation in wrong {
            broken += 1;
            writeln!(out, "BROKEN: {violation}")?;
        }
    }
    if let Some(contradiction) = contradiction {
        return Err(contradiction.into());
    }
    if broken > 0 {
        return Err(Failure::Broken(broken));
    }
    let none = audit.campaigns.iter().all(|campaign| campaign.recomputed == 0);
    writeln!(out, "{}", if none { "the log holds no draws and no drawn lottery" } else { "all as the seeds have it" })?;
    Ok(())
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let keys = Keys::load(&arguments.dir).map_err(Failure::Keys)?;
    let Replayed { origin, state, contradiction } = steadily(|| {
        let log = Log::open(&arguments.dir)?;
        replay(&log, keys.as_ref())
    })?;
    let audit = keys.as_ref().map_or_else(|| Audit::without_codes(&state), |keys| Audit::of(&state, &Codes::new(keys)));
    drop(state);

    let mut out = std::io::stdout().lock();
    if arguments.json {
        audit.campaigns.iter().try_for_each(|campaign| print::json(campaign, &mut out))?;
    } else {
        writeln!(out, "from {origin}")?;
        audit.campaigns.iter().try_for_each(|campaign| print::tables(campaign, &mut out))?;
    }
    if let Some(contradiction) = contradiction {
        return Err(contradiction.into());
    }
    let broken: u64 = audit.campaigns.iter().map(|campaign| campaign.violation_count).sum();
    if broken > 0 {
        return Err(Failure::Broken(broken));
    }
    if !arguments.json {
        let codes = if keys.is_some() { "no code twice" } else { "codes not checked: the keys are not here" };
        writeln!(out, "\nevery promise is kept: no type over its quota, nobody over the limit, {codes}")?;
    }
    Ok(())
}

fn replay(log: &Log, keys: Option<&Keys>) -> Result<Replayed, Failure> {
    let oldest = log.snapshots.last();
    let origin = oldest.map_or_else(
        || String::from("the log alone"),
        |snapshot| format!("{} (up to record {}) and the log behind it", snapshot.name, snapshot.last_lsn),
    );
    let upto = |upto| {
        let history = StoredHistory { log, snapshot: oldest, upto, doing: "replaying the log" };
        rebuild_state(&history, empty_state(keys))
    };
    match upto(Lsn(u64::MAX)) {
        Ok(state) => Ok(Replayed { origin, state, contradiction: None }),
        // A second time, up to there: what was right until then is what has to be compared with a backup.
        Err(Failure::Unsound(contradiction)) => match contradicting_record(&contradiction) {
            Some(lsn) => {
                let before = Lsn(lsn.0.saturating_sub(1));
                let origin = format!("{origin}, up to record {before}: the one behind it makes no sense");
                Ok(Replayed { origin, state: upto(before)?, contradiction: Some(contradiction) })
            }
            None => Err(contradiction.into()),
        },
        Err(failure) => Err(failure),
    }
}

fn contradicting_record(unsound: &Unsound) -> Option<Lsn> {
    match unsound {
        Unsound::Undecodable { lsn, .. } | Unsound::Inconsistent { lsn, .. } => Some(*lsn),
        // Not of a record, and what the engine may learn.
        Unsound::Block | Unsound::Campaign(_) | _ => None,
    }
}
