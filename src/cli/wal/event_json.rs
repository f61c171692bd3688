//! How an event is shown as JSON: campaigns and coupon types by name where they are known, and never a coupon's code unless it
//! is asked for.

use landrush_engine::campaign::CampaignPatch;
use landrush_engine::command::Settlement;
use landrush_engine::coupon::Codes;
use landrush_engine::event::{Change, Granted};
use landrush_engine::fairness::hex::Hex;
use landrush_engine::id::{CampaignNumber, RedemptionNumber, Serial, TypeIndex};
use landrush_engine::time::Day;

use crate::http::json_text::JsonText;
use crate::http::{campaign_json, words};
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

    fn redemption(&self, redemption: RedemptionNumber, json: &mut JsonText<'_>) {
        json.number("redemption", u64::from(redemption.0));
        if let Some(codes) = self.codes {
            json.text("redemption_id", codes.redemption_id(self.campaign, redemption).as_str());
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
            Change::Created { definition, code_key, seed } => {
                json.text("name", &definition.name);
                campaign_json::write_rules(definition, json);
                json.array("coupon_types", definition.coupon_types.iter(), |coupon_type, json| {
                    campaign_json::write_type(coupon_type, true, json);
                });
                json.text("code_key", &format!("{:016x}", code_key.0));
                // The seed itself stays secret until the campaign is over, and then the server publishes it.
                if let Some(seed) = seed {
                    json.text("commitment", &seed.commitment().to_string());
                }
            }
            Change::Patched { patch } => self.patched(patch, json),
            Change::Resumed { patch, longer_by } => {
                self.patched(patch, json);
                json.text("longer_by", &Spelt(*longer_by).to_string());
            }
            Change::Cancelled { revoke } => json.bool("revoke", *revoke),
            Change::Archived | Change::Ended => {}
            Change::Claimed { grant, coupon_type, requested } => {
                self.claim(serial, json);
                granted(grant, json);
                self.coupon_type("coupon_type", *coupon_type, json);
                if let Some(requested) = requested {
                    self.coupon_type("requested", *requested, json);
                }
            }
            Change::Drew { grant, sampled, won } => {
                self.claim(serial, json);
                granted(grant, json);
                match sampled {
                    Some(sampled) => self.coupon_type("sampled", *sampled, json),
                    None => json.raw("sampled", b"null"),
                }
                json.bool("won", *won);
            }
            Change::Entered { grant } => {
                self.claim(serial, json);
                granted(grant, json);
            }
            Change::Ranked { count, entries_hash, ranks: _ } => {
                json.number("entries", u64::from(*count));
                json.text("entries_hash", &Hex(entries_hash).to_string());
            }
            Change::CodesImported { coupon_type, file } => {
                self.coupon_type("coupon_type", *coupon_type, json);
                json.number("file", file.id.0);
                json.number("count", u64::from(file.count));
                json.text("hash", &Hex(&file.hash).to_string());
            }
            Change::Voided { claim, restock, restock_today, allow_again } => {
                self.claim(Some(*claim), json);
                json.bool("restock", *restock);
                json.bool("restock_today", *restock_today);
                json.bool("allow_again", *allow_again);
            }
            Change::Redeemed { claim, order, named_user, hold } => {
                self.claim(Some(*claim), json);
                json.text("order_id", order);
                json.bool("named_user", *named_user);
                json.optional_text("hold", hold.map(|hold| Spelt(hold).to_string()).as_deref());
            }
            Change::Settled { redemption, settlement, day: _ } => {
                self.redemption(*redemption, json);
                let settlement = match settlement {
                    Settlement::Confirm => "confirm",
                    Settlement::Release => "release",
                    Settlement::Reverse => "reverse",
                };
                json.text("settlement", settlement);
            }
            Change::HoldExpired { redemption, day: _ } => self.redemption(*redemption, json),
            Change::Arrived { window, user } => {
                json.time("window", *window);
                json.text("user_id", user);
            }
            Change::Registered { user } => json.text("user_id", user),
            Change::Shuffled { window, count, hash } => {
                json.time("window", *window);
                json.number("count", u64::from(*count));
                json.text("hash", &Hex(hash).to_string());
            }
            Change::Admitted { up_to } => json.number("up_to", u64::from(*up_to)),
            Change::Expired { coupon_type, count, day: _ } => {
                self.coupon_type("coupon_type", *coupon_type, json);
                json.number("count", u64::from(*count));
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
            json.text("availability_display", words::display(shown));
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
        Change::Resumed { .. } => "resumed",
        Change::Cancelled { .. } => "cancelled",
        Change::Archived => "archived",
        Change::Claimed { .. } => "claimed",
        Change::Voided { .. } => "voided",
        Change::Drew { .. } => "drew",
        Change::Entered { .. } => "entered",
        Change::Ended => "ended",
        Change::Ranked { .. } => "ranked",
        Change::CodesImported { .. } => "codes_imported",
        Change::Redeemed { .. } => "redeemed",
        Change::Settled { .. } => "settled",
        Change::HoldExpired { .. } => "hold_expired",
        Change::Arrived { .. } => "arrived",
        Change::Registered { .. } => "registered",
        Change::Shuffled { .. } => "shuffled",
        Change::Admitted { .. } => "admitted",
        Change::Expired { .. } => "expired",
    }
}

/// A day as a date.
pub(super) fn date(day: Day) -> String {
    let days = i32::try_from(day.0).unwrap_or(i32::MAX);
    jiff::civil::date(1970, 1, 1)
        .checked_add(jiff::Span::new().days(days))
        .map_or_else(|_| format!("day {days}"), |date| date.to_string())
}

fn granted(grant: &Granted<'_>, json: &mut JsonText<'_>) {
    json.text("user_id", grant.user);
    json.text("day", &date(grant.day));
    if let Some(window) = grant.window {
        json.time("window", window);
    }
    if let Some(key) = grant.key {
        json.text("idempotency_key", key);
    }
    if let Some(phone) = grant.phone {
        json.number("phone", phone.0);
    }
}
