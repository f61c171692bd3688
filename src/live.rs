//! Live availability: what is shown of a campaign, brought to everybody who watches it. Owns the cap on watchers and which
//! campaigns are watched; what is shown is `http::availability`'s, how bytes leave is the server's.
//!
//! ```text
//! Published (durable counts) -> Channel: one a campaign, looks, renders once -> Hall: one a campaign and I/O thread,
//!     wakes its watchers by slices -> Watcher: one a stream, takes the newest when its socket has room
//! ```
//!
//! Nothing queues: a hall holds the newest state alone, and a watcher that comes late for one takes the next. A channel and
//! its halls live only while somebody watches.

mod channel;
mod hall;
mod halls;
mod pace;
mod piece;
mod watcher;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use landrush_engine::Engine;
use landrush_engine::id::CampaignNumber;
use landrush_engine::published::Published;
use parking_lot::Mutex;

use self::channel::Channel;
pub(crate) use self::halls::Halls;
pub(crate) use self::piece::{Piece, Tag};
pub use self::watcher::Watcher;
use crate::config::Events;

/// What all I/O threads share of the event streams.
#[derive(Debug)]
pub struct Live {
    settings: Events,
    watchers: AtomicUsize,
    /// Held for as long as it takes to find a channel or make one.
    channels: Mutex<HashMap<CampaignNumber, Weak<Channel>>>,
}

impl Live {
    /// Nobody watches anything yet.
    pub(crate) fn new(settings: Events) -> Self {
        Self { settings, watchers: AtomicUsize::new(0), channels: Mutex::default() }
    }

    /// The settings.
    pub(crate) fn settings(&self) -> &Events {
        &self.settings
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        self.watchers.load(Ordering::Relaxed)
    }

    /// A place for one more watcher, or `None` at the cap.
    fn admit(self: &Arc<Self>) -> Option<Place> {
        // Relaxed: the count orders nothing but itself.
        let before = self.watchers.fetch_add(1, Ordering::Relaxed);
        // Made before the check, so that it gives the place back if there was none.
        let place = Place(Arc::clone(self));
        (before < self.settings.watchers_max).then_some(place)
    }

    /// The channel of `campaign`; a new one if nobody watches it.
    fn channel(&self, engine: &Engine, campaign: &Arc<Published>) -> Arc<Channel> {
        let mut channels = self.channels.lock();
        if let Some(channel) = channels.get(&campaign.number()).and_then(Weak::upgrade) {
            return channel;
        }
        channels.retain(|_, channel| channel.strong_count() > 0);
        let channel = Arc::new(Channel::open(engine.clone(), Arc::clone(campaign)));
        channels.insert(campaign.number(), Arc::downgrade(&channel));
        channel
    }
}

/// A watcher's place under the cap; dropping it gives it back.
#[derive(Debug)]
struct Place(Arc<Live>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}
