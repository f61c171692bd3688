//! With one I/O thread and one shard, the I/O thread drives the shard while little is asked, and the shard's own thread where much
//! is: each seen by who runs, and no answer lost on the way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::Server;

const ONE_OF_EACH: &str = "[http]\nio_threads = 1\n[shards]\ncount = 1\n";

/// How often the thread called `name` has been given a processor.
fn runs(server: &Server, name: &str) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("a process");
    let paths: Vec<PathBuf> = tasks.map(|task| task.expect("a thread").path()).collect();
    let is_it = |path: &&PathBuf| std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim() == name);
    let path = paths.iter().find(is_it).expect("there is such a thread");
    let stat = std::fs::read_to_string(path.join("schedstat")).expect("it runs");
    stat.split_whitespace().nth(2).and_then(|runs| runs.parse().ok()).expect("a count")
}

#[test]
fn the_io_thread_drives_the_shard_while_little_is_asked_and_its_own_thread_where_much_is() {
    let server = Server::start(ONE_OF_EACH);
    let client = server.client();
    client.campaign(
        "c",
        &json!({"coupon_types": [{"id": "a", "name": "a", "total_quota": 100_000, "valid_for": "30d"}]}),
    );
    let mut users = 0..;
    let mut claim_one = || {
        let user = format!("u-{}", users.next().expect("without end"));
        assert_eq!(client.claim("c", &user).status, 201);
    };

    for round in 0..3 {
        // Until the shard is borrowed, its own thread is woken for each.
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let before = runs(&server, "landrush-shard");
            (0..50).for_each(|_| claim_one());
            if runs(&server, "landrush-shard") == before {
                break;
            }
            assert!(Instant::now() < until, "it goes on being woken");
        }

        let before = runs(&server, "landrush-shard");
        let many: Value = (0..8_192).map(|number| json!({"user_id": format!("m-{round}-{number}")})).collect();
        let reply = client.admin("POST", "/v1/campaigns/c/claims:batch", Some(&json!({"claims": many})));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let results = reply.json()["results"].as_array().expect("results").clone();
        assert_eq!(results.iter().filter(|result| result["status"] == 201).count(), 8_192);
        assert!(runs(&server, "landrush-shard") > before, "so much is decided beside the reading");
    }
    server.terminate();
    assert!(server.wait().0.success(), "a shard that is borrowed comes back before the end");
}
