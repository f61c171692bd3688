//! The oracle of the checkout: for each coupon, everything that can have become of it by what the till was told. An answer
//! leaves of that what fits it, a step without an answer adds what it may have done. Nothing left is a broken promise: two
//! orders with one coupon, a redemption that is forgotten, a hold that outlives its end.
//!
//! Steps that were on their way at once are judged together when the last of them is over, those that changed something
//! first: that is an order in which they can have happened, if there is one.

mod fault;
mod phase;
mod told;
pub(crate) mod wire;

use std::collections::{BTreeMap, BTreeSet};

use crate::answer::Code;
pub(crate) use crate::checkout::fault::Fault;
pub(crate) use crate::checkout::phase::{Phase, Stand, When};
pub(crate) use crate::checkout::told::{Told, read};
pub(crate) use crate::checkout::wire::{Settlement, Step, write};
use crate::violation::Violation;

/// Every coupon that was taken to the checkout.
#[derive(Debug, Default)]
pub(crate) struct Till {
    coupons: BTreeMap<Code, Coupon>,
    /// Coupons with something to be looked at: touched since they were last looked at.
    touched: BTreeSet<Code>,
    orders: u64,
    answers: u64,
    violations: Vec<Violation>,
}

#[derive(Debug)]
struct Coupon {
    /// The number of the user who won it.
    user: u64,
    /// What it can be.
    phases: Vec<Phase>,
    /// Steps that have been sent and are not over.
    in_flight: usize,
    /// Steps that are over while another is in flight.
    over: Vec<Over>,
    /// Steps whose effect is unknown until they are repeated.
    doubt: Vec<Step>,
}

/// A step and what came of it; `None`: no answer.
#[derive(Clone, Debug)]
struct Over {
    step: Step,
    when: When,
    told: Option<Told>,
}

impl Till {
    /// Takes up the coupon that `user` won, which nobody has taken to a checkout.
    pub(crate) fn take_up(&mut self, code: Code, user: u64) {
        let coupon = Coupon { user, phases: vec![Phase::Free], in_flight: 0, over: Vec::new(), doubt: Vec::new() };
        let before = self.coupons.insert(code, coupon);
        assert!(before.is_none(), "a coupon is taken up once");
    }

    /// Whether the coupon was taken up.
    pub(crate) fn knows(&self, code: Code) -> bool {
        self.coupons.contains_key(&code)
    }

    /// The number of an order that nobody has placed yet.
    pub(crate) fn new_order(&mut self) -> u64 {
        self.orders += 1;
        self.orders
    }

    /// How many steps were answered.
    pub(crate) fn answers(&self) -> u64 {
        self.answers
    }

    /// What was found wrong so far.
    pub(crate) fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The user who won a coupon.
    pub(crate) fn user(&self, code: Code) -> u64 {
        self.coupons[&code].user
    }

    /// What a coupon is, where that is known and no step of it is open.
    pub(crate) fn phase(&self, code: Code) -> Option<&Phase> {
        let coupon = &self.coupons[&code];
        match &*coupon.phases {
            [phase] if coupon.in_flight == 0 && coupon.doubt.is_empty() => Some(phase),
            _ => None,
        }
    }

    /// Every coupon that was taken up.
    pub(crate) fn coupons(&self) -> Vec<Code> {
        self.coupons.keys().copied().collect()
    }

    /// Steps whose effect is unknown: to be repeated.
    pub(crate) fn doubtful(&self) -> Vec<(Code, Step)> {
        let doubts = self.coupons.iter();
        doubts.flat_map(|(code, coupon)| coupon.doubt.iter().map(|step| (*code, step.clone()))).collect()
    }

    /// Coupons that had a step since this was last asked, and all that are held.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<Code> {
        let mut touched = std::mem::take(&mut self.touched);
        let held = self.coupons.iter().filter(|(_, coupon)| coupon.phases.iter().any(Phase::is_held));
        touched.extend(held.map(|(code, _)| *code));
        touched
    }

    /// Takes note that a step of the coupon was sent: it will be answered or not.
    pub(crate) fn sent(&mut self, code: Code) {
        self.coupon(code).in_flight += 1;
    }

    /// Takes the answer to a step.
    pub(crate) fn answered(&mut self, code: Code, step: Step, when: When, told: Told) {
        self.answers += 1;
        self.over(code, Over { step, when, told: Some(told) });
    }

    /// Takes note that a step had no answer, so that its effect is unknown.
    pub(crate) fn unanswered(&mut self, code: Code, step: Step, when: When) {
        self.over(code, Over { step, when, told: None });
    }

    /// Takes note that a step was repeated and never answered.
    pub(crate) fn not_settled(&mut self, code: Code, step: &Step) {
        self.violations.push(Fault::NotSettled { code, step: step.clone() }.into());
    }

    fn coupon(&mut self, code: Code) -> &mut Coupon {
        self.coupons.get_mut(&code).expect("it was taken up")
    }

    fn over(&mut self, code: Code, over: Over) {
        self.touched.insert(code);
        let coupon = self.coupon(code);
        coupon.in_flight = coupon.in_flight.checked_sub(1).expect("it was sent");
        coupon.over.push(over);
        if coupon.in_flight == 0 {
            let mut steps = std::mem::take(&mut coupon.over);
            steps.sort_by_key(|over| (over.told.as_ref().map_or(0, Told::turn), over.when.heard));
            for over in &steps {
                if let Err(fault) = coupon.judge(code, over) {
                    self.violations.push(fault.into());
                    return;
                }
            }
        }
    }
}

impl Coupon {
    /// Narrows down what the coupon can be, or widens it where there was no answer.
    fn judge(&mut self, code: Code, over: &Over) -> Result<(), Fault> {
        let Over { step, when, told } = over;
        let told = match told {
            // Nothing happened, the server says.
            Some(Told::Refused(refusal)) if matches!(&**refusal, "overloaded" | "rate_limited" | "shutting_down") => {
                return Ok(());
            }
            Some(Told::Refused(refusal)) if refusal == "log_unavailable" => None,
            told => told.as_ref(),
        };
        let Some(told) = told else {
            if !self.doubt.contains(step) && *step != Step::Look {
                self.doubt.push(step.clone());
            }
            let perhaps: Vec<_> = self.phases.iter().filter_map(|phase| phase.perhaps(step, when)).collect();
            self.phases.extend(perhaps);
            return Ok(());
        };
        if let Told::Strange(what) = told {
            return Err(Fault::Strange { code, step: step.clone(), what });
        }
        let mut left: Vec<Phase> = Vec::new();
        for phase in self.phases.iter().filter_map(|phase| phase.after(step, told, when)) {
            if !left.contains(&phase) {
                left.push(phase);
            }
        }
        if left.is_empty() {
            return Err(Fault::of(code, &self.phases, step, told, when));
        }
        self.phases = left;
        self.doubt.retain(|doubt| doubt != step);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
