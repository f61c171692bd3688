//! What a claimant costs in memory, counted by the allocator itself. Apart from the other tests, since an allocator is the
//! whole process's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use landrush_engine::campaign::{CampaignDefinition, Period};
use landrush_engine::event::{Change, Event, Granted};
use landrush_engine::id::{CampaignNumber, TypeIndex};
use landrush_engine::keys::Keys;
use landrush_engine::shard::State;
use landrush_engine::time::{Day, Timestamp};

/// Counts bytes in use and calls made, a thread at a time: the test runner's own thread allocates when it likes.
struct Counting;

thread_local! {
    static IN_USE: Cell<usize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is passed on unchanged to the system's allocator; counting touches no memory but the counters.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Wraps below zero where one thread frees what another allocated; only differences are looked at.
        IN_USE.set(IN_USE.get().wrapping_add(layout.size()));
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.set(IN_USE.get().wrapping_sub(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`, and `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

const CAMPAIGN: CampaignNumber = CampaignNumber(0);

fn state(expected: u32, max: u16) -> State {
    let builder = CampaignDefinition::builder("rush").limit(max, Period::Campaign).expected_claimants(expected);
    let definition = builder.coupon_type("a", 1_000_000_000).build().expect("valid");
    let keys = Keys::from_bytes([1; 16], [2; 32]);
    let mut state = State::new(&keys);
    let change = Change::Created { definition: Box::new(definition), code_key: keys.code_key_id(), seed: None };
    let at = Timestamp::from_milliseconds(0);
    state.apply(&Event { campaign: CAMPAIGN, at, change }).expect("valid");
    state
}

fn claim(state: &mut State, user: &str, key: Option<&str>) {
    let grant = Granted { day: Day(1), window: None, user, key, phone: None };
    let change = Change::Claimed { grant, coupon_type: TypeIndex(0), requested: None };
    let at = Timestamp::from_milliseconds(86_400_000);
    state.apply(&Event { campaign: CAMPAIGN, at, change }).expect("valid");
}

/// Bytes a claimant beside the user id (and the key), when `claims` people have come and `expected` were expected.
fn check(claims: u32, expected: u32, key: Option<&str>) -> usize {
    use std::fmt::Write;
    let mut state = state(expected, if key.is_some() { 2 } else { 1 });
    let before = IN_USE.get();
    let mut user = String::with_capacity(16);
    let mut text_bytes = 0;
    for number in 0..claims {
        user.clear();
        write!(user, "user{number:07}").expect("a string takes all");
        text_bytes += user.len() + key.map_or(0, str::len);
        claim(&mut state, &user, key);
    }
    let used = IN_USE.get() - before - user.capacity();
    let told = state.memory_bytes(CAMPAIGN);
    // `daily_quotas` and the campaign itself were there before; the rest must be told to the byte.
    assert_eq!(told, used, "what the state says it holds, and what the allocator gave it");
    let each = (used - text_bytes) / usize::try_from(claims).expect("fits");
    println!("{claims} claims, {expected} expected, key {key:?}: {each} bytes a claimant beside the texts");
    each
}

#[test]
fn a_claimant_costs_at_most_64_bytes_beside_the_user_id() {
    // As expected; just past what the tables hold before they grow, which is their emptiest; far past.
    for (claims, expected) in [(1_000_000, 1_000_000), (1_200_000, 1_000_000), (940_000, 1_000), (1_000_000, 10)] {
        assert!(check(claims, expected, None) <= 48, "{claims} claims, {expected} expected");
        assert!(check(claims, expected, Some("k-1")) <= 64, "{claims} claims with keys, {expected} expected");
    }

    // A claim allocates only when a chunk or a table is full.
    let mut state = state(1_000_000, 1);
    for number in 0..100_000 {
        claim(&mut state, &format!("user{number:07}"), None);
    }
    let users: Vec<String> = (100_000..200_000).map(|number| format!("user{number:07}")).collect();
    let before = CALLS.get();
    for user in &users {
        claim(&mut state, user, None);
    }
    let calls = CALLS.get() - before;
    println!("{calls} allocations for 100,000 claims");
    assert!(calls <= 100, "{calls} allocations for 100,000 claims");
}
