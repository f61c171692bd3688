//! Owns the simulated shoppers of one window: some stand at the door before it opens, the others come in a rush that dies down. Each
//! asks once, and again when the server says so.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::client::Client;

/// The first ones come so long before the opening.
pub(super) const EARLY: Duration = Duration::from_secs(3);

/// One in so many comes early.
const EARLY_SHARE: u64 = 10;

/// The others come so long after it, on average.
const RUSH_MEAN: Duration = Duration::from_secs(8);

/// Keep-alive connections, each with one request on its way.
const CONNECTIONS: usize = 64;

/// Who comes when, the next one first.
type Arrivals = Arc<Mutex<BinaryHeap<Reverse<(Instant, u32)>>>>;

/// What half of them want; the others take whatever is left.
const WANTED: [&str; 2] = ["five-off", "free-delivery"];

/// Lets `count` shoppers come for the window that opens at `opening`, and says how many of them won.
///
/// # Errors
/// The server is gone.
pub(super) async fn rush(
    server: SocketAddr,
    campaign: &str,
    window: u64,
    count: u32,
    opening: Instant,
    open_for: Duration,
) -> io::Result<u32> {
    let arrivals: Arrivals = Arc::new(Mutex::new(arrivals(window, count, opening, open_for)));
    let closes = opening + open_for;
    let path: Arc<str> = format!("/v1/campaigns/{campaign}/claims").into();
    let mut lanes = JoinSet::new();
    for _ in 0..CONNECTIONS.min(usize::try_from(count).unwrap_or(CONNECTIONS)) {
        lanes.spawn(lane(server, Arc::clone(&path), window, Arc::clone(&arrivals), closes));
    }
    let mut won = 0;
    while let Some(lane) = lanes.join_next().await {
        won += lane.map_err(io::Error::other)??;
    }
    Ok(won)
}

/// When each of them comes. The same for the same window.
fn arrivals(window: u64, count: u32, opening: Instant, open_for: Duration) -> BinaryHeap<Reverse<(Instant, u32)>> {
    let mut random = ChaCha8Rng::seed_from_u64(window);
    let mut unit = move || f64::from(random.next_u32()) / f64::from(u32::MAX);
    let arrival = |shopper: u32| {
        let at = if u64::from(shopper).is_multiple_of(EARLY_SHARE) {
            opening.checked_sub(EARLY.mul_f64(unit())).unwrap_or(opening)
        } else {
            // Exponential: a rush that halves every five and a half seconds.
            let after = RUSH_MEAN.mul_f64(-(1.0 - unit()).max(f64::MIN_POSITIVE).ln());
            opening + after.min(open_for * 9 / 10)
        };
        Reverse((at, shopper))
    };
    (0..count).map(arrival).collect()
}

/// Serves shoppers one after the other until nobody is left or the window has closed.
async fn lane(server: SocketAddr, path: Arc<str>, window: u64, arrivals: Arrivals, closes: Instant) -> io::Result<u32> {
    let mut client: Option<Client> = None;
    let mut won = 0;
    loop {
        let Some(Reverse((at, shopper))) = arrivals.lock().pop().filter(|Reverse((at, _))| *at < closes) else {
            return Ok(won);
        };
        sleep_until(at).await;
        let user = format!("shopper-{window}-{shopper}");
        let claim = match shopper % 4 {
            0 => json!({"user_id": user, "coupon_type": WANTED[0]}),
            1 => json!({"user_id": user, "coupon_type": WANTED[1]}),
            _ => json!({"user_id": user}),
        };
        // The server hangs up on who stays silent; a claim that was sent already is repeated to the same answer.
        let asked = match client.as_mut() {
            Some(client) => client.ask(&Method::POST, &path, None, &claim).await.ok(),
            None => None,
        };
        let answer = match asked {
            Some(answer) => answer,
            None => client.insert(Client::connect(server).await?).ask(&Method::POST, &path, None, &claim).await?,
        };
        if answer.status == 201 {
            won += 1;
        } else if let Some(wait) = answer.body["retry_after_ms"].as_u64() {
            arrivals.lock().push(Reverse((Instant::now() + Duration::from_millis(wait), shopper)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_come_early_most_in_a_rush_and_nobody_after_the_close() {
        let opening = Instant::now() + Duration::from_secs(3_600);
        let open_for = Duration::from_secs(60);
        let all = arrivals(3, 10_000, opening, open_for).into_sorted_vec();
        let came: Vec<Instant> = all.iter().map(|Reverse((at, _))| *at).collect();
        let between = |from: Instant, to: Instant| came.iter().filter(|at| (from..to).contains(*at)).count();
        assert_eq!(between(opening - EARLY, opening), 1_000);
        let half_life = RUSH_MEAN.mul_f64(std::f64::consts::LN_2);
        let rush = between(opening, opening + half_life);
        assert!((4_300..4_700).contains(&rush), "{rush} of 9,000 within the half-life");
        assert_eq!(between(opening + open_for, opening + open_for * 2), 0);
        assert_eq!(came.len(), 10_000);
    }
}
