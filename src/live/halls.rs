//! Owns the halls of one I/O thread: who enters which, and the usher of each, the task that looks, wakes and beats for it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use landrush_engine::Engine;
use landrush_engine::id::CampaignNumber;
use landrush_engine::published::Published;
use tokio::time::{Instant, sleep_until};

use super::channel::Channel;
use super::hall::Hall;
use super::{Live, Tag, Watcher};
use crate::metrics::Counts;

/// Watchers that are woken before others have a turn. Each is a write to a socket, of a few microseconds.
const SLICE: usize = 32;

/// The halls of one I/O thread.
#[derive(Debug)]
pub(crate) struct Halls {
    live: Arc<Live>,
    counts: Arc<Counts>,
    open: RefCell<HashMap<CampaignNumber, Open>>,
}

/// A campaign that somebody watches on this thread.
#[derive(Debug, Clone)]
struct Open {
    hall: Rc<Hall>,
    channel: Arc<Channel>,
}

impl Halls {
    /// Nobody is there yet.
    pub(crate) fn new(live: Arc<Live>, counts: Arc<Counts>) -> Self {
        Self { live, counts, open: RefCell::default() }
    }

    /// A watcher of `campaign` who has seen `last`, and is to come back after `retry_ms` milliseconds should the stream
    /// break; `None` at the cap.
    pub(crate) fn enter(
        self: &Rc<Self>,
        engine: &Engine,
        campaign: &Arc<Published>,
        last: Option<Tag>,
        retry_ms: u64,
    ) -> Option<Watcher> {
        let place = self.live.admit()?;
        let Open { hall, channel } = self.open(engine, campaign);
        hall.accept(channel.for_newcomer(channel.now()));
        Some(Watcher::enter(hall, place, last, retry_ms))
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.open.borrow().values().for_each(|open| open.hall.close());
    }

    fn open(self: &Rc<Self>, engine: &Engine, campaign: &Arc<Published>) -> Open {
        let number = campaign.number();
        let known = self.open.borrow().get(&number).cloned();
        known.unwrap_or_else(|| {
            let channel = self.live.channel(engine, campaign);
            let newest = channel.for_newcomer(channel.now());
            let open = Open { hall: Rc::new(Hall::new(newest, Arc::clone(&self.counts))), channel };
            self.open.borrow_mut().insert(number, open.clone());
            tokio::task::spawn_local(Rc::clone(self).usher(number, open.clone()));
            open
        })
    }

    /// Serves a hall until nobody is left in it.
    async fn usher(self: Rc<Self>, number: CampaignNumber, Open { hall, channel }: Open) {
        let heartbeat = self.live.settings().heartbeat;
        let mut news = channel.listen();
        let mut beat_at = Instant::now() + heartbeat;
        loop {
            let now = channel.now();
            let look_at = channel.look(now);
            if hall.accept(news.borrow_and_update().clone()) {
                beat_at = Instant::now() + heartbeat;
            } else if Instant::now() >= beat_at {
                hall.beat();
                beat_at = Instant::now() + heartbeat;
            }
            if hall.is_empty() {
                // Nobody can have come in between: nothing was awaited since.
                self.open.borrow_mut().remove(&number);
                return;
            }
            if hall.wake_slice(SLICE) {
                tokio::task::yield_now().await;
                continue;
            }
            // The clock counts whole milliseconds: a wait that it says is over is over.
            let look_at = Instant::now() + look_at.saturating_since(now).max(Duration::from_millis(1));
            tokio::select! {
                biased;
                // The sender lives as long as the channel, which is ours.
                changed = news.changed() => changed.expect("the channel is here"),
                () = sleep_until(look_at.min(beat_at)) => {}
            }
        }
    }
}
