//! Owns the settings of `[challenge]`: the providers of challenges that are asked over HTTPS.

use hyper::Uri;

use super::raw::RawChallenge;
use super::{ConfigError, value};
use crate::outbound;

/// Where Cloudflare Turnstile is asked.
const TURNSTILE: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

/// Where hCaptcha is asked.
const HCAPTCHA: &str = "https://api.hcaptcha.com/siteverify";

/// The providers of challenges that are asked over HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChallengeSettings {
    /// Cloudflare Turnstile; `None`: campaigns cannot ask for it.
    pub turnstile: Option<Site>,
    /// hCaptcha; `None`: campaigns cannot ask for it.
    pub hcaptcha: Option<Site>,
    /// On which site the widget must have been; `None`: any.
    pub hostname: Option<String>,
}

impl ChallengeSettings {
    /// Whether anybody is to be asked.
    pub fn asks_others(&self) -> bool {
        self.turnstile.is_some() || self.hcaptcha.is_some()
    }
}

/// How one provider is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// By what it knows us.
    pub secret: Secret,
    /// By what it knows the shop's pages. Public.
    pub site_key: String,
    /// Where.
    pub verify_url: Uri,
}

/// What is not to be seen in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What it is.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

pub(super) fn check(raw: RawChallenge) -> Result<ChallengeSettings, ConfigError> {
    let RawChallenge {
        turnstile_secret,
        turnstile_site_key,
        turnstile_verify_url,
        hcaptcha_secret,
        hcaptcha_site_key,
        hcaptcha_verify_url,
        hostname,
    } = raw;
    let turnstile = RawSite {
        names: ["challenge.turnstile_secret", "challenge.turnstile_site_key", "challenge.turnstile_verify_url"],
        secret: turnstile_secret,
        site_key: turnstile_site_key,
        verify_url: turnstile_verify_url,
    };
    let hcaptcha = RawSite {
        names: ["challenge.hcaptcha_secret", "challenge.hcaptcha_site_key", "challenge.hcaptcha_verify_url"],
        secret: hcaptcha_secret,
        site_key: hcaptcha_site_key,
        verify_url: hcaptcha_verify_url,
    };
    Ok(ChallengeSettings {
        turnstile: turnstile.check(TURNSTILE)?,
        hcaptcha: hcaptcha.check(HCAPTCHA)?,
        hostname: hostname.filter(|hostname| !hostname.is_empty()),
    })
}

/// What the settings say of one provider, and the names of the secret, the site key and the URL.
struct RawSite {
    names: [&'static str; 3],
    secret: Option<String>,
    site_key: Option<String>,
    verify_url: Option<String>,
}

impl RawSite {
    /// How the provider is asked, at `url` where the settings do not say; `None`: it is not.
    fn check(self, url: &str) -> Result<Option<Site>, ConfigError> {
        let Self { names: [secret_name, site_key_name, url_name], secret, site_key, verify_url } = self;
        let [secret, site_key, verify_url] =
            [secret, site_key, verify_url].map(|value| value.filter(|value| !value.is_empty()));
        let url = verify_url.as_deref().unwrap_or(url);
        let verify_url = url.parse().ok().filter(outbound::is_allowed).ok_or_else(|| {
            value(url_name, format!("is \"{url}\", which is neither https:// nor http:// on this machine"))
        })?;
        match (secret, site_key) {
            (Some(secret), Some(site_key)) => Ok(Some(Site { secret: Secret(secret), site_key, verify_url })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(value(site_key_name, format!("is not set, and {secret_name} is"))),
            (None, Some(_)) => Err(value(secret_name, format!("is not set, and {site_key_name} is"))),
        }
    }
}
