//! Owns the body of a claim: `{"user_id", "coupon_type"?, "phone"?}`.

use std::borrow::Cow;

use landrush_engine::campaign::Mode;
use landrush_engine::id::{CouponTypeId, UserId};
use serde::Deserialize;

use super::fields::{Faults, FieldError, NOT_IN_THIS_VERSION};

/// A claim that has been read and checked as far as the body alone allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimBody {
    /// For whom.
    pub user: UserId,
    /// The type asked for by name.
    pub coupon_type: Option<CouponTypeId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Quick<'b> {
    #[serde(borrow)]
    user_id: Cow<'b, str>,
    #[serde(borrow, default)]
    coupon_type: Option<Text<'b>>,
}

/// Borrowed where it has no escapes; serde does not borrow a `Cow` within an `Option` by itself.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

impl ClaimBody {
    /// Reads a body.
    ///
    /// # Errors
    /// Every fault of the body, by pointer.
    pub fn parse(body: &[u8], mode: Mode) -> Result<Self, Vec<FieldError>> {
        // One pass without a tree serves all who ask rightly; whoever does not gets the slow one, which can explain.
        match Self::quick(body, mode) {
            Some(claim) => Ok(claim),
            None => Self::careful(body, mode),
        }
    }

    fn quick(body: &[u8], mode: Mode) -> Option<Self> {
        // An array with the same values in their order would be taken too.
        body.trim_ascii_start().starts_with(b"{").then_some(())?;
        let quick: Quick<'_> = serde_json::from_slice(body).ok()?;
        let user = UserId::new(&quick.user_id).ok()?;
        let coupon_type = match quick.coupon_type {
            Some(Text(name)) => Some(CouponTypeId::new(&name).ok()?),
            None => None,
        };
        (mode == Mode::FirstCome || coupon_type.is_none()).then_some(Self { user, coupon_type })
    }

    fn careful(body: &[u8], mode: Mode) -> Result<Self, Vec<FieldError>> {
        Faults::read(body, |object| {
            let user = object.required("user_id", |json, at| at.parsed(json, UserId::new));
            let coupon_type = match mode {
                Mode::FirstCome => object.optional("coupon_type", |json, at| at.parsed(json, CouponTypeId::new)),
                // The odds choose.
                Mode::Draw | Mode::Lottery => None,
            };
            let _: Option<()> = object.optional("phone", |json, at| {
                let phone = at.text(json)?;
                at.wrong(if is_phone(phone) { NOT_IN_THIS_VERSION } else { "must be a phone number in E.164" })
            });
            Some(Self { user: user?, coupon_type })
        })
    }
}

/// Whether `text` is E.164 once spaces, dashes, dots and parentheses are left out.
fn is_phone(text: &str) -> bool {
    let mut compact = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'));
    let plus = compact.next() == Some('+');
    let digits: Vec<char> = compact.collect();
    plus && (7..=15).contains(&digits.len()) && digits[0] != '0' && digits.iter().all(char::is_ascii_digit)
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
            if let Some(claim) = ClaimBody::quick(body.as_bytes(), Mode::FirstCome) {
                prop_assert_eq!(ClaimBody::careful(body.as_bytes(), Mode::FirstCome), Ok(claim));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused_with_a_reason(body: Vec<u8>) {
            if let Err(errors) = ClaimBody::parse(&body, Mode::FirstCome) {
                prop_assert!(!errors.is_empty());
            }
        }
    }

    fn refused(body: &str, pointers: &[&str]) {
        let errors = ClaimBody::parse(body.as_bytes(), Mode::FirstCome).expect_err(body);
        assert_eq!(errors.iter().map(|error| error.pointer.as_str()).collect::<Vec<_>>(), pointers, "{body}");
    }

    #[test]
    fn claims_are_read() {
        for body in [
            r#"{"user_id":"u-1","coupon_type":"cash-5"}"#,
            r#" { "coupon_type" : "cash-5" , "user_id" : "\u0075-1", "phone": null } "#,
        ] {
            let claim = ClaimBody::parse(body.as_bytes(), Mode::FirstCome).expect(body);
            assert_eq!(claim.user.as_str(), "u-1");
            assert_eq!(claim.coupon_type.as_ref().map(CouponTypeId::as_str), Some("cash-5"));
        }
        assert_eq!(ClaimBody::parse(br#"{"user_id":"u"}"#, Mode::FirstCome).expect("valid").coupon_type, None);
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
    fn a_phone_is_told_from_what_is_none() {
        for good in ["+6591234567", "+65 9123 4567", "+1 (415) 555-0100"] {
            assert!(is_phone(good), "{good}");
        }
        for bad in ["12", "", "+", "+012345678", "+65 9123 456x", "6591234567", "+1234567890123456"] {
            assert!(!is_phone(bad), "{bad}");
        }
        let detail = |body: &str| ClaimBody::parse(body.as_bytes(), Mode::FirstCome).expect_err(body).remove(0).detail;
        assert_eq!(detail(r#"{"user_id":"u","phone":"12"}"#), "must be a phone number in E.164");
        assert_eq!(detail(r#"{"user_id":"u","phone":"+6591234567"}"#), NOT_IN_THIS_VERSION);
    }
}
