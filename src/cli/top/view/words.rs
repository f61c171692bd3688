//! Owns how numbers, spans and states are spelt on the board. Pure, but for the clock that countdowns are told by.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Style};

use super::super::sample::Campaign;

/// A count with its thousands set off.
pub(super) fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Units a second; nothing where nothing moves.
pub(super) fn rate(each_second: f64) -> String {
    let sign = if each_second < -0.05 { "-" } else { "" };
    match each_second.abs() {
        still if still < 0.05 => String::new(),
        slow if slow < 10.0 => format!("{sign}{slow:.1}"),
        fast => format!("{sign}{}", number(super::rounded(fast))),
    }
}

/// Seconds as milliseconds, at most so many.
pub(super) fn milliseconds(seconds: Option<f64>) -> String {
    match seconds {
        None => String::from("-"),
        Some(seconds) if seconds.is_infinite() => String::from("long"),
        Some(seconds) if seconds < 0.01 => format!("{:.2} ms", seconds * 1_000.0),
        Some(seconds) => format!("{:.0} ms", seconds * 1_000.0),
    }
}

pub(super) fn bytes(count: f64) -> String {
    if count < 1_024.0 * 1_024.0 {
        format!("{:.1} KiB", count / 1_024.0)
    } else {
        format!("{:.1} MiB", count / 1_048_576.0)
    }
}

/// A bar of so many cells, full for 1, by eighths.
pub(super) fn bar(share: f64, cells: usize) -> String {
    const EIGHTHS: [char; 8] =
        [' ', '\u{258f}', '\u{258e}', '\u{258d}', '\u{258c}', '\u{258b}', '\u{258a}', '\u{2589}'];
    let eighths = super::rounded(share.clamp(0.0, 1.0) * super::float(cells as u64 * 8));
    let (full, rest) = (usize::try_from(eighths / 8).unwrap_or(cells), usize::try_from(eighths % 8).unwrap_or(0));
    let mut text = "\u{2588}".repeat(full);
    if full < cells {
        text.push(EIGHTHS[rest]);
        text.push_str(&"\u{b7}".repeat(cells - full - 1));
    }
    text
}

/// How long until the campaign opens or closes, by this machine's clock.
pub(super) fn countdown(campaign: &Campaign) -> String {
    let (word, moment) = match campaign.state.as_str() {
        "scheduled" | "closed" => ("opens in", &campaign.opens_at),
        "open" | "sold_out" | "paused" => ("closes in", &campaign.closes_at),
        _ => return String::new(),
    };
    let Some(moment) = moment.as_ref().and_then(|moment| moment.parse::<Timestamp>().ok()) else {
        return String::new();
    };
    let seconds = moment.duration_since(Timestamp::now()).as_secs().max(0);
    match seconds {
        0..=99 => format!("{word} {seconds} s"),
        100..=5_999 => format!("{word} {} min", seconds / 60),
        6_000..=172_799 => format!("{word} {} h", seconds / 3_600),
        _ => format!("{word} {} d", seconds / 86_400),
    }
}

/// Where a state stands among those worth looking at: what is open first.
pub(super) fn liveliness(state: &str) -> u8 {
    match state {
        "open" => 0,
        "sold_out" => 1,
        "paused" => 2,
        "scheduled" | "closed" => 3,
        _ => 4,
    }
}

pub(super) fn colour_of(state: &str) -> Style {
    match state {
        "open" => Style::new().fg(Color::Green),
        "sold_out" | "paused" => Style::new().fg(Color::Yellow),
        "scheduled" | "closed" => Style::new().fg(Color::Cyan),
        _ => Style::new().fg(Color::DarkGray),
    }
}

/// The buffer's text, without colours and without spaces at the ends of lines.
pub(super) fn text_of(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
