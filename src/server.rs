//! A server's life: bind, read the log back while `readyz` says no, serve, drain, close. Owns the order of these and what
//! each may fail by; what a request is answered is `crate::http`'s.

mod acceptor;
mod connection;
mod descriptors;
mod event_writer;
mod express;
mod io_thread;
mod proxy_header;
mod pulse;
mod socket;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use landrush_engine::campaign::RateLimits;
use landrush_engine::keys::{Keys, KeysError};
use landrush_engine::people::{People, PeopleError};
use landrush_engine::published::Published;
use landrush_engine::recovery::OpenError;
use landrush_engine::{Engine, EngineOptions, RecoveryReport};
use landrush_wal::log::Poisoned;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::acceptor::Listener;
use self::io_thread::{IoThread, Order};
use crate::app::{App, Opened};
use crate::config::{Auth, Config, ConfigError, TokenKey};
use crate::gate::admin_key::{self, AdminKey, AdminKeyError};
use crate::gate::admission_token::AdmissionTokens;
use crate::gate::challenge::altcha::Altcha;
use crate::gate::challenge::pass::Passes;
use crate::gate::challenge::siteverify::SiteVerifier;
use crate::gate::companions::Companions;
use crate::gate::eligible::EligibleLists;
use crate::gate::lists::{ListError, Lists};
use crate::gate::ticket::Tickets;
use crate::gate::user_token::jwks::{FETCH_EVERY_MIN, JwksUrl, Pace};
use crate::gate::user_token::keys::KeyRingError;
use crate::gate::user_token::{Verifier, jwks};
use crate::http::Door;
use crate::outbound::Outbound;

/// How often the main thread looks whether the log has failed. Claims in flight wait that long to hear of it.
const FAILURE_LOOK: Duration = Duration::from_millis(20);

/// How long answers about a failed log may take to leave before the process ends.
const FAILURE_GRACE: Duration = Duration::from_millis(500);

/// How often files with the keys of tokens are looked at for changes.
const KEYS_LOOK: Duration = Duration::from_secs(5);

/// Where sets of keys are kept that come from URLs, within the data directory.
const JWKS_DIRECTORY: &str = "jwks";

