//! How many times of each other contender's claims landrush has to reach, if that was asked for.

use std::str::FromStr;

use clap::ValueEnum as _;

use crate::compare::contender::Contender;
use crate::compare::line::{Figure, Line};
use crate::compare::table::shown;

/// A ratio that landrush must reach at every number of connections.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Required {
    other: Contender,
    least: f64,
}

impl FromStr for Required {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a contender and a ratio such as `floor=0.5`".to_owned();
        let (name, least) = text.split_once('=').ok_or_else(wrong)?;
        let other = Contender::from_str(name, false)?;
        let least = least.parse().ok().filter(|least: &f64| least.is_finite() && *least > 0.0).ok_or_else(wrong)?;
        if other == Contender::Landrush { Err("somebody else than landrush".into()) } else { Ok(Self { other, least }) }
    }
}

/// Those of `required` that `lines` do not reach, in words. Whoever was not measured does not reach anything.
pub(super) fn missed(lines: &[Line], required: &[Required]) -> Vec<String> {
    let mut missed = Vec::new();
    for Required { other, least } in required {
        let others = lines.iter().filter(|line| line.contender == *other);
        let pairs: Vec<_> = others.filter_map(|other| Some((landrush_beside(other, lines)?, other))).collect();
        let name = other.name();
        if pairs.is_empty() {
            missed.push(format!("landrush and {name} were not measured beside each other, {least} was asked for"));
        }
        for (own, other) in pairs {
            let ratio = own.ratio(other, Figure::Claims);
            if ratio.is_none_or(|ratio| ratio < *least) {
                let (group, ratio) = (own.group, shown(ratio, 2));
                missed.push(format!("{ratio} times {name} at {group} connections, {least} was asked for"));
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
    use super::*;

    #[test]
    fn ratios_are_read_or_refused() {
        assert_eq!("redis-always=2".parse(), Ok(Required { other: Contender::RedisAlways, least: 2.0 }));
        for bad in ["floor", "floor=", "floor=-1", "floor=NaN", "nobody=1", "landrush=1"] {
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
        let missed = |required: &str| missed(&lines, &[required.parse().expect("a requirement")]);
        assert_eq!(missed("floor=0.4"), Vec::<String>::new());
        assert_eq!(missed("floor=0.6"), ["0.40 times floor at 256 connections, 0.6 was asked for"]);
        assert_eq!(missed("floor=0.7").len(), 2);
        assert_eq!(missed("postgres=2").len(), 1);
    }
}
