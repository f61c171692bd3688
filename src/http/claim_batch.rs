//! Owns the batch call: many claims of one campaign from the shop's own gateway in one request, each judged by itself and answered
//! in its place. Lists and rates hold for users and phones as elsewhere; addresses and devices are the gateway's affair.
//!
//! All are handed to the shard before the first answer is awaited, so that one sync of the log covers many of them.

use std::time::Instant;

use arc_swap::Guard;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use landrush_engine::campaign::{CampaignDefinition, Eligibility, Mode, Protection, Who};
use landrush_engine::command::{Claim, Command, Gate, GateRefusal};
use landrush_engine::id::{PhoneId, TypeIndex, UserId};
use landrush_engine::outcome::{ClaimView, Outcome, Refusal};
use landrush_engine::people::PhoneNumber;
use landrush_engine::published::Published;
use landrush_engine::time::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::admission::{self, Visitor};
use super::answer::Answer;
use super::claim_body::{ClaimBody, QuickBody};
use super::fields::{Faults, FieldError};
use super::json_text::JsonText;
use super::lane::Lane;
use super::pressure::Shed;
use super::problem::Problem;
use super::query::Query;
use super::users::Phone;
use super::{body, claim_json, claims, users};
use crate::app::Opened;
use crate::fraud::Verdict;
use crate::gate::lists::Lists;
use crate::{desk, fraud, metrics};

/// The most claims in one request.
pub(crate) const CLAIMS_MAX: usize = 8_192;

/// Claims that are judged and handed over at once: the shard works on them while the next are judged, and what is kept of each in
/// between stays in the processor's cache.
const AT_ONCE: usize = 512;

/// Room for one result, in bytes: few take more.
const RESULT_BYTES: usize = 384;

/// The longest body, in bytes.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// A batch, whose claims are read with it or kept as they stand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch<C> {
    claims: Vec<C>,
}

/// What is known of a claim of a batch that nothing here stands in the way of.
struct Judged {
    coupon_type: Option<TypeIndex>,
    gate: Gate,
    /// Its number, which is being stored.
    phone: Option<Phone>,
}

/// A claim of a batch that was handed over.
struct Asked {
    user: UserId,
    answer: desk::Answer,
}

/// `POST /v1/campaigns/{id}/claims:batch`.
pub(crate) async fn claim(
    lane: &Lane,
    opened: &Opened,
    id: &str,
    parts: &Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    Query::parse(parts.uri.query(), &[])?;
    let began = Instant::now();
    let patience = lane.app().config().http.body_timeout;
    let bytes = body::json(&parts.headers, body, BATCH_BYTES_MAX, patience).await?;
    let stamped_at = opened.engine.clock().now();
    let read = read(&bytes).map_err(Problem::invalid)?;
    let campaign = claims::living(opened, id)?;
    let definition = campaign.definition();
    if definition.mode != Mode::FirstCome {
        return Err(claims::wrong_mode(definition.mode));
    }

    // Asked once, ahead of all: what the batch itself brings is no crowd that it stands in.
    let is_crowded = lane.is_crowded(&opened.engine);
    // Its own, since what is borrowed of the lists is borrowed for moments only.
    let lists = Guard::into_inner(lane.app().lists());
    let (campaign, definition, lists) = (&*campaign, &*definition, &*lists);
    let terms = Terms { lane, opened, lists, campaign, definition, stamped_at, is_crowded };
    let mut asked = Vec::with_capacity(read.len());
    let mut judged = Vec::with_capacity(AT_ONCE);
    let mut read = read.into_iter();
    while !read.as_slice().is_empty() {
        // Numbers first, and one wait for what the last of them needs to be on disk.
        for body in read.by_ref().take(AT_ONCE) {
            judged.push(match body {
                Ok(mut body) => {
                    let judged = if admission::needs_stored_phone(lists, opened, &body.user, body.phone.as_ref()) {
                        let stored = users::read_phone(opened, &body.user).await;
                        stored.and_then(|stored| terms.judge(&body, stored.as_ref()))
                    } else {
                        terms.judge(&body, None)
                    };
                    // In the report on fraud also where it is what the claim was refused for.
                    let told = body.phone.take();
                    (told, judged.map(|judged| (body.user, judged)))
                }
                Err(errors) => (None, Err(Problem::invalid(errors))),
            });
        }
        for (told, judged) in judged.drain(..) {
            let one = match judged {
                Ok((user, Judged { coupon_type, gate, phone })) => match phone_id(opened, phone).await {
                    Ok(phone) => terms.ask(user, coupon_type, gate, phone),
                    Err(problem) => Err(problem),
                },
                Err(problem) => Err(problem),
            };
            // Many are kept, and problems are large and few.
            asked.push((told, one.map_err(Box::new)));
        }
        lane.ring(&opened.engine);
    }
    // Each is written as it comes, while the shard is busy with those after it.
    let mut text = Vec::with_capacity(asked.len() * RESULT_BYTES);
    text.extend_from_slice(b"{\"results\":[");
    let mut verdicts = Vec::with_capacity(asked.len());
    let mut outcomes = Vec::with_capacity(asked.len());
    for (number, (phone, one)) in asked.into_iter().enumerate() {
        let result = match one {
            Ok(Asked { user, answer }) => granted(lane, answer).await.map(|(claim, repeated)| (user, claim, repeated)),
            Err(problem) => Err(*problem),
        };
        if number > 0 {
            text.push(b',');
        }
        let mut json = JsonText::object(&mut text);
        match &result {
            Ok((user, claim, repeated)) => {
                let granted = if *repeated { metrics::Granted::Repeated } else { metrics::Granted::now(claim) };
                verdicts.push((phone, granted.verdict()));
                outcomes.push(Ok(granted));
                json.number("status", u64::from(status(*repeated).as_u16()));
                claim_json::write(claim, user.as_str(), *repeated, definition, opened, &mut json);
            }
            Err(problem) => {
                verdicts.push((phone, Verdict::Refused(problem.refused_by)));
                outcomes.push(Err(problem.code));
                if let Some(reason) = problem.refused_by {
                    lane.counts().gate_refused(reason);
                }
                problem.write_members(lane.retry(problem), &mut json);
            }
        }
        json.end();
    }
    text.extend_from_slice(b"]}");
    // All leave together.
    let took = began.elapsed();
    outcomes.into_iter().for_each(|outcome| lane.counts().claim(outcome, took));
    // At the end, so that a report being read is waited for once at most.
    let answered = verdicts.iter().map(|(phone, verdict)| {
        let phone = phone.as_ref().map(PhoneNumber::as_str);
        (fraud::Asked { address: None, device: None, phone }, *verdict)
    });
    lane.note_all(campaign, stamped_at, answered);
    Ok(Answer::json(StatusCode::OK, text.into()))
}

