//! Owns the body of a claim: `{"user_id", "coupon_type"?, "phone"?}`.

use std::borrow::Cow;

use landrush_engine::campaign::Mode;
use landrush_engine::id::{CampaignId, CouponTypeId, UserId};
use landrush_engine::people::PhoneNumber;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::fields::{Faults, FieldError, Object};
use super::phone;

/// A claim that has been read and checked as far as the body alone allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimBody {
    /// For whom.
    pub user: UserId,
    /// The type asked for by name.
    pub coupon_type: Option<CouponTypeId>,
    /// The person's phone number, where it comes with the claim.
    pub phone: Option<PhoneNumber>,
}

/// A claim that was read in one pass, as only those pass that nothing is wrong with.
#[derive(Debug, Default)]
pub(super) struct QuickBody {
    user: Option<UserId>,
    coupon_type: Option<CouponTypeId>,
    phone: Option<PhoneNumber>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    UserId,
    CouponType,
    Phone,
}

/// Borrowed where it has no escapes; serde does not borrow a `Cow` within an `Option` by itself.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

// Derived, it would take an array with the same values in their order too.
impl<'de> Deserialize<'de> for QuickBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = QuickBody;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a claim")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<QuickBody, A::Error> {
        let mut body = QuickBody::default();
        let (mut user_seen, mut type_seen, mut phone_seen) = (false, false, false);
        while let Some(member) = map.next_key()? {
            let seen = match member {
                Member::UserId => &mut user_seen,
                Member::CouponType => &mut type_seen,
                Member::Phone => &mut phone_seen,
            };
            if std::mem::replace(seen, true) {
                return Err(A::Error::custom("a member is repeated"));
            }
            let Some(Text(text)) = map.next_value::<Option<Text<'de>>>()? else { continue };
            match member {
                Member::UserId => body.user = Some(UserId::new(&text).map_err(A::Error::custom)?),
                Member::CouponType => body.coupon_type = Some(CouponTypeId::new(&text).map_err(A::Error::custom)?),
                Member::Phone => body.phone = Some(phone::parse(&text).map_err(A::Error::custom)?),
            }
        }
        Ok(body)
    }
}

impl QuickBody {
    /// The claim, if it may be made like this.
    pub(super) fn claim(self, mode: Mode, caller: Option<&UserId>) -> Option<ClaimBody> {
        let Self { user, coupon_type, phone } = self;
        let user = match user {
            Some(user) => user,
            None => caller?.clone(),
        };
        (mode == Mode::FirstCome || coupon_type.is_none()).then_some(ClaimBody { user, coupon_type, phone })
    }
}

impl ClaimBody {
    /// Reads a body. One that names no user is the `caller`'s, if a token says who that is; whether it may name another is
    /// not asked here.
    ///
    /// # Errors
    /// Every fault of the body, by pointer.
    pub fn parse(body: &[u8], mode: Mode, caller: Option<&UserId>) -> Result<Self, Vec<FieldError>> {
        // One pass without a tree serves all who ask rightly; whoever does not gets the slow one, which can explain.
        match Self::quick(body, mode, caller) {
            Some(claim) => Ok(claim),
            None => Self::careful(body, mode, caller),
        }
    }

    fn quick(body: &[u8], mode: Mode, caller: Option<&UserId>) -> Option<Self> {
        serde_json::from_slice::<QuickBody>(body).ok()?.claim(mode, caller)
    }

    fn careful(body: &[u8], mode: Mode, caller: Option<&UserId>) -> Result<Self, Vec<FieldError>> {
        Faults::read(body, |object| Self::members(object, mode, caller))
    }

    /// Reads a body that names the campaign too.
    ///
    /// # Errors
    /// Every fault of the body, by pointer.
    pub fn parse_with_campaign(
        body: &[u8],
        mode: Mode,
        caller: Option<&UserId>,
    ) -> Result<(CampaignId, Self), Vec<FieldError>> {
        Faults::read(body, |object| {
            let campaign = object.required("campaign_id", |json, at| at.parsed(json, CampaignId::new));
            let claim = Self::members(object, mode, caller);
            campaign.zip(claim)
        })
    }

    /// Reads a body that names a user and nothing else.
    ///
    /// # Errors
    /// Every fault of the body, by pointer.
    pub fn parse_user(body: &[u8], caller: Option<&UserId>) -> Result<UserId, Vec<FieldError>> {
        Faults::read(body, |object| Self::user(object, caller))
    }

    /// The user that a body names, or the `caller`.
    pub(super) fn user(object: &mut Object<'_>, caller: Option<&UserId>) -> Option<UserId> {
        match caller {
            Some(caller) => {
                object.optional("user_id", |json, at| at.parsed(json, UserId::new)).or_else(|| Some(caller.clone()))
            }
            None => object.required("user_id", |json, at| at.parsed(json, UserId::new)),
        }
    }

