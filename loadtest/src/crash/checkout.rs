//! The shop's checkout between two kills: which won coupon is taken up, and what is done with it next. Some are redeemed at
//! once, some held for a second or two and then confirmed, released or left to run out, some reversed; at times several
//! orders want one coupon at the same moment, or a hold is confirmed and released at once.

use std::collections::VecDeque;

use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;

use crate::answer::Code;
use crate::checkout::{Phase, Settlement, Stand, Step, Till};
use crate::oracle::Ledger;
use crate::schedule::{below, unit};

/// Coupons that have more steps to come.
const TENDED_MAX: usize = 200;
/// Share of the steps that take up another coupon once there are as many as that.
const NEW_SHARE: f64 = 0.3;
/// How often a coupon that may be taken up is looked for among all decisions, of which many are draws without luck.
const TRIES: u32 = 8;

/// The till and its oracle.
#[derive(Debug, Default)]
pub(super) struct Checkout {
    /// What the till was told.
    pub(super) till: Till,
    tended: Vec<Code>,
    /// Steps that are to be on their way at the same time as the one before.
    at_once: VecDeque<(Code, Step)>,
}

impl Checkout {
    /// The next step of some coupon, if there is one; it counts as sent.
    pub(super) fn next(&mut self, rng: &mut ChaCha8Rng, ledger: &Ledger) -> Option<(Code, Step)> {
        if let Some((code, step)) = self.at_once.pop_front() {
            self.till.sent(code);
            return Some((code, step));
        }
        let code = self.choose(rng, ledger)?;
        let phase = self.till.phase(code)?.clone();
        let mut steps = self.steps(rng, &phase);
        let first = steps.pop_front()?;
        self.at_once.extend(steps.into_iter().map(|step| (code, step)));
        self.till.sent(code);
        Some((code, first))
    }

    /// Forgets what was to follow at once: the server is gone.
    pub(super) fn interrupt(&mut self) {
        self.at_once.clear();
    }

    fn choose(&mut self, rng: &mut ChaCha8Rng, ledger: &Ledger) -> Option<Code> {
        if self.tended.len() < TENDED_MAX || unit(rng) < NEW_SHARE {
            let (code, user) = (0..TRIES).find_map(|_| self.untouched(rng, ledger))?;
            self.till.take_up(code, user);
            if self.tended.len() < TENDED_MAX {
                self.tended.push(code);
            } else {
                let place = any(rng, self.tended.len());
                self.tended[place] = code;
            }
            return Some(code);
        }
        Some(self.tended[any(rng, self.tended.len())])
    }

    /// A coupon that was won and never taken to the checkout, if the first that is looked at is one.
    fn untouched(&self, rng: &mut ChaCha8Rng, ledger: &Ledger) -> Option<(Code, u64)> {
        let decisions = ledger.decisions();
        if decisions.is_empty() {
            return None;
        }
        let key = decisions[any(rng, decisions.len())];
        let code = ledger.coupon(key)?.code;
        (!self.till.knows(code)).then_some((code, key.user))
    }

