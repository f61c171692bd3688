//! Owns why a command that speaks to a server ends early: the exit code, and what is said then.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;

use super::arguments::{Address, KeyOrigin};
use crate::gate::admin_key;

/// Why a command ended early.
#[derive(Debug)]
pub(in crate::cli) enum Failure {
    /// The server said no.
    Refused { problem: Box<Problem>, advice: Option<String> },
    /// No server could be spoken to.
    Unreachable { server: Address, cause: Silence, may_have_effect: bool },
    /// Somebody answers there, and it is no landrush server, or one of another version.
    Foreign { server: Address, answer: Foreign },
    /// The command cannot be carried out as it was given.
    Usage(String),
    /// The output cannot be written.
    Output(io::Error),
    /// Whoever read the output has gone.
    Closed,
    /// Ctrl-C, before the work was done.
    Interrupted,
}

/// Why no answer came.
#[derive(Debug)]
pub(in crate::cli) enum Silence {
    /// There was no connection.
    Connect(io::Error),
    /// The connection ended, or what came over it was no HTTP.
    Http(hyper::Error),
    /// Nothing came for so long.
    Timeout(Duration),
}

/// What cannot be understood of an answer.
#[derive(Debug)]
pub(in crate::cli) enum Foreign {
    /// A refusal that is no problem document.
    Status(StatusCode),
    /// Not the JSON that the call answers.
    Json(serde_json::Error),
    /// The body is longer than any answer.
    TooLong,
    /// A page that leads to itself.
    Cursor,
}

/// A refusal as the server puts it (RFC 9457).
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Problem {
    title: String,
    status: u16,
    #[serde(default)]
    detail: String,
    code: String,
    retry_after_ms: Option<u64>,
    #[serde(default)]
    errors: Vec<Fault>,
}

/// One fault of what was sent.
#[derive(Debug, Deserialize)]
struct Fault {
    pointer: String,
    detail: String,
}

/// Exit codes.
const REFUSED: u8 = 1;
const USAGE: u8 = 2;
const UNREACHABLE: u8 = 3;
/// As shells count a process that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

impl Failure {
    /// A refusal, with what helps against it where something does.
    pub(super) fn refused(problem: Problem, key: &KeyOrigin) -> Self {
        let advice = (problem.code == "unauthorized").then(|| key_advice(key));
        Failure::Refused { problem: Box::new(problem), advice }
    }

    /// Whether the server itself says that asking again is worth it.
    pub(in crate::cli) fn is_busy(&self) -> bool {
        matches!(self, Failure::Refused { problem, .. } if matches!(problem.status, 429 | 503))
    }

    /// Whether a server that is being restarted causes this too.
    pub(in crate::cli) fn may_be_a_restart(&self) -> bool {
        match self {
            Failure::Unreachable { .. } => true,
            // A proxy in front of a server that is down.
            Failure::Foreign { answer: Foreign::Status(status), .. } => status.is_server_error(),
            Failure::Foreign { answer: Foreign::Json(_) | Foreign::TooLong | Foreign::Cursor, .. } => false,
            Failure::Refused { .. } => self.is_busy(),
            Failure::Usage(_) | Failure::Output(_) | Failure::Closed | Failure::Interrupted => false,
        }
    }

    /// How long the server asks to wait before asking again.
    pub(in crate::cli) fn retry_after(&self) -> Option<Duration> {
        match self {
            Failure::Refused { problem, .. } => problem.retry_after_ms.map(Duration::from_millis),
            Failure::Unreachable { .. }
            | Failure::Foreign { .. }
            | Failure::Usage(_)
            | Failure::Output(_)
            | Failure::Closed
            | Failure::Interrupted => None,
        }
    }

