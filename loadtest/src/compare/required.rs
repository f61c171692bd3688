//! How many times of each other contender's figures landrush has to reach, or may, if that was asked for.

use std::str::FromStr;

use clap::ValueEnum as _;

use crate::compare::contender::Contender;
use crate::compare::line::{Figure, Line};
use crate::compare::table::shown;

/// A ratio of a figure of landrush to another's that is a bound at every number of connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Required {
    other: Contender,
    figure: Figure,
    ratio: f64,
}

/// On which side of a bound it is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    AtLeast,
    AtMost,
}

impl FromStr for Required {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a contender and a ratio such as `floor=0.5`, `floor.refusals=1` or `floor.cpu=1.2`".to_owned();
        let (what, ratio) = text.split_once('=').ok_or_else(wrong)?;
        let (name, figure) = what.split_once('.').unwrap_or((what, Figure::Claims.name()));
        let other = Contender::from_str(name, false)?;
        let figure = Figure::named(figure).ok_or_else(wrong)?;
        let ratio = ratio.parse().ok().filter(|ratio: &f64| ratio.is_finite() && *ratio > 0.0).ok_or_else(wrong)?;
        if other == Contender::Landrush {
            return Err("somebody else than landrush".into());
        }
        Ok(Self { other, figure, ratio })
    }
}

/// Those of `required` that `lines` miss, each with the side on which it should be, in words. Whoever was not measured misses all.
pub(super) fn missed(lines: &[Line], required: impl Iterator<Item = (Side, Required)>) -> Vec<String> {
    let mut missed = Vec::new();
    for (side, Required { other, figure, ratio: bound }) in required {
        let others = lines.iter().filter(|line| line.contender == other);
        let pairs: Vec<_> = others.filter_map(|other| Some((landrush_beside(other, lines)?, other))).collect();
        let (what, name) = (figure.name(), other.name());
        let asked_for = match side {
            Side::AtLeast => format!("at least {bound} was asked for"),
            Side::AtMost => format!("at most {bound} was asked for"),
        };
        if pairs.is_empty() {
            missed.push(format!("{what}: landrush and {name} were not measured beside each other, {asked_for}"));
        }
        for (own, other) in pairs {
            let ratio = own.ratio(other, figure);
            let is_met = ratio.is_some_and(|ratio| match side {
                Side::AtLeast => ratio >= bound,
                Side::AtMost => ratio <= bound,
            });
            if !is_met {
                let (group, ratio) = (own.group, shown(ratio, 2));
                missed.push(format!("{what}: {ratio} times {name} at {group} connections, {asked_for}"));
            }
        }
    }
    missed
}

fn landrush_beside<'a>(other: &Line, lines: &'a [Line]) -> Option<&'a Line> {
    lines.iter().find(|line| line.contender == Contender::Landrush && line.group == other.group)
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn ratios_are_read_or_refused() {
        let required = |other, figure, ratio| Ok(Required { other, figure, ratio });
        assert_eq!("redis-always=2".parse(), required(Contender::RedisAlways, Figure::Claims, 2.0));
        assert_eq!("floor.refusals=1.0".parse(), required(Contender::Floor, Figure::Refusals, 1.0));
        assert_eq!("floor.cpu=1.2".parse(), required(Contender::Floor, Figure::Cpu, 1.2));
        for bad in ["floor", "floor=", "floor=-1", "floor=NaN", "nobody=1", "landrush=1", "floor.=1", "floor.p99=1"] {
            assert!(bad.parse::<Required>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_not_reached_is_named() {
        let line = |contender, group, rates: &[f64]| Line::with_rates(contender, group, rates);
        let lines = [
            line(Contender::Floor, 64, &[100.0, 100.0, 100.0]),
            line(Contender::Landrush, 64, &[60.0, 40.0, 70.0]),
            line(Contender::Floor, 256, &[100.0]),
            line(Contender::Landrush, 256, &[40.0]),
        ];
        let missed =
            |required: &str| missed(&lines, iter::once((Side::AtLeast, required.parse().expect("a requirement"))));
        assert_eq!(missed("floor=0.4"), Vec::<String>::new());
        assert_eq!(missed("floor=0.6"), ["claims: 0.40 times floor at 256 connections, at least 0.6 was asked for"]);
        assert_eq!(missed("floor=0.7").len(), 2);
        assert_eq!(missed("postgres=2").len(), 1);
    }

    #[test]
    fn refusals_and_processor_time_are_bounded_too_and_what_was_not_seen_is_missed() {
        let line = |contender, refusals_per_s, cpu_s_per_100k| {
            let mut line = Line::with_rates(contender, 64, &[1.0]);
            line.rounds[0].refusals_per_s = refusals_per_s;
            line.rounds[0].cpu_s_per_100k = cpu_s_per_100k;
            line
        };
        let lines = [
            line(Contender::Floor, Some(100.0), 0.5),
            line(Contender::Landrush, Some(90.0), 0.7),
            line(Contender::Postgres, None, 70.0),
        ];
        let missed =
            |side, required: &str| missed(&lines, iter::once((side, required.parse().expect("a requirement")))).len();
        for (side, required, expected) in [
            (Side::AtLeast, "floor.refusals=0.9", 0),
            (Side::AtLeast, "floor.refusals=1.0", 1),
            (Side::AtMost, "floor.cpu=1.5", 0),
            (Side::AtMost, "floor.cpu=1.2", 1),
            (Side::AtLeast, "postgres.refusals=1.0", 1),
            (Side::AtMost, "postgres.refusals=1.0", 1),
        ] {
            assert_eq!(missed(side, required), expected, "{side:?} {required}");
        }
    }
}
