//! What a comparison found, as one page that needs nothing else: tables and two charts for each number of connections, light or dark
//! as the reader's system is, readable on a phone.

use std::fmt::Write as _;
use std::time::Duration;

use crate::compare::contender::Contender;
use crate::compare::line::{Figure, Line};
use crate::compare::plot::{Axis, Series, chart};
use crate::compare::setting::Setting;
use crate::compare::table::{legend, ratios, shown};
use crate::compare::transcript::SLICE;

const STYLE: &str = include_str!("report.css");
/// Latencies are drawn between these powers of ten, in milliseconds.
const DECADES: (i32, i32) = (-2, 4);
/// Nines of the right edge of the percentile axis: 99.99 in a hundred.
const NINES: f64 = 4.0;
/// Points of a percentile line.
const STEPS: u32 = 160;

/// The page over `lines`, measured in `setting` and as `about` says.
pub(super) fn page(lines: &[Line], setting: &Setting, about: &str) -> String {
    let mut groups: Vec<u16> = lines.iter().map(|line| line.group).collect();
    groups.dedup();
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>landrush, side by side</title><style>{STYLE}</style>\
         <main><h1>landrush, side by side</h1><p>{}</p><p>{}</p><ul class=\"who\">",
        escape(about),
        setting.lines().iter().map(|line| escape(line)).collect::<Vec<_>>().join("<br>")
    );
    for contender in Contender::ALL.into_iter().filter(|known| lines.iter().any(|line| line.contender == *known)) {
        let (name, words) = (contender.name(), escape(contender.describe()));
        let _ = write!(html, "<li><i class=\"{name}\"></i><b>{name}</b> {words}</li>");
    }
    html.push_str("</ul>");
    for group in groups {
        let lines: Vec<_> = lines.iter().filter(|line| line.group == group).collect();
        let _ = write!(
            html,
            "<section><h2>{group} connections</h2>{}{}<ul class=\"ratios\">",
            rates(&lines),
            costs(&lines)
        );
        for ratio in ratios(&lines) {
            let _ = write!(html, "<li>{}</li>", escape(&ratio));
        }
        html.push_str("</ul>");
        let _ = write!(
            html,
            "<div class=\"charts\"><figure>{}<figcaption>Latency by percentile at half the own top rate, open loop, Poisson arrivals, from the \
             intended moment of sending; both axes logarithmic.</figcaption></figure><figure>{}<figcaption>Claims a second over \
             time in the closed loop, mean of the rounds.</figcaption></figure></div></section>",
            percentiles(&lines),
            throughput(&lines)
        );
    }
    let legend = legend().map(|line| escape(&line)).join("<br>");
    html + &format!("<p>{legend}</p></main></html>\n")
}

fn rates(lines: &[&Line]) -> String {
    let head = [
        "",
        "conns",
        "pipelined",
        "claims/s",
        "min to max",
        "landrush is",
        "refusals/s",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "oracle",
    ];
    let own = lines.iter().find(|line| line.contender == Contender::Landrush);
    let rows = lines.iter().map(|line| {
        let (least, most) = line.spread(|round| round.top_per_s);
        let ratio = shown(own.and_then(|own| own.ratio(line, Figure::Claims)), 2);
        vec![
            line.contender.name().to_owned(),
            line.connections.to_string(),
            line.pipeline.to_string(),
            format!("{:.0}", line.median(|round| round.top_per_s)),
            format!("{least:.0} to {most:.0}"),
            format!("{ratio} times"),
            shown(line.median_of(|round| round.refusals_per_s), 0),
            format!("{:.2}", line.median(|round| round.p50_ms)),
            format!("{:.2}", line.median(|round| round.p99_ms)),
            format!("{:.2}", line.median(|round| round.p999_ms)),
            line.judgement(),
        ]
    });
    table(&head, rows)
}

