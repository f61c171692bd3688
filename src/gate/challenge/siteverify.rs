//! Owns the question to Cloudflare Turnstile and hCaptcha whether the response that their widget gave somebody holds. Both call it
//! `siteverify`, take it as a form, and answer it with the same document.
//!
//! A response holds once. So a call that is repeated must not lose what the first one won: Turnstile gives the same answer to the same
//! `idempotency_key`; hCaptcha knows no such thing, and where it says after a repeated call that it has seen the response before,
//! nobody can tell whether it held. That is [`Verdict::Unavailable`].

mod breaker;
mod reply;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::Uri;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::breaker::{Admission, Breaker};
use self::reply::{Meaning, meaning};
use crate::config::{ChallengeSettings, Secret, Site};
use crate::outbound::{Outbound, OutboundError};

/// How long a verdict may take, both calls and the pause between them included.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The pause before a call is repeated: so much, and at most as much again.
const PAUSE: Duration = Duration::from_millis(50);

/// Calls to one provider at a time.
pub const CALLS_MAX: usize = 64;

/// The longest response that is passed on, in bytes. Turnstile's are at most 2,048.
pub const RESPONSE_BYTES_MAX: usize = 4 << 10;

/// The longest answer of a provider, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    HCaptcha,
}

impl Provider {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Turnstile, Self::HCaptcha];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Provider::Turnstile => "turnstile",
            Provider::HCaptcha => "hcaptcha",
        }
    }
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The response holds, and now is used up.
    Passed,
    /// It does not.
    Failed,
    /// Nobody could say: the provider is away, slow or left alone for a while. What that means is the campaign's choice.
    Unavailable,
    /// Nobody was asked, since too many ask at once: here, or for the provider's taste. Whoever asks is to come again, whatever the
    /// campaign chose: who sends much brings this about, and must not open the door by it.
    Busy,
}

impl Verdict {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Passed, Self::Failed, Self::Unavailable, Self::Busy];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::Unavailable => "unavailable",
            Verdict::Busy => "busy",
        }
    }
}

/// Asks the providers whose secrets are set.
#[derive(Debug)]
pub struct SiteVerifier {
    turnstile: Option<Arc<Desk>>,
    hcaptcha: Option<Arc<Desk>>,
    /// Where calls run: not on the I/O threads, and to their end, also when whoever waits for them has gone.
    runtime: Handle,
}

/// Where one provider is asked.
#[derive(Debug)]
struct Desk {
    provider: Provider,
    url: Uri,
    secret: Secret,
    hostname: Option<String>,
    outbound: Outbound,
    patience: Duration,
    breaker: Mutex<Breaker>,
    calls: Arc<Semaphore>,
    /// By the place in [`Verdict::ALL`].
    verdicts: [AtomicU64; Verdict::ALL.len()],
}

impl SiteVerifier {
    /// Asks as `settings` say, by calls that run on `runtime`.
    pub fn new(settings: &ChallengeSettings, outbound: &Outbound, runtime: Handle) -> Self {
        let desk = |provider, site: &Option<Site>| {
            site.as_ref().map(|Site { secret, site_key: _, verify_url }| {
                Arc::new(Desk {
                    provider,
                    url: verify_url.clone(),
                    secret: secret.clone(),
                    hostname: settings.hostname.clone(),
                    outbound: outbound.clone(),
                    patience: PATIENCE,
                    breaker: Mutex::default(),
                    calls: Arc::new(Semaphore::new(CALLS_MAX)),
                    verdicts: Default::default(),
                })
            })
        };
        let turnstile = desk(Provider::Turnstile, &settings.turnstile);
        Self { turnstile, hcaptcha: desk(Provider::HCaptcha, &settings.hcaptcha), runtime }
    }

    /// Whether `provider` can be asked at all: its secret is set.
    pub fn asks(&self, provider: Provider) -> bool {
        self.desk(provider).is_some()
    }

    /// Asks `provider` whether `response` holds, which whoever is at `remote_ip` has sent. Takes [`PATIENCE`] at most.
    ///
    /// # Cancel safety
    /// The call runs to its end, and the response may be used up by it.
    pub async fn verify(&self, provider: Provider, response: &str, remote_ip: Option<IpAddr>) -> Verdict {
        let Some(desk) = self.desk(provider) else { return Verdict::Unavailable };
        let verdict = match Desk::begin(desk, response) {
            Ok(call) => {
                let (desk, response) = (Arc::clone(desk), response.to_owned());
                let call = self.runtime.spawn(async move { desk.judge(call, &response, remote_ip).await });
                call.await.unwrap_or_else(|error| match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The server is about to end.
                    Err(_) => Verdict::Unavailable,
                })
            }
            Err(verdict) => verdict,
        };
        desk.verdicts[verdict as usize].fetch_add(1, Ordering::Relaxed);
        verdict
    }

    /// How often each verdict was given, by provider.
    pub fn verdicts(&self) -> impl Iterator<Item = (Provider, Verdict, u64)> {
        Provider::ALL.into_iter().filter_map(|provider| self.desk(provider)).flat_map(|desk| {
            let counts = desk.verdicts.each_ref().map(|count| count.load(Ordering::Relaxed));
            Verdict::ALL.into_iter().zip(counts).map(|(verdict, count)| (desk.provider, verdict, count))
        })
    }

    fn desk(&self, provider: Provider) -> Option<&Arc<Desk>> {
        match provider {
            Provider::Turnstile => self.turnstile.as_ref(),
            Provider::HCaptcha => self.hcaptcha.as_ref(),
        }
    }
}

