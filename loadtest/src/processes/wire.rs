//! What a generator hands over, as lines of JSON: a summary, then one line for each thing that a user was told. The summary says how
//! many those are, so that an end that came too early is noticed.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::claims::{Heard, Returned, Told};
use crate::client::Driven;
use crate::recorder::{Latencies, Recorder};

#[derive(Debug, Serialize, Deserialize)]
struct Summary {
    driven: Driven,
    wins: u64,
    last_win: Option<Duration>,
    returned: Returned,
    users: u64,
    /// Each outcome by name, with its histogram in hexadecimal digits.
    outcomes: Vec<(String, String)>,
    /// Lines that follow.
    told: u64,
}

/// Writes what a generator did and heard.
///
/// # Errors
/// When nobody takes it.
pub(super) fn write(driven: Driven, heard: &Heard, out: &mut impl Write) -> Result<()> {
    let outcomes = heard.recorder.outcomes();
    let outcomes = outcomes.map(|(name, latencies)| Ok((name.to_owned(), hexadecimal(&latencies.encode()?))));
    let summary = Summary {
        driven,
        wins: heard.wins,
        last_win: heard.last_win,
        returned: heard.returned,
        users: heard.users,
        outcomes: outcomes.collect::<Result<_>>()?,
        told: u64::try_from(heard.told.len())?,
    };
    writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    for told in &heard.told {
        serde_json::to_writer(&mut *out, told)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// When it is not all there, or not in that form.
pub(super) fn read(input: &mut impl BufRead) -> Result<(Driven, Heard)> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    ensure!(!line.is_empty(), "ended without a word of what it heard");
    let summary: Summary = serde_json::from_str(&line).context("a summary")?;
    let mut recorder = Recorder::new();
    for (name, digits) in &summary.outcomes {
        recorder.add_outcome(name, &Latencies::decode(&bytes(digits).context("hexadecimal digits")?)?);
    }
    let mut told = Vec::new();
    for place in 0..summary.told {
        line.clear();
        input.read_line(&mut line)?;
        ensure!(line.ends_with('\n'), "ended after {place} of {} lines", summary.told);
        told.push(serde_json::from_str::<Told>(&line).with_context(|| format!("line {place}"))?);
    }
    let Summary { driven, wins, last_win, returned, users, .. } = summary;
    Ok((driven, Heard { recorder, told, wins, returned, last_win, users }))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).expect("below sixteen");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Code, Coupon, Decision, Strange};

    fn heard() -> Heard {
        let mut recorder = Recorder::new();
        for microseconds in [3, 70, 70, 1_000, 9_999_999] {
            recorder.record("won", Duration::from_micros(microseconds));
        }
        recorder.record("sold_out", Duration::from_secs(200));
        let code = Code::parse("ZZZZ-ZZZZ-ZZZZ-ZZZ9").expect("a code");
        let decision = Decision {
            coupon: Some(Coupon { code, coupon_type: 2 }),
            sampled: Some(2),
            day: 20_261_201,
            fingerprint: u64::MAX,
            repeated: false,
        };
        let told = vec![
            Told::Decided(7, decision),
            Told::Refused(8, "sold_out".into()),
            Told::Unknown(9),
            Told::Strange(10, Strange::Status(500)),
        ];
        let returned = Returned { people: 3, times: 5, times_most: 2, gave_up: 1 };
        Heard { recorder, told, wins: 1, returned, last_win: Some(Duration::from_nanos(1_234_567_891)), users: 4 }
    }

    fn written() -> Vec<u8> {
        let driven = Driven { sent: 6, answered: 5, broken: 1, elapsed: Duration::from_millis(20) };
        let mut bytes = Vec::new();
        write(driven, &heard(), &mut bytes).expect("written");
        bytes
    }

    #[test]
    fn what_was_heard_arrives_whole_and_every_latency_in_its_place() {
        let (driven, found) = read(&mut written().as_slice()).expect("read");
        let heard = heard();
        assert_eq!((driven.sent, driven.answered, driven.broken), (6, 5, 1));
        assert_eq!((found.told, found.wins, found.users), (heard.told, 1, 4));
        assert_eq!((found.last_win, found.returned), (heard.last_win, heard.returned));
        assert_eq!(found.recorder.all().histogram(), heard.recorder.all().histogram());
        for ((name, own), (expected, other)) in found.recorder.outcomes().zip(heard.recorder.outcomes()) {
            assert_eq!((name, own.histogram()), (expected, other.histogram()));
        }
    }

    #[test]
    fn an_end_that_comes_too_early_is_an_error_wherever_it_comes() {
        let bytes = written();
        for length in 0..bytes.len() {
            assert!(read(&mut &bytes[..length]).is_err(), "cut at {length} of {}", bytes.len());
        }
    }
}
