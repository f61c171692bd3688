//! Line charts as SVG text: axes, ticks, a line for each series, coloured by the classes of the page around them.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 340.0;
// Room for seven digits beside the label, and for half of the last tick's words, in the size of letters that phones get.
const LEFT: f64 = 100.0;
const RIGHT: f64 = 28.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

/// One axis: where a value lies between 0 and 1 is its caller's matter.
pub(super) struct Axis {
    /// What it shows, with the unit.
    pub(super) label: &'static str,
    /// Places from 0 to 1 with their words.
    pub(super) ticks: Vec<(f64, String)>,
}

/// One line.
pub(super) struct Series {
    /// The class that colours it.
    pub(super) class: &'static str,
    /// Points from 0 to 1 on both axes.
    pub(super) points: Vec<(f64, f64)>,
}

/// A chart that `title` describes to those who cannot see it.
pub(super) fn chart(title: &str, x: &Axis, y: &Axis, series: &[Series]) -> String {
    let across = |place: f64| LEFT + place.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT);
    let up = |place: f64| HEIGHT - BOTTOM - place.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM);
    let (bottom, right) = (up(0.0), across(1.0));
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title>");
    for (place, words) in &x.ticks {
        let at = across(*place);
        let _ = write!(svg, "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom:.1}\"/>");
        let _ = write!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{words}</text>", bottom + 16.0);
    }
    for (place, words) in &y.ticks {
        let at = up(*place);
        let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right:.1}\"/>");
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{words}</text>", LEFT - 6.0, at + 4.0);
    }
    let middle = f64::midpoint(LEFT, right);
    let _ = write!(svg, "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>", HEIGHT - 8.0, x.label);
    let centre = f64::midpoint(TOP, bottom);
    let _ = write!(
        svg,
        "<text transform=\"translate(13 {centre:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        y.label
    );
    for line in series {
        let points = line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", across(*x), up(*y)));
        let _ = write!(svg, "<polyline class=\"{}\" points=\"{}\"/>", line.class, points.collect::<Vec<_>>().join(" "));
    }
    svg + "</svg>"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_lie_within_the_axes_whatever_they_are() {
        let axis = || Axis { label: "x", ticks: vec![(0.0, "0".into()), (1.0, "1".into())] };
        let series = [Series { class: "landrush", points: vec![(0.0, 0.0), (2.0, -1.0)] }];
        let svg = chart("a chart", &axis(), &axis(), &series);
        assert!(svg.contains("points=\"100.0,296.0 612.0,296.0\""), "{svg}");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"), "{svg}");
    }
}