/// Why a server ended other than by being told to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// What the operating system said.
        cause: io::Error,
    },
    /// A thread, a runtime or a signal handler cannot be had.
    #[error("cannot start: {0}")]
    Start(io::Error),
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A list of the gate cannot be used.
    #[error(transparent)]
    Lists(#[from] ListError),
    /// There is no admin key.
    #[error(transparent)]
    AdminKey(#[from] AdminKeyError),
    /// The keys of users' tokens cannot be used.
    #[error(transparent)]
    TokenKeys(#[from] KeyRingError),
    /// The keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Whom this machine trusts cannot be read, and keys are to be fetched over HTTPS.
    #[error("the machine's certificates cannot be read: {0}")]
    Certificates(io::Error),
    /// A list of those whom a campaign is for cannot be read.
    #[error("lists of who is eligible: {0}")]
    Eligible(io::Error),
    /// Who has come by which device cannot be read.
    #[error("users of devices: {0}")]
    Companions(io::Error),
    /// Personal data cannot be opened.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// Personal data could not be written.
    #[error(transparent)]
    PeopleFailed(#[from] landrush_engine::people::Failed),
    /// The log failed while serving.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

/// What happens while a server starts, for whoever shows it.
#[derive(Debug)]
pub enum Started<'a> {
    /// It listens, and answers 503 until the log is read back.
    Listening {
        /// Where, the port found.
        address: SocketAddr,
        /// Where metrics are, if not there.
        metrics: Option<SocketAddr>,
    },
    /// It serves.
    Ready {
        /// Where, the port found.
        address: SocketAddr,
        /// How the log was read back.
        recovery: &'a RecoveryReport,
        /// How the log writes.
        log_backend: &'static str,
        /// Where the admin key comes from.
        admin_key: &'a admin_key::Source,
    },
}

/// Serves until the process is told to stop.
///
/// `options` are the engine's, `config` overrides what it speaks of; `admin_key` is the one from the environment.
/// `reload` reads the settings again: on SIGHUP, for the lists and the management keys, which take effect without a restart.
///
/// # Errors
/// [`ServeError`]: it could not start, or its log failed.
pub fn run(
    config: Config,
    options: EngineOptions,
    admin_key: Option<String>,
    reload: &dyn Fn() -> Result<Config, ConfigError>,
    show: &mut dyn FnMut(Started<'_>),
) -> Result<(), ServeError> {
    let verifier = match &config.auth {
        Auth::Tokens(settings) => {
            if settings.keys.iter().any(TokenKey::is_weak) {
                tracing::warn!(
                    "a secret in auth.keys is shorter than 32 bytes: whoever has a token may find it out by trying"
                );
            }
            Some(Verifier::new(settings, &config.data_dir.join(JWKS_DIRECTORY))?)
        }
        Auth::Trusted { .. } => None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ServeError::Start)?;
    let _entered = runtime.enter();
    let mut stop = Stop::listen().map_err(ServeError::Start)?;
    let bind = |address, door| {
        let mut seed = [0; 32];
        entropy(&mut seed);
        let bound = Listener::bind(address, door, seed).and_then(|listener| Ok((listener.address()?, listener)));
        bound.map_err(|cause| ServeError::Listen { address, cause })
    };
    let (address, main) = bind(config.listen, Door::Main)?;
    let (metrics_address, metrics) =
        config.metrics_listen.map(|address| bind(address, Door::Metrics)).transpose()?.unzip();

    let asks_others =
        config.challenge.asks_others() || verifier.as_ref().is_some_and(|verifier| !verifier.wanted().is_empty());
    let outbound = asks_others.then(Outbound::new).transpose().map_err(ServeError::Certificates)?;
    descriptors::raise(config.http.connections_max);
    let lists = Lists::read(&config.gate.allow, &config.gate.deny)?;
    let mut limiter_key = [0; 16];
    entropy(&mut limiter_key);
    let app = Arc::new(App::new(config, verifier, lists, limiter_key));
    let threads: io::Result<Vec<IoThread>> = (0..app.config().http.io_threads)
        .map(|number| {
            let mut seed = [0; 32];
            entropy(&mut seed);
            IoThread::start(Arc::clone(&app), number, seed)
        })
        .collect();
    let threads = threads.map_err(ServeError::Start)?;
    show(Started::Listening { address, metrics: metrics_address });

    let mut site_verifier = None;
    if let Some(outbound) = outbound {
        follow_sets(&app, &runtime, &outbound);
        let settings = &app.config().challenge;
        site_verifier =
            settings.asks_others().then(|| SiteVerifier::new(settings, &outbound, runtime.handle().clone()));
    }
    let opening = open_engine(&app, options, admin_key, site_verifier).map_err(ServeError::Start)?;
    let served = runtime.block_on(async {
        // Dropped at the end of this block, and the listeners with it: no connection comes after.
        let accepting = async {
            let metrics = async {
                match metrics {
                    Some(metrics) => metrics.run(&app, &threads).await,
                    None => std::future::pending().await,
                }
            };
            tokio::join!(main.run(&app, &threads), metrics)
        };
        tokio::select! {
            served = serve(&app, address, opening, &mut stop, reload, show) => served,
            _ = accepting => unreachable!("a listener accepts for ever"),
        }
    });
    if let Err(ServeError::Poisoned(_) | ServeError::PeopleFailed(_)) = &served {
        threads.iter().for_each(|thread| thread.order(Order::LogFailed));
        runtime.block_on(tokio::time::sleep(FAILURE_GRACE));
        // No drain: nothing that is still under way can be acknowledged.
        return served;
    }
    app.drain();
    IoThread::stop_all(threads);
    let closed = app.opened().map_or(Ok(()), |opened| {
        opened.companions.close();
        opened.engine.close()
    });
    served?;
    tracing::info!("stopped");
    Ok(closed?)
}

/// Begins to fetch the sets of keys that are behind URLs.
fn follow_sets(app: &Arc<App>, runtime: &tokio::runtime::Runtime, outbound: &Outbound) {
    let (Some(verifier), Auth::Tokens(settings)) = (app.verifier(), &app.config().auth) else { return };
    let pace = Pace { every: settings.jwks_refresh, every_min: FETCH_EVERY_MIN };
    for wanted in verifier.wanted() {
        let app = Arc::clone(app);
        let take = move |url: &JwksUrl, set: Result<&[u8], String>| match app.verifier() {
            Some(verifier) => verifier.take(url, set),
            None => unreachable!("there was one"),
        };
        runtime.spawn(jwks::follow(outbound.clone(), wanted.clone(), pace, Arc::new(take)));
    }
}

/// Opens the engine on a thread of its own, so that the listeners answer meanwhile.
fn open_engine(
    app: &Arc<App>,
    mut options: EngineOptions,
    admin_key: Option<String>,
    site_verifier: Option<SiteVerifier>,
) -> io::Result<tokio::sync::oneshot::Receiver<Result<Ready, ServeError>>> {
    let (opened, opening) = tokio::sync::oneshot::channel();
    let config = app.config();
    options.shards = config.shards.count;
    options.mailbox_commands = config.shards.mailbox_commands;
    options.snapshot_every_bytes = config.log.snapshot_every_bytes;
    options.log.segment_bytes = config.log.segment_bytes;
    options.log.durability = match config.log.durability {
        crate::config::Durability::Sync => landrush_wal::options::Durability::Sync,
        crate::config::Durability::Interval(interval) => landrush_wal::options::Durability::Interval(interval),
    };
    let app = Arc::clone(app);
    let open = move || -> Result<Ready, ServeError> {
        let data_dir = &app.config().data_dir;
        let (engine, recovery) = Engine::open(data_dir, options, &mut entropy)?;
        let (admin_key, key_source) = AdminKey::load_or_create(admin_key.as_deref(), data_dir, &mut entropy)?;
        // The engine has just made them, if they were not there.
        let keys = Keys::load_or_create(data_dir, &mut entropy)?;
        let (people, report) = People::open(&data_dir.join(People::DIRECTORY), &keys)?;
        people.skip_phone_ids(engine.phone_ids_below());
        if report.unreadable > 0 {
            tracing::warn!(slots = report.unreadable, "personal data that could not be read was overwritten");
        }
        let has_limits =
            |campaign: &Arc<Published>| campaign.definition().protection.rate_limits != RateLimits::default();
        if engine.directory().page(None, usize::MAX).iter().any(has_limits) {
            app.limiter().prepare();
        }
        let mut challenge_key = [0; 32];
        entropy(&mut challenge_key);
        let (tickets, altcha, passes) = (Tickets::new(&keys), Altcha::new(challenge_key), Passes::new(&keys));
        let admission_tokens = AdmissionTokens::new(&keys);
        let eligible = Arc::new(EligibleLists::open(data_dir, &keys).map_err(ServeError::Eligible)?);
        let live: HashSet<_> = engine.directory().page(None, usize::MAX).iter().map(|live| live.number()).collect();
        let companions = Companions::open(data_dir, &keys, |campaign| live.contains(&campaign));
        let opened = Opened {
            engine,
            people,
            admin_key,
            tickets,
            admission_tokens,
            altcha,
            site_verifier,
            eligible,
            companions: companions.map_err(ServeError::Companions)?,
            passes,
        };
        Ok(Ready { opened, recovery, key_source })
    };
    // Not joined: a process that is told to stop while it reads its log has nothing to wait for.
    std::thread::Builder::new().name(String::from("landrush-open")).spawn(move || drop(opened.send(open())))?;
    Ok(opening)
}

struct Ready {
    opened: Opened,
    recovery: RecoveryReport,
    key_source: admin_key::Source,
}

async fn serve(
    app: &Arc<App>,
    address: SocketAddr,
    opening: tokio::sync::oneshot::Receiver<Result<Ready, ServeError>>,
    stop: &mut Stop,
    reload: &dyn Fn() -> Result<Config, ConfigError>,
    show: &mut dyn FnMut(Started<'_>),
) -> Result<(), ServeError> {
    // Listened for from the start: by default it would end the process.
    let mut hangup = signal(SignalKind::hangup()).map_err(ServeError::Start)?;
    let Ready { opened, recovery, key_source } = tokio::select! {
        ready = opening => ready.map_err(|_| ServeError::Start(io::Error::other("the thread that opens the log panicked")))??,
        () = stop.asked() => return Ok(()),
    };
    let (engine, people) = (opened.engine.clone(), opened.people.clone());
    if let Some(torn) = &recovery.torn_tail {
        tracing::warn!(?torn, "the log's torn tail was cut off; nothing in it had been acknowledged");
    }
    app.open(opened);
    let log_backend = engine.status().log_backend;
    show(Started::Ready { address, recovery: &recovery, log_backend, admin_key: &key_source });
    let mut looks = tokio::time::interval(FAILURE_LOOK);
    let mut key_looks = tokio::time::interval(KEYS_LOOK);
    loop {
        tokio::select! {
            _ = key_looks.tick(), if app.verifier().is_some() => {
                let app = Arc::clone(app);
                // It waits for the disk; nobody waits for it.
                drop(tokio::task::spawn_blocking(move || app.verifier().map(Verifier::refresh)));
            }
            _ = looks.tick() => {
                if let Some(poisoned) = engine.failure() {
                    return Err(poisoned.clone().into());
                }
                if people.has_failed() {
                    return Err(landrush_engine::people::Failed.into());
                }
            }
            _ = hangup.recv() => reload_gate(app, reload),
            () = stop.asked() => {
                tracing::info!("told to stop: no new connections, requests in flight are answered");
                return Ok(());
            }
        }
    }
}

/// Reads management keys and lists again. If either is unusable both stay, so that no half of an intent takes effect.
fn reload_gate(app: &App, reload: &dyn Fn() -> Result<Config, ConfigError>) {
    let read = reload().map_err(|error| error.to_string()).and_then(|config| {
        let lists = Lists::read(&config.gate.allow, &config.gate.deny).map_err(|error| error.to_string())?;
        Ok((config.management_keys, lists))
    });
    match read {
        Ok((keys, lists)) => {
            tracing::info!(keys = keys.len(), entries = lists.entries(), "management keys and lists were read again");
            app.reload(keys, lists);
        }
        Err(error) => {
            tracing::error!(error, "management keys and lists stay as they were");
            app.reload_failed();
        }
    }
}

/// SIGTERM and Ctrl-C.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn entropy(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system has random bytes");
}
