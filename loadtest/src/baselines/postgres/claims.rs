//! Claims as transactions, over connections that each have one on its way, at the same pace and into the same transcript as
//! everybody's. Its timers are tokio's, so that in an open loop up to a millisecond is added to a latency; a transaction takes several.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;
use tokio_postgres::{Client, Config, Error, Statement};

use crate::baselines::postgres::connect;
use crate::client::{Driven, Exchange as _};
use crate::compare::transcript::Transcript;
use crate::departures::{Departures, Pace};
use crate::response::Reply;

/// Enters the draw unless the user has drawn before or nothing is left: a sold-out campaign is seen without a lock.
const DRAW: &str = "INSERT INTO draws SELECT $1, $2, current_date WHERE EXISTS \
    (SELECT 1 FROM campaign_coupon_types WHERE campaign_id = $1 AND current_quota > 0) ON CONFLICT DO NOTHING";
const TAKE: &str = "UPDATE campaign_coupon_types SET current_quota = current_quota - 1, current_daily_quota = \
    CASE WHEN last_drawn_date = current_date THEN current_daily_quota ELSE daily_quota END - 1, \
    last_drawn_date = current_date WHERE campaign_id = $1 AND current_quota > 0 \
    AND (current_daily_quota > 0 OR last_drawn_date <> current_date)";
const ISSUE: &str = "INSERT INTO coupons (code, campaign_id, coupon_type_id, user_id) SELECT upper(substr(hash, 1, 4) || '-' \
    || substr(hash, 5, 4) || '-' || substr(hash, 9, 4) || '-' || substr(hash, 13, 4)), $1, $1, $2 \
    FROM md5($1::bigint::text || ':' || $2::bigint::text) AS hash RETURNING code";
const FIND: &str = "SELECT code FROM coupons WHERE campaign_id = $1 AND user_id = $2";

/// What was answered to whom, how long after it was due, and when.
struct Answered {
    user: u64,
    latency: Duration,
    at: Instant,
    answer: Result<String, Error>,
}

/// Sends claims of new users on `campaign`, until the pace ends and everything is answered.
pub(super) async fn drive(
    config: &Config,
    campaign: i64,
    connections: usize,
    pace: Pace,
    transcript: &mut Transcript,
) -> Result<Driven> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections {
        clients.push(Claimer::open(config, campaign).await?);
    }
    let start = Instant::now();
    transcript.begins(start);
    let users = Rc::new(Cell::new(transcript.users()));
    let departures = Rc::new(RefCell::new(Departures::new(pace, start)));
    let (tell, mut told) = unbounded_channel();
    let local = LocalSet::new();
    for client in clients {
        local.spawn_local(client.work(Rc::clone(&departures), Rc::clone(&users), tell.clone()));
    }
    drop(tell);
    let driven = local.run_until(async {
        let mut driven = Driven::default();
        while let Some(Answered { user, latency, at, answer }) = told.recv().await {
            let (status, text) = match answer {
                Ok(text) => (200, text),
                Err(error) => (500, error.to_string()),
            };
            let reply = Reply { status, body: text.as_bytes(), closes: false, taken: text.len() };
            transcript.note(user, at, latency, &reply);
            driven.answered += 1;
            driven.elapsed = at.duration_since(start);
        }
        driven
    });
    let mut driven = driven.await;
    driven.sent = users.get() - transcript.users();
    transcript.have_asked(users.get());
    for waited in departures.replace(Departures::new(Pace::Closed(Duration::ZERO), start)).left_behind(Instant::now()) {
        transcript.unsent(waited);
    }
    Ok(driven)
}

/// A connection with its prepared statements.
struct Claimer {
    client: Client,
    campaign: i64,
    draw: Statement,
    take: Statement,
    issue: Statement,
    find: Statement,
}

impl Claimer {
    async fn open(config: &Config, campaign: i64) -> Result<Self> {
        let client = connect(config).await?;
        let draw = client.prepare(DRAW).await?;
        let take = client.prepare(TAKE).await?;
        let issue = client.prepare(ISSUE).await?;
        let find = client.prepare(FIND).await?;
        Ok(Self { client, campaign, draw, take, issue, find })
    }

    /// Claims whenever a departure is due, until there are no more.
    async fn work(
        mut self,
        departures: Rc<RefCell<Departures>>,
        users: Rc<Cell<u64>>,
        tell: UnboundedSender<Answered>,
    ) {
        loop {
            let now = Instant::now();
            let due = {
                let mut departures = departures.borrow_mut();
                let due = departures.due();
                match due {
                    Some(_) => departures.depart(),
                    None if departures.ended(now) || departures.given_up(now) => return,
                    None => {}
                }
                due.ok_or_else(|| departures.wait(now, false))
            };
            let due = match due {
                Ok(due) => due,
                Err(wait) => {
                    tokio::time::sleep(wait).await;
                    continue;
                }
            };
            let user = users.get() + 1;
            users.set(user);
            let answer = self.claim(user).await;
            let at = Instant::now();
            if tell.send(Answered { user, latency: at.duration_since(due), at, answer }).is_err() {
                return;
            }
        }
    }

    /// One claim: begin, draw, take, issue, commit.
    async fn claim(&mut self, user: u64) -> Result<String, Error> {
        let (campaign, user) = (self.campaign, i64::try_from(user).expect("users are counted from one"));
        let transaction = self.client.transaction().await?;
        if transaction.execute(&self.draw, &[&campaign, &user]).await? == 0 {
            let found = transaction.query_opt(&self.find, &[&campaign, &user]).await?;
            transaction.rollback().await?;
            return Ok(found.map_or_else(|| "sold_out".into(), |row| format!("repeated {}", row.get::<_, &str>(0))));
        }
        if transaction.execute(&self.take, &[&campaign]).await? == 0 {
            transaction.rollback().await?;
            return Ok("sold_out".into());
        }
        let row = transaction.query_one(&self.issue, &[&campaign, &user]).await?;
        let code: String = row.get(0);
        transaction.commit().await?;
        Ok(format!("won {code}"))
    }
}
