//! `landrush campaign watch`: what is left, as it changes. Owns the rhythm, and waiting out a server that is restarted.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::sleep;

use super::document::Availability;
use super::table;
use crate::cli::api::{Api, Failure};

/// How often is asked: the answers may be cached for a second.
const EVERY: Duration = Duration::from_secs(1);

/// The longest wait between two tries to reach a server that does not answer.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Follows the availability at `path` until the campaign is over, or Ctrl-C.
pub(super) async fn run(api: &mut Api, path: &str, json: bool) -> Result<(), Failure> {
    let shown = if json {
        Shown::Json
    } else if io::stdout().is_terminal() {
        Shown::Table { lines: 0 }
    } else {
        Shown::Lines
    };
    tokio::select! {
        ended = follow(api, path, shown) => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn follow(api: &mut Api, path: &str, mut shown: Shown) -> Result<(), Failure> {
    let mut tag = None;
    let mut last: Option<Availability> = None;
    let mut outage = Outage::default();
    loop {
        let pause = match api.get_unless(path, tag.as_ref()).await {
            Ok(reply) => {
                let was_out = outage.end();
                if reply.status != StatusCode::NOT_MODIFIED {
                    let availability: Availability = api.read(&reply)?;
                    shown.change(&availability, &reply.body)?;
                    tag = reply.tag;
                    if availability.is_over() {
                        return Ok(());
                    }
                    last = Some(availability);
                }
                if was_out {
                    shown.note("the server answers again", None)?;
                }
                EVERY
            }
            // A first word that never comes is no restart, but most likely the wrong address.
            Err(failure) if failure.is_busy() || (last.is_some() && failure.may_be_a_restart()) => {
                if outage.tries == 0 {
                    shown.note(&format!("{}; trying again", failure.brief()), last.as_ref())?;
                }
                outage.next_pause(failure.retry_after(), random())
            }
            Err(failure) => return Err(failure),
        };
        sleep(pause).await;
    }
}

/// Where changes go.
enum Shown {
    /// The server's JSON, a line a change.
    Json,
    /// A line a change.
    Lines,
    /// A table that is redrawn over its last `lines`.
    Table { lines: usize },
}

impl Shown {
    fn change(&mut self, availability: &Availability, body: &[u8]) -> io::Result<()> {
        let width = table::terminal_width();
        let mut out = io::stdout().lock();
        match self {
            Shown::Json => {
                out.write_all(body)?;
                out.write_all(b"\n")?;
            }
            Shown::Lines => writeln!(out, "{}", table::availability_line(availability))?,
            Shown::Table { lines } => {
                out.write_all(redrawn(lines, &table::availability(availability), width).as_bytes())?;
            }
        }
        out.flush()
    }

    /// Says something about the server: on a terminal below the table, so that the next one finds its place.
    fn note(&mut self, text: &str, last: Option<&Availability>) -> io::Result<()> {
        let Shown::Table { lines } = self else { return writeln!(io::stderr(), "landrush: {text}") };
        let width = table::terminal_width();
        let drawn = match last.map(table::availability) {
            Some(table) => redrawn(lines, &format!("{table}{text}\n"), width),
            // Below what is there: it goes away with the next change.
            None => {
                *lines += height(text, width);
                format!("{text}\n")
            }
        };
        let mut out = io::stdout().lock();
        out.write_all(drawn.as_bytes())?;
        out.flush()
    }
}

/// `frame` over the `lines` above the cursor, which are then the frame's, on a terminal so many characters wide.
fn redrawn(lines: &mut usize, frame: &str, width: Option<u16>) -> String {
    // Up so many lines, then clear to the end of the screen.
    let back = if *lines == 0 { String::new() } else { format!("\x1b[{lines}A\x1b[J") };
    *lines = frame.lines().map(|line| height(line, width)).sum();
    back + frame
}

/// How many lines of the terminal `line` takes.
fn height(line: &str, width: Option<u16>) -> usize {
    let width = width.map_or(usize::MAX, usize::from).max(1);
    line.chars().count().div_ceil(width).max(1)
}

/// A time without answers.
#[derive(Default)]
struct Outage {
    tries: u32,
}

impl Outage {
    /// How long to wait before the next try: as long as the server asked for, or longer each time. Half of it is by chance,
    /// so that the watchers of one server do not come back all at once.
    fn next_pause(&mut self, asked: Option<Duration>, random: u32) -> Duration {
        // A server's own wait has its chance already.
        let pause = asked.unwrap_or_else(|| {
            let whole = (EVERY / 2).saturating_mul(1 << self.tries.min(8)).min(RETRY_MAX);
            whole / 2 + whole.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
        });
        self.tries = self.tries.saturating_add(1);
        pause
    }

    /// Whether there was one.
    fn end(&mut self) -> bool {
        std::mem::take(&mut self.tries) > 0
    }
}

fn random() -> u32 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    u32::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_are_spread() {
        let mut outage = Outage::default();
        let shortest: Vec<u128> = (0..6).map(|_| outage.next_pause(None, 0).as_millis()).collect();
        assert_eq!(shortest, [250, 500, 1_000, 2_000, 2_500, 2_500]);
        assert!(outage.end() && !outage.end());
        assert_eq!(outage.next_pause(None, u32::MAX), Duration::from_millis(500));
        assert_eq!(outage.next_pause(Some(Duration::from_secs(3)), 7), Duration::from_secs(3));
        let many = (0..100).map(|_| outage.next_pause(None, u32::MAX)).max();
        assert_eq!(many, Some(RETRY_MAX));
    }

    #[test]
    fn a_frame_takes_the_place_of_the_last() {
        let mut lines = 0;
        assert_eq!(redrawn(&mut lines, "a\nb\n", None), "a\nb\n");
        assert_eq!(redrawn(&mut lines, "c\nd\ne\n", Some(80)), "\x1b[2A\x1b[Jc\nd\ne\n");
        assert_eq!(lines, 3);
        redrawn(&mut lines, "a line that is broken\n\n", Some(10));
        assert_eq!(lines, 4, "three for the long one, one for the empty one");
    }
}
