//! Owns the query of a call: which parameters it knows, and pages.

use landrush_engine::id::{CampaignId, Serial, UserId};

use super::fields::FieldError;
use super::problem::Problem;
use super::route::percent_decoded;

/// The items of a page if the client does not say.
const PAGE_ITEMS_DEFAULT: u16 = 100;

/// The most items of a page.
pub const PAGE_ITEMS_MAX: u16 = 1_000;

/// The parameters of a request: each known to its call and given once.
#[derive(Debug, Default)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads a query that may hold the parameters `known`.
    ///
    /// # Errors
    /// A parameter that is unknown, repeated or badly encoded. A misspelt `dry_run` must not pass.
    pub fn parse(query: Option<&str>, known: &[&'static str]) -> Result<Self, Problem> {
        let mut parameters: Vec<(&'static str, String)> = Vec::new();
        let mut errors = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                errors.push(fault(name, "is no parameter that this call knows"));
                continue;
            };
            if parameters.iter().any(|(given, _)| *given == name) {
                errors.push(fault(name, "stands there more than once"));
            }
            match percent_decoded(value) {
                Some(value) => parameters.push((name, value.into_owned())),
                None => errors.push(fault(name, "is not well encoded")),
            }
        }
        if errors.is_empty() { Ok(Self(parameters)) } else { Err(Problem::invalid(errors)) }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// The parameter `user_id`; where it is missing the user is the `caller`, if a token says who that is.
    ///
    /// # Errors
    /// It is no user id, or is missing.
    pub fn user(&self, caller: Option<&UserId>) -> Result<UserId, Problem> {
        match (self.text("user_id").map(UserId::new), caller) {
            (Some(Ok(user)), _) => Ok(user),
            (Some(Err(error)), _) => Err(Problem::invalid(vec![fault("user_id", &error.to_string())])),
            (None, Some(caller)) => Ok(caller.clone()),
            (None, None) => Err(Problem::invalid(vec![fault("user_id", "must be there")])),
        }
    }

    /// A parameter that is `true` or `false`.
    ///
    /// # Errors
    /// It is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.text(name) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Problem::invalid(vec![fault(name, "must be true or false")])),
        }
    }

    /// The parameter `limit`: how many items the page may hold.
    ///
    /// # Errors
    /// It is no number within bounds.
    pub fn page_items(&self) -> Result<u16, Problem> {
        match self.text("limit").map(str::parse) {
            None => Ok(PAGE_ITEMS_DEFAULT),
            Some(Ok(limit)) if (1..=PAGE_ITEMS_MAX).contains(&limit) => Ok(limit),
            Some(_) => Err(Problem::invalid(vec![fault("limit", "must be a whole number from 1 to 1000")])),
        }
    }

    /// The parameter `cursor`, read by `parse`.
    ///
    /// # Errors
    /// It is no cursor of this call.
    pub fn cursor<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        match self.text("cursor") {
            None => Ok(None),
            Some(text) => match parse(text) {
                Some(cursor) => Ok(Some(cursor)),
                None => Err(Problem::invalid(vec![fault("cursor", "is no cursor of this list")])),
            },
        }
    }
}

fn fault(name: &str, detail: &str) -> FieldError {
    FieldError::new(format!("/{}", name.replace('~', "~0").replace('/', "~1")), format!("in the query: {detail}"))
}

/// A place in the list of campaigns: after this one. Hexadecimal, so that nobody takes it for an id to build on.
pub fn campaign_cursor(after: &CampaignId) -> String {
    after.as_str().bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads what [`campaign_cursor`] wrote.
pub fn parse_campaign_cursor(text: &str) -> Option<CampaignId> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    CampaignId::new(&String::from_utf8(bytes?).ok()?).ok()
}

/// A place in a list of claims: after this one.
pub fn claim_cursor(after: Serial) -> String {
    format!("{:08x}", after.0)
}

/// Reads what [`claim_cursor`] wrote.
pub fn parse_claim_cursor(text: &str) -> Option<Serial> {
    let written = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    written.then(|| u32::from_str_radix(text, 16).ok()).flatten().map(Serial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_others_refused() {
        let query = Query::parse(Some("limit=7&dry_run=true"), &["limit", "dry_run"]).expect("valid");
        assert_eq!(query.page_items().expect("valid"), 7);
        assert_eq!(query.flag("dry_run").expect("valid"), Some(true));
        assert_eq!(query.flag("revoke").expect("valid"), None);
        for bad in ["dryrun=true", "dry_run=true&dry_run=true", "dry_run=%"] {
            assert!(Query::parse(Some(bad), &["dry_run"]).is_err(), "{bad}");
        }
        assert!(Query::parse(Some("dry_run=yes"), &["dry_run"]).expect("known").flag("dry_run").is_err());
        for bad in ["0", "1001", "-1", "", "x"] {
            let query = Query::parse(Some(&format!("limit={bad}")), &["limit"]).expect("known");
            assert!(query.page_items().is_err(), "{bad}");
        }
    }

    #[test]
    fn cursors_read_back() {
        let id = CampaignId::new("spring-sale").expect("valid");
        assert_eq!(parse_campaign_cursor(&campaign_cursor(&id)), Some(id));
        assert_eq!(parse_claim_cursor(&claim_cursor(Serial(77))), Some(Serial(77)));
        for bad in ["", "x", "+0000001", "0000004", "zz", "é1"] {
            assert_eq!(parse_claim_cursor(bad), None, "{bad}");
            assert_eq!(parse_campaign_cursor(bad), None, "{bad}");
        }
    }
}