/// What a claim came to, and whether it had been answered before.
async fn granted(lane: &Lane, answer: desk::Answer) -> Result<(ClaimView, bool), Problem> {
    let outcome = lane.heard(answer.await)?;
    let repeated = matches!(outcome, Outcome::Repeated(_));
    let (Outcome::Won(claim) | Outcome::Repeated(claim)) = outcome else { return Err(claims::unexpected(&outcome)) };
    Ok((claim, repeated))
}

fn status(repeated: bool) -> StatusCode {
    if repeated { StatusCode::OK } else { StatusCode::CREATED }
}

/// The claims of a body. What is wrong with one of them is that one's affair, what is wrong with the whole everybody's.
fn read(bytes: &[u8]) -> Result<Vec<Result<ClaimBody, Vec<FieldError>>>, Vec<FieldError>> {
    // Mostly nothing is wrong with any of them; what is, only the slow ways can explain.
    if let Some(claims) = read_quickly(bytes) {
        return Ok(claims);
    }
    // An array with the same values in their order would be taken too.
    let raw = bytes.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice::<Batch<&RawValue>>(bytes));
    let Some(Ok(Batch { claims })) = raw else {
        return Err(Faults::read(bytes, |object| {
            object.required("claims", |json, at| at.array(json, CLAIMS_MAX, |_, _| Some(()))).map(drop)
        })
        .err()
        .unwrap_or_else(|| vec![FieldError::new("", "is no batch of claims")]));
    };
    if claims.is_empty() || claims.len() > CLAIMS_MAX {
        return Err(vec![FieldError::new("/claims", format!("has {} items, not 1 to {CLAIMS_MAX}", claims.len()))]);
    }
    let read = claims.iter().enumerate().map(|(index, claim)| {
        ClaimBody::parse(claim.get().as_bytes(), Mode::FirstCome, None).map_err(|errors| {
            errors
                .into_iter()
                .map(|error| FieldError::new(format!("/claims/{index}{}", error.pointer), error.detail))
                .collect()
        })
    });
    Ok(read.collect())
}

/// All claims of a body in one pass, if nothing is wrong with any of them.
fn read_quickly(bytes: &[u8]) -> Option<Vec<Result<ClaimBody, Vec<FieldError>>>> {
    bytes.trim_ascii_start().starts_with(b"{").then_some(())?;
    // What is read takes much more room than it does in the body: more than may be here are not read at all.
    (bytes.iter().filter(|byte| **byte == b'{').count() <= 1 + CLAIMS_MAX).then_some(())?;
    let text = std::str::from_utf8(bytes).ok()?;
    let Batch { claims } = serde_json::from_str::<Batch<QuickBody>>(text).ok()?;
    (!claims.is_empty()).then_some(())?;
    claims.into_iter().map(|claim| claim.claim(Mode::FirstCome, None).map(Ok)).collect()
}

/// What stands for the number, once that is durable.
async fn phone_id(opened: &Opened, phone: Option<Phone>) -> Result<Option<PhoneId>, Problem> {
    match phone {
        Some(phone) => users::durable_phone(opened, phone).await.map(Some),
        None => Ok(None),
    }
}

