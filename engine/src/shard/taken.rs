//! Owns the commands that a shard has taken from its mailbox and not decided yet, with the hash of each person who claims:
//! computed once here, for the look ahead and for all that deciding and applying look up. Leaves what is read ahead to
//! [`super::actor`].

use crate::command::Claim;
use crate::filter::{Claimant, PersonHash, PersonHasher};
use crate::shard::mailbox::{Envelope, Mailbox};

/// Commands in the order in which they came. They are decided where they lie: none is copied once more.
#[derive(Default)]
pub(crate) struct Taken {
    envelopes: Vec<Envelope>,
    /// Of the claims, draws and entries among them, in the same order.
    claimants: Vec<Claimant>,
    /// The first that has not been given to the shard.
    next: usize,
    /// The claimant of the next claim, draw or entry.
    next_claimant: usize,
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
        (self.next, self.next_claimant) = (0, 0);
        self.envelopes.clear();
        self.envelopes.extend(std::iter::from_fn(|| mailbox.pop()).take(Self::AT_ONCE));
        self.claimants.clear();
        let claims = self.envelopes.iter().filter_map(|envelope| envelope.command.claim());
        let claimant = |claim: &Claim| Claimant { campaign: claim.campaign, person: hasher.hash(claim.user.as_str()) };
        self.claimants.extend(claims.map(claimant));
    }

    /// The next command, and who claims by it.
    pub(crate) fn next(&mut self) -> Option<(&Envelope, Option<PersonHash>)> {
        let envelope = self.envelopes.get(self.next)?;
        self.next += 1;
        let person = envelope.command.claim().map(|_| self.claimants[self.next_claimant].person);
        self.next_claimant += usize::from(person.is_some());
        Some((envelope, person))
    }

    /// Who claims, draws or enters: neighbours are mostly of one campaign.
    pub(crate) fn claimants(&self) -> &[Claimant] {
        &self.claimants
    }
}