    /// The exit code, and what to tell; `None` if there is nobody to tell it to.
    pub(super) fn report(&self) -> Option<(u8, String)> {
        Some(match self {
            Failure::Closed => return None,
            Failure::Interrupted => (INTERRUPTED, String::from("interrupted before it was done")),
            Failure::Output(error) => (REFUSED, format!("cannot write the output: {error}")),
            Failure::Usage(what) => (USAGE, what.clone()),
            Failure::Refused { problem, advice } => (REFUSED, refusal(problem, advice.as_deref())),
            Failure::Foreign { server, answer } => (
                UNREACHABLE,
                format!(
                    "{server} {}. Is that the address of a landrush server, and of this version?",
                    answer.description()
                ),
            ),
            Failure::Unreachable { server, cause, may_have_effect } => {
                (UNREACHABLE, silence(server, cause, *may_have_effect))
            }
        })
    }

    /// What is wrong in one line, for whoever goes on all the same.
    pub(in crate::cli) fn brief(&self) -> String {
        match self {
            Failure::Unreachable { server, cause, .. } => format!("{server} {}", cause.description()),
            Failure::Refused { problem, .. } => format!("the server says: {}", problem.title),
            Failure::Foreign { server, answer } => format!("{server} {}", answer.description()),
            Failure::Output(error) => error.to_string(),
            Failure::Usage(what) => what.clone(),
            Failure::Closed | Failure::Interrupted => String::from("ended"),
        }
    }
}

impl From<io::Error> for Failure {
    /// An error of writing the output.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { Failure::Closed } else { Failure::Output(error) }
    }
}

impl Silence {
    fn description(&self) -> String {
        match self {
            Silence::Connect(error) => format!("cannot be reached: {error}"),
            Silence::Http(error) => match std::error::Error::source(error) {
                Some(source) => format!("gave no answer: {error}: {source}"),
                None => format!("gave no answer: {error}"),
            },
            Silence::Timeout(after) => format!("gave no answer within {} s", after.as_secs()),
        }
    }
}

impl Foreign {
    fn description(&self) -> String {
        match self {
            Foreign::Status(status) => format!("answers {status}, without saying why as landrush does"),
            Foreign::Json(error) => format!("gives an answer that is not understood: {error}"),
            Foreign::TooLong => String::from("gives an answer that is longer than any of landrush"),
            Foreign::Cursor => String::from("gives a page that leads back to itself"),
        }
    }
}

fn silence(server: &Address, cause: &Silence, may_have_effect: bool) -> String {
    let mut text = format!("{server} {}\n", cause.description());
    if may_have_effect {
        text += "What was asked may have been done all the same: asking again does no harm. ";
    }
    text += match cause {
        Silence::Connect(_) => {
            "Start a server with `landrush serve`, or name the one to speak to: --server, or LANDRUSH_SERVER."
        }
        Silence::Http(_) | Silence::Timeout(_) => {
            "Is that the address of a landrush server? Another is named by --server, or LANDRUSH_SERVER."
        }
    };
    text
}

fn refusal(problem: &Problem, advice: Option<&str>) -> String {
    let mut text = format!("the server refused: {} ({} {})", problem.title, problem.status, problem.code);
    if !problem.detail.is_empty() && problem.detail != problem.title {
        text = text + "\n  " + &problem.detail;
    }
    for Fault { pointer, detail } in &problem.errors {
        // The empty pointer is the whole document.
        let pointer = if pointer.is_empty() { "(the whole)" } else { pointer };
        write!(text, "\n  {pointer}: {detail}").expect("a string takes all");
    }
    if let Some(advice) = advice {
        text = text + "\n" + advice;
    }
    text
}

fn key_advice(key: &KeyOrigin) -> String {
    let variable = admin_key::VARIABLE;
    let ways = format!("Set {variable}, or run this beside the server's data directory, with --data-dir.");
    match key {
        KeyOrigin::Given => {
            format!("The key that was sent is the one of {variable} or --admin-key; the server has another.")
        }
        KeyOrigin::File(path) => {
            format!(
                "The key that was sent is the one in {}; the server has another: {variable} of its environment, or \
                 that of another data directory.",
                path.display()
            )
        }
        KeyOrigin::Unreadable(path, error) => {
            format!("No admin key was sent: {} cannot be read: {error}. {ways}", path.display())
        }
        KeyOrigin::Nowhere => format!("No admin key was sent. {ways}"),
    }
}