    fn members(object: &mut Object<'_>, mode: Mode, caller: Option<&UserId>) -> Option<Self> {
        let user = Self::user(object, caller);
        let coupon_type = match mode {
            Mode::FirstCome => object.optional("coupon_type", |json, at| at.parsed(json, CouponTypeId::new)),
            // The odds choose.
            Mode::Draw | Mode::Lottery => None,
        };
        let phone = object.optional("phone", |json, at| at.parsed(json, phone::parse));
        Some(Self { user: user?, coupon_type, phone })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_way_takes_nothing_that_the_careful_one_refuses(
            user in "[ -~ü]{0,6}", coupon_type in "(\\PC{0,4}|[a-z0-9-]{1,8})", extra in "(,\"(user_id|x)\":1)?",
        ) {
            let user = serde_json::to_string(&user).expect("writes");
            let coupon_type = serde_json::to_string(&coupon_type).expect("writes");
            let body = format!("{{\"coupon_type\":{coupon_type},\"user_id\":{user}{extra}}}");
            if let Some(claim) = ClaimBody::quick(body.as_bytes(), Mode::FirstCome, None) {
                prop_assert_eq!(ClaimBody::careful(body.as_bytes(), Mode::FirstCome, None), Ok(claim));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_with_a_reason(body: Vec<u8>) {
            if let Err(errors) = ClaimBody::parse(&body, Mode::FirstCome, None) {
                prop_assert!(!errors.is_empty());
            }
        }
    }

    fn refused(body: &str, pointers: &[&str]) {
        let errors = ClaimBody::parse(body.as_bytes(), Mode::FirstCome, None).expect_err(body);
        assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), pointers, "{body}");
    }

    #[test]
    fn claims_are_read() {
        for body in [
            r#"{"user_id":"u-1","coupon_type":"cash-5"}"#,
            r#" { "coupon_type" : "cash-5" , "user_id" : "\u0075-1", "phone": null } "#,
        ] {
            let claim = ClaimBody::parse(body.as_bytes(), Mode::FirstCome, None).expect(body);
            assert_eq!(claim.user.as_str(), "u-1");
            assert_eq!(claim.coupon_type.as_ref().map(CouponTypeId::as_str), Some("cash-5"));
        }
        assert_eq!(ClaimBody::parse(br#"{"user_id":"u"}"#, Mode::FirstCome, None).expect("valid").coupon_type, None);
    }

    #[test]
    fn faults_are_named() {
        refused("", &[""]);
        refused("[]", &[""]);
        refused(r#"["u-1","cash-5"]"#, &[""]);
        refused("{}", &["/user_id"]);
        refused(r#"{"user_id":1}"#, &["/user_id"]);
        refused(r#"{"user_id":""}"#, &["/user_id"]);
        refused(r#"{"user_id":"a\u0000b"}"#, &["/user_id"]);
        refused(r#"{"user_id":"u","user_id":"v"}"#, &["/user_id"]);
        refused(r#"{"user_id":"u","colour":"red"}"#, &["/colour"]);
        refused(r#"{"user_id":"u","coupon_type":"No Such"}"#, &["/coupon_type"]);
    }

    #[test]
    fn a_token_may_stand_for_the_body_s_user() {
        let caller = UserId::new("u-1").expect("an id");
        for (body, user) in [("{}", "u-1"), (r#"{"coupon_type":"x"}"#, "u-1"), (r#"{"user_id":"v"}"#, "v")] {
            let claim = ClaimBody::parse(body.as_bytes(), Mode::FirstCome, Some(&caller)).expect(body);
            assert_eq!(claim.user.as_str(), user, "{body}");
        }
        for body in [r#"{"user_id":""}"#, r#"{"user_id":1}"#] {
            let errors = ClaimBody::parse(body.as_bytes(), Mode::FirstCome, Some(&caller)).expect_err(body);
            assert_eq!(errors[0].pointer, "/user_id");
        }
    }

    #[test]
    fn a_phone_comes_normalised() {
        let phone = |text: &str| {
            let body = format!(r#"{{"user_id":"u","phone":{}}}"#, serde_json::to_string(text).expect("writes"));
            ClaimBody::parse(body.as_bytes(), Mode::Draw, None)
                .map(|claim| claim.phone.expect("there").as_str().to_owned())
        };
        assert_eq!(phone("+65 9123 4567"), Ok("+6591234567".to_owned()));
        assert_eq!(phone("12").expect_err("no number")[0].pointer, "/phone");
        refused(r#"{"user_id":"u","phone":12}"#, &["/phone"]);
    }

    #[test]
    fn a_body_may_name_its_campaign() {
        let (campaign, claim) =
            ClaimBody::parse_with_campaign(br#"{"campaign_id":"c","user_id":"u"}"#, Mode::Draw, None).expect("valid");
        assert_eq!((campaign.as_str(), claim.user.as_str()), ("c", "u"));
        let errors = ClaimBody::parse_with_campaign(br#"{"coupon_type":"x"}"#, Mode::Draw, None).expect_err("faults");
        let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/campaign_id", "/user_id", "/coupon_type"]);
    }
}
