//! One load of claims on one campaign, in a form that a process can hand to another: what is asked, how fast, over how many
//! connections, and which part of all that is whose.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::claims::{Claims, Manners};
use crate::client::Width;
use crate::departures::Pace;
use crate::oracle::Rules;
use crate::schedule::{Arrivals, Schedule};
use crate::workload::Workload;

/// A load. The same plan asks the same users at the same moments, by however many processes it is carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) target: SocketAddr,
    /// The campaign.
    pub(crate) rules: Rules,
    /// Keep-alive connections.
    pub(crate) connections: u16,
    /// Requests that each of them has on their way at most.
    pub(crate) pipeline: u16,
    /// Requests a second of the whole load, or as many as go.
    pub(crate) rate: Option<f64>,
    pub(crate) arrivals: Arrivals,
    pub(crate) length: Duration,
    /// Fixes who asks, and when.
    pub(crate) seed: u64,
    pub(crate) requests_max: u64,
    /// Share of the requests that come from somebody who has asked before.
    pub(crate) repeat_share: f64,
    /// How often whoever is told to come again asks at most; with 1 nobody comes again.
    pub(crate) tries_max: u16,
    /// Users of this part who have asked before and do not come first again.
    pub(crate) users: u64,
    /// The part of the load that is meant.
    pub(crate) part: Part,
}

impl Plan {
    /// The part of a whole plan for one process, `users` of whose users have asked before.
    pub(crate) fn part(&self, part: Part, users: u64) -> Self {
        assert_eq!(self.part, Part::WHOLE, "a part is not divided again");
        let connections = part.share_of(self.connections.into());
        Self {
            connections: u16::try_from(connections).expect("no more than all of them"),
            requests_max: part.share_of(self.requests_max),
            users,
            part,
            ..self.clone()
        }
    }

    /// The connections of this part, and how much each carries.
    pub(crate) fn width(&self) -> Width {
        Width { connections: self.connections.into(), pipeline: self.pipeline.into() }
    }

    /// When the requests of this part leave.
    pub(crate) fn pace(&self) -> Pace {
        match self.rate {
            Some(rate) => {
                Pace::Open(Box::new(Schedule::new(rate, self.arrivals, self.length, self.seed).only(self.part)))
            }
            None => Pace::Closed(self.length),
        }
    }

    /// Whether people of this part come again.
    pub(crate) fn manners(&self) -> Manners {
        match self.tries_max {
            0 | 1 => Manners::Never,
            tries_max => Manners::UpTo { tries_max, seed: self.seed.wrapping_add(u64::from(self.part.number) << 32) },
        }
    }

    /// Who asks in this part.
    pub(crate) fn workload(&self) -> Workload {
        Workload::new(self.repeat_share, self.seed, self.part).after(self.users)
    }

    /// The claims of this part, by a process that does nothing else.
    pub(crate) fn claims(&self) -> Claims {
        let mut claims = Claims::new(&self.target.to_string(), self.rules.clone(), self.workload(), self.requests_max);
        claims.begin(self.workload(), self.manners());
        claims
    }
}

/// One of several equal parts of a load: every so many-th request, and every so many-th user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its number, from 0.
    pub(crate) number: u16,
    /// How many parts there are.
    pub(crate) of: u16,
}

impl Part {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { number: 0, of: 1 };

    /// Whether it is this part's, counted from 0 over all parts.
    pub(crate) fn holds(self, index: u64) -> bool {
        index % u64::from(self.of) == u64::from(self.number)
    }

    /// What is `index`-th in this part, counted over all parts.
    pub(crate) fn overall(self, index: u64) -> u64 {
        index * u64::from(self.of) + u64::from(self.number)
    }

    /// How many of `total` are this part's.
    pub(crate) fn share_of(self, total: u64) -> u64 {
        let (each, left) = (total / u64::from(self.of), total % u64::from(self.of));
        each + u64::from(u64::from(self.number) < left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(of: u16) -> impl Iterator<Item = Part> {
        (0..of).map(move |number| Part { number, of })
    }

    #[test]
    fn the_parts_of_a_load_leave_at_the_moments_of_the_whole() {
        let schedule = || Schedule::new(3_000.0, Arrivals::Poisson, Duration::from_secs(1), 5);
        let mut moments: Vec<_> = parts(3).flat_map(|part| schedule().only(part)).collect();
        moments.sort_unstable();
        assert_eq!(moments, schedule().collect::<Vec<_>>());
    }

    #[test]
    fn nobody_asks_in_two_parts_and_nobody_is_left_out() {
        let of = |part| {
            let mut workload = Workload::new(0.0, 1, part);
            (0..100).map(move |_| workload.next_user())
        };
        let mut users: Vec<_> = parts(4).flat_map(of).collect();
        users.sort_unstable();
        assert_eq!(users, (0..400).collect::<Vec<_>>());
    }

    #[test]
    fn shares_make_up_the_whole() {
        for (total, of) in [(0, 3), (2, 3), (10, 3), (u64::MAX, 7)] {
            assert_eq!(parts(of).map(|part| part.share_of(total)).sum::<u64>(), total);
        }
    }
}
