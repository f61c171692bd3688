//! What verdict comes of what a provider does.

use std::collections::BTreeMap;

use super::*;
use crate::config::Config;
use crate::outbound::loopback::{Loopback, Step};

const RESPONSE: &str = "0.zrSnRHO7h0HwSjSCU8oyzbjEtD8p.d62306d4ee00c77d";

fn said(body: &str) -> Step {
    Step::Answer(200, body.to_owned())
}

fn passed() -> Step {
    said(r#"{"success":true,"hostname":"shop.example.org","error-codes":[]}"#)
}

fn failed(code: &str) -> Step {
    said(&format!(r#"{{"success":false,"error-codes":["{code}"]}}"#))
}

fn trouble() -> Step {
    Step::Answer(500, String::new())
}

/// Asks `providers` at `url`, with little patience.
fn verifier(url: &str) -> SiteVerifier {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("landrush.toml");
    let [turnstile, hcaptcha] = Provider::ALL.map(Provider::name).map(|name| {
        format!("{name}_secret = \"the secret of {name}\"\n{name}_site_key = \"1x\"\n{name}_verify_url = \"{url}\"\n")
    });
    let text = format!("[challenge]\n{turnstile}{hcaptcha}hostname = \"shop.example.org\"\n");
    std::fs::write(&path, text).expect("written");
    let config = Config::load(crate::config::Raw::default(), |_| None, Some(&path)).expect("valid");
    assert!(!format!("{config:?}").contains("the secret of"), "secrets are not shown");
    let outbound = Outbound::new().expect("this machine trusts somebody");
    SiteVerifier::new(&config.challenge, &outbound, Handle::current())
}

/// The verdict of a provider that does as `script` says, and the forms that it was sent.
async fn asked(provider: Provider, script: Vec<Step>) -> (Verdict, Vec<BTreeMap<String, String>>) {
    let loopback = Loopback::start(script);
    let verdict = verifier(&loopback.url()).verify(provider, RESPONSE, "192.0.2.7".parse().ok()).await;
    let forms = loopback.asked().into_iter().map(|body| {
        body.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    });
    (verdict, forms.collect())
}

#[tokio::test]
async fn a_response_that_holds_passes_and_one_that_does_not_fails_in_one_call() {
    for provider in Provider::ALL {
        for (step, expected) in [
            (passed(), Verdict::Passed),
            (failed("invalid-input-response"), Verdict::Failed),
            (failed("timeout-or-duplicate"), Verdict::Failed),
            (failed("already-seen-response"), Verdict::Failed),
            (failed("invalid-input-secret"), Verdict::Unavailable),
            (said(r#"{"success":true,"hostname":"elsewhere.example.org"}"#), Verdict::Failed),
            (Step::Answer(404, String::new()), Verdict::Unavailable),
        ] {
            let (verdict, forms) = asked(provider, vec![step.clone()]).await;
            assert_eq!((verdict, forms.len()), (expected, 1), "{provider:?} {step:?}");
            let form = &forms[0];
            assert_eq!(form["secret"], format!("the%20secret%20of%20{}", provider.name()));
            assert_eq!((form["response"].as_str(), form["remoteip"].as_str()), (RESPONSE, "192.0.2.7"));
            assert_eq!(form.contains_key("idempotency_key"), provider == Provider::Turnstile);
        }
    }
}

#[tokio::test]
async fn a_call_in_trouble_is_repeated_once_under_the_same_key() {
    for first in [trouble(), Step::Raw(String::from("HTT")), said("<html>"), failed("internal-error")] {
        let (verdict, forms) = asked(Provider::Turnstile, vec![first.clone(), passed()]).await;
        assert_eq!((verdict, forms.len()), (Verdict::Passed, 2), "{first:?}");
        assert_eq!(forms[0], forms[1], "the same question, the key included");
        let key = &forms[0]["idempotency_key"];
        let dashes: Vec<usize> = key.match_indices('-').map(|(at, _)| at).collect();
        assert_eq!((key.len(), dashes, &key[14..15]), (36, vec![8, 13, 18, 23], "4"), "{key}");
        assert!("89ab".contains(&key[19..20]), "{key}");
    }
    let (verdict, forms) = asked(Provider::Turnstile, vec![trouble()]).await;
    assert_eq!((verdict, forms.len()), (Verdict::Unavailable, 2), "and not more often");
}

#[tokio::test]
async fn a_repeated_call_never_turns_what_may_have_held_into_a_failure() {
    let script = vec![trouble(), failed("already-seen-response")];
    assert_eq!(asked(Provider::HCaptcha, script).await.0, Verdict::Unavailable);
    // Under its key Turnstile would have said again that it holds.
    let script = vec![trouble(), failed("timeout-or-duplicate")];
    assert_eq!(asked(Provider::Turnstile, script).await.0, Verdict::Failed);
    let script = vec![trouble(), failed("invalid-input-response")];
    assert_eq!(asked(Provider::HCaptcha, script).await.0, Verdict::Failed);
}

#[tokio::test]
async fn who_is_slow_is_not_waited_for() {
    let silent = Loopback::start(vec![Step::Silence]);
    let mut verifier = verifier(&silent.url());
    let desk = verifier.turnstile.as_mut().and_then(Arc::get_mut).expect("nobody has asked yet");
    assert_eq!(std::mem::replace(&mut desk.patience, Duration::from_millis(50)), Duration::from_secs(2));
    assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Unavailable);
    assert_eq!(silent.asked().len(), 1, "no time is left to ask again");
}

#[tokio::test]
async fn what_cannot_be_a_response_fails_without_a_call() {
    let loopback = Loopback::start(vec![passed()]);
    let verifier = verifier(&loopback.url());
    let long = "x".repeat(RESPONSE_BYTES_MAX + 1);
    for response in ["", "a b", "a\r\nb", "\u{e4}", long.as_str()] {
        assert_eq!(verifier.verify(Provider::Turnstile, response, None).await, Verdict::Failed, "{response}");
    }
    assert!(loopback.asked().is_empty());
}

#[tokio::test]
async fn a_provider_that_is_away_is_left_alone_and_tried_again() {
    let mut script = vec![trouble(); 10];
    script.push(passed());
    let loopback = Loopback::start(script);
    let verifier = verifier(&loopback.url());
    for _ in 0..breaker::FAILURES_MAX {
        assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Unavailable);
    }
    assert_eq!(loopback.asked().len(), 10, "each was repeated once");
    for _ in 0..20 {
        assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Unavailable);
    }
    assert!(loopback.asked().is_empty(), "it is left alone");
    assert_eq!(verifier.verify(Provider::HCaptcha, RESPONSE, None).await, Verdict::Passed, "the other is not");

    let desk = verifier.turnstile.as_ref().expect("a secret is set");
    assert!(desk.breaker.lock().admit(Instant::now() + breaker::OPEN_FOR) == Some(Admission::Probe));
    assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Unavailable, "one at a time");
    assert!(!desk.breaker.lock().note(Admission::Probe, true, Instant::now()));
    assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Passed);
    let counts: Vec<u64> = verifier.verdicts().map(|(_, _, count)| count).collect();
    assert_eq!(counts, [1, 0, 26, 0, 1, 0, 0, 0]);
}

