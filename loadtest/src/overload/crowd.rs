//! Who asks in an overload: newcomers, winners who press again, tills that redeem, and people who look at what is left. All of it is
//! timed by kind, second by second.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;

use crate::answer::Code;
use crate::claims::Claims;
use crate::client::Exchange;
use crate::recorder::Latencies;
use crate::request::user_id;
use crate::response::Reply;
use crate::schedule::{Stream, below, seeded, unit};
use crate::server::ADMIN_KEY;

/// What is asked, in the order of its worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A coupon is redeemed at a checkout.
    Redemption,
    /// A winner asks again for what they have won.
    Repeat,
    /// A newcomer asks for a coupon.
    Claim,
    /// Somebody looks at what is left.
    Poll,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Redemption, Self::Repeat, Self::Claim, Self::Poll];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Redemption => "redemption",
            Self::Repeat => "repeat",
            Self::Claim => "claim",
            Self::Poll => "poll",
        }
    }

    /// Its share of what is asked.
    fn share(self) -> f64 {
        match self {
            Self::Redemption => 0.05,
            Self::Repeat => 0.1,
            Self::Claim => 0.6,
            Self::Poll => 0.25,
        }
    }
}

/// What came of the requests of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Fate {
    /// Latencies of those that were answered with what was asked for.
    pub(crate) accepted: Latencies,
    /// How many were told to come again.
    pub(crate) refused: u64,
    /// How many were answered in another way.
    pub(crate) wrong: u64,
}

/// What came of the requests of one second.
#[derive(Clone, Debug)]
pub(crate) struct Second {
    /// Latencies of those that were accepted.
    pub(crate) accepted: Latencies,
    /// How many were told to come again.
    pub(crate) refused: u64,
}

/// One phase of a crowd, over the claims of all phases.
pub(crate) struct Crowd<'a> {
    claims: &'a mut Claims,
    host: String,
    campaign: String,
    rng: ChaCha8Rng,
    /// Everybody who has won, and the coupon.
    winners: &'a mut Vec<(u64, Code)>,
    /// How many of the winners have gone to a checkout.
    redeemed: &'a mut usize,
    /// Coupons of which the server has said that they are redeemed.
    confirmed: Vec<Code>,
    fates: [Fate; 4],
    seconds: Vec<Second>,
    /// Requests for which no connection was free.
    turned_away: u64,
    start: Instant,
}

/// What a ticket of a claim cannot reach: the rest are redemptions and polls.
const OTHERS_FROM: u64 = 1 << 40;
const POLL: u64 = OTHERS_FROM;
const REPEAT_BIT: u64 = 1 << 41;
const REDEMPTIONS_FROM: u64 = 1 << 42;

impl<'a> Crowd<'a> {
    /// A crowd before `campaign` at `host`; `seed` fixes who asks for what.
    pub(crate) fn new(
        host: String,
        campaign: String,
        claims: &'a mut Claims,
        winners: &'a mut Vec<(u64, Code)>,
        redeemed: &'a mut usize,
        seed: u64,
    ) -> Self {
        let fate = Fate { accepted: Latencies::new(), refused: 0, wrong: 0 };
        Self {
            claims,
            host,
            campaign,
            rng: seeded(seed, Stream::Workload),
            winners,
            redeemed,
            confirmed: Vec::new(),
            fates: std::array::from_fn(|_| fate.clone()),
            seconds: Vec::new(),
            turned_away: 0,
            start: Instant::now(),
        }
    }

    /// What came of the requests of `kind`.
    pub(crate) fn fate(&self, kind: Kind) -> &Fate {
        &self.fates[kind as usize]
    }

    /// Second by second, all kinds together.
    pub(crate) fn seconds(&self) -> &[Second] {
        &self.seconds
    }

    /// How many found no free connection.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// Coupons that the server says are redeemed.
    pub(crate) fn confirmed(&self) -> &[Code] {
        &self.confirmed
    }

    /// Latencies of all that was accepted.
    pub(crate) fn accepted(&self) -> Latencies {
        let mut all = Latencies::new();
        self.fates.iter().for_each(|fate| all.add(&fate.accepted));
        all
    }

