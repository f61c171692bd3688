//! Owns how a request is held against the gate: lists, management keys and their scopes, and the campaign's rates.

use std::net::IpAddr;

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use landrush_engine::campaign::RateLimits;
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::people::PhoneNumber;
use landrush_engine::time::Timestamp;

use super::lane::Lane;
use super::problem::{Code, Problem};
use super::route::Route;
use super::users;
use crate::app::Opened;
use crate::fraud::Asked;
use crate::gate::address::ClientAddress;
use crate::gate::lists::Lists;
use crate::gate::management_keys::{Scope, Scopes};
use crate::gate::rate_limit::Mark;
use crate::gate::reason::Reason;

/// The device that a request names.
pub(crate) const X_DEVICE_ID: HeaderName = HeaderName::from_static("x-device-id");

/// A management key beside a user's token: only to be told what refused the request.
pub(crate) const X_LANDRUSH_AUTHORIZATION: HeaderName = HeaderName::from_static("x-landrush-authorization");

/// The longest name of a device, in bytes.
const DEVICE_BYTES_MAX: usize = 128;

/// Where a request comes from that `peer` has sent.
///
/// # Errors
/// 403, if that address is denied.
pub(crate) fn address(lane: &Lane, peer: IpAddr, headers: &HeaderMap) -> Result<ClientAddress, Problem> {
    let address = lane.app().config().gate.proxies.client(peer, headers);
    if lane.app().lists().denies_address(address) { Err(Problem::denied()) } else { Ok(address) }
}

/// What the bearer of `headers` may do as an operator; `None`: they are none.
pub(crate) fn scopes(lane: &Lane, opened: &Opened, headers: &HeaderMap) -> Option<Scopes> {
    scopes_by(lane, opened, headers.get(header::AUTHORIZATION))
}

/// Whether whoever sent `headers` may know what refused them: an operator, also in the name of a user whose token stands in
/// `Authorization`.
pub(crate) fn may_know_why(lane: &Lane, opened: &Opened, headers: &HeaderMap) -> bool {
    let by = |name| scopes_by(lane, opened, headers.get(name)).is_some();
    by(header::AUTHORIZATION) || by(X_LANDRUSH_AUTHORIZATION)
}

fn scopes_by(lane: &Lane, opened: &Opened, authorization: Option<&HeaderValue>) -> Option<Scopes> {
    if opened.admin_key.is_borne_by(authorization) {
        return Some(Scopes::ALL);
    }
    lane.app().management_keys().borne_by(authorization).map(|key| key.scopes)
}

/// Whether the bearer of `headers` is an operator for this call. On calls that others may make too, an operator is one who may read;
/// to name a user in making one takes what it takes to erase one.
///
/// # Errors
/// 401 without a management key, on a call that needs one; 403 with one that has no scope for it.
pub(crate) fn operator(lane: &Lane, opened: &Opened, route: Route<'_>, headers: &HeaderMap) -> Result<bool, Problem> {
    match (route.scopes(), scopes(lane, opened, headers)) {
        (None, granted) => {
            let needed = if route == Route::UserCreate { Scope::CampaignsWrite } else { Scope::Read };
            Ok(granted.is_some_and(|granted| granted.has(needed)))
        }
        (Some(needed), Some(granted)) if granted.meets(needed) => Ok(true),
        (Some(needed), Some(_)) => {
            Err(Problem::new(Code::Forbidden, format!("the key has not the scope {}", needed.words())))
        }
        (Some(_), None) => Err(Problem::new(Code::Unauthorized, "send the header Authorization: Bearer <admin key>")),
    }
}

/// Whoever asks for a coupon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visitor<'a> {
    /// Where the request comes from, and its head; `None`: from the shop's gateway, for somebody who is elsewhere.
    pub(crate) origin: Option<(ClientAddress, &'a HeaderMap)>,
    /// For whom.
    pub(crate) user: &'a UserId,
    /// The phone number that comes with the request.
    pub(crate) phone: Option<&'a PhoneNumber>,
    /// [`stored_phone`], where it was read: what the deny list is held against instead.
    pub(crate) stored: Option<&'a PhoneNumber>,
}

