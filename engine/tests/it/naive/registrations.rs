//! Who has registered, and who is heard.

use landrush_engine::campaign::Who;
use landrush_engine::command::Register;
use landrush_engine::id::UserId;
use landrush_engine::outcome::{Outcome, Refusal};

use super::{ModelCampaign, refuse};

impl ModelCampaign {
    pub(super) fn registration(&self, user: &UserId) -> Outcome {
        if !self.hears_only_registered() {
            refuse(Refusal::NoRegistration)
        } else if self.registered.contains(user) {
            Outcome::Registered { repeated: true }
        } else {
            refuse(Refusal::NotEligible)
        }
    }

    pub(super) fn register(&mut self, register: &Register) -> Outcome {
        if !self.hears_only_registered() {
            return refuse(Refusal::NoRegistration);
        }
        if self.registered.contains(&register.user) {
            return Outcome::Registered { repeated: true };
        }
        if self.cancelled.is_some() {
            return refuse(Refusal::Cancelled);
        }
        if self.is_over(register.stamped_at) {
            return refuse(Refusal::Ended);
        }
        let eligibility = self.definition.protection.eligibility.as_ref();
        let closes_at = eligibility.and_then(|eligibility| eligibility.registration_closes_at);
        if closes_at.is_some_and(|closes_at| register.stamped_at >= closes_at) {
            return refuse(Refusal::RegistrationClosed);
        }
        self.registered.push(register.user.clone());
        Outcome::Registered { repeated: false }
    }

    pub(super) fn hears(&self, user: &UserId) -> bool {
        !self.hears_only_registered() || self.registered.contains(user)
    }

    fn hears_only_registered(&self) -> bool {
        self.definition.protection.eligibility.as_ref().is_some_and(|eligibility| eligibility.who == Who::Registered)
    }
}
