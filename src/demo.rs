//! `serve --demo`: campaigns to look at, and a crowd that wants their coupons. Owns what is shown and when; all of it goes over HTTP,
//! as a shop and its shoppers would go, and the server knows nothing of it.
//!
//! Each window starts with the whole stock again, since coupons that nobody redeems run out within the pause, and return.

mod client;
mod crowd;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hyper::Method;
use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use client::Client;

/// What the demo shows.
#[derive(Debug, Clone)]
pub struct Demo {
    /// How long after the start the first window opens. Moments are whole seconds, so that it may be up to one more.
    pub opens_in: Duration,
    /// How many come for each window.
    pub crowd: u32,
}

impl Demo {
    /// The largest crowd: what one thread beside the server can send in a window.
    pub const CROWD_MAX: u32 = 100_000;
    /// When the first window opens if nobody says.
    pub const OPENS_IN: Duration = Duration::from_secs(20);
}

/// From one opening to the next. A day has a whole number of them.
const EVERY: Duration = Duration::from_mins(2);
/// How long a window is open.
const OPEN_FOR: Duration = Duration::from_secs(50);
/// How long a coupon of the window can be redeemed: all of them are back in stock before the next window, and none within its own.
const COUPON_LIFE: Duration = Duration::from_secs(60);
/// How long the campaigns last.
const DAYS: i64 = 7;

/// The campaign with windows.
const FLASH: &str = "demo-flash";
/// The campaign of draws.
const DRAWS: &str = "demo-draws";

/// Makes the campaigns on the server at `address`, says where to look, and lets the crowd come, on a thread of its own that ends
/// with the process. What goes wrong is said to the log.
///
/// # Errors
/// There is no thread to be had.
pub fn start(demo: Demo, address: SocketAddr, admin_key: String) -> io::Result<()> {
    let run = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(run(&demo, reachable(address), &admin_key))
    };
    std::thread::Builder::new().name(String::from("landrush-demo")).spawn(move || {
        if let Err(error) = run() {
            tracing::warn!(%error, "the demo has ended");
        }
    })?;
    Ok(())
}

/// Where a program on this machine finds a server that listens on `address`.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
    } else {
        address
    }
}

async fn run(demo: &Demo, server: SocketAddr, admin_key: &str) -> io::Result<()> {
    let now = Timestamp::now();
    let opens_at = first_opening(now, demo.opens_in);
    let mut client = Client::connect(server).await?;
    for campaign in [flash(opens_at, demo.crowd), draws(now)] {
        let answer = client.ask(&Method::POST, "/v1/campaigns", Some(admin_key), &campaign).await?;
        if answer.status != 201 {
            return Err(io::Error::other(format!("a campaign was refused: {}", answer.body)));
        }
    }
    drop(client);
    let opening = Instant::now() + until(opens_at);
    tell(demo, server, until(opens_at))?;
    if demo.crowd == 0 {
        return Ok(());
    }
    let mut opening = opening;
    for window in 0u64.. {
        sleep_until(opening - crowd::EARLY.min(demo.opens_in)).await;
        match crowd::rush(server, FLASH, window, demo.crowd, opening, OPEN_FOR).await {
            Ok(won) => tracing::info!(window, crowd = demo.crowd, won, "the crowd has been served"),
            // A server that goes down takes its crowd with it; one that does not has another window to show.
            Err(error) => tracing::info!(%error, "the crowd has left"),
        }
        opening += EVERY;
    }
    Ok(())
}

