//! Owns one watcher: what it has seen, and what it sees next. Whoever carries its bytes asks only when there is room for
//! more, so that nothing queues for it.

use std::rc::Rc;
use std::task::{Context, Poll};

use super::hall::Hall;
use super::{Piece, Place, Tag};

/// One who watches a campaign. Dropping it gives its place back.
#[derive(Debug)]
pub struct Watcher {
    hall: Rc<Hall>,
    seat: usize,
    /// When to come back should the stream break, in milliseconds, until that has been said.
    retry_ms: Option<u64>,
    seen: Option<Tag>,
    seen_room: Option<Tag>,
    version: u64,
    beats: u32,
    _place: Place,
}

impl Watcher {
    /// Comes into `hall`, having seen `last`.
    pub(super) fn enter(hall: Rc<Hall>, place: Place, last: Option<Tag>, retry_ms: u64) -> Self {
        let (seat, beats, version) = (hall.sit(), hall.beats(), hall.newest().version);
        Self { hall, seat, retry_ms: Some(retry_ms), seen: last, seen_room: None, version, beats, _place: place }
    }

    /// What to send next; `None`: the stream is over. Ask when the last piece has left.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.hall.listen(self.seat, context.waker());
        let event = self.event();
        if let Some(retry_ms) = self.retry_ms.take() {
            return Poll::Ready(Some(Piece::opening(retry_ms, event.as_ref())));
        }
        if event.is_some() {
            return Poll::Ready(event);
        }
        if self.hall.is_over() {
            return Poll::Ready(None);
        }
        if self.beats != self.hall.beats() {
            self.beats = self.hall.beats();
            return Poll::Ready(Some(Piece::heartbeat()));
        }
        Poll::Pending
    }

    /// The newest, if it shows anything that was not seen.
    fn event(&mut self) -> Option<Piece> {
        let newest = self.hall.newest();
        let skipped = newest.version.saturating_sub(self.version + 1);
        self.version = newest.version;
        let availability = (self.seen != Some(newest.tag)).then_some(&newest.piece);
        let room = newest.room.as_ref().filter(|(tag, _)| self.seen_room != Some(*tag)).map(|(_, piece)| piece);
        let piece = match (availability, room) {
            (Some(availability), Some(room)) => availability.then(room),
            (Some(piece), None) | (None, Some(piece)) => piece.clone(),
            (None, None) => return None,
        };
        self.seen = Some(newest.tag);
        self.seen_room = newest.room.as_ref().map(|(tag, _)| *tag);
        self.beats = self.hall.beats();
        self.hall.counts().event_sent(skipped);
        Some(piece)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.hall.leave(self.seat);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Waker;
    use std::time::Duration;

    use landrush_engine::time::Timestamp;

    use super::super::Live;
    use super::super::channel::Newest;
    use super::*;
    use crate::config::Events;

    const SECOND: Duration = Duration::from_secs(1);

    /// The publication `version`, which shows what `tag` names.
    fn newest(version: u64, tag: u64) -> Newest {
        let (tag, shown_at) = (Tag(tag), Timestamp::from_milliseconds(version));
        Newest { version, tag, piece: Piece::availability(tag, b"{}"), room: None, shown_at, is_last: false }
    }

    fn hall() -> Rc<Hall> {
        Rc::new(Hall::new(newest(0, 70), Arc::default()))
    }

    fn live(watchers_max: usize) -> Arc<Live> {
        Arc::new(Live::new(Events { watchers_max, heartbeat: SECOND, stall_timeout: SECOND }))
    }

    fn watcher(hall: &Rc<Hall>, last: Option<u64>) -> Watcher {
        Watcher::enter(Rc::clone(hall), live(9).admit().expect("room"), last.map(Tag), 3_000)
    }

    fn next(watcher: &mut Watcher) -> Poll<Option<String>> {
        let piece = watcher.poll_next(&mut Context::from_waker(Waker::noop()));
        piece.map(|piece| piece.map(|piece| String::from_utf8(piece.text().to_vec()).expect("text")))
    }

    fn text(tag: u64) -> String {
        format!("event: availability\nid: {}\ndata: {{}}\n\n", Tag(tag))
    }

    #[test]
    fn a_newcomer_is_told_what_it_has_not_seen() {
        let hall = hall();
        let opening = |seen| next(&mut watcher(&hall, seen));
        assert_eq!(opening(None), Poll::Ready(Some(format!("retry: 3000\n\n{}", text(70)))));
        assert_eq!(opening(Some(71)), opening(None));
        assert_eq!(opening(Some(70)), Poll::Ready(Some(String::from("retry: 3000\n\n"))));
    }

    #[test]
    fn how_far_the_room_is_comes_when_it_changes_and_beside_what_is_left() {
        let hall = hall();
        let mut watcher = watcher(&hall, Some(70));
        assert!(next(&mut watcher).is_ready());
        let room = |number| Some((Tag(number), Piece::waiting_room(format!("{{\"n\":{number}}}").as_bytes())));
        let event = |number| format!("event: waiting_room\ndata: {{\"n\":{number}}}\n\n");
        hall.accept(Newest { room: room(1), ..newest(1, 70) });
        assert_eq!(next(&mut watcher), Poll::Ready(Some(event(1))));
        hall.accept(Newest { room: room(1), ..newest(2, 71) });
        assert_eq!(next(&mut watcher), Poll::Ready(Some(text(71))));
        hall.accept(Newest { room: room(2), ..newest(3, 72) });
        assert_eq!(next(&mut watcher), Poll::Ready(Some(text(72) + &event(2))));
        assert_eq!(next(&mut watcher), Poll::Pending);
    }

    #[test]
    fn whoever_is_slow_sees_the_newest_and_what_it_missed_is_counted() {
        let hall = hall();
        let mut watcher = watcher(&hall, Some(70));
        assert!(next(&mut watcher).is_ready());
        assert_eq!(next(&mut watcher), Poll::Pending);
        for version in 1..=5 {
            assert!(hall.accept(newest(version, 70 + version)));
        }
        assert_eq!(next(&mut watcher), Poll::Ready(Some(text(75))));
        assert_eq!(next(&mut watcher), Poll::Pending);
        assert_eq!(hall.counts().events(), (1, 4));
    }

    #[test]
    fn what_was_undone_before_it_was_seen_is_no_news() {
        let hall = hall();
        let mut watcher = watcher(&hall, Some(70));
        assert!(next(&mut watcher).is_ready());
        hall.accept(newest(1, 71));
        hall.accept(newest(2, 70));
        assert_eq!(next(&mut watcher), Poll::Pending);
    }

    #[test]
    fn a_heartbeat_comes_once_and_not_after_an_event() {
        let hall = hall();
        let mut watcher = watcher(&hall, Some(70));
        assert!(next(&mut watcher).is_ready());
        hall.beat();
        assert_eq!(next(&mut watcher), Poll::Ready(Some(String::from(":\n\n"))));
        assert_eq!(next(&mut watcher), Poll::Pending);
        hall.beat();
        hall.accept(newest(1, 71));
        assert_eq!(next(&mut watcher), Poll::Ready(Some(text(71))));
        assert_eq!(next(&mut watcher), Poll::Pending);
    }

    #[test]
    fn the_last_event_is_seen_before_the_end() {
        let hall = hall();
        let mut watcher = watcher(&hall, Some(70));
        assert!(next(&mut watcher).is_ready());
        hall.accept(Newest { is_last: true, ..newest(1, 71) });
        assert_eq!(next(&mut watcher), Poll::Ready(Some(text(71))));
        assert_eq!(next(&mut watcher), Poll::Ready(None));
    }

    #[test]
    fn places_are_given_back() {
        let live = live(2);
        let (first, second) = (live.admit().expect("room"), live.admit().expect("room"));
        assert!(live.admit().is_none());
        assert_eq!(live.watchers(), 2);
        drop(first);
        assert!(live.admit().is_some());
        drop(second);
        assert_eq!(live.watchers(), 0);
    }
}
