//! Owns what all I/O threads share: the settings, the engine once it has recovered, and where in its life the server is.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use landrush_engine::Engine;
use landrush_engine::people::People;
use landrush_engine::time::{Clock, SteadyClock};
use siphasher::sip128::SipHasher13;

use crate::config::Config;
use crate::fraud::Fraud;
use crate::gate::admin_key::AdminKey;
use crate::gate::admission_token::AdmissionTokens;
use crate::gate::challenge::altcha::Altcha;
use crate::gate::challenge::pass::Passes;
use crate::gate::challenge::siteverify::SiteVerifier;
use crate::gate::companions::Companions;
use crate::gate::eligible::EligibleLists;
use crate::gate::lists::Lists;
use crate::gate::management_keys::ManagementKeys;
use crate::gate::rate_limit::Limiter;
use crate::gate::ticket::Tickets;
use crate::gate::user_token::Verifier;
use crate::live::Live;
use crate::metrics::Counts;

/// What all I/O threads share.
pub struct App {
    config: Config,
    verifier: Option<Verifier>,
    management_keys: ArcSwap<ManagementKeys>,
    lists: ArcSwap<Lists>,
    reloads: AtomicU64,
    reloads_failed: AtomicU64,
    limiter: Limiter,
    fraud: Fraud,
    opened: OnceLock<Opened>,
    /// No new work is begun: the server is going down.
    draining: AtomicBool,
    connections: AtomicUsize,
    live: Arc<Live>,
    counts: Box<[Arc<Counts>]>,
}

/// What there is once the log has been read back.
pub struct Opened {
    /// The engine.
    pub engine: Engine,
    /// Phone numbers and names, apart from all else.
    pub people: People,
    /// The key that management calls bear.
    pub admin_key: AdminKey,
    /// Makes and reads the tickets of waiting rooms.
    pub tickets: Tickets,
    /// Sets challenges and checks the answers.
    pub altcha: Altcha,
    /// Asks others whether the answers to their challenges hold; `None`: no secret for it is set.
    pub site_verifier: Option<SiteVerifier>,
    /// The lists of those whom campaigns are for.
    pub eligible: Arc<EligibleLists>,
    /// Who comes by which device and phone, where campaigns bound it.
    pub companions: Companions,
    /// Makes and reads what an answered challenge gives.
    pub passes: Passes,
    /// Makes what tells other servers who was let in.
    pub admission_tokens: AdmissionTokens,
}

/// Where in its life the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It reads its log back.
    Starting,
    /// It serves.
    Serving,
    /// It ends what is in flight.
    Draining,
    /// The log has failed; the process is about to end.
    Failed,
}

impl App {
    /// A server that has not begun. `verifier`: who users are is said by tokens, which it verifies. `seed` hides from callers which of
    /// them the rate limits could take for each other.
    pub fn new(config: Config, verifier: Option<Verifier>, lists: Lists, seed: [u8; 16]) -> Self {
        let counts = (0..config.http.io_threads).map(|_| Arc::default()).collect();
        let live = Arc::new(Live::new(config.events));
        // Derived, so that what is shown under one key tells nothing of the other.
        let fraud_key = SipHasher13::new_with_key(&seed).hash(b"devices in reports").as_bytes();
        Self {
            management_keys: ArcSwap::from_pointee(config.management_keys.clone()),
            lists: ArcSwap::from_pointee(lists),
            reloads: AtomicU64::new(0),
            reloads_failed: AtomicU64::new(0),
            limiter: Limiter::new(config.gate.tracked_keys, seed),
            fraud: Fraud::new(config.http.io_threads, fraud_key, SteadyClock::start().now()),
            config,
            verifier,
            opened: OnceLock::new(),
            draining: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            live,
            counts,
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Verifies users' tokens; `None`: callers are believed.
    pub fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_ref()
    }

    /// Who may do a part of what the admin key may.
    pub fn management_keys(&self) -> arc_swap::Guard<Arc<ManagementKeys>> {
        self.management_keys.load()
    }

    /// Who is denied, and whom rates do not hold for.
    pub fn lists(&self) -> arc_swap::Guard<Arc<Lists>> {
        self.lists.load()
    }

    /// How often each caller may ask.
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Where coupons and refusals went.
    pub fn fraud(&self) -> &Fraud {
        &self.fraud
    }

    /// Takes management keys and lists as they now are. Requests that are being judged end by the old ones.
    pub fn reload(&self, management_keys: ManagementKeys, lists: Lists) {
        self.management_keys.store(Arc::new(management_keys));
        self.lists.store(Arc::new(lists));
        self.reloads.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that management keys and lists could not be read, and stay as they were.
    pub fn reload_failed(&self) {
        self.reloads_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// How often management keys and lists were read again, and how often they could not be.
    pub fn reloads(&self) -> [u64; 2] {
        [&self.reloads, &self.reloads_failed].map(|count| count.load(Ordering::Relaxed))
    }

    /// The engine and what came with it; `None` while the log is read back.
    pub fn opened(&self) -> Option<&Opened> {
        self.opened.get()
    }

    /// Begins to serve.
    ///
    /// # Panics
    /// If it was called before.
    pub fn open(&self, opened: Opened) {
        assert!(self.opened.set(opened).is_ok(), "a server opens once");
    }

    /// Begins to end.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Where in its life the server is.
    pub fn phase(&self) -> Phase {
        let failed =
            self.opened().is_some_and(|opened| opened.engine.failure().is_some() || opened.people.has_failed());
        // The flag guards nothing: who reads it late takes one request more, which is answered too.
        match (failed, self.draining.load(Ordering::Relaxed), self.opened()) {
            (true, _, _) => Phase::Failed,
            (false, true, _) => Phase::Draining,
            (false, false, None) => Phase::Starting,
            (false, false, Some(_)) => Phase::Serving,
        }
    }

    /// The counts of one I/O thread.
    pub fn counts_of(&self, thread: usize) -> &Arc<Counts> {
        &self.counts[thread]
    }

    /// The counts of all I/O threads.
    pub fn counts(&self) -> impl Iterator<Item = &Counts> {
        self.counts.iter().map(|counts| &**counts)
    }

    /// What the event streams share.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// A place for one more connection, or `None` at the cap.
    pub fn admit(self: &Arc<Self>) -> Option<Place> {
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        // Made before the check, so that it gives the place back if there was none.
        let place = Place { app: Arc::clone(self) };
        (before < self.config.http.connections_max).then_some(place)
    }
}

/// A connection's place under the cap; dropping it gives it back.
pub struct Place {
    app: Arc<App>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.app.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
