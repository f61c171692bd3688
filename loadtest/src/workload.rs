//! Who asks: new users one after another, and a share of people who ask again. The seed decides all of it.

use rand_chacha::ChaCha8Rng;

use crate::plan::Part;
use crate::schedule::{Stream, below, seeded, unit};

/// An endless sequence of users.
#[derive(Debug)]
pub(crate) struct Workload {
    rng: ChaCha8Rng,
    repeat_share: f64,
    users: u64,
    part: Part,
}

impl Workload {
    /// Plans the requests of one part of a load, of which `repeat_share` (0 to 1) come from somebody of that part who has asked
    /// before, whether or not the first answer is there yet: an impatient double click is one of them.
    pub(crate) fn new(repeat_share: f64, seed: u64, part: Part) -> Self {
        // Far from the seeds of neighbouring loads, which differ in the lower half.
        let seed = seed.wrapping_add(u64::from(part.number) << 32);
        Self { rng: seeded(seed, Stream::Workload), repeat_share, users: 0, part }
    }

    /// The same plan for people who come after the first `users`, who count as having asked before.
    pub(crate) fn after(mut self, users: u64) -> Self {
        self.users = users;
        self
    }

    /// The user of the next request.
    pub(crate) fn next_user(&mut self) -> u64 {
        if self.users > 0 && self.repeat_share > 0.0 && unit(&mut self.rng) < self.repeat_share {
            return self.part.overall(below(&mut self.rng, self.users));
        }
        self.users += 1;
        self.part.overall(self.users - 1)
    }

    /// How many distinct users of this part have asked.
    pub(crate) fn users(&self) -> u64 {
        self.users
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(share: f64, seed: u64) -> Vec<u64> {
        let mut workload = Workload::new(share, seed, Part::WHOLE);
        (0..10_000).map(|_| workload.next_user()).collect()
    }

    #[test]
    fn without_repeats_every_user_is_new() {
        assert_eq!(users(0.0, 1), (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn the_share_of_repeats_is_kept_and_only_earlier_users_repeat() {
        let users = users(0.05, 1);
        let mut known = 0;
        let mut repeats = 0_u32;
        for user in users {
            if user == known {
                known += 1;
            } else {
                assert!(user < known, "{user} repeats before asking");
                repeats += 1;
            }
        }
        // 500 expected, with a standard deviation of 22; five of them on either side.
        assert!((390..=610).contains(&repeats), "{repeats} repeats of 10,000");
    }

    #[test]
    fn a_seed_fixes_who_asks() {
        assert_eq!(users(0.3, 5), users(0.3, 5));
        assert_ne!(users(0.3, 5), users(0.3, 6));
    }
}
