//! How an event is shown as JSON: campaigns and coupon types by name where they are known, and never a coupon's code unless it
//! is asked for.

use landrush_engine::campaign::{
    AvailabilityDisplay, CampaignDefinition, CampaignPatch, CouponTypeDefinition, Mode, Period, Return,
};
use landrush_engine::coupon::Codes;
use landrush_engine::event::Change;
use landrush_engine::id::{CampaignNumber, Serial, TypeIndex};
use landrush_engine::time::Day;

use crate::http::json_text::JsonText;
use crate::text::Spelt;

/// What a claim is called outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) codes: Option<&'a Codes>,
    /// Whether coupon codes are shown.
    pub(super) show_codes: bool,
    /// Of the event's campaign, in listed order; empty if they are not known.
    pub(super) coupon_types: &'a [String],
    pub(super) campaign: CampaignNumber,
}

impl Names<'_> {
    fn claim(&self, serial: Option<Serial>, json: &mut JsonText<'_>) {
        let Some(serial) = serial else { return json.raw("claim", b"null") };
        json.number("claim", u64::from(serial.0));
        let Some(codes) = self.codes else { return };
        json.text("claim_id", codes.claim_id(self.campaign, serial).as_str());
        if self.show_codes {
            json.text("code", codes.code(self.campaign, serial).as_str());
        }
    }

    fn coupon_type(&self, name: &str, index: TypeIndex, json: &mut JsonText<'_>) {
        match self.coupon_types.get(index.as_index()) {
            Some(id) => json.text(name, id),
            None => json.number(name, u64::from(index.0)),
        }
    }

    /// Writes the members that belong to `change`. `serial` is the new claim's, if it is known.
    pub(super) fn change(&self, change: &Change<'_>, serial: Option<Serial>, json: &mut JsonText<'_>) {
        match change {
            Change::Created { definition, code_key } => {
                created(definition, json);
                json.text("code_key", &format!("{:016x}", code_key.0));
            }
            Change::Patched { patch } => self.patched(patch, json),
            Change::Cancelled { revoke } => json.bool("revoke", *revoke),
            Change::Archived => {}
            Change::Claimed { day, coupon_type, user, key, requested } => {
                self.claim(serial, json);
                json.text("user_id", user);
                self.coupon_type("coupon_type", *coupon_type, json);
                json.text("day", &date(*day));
                if let Some(key) = key {
                    json.text("idempotency_key", key);
                }
                if let Some(requested) = requested {
                    self.coupon_type("requested", *requested, json);
                }
            }
            Change::Voided { claim, restock, restock_today, allow_again } => {
                self.claim(Some(*claim), json);
                json.bool("restock", *restock);
                json.bool("restock_today", *restock_today);
                json.bool("allow_again", *allow_again);
            }
        }
    }

    fn patched(&self, patch: &CampaignPatch, json: &mut JsonText<'_>) {
        if let Some(name) = &patch.name {
            json.text("name", name);
        }
        if let Some(ends_at) = patch.ends_at {
            json.time("ends_at", ends_at);
        }
        if let Some(shown) = patch.availability_display {
            json.text("availability_display", display(shown));
        }
        if let Some(accept) = patch.accept_claims {
            json.bool("accept_claims", accept);
        }
        if let Some(accept) = patch.accept_redemptions {
            json.bool("accept_redemptions", accept);
        }
        if patch.coupon_types.is_empty() {
            return;
        }
        json.array("coupon_types", patch.coupon_types.iter(), |change, json| {
            self.coupon_type("id", change.coupon_type, json);
            if let Some(quota) = change.total_quota {
                json.number("total_quota", u64::from(quota));
            }
            match change.daily_quota {
                Some(Some(quota)) => json.number("daily_quota", u64::from(quota)),
                Some(None) => json.raw("daily_quota", b"null"),
                None => {}
            }
        });
    }
}

/// What a change is called.
pub(super) fn kind(change: &Change<'_>) -> &'static str {
    match change {
        Change::Created { .. } => "created",
        Change::Patched { .. } => "patched",
        Change::Cancelled { .. } => "cancelled",
        Change::Archived => "archived",
        Change::Claimed { .. } => "claimed",
        Change::Voided { .. } => "voided",
    }
}

/// A day as a date.
pub(super) fn date(day: Day) -> String {
    let days = i32::try_from(day.0).unwrap_or(i32::MAX);
    jiff::civil::date(1970, 1, 1)
        .checked_add(jiff::Span::new().days(days))
        .map_or_else(|_| format!("day {days}"), |date| date.to_string())
}

fn created(definition: &CampaignDefinition, json: &mut JsonText<'_>) {
    json.text("name", &definition.name);
    json.text("time_zone", &definition.time_zone);
    match definition.mode {
        Mode::FirstCome => json.text("mode", "first_come"),
    }
    json.time("starts_at", definition.starts_at);
    json.time("ends_at", definition.ends_at);
    json.nested("limit", |json| {
        json.number("max", u64::from(definition.limit.max));
        let per = match definition.limit.per {
            Period::Campaign => "campaign",
            Period::Day => "day",
        };
        json.text("per", per);
    });
    json.text("availability_display", display(definition.availability_display));
    json.number("expected_claimants", u64::from(definition.expected_claimants));
    json.nested("returns", |json| {
        let voided = match definition.returns.voided {
            Return::Restock => "restock",
            Return::Burn => "burn",
        };
        json.text("voided", voided);
    });
    json.array("coupon_types", definition.coupon_types.iter(), coupon_type);
}

fn coupon_type(definition: &CouponTypeDefinition, json: &mut JsonText<'_>) {
    json.text("id", definition.id.as_str());
    json.text("name", &definition.name);
    json.number("total_quota", u64::from(definition.total_quota));
    if let Some(quota) = definition.daily_quota {
        json.number("daily_quota", u64::from(quota));
    }
    if let Some(valid_for) = definition.valid_for {
        json.text("valid_for", &Spelt(valid_for).to_string());
    }
    if let Some(metadata) = &definition.metadata {
        json.raw("metadata", metadata.as_bytes());
    }
}

fn display(shown: AvailabilityDisplay) -> &'static str {
    match shown {
        AvailabilityDisplay::Exact => "exact",
        AvailabilityDisplay::Bucketed => "bucketed",
    }
}
