//! Who is compared: each started afresh for every measurement, in a process and a directory of its own, asked for coupons of two
//! campaigns, and asked afterwards what it remembers.

use anyhow::{Result, ensure};
use clap::ValueEnum;
use indicatif::ProgressBar;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::answer::Code;
use crate::api::Api;
use crate::baselines::floor;
use crate::baselines::postgres::Postgres;
use crate::baselines::redis::{self, Fsync, Redis};
use crate::cli::ServerOptions;
use crate::client::{Driven, Width, drive};
use crate::compare::transcript::{Transcript, Wording, decision};
use crate::departures::Pace;
use crate::interrupted;
use crate::load::{self, Own};
use crate::oracle::{ClaimKey, Ledger, Rules};
use crate::request::{ClaimTemplate, Kind};
use crate::response;
use crate::scenario::Scenario;
use crate::server::{ADMIN_KEY, Server};
use crate::used::Used;

/// What the name of a contender's directory begins with.
pub(crate) const DIRECTORY: &str = "landrush-compare-";
/// The seed of the look-ups by which landrush is checked.
const LOOK_UP_SEED: u64 = 1;

/// One of those who are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contender {
    /// The bare HTTP server with a constant answer.
    Floor,
    /// This project's server.
    Landrush,
    /// Redis with a Lua claim, synced before it answers.
    RedisAlways,
    /// Redis with a Lua claim, synced once a second.
    RedisEverysec,
    /// PostgreSQL, one transaction a claim.
    Postgres,
}

impl Contender {
    /// All of them, in the order of tables.
    pub(crate) const ALL: [Self; 5] =
        [Self::Floor, Self::Landrush, Self::RedisAlways, Self::RedisEverysec, Self::Postgres];

    /// The name in tables and files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Landrush => "landrush",
            Self::RedisAlways => "redis-always",
            Self::RedisEverysec => "redis-everysec",
            Self::Postgres => "postgres",
        }
    }

    /// Requests that it is sent over one connection before the first answer, where the others have `pipeline`: a transaction of
    /// several statements, each of which waits for the one before, is one at a time.
    pub(crate) fn pipeline(self, pipeline: u16) -> u16 {
        match self {
            Self::Floor | Self::Landrush | Self::RedisAlways | Self::RedisEverysec => pipeline,
            Self::Postgres => 1,
        }
    }

    /// What it does with a claim, and what is lost in a crash, in a line; of landrush that is for its settings to say.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Floor => "hyper on two worker threads: reads the body, answers 120 constant bytes, remembers nothing",
            Self::Landrush => "this project's server",
            Self::RedisAlways => "Redis, a Lua script a claim, appendfsync always",
            Self::RedisEverysec => {
                "Redis, a Lua script a claim, appendfsync everysec: a crash loses up to a second of wins"
            }
            Self::Postgres => {
                "PostgreSQL, one transaction a claim, synchronous_commit on, at its best number of connections, one transaction at a time on \
                 each"
            }
        }
    }
}

/// The two campaigns of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stock {
    /// More coupons than anybody can ask for.
    Plenty,
    /// Coupons for the first few.
    Few,
}

impl Stock {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Plenty, Self::Few];

    /// The campaign's id.
    pub(crate) fn campaign(self) -> &'static str {
        match self {
            Self::Plenty => "plenty",
            Self::Few => "few",
        }
    }

    /// How many coupons there are.
    pub(crate) fn quota(self) -> u64 {
        match self {
            Self::Plenty => 1_000_000_000,
            Self::Few => 500,
        }
    }

    /// What the oracle holds everybody to.
    pub(crate) fn rules(self) -> Rules {
        Rules {
            campaign: self.campaign().into(),
            kind: Kind::Claim,
            coupon_types: vec!["coupon-1".into()],
            total_quota: vec![self.quota()],
            daily_quota: None,
            limit: 1,
        }
    }
}

