//! Each planted fault is found and named; an honest lottery has none.

use super::*;
use crate::lottery::told::Drawn;

const USERS: u64 = 30;
const SEED: fairness::Hash = [9; 32];

fn ends_at() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().expect("a time")
}

fn before_the_end() -> Timestamp {
    ends_at() - SignedDuration::from_secs(1)
}

fn hex(hash: &fairness::Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A lottery with prizes for the first 1 and the next 3 ranks.
fn raffle() -> Lottery {
    let prizes = vec![("gold".into(), 1), ("silver".into(), 3)];
    Lottery::new("raffle".into(), prizes, ends_at(), hex(&fairness::commitment(&SEED)))
}

fn entry(number: u32, is_new: bool) -> Entry {
    Entry { id: format!("e-{number}"), number, is_new, drawn: None }
}

fn code(number: u32) -> Code {
    Code::parse(&format!("0000-0000-0000-{number:04}")).expect("a code")
}

/// A lottery that everybody has entered, user 0 first.
fn entered() -> Lottery {
    let mut lottery = raffle();
    for user in 0..USERS {
        lottery.told(user, before_the_end(), entry(number(user), true));
    }
    lottery
}

fn number(user: u64) -> u32 {
    u32::try_from(user + 1).expect("a small number")
}

fn published() -> Fairness {
    let users: Vec<_> = (0..USERS).map(user_id).collect();
    let hash = fairness::entries_hash(users.iter().map(String::as_str));
    let count = u32::try_from(USERS).expect("a small number");
    Fairness { commitment: hex(&fairness::commitment(&SEED)), seed: SEED, count, hash }
}

/// What is due to the entry of `user`.
fn due(user: u64) -> Drawn {
    let Fairness { seed, count, hash, .. } = published();
    let rank = fairness::rank(&fairness::lottery_key(&seed, &hash), number(user), count);
    let prize = match rank {
        1 => Some(0),
        2..=4 => Some(1),
        _ => None,
    };
    Drawn { rank, prize, code: prize.map(|_| code(rank)) }
}

fn drawn(user: u64) -> Entry {
    Entry { drawn: Some(due(user)), ..entry(number(user), false) }
}

/// The user with this rank.
fn ranked(rank: u32) -> u64 {
    (0..USERS).find(|user| due(*user).rank == rank).expect("every rank is somebody's")
}

/// Tells everybody what is due, but for what `change` does to it, and judges what was published.
fn judged(published: &Fairness, change: impl Fn(u64, &mut Entry)) -> Lottery {
    let mut lottery = entered();
    for user in 0..USERS {
        let mut entry = drawn(user);
        change(user, &mut entry);
        lottery.told(user, ends_at(), entry);
    }
    lottery.judge(published);
    lottery
}

#[track_caller]
fn check(lottery: &Lottery, expected: &[What]) {
    let fault = |what: &What| Violation::from(Fault { campaign: "raffle".into(), what: what.clone() });
    assert_eq!(lottery.violations(), expected.iter().map(fault).collect::<Vec<_>>());
}

#[test]
fn an_honest_lottery_has_no_violation() {
    let mut lottery = judged(&published(), |_, _| {});
    let winners = (0..USERS).filter(|user| due(*user).prize.is_some()).count();
    assert_eq!(winners, 4);
    for user in 0..USERS {
        lottery.told(user, ends_at(), drawn(user));
    }
    lottery.refused(USERS, ends_at(), "ended", false);
    check(&lottery, &[]);
}

#[test]
fn a_number_that_changes_or_is_given_twice_is_found() {
    let mut lottery = entered();
    lottery.told(3, before_the_end(), entry(99, false));
    lottery.told(4, before_the_end(), Entry { id: "other".into(), ..entry(5, false) });
    lottery.told(77, before_the_end(), entry(1, true));
    check(
        &lottery,
        &[
            What::Renumbered { user: 3, first: 4, then: 99 },
            What::Renumbered { user: 4, first: 5, then: 5 },
            What::SameNumber { number: 1, first: 0, second: 77 },
        ],
    );
}

#[test]
fn an_entry_called_new_twice_is_found_unless_only_its_repeat_was_heard_before() {
    let mut lottery = raffle();
    lottery.told(1, before_the_end(), entry(1, false));
    lottery.told(1, before_the_end(), entry(1, true));
    check(&lottery, &[]);
    lottery.told(1, before_the_end(), entry(1, true));
    check(&lottery, &[What::NewTwice { user: 1 }]);
}

#[test]
fn a_lost_entry_is_found_and_one_in_doubt_may_not_have_been_taken() {
    let mut lottery = entered();
    lottery.unknown(USERS);
    lottery.refused(USERS, ends_at(), "ended", true);
    lottery.settle(USERS);
    check(&lottery, &[]);
    assert!(lottery.doubtful().is_empty());
    lottery.refused(0, ends_at(), "ended", true);
    check(&lottery, &[What::Lost { user: 0, number: 1, told: "ended".into() }]);
}

#[test]
fn entering_late_and_being_turned_away_early_are_found() {
    let mut lottery = raffle();
    lottery.told(1, ends_at() + SLACK, entry(1, true));
    lottery.refused(2, ends_at() - SLACK, "ended", false);
    check(&lottery, &[]);
    let moment = SignedDuration::from_millis(1);
    lottery.told(3, ends_at() + SLACK + moment, entry(2, true));
    lottery.refused(4, ends_at() - SLACK - moment, "ended", false);
    lottery.refused(5, ends_at(), "sold_out", false);
    let refused = |user, told: &str| What::Refused { user, told: told.into() };
    check(&lottery, &[What::Late { user: 3 }, refused(4, "ended"), refused(5, "sold_out")]);
}

#[test]
fn a_result_that_changes_or_is_taken_back_is_found() {
    let winner = ranked(1);
    let mut lottery = judged(&published(), |_, _| {});
    lottery.told(winner, ends_at(), entry(number(winner), false));
    let first = due(winner);
    check(&lottery, &[What::Redrawn { user: winner, first: first.clone(), then: None }]);
    let other = Drawn { code: Some(code(99)), ..first.clone() };
    lottery.told(winner, ends_at(), Entry { drawn: Some(other.clone()), ..drawn(winner) });
    let then = Some(other);
    check(
        &lottery,
        &[
            What::Redrawn { user: winner, first: first.clone(), then: None },
            What::Redrawn { user: winner, first, then },
        ],
    );
    assert!(lottery.violations()[1].to_string().ends_with("with another coupon"));
}

#[test]
fn a_rank_or_a_prize_that_is_not_due_is_found() {
    let loser = ranked(5);
    let favoured = Drawn { rank: 1, prize: Some(0), code: Some(code(50)) };
    let lottery = judged(&published(), |user, entry| {
        if user == loser {
            entry.drawn = Some(favoured.clone());
        }
    });
    let told = Some(favoured.clone());
    check(&lottery, &[What::Result { user: loser, number: number(loser), rank: 5, due: None, told }]);

    let winner = ranked(4);
    let lottery = judged(&published(), |user, entry| {
        if user == winner {
            entry.drawn = Some(Drawn { prize: None, code: None, ..due(winner) });
        }
    });
    let told = Some(Drawn { prize: None, code: None, ..due(winner) });
    check(&lottery, &[What::Result { user: winner, number: number(winner), rank: 4, due: Some(1), told }]);
}

#[test]
fn somebody_without_a_result_is_found() {
    let user = ranked(6);
    let lottery = judged(&published(), |asked, entry| {
        if asked == user {
            entry.drawn = None;
        }
    });
    check(&lottery, &[What::Result { user, number: number(user), rank: 6, due: None, told: None }]);
}

#[test]
fn one_coupon_for_two_winners_is_found() {
    let (first, second) = (ranked(2).min(ranked(3)), ranked(2).max(ranked(3)));
    let shared = due(first).code;
    let lottery = judged(&published(), |user, entry| {
        if user == second
            && let Some(drawn) = &mut entry.drawn
        {
            drawn.code = shared;
        }
    });
    check(&lottery, &[What::SameCode { code: shared.expect("a winner's"), first, second }]);
}

#[test]
fn published_facts_that_do_not_fit_are_found() {
    let honest = published();
    let other_seed = Fairness { seed: [8; 32], ..honest.clone() };
    let commitment = What::Commitment { first: honest.commitment.clone() };
    check(&judged(&other_seed, |_, _| {}), std::slice::from_ref(&commitment));
    let other_commitment = Fairness { commitment: hex(&fairness::commitment(&[8; 32])), ..other_seed };
    check(&judged(&other_commitment, |_, _| {}), &[commitment]);
    let one_more = Fairness { count: honest.count + 1, ..honest.clone() };
    let told = usize::try_from(USERS).expect("a small number");
    check(&judged(&one_more, |_, _| {}), &[What::Count { published: honest.count + 1, told }]);
    let other_hash = Fairness { hash: [0; 32], ..honest };
    check(&judged(&other_hash, |_, _| {}), &[What::Hash { count: other_hash.count }]);
}

#[test]
fn what_is_not_answered_again_is_called_unknown() {
    let mut lottery = entered();
    lottery.not_confirmed(0);
    lottery.not_confirmed(USERS);
    lottery.not_drawn();
    let unknown = What::NotConfirmed { user: USERS, number: None };
    check(&lottery, &[What::NotConfirmed { user: 0, number: Some(1) }, unknown, What::NotDrawn]);
    assert!(lottery.violations()[1].to_string().contains("it is not known"));
}
