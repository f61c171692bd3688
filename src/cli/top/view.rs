//! Owns how a board looks: the head with the server's figures, the campaigns, the one that is selected, what keys there are. Draws on
//! whatever buffer it is given; knows no terminal.

mod words;

use std::time::Instant;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Row, Sparkline, StatefulWidget, Table, TableState, Widget};

use self::words::{bar, bytes, countdown, milliseconds, number, rate};
use super::figures::{Board, float, rounded};
use super::sample::{Campaign, CouponType};

/// What the user has chosen to see.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// The campaign that is selected, by its id: rows move, it stays.
    selected: Option<String>,
    pub(super) sort: Sort,
    pub(super) shows_help: bool,
    table: TableState,
}

/// The order of the campaigns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// Those that hand out most first, then those that are open.
    #[default]
    Busiest,
    /// By id.
    Id,
    /// Those with least left first.
    Left,
}

impl Sort {
    pub(super) fn next(self) -> Self {
        match self {
            Sort::Busiest => Sort::Id,
            Sort::Id => Sort::Left,
            Sort::Left => Sort::Busiest,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Sort::Busiest => "busiest first",
            Sort::Id => "by id",
            Sort::Left => "least left first",
        }
    }
}

impl Screen {
    /// Moves the selection by so many rows.
    pub(super) fn select(&mut self, by: isize, board: &Board) {
        let rows = self.rows(board);
        let place = self.place(&rows).unwrap_or(0).saturating_add_signed(by).min(rows.len().saturating_sub(1));
        self.selected = rows.get(place).map(|campaign| campaign.id.clone());
    }

    fn rows<'b>(&self, board: &'b Board) -> Vec<&'b Campaign> {
        let mut rows: Vec<&Campaign> = board.last().map(|sample| sample.campaigns.iter().collect()).unwrap_or_default();
        let issued = |campaign: &Campaign| issued_rate(board, campaign);
        match self.sort {
            Sort::Busiest => rows.sort_by(|one, other| {
                let by_rate = issued(other).total_cmp(&issued(one));
                by_rate.then_with(|| words::liveliness(&one.state).cmp(&words::liveliness(&other.state)))
            }),
            Sort::Id => rows.sort_by(|one, other| one.id.cmp(&other.id)),
            Sort::Left => rows.sort_by(|one, other| share_left(one).total_cmp(&share_left(other))),
        }
        rows
    }

    fn place(&self, rows: &[&Campaign]) -> Option<usize> {
        rows.iter().position(|campaign| Some(&campaign.id) == self.selected.as_ref())
    }
}

fn issued_rate(board: &Board, campaign: &Campaign) -> f64 {
    board.now.as_ref().and_then(|now| now.issued.get(&campaign.id)).copied().unwrap_or(0.0)
}

fn share_left(campaign: &Campaign) -> f64 {
    let (issued, total) = campaign.stock();
    1.0 - float(issued) / float(total.max(1))
}

/// Draws all of it.
pub(super) fn draw(board: &Board, screen: &mut Screen, now: Instant, held: bool, frame: &mut Frame<'_>) {
    let area = frame.area();
    render(board, screen, now, held, area, frame.buffer_mut());
}

/// A frame of `columns` as plain text, with all campaigns.
pub(super) fn plain(board: &Board, columns: u16) -> String {
    let rows = board.last().map_or(0, |sample| sample.campaigns.len());
    let types = board.last().and_then(|sample| sample.campaigns.first()).map_or(0, |first| first.coupon_types.len());
    // Head, history, two titles, a line of names, one of keys.
    let height = u16::try_from(rows + types.min(8) + 13).unwrap_or(u16::MAX).clamp(20, 400);
    let area = Rect::new(0, 0, columns, height);
    let mut buffer = Buffer::empty(area);
    render(board, &mut Screen::default(), Instant::now(), false, area, &mut buffer);
    words::text_of(&buffer)
}