/// A contender that runs.
pub(crate) enum Running {
    Floor(Server, std::net::SocketAddr, #[expect(dead_code, reason = "kept until the server has ended")] TempDir),
    Landrush(Own),
    Redis(Redis),
    Postgres(Box<Postgres>),
}

impl Running {
    /// Starts `contender` with both campaigns, for connections that carry up to `pipeline` requests.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub(crate) fn start(contender: Contender, options: &ServerOptions, pipeline: u16) -> Result<Self> {
        let scratch = || interrupted::directory(DIRECTORY, options.scratch.as_deref());
        match contender {
            Contender::Floor => {
                let data = scratch()?;
                let mut server = Server::spawn(floor::command(pipeline)?, &data.path().join("floor.log"))?;
                let address = server.listening()?;
                Ok(Self::Floor(server, address, data))
            }
            Contender::Landrush => {
                let own = Own::start(options)?;
                let mut api = Api::new(own.address, ADMIN_KEY);
                for stock in Stock::ALL {
                    let scenario = Scenario {
                        campaign: stock.campaign().into(),
                        coupon_types: 1,
                        total_quota: stock.quota(),
                        daily_quota: None,
                        limit: 1,
                    };
                    api.create_campaign(&scenario.body(Timestamp::now()))?;
                }
                Ok(Self::Landrush(own))
            }
            Contender::RedisAlways => Self::redis(Fsync::Always, scratch()?),
            Contender::RedisEverysec => Self::redis(Fsync::Everysec, scratch()?),
            Contender::Postgres => {
                let postgres = Postgres::start(scratch()?, &Stock::ALL.map(|stock| (stock.campaign(), stock.quota())))?;
                Ok(Self::Postgres(Box::new(postgres)))
            }
        }
    }

    fn redis(fsync: Fsync, data: TempDir) -> Result<Self> {
        let mut redis = Redis::start(fsync, data)?;
        for stock in Stock::ALL {
            redis.create(stock.campaign(), stock.quota())?;
        }
        Ok(Self::Redis(redis))
    }

    /// Claims on one of the campaigns.
    pub(crate) fn transcript(&self, stock: Stock) -> Transcript {
        let http = |address: &std::net::SocketAddr| {
            ClaimTemplate::new(&address.to_string(), stock.campaign(), Kind::Claim, false)
        };
        match self {
            Self::Floor(_, address, _) => Transcript::new(http(address), response::parse, Wording::Constant),
            Self::Landrush(own) => Transcript::new(http(&own.address), response::parse, Wording::Contract),
            Self::Redis(own) => Transcript::new(own.template(stock.campaign()), redis::parse, Wording::Plain),
            // Its client brings its own words: only the user is taken from here.
            Self::Postgres(_) => Transcript::new(ClaimTemplate::around("", ""), response::parse, Wording::Plain),
        }
    }

