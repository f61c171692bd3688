//! Asking a list of questions over several connections until each is answered. A server that is too busy is asked again, a
//! bounded number of times. What is asked, and what an answer means, is left to those who ask.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::client::{Exchange, drive};
use crate::departures::Pace;
use crate::response::Reply;

/// How often a question is sent before it is given up.
const ATTEMPTS_MAX: u8 = 20;
/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(300);

/// Questions that may be sent again, by their places from 0 on.
pub(crate) trait Questions {
    /// How many there are.
    fn count(&self) -> usize;
    /// Appends the bytes of a question, now that it is sent.
    fn write(&mut self, place: usize, bytes: &mut Vec<u8>);
    /// Takes an answer; `false`: the server could not say, and is asked again.
    fn answered(&mut self, place: usize, reply: &Reply<'_>) -> bool;
    /// Takes note that a question was sent and had no answer; it is asked again.
    fn unanswered(&mut self, place: usize);
    /// Takes note that a question is not asked any more, and was never answered.
    fn given_up(&mut self, place: usize);
}

/// Asks all of `questions` over `connections` connections, each until it is answered or given up.
///
/// # Errors
/// When the server cannot be reached at all.
pub(crate) fn ask(
    target: SocketAddr,
    connections: usize,
    questions: &mut impl Questions,
    progress: &ProgressBar,
) -> io::Result<()> {
    let count = questions.count();
    let mut asking = Asking { questions, attempts: vec![0; count], open: (0..count).rev().collect() };
    // A question that has to be asked once more may come back when everything else has already been asked.
    while !asking.open.is_empty() {
        let connections = connections.min(asking.open.len());
        let driven = drive(target, connections, Pace::Closed(WITHIN), &mut asking, progress)?;
        if driven.answered == 0 {
            break;
        }
    }
    // No connection was left for these.
    for place in std::mem::take(&mut asking.open) {
        asking.questions.given_up(place);
    }
    Ok(())
}

struct Asking<'a, Q> {
    questions: &'a mut Q,
    /// How often each was sent in vain.
    attempts: Vec<u8>,
    /// Questions to be asked, the next one last.
    open: Vec<usize>,
}

impl<Q: Questions> Asking<'_, Q> {
    fn again(&mut self, place: usize) {
        self.attempts[place] += 1;
        if self.attempts[place] < ATTEMPTS_MAX {
            self.open.push(place);
        } else {
            self.questions.given_up(place);
        }
    }
}

impl<Q: Questions> Exchange for Asking<'_, Q> {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let place = self.open.pop()?;
        self.questions.write(place, bytes);
        u64::try_from(place).ok()
    }

    fn answered(&mut self, ticket: u64, _: Duration, reply: &Reply<'_>) {
        let place = place(ticket);
        if !self.questions.answered(place, reply) {
            self.again(place);
        }
    }

    fn unanswered(&mut self, ticket: u64, _: Duration) {
        let place = place(ticket);
        self.questions.unanswered(place);
        self.again(place);
    }

    fn unsent(&mut self, _: Duration) {}
}

fn place(ticket: u64) -> usize {
    usize::try_from(ticket).expect("a place in memory")
}

#[cfg(test)]
mod tests;
