//! Owns the map from method and path to what is asked. Pure, and without a look at anything stored.

use std::borrow::Cow;

use hyper::Method;
use landrush_engine::campaign::Mode;
use landrush_engine::command::Settlement;

use crate::gate::management_keys::{Scope, Scopes};

/// What a request asks. Ids are as they stand in the path; whoever looks them up finds out whether they exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'p> {
    /// Whether the process lives.
    Livez,
    /// Whether it serves.
    Readyz,
    /// Counts for whoever watches.
    Metrics,
    /// The same counts for the operator's page: on the main listener also where the others have one of their own.
    ManagementMetrics,
    /// The server's time.
    Time,
    /// The shopper's page of all campaigns.
    ListPage,
    /// The shopper's page of one campaign.
    CampaignPage(&'p str),
    /// A page, or a file that a page loads; the path is below `src/web/`.
    WebFile(&'p str),
    /// The OpenAPI document.
    OpenApi,
    /// A page that shows the document, by its name.
    DocsPage(&'p str),
    /// A file that such a page loads.
    DocsFile(&'p str),
    /// Make a campaign.
    CampaignCreate,
    /// The campaigns, by pages.
    CampaignList,
    /// One campaign.
    CampaignRead(&'p str),
    /// Change a campaign.
    CampaignPatch(&'p str),
    /// Pause or resume, cancel, archive.
    CampaignAction(&'p str, Action),
    /// What is left of a campaign.
    Availability(&'p str),
    /// Where a campaign's coupons and refusals went.
    FraudReport(&'p str),
    /// What is left of a campaign, as it changes.
    Events(&'p str),
    /// How far a waiting room is, and where the caller stands.
    WaitingRoomRead(&'p str),
    /// How the rooms of a campaign's windows were shuffled.
    WaitingRoomAudit(&'p str),
    /// Come to a waiting room.
    WaitingRoomJoin(&'p str),
    /// Register with a campaign.
    Register(&'p str),
    /// Replace the list of those whom a campaign is for.
    EligibleUpload(&'p str),
    /// Ask for a challenge.
    ChallengeRead(&'p str),
    /// Answer a challenge.
    ChallengeMeet(&'p str),
    /// What tells another server that its bearer was let in.
    WaitingRoomToken(&'p str),
    /// The keys that such tokens are verified by.
    PublicKeys,
    /// Ask for a coupon, a draw or an entry, in a campaign of this mode.
    Claim(&'p str, Mode),
    /// Ask for many coupons at once.
    ClaimBatch(&'p str),
    /// What was issued, by pages.
    ClaimList(&'p str),
    /// One person's claims; the user id is percent-encoded.
    ClaimsByUser(&'p str, &'p str),
    /// Void a claim.
    ClaimVoid(&'p str, &'p str),
    /// A draw whose body names the campaign.
    Draw,
    /// Store a person's phone number and name.
    UserCreate,
    /// One person's phone number and name; the user id is percent-encoded.
    UserRead(&'p str),
    /// Erase a person's phone number and name.
    UserErase(&'p str),
    /// One coupon; the code is percent-encoded.
    CouponRead(&'p str),
    /// Redeem a coupon; the code is percent-encoded.
    Redeem(&'p str),
    /// Redeem a coupon that the body names.
    RedeemByBody,
    /// Confirm, release or reverse a redemption.
    Settle(&'p str, Settlement),
    /// Upload codes for a coupon type.
    CodeUpload(&'p str, &'p str),
    /// One person's entry; the user id is percent-encoded.
    EntryByUser(&'p str, &'p str),
}

/// What is done to a campaign as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Take no claims for now.
    Pause,
    /// Take claims again.
    Resume,
    /// Take no claims any more.
    Cancel,
    /// Export it and free its memory.
    Archive,
}

/// Why a request leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoRoute {
    /// No such path.
    Path,
    /// The path knows only these methods.
    Method {
        /// For the header `Allow`.
        allow: &'static str,
    },
}

impl<'p> Route<'p> {
    /// The route of `method` on `path`.
    ///
    /// # Errors
    /// [`NoRoute`] if there is none.
    pub fn find(method: &Method, path: &'p str) -> Result<Self, NoRoute> {
        // The longest path has six parts; a seventh part is no path of ours.
        let mut parts = [""; 7];
        let mut count = 0;
        let mut rest = path.strip_prefix('/').ok_or(NoRoute::Path)?;
        loop {
            // Paths are short: a search that prepares for long texts takes four times as long.
            let end = rest.bytes().position(|byte| byte == b'/');
            let (part, after) = end.map_or((rest, None), |end| (&rest[..end], Some(&rest[end + 1..])));
            *parts.get_mut(count).ok_or(NoRoute::Path)? = part;
            count += 1;
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        let reads = *method == Method::GET || *method == Method::HEAD;
        let get = |route| if reads { Ok(route) } else { Err(NoRoute::Method { allow: "GET, HEAD" }) };
        let post = |route| if *method == Method::POST { Ok(route) } else { Err(NoRoute::Method { allow: "POST" }) };
        match parts[..count] {
            ["v1", "campaigns", id, "claims"] if *method == Method::POST => Ok(Route::Claim(id, Mode::FirstCome)),
            ["v1", "campaigns", id, "claims"] if reads => Ok(Route::ClaimList(id)),
            ["v1", "campaigns", _, "claims"] => Err(NoRoute::Method { allow: "GET, HEAD, POST" }),
            ["v1", "campaigns", id, "claims:batch"] => post(Route::ClaimBatch(id)),
            ["v1", "campaigns", id, "claims", "by-user", user] => get(Route::ClaimsByUser(id, user)),
            ["v1", "campaigns", id, "claims", claim] if *method == Method::DELETE => Ok(Route::ClaimVoid(id, claim)),
            ["v1", "campaigns", _, "claims", _] => Err(NoRoute::Method { allow: "DELETE" }),
            ["v1", "campaigns", id, "availability"] => get(Route::Availability(id)),
            ["v1", "campaigns", id, "events"] => get(Route::Events(id)),
            ["v1", "campaigns", id, "report", "fraud"] => get(Route::FraudReport(id)),
            ["v1", "campaigns", id, "waiting-room"] if *method == Method::POST => Ok(Route::WaitingRoomJoin(id)),
            ["v1", "campaigns", id, "waiting-room"] if reads => Ok(Route::WaitingRoomRead(id)),
            ["v1", "campaigns", id, "waiting-room", "audit"] => get(Route::WaitingRoomAudit(id)),
            ["v1", "campaigns", id, "waiting-room", "token"] => post(Route::WaitingRoomToken(id)),
            ["v1", "campaigns", _, "waiting-room"] => Err(NoRoute::Method { allow: "GET, HEAD, POST" }),
            ["v1", "campaigns", id, "registrations"] => post(Route::Register(id)),
            ["v1", "campaigns", id, "eligible"] if *method == Method::PUT => Ok(Route::EligibleUpload(id)),
            ["v1", "campaigns", _, "eligible"] => Err(NoRoute::Method { allow: "PUT" }),
            ["v1", "campaigns", id, "challenge"] if *method == Method::POST => Ok(Route::ChallengeMeet(id)),
            ["v1", "campaigns", id, "challenge"] if reads => Ok(Route::ChallengeRead(id)),
            ["v1", "campaigns", _, "challenge"] => Err(NoRoute::Method { allow: "GET, HEAD, POST" }),
            ["v1", "campaigns"] if *method == Method::POST => Ok(Route::CampaignCreate),
            ["v1", "campaigns"] if reads => Ok(Route::CampaignList),
            ["v1", "campaigns"] => Err(NoRoute::Method { allow: "GET, HEAD, POST" }),
            ["v1", "campaigns", id] if *method == Method::PATCH => Ok(Route::CampaignPatch(id)),
            ["v1", "campaigns", id] if reads => Ok(Route::CampaignRead(id)),
            ["v1", "campaigns", _] => Err(NoRoute::Method { allow: "GET, HEAD, PATCH" }),
            ["v1", "campaigns", id, "pause"] => post(Route::CampaignAction(id, Action::Pause)),
            ["v1", "campaigns", id, "resume"] => post(Route::CampaignAction(id, Action::Resume)),
            ["v1", "campaigns", id, "cancel"] => post(Route::CampaignAction(id, Action::Cancel)),
            ["v1", "campaigns", id, "archive"] => post(Route::CampaignAction(id, Action::Archive)),
            ["v1", "campaigns", id, "coupon-types", coupon_type, "codes"] => post(Route::CodeUpload(id, coupon_type)),
            ["v1", "campaigns", id, "draws"] => post(Route::Claim(id, Mode::Draw)),
            ["v1", "campaigns", id, "entries"] => post(Route::Claim(id, Mode::Lottery)),
            ["v1", "campaigns", id, "entries", "by-user", user] => get(Route::EntryByUser(id, user)),
            ["v1", "users"] | ["user"] => post(Route::UserCreate),
            ["v1", "users", user] if *method == Method::DELETE => Ok(Route::UserErase(user)),
            ["v1", "users", user] if reads => Ok(Route::UserRead(user)),
            ["v1", "users", _] => Err(NoRoute::Method { allow: "DELETE, GET, HEAD" }),
            ["campaign"] => post(Route::CampaignCreate),
            ["draw"] => post(Route::Draw),
            ["redeem"] => post(Route::RedeemByBody),
            ["v1", "coupons", code] => get(Route::CouponRead(code)),
            ["v1", "coupons", code, "redemptions"] => post(Route::Redeem(code)),
            ["v1", "redemptions", id, "confirm"] => post(Route::Settle(id, Settlement::Confirm)),
            ["v1", "redemptions", id, "release"] => post(Route::Settle(id, Settlement::Release)),
            ["v1", "redemptions", id, "reverse"] => post(Route::Settle(id, Settlement::Reverse)),
            [""] => get(Route::ListPage),
            ["c", id] => get(Route::CampaignPage(id)),
            // Filled in before it is sent, by the two above.
            ["assets", "page", "index.html"] => Err(NoRoute::Path),
            ["admin"] => get(Route::WebFile("admin/index.html")),
            ["client.js" | "client.d.ts" | "client.md"] | ["client", _] => get(Route::WebFile(&path[1..])),
            ["assets", "page" | "admin", _] => get(Route::WebFile(&path["/assets/".len()..])),
            [".well-known", "landrush-keys.json"] => get(Route::PublicKeys),
            ["openapi.json"] => get(Route::OpenApi),
            [page @ ("swagger-ui" | "redoc" | "rapidoc")] => get(Route::DocsPage(page)),
            ["assets", "docs", name] => get(Route::DocsFile(name)),
            ["v1", "metrics"] => get(Route::ManagementMetrics),
            ["v1", "time"] => get(Route::Time),
            ["livez"] => get(Route::Livez),
            ["readyz"] => get(Route::Readyz),
            ["metrics"] => get(Route::Metrics),
            _ => Err(NoRoute::Path),
        }
    }

    /// Whether the call needs a management key.
    pub fn is_management(self) -> bool {
        self.scopes().is_some()
    }

    /// Whether somebody only looks, at a campaign, at what is left of it or at its queue: worth least when there is too much to do.
    /// Whoever `bears_ticket` looks at a place of their own, and may have to claim before it lapses.
    pub fn is_poll(self, bears_ticket: bool) -> bool {
        let looks = matches!(
            self,
            Route::CampaignList | Route::CampaignRead(_) | Route::Availability(_) | Route::WaitingRoomAudit(_)
        );
        looks || matches!(self, Route::WaitingRoomRead(_)) && !bears_ticket
    }

    /// The scopes of which a management key needs one for this call; `None`: the call needs no such key.
    pub fn scopes(self) -> Option<Scopes> {
        const READ: Scopes = Scopes::of(&[Scope::Read]);
        const WRITE: Scopes = Scopes::of(&[Scope::CampaignsWrite]);
        const CHECKOUT: Scopes = Scopes::of(&[Scope::Redemptions]);
        const LOOK_UP: Scopes = Scopes::of(&[Scope::Read, Scope::Redemptions]);
        match self {
            Route::ManagementMetrics | Route::ClaimList(_) | Route::FraudReport(_) | Route::UserRead(_) => Some(READ),
            Route::CouponRead(_) => Some(LOOK_UP),
            Route::Redeem(_) | Route::RedeemByBody | Route::Settle(..) => Some(CHECKOUT),
            Route::CampaignCreate
            | Route::CampaignPatch(_)
            | Route::CampaignAction(..)
            | Route::ClaimBatch(_)
            | Route::ClaimVoid(..)
            | Route::UserErase(_)
            | Route::EligibleUpload(_)
            | Route::CodeUpload(..) => Some(WRITE),
            Route::Livez
            | Route::Readyz
            | Route::Metrics
            | Route::Time
            | Route::ListPage
            | Route::CampaignPage(_)
            | Route::WebFile(_)
            | Route::OpenApi
            | Route::DocsPage(_)
            | Route::DocsFile(_)
            | Route::CampaignList
            | Route::CampaignRead(_)
            | Route::Availability(_)
            | Route::WaitingRoomRead(_)
            | Route::WaitingRoomAudit(_)
            | Route::WaitingRoomJoin(_)
            | Route::Register(_)
            | Route::ChallengeRead(_)
            | Route::ChallengeMeet(_)
            | Route::WaitingRoomToken(_)
            | Route::PublicKeys
            | Route::Claim(..)
            | Route::ClaimsByUser(..)
            | Route::Draw
            | Route::UserCreate
            | Route::EntryByUser(..)
            | Route::Events(_) => None,
        }
    }
}

/// Decodes a percent-encoded path part. `None`: it is not well formed, or not UTF-8.
pub fn percent_decoded(part: &str) -> Option<Cow<'_, str>> {
    if !part.contains('%') {
        return Some(Cow::Borrowed(part));
    }
    let mut decoded = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || u8::try_from(char::from(bytes.next()?).to_digit(16)?).ok();
                digit()? << 4 | digit()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

/// Encodes an id for a path: all but what RFC 3986 calls unreserved.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: Method, path: &str, expected: Result<Route<'_>, NoRoute>) {
        assert_eq!(Route::find(&method, path), expected, "{method} {path}");
    }

    #[test]
    fn paths_lead_where_the_contract_says() {
        let claims = "/v1/campaigns/c/claims";
        check(Method::POST, claims, Ok(Route::Claim("c", Mode::FirstCome)));
        check(Method::POST, "/v1/campaigns/c/draws", Ok(Route::Claim("c", Mode::Draw)));
        check(Method::POST, "/v1/campaigns/c/entries", Ok(Route::Claim("c", Mode::Lottery)));
        check(Method::GET, claims, Ok(Route::ClaimList("c")));
        check(Method::PUT, claims, Err(NoRoute::Method { allow: "GET, HEAD, POST" }));
        check(Method::GET, "/v1/campaigns/c/claims/by-user/u%2F1", Ok(Route::ClaimsByUser("c", "u%2F1")));
        check(Method::DELETE, "/v1/campaigns/c/claims/x", Ok(Route::ClaimVoid("c", "x")));
        check(Method::GET, "/v1/campaigns/c/waiting-room/audit", Ok(Route::WaitingRoomAudit("c")));
        check(Method::POST, "/v1/campaigns/c/waiting-room/audit", Err(NoRoute::Method { allow: "GET, HEAD" }));
        check(Method::POST, "/v1/campaigns/c/claims:batch", Ok(Route::ClaimBatch("c")));
        check(Method::POST, "/v1/campaigns", Ok(Route::CampaignCreate));
        check(Method::DELETE, "/v1/campaigns", Err(NoRoute::Method { allow: "GET, HEAD, POST" }));
        check(Method::HEAD, "/v1/campaigns/c", Ok(Route::CampaignRead("c")));
        check(Method::PATCH, "/v1/campaigns/c", Ok(Route::CampaignPatch("c")));
        check(Method::POST, "/v1/campaigns/c/pause", Ok(Route::CampaignAction("c", Action::Pause)));
        check(Method::GET, "/v1/campaigns/c/pause", Err(NoRoute::Method { allow: "POST" }));
        check(Method::GET, "/v1/campaigns/c/availability", Ok(Route::Availability("c")));
        check(Method::GET, "/v1/campaigns/c/events", Ok(Route::Events("c")));
        check(Method::POST, "/v1/campaigns/c/waiting-room/token", Ok(Route::WaitingRoomToken("c")));
        check(Method::GET, "/.well-known/landrush-keys.json", Ok(Route::PublicKeys));
        check(Method::GET, "/v1/campaigns/c/report/fraud", Ok(Route::FraudReport("c")));
        check(Method::POST, "/v1/campaigns/c/events", Err(NoRoute::Method { allow: "GET, HEAD" }));
        check(Method::GET, "/readyz", Ok(Route::Readyz));
        check(Method::GET, "/v1/metrics", Ok(Route::ManagementMetrics));
        check(Method::GET, "/", Ok(Route::ListPage));
        check(Method::GET, "/c/sale", Ok(Route::CampaignPage("sale")));
        check(Method::GET, "/admin", Ok(Route::WebFile("admin/index.html")));
        check(Method::GET, "/client.js", Ok(Route::WebFile("client.js")));
        check(Method::GET, "/client/clock.js", Ok(Route::WebFile("client/clock.js")));
        check(Method::GET, "/assets/page/page.css", Ok(Route::WebFile("page/page.css")));
        check(Method::GET, "/openapi.json", Ok(Route::OpenApi));
        check(Method::GET, "/redoc", Ok(Route::DocsPage("redoc")));
        check(Method::GET, "/assets/docs/docs.css", Ok(Route::DocsFile("docs.css")));
    }

    #[test]
    fn who_looks_is_told_from_who_asks_for_something() {
        let looks =
            [Route::CampaignList, Route::CampaignRead("c"), Route::Availability("c"), Route::WaitingRoomAudit("c")];
        for route in looks {
            assert!(route.is_poll(false) && route.is_poll(true), "{route:?}");
        }
        assert!(Route::WaitingRoomRead("c").is_poll(false), "how far everybody is");
        assert!(!Route::WaitingRoomRead("c").is_poll(true), "how far one is oneself");
        for route in [Route::WaitingRoomJoin("c"), Route::Register("c"), Route::CouponRead("k"), Route::Time] {
            assert!(!route.is_poll(false), "{route:?}");
        }
    }

    #[test]
    fn other_paths_are_not_found() {
        for path in [
            "",
            "*",
            "/nope",
            "/v1",
            "/v1/",
            "/v1/campaigns/c/",
            "/livez/",
            "/assets/page/index.html",
            "/a/b/c/d/e/f/g/h",
        ] {
            check(Method::GET, path, Err(NoRoute::Path));
        }
    }

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(percent_decoded("u-1").as_deref(), Some("u-1"));
        assert_eq!(percent_decoded("a%20b%2f%C3%A4").as_deref(), Some("a b/ä"));
        assert_eq!(percent_encoded("a b/ä-1"), "a%20b%2F%C3%A4-1");
        for bad in ["%", "%4", "%zz", "%ff", "a%+1"] {
            assert_eq!(percent_decoded(bad), None, "{bad}");
        }
    }
}