    /// What is done next with a coupon that is `phase`: one step, or several at once.
    fn steps(&mut self, rng: &mut ChaCha8Rng, phase: &Phase) -> VecDeque<Step> {
        let Phase::Ordered { order, id: Some(id), stand } = phase else { return self.redeem(rng) };
        let settle = |how| Step::Settle { id: id.clone(), how };
        let runs = matches!(stand, Stand::Held { latest, .. } if Timestamp::now() < *latest);
        let dice = below(rng, 10);
        match stand {
            Stand::Held { .. } if runs => match dice {
                0..=2 => [settle(Settlement::Confirm)].into(),
                3..=4 => [settle(Settlement::Release)].into(),
                5 => [settle(Settlement::Confirm), settle(Settlement::Release)].into(),
                6 => self.redeem(rng),
                7 => [settle(Settlement::Reverse)].into(),
                // Left to run out.
                _ => VecDeque::new(),
            },
            Stand::Held { .. } => match dice {
                0..=2 => [settle(Settlement::Confirm)].into(),
                3 => [settle(Settlement::Release)].into(),
                4 => [Step::Look].into(),
                // The same order may try again once its hold has run out.
                5 => [Step::Redeem { order: *order, hold_s: None }].into(),
                _ => self.redeem(rng),
            },
            Stand::Confirmed => match dice {
                0..=3 => [settle(Settlement::Reverse)].into(),
                4 => [settle(Settlement::Confirm)].into(),
                5 => [settle(Settlement::Release)].into(),
                6 => [Step::Look].into(),
                _ => self.redeem(rng),
            },
            Stand::Released => match dice {
                0 => [settle(Settlement::Confirm)].into(),
                1 => [settle(Settlement::Release)].into(),
                2..=3 => [Step::Redeem { order: *order, hold_s: Some(1) }].into(),
                _ => self.redeem(rng),
            },
            Stand::Reversed => match dice {
                0 => [settle(Settlement::Reverse)].into(),
                1 => [settle(Settlement::Confirm)].into(),
                _ => self.redeem(rng),
            },
        }
    }

    /// One new order, or several at once.
    fn redeem(&mut self, rng: &mut ChaCha8Rng) -> VecDeque<Step> {
        let orders = if below(rng, 5) == 0 { 2 + below(rng, 4) } else { 1 };
        let mut step = || {
            let hold_s = match below(rng, 10) {
                0..=3 => None,
                4..=7 => Some(1),
                _ => Some(2),
            };
            Step::Redeem { order: self.till.new_order(), hold_s }
        };
        (0..orders).map(|_| step()).collect()
    }
}

fn any(rng: &mut ChaCha8Rng, count: usize) -> usize {
    let bound = u64::try_from(count).expect("a count in memory");
    usize::try_from(below(rng, bound)).expect("below a count in memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{Stream, seeded};

    fn held(ends_in_s: i64) -> Phase {
        let until = Timestamp::now() + jiff::SignedDuration::from_secs(ends_in_s);
        Phase::Ordered { order: 1, id: Some("r-1".into()), stand: Stand::Held { earliest: until, latest: until } }
    }

    fn steps(phase: &Phase) -> Vec<VecDeque<Step>> {
        let mut checkout = Checkout::default();
        let mut rng = seeded(1, Stream::Kill);
        (0..500).map(|_| checkout.steps(&mut rng, phase)).collect()
    }

    fn settles(steps: &[VecDeque<Step>], wanted: Settlement) -> bool {
        steps.iter().flatten().any(|step| matches!(step, Step::Settle { how, .. } if *how == wanted))
    }

    #[test]
    fn a_free_coupon_is_wanted_by_one_order_or_by_several_at_once() {
        let steps = steps(&Phase::Free);
        for count in [1, 2, 5] {
            assert!(steps.iter().any(|steps| steps.len() == count), "{count}");
        }
        let redeem = |wanted: Option<u16>| {
            steps.iter().flatten().any(|step| matches!(step, Step::Redeem { hold_s, .. } if *hold_s == wanted))
        };
        assert!(redeem(None) && redeem(Some(1)) && redeem(Some(2)));
    }

    #[test]
    fn a_hold_is_confirmed_released_both_at_once_or_left_alone() {
        let steps = steps(&held(3_600));
        assert!(settles(&steps, Settlement::Confirm) && settles(&steps, Settlement::Release));
        assert!(
            steps.iter().any(|steps| steps.len() == 2 && settles(std::slice::from_ref(steps), Settlement::Release))
        );
        assert!(steps.iter().any(VecDeque::is_empty));
    }

    #[test]
    fn a_hold_that_ran_out_is_confirmed_in_vain_and_its_order_tries_again() {
        let steps = steps(&held(-3_600));
        assert!(settles(&steps, Settlement::Confirm));
        assert!(steps.iter().flatten().any(|step| matches!(step, Step::Redeem { order: 1, .. })));
    }
}
