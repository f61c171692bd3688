//! Headers that some answers of an operation have and others have not: the document names them, and says that they may be missing.

use serde_json::json;

use super::described::{Call, Described};
use super::examples;
use crate::client::Reply;
use crate::server::Server;

#[test]
fn what_all_see_of_a_waiting_room_may_be_kept_and_ones_own_place_may_not() {
    let server = Server::start("");
    let client = server.client();
    let mut described = Described::by(&client);
    let d = &mut described;
    examples(d, &client, "create_campaign", &[]);
    let joined = examples(d, &client, "join_waiting_room", &[]).remove(0);
    let ticket = joined["ticket"].as_str().expect("a ticket");
    let mut read = |headers: &[(&str, &str)]| {
        let reply = d.call(&client, &Call { operation: "waiting_room", headers, ..Call::default() });
        let keeping = ["cache-control", "vary"].map(|name| reply.header(name).map(str::to_owned));
        (reply.status, keeping, reply.header("etag").map(str::to_owned))
    };
    let shared = [Some("public, max-age=1".to_owned()), Some("X-Landrush-Ticket".to_owned())];
    let (status, keeping, tag) = read(&[]);
    assert_eq!((status, &keeping), (200, &shared));
    assert!(tag.is_some(), "what may be kept has a name");
    let (status, keeping, tag) = read(&[("if-none-match", "*")]);
    assert_eq!((status, &keeping), (304, &shared));
    assert!(tag.is_some());
    let own = [Some("private, no-store".to_owned()), None];
    assert_eq!(read(&[("x-landrush-ticket", ticket)]), (200, own, None));
}

#[test]
fn what_was_made_is_to_be_found_where_a_repeat_says_too_but_what_would_be_made_is_nowhere() {
    let server = Server::start("");
    let client = server.client();
    let mut described = Described::by(&client);
    let location = |reply: &Reply| reply.header("location").map(str::to_owned);
    for (operation, id, found) in
        [("create_campaign", "id", "/v1/campaigns/"), ("create_user", "user_id", "/v1/users/")]
    {
        for body in described.example_bodies(operation) {
            let call = Call { operation, body: Some(&body), ..Call::default() };
            let expected = Some(format!("{found}{}", body[id].as_str().expect("an id")));
            for status in [201, 200] {
                let reply = described.call(&client, &call);
                assert_eq!((reply.status, location(&reply)), (status, expected.clone()), "{operation} {body}");
            }
        }
    }
    let body = json!({"id": "new", "name": "New", "time_zone": "UTC", "mode": "first_come",
        "schedule": {"starts_at": "2025-01-01T00:00:00Z", "ends_at": "2099-01-01T00:00:00Z"},
        "coupon_types": [{"id": "cash-5", "name": "cash", "total_quota": 5}]});
    let call = Call { operation: "create_campaign", query: "?dry_run=true", body: Some(&body), ..Call::default() };
    let preview = described.call(&client, &call);
    assert_eq!((preview.status, location(&preview)), (200, None));
}