    fn pick(&mut self) -> Kind {
        let mut at = unit(&mut self.rng);
        for kind in Kind::ALL {
            at -= kind.share();
            if at < 0.0 {
                let is_possible = match kind {
                    Kind::Redemption => *self.redeemed < self.winners.len(),
                    Kind::Repeat => !self.winners.is_empty(),
                    Kind::Claim | Kind::Poll => true,
                };
                return if is_possible { kind } else { Kind::Claim };
            }
        }
        Kind::Claim
    }

    fn count(&mut self, kind: Kind, status: u16, latency: Duration) {
        let second = usize::try_from(self.start.elapsed().as_secs()).unwrap_or(usize::MAX);
        while self.seconds.len() <= second {
            self.seconds.push(Second { accepted: Latencies::new(), refused: 0 });
        }
        let (second, fate) = (&mut self.seconds[second], &mut self.fates[kind as usize]);
        match status {
            200 | 201 => {
                fate.accepted.record(latency);
                second.accepted.record(latency);
            }
            503 | 429 => {
                fate.refused += 1;
                second.refused += 1;
            }
            _ => fate.wrong += 1,
        }
    }
}

impl Exchange for Crowd<'_> {
    fn request(&mut self, bytes: &mut Vec<u8>) -> Option<u64> {
        match self.pick() {
            Kind::Claim => self.claims.request(bytes),
            Kind::Repeat => {
                let winner = below(&mut self.rng, u64::try_from(self.winners.len()).ok()?);
                let (user, _) = self.winners[usize::try_from(winner).ok()?];
                self.claims.ask_next(user);
                self.claims.request(bytes).map(|user| user | REPEAT_BIT)
            }
            Kind::Poll => {
                let (host, campaign) = (&self.host, &self.campaign);
                bytes.extend_from_slice(
                    format!("GET /v1/campaigns/{campaign}/availability HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes(),
                );
                Some(POLL)
            }
            Kind::Redemption => {
                let (host, campaign) = (&self.host, &self.campaign);
                let place = *self.redeemed;
                let (user, code) = self.winners[place];
                *self.redeemed += 1;
                let body = format!("{{\"order_id\":\"o-{campaign}-{place}\",\"user_id\":\"{}\"}}", user_id(user));
                let length = body.len();
                bytes.extend_from_slice(
                    format!(
                        "POST /v1/coupons/{code}/redemptions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ADMIN_KEY}\r\n\
                         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                    )
                    .as_bytes(),
                );
                Some(REDEMPTIONS_FROM + u64::try_from(place).ok()?)
            }
        }
    }

    fn answered(&mut self, ticket: u64, latency: Duration, reply: &Reply<'_>) {
        let kind = kind_of(ticket);
        match kind {
            Kind::Poll => {}
            Kind::Redemption => {
                if reply.status == 201 {
                    let place = usize::try_from(ticket - REDEMPTIONS_FROM).expect("a place in memory");
                    self.confirmed.push(self.winners[place].1);
                }
            }
            Kind::Claim | Kind::Repeat => {
                self.claims.answered(ticket & !REPEAT_BIT, latency, reply);
                if kind == Kind::Claim && reply.status == 201 {
                    self.winners.extend(self.claims.just_won());
                }
            }
        }
        self.count(kind, reply.status, latency);
    }

    fn unanswered(&mut self, ticket: u64, waited: Duration) {
        let kind = kind_of(ticket);
        if matches!(kind, Kind::Claim | Kind::Repeat) {
            self.claims.unanswered(ticket & !REPEAT_BIT, waited);
        }
        self.fates[kind as usize].wrong += 1;
    }

    fn unsent(&mut self, _: Duration) {
        self.turned_away += 1;
    }
}

fn kind_of(ticket: u64) -> Kind {
    if ticket >= REDEMPTIONS_FROM {
        Kind::Redemption
    } else if ticket & REPEAT_BIT != 0 {
        Kind::Repeat
    } else if ticket == POLL {
        Kind::Poll
    } else {
        Kind::Claim
    }
}