fn until(moment: Timestamp) -> Duration {
    Duration::try_from(moment.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
}

/// The first whole second that is `opens_in` from `now`, or later.
fn first_opening(now: Timestamp, opens_in: Duration) -> Timestamp {
    let opens_at = now + SignedDuration::try_from(opens_in).expect("a demo's delay is minutes");
    let whole = Timestamp::from_second(opens_at.as_second()).expect("it was one");
    if whole < opens_at { whole + SignedDuration::from_secs(1) } else { whole }
}

/// A campaign whose window opens at `opens_at`, and from then on again and again.
fn flash(opens_at: Timestamp, crowd: u32) -> Value {
    // Two of three get one; who is alone finds some too.
    let stock = (crowd / 3 * 2).max(60);
    json!({
        "id": FLASH, "name": "Flash sale, every two minutes", "time_zone": "UTC", "mode": "first_come",
        "schedule": {
            "starts_at": opens_at.to_string(), "ends_at": (opens_at + SignedDuration::from_hours(24 * DAYS)).to_string(),
            "windows": {"at": openings_of_a_day(opens_at), "duration": seconds(OPEN_FOR)},
        },
        "limit": {"max": 1, "per": "window"},
        "expected_claimants": stock.saturating_mul(10),
        "returns": {"expired": "restock"},
        "coupon_types": [
            {"id": "ten-off", "name": "$10 off", "total_quota": stock / 6, "valid_for": seconds(COUPON_LIFE)},
            {"id": "five-off", "name": "$5 off", "total_quota": stock / 3, "valid_for": seconds(COUPON_LIFE)},
            {"id": "free-delivery", "name": "Free delivery", "total_quota": stock / 2, "valid_for": seconds(COUPON_LIFE)},
        ],
    })
}

/// A campaign of draws that is open all the time.
fn draws(now: Timestamp) -> Value {
    json!({
        "id": DRAWS, "name": "Lucky draw: one a day", "time_zone": "UTC", "mode": "draw",
        "schedule": {
            "starts_at": now.to_string(), "ends_at": (now + SignedDuration::from_hours(24 * DAYS)).to_string(),
        },
        "limit": {"max": 1, "per": "day"},
        "expected_claimants": 10_000,
        "coupon_types": [
            {"id": "jackpot", "name": "$100 off", "total_quota": 10, "daily_quota": 2, "probability": 0.01, "valid_for": "7d"},
            {"id": "small-win", "name": "$2 off", "total_quota": 1_000, "daily_quota": 200, "probability": 0.4, "valid_for": "7d"},
        ],
    })
}

/// The times of day in UTC at which a window opens, one of them at `opens_at`.
fn openings_of_a_day(opens_at: Timestamp) -> Vec<String> {
    let every = i64::try_from(EVERY.as_secs()).expect("minutes");
    let first = opens_at.as_second().rem_euclid(every);
    let at = |nth| Time::midnight() + SignedDuration::from_secs(first + nth * every);
    (0..24 * 3_600 / every).map(|nth| at(nth).strftime("%H:%M:%S").to_string()).collect()
}

fn seconds(span: Duration) -> String {
    format!("{}s", span.as_secs())
}

fn tell(demo: &Demo, server: SocketAddr, opens_in: Duration) -> io::Result<()> {
    let crowd = match demo.crowd {
        0 => String::from("nobody else comes: try --demo-crowd 500"),
        crowd => format!("{crowd} shoppers come each time"),
    };
    let mut out = io::stdout().lock();
    let told = writeln!(
        out,
        "demo\n  open       http://{server}/c/{FLASH}\n  opens in   {} s, and every {} minutes; {crowd}\n  and        http://{server}/c/{DRAWS}",
        opens_in.as_millis().div_ceil(1_000),
        EVERY.as_secs() / 60,
    );
    told.and_then(|()| out.flush())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn windows_open_at_the_first_opening_and_every_two_minutes_all_day() {
        let opens_at: Timestamp = "2026-11-23T23:59:41Z".parse().expect("a moment");
        let times = openings_of_a_day(opens_at);
        assert_eq!(times.len(), 720);
        assert_eq!((times[0].as_str(), times[719].as_str()), ("00:01:41", "23:59:41"));
        assert!(times.is_sorted());
        let here = opens_at.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string();
        assert!(times.contains(&here));
    }

    #[test]
    fn the_first_opening_is_a_whole_second_and_never_too_early() {
        let check = |now: &str, expected: &str| {
            let opening = first_opening(now.parse().expect("a moment"), Duration::from_secs(20));
            assert_eq!(opening.to_string(), expected, "{now}");
        };
        check("2026-11-23T10:00:00Z", "2026-11-23T10:00:20Z");
        check("2026-11-23T10:00:00.001Z", "2026-11-23T10:00:21Z");
    }

    #[test]
    fn what_nobody_redeems_is_back_before_the_next_window() {
        assert!(COUPON_LIFE > OPEN_FOR && OPEN_FOR + COUPON_LIFE + Duration::from_secs(5) < EVERY);
    }
}
