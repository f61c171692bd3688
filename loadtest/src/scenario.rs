//! The campaign that a run claims from: what the server is told of it, and what the oracle holds the server to.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::oracle::Rules;
use crate::request::Kind;

/// A campaign of mode `first_come` that is open from an hour ago until tomorrow.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// The campaign's id.
    pub(crate) campaign: String,
    /// How many coupon types it has.
    pub(crate) coupon_types: u16,
    /// Units of each type.
    pub(crate) total_quota: u64,
    /// Units of each type on one day (UTC).
    pub(crate) daily_quota: Option<u64>,
    /// Coupons that one user may have; above one, claims carry an idempotency key.
    pub(crate) limit: u32,
}

impl Scenario {
    /// An id that no earlier run on the same server has used, made from the time.
    pub(crate) fn fresh_id(prefix: &str) -> String {
        format!("{prefix}-{}", Timestamp::now().as_millisecond())
    }

    /// The ids of the coupon types, in the order in which they are handed out.
    pub(crate) fn coupon_type_ids(&self) -> Vec<String> {
        (1..=self.coupon_types).map(|number| format!("coupon-{number}")).collect()
    }

    /// The body that creates the campaign at `now`.
    pub(crate) fn body(&self, now: Timestamp) -> Value {
        let at = |offset: SignedDuration| format!("{:.3}", now + offset);
        let coupon_types = self.coupon_type_ids().into_iter().map(|id| {
            let mut coupon_type = json!({"id": id, "name": id, "total_quota": self.total_quota, "valid_for": "30d"});
            if let Some(quota) = self.daily_quota {
                coupon_type["daily_quota"] = quota.into();
            }
            coupon_type
        });
        let coupon_types = coupon_types.collect::<Vec<_>>();
        json!({
            "id": self.campaign,
            "name": self.campaign,
            "time_zone": "UTC",
            "mode": "first_come",
            "schedule": {"starts_at": at(SignedDuration::from_hours(-1)), "ends_at": at(SignedDuration::from_hours(24))},
            "limit": {"max": self.limit, "per": "campaign", "by": "user"},
            "coupon_types": coupon_types,
        })
    }

    /// What the oracle holds the server to.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            campaign: self.campaign.clone(),
            kind: Kind::Claim,
            coupon_types: self.coupon_type_ids(),
            total_quota: vec![self.total_quota; usize::from(self.coupon_types)],
            daily_quota: self.daily_quota,
            limit: self.limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_and_the_oracle_are_told_the_same() {
        let scenario =
            Scenario { campaign: "c".into(), coupon_types: 2, total_quota: 10, daily_quota: Some(3), limit: 1 };
        let body = scenario.body("2026-12-01T00:00:00Z".parse().expect("a time"));
        assert_eq!(body["schedule"]["starts_at"], "2026-11-30T23:00:00.000Z");
        assert_eq!(body["schedule"]["ends_at"], "2026-12-02T00:00:00.000Z");
        let rules = scenario.rules();
        for (place, id) in rules.coupon_types.iter().enumerate() {
            let told = &body["coupon_types"][place];
            assert_eq!((&told["id"], &told["total_quota"], &told["daily_quota"]), (&json!(id), &json!(10), &json!(3)));
        }
        assert_eq!(rules.total_quota, [10, 10]);
    }
}
