//! The oracle of one lottery: who entered under which number, what everybody was told of the drawing, and whether that is
//! what the published seed, count and hash lead to. As everybody is asked, it also knows that there are as many winners as
//! there are prizes or entries.

mod fault;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::answer::Code;
use crate::fairness;
pub(crate) use crate::lottery::fault::Fault;
use crate::lottery::fault::What;
pub(crate) use crate::lottery::told::{Entry, Fairness, Told, read};
use crate::request::user_id;
use crate::violation::Violation;

/// How far the server's judgement of the end may be from ours.
const SLACK: SignedDuration = SignedDuration::from_millis(250);

/// A lottery and everything that its users were told.
#[derive(Debug)]
pub(crate) struct Lottery {
    campaign: String,
    /// Id and units of each type, in the order in which ranks fill them.
    prizes: Vec<(String, u64)>,
    ends_at: Timestamp,
    /// The commitment that was shown when it was made.
    commitment: String,
    entries: BTreeMap<u64, Known>,
    by_number: HashMap<u32, u64>,
    codes: HashMap<Code, u64>,
    doubtful: BTreeSet<u64>,
    violations: Vec<Violation>,
}

#[derive(Clone, Debug)]
struct Known {
    entry: Entry,
    /// The one answer that may call itself new has come, or can no longer come.
    settled: bool,
}

impl Lottery {
    /// A lottery that nobody has entered, with the `commitment` that it shows.
    pub(crate) fn new(campaign: String, prizes: Vec<(String, u64)>, ends_at: Timestamp, commitment: String) -> Self {
        Self {
            campaign,
            prizes,
            ends_at,
            commitment,
            entries: BTreeMap::new(),
            by_number: HashMap::new(),
            codes: HashMap::new(),
            doubtful: BTreeSet::new(),
            violations: Vec::new(),
        }
    }

    /// The campaign's id.
    pub(crate) fn campaign(&self) -> &str {
        &self.campaign
    }

    /// The ids of the prizes, in order.
    pub(crate) fn prizes(&self) -> impl Iterator<Item = &str> {
        self.prizes.iter().map(|(id, _)| &**id)
    }

    /// When entering ends.
    pub(crate) fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// Who was told to have entered.
    pub(crate) fn users(&self) -> Vec<u64> {
        self.entries.keys().copied().collect()
    }

    /// Who may or may not have entered.
    pub(crate) fn doubtful(&self) -> Vec<u64> {
        self.doubtful.iter().copied().collect()
    }

    /// What was found wrong so far.
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Takes what `user` was told of the entry asked for, by entering (again) at `sent` or by looking it up.
    pub(crate) fn told(&mut self, user: u64, sent: Timestamp, entry: Entry) {
        if entry.is_new && sent > self.ends_at + SLACK {
            self.found(What::Late { user });
        }
        if let Some(drawn) = &entry.drawn
            && let Some(code) = drawn.code
            && let Some(first) = self.codes.insert(code, user).filter(|first| *first != user)
        {
            self.found(What::SameCode { code, first, second: user });
        }
        let Some(known) = self.entries.get_mut(&user) else {
            if let Some(first) = self.by_number.insert(entry.number, user) {
                self.found(What::SameNumber { number: entry.number, first, second: user });
            }
            let settled = entry.is_new;
            self.entries.insert(user, Known { entry, settled });
            return;
        };
        let before = known.entry.clone();
        let new_twice = entry.is_new && known.settled;
        known.settled |= entry.is_new;
        if known.entry.drawn.is_none() {
            known.entry.drawn.clone_from(&entry.drawn);
        }
        if before.number != entry.number || before.id != entry.id {
            self.found(What::Renumbered { user, first: before.number, then: entry.number });
        } else if new_twice {
            self.found(What::NewTwice { user });
        } else if let Some(first) = before.drawn.filter(|first| entry.drawn.as_ref() != Some(first)) {
            self.found(What::Redrawn { user, first, then: entry.drawn });
        }
    }

    /// Takes note that entering may or may not have worked.
    pub(crate) fn unknown(&mut self, user: u64) {
        self.doubtful.insert(user);
    }

    /// Takes note that `user` has been asked again and answered: nothing about the entry is in doubt any more.
    pub(crate) fn settle(&mut self, user: u64) {
        self.doubtful.remove(&user);
        if let Some(known) = self.entries.get_mut(&user) {
            known.settled = true;
        }
    }

    /// Takes a refusal heard at `heard`; `confirming` says that what is known of the entry was known before it was sent.
    pub(crate) fn refused(&mut self, user: u64, heard: Timestamp, code: &str, confirming: bool) {
        if let Some(known) = self.entries.get(&user).filter(|_| confirming) {
            self.found(What::Lost { user, number: known.entry.number, told: code.to_owned() });
            return;
        }
        match code {
            "ended" if heard + SLACK >= self.ends_at => {}
            "overloaded" | "rate_limited" | "shutting_down" | "log_unavailable" => {}
            code => self.found(What::Refused { user, told: code.to_owned() }),
        }
    }

    /// Takes an answer that the contract does not have.
    pub(crate) fn strange(&mut self, user: u64, what: &'static str) {
        self.found(What::Strange { user, what });
    }

    /// Takes note that `user` was asked again and never answered.
    pub(crate) fn not_confirmed(&mut self, user: u64) {
        self.found(What::NotConfirmed { user, number: self.entries.get(&user).map(|known| known.entry.number) });
    }

    /// Takes note that the lottery was not drawn although it had the time.
    pub(crate) fn not_drawn(&mut self) {
        self.found(What::NotDrawn);
    }

    /// Holds what was published after the drawing against what everybody was told. Only meaningful when nothing is in
    /// doubt and everybody was asked.
    pub(crate) fn judge(&mut self, published: &Fairness) {
        assert!(self.doubtful.is_empty(), "somebody may have entered");
        let told = self.entries.len();
        let by_number: BTreeMap<u32, u64> =
            self.entries.iter().map(|(user, known)| (known.entry.number, *user)).collect();
        if published.commitment != self.commitment
            || fairness::hash_of(&published.commitment) != Some(fairness::commitment(&published.seed))
        {
            return self.found(What::Commitment { first: self.commitment.clone() });
        }
        let count = published.count;
        let in_order = by_number.keys().copied().eq(1..=count);
        if !in_order {
            return self.found(What::Count { published: count, told });
        }
        let users: Vec<_> = by_number.values().map(|user| user_id(*user)).collect();
        let entries = fairness::entries_hash(users.iter().map(String::as_str));
        if entries != published.hash {
            return self.found(What::Hash { count });
        }
        let key = fairness::lottery_key(&published.seed, &entries);
        for (number, user) in by_number {
            let rank = fairness::rank(&key, number, count);
            let due = self.prize(rank);
            let drawn = self.entries[&user].entry.drawn.clone();
            if drawn.as_ref().is_none_or(|drawn| drawn.rank != rank || drawn.prize != due) {
                self.found(What::Result { user, number, rank, due, told: drawn });
            }
        }
    }

    /// The place of the prize that is due to a rank.
    fn prize(&self, rank: u32) -> Option<u16> {
        let mut before = 0;
        for (place, (_, units)) in self.prizes.iter().enumerate() {
            before += units;
            if u64::from(rank) <= before {
                return Some(u16::try_from(place).expect("a handful of prizes"));
            }
        }
        None
    }

    fn found(&mut self, what: What) {
        self.violations.push(Fault { campaign: self.campaign.clone(), what }.into());
    }
}

#[cfg(test)]
mod tests;
