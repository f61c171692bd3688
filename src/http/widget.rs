//! Owns what a page needs to show the widget of somebody who sets challenges for us: the key by which the provider knows the shop's pages,
//! and a policy under which a browser loads the provider's script and frame, and still nothing else.

use landrush_engine::campaign::{Challenge, ChallengeProvider};

use crate::config::{Config, Site};
use crate::gate::challenge::siteverify::Provider;

/// As `web_files`' policy, and what Cloudflare says that Turnstile needs
/// (<https://developers.cloudflare.com/turnstile/reference/content-security-policy/>).
const TURNSTILE_POLICY: &str = "default-src 'none'; script-src 'self' https://challenges.cloudflare.com; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; frame-src https://challenges.cloudflare.com; manifest-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The same for hCaptcha (<https://docs.hcaptcha.com/#content-security-policy-settings>).
const HCAPTCHA_POLICY: &str = "default-src 'none'; script-src 'self' https://hcaptcha.com https://*.hcaptcha.com; \
     style-src 'self' https://hcaptcha.com https://*.hcaptcha.com; img-src 'self' data:; \
     connect-src 'self' https://hcaptcha.com https://*.hcaptcha.com; frame-src https://hcaptcha.com https://*.hcaptcha.com; \
     manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Whose widget it is; `None`: a challenge of our own, without one.
pub(crate) fn provider(asked: ChallengeProvider) -> Option<Provider> {
    match asked {
        ChallengeProvider::Altcha => None,
        ChallengeProvider::Turnstile => Some(Provider::Turnstile),
        ChallengeProvider::HCaptcha => Some(Provider::HCaptcha),
    }
}

/// How the shop is known to `provider`; `None`: it is not.
pub(crate) fn site(config: &Config, provider: Provider) -> Option<&Site> {
    match provider {
        Provider::Turnstile => config.challenge.turnstile.as_ref(),
        Provider::HCaptcha => config.challenge.hcaptcha.as_ref(),
    }
}

/// The policy of a page that shows `challenge`; `None`: it needs none of its own.
pub(crate) fn policy(challenge: Option<Challenge>) -> Option<&'static str> {
    provider(challenge?.provider).map(|provider| match provider {
        Provider::Turnstile => TURNSTILE_POLICY,
        Provider::HCaptcha => HCAPTCHA_POLICY,
    })
}