fn render(board: &Board, screen: &mut Screen, now: Instant, held: bool, area: Rect, buffer: &mut Buffer) {
    if area.width < 40 || area.height < 8 {
        Paragraph::new("too small: 40 columns and 8 lines are the least").render(area, buffer);
        return;
    }
    let rows = screen.rows(board);
    if screen.place(&rows).is_none() {
        screen.selected = rows.first().map(|campaign| campaign.id.clone());
    }
    let selected = screen.place(&rows).map(|place| rows[place]);
    let types = selected.map_or(0, |campaign| campaign.coupon_types.len());
    // What little room there is belongs to the campaigns.
    let details = if area.height < 20 { 0 } else { u16::try_from(types.min(8)).unwrap_or(8) + 2 };
    let spark = if area.height < 16 { 0 } else { 3 };
    let [head, sparkline, table, detail, foot] = Layout::vertical([
        Constraint::Length(5),
        Constraint::Length(spark),
        Constraint::Min(3),
        Constraint::Length(details),
        Constraint::Length(1),
    ])
    .areas(area);
    Paragraph::new(head_lines(board, now, held)).render(head, buffer);
    if spark > 0 {
        let width = usize::from(sparkline.width);
        let shown = board.history.iter().rev().take(width).rev();
        let most = board.history.iter().max().copied().unwrap_or(0);
        let title = format!("claims/s, the last {} s; most {}", width.min(board.history.len()), number(most));
        let block = Block::new().borders(Borders::TOP).title(title).dim();
        Sparkline::default()
            .block(block)
            .data(shown.copied())
            .style(Style::new().fg(Color::Cyan))
            .render(sparkline, buffer);
    }
    screen.table.select(screen.place(&rows));
    campaigns(board, &rows, screen.sort, table, &mut screen.table, buffer);
    if let Some(campaign) = selected.filter(|_| details > 0) {
        detail_of(campaign, detail, buffer);
    }
    let keys = "q quit  \u{2191}\u{2193} select  s sort  p hold  ? help";
    Paragraph::new(keys).dim().render(foot, buffer);
    if screen.shows_help {
        help(area, buffer);
    }
}

fn head_lines(board: &Board, now: Instant, held: bool) -> Vec<Line<'static>> {
    let Some(last) = board.last() else { return vec![Line::from("landrush: nothing read yet")] };
    let metric = |name: &str| last.metrics.value(name);
    let is = |name: &str| metric(name) == Some(1.0);
    let mut first = vec![Span::from("landrush ").bold()];
    first.push(match (is("ready"), is("log_accepts")) {
        (true, true) => Span::from("serving").green(),
        (true, false) => Span::from("the log takes nothing").red(),
        (false, _) => Span::from("not ready").red(),
    });
    if held {
        first.push(Span::from("  held: p goes on").yellow());
    }
    if let Some((since, why)) = &board.silent {
        let age = now.saturating_duration_since(*since).as_secs();
        first.push(Span::from(format!("  no answer for {age} s: {why}; trying again")).red());
    }
    let figures = board.now.clone().unwrap_or_default();
    let mut second = vec![Span::from(format!("claims/s {:>9}  ", number(rounded(figures.claims)))).bold()];
    let outcomes = figures.outcomes.iter().map(|(outcome, each)| format!("{outcome} {}  ", number(rounded(*each))));
    second.extend(outcomes.map(Span::from));
    let [half, ninth, late, latest] = figures.claim_seconds.map(milliseconds);
    let third = format!("answered  p50 {half}  p90 {ninth}  p99 {late}  p99.9 {latest}");
    let [sync, slow_sync] = figures.sync_seconds.map(milliseconds);
    let fourth = format!("synced    p50 {sync}  p99 {slow_sync}  log {}/s", bytes(figures.log_bytes));
    let depth: f64 = last.metrics.labelled("mailbox_depth").map(|(_, depth)| depth).sum();
    let count = |value: Option<f64>| value.map_or_else(|| String::from("-"), |value| number(rounded(value)));
    let fifth = format!(
        "connections {}  watchers {}  waiting at shards {} of {}",
        count(metric("http_connections")),
        count(metric("watchers")),
        number(rounded(depth)),
        count(metric("mailbox_capacity")),
    );
    let lines = vec![Line::from(first), Line::from(second), Line::from(third), Line::from(fourth), Line::from(fifth)];
    let is_stale = board.silent.is_some();
    lines.into_iter().enumerate().map(|(place, line)| if is_stale && place > 0 { line.dim() } else { line }).collect()
}