/// The number that the server has of `user`, where a request states none and the deny list has some: whoever is denied by a number
/// that they once stated is denied without it too.
///
/// # Errors
/// 500 and 503, if it cannot be read.
pub(crate) async fn stored_phone(
    lane: &Lane,
    opened: &Opened,
    user: &UserId,
    stated: Option<&PhoneNumber>,
) -> Result<Option<PhoneNumber>, Problem> {
    if !needs_stored_phone(&lane.app().lists(), opened, user, stated) {
        return Ok(None);
    }
    // Boxed, so that a claim that needs none holds no room for it.
    Box::pin(users::read_phone(opened, user)).await
}

/// Whether [`stored_phone`] has to read a file: of a list without numbers it is known at once that it does not.
pub(crate) fn needs_stored_phone(lists: &Lists, opened: &Opened, user: &UserId, stated: Option<&PhoneNumber>) -> bool {
    stated.is_none() && lists.denies_phones() && opened.people.phone(user).is_some()
}

impl Visitor<'_> {
    /// Turns away those who are denied by user or phone.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn is_not_denied(&self, lane: &Lane) -> Result<(), Problem> {
        self.is_not_denied_by(&lane.app().lists())
    }

    /// Turns away those whom `lists` deny by user or phone.
    ///
    /// # Errors
    /// 403.
    pub(crate) fn is_not_denied_by(&self, lists: &Lists) -> Result<(), Problem> {
        let is_denied = lists.denies_person(self.user, self.phone.or(self.stored).map(PhoneNumber::as_str));
        if is_denied { Err(Problem::denied()) } else { Ok(()) }
    }

    /// Holds a request against the campaign's rates: first the address, which is dearest to change, and the user last but for
    /// the phone, so that nobody uses up another's rate from an address or a device that is over its own.
    ///
    /// # Errors
    /// 429, with how long to wait; 400 if the name of the device is none.
    pub(crate) fn is_in_time(
        &self,
        lane: &Lane,
        opened: &Opened,
        campaign: CampaignNumber,
        limits: &RateLimits,
        now: Timestamp,
    ) -> Result<(), Problem> {
        if *limits == RateLimits::default() {
            return Ok(());
        }
        let (address, headers) = self.origin.unzip();
        let device = limits.device.and(headers).map(device).transpose()?.flatten();
        let lists = lane.app().lists();
        if lists.allows(address, self.user) {
            return Ok(());
        }
        let is_allowed = |phone: &PhoneNumber| lists.allows_phone(phone.as_str());
        let phone_limit = limits.phone.filter(|_| !self.phone.is_some_and(is_allowed));
        let phone = phone_limit.and_then(|_| opened.people.phone_hash(self.user, self.phone));
        let marks = [
            (Reason::RateLimitedAddress, limits.address, address.map(Mark::Address)),
            (Reason::RateLimitedDevice, limits.device, device.map(Mark::Device)),
            (Reason::RateLimitedUser, limits.user, Some(Mark::User(self.user))),
            (Reason::RateLimitedPhone, phone_limit, phone.map(Mark::Phone)),
        ];
        for (reason, limit, mark) in marks {
            if let (Some(limit), Some(mark)) = (limit, mark) {
                let asked = lane.app().limiter().ask(campaign, mark, limit, now);
                asked.map_err(|wait| Problem::rate_limited(reason, wait))?;
            }
        }
        Ok(())
    }
}

/// The header `name`, if it is there once: of two that contradict each other neither is believed.
pub(crate) fn once<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Who asks, as far as the report on fraud tells one from others: also by what is no name of a device.
pub(crate) fn asked<'a>(address: ClientAddress, phone: Option<&'a PhoneNumber>, headers: &'a HeaderMap) -> Asked<'a> {
    // Of several the last, which whoever stands nearest has set.
    let device = headers.get_all(X_DEVICE_ID).iter().next_back().map(|value| value.as_bytes());
    Asked { address: Some(address), device, phone: phone.map(PhoneNumber::as_str) }
}

/// The name of the device in the header `X-Device-Id`. Two of them are no name: a gateway may have added its own to the client's, and
/// the client's is not to overrule it.
pub(crate) fn device(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    let mut values = headers.get_all(X_DEVICE_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::invalid_field("", "in the header X-Device-Id: must be there once"));
    }
    let name = std::str::from_utf8(value.as_bytes()).ok();
    let is_name = |name: &&str| (1..=DEVICE_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    match name.filter(is_name) {
        Some(name) => Ok(Some(name.as_bytes())),
        None => Err(Problem::invalid_field("", "in the header X-Device-Id: must be 1 to 128 bytes of UTF-8")),
    }
}
