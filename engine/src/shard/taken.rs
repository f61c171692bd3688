//! Owns the commands that a shard has taken from its mailbox and not decided yet, with the hash of each person who claims:
//! computed once here, for the look ahead and for all that deciding and applying look up. Leaves what is read ahead to
//! [`super::actor`].

use crate::filter::{PersonHash, PersonHasher};
use crate::id::CampaignNumber;
use crate::shard::mailbox::{Envelope, Mailbox};

/// Commands in the order in which they came. They are decided where they lie: none is copied once more.
#[derive(Default)]
pub(crate) struct Taken {
    envelopes: Vec<Envelope>,
    /// An item each: who claims, draws or enters.
    people: Vec<Option<PersonHash>>,
    /// The first that has not been given to the shard.
    next: usize,
}

impl Taken {
    /// How many commands are taken at once, and looked at before the first of them is decided: enough that the waits for memory
    /// of some ten of them overlap, few enough that what was fetched is still there when its turn comes.
    const AT_ONCE: usize = 64;

    /// Whether all have been given to the shard.
    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.envelopes.len()
    }

    /// Takes some from `mailbox`, in the place of those before, which have all been decided.
    pub(crate) fn refill(&mut self, mailbox: &Mailbox, hasher: PersonHasher) {
        assert!(self.is_empty(), "what was taken is decided first");
        self.next = 0;
        self.envelopes.clear();
        self.envelopes.extend(std::iter::from_fn(|| mailbox.pop()).take(Self::AT_ONCE));
        self.people.clear();
        self.people.extend(self.envelopes.iter().map(|Envelope { command, .. }| {
            let claimant = command.claim().map(|claim| claim.user.as_str());
            claimant.map(|user| hasher.hash(user))
        }));
    }

    /// The next command, and who claims by it.
    pub(crate) fn next(&mut self) -> Option<(&Envelope, Option<PersonHash>)> {
        let index = self.next;
        let envelope = self.envelopes.get(index)?;
        self.next += 1;
        Some((envelope, self.people[index]))
    }

    /// The campaigns and people of the claims, draws and entries.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (CampaignNumber, PersonHash)> {
        let claims = self.envelopes.iter().zip(&self.people);
        claims.filter_map(|(Envelope { command, .. }, person)| person.map(|person| (command.campaign(), person)))
    }
}