    /// Loads it at `pace` over the connections of `width`.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub(crate) fn drive(&self, stock: Stock, width: Width, pace: Pace, transcript: &mut Transcript) -> Result<Driven> {
        let address = match self {
            Self::Floor(_, address, _) => *address,
            Self::Landrush(own) => own.address,
            Self::Redis(redis) => redis.address,
            Self::Postgres(postgres) => {
                assert_eq!(width.pipeline, 1, "a transaction at a time");
                return postgres.drive(stock.campaign(), width.connections, pace, transcript);
            }
        };
        Ok(drive(address, width, pace, transcript, &ProgressBar::hidden())?)
    }

    /// Its process.
    pub(crate) fn server(&self) -> &Server {
        match self {
            Self::Floor(server, ..) => server,
            Self::Landrush(own) => &own.server,
            Self::Redis(redis) => &redis.server,
            Self::Postgres(postgres) => &postgres.server,
        }
    }

    /// What it has used so far.
    ///
    /// # Errors
    /// When it is gone or does not say.
    pub(crate) fn used(&mut self) -> Result<Used> {
        match self {
            Self::Floor(server, ..) => Ok(Used { cpu: server.cpu()?, ..Used::default() }),
            Self::Landrush(own) => own.used(),
            Self::Redis(redis) => Ok(Used {
                cpu: redis.server.cpu()?,
                disk_bytes: Some(redis.disk_bytes()?),
                syncs: redis.syncs(),
                resident_bytes: Some(redis.server.resident_bytes()?),
            }),
            Self::Postgres(postgres) => {
                let (bytes, syncs) = postgres.written()?;
                Ok(Used { cpu: postgres.server.family_cpu()?, disk_bytes: Some(bytes), syncs, resident_bytes: None })
            }
        }
    }

    /// Holds what it remembers against what users were told.
    ///
    /// # Errors
    /// When it does not say what it remembers.
    pub(crate) fn judge(&mut self, connections: usize, ledger: &mut Ledger) -> Result<()> {
        for (campaign, stock) in (0..).zip(Stock::ALL) {
            let (claims, remaining) = match self {
                Self::Floor(..) => return Ok(()),
                Self::Landrush(own) => {
                    let mut api = Api::new(own.address, ADMIN_KEY);
                    return load::judge(own.address, connections, &mut api, ledger, LOOK_UP_SEED);
                }
                Self::Redis(redis) => (redis.claims(stock.campaign())?, redis.remaining(stock.campaign())?),
                Self::Postgres(postgres) => (postgres.claims(stock.campaign())?, postgres.remaining(stock.campaign())?),
            };
            compare(ledger, campaign, &claims, remaining);
        }
        Ok(())
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub(crate) fn stop(self) -> Result<()> {
        let ended = match self {
            Self::Floor(..) => return Ok(()),
            Self::Landrush(own) => own.server.stop()?,
            Self::Redis(redis) => redis.server.stop()?,
            Self::Postgres(postgres) => postgres.stop()?,
        };
        ensure!(ended.success(), "the server ended with {ended}");
        Ok(())
    }
}

/// Lets `ledger` judge the `claims` that a contender has on record of a campaign.
fn compare(ledger: &mut Ledger, campaign: u16, claims: &[(u64, Code)], remaining: u64) {
    let key = |user| ClaimKey { campaign, user, key: 0 };
    let known: std::collections::HashSet<_> = claims.iter().map(|(user, _)| *user).collect();
    for (user, code) in claims {
        ledger.decided(key(*user), decision(*code, true));
        ledger.settle(key(*user));
    }
    let told = ledger.decisions().iter().filter(|told| told.campaign == campaign && !known.contains(&told.user));
    for lost in told.copied().collect::<Vec<_>>() {
        ledger.refused(lost, "not on record", true);
    }
    for doubtful in ledger.doubtful().into_iter().filter(|key| key.campaign == campaign) {
        ledger.settle(doubtful);
    }
    ledger.compare(campaign, &[remaining]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many violations there are when two users were told of coupons, and `claims` and `remaining` are on record.
    fn violations(claims: &[(u64, &str)], remaining: u64) -> usize {
        let code = |text: &str| Code::parse(text).expect("a code");
        let mut ledger = Ledger::default();
        let campaign = ledger.add(Stock::Few.rules());
        for (user, text) in [(1, "AAAA-AAAA-AAAA-AAAA"), (2, "BBBB-BBBB-BBBB-BBBB")] {
            ledger.decided(ClaimKey { campaign, user, key: 0 }, decision(code(text), false));
        }
        let claims: Vec<_> = claims.iter().map(|(user, text)| (*user, code(text))).collect();
        compare(&mut ledger, campaign, &claims, remaining);
        ledger.violations().len()
    }

    #[test]
    fn a_record_that_is_not_what_users_were_told_is_a_violation() {
        let (first, second) = ((1, "AAAA-AAAA-AAAA-AAAA"), (2, "BBBB-BBBB-BBBB-BBBB"));
        assert_eq!(violations(&[first, second], 498), 0);
        for (claims, remaining, what) in [
            (&[first][..], 498, "a win is gone"),
            (&[first, (2, "CCCC-CCCC-CCCC-CCCC")], 498, "another code"),
            (&[first, second, (3, "AAAA-AAAA-AAAA-AAAA")], 497, "a code twice"),
            (&[first, second, (3, "CCCC-CCCC-CCCC-CCCC")], 497, "a win that nobody was told of"),
            (&[first, second], 499, "a count that does not fall"),
        ] {
            assert!(violations(claims, remaining) > 0, "{what} is not noticed");
        }
    }
}
