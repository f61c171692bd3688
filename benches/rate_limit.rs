//! What does one check of a rate limit cost? Of callers who are known already, from one thread, over a table of a million cells:
//! one caller (all in the cache), and one of 500,000 in turn (each look-up misses it). No socket, no campaign.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use landrush::gate::rate_limit::{Limiter, Mark};
use landrush_engine::campaign::RateLimit;
use landrush_engine::id::{CampaignNumber, UserId};
use landrush_engine::time::Timestamp;

const LIMIT: RateLimit = RateLimit { requests: 1_000_000, per: Duration::from_secs(1) };

fn known_callers(criterion: &mut Criterion) {
    let limiter = Limiter::new(1 << 20, [7; 16]);
    // A millisecond later each time, so that nobody is ever over the rate.
    let now = Cell::new(Timestamp::from_milliseconds(1_700_000_000_000));
    for callers in [1, 500_000] {
        let users: Vec<UserId> =
            (0..callers).map(|number| UserId::new(&format!("user-{number:08}")).expect("an id")).collect();
        let ask = |user: &UserId| {
            now.set(now.get().saturating_add(Duration::from_millis(1)));
            limiter.ask(CampaignNumber(1), Mark::User(user), LIMIT, now.get())
        };
        assert!(users.iter().all(|user| ask(user).is_ok()), "nobody is over the rate");
        let mut next = users.iter().cycle();
        criterion.bench_function(&format!("a check, {callers} callers in turn"), |bencher| {
            bencher.iter(|| ask(black_box(next.next().expect("it goes round"))));
        });
    }
}

criterion_group!(benches, known_callers);
criterion_main!(benches);
