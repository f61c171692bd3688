//! Asking again: every claim that was told a win, and every claim whose effect is unknown, is sent once more, and the
//! ledger judges the answers. A server that is too busy is asked again, a bounded number of times.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use indicatif::ProgressBar;

use crate::answer::{self, Answer};
use crate::client::{Exchange, drive};
use crate::departures::Pace;
use crate::oracle::{ClaimKey, Ledger};
use crate::request::ClaimTemplate;
use crate::response::Reply;

/// How often a claim is sent before it is given up.
const ATTEMPTS_MAX: u8 = 20;
/// How long all of it may take.
const WITHIN: Duration = Duration::from_secs(300);

/// Sends the claims in `keys` again over `connections` connections and lets `ledger` judge the answers.
///
/// # Errors
/// When the server cannot be reached at all.
pub(crate) fn confirm(
    target: SocketAddr,
    connections: usize,
    ledger: &mut Ledger,
    mut keys: Vec<ClaimKey>,
    progress: &ProgressBar,
) -> io::Result<()> {
    keys.sort_unstable();
    keys.dedup();
    let host = target.to_string();
    let templates =
        ledger.all_rules().map(|rules| ClaimTemplate::new(&host, &rules.campaign, rules.kind, rules.limit > 1));
    let templates = templates.collect();
    let questions: Vec<_> = keys.into_iter().map(|key| Question { key, attempts: 0 }).collect();
    let open = (0..questions.len()).rev().collect();
    let mut again = Again { templates, ledger, questions, open };
    // A question that has to be asked once more may come back when everything else has already been asked.
    while !again.open.is_empty() {
        let connections = connections.min(again.open.len());
        let driven = drive(target, connections, Pace::Closed(WITHIN), &mut again, progress)?;
        if driven.answered == 0 {
            break;
        }
    }
    again.give_up();
    Ok(())
}

#[derive(Debug)]
struct Question {
    key: ClaimKey,
    attempts: u8,
}

struct Again<'a> {
    templates: Vec<ClaimTemplate>,
    ledger: &'a mut Ledger,
    questions: Vec<Question>,
    /// Questions to be asked, the next one last.
    open: Vec<usize>,
}

impl Again<'_> {
    fn retry(&mut self, ticket: u64) {
        let place = usize::try_from(ticket).expect("a place in memory");
        let question = &mut self.questions[place];
        question.attempts += 1;
        if question.attempts < ATTEMPTS_MAX {
            self.open.push(place);
        } else {
            self.ledger.not_confirmed(question.key);
        }
    }

    /// Judges the questions that no connection was left for.
    fn give_up(self) {
        for place in self.open {
            self.ledger.not_confirmed(self.questions[place].key);
        }
    }
}

impl Exchange for Again<'_> {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        let place = self.open.pop()?;
        let key = self.questions[place].key;
        self.templates[usize::from(key.campaign)].write(key.user, u64::from(key.key), bytes);
        u64::try_from(place).ok()
    }

    fn answered(&mut self, ticket: u64, _: Duration, reply: &Reply<'_>) {
        let key = self.questions[usize::try_from(ticket).expect("a place in memory")].key;
        match answer::read(reply, self.ledger.rules(key.campaign).asked(key.user)) {
            Answer::Decided(decision) => {
                self.ledger.decided(key, decision);
                self.ledger.settle(key);
            }
            Answer::Refused(code) if matches!(&*code, "overloaded" | "rate_limited" | "log_unavailable") => {
                self.retry(ticket);
            }
            Answer::Refused(code) => {
                self.ledger.refused(key, &code, true);
                self.ledger.settle(key);
            }
            Answer::Strange(what) => self.ledger.strange(key, what),
        }
    }

    fn unanswered(&mut self, ticket: u64, _: Duration) {
        self.retry(ticket);
    }

    fn unsent(&mut self, _: Duration) {}
}
