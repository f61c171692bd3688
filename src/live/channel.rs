//! Owns what is published of one campaign: looks at its durable counts, renders what has changed, once, and tells the halls.

use std::sync::Arc;
use std::time::Duration;

use landrush_engine::Engine;
use landrush_engine::published::Published;
use landrush_engine::time::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::pace::Pace;
use super::piece::{Piece, Tag};
use crate::http::{Shown, ShownRoom};

/// How old the `server_time` may be that a newcomer is told.
const SERVER_TIME_AGE_MAX: Duration = Duration::from_secs(1);

/// A watched campaign.
pub(super) struct Channel {
    engine: Engine,
    campaign: Arc<Published>,
    /// Held while one thread looks; the others have nothing to look for then.
    looking: Mutex<Looking>,
    newest: watch::Sender<Newest>,
}

struct Looking {
    pace: Pace,
    /// Where what is shown is written to be compared; its memory stays.
    scratch: Vec<u8>,
}

/// What was published last.
#[derive(Debug, Clone)]
pub(super) struct Newest {
    /// Counts publications. Stays in the process.
    pub(super) version: u64,
    /// Names what is shown.
    pub(super) tag: Tag,
    /// The event.
    pub(super) piece: Piece,
    /// Of a campaign with a waiting room: how far that is.
    pub(super) room: Option<(Tag, Piece)>,
    /// The server's time in it.
    pub(super) shown_at: Timestamp,
    /// Nothing will follow: the campaign has been archived.
    pub(super) is_last: bool,
}

impl Channel {
    /// Begins with what is shown now.
    pub(super) fn open(engine: Engine, campaign: Arc<Published>) -> Self {
        let now = engine.clock().now();
        let shown = Shown::of(&campaign, now);
        let mut scratch = Vec::with_capacity(512);
        let tag = tag_of(&shown, &mut scratch);
        let piece = render(&shown, tag, now, &mut scratch);
        let room = room(&campaign, now, None, &mut scratch);
        let (newest, _) = watch::channel(Newest { version: 0, tag, piece, room, shown_at: now, is_last: false });
        let looking = Looking { pace: Pace::begin(now, shown.changes_at()), scratch };
        Self { engine, campaign, looking: Mutex::new(looking), newest }
    }

    /// The present moment.
    pub(super) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Hears of publications.
    pub(super) fn listen(&self) -> watch::Receiver<Newest> {
        self.newest.subscribe()
    }

    /// Looks, if it is time to, and publishes what has changed. Says when to come again.
    pub(super) fn look(&self, now: Timestamp) -> Timestamp {
        let mut looking = self.looking.lock();
        if now < looking.pace.due() {
            return looking.pace.due();
        }
        let Looking { pace, scratch } = &mut *looking;
        let shown = Shown::of(&self.campaign, now);
        let tag = tag_of(&shown, scratch);
        let is_last = self.engine.directory().find_number(self.campaign.number()).is_none();
        let newest = self.newest.borrow().clone();
        let room = room(&self.campaign, now, newest.room.as_ref(), scratch);
        let room_tag = |room: &Option<(Tag, Piece)>| room.as_ref().map(|(tag, _)| *tag);
        let has_changed = newest.tag != tag || newest.is_last != is_last || room_tag(&newest.room) != room_tag(&room);
        if has_changed {
            let piece = if newest.tag == tag { newest.piece } else { render(&shown, tag, now, scratch) };
            let shown_at = if newest.tag == tag { newest.shown_at } else { now };
            let version = newest.version + 1;
            self.newest.send_modify(|newest| *newest = Newest { version, tag, piece, room, shown_at, is_last });
        }
        pace.looked(now, has_changed, shown.changes_at());
        pace.due()
    }

    /// What a newcomer is told: what was published last, with a time that is not long past.
    pub(super) fn for_newcomer(&self, now: Timestamp) -> Newest {
        self.look(now);
        let mut looking = self.looking.lock();
        let newest = self.newest.borrow().clone();
        if now.saturating_since(newest.shown_at) < SERVER_TIME_AGE_MAX {
            return newest;
        }
        let shown = Shown::of(&self.campaign, now);
        let tag = tag_of(&shown, &mut looking.scratch);
        if tag != newest.tag {
            // It changed since the look. Whoever comes in hears of it with all others.
            return newest;
        }
        let piece = render(&shown, tag, now, &mut looking.scratch);
        let newest = Newest { piece, shown_at: now, ..newest };
        // For the next newcomers; no news to those who are there.
        self.newest.send_if_modified(|published| {
            published.clone_from(&newest);
            false
        });
        newest
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("newest", &*self.newest.borrow()).finish_non_exhaustive()
    }
}

/// How far the campaign's waiting room is, if it has one; rendered only if it is not as in `before`.
fn room(
    campaign: &Published,
    now: Timestamp,
    before: Option<&(Tag, Piece)>,
    scratch: &mut Vec<u8>,
) -> Option<(Tag, Piece)> {
    let room = campaign.room()?;
    scratch.clear();
    ShownRoom::of(campaign, &room, now).write(scratch);
    let tag = Tag(Shown::hash(scratch));
    let same = before.filter(|(before, _)| *before == tag);
    Some(same.cloned().unwrap_or_else(|| (tag, Piece::waiting_room(scratch))))
}

fn tag_of(shown: &Shown, scratch: &mut Vec<u8>) -> Tag {
    scratch.clear();
    shown.write(None, scratch);
    Tag(Shown::hash(scratch))
}

fn render(shown: &Shown, tag: Tag, now: Timestamp, scratch: &mut Vec<u8>) -> Piece {
    scratch.clear();
    shown.write(Some(now), scratch);
    Piece::availability(tag, scratch)
}
