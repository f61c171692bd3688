//! The campaigns of the rounds: what the server is told of them, and what the oracle holds it to. Claims of several kinds,
//! and draws of which one type soon runs out.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::oracle::Rules;
use crate::request::Kind;
use crate::scenario::Scenario;

/// The types of a campaign of draws: id, units, and how many of a thousand draws choose it. The rest choose none.
const DRAWN: [(&str, u64, u16); 3] = [("tiny", 25, 50), ("some", 400, 150), ("many", 1_000_000, 300)];

/// A campaign to be created, with a body that stays the same when creating it is repeated.
#[derive(Debug)]
pub(super) struct Opening {
    /// What the server is told.
    pub(super) body: Value,
    /// What the oracle knows.
    pub(super) rules: Rules,
}

/// The campaigns that are asked at one time.
pub(super) fn openings(generation: u32, now: Timestamp) -> Vec<Opening> {
    let scenario = |name: &str, coupon_types, total_quota, daily_quota, limit| {
        let campaign = format!("crash-{name}-{generation}");
        let scenario = Scenario { campaign, coupon_types, total_quota, daily_quota, limit };
        Opening { body: scenario.body(now), rules: scenario.rules() }
    };
    vec![
        scenario("plenty", 1, 1_000_000, None, 1),
        // Gone within a few rounds, first one type and then the other.
        scenario("scarce", 2, 700, None, 1),
        scenario("daily", 1, 1_000_000, Some(1_000), 1),
        scenario("keyed", 1, 1_000_000, None, 3),
        draws(generation, now),
    ]
}

fn draws(generation: u32, now: Timestamp) -> Opening {
    let campaign = format!("crash-draws-{generation}");
    let scenario = Scenario { campaign, coupon_types: 0, total_quota: 0, daily_quota: None, limit: 1 };
    let coupon_types = DRAWN.map(|(id, total_quota, thousandths)| {
        json!({
            "id": id, "name": id, "total_quota": total_quota, "valid_for": "30d",
            "probability": f64::from(thousandths) / 1_000.0,
        })
    });
    let mut body = scenario.body(now);
    body["mode"] = "draw".into();
    body["time_zone"] = noon_zone(now).into();
    body["limit"] = json!({"max": 1, "per": "day", "by": "user"});
    body["coupon_types"] = coupon_types.as_slice().into();
    let rules = Rules {
        kind: Kind::Draw,
        coupon_types: DRAWN.iter().map(|(id, _, _)| (*id).to_owned()).collect(),
        total_quota: DRAWN.iter().map(|(_, total_quota, _)| *total_quota).collect(),
        ..scenario.rules()
    };
    Opening { body, rules }
}

/// The time zone in which it is about noon, so that no new day, with another draw for everybody, comes in the midst.
fn noon_zone(now: Timestamp) -> String {
    match 12 - now.to_zoned(TimeZone::UTC).hour() {
        0 => "Etc/GMT".to_owned(),
        // The signs of these names are those of POSIX: behind Greenwich is positive.
        ahead => format!("Etc/GMT{:+}", -ahead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_noon_in_the_zone_of_the_draws_at_every_hour() {
        for hour in 0..24 {
            let now: Timestamp = format!("2026-12-01T{hour:02}:30:00Z").parse().expect("a time");
            let zone = TimeZone::get(&noon_zone(now)).expect("a zone that exists");
            assert_eq!(now.to_zoned(zone).hour(), 12, "{hour}");
        }
    }

    #[test]
    fn the_server_and_the_oracle_are_told_the_same_of_draws() {
        let Opening { body, rules } = draws(3, "2026-12-01T00:00:00Z".parse().expect("a time"));
        assert_eq!((&body["id"], rules.kind), (&json!(rules.campaign), Kind::Draw));
        for (place, id) in rules.coupon_types.iter().enumerate() {
            let told = &body["coupon_types"][place];
            assert_eq!((&told["id"], &told["total_quota"]), (&json!(id), &json!(rules.total_quota[place])));
        }
    }
}
