//! What a board looks like, drawn into memory.

use std::time::Duration;

use super::super::figures::tests::sample;
use super::*;

fn board() -> Board {
    let begun = Instant::now();
    let mut board = Board::default();
    board.take(sample(begun, 1_000, 0, 100));
    board.take(sample(begun + Duration::from_secs(1), 13_345, 50, 300));
    board
}

fn drawn(board: &Board, screen: &mut Screen, columns: u16, lines: u16) -> String {
    let area = Rect::new(0, 0, columns, lines);
    let mut buffer = Buffer::empty(area);
    render(board, screen, Instant::now(), false, area, &mut buffer);
    words::text_of(&buffer)
}

fn check(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

#[test]
fn the_figures_and_the_campaigns_are_there() {
    let text = drawn(&board(), &mut Screen::default(), 110, 30);
    check(
        &text,
        &[
            "landrush serving",
            "claims/s    12,395  won 12,345  sold_out 50",
            "p50 1.00 ms  p90 1.00 ms  p99 1.00 ms  p99.9 1.00 ms",
            "synced    p50 0.50 ms",
            "connections 12  watchers 3  waiting at shards 5 of 1,000",
            "1 campaigns, busiest first",
            "spring-sale",
            "200",
            "300 of 1,000",
            "Spring sale (first_come)",
            "700 of 1,000 left",
            "200 of 500 today",
            "q quit",
        ],
    );
}

#[test]
fn plain_text_has_the_same_without_a_terminal() {
    let text = plain(&board(), 100);
    check(&text, &["claims/s    12,395", "spring-sale", "300 of 1,000"]);
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn every_size_is_drawn() {
    for columns in [1, 39, 40, 60, 89, 90, 300] {
        for lines in [1, 7, 8, 12, 16, 20, 24, 100] {
            drawn(&board(), &mut Screen { shows_help: true, ..Screen::default() }, columns, lines);
        }
    }
    check(&drawn(&board(), &mut Screen::default(), 39, 30), &["too small"]);
    check(&drawn(&board(), &mut Screen::default(), 60, 8), &["spring-sale"]);
}

#[test]
fn silence_is_told_with_its_age() {
    let mut board = board();
    board.miss(String::from("connection refused"));
    check(&drawn(&board, &mut Screen::default(), 110, 30), &["no answer for 0 s: connection refused; trying again"]);
}

#[test]
fn the_selection_stays_with_its_campaign() {
    let mut board = board();
    let mut second = board.last().expect("a reading").campaigns[0].clone();
    second.id = String::from("another");
    let begun = Instant::now();
    let mut next = sample(begun, 20_000, 0, 300);
    next.campaigns.push(second);
    board.take(next);
    let mut screen = Screen { sort: Sort::Id, ..Screen::default() };
    drawn(&board, &mut screen, 100, 30);
    assert_eq!(screen.selected.as_deref(), Some("another"));
    screen.select(1, &board);
    assert_eq!(screen.selected.as_deref(), Some("spring-sale"));
    screen.select(1, &board);
    assert_eq!(screen.selected.as_deref(), Some("spring-sale"));
    screen.select(-5, &board);
    assert_eq!(screen.selected.as_deref(), Some("another"));
}

#[test]
fn numbers_are_spelt_for_people() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!([0.0, 0.4, 12.0, -3.0, 12_345.6].map(rate), ["", "0.4", "12", "-3.0", "12,346"]);
    assert_eq!(
        [None, Some(0.000_25), Some(0.123), Some(f64::INFINITY)].map(milliseconds),
        ["-", "0.25 ms", "123 ms", "long"]
    );
    assert_eq!([bar(1.0, 3), bar(0.5, 2), bar(0.0, 2)], ["\u{2588}\u{2588}\u{2588}", "\u{2588} ", " \u{b7}"]);
}