/// A call that may be made.
struct Call {
    admission: Admission,
    _place: OwnedSemaphorePermit,
}

impl Desk {
    /// Whether a call may be made; else the verdict without one.
    fn begin(desk: &Arc<Self>, response: &str) -> Result<Call, Verdict> {
        if !(1..=RESPONSE_BYTES_MAX).contains(&response.len()) || !response.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Verdict::Failed);
        }
        let place = Arc::clone(&desk.calls).try_acquire_owned().map_err(|_| Verdict::Busy)?;
        let admission = desk.breaker.lock().admit(Instant::now()).ok_or(Verdict::Unavailable)?;
        Ok(Call { admission, _place: place })
    }

    async fn judge(&self, call: Call, response: &str, remote_ip: Option<IpAddr>) -> Verdict {
        let asked = tokio::time::timeout(self.patience, self.ask(response, remote_ip));
        let (verdict, fault) = match asked.await {
            Ok(Ok(Meaning::Passed)) => (Verdict::Passed, None),
            Ok(Ok(Meaning::Failed | Meaning::TakenBefore)) => (Verdict::Failed, None),
            // It has answered: it is not away.
            Ok(Ok(Meaning::Busy)) => (Verdict::Busy, None),
            Ok(Ok(Meaning::Trouble)) => (Verdict::Unavailable, Some(String::from("it is in trouble"))),
            Ok(Ok(Meaning::Unwelcome)) => {
                (Verdict::Unavailable, Some(String::from("it takes no questions: see the secret and the address")))
            }
            Ok(Err(fault)) => (Verdict::Unavailable, Some(fault)),
            Err(_) => (Verdict::Unavailable, Some(format!("no verdict within {:?}", self.patience))),
        };
        let provider = self.provider.name();
        let is_left_alone = self.breaker.lock().note(call.admission, fault.is_none(), Instant::now());
        if let Some(error) = fault {
            tracing::warn!(provider, error, "a challenge could not be verified");
        }
        if is_left_alone {
            tracing::error!(provider, "the provider of challenges does not answer, and is left alone for a while");
        }
        verdict
    }

    /// Asks, and once more where that may help.
    async fn ask(&self, response: &str, remote_ip: Option<IpAddr>) -> Result<Meaning, String> {
        // An address within the shop's own network is a proxy's, and would only mislead.
        let address = remote_ip.filter(|address| is_public(*address)).map(|address| address.to_string());
        let key = uuid();
        let mut fields = vec![("secret", self.secret.reveal()), ("response", response)];
        fields.extend(address.as_deref().map(|address| ("remoteip", address)));
        let gives_the_same_answer = match self.provider {
            Provider::Turnstile => {
                fields.push(("idempotency_key", &key));
                true
            }
            Provider::HCaptcha => false,
        };
        let first = self.ask_once(&fields).await;
        let was_heard = match &first {
            Ok(Meaning::Trouble) | Err(OutboundError::Ended(_) | OutboundError::Body(_)) => true,
            Err(OutboundError::Unreachable(_)) => false,
            Ok(Meaning::Passed | Meaning::Failed | Meaning::TakenBefore | Meaning::Busy | Meaning::Unwelcome)
            | Err(OutboundError::Timeout(_) | OutboundError::Status(_)) => {
                return first.map_err(|error| error.to_string());
            }
        };
        tokio::time::sleep(PAUSE + random_part(PAUSE)).await;
        match self.ask_once(&fields).await.map_err(|error| error.to_string())? {
            Meaning::TakenBefore if was_heard && !gives_the_same_answer => {
                Err(String::from("it has seen the response before: perhaps in the call that this one repeats"))
            }
            meaning @ (Meaning::Passed
            | Meaning::Failed
            | Meaning::TakenBefore
            | Meaning::Trouble
            | Meaning::Busy
            | Meaning::Unwelcome) => Ok(meaning),
        }
    }

    async fn ask_once(&self, fields: &[(&str, &str)]) -> Result<Meaning, OutboundError> {
        let reply = self.outbound.post_form(&self.url, fields, ANSWER_BYTES_MAX).await?;
        Ok(meaning(reply.status, &reply.body, self.hostname.as_deref()))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()),
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified())
        }
    }
}

fn random_part(span: Duration) -> Duration {
    let mut random = [0; 4];
    getrandom::fill(&mut random).expect("the system has random bytes");
    span * (u32::from_le_bytes(random) % 1_024) / 1_024
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has random bytes");
    let bits = u128::from_le_bytes(random) & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let digits = format!("{bits:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

#[cfg(test)]
mod tests;
