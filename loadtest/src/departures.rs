//! When the next request may leave: the pace of a run, measured against the clock.

use std::iter::Peekable;
use std::time::{Duration, Instant};

use crate::schedule::Schedule;

/// How long after the last planned departure the answers that are still missing are waited for.
const GRACE: Duration = Duration::from_secs(10);
/// The longest wait for a connection to become ready, so that the end of a run is noticed.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// When requests leave.
#[derive(Debug)]
pub(crate) enum Pace {
    /// As soon as a connection is free, for this long.
    Closed(Duration),
    /// At the planned moments.
    Open(Box<Schedule>),
}

/// The departures of one run that are still to come.
pub(crate) struct Departures {
    start: Instant,
    planned_end: Instant,
    schedule: Option<Peekable<Box<Schedule>>>,
    finished: bool,
}

impl Departures {
    /// Starts the clock of a run.
    pub(crate) fn new(pace: Pace, start: Instant) -> Self {
        let (length, schedule) = match pace {
            Pace::Closed(length) => (length, None),
            Pace::Open(schedule) => (schedule.duration(), Some(schedule.peekable())),
        };
        Self { start, planned_end: start + length, schedule, finished: false }
    }

    /// The moment from which the next request's latency counts, if one may leave now.
    pub(crate) fn due(&mut self) -> Option<Instant> {
        if self.finished {
            return None;
        }
        let now = Instant::now();
        match &mut self.schedule {
            None => (now < self.planned_end).then_some(now),
            Some(schedule) => {
                let planned = self.start + *schedule.peek()?;
                (planned <= now).then_some(planned)
            }
        }
    }

    /// Takes note that the request that was due has left.
    pub(crate) fn depart(&mut self) {
        if let Some(schedule) = &mut self.schedule {
            schedule.next();
        }
    }

    /// Lets nothing more leave.
    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether nothing more will leave.
    pub(crate) fn ended(&mut self, now: Instant) -> bool {
        self.finished
            || match &mut self.schedule {
                None => now >= self.planned_end,
                Some(schedule) => schedule.peek().is_none(),
            }
    }

    /// Whether even answers are waited for no longer.
    pub(crate) fn given_up(&self, now: Instant) -> bool {
        now >= self.planned_end + GRACE
    }

    /// How long to wait for a connection at most; `all_busy` says that no request could leave before one is ready.
    pub(crate) fn wait(&mut self, now: Instant, all_busy: bool) -> Duration {
        let planned = match &mut self.schedule {
            Some(schedule) if !all_busy && !self.finished => schedule.peek(),
            Some(_) | None => None,
        };
        planned.map_or(WAIT_MAX, |offset| (self.start + *offset).saturating_duration_since(now).min(WAIT_MAX))
    }

    /// The latencies so far of the planned requests that never left.
    pub(crate) fn left_behind(self, now: Instant) -> impl Iterator<Item = Duration> {
        let start = self.start;
        let open = self.schedule.filter(|_| !self.finished);
        open.into_iter().flatten().map(move |offset| now.saturating_duration_since(start + offset))
    }
}
