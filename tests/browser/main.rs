//! The pages and the client module in a real browser: each `*.test.mjs` beside this file is one test here, run by Node against
//! the program that cargo has just built. What is missing (Chromium, the packages of `package-lock.json`) is installed first;
//! what cannot be installed fails the test and says what to do.

mod installed;
mod run;

use std::collections::BTreeSet;
use std::path::Path;

/// One test a file, so that cargo can run and name them alone. [`no_file_is_left_out`] holds the list against the folder.
macro_rules! browser_tests {
    ($($name:ident),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                run::node_test(stringify!($name));
            }
        )+
        const LISTED: &[&str] = &[$(stringify!($name)),+];
    };
}

browser_tests! {
    admin,
    admin_campaign,
    admin_form,
    admin_rules,
    admin_views,
    client_browser,
    client_calls,
    client_clock,
    client_server,
    client_types,
    client_watch,
    demo,
    docs,
    harness,
    page_claims,
    page_dark,
    page_draws,
    page_gate,
    page_light,
    page_screenshots,
    page_trouble,
    page_units,
    page_widget,
}

#[test]
fn no_file_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let there: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("the folder of this file")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".test.mjs").map(str::to_owned))
        .collect();
    let listed: BTreeSet<String> = LISTED.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(there, listed, "files on the left, tests on the right");
}