/// What all claims of a batch are held against.
struct Terms<'b> {
    lane: &'b Lane,
    opened: &'b Opened,
    lists: &'b Lists,
    campaign: &'b Published,
    definition: &'b CampaignDefinition,
    stamped_at: Timestamp,
    is_crowded: bool,
}

impl Terms<'_> {
    /// Holds a claim against all that is known here, in the order in which one by itself is, and begins to store its number.
    fn judge(&self, body: &ClaimBody, stored: Option<&PhoneNumber>) -> Result<Judged, Problem> {
        let Self { lane, opened, lists, campaign, definition, stamped_at, is_crowded } = *self;
        let ClaimBody { user, coupon_type, phone } = body;
        let visitor = Visitor { origin: None, user, phone: phone.as_ref(), stored };
        visitor.is_not_denied_by(lists)?;
        let coupon_type = claims::named_type(definition, coupon_type.as_ref())?;
        if definition.limit.max > 1 {
            // A batch has one header for all, and a key that names one of them names none.
            return Err(Problem::refused(Refusal::KeyRequired));
        }
        visitor.is_in_time(lane, opened, campaign.number(), &definition.protection.rate_limits, stamped_at)?;
        let gate = self.gate(user);
        if let Some(refusal) = campaign.refuse_early(user, coupon_type, gate, stamped_at, stamped_at) {
            return Err(Problem::refused(refusal));
        }
        if is_crowded && !campaign.may_have_decided(user) {
            return Err(lane.shed(Shed::Newcomer));
        }
        // Of whoever is refused for certain no number is stored.
        let phone = if phone.is_some() || definition.needs_phone() {
            users::store_phone(opened, user, phone.as_ref())?
        } else {
            None
        };
        Ok(Judged { coupon_type, gate, phone })
    }

    /// Hands a claim to its shard.
    fn ask(
        &self,
        user: UserId,
        coupon_type: Option<TypeIndex>,
        gate: Gate,
        phone: Option<PhoneId>,
    ) -> Result<Asked, Problem> {
        let Self { lane, opened, campaign, stamped_at, .. } = *self;
        let number = campaign.number();
        let claim = Claim { campaign: number, user: user.clone(), coupon_type, key: None, phone, gate, stamped_at };
        let answer = lane.submit(&opened.engine, campaign.route(), Command::Claim(claim))?;
        Ok(Asked { user, answer })
    }

    /// A batch bears nobody's ticket, pass, token or device: where one is asked for, its claims are refused as others without it are.
    fn gate(&self, user: &UserId) -> Gate {
        let Protection { challenge, eligibility, rate_limits: _, waiting_room: _ } = &*self.definition.protection;
        let is_eligible = eligibility.as_ref().is_none_or(|eligibility| {
            let Eligibility { who, devices_per_user, users_per_device, token_claims, registration_closes_at: _ } =
                eligibility;
            let is_listed = match who {
                Who::Listed => self.opened.eligible.has(self.campaign.number(), user.as_str()),
                Who::Anyone | Who::Registered => true,
            };
            is_listed && devices_per_user.is_none() && users_per_device.is_none() && token_claims.is_empty()
        });
        let refusal = match (challenge.is_none(), is_eligible) {
            (true, true) => None,
            (false, _) => Some(GateRefusal::ChallengeRequired),
            (true, false) => Some(GateRefusal::NotEligible),
        };
        Gate { place: None, refusal }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_one_claim_is_its_own_and_named_by_its_place() {
        let read =
            read(br#"{"claims":[{"user_id":"a"},{"user_id":""},{"x":1},7,["a","cash-5"],{"user_id":"b","coupon_type":"cash-5"}]}"#);
        let read = read.expect("a batch");
        let pointers: Vec<Vec<&str>> = read
            .iter()
            .map(|one| one.as_ref().err().into_iter().flatten().map(|error| error.pointer.as_str()).collect())
            .collect();
        assert_eq!(
            pointers,
            [
                vec![],
                vec!["/claims/1/user_id"],
                vec!["/claims/2/user_id", "/claims/2/x"],
                vec!["/claims/3"],
                vec!["/claims/4"],
                vec![]
            ]
        );
    }

    #[test]
    fn a_fault_of_the_whole_is_everybodys() {
        let many = format!(r#"{{"claims":[{}]}}"#, vec![r#"{"user_id":"a"}"#; CLAIMS_MAX + 1].join(","));
        for (body, pointer) in [
            ("", ""),
            ("[]", ""),
            ("{}", "/claims"),
            (r#"{"claims":7}"#, "/claims"),
            (r#"{"claims":[]}"#, "/claims"),
            (r#"{"claims":[{"user_id":"a"}],"dry":true}"#, "/dry"),
            (r#"[[{"user_id":"a"}]]"#, ""),
            (many.as_str(), "/claims"),
        ] {
            let errors = read(body.as_bytes()).expect_err("no batch");
            assert_eq!(errors[0].pointer, pointer, "{}", &body[..body.len().min(60)]);
        }
    }
}