fn costs(lines: &[&Line]) -> String {
    let head = [
        "",
        "offered/s",
        "achieved/s",
        "cpu s per 100,000",
        "generator s per 100,000",
        "log bytes a claim",
        "claims a sync",
        "memory bytes a claimant",
        "sold out after ms",
        "refusals and failures",
    ];
    let rows = lines.iter().map(|line| {
        let codes = line.codes.iter().map(|(code, count)| format!("{code}: {count}")).collect::<Vec<_>>();
        vec![
            line.contender.name().to_owned(),
            format!("{:.0}", line.median(|round| round.offered_per_s)),
            format!("{:.0}", line.median(|round| round.achieved_per_s)),
            format!("{:.2}", line.median(|round| round.cpu_s_per_100k)),
            format!("{:.2}", line.median(|round| round.generator_s_per_100k)),
            shown(line.median_of(|round| round.disk_bytes_per_claim), 1),
            line.claims_per_sync(),
            shown(line.median_of(|round| round.claimant_bytes), 1),
            shown(line.median_of(|round| round.sold_out_after_ms), 1),
            codes.join(", "),
        ]
    });
    table(&head, rows)
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, words: &mut dyn Iterator<Item = &str>| {
        words.fold(String::new(), |row, words| row + &format!("<{tag}>{}</{tag}>", escape(words)))
    };
    let mut html = format!("<div class=\"wide\"><table><tr>{}</tr>", cells("th", &mut head.iter().copied()));
    for row in rows {
        let _ = write!(html, "<tr>{}</tr>", cells("td", &mut row.iter().map(String::as_str)));
    }
    html + "</table></div>"
}

fn percentiles(lines: &[&Line]) -> String {
    let (least, most) = (f64::from(DECADES.0), f64::from(DECADES.1));
    let series = lines.iter().map(|line| {
        let points = (0..=STEPS).map(|step| {
            let place = f64::from(step) / f64::from(STEPS);
            let quantile = 1.0 - 10_f64.powf(-place * NINES);
            let latency = line.half.all().percentile(quantile * 100.0).as_secs_f64() * 1e3;
            (place, (latency.max(1e-6).log10() - least) / (most - least))
        });
        Series { class: line.contender.name(), points: points.collect() }
    });
    let nines = [(0.0, "0"), (1.0, "90"), (2.0, "99"), (3.0, "99.9"), (4.0, "99.99")];
    let x = Axis {
        label: "per cent of the requests",
        ticks: nines.map(|(place, words)| (place / NINES, words.to_owned())).to_vec(),
    };
    let words = |power: i32| {
        if power < 0 { 10_f64.powi(power).to_string() } else { 10_i32.pow(power.unsigned_abs()).to_string() }
    };
    let ticks = (DECADES.0..=DECADES.1).map(|power| ((f64::from(power) - least) / (most - least), words(power)));
    let y = Axis { label: "latency, ms", ticks: ticks.collect() };
    chart("latency by percentile", &x, &y, &series.collect::<Vec<_>>())
}

fn throughput(lines: &[&Line]) -> String {
    let longest = lines.iter().map(|line| line.throughput().count()).max().unwrap_or_default().max(1);
    let rates = lines.iter().flat_map(|line| line.throughput());
    let step = rounded(rates.fold(1.0, f64::max) / 4.0);
    let top = step * 5.0;
    let series = lines.iter().map(|line| {
        // A slice is drawn at its middle.
        let point = |(place, rate): (usize, f64)| ((place as f64 + 0.5) / longest as f64, rate / top);
        Series { class: line.contender.name(), points: line.throughput().enumerate().map(point).collect() }
    });
    let length = SLICE * u32::try_from(longest).unwrap_or(u32::MAX);
    let seconds = (0_u32..=4).map(|quarter| {
        let at: Duration = length * quarter / 4;
        (f64::from(quarter) / 4.0, format!("{:.2}", at.as_secs_f64()))
    });
    let x = Axis { label: "seconds", ticks: seconds.collect() };
    let ticks = (0_u32..=5).map(|number| (f64::from(number) / 5.0, format!("{:.0}", step * f64::from(number))));
    let y = Axis { label: "answers a second", ticks: ticks.collect() };
    chart("claims a second over time", &x, &y, &series.collect::<Vec<_>>())
}

/// The next number up from `value` that is 1, 2 or 5 times a power of ten.
fn rounded(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|step| *step >= value).unwrap_or(10.0 * power)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_an_axis_are_round() {
        for (value, expected) in [(1.0, 1.0), (1.2, 2.0), (12_600.0, 20_000.0), (30.0, 50.0), (61.0, 100.0)] {
            assert!((rounded(value) - expected).abs() < 1e-6, "{value} gives {}", rounded(value));
        }
    }

    #[test]
    fn nothing_on_the_page_comes_from_elsewhere_and_words_cannot_break_it() {
        let mut line = Line::new(Contender::Landrush, 64, 64, 16);
        line.codes.insert("<script>".into(), 1);
        let page = page(&[line], &Setting::of_tests("ext", "sync"), "a & b");
        assert!(page.contains("not measured: postgres"), "{page}");
        assert!(page.contains("a &amp; b") && page.contains("&lt;script&gt;: 1"), "{page}");
        for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