fn campaigns(board: &Board, rows: &[&Campaign], sort: Sort, area: Rect, state: &mut TableState, buffer: &mut Buffer) {
    let more = if board.last().is_some_and(|sample| sample.has_more) { ", and more that are not read" } else { "" };
    let title = format!("{} campaigns, {}{more}", rows.len(), sort.name());
    let wide = area.width >= 90;
    let row = |campaign: &&Campaign| {
        let (issued, total) = campaign.stock();
        let mut cells = vec![
            Span::from(campaign.id.clone()),
            Span::styled(campaign.state.clone(), words::colour_of(&campaign.state)),
            Span::from(countdown(campaign)),
            Span::from(rate(issued_rate(board, campaign))),
            Span::from(format!("{} of {}", number(issued), number(total))),
        ];
        if wide {
            cells.push(Span::from(bar(share_left(campaign), 20)));
        }
        Row::new(cells)
    };
    let mut widths = vec![
        Constraint::Fill(2),
        Constraint::Length(9),
        Constraint::Length(17),
        Constraint::Length(9),
        Constraint::Fill(2),
    ];
    let mut heads = vec!["campaign", "state", "", "issued/s", "issued"];
    if wide {
        widths.push(Constraint::Length(21));
        heads.push("left");
    }
    let table = Table::new(rows.iter().map(row), widths)
        .header(Row::new(heads).dim())
        .row_highlight_style(Style::new().reversed())
        .block(Block::new().borders(Borders::TOP).title(title));
    StatefulWidget::render(table, area, buffer, state);
}

fn detail_of(campaign: &Campaign, area: Rect, buffer: &mut Buffer) {
    let title = format!("{} ({})", campaign.name, campaign.mode);
    let count = |value: Option<u64>| value.map_or_else(|| String::from("?"), number);
    let row = |coupon_type: &CouponType| {
        let left = coupon_type.remaining.map_or(0.0, |left| float(left) / float(coupon_type.total_quota.max(1)));
        let today = match coupon_type.daily_quota {
            Some(daily) => format!("{} of {} today", count(coupon_type.remaining_today), number(daily)),
            None => String::new(),
        };
        Row::new([
            format!("{} ({})", coupon_type.name, coupon_type.id),
            bar(left, 30),
            format!("{} of {} left", count(coupon_type.remaining), number(coupon_type.total_quota)),
            today,
        ])
    };
    let widths = [Constraint::Fill(1), Constraint::Length(31), Constraint::Fill(1), Constraint::Fill(1)];
    let table = Table::new(campaign.coupon_types.iter().map(row), widths);
    Widget::render(table.block(Block::new().borders(Borders::TOP).title(title)), area, buffer);
}

fn help(area: Rect, buffer: &mut Buffer) {
    let lines = [
        "q, Esc, Ctrl-C   quit",
        "up, down, j, k   select a campaign",
        "s                sort: busiest, by id, least left",
        "p, space         hold the figures, go on",
        "?                this",
        "",
        "Percentiles are bounds of the server's buckets: at most so long.",
    ];
    let (width, height) = (68.min(area.width), 9.min(area.height));
    let place = Rect::new((area.width - width) / 2, (area.height - height) / 2, width, height);
    Clear.render(place, buffer);
    let text: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
    Paragraph::new(text).block(Block::bordered().title("keys")).render(place, buffer);
}

#[cfg(test)]
mod tests;
