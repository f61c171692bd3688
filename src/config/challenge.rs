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
    let RawChallenge { turnstile_secret, turnstile_verify_url, hcaptcha_secret, hcaptcha_verify_url, hostname } = raw;
    Ok(ChallengeSettings {
        turnstile: site("challenge.turnstile_verify_url", turnstile_secret, turnstile_verify_url, TURNSTILE)?,
        hcaptcha: site("challenge.hcaptcha_verify_url", hcaptcha_secret, hcaptcha_verify_url, HCAPTCHA)?,
        hostname: hostname.filter(|hostname| !hostname.is_empty()),
    })
}

fn site(
    key: &'static str,
    secret: Option<String>,
    verify_url: Option<String>,
    default: &str,
) -> Result<Option<Site>, ConfigError> {
    let url = verify_url.filter(|url| !url.is_empty());
    let url = url.as_deref().unwrap_or(default);
    let verify_url =
        url.parse().ok().filter(outbound::is_allowed).ok_or_else(|| {
            value(key, format!("is \"{url}\", which is neither https:// nor http:// on this machine"))
        })?;
    let secret = secret.filter(|secret| !secret.is_empty()).map(Secret);
    Ok(secret.map(|secret| Site { secret, verify_url }))
}
