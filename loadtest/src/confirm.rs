//! Asking again: every claim that was told a win, and every claim whose effect is unknown, is sent once more, and the
//! ledger judges the answers.

use std::io;
use std::net::SocketAddr;

use indicatif::ProgressBar;

use crate::answer::{self, Answer};
use crate::ask::{Questions, ask};
use crate::oracle::{ClaimKey, Ledger};
use crate::request::ClaimTemplate;
use crate::response::Reply;

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
    ask(target, connections, &mut Again { templates, ledger, keys }, progress)
}

struct Again<'a> {
    templates: Vec<ClaimTemplate>,
    ledger: &'a mut Ledger,
    keys: Vec<ClaimKey>,
}

impl Questions for Again<'_> {
    fn count(&self) -> usize {
        self.keys.len()
    }

    fn write(&mut self, place: usize, bytes: &mut Vec<u8>) {
        let key = self.keys[place];
        self.templates[usize::from(key.campaign)].write(key.user, u64::from(key.key), bytes);
    }

    fn answered(&mut self, place: usize, reply: &Reply<'_>) -> bool {
        let key = self.keys[place];
        match answer::read(reply, self.ledger.rules(key.campaign).asked(key.user)) {
            Answer::Decided(decision) => {
                self.ledger.decided(key, decision);
                self.ledger.settle(key);
            }
            Answer::Refused(code) if answer::is_passing(&code) => return false,
            Answer::Refused(code) => {
                self.ledger.refused(key, &code, true);
                self.ledger.settle(key);
            }
            Answer::Strange(what) => self.ledger.strange(key, what),
        }
        true
    }

    fn unanswered(&mut self, _: usize) {}

    fn given_up(&mut self, place: usize) {
        self.ledger.not_confirmed(self.keys[place]);
    }
}
