//! When the next request may leave: the pace of a run, measured against the clock.

use std::iter::Peekable;
use std::time::{Duration, Instant};

use crate::schedule::Schedule;

/// How long after the last planned departure the answers that are still missing are waited for.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// The longest wait for a connection to become ready, so that the end of a run is noticed.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// When requests leave.
#[derive(Debug)]
pub(crate) enum Pace {
    /// As soon as a connection is free, for this long.
    Closed(Duration),
    /// At the planned moments.
    Open(Box<Schedule>),
    /// At the planned moments, or not at all: whoever finds no free connection for this long is turned away, as by a proxy whose
    /// connections are all in use.
    Door(Box<Schedule>, Duration),
}

/// The departures of one run that are still to come.
pub(crate) struct Departures {
    start: Instant,
    planned_end: Instant,
    schedule: Option<Peekable<Box<Schedule>>>,
    patience: Option<Duration>,
    finished: bool,
}

impl Departures {
    /// Starts the clock of a run.
    pub(crate) fn new(pace: Pace, start: Instant) -> Self {
        let (length, schedule, patience) = match pace {
            Pace::Closed(length) => (length, None, None),
            Pace::Open(schedule) => (schedule.duration(), Some(schedule.peekable()), None),
            Pace::Door(schedule, patience) => (schedule.duration(), Some(schedule.peekable()), Some(patience)),
        };
        Self { start, planned_end: start + length, schedule, patience, finished: false }
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

    /// Turns away the next request if it has waited for longer than the pace allows; how long that was.
    pub(crate) fn turn_away(&mut self) -> Option<Duration> {
        let patience = self.patience?;
        let now = Instant::now();
        let planned = self.start + *self.schedule.as_mut()?.peek()?;
        let waited = now.saturating_duration_since(planned);
        (waited > patience).then(|| self.depart()).map(|()| waited)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Arrivals;

    const LENGTH: Duration = Duration::from_millis(100);

    /// Ten requests in 100 ms, from a run that began `ago`.
    fn open(ago: Duration) -> (Departures, Instant) {
        let start = Instant::now().checked_sub(ago).expect("the machine has been up for longer");
        let schedule = Schedule::new(100.0, Arrivals::Constant, LENGTH, 1);
        (Departures::new(Pace::Open(Box::new(schedule)), start), start)
    }

    #[test]
    fn late_requests_are_due_at_their_planned_moments_one_after_another() {
        let (mut departures, start) = open(LENGTH);
        for number in 0..10 {
            assert_eq!(departures.due(), Some(start + Duration::from_millis(10 * number)));
            departures.depart();
        }
        assert_eq!(departures.due(), None);
        assert!(departures.ended(Instant::now()));
    }

    #[test]
    fn what_never_left_is_counted_with_the_time_it_waited() {
        let (mut departures, start) = open(LENGTH);
        departures.depart();
        let waited: Vec<_> = departures.left_behind(start + LENGTH).collect();
        assert_eq!(waited.len(), 9);
        assert_eq!((waited[0], waited[8]), (Duration::from_millis(90), Duration::from_millis(10)));
    }

    #[test]
    fn a_backlog_is_worked_off_for_the_grace_period_and_no_longer() {
        let (departures, start) = open(LENGTH);
        assert!(!departures.given_up(start + LENGTH + GRACE - Duration::from_millis(1)));
        assert!(departures.given_up(start + LENGTH + GRACE));
    }

    #[test]
    fn the_next_planned_moment_ends_the_wait_unless_no_connection_is_free_for_it() {
        let (mut departures, start) = open(Duration::ZERO);
        departures.depart();
        assert_eq!(departures.wait(start, false), Duration::from_millis(10));
        assert_eq!(departures.wait(start, true), WAIT_MAX);
    }

    #[test]
    fn at_a_door_those_who_have_waited_too_long_are_turned_away() {
        let start = Instant::now().checked_sub(LENGTH).expect("the machine has been up for longer");
        let schedule = Schedule::new(100.0, Arrivals::Constant, LENGTH, 1);
        let mut departures = Departures::new(Pace::Door(Box::new(schedule), Duration::from_millis(55)), start);
        // Planned at 0, 10, 20 … ms, and 100 ms have passed: those of 0 to 40 ms have waited for longer than 55.
        for _ in 0..5 {
            assert!(departures.turn_away().is_some_and(|waited| waited > Duration::from_millis(55)));
        }
        assert_eq!(departures.due(), Some(start + Duration::from_millis(50)));
        let (mut patient, _) = open(LENGTH);
        assert_eq!(patient.turn_away(), None);
    }

    #[test]
    fn a_closed_loop_lets_requests_leave_at_once_until_it_is_over() {
        let start = Instant::now();
        let mut departures = Departures::new(Pace::Closed(Duration::from_secs(3_600)), start);
        assert!(departures.due().is_some_and(|due| due >= start));
        departures.finish();
        assert_eq!((departures.due(), departures.ended(start)), (None, true));
    }
}