#[tokio::test]
async fn a_provider_that_has_enough_of_us_is_not_taken_for_one_that_is_away() {
    let often = usize::try_from(2 * breaker::FAILURES_MAX).expect("few");
    let mut script = vec![Step::Answer(429, String::new()); often];
    script.push(passed());
    let loopback = Loopback::start(script);
    let verifier = verifier(&loopback.url());
    for _ in 0..often {
        assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Busy);
    }
    assert_eq!(loopback.asked().len(), often, "each was asked, and once");
    assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Passed);
}

#[tokio::test]
async fn too_many_at_a_time_are_not_asked_for_and_a_place_is_free_after_each_call() {
    let loopback = Loopback::start(vec![passed()]);
    let verifier = verifier(&loopback.url());
    let desk = verifier.hcaptcha.as_ref().expect("a secret is set");
    let all = u32::try_from(CALLS_MAX).expect("few");
    let others = Arc::clone(&desk.calls).try_acquire_many_owned(all).expect("all are free");
    assert_eq!(verifier.verify(Provider::HCaptcha, RESPONSE, None).await, Verdict::Busy);
    assert!(loopback.asked().is_empty());
    drop(others);
    assert_eq!(verifier.verify(Provider::HCaptcha, RESPONSE, None).await, Verdict::Passed);
    assert_eq!(desk.calls.available_permits(), CALLS_MAX);
}

#[tokio::test]
async fn whoever_leaves_does_not_leave_a_call_half_done() {
    let loopback = Loopback::start(vec![passed()]);
    let verifier = verifier(&loopback.url());
    let desk = verifier.turnstile.as_ref().expect("a secret is set");
    {
        // Polled once, and let go of.
        let mut call = Box::pin(verifier.verify(Provider::Turnstile, RESPONSE, None));
        let polled = std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context))).await;
        assert!(polled.is_pending());
    }
    let all = u32::try_from(CALLS_MAX).expect("few");
    drop(Arc::clone(&desk.calls).acquire_many_owned(all).await.expect("its place is given back"));
    assert_eq!(loopback.asked().len(), 1);
}

#[tokio::test]
async fn without_a_secret_nobody_is_asked() {
    let outbound = Outbound::new().expect("this machine trusts somebody");
    let verifier = SiteVerifier::new(&ChallengeSettings::default(), &outbound, Handle::current());
    assert!(!verifier.asks(Provider::Turnstile));
    assert_eq!(verifier.verify(Provider::Turnstile, RESPONSE, None).await, Verdict::Unavailable);
    assert_eq!(verifier.verdicts().count(), 0);
}
