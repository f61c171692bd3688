//! A server that pretends: it speaks as much of the contract as the harness needs, keeps everything in a map, and
//! breaks one promise on demand, so that it can be seen whether the harness notices.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The promise that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// No promise: every third claim of a user is answered that the server is too busy; of another user it is another third. Counted
    /// over all of them, one of several connections in step would be the third time after time.
    Busy,
    /// The third user's repeats are new wins.
    WinTwice,
    /// The third user's win is forgotten once it was told, and nothing is left when it is asked for again.
    LoseWin,
    /// The quota is not looked at.
    Oversell,
    /// Everybody gets the same code.
    SameCode,
    /// The first two users get the same code, and nobody else does.
    SharedCode,
    /// Availability shows one unit too many.
    Miscount,
    /// `sold_out` is told when one unit is left.
    SoldOutEarly,
    /// Answers to requests that came together leave in another order.
    Swapped,
    /// Every seventh claim is not answered, and the answers after it come as if it had been.
    Swallowed,
}

#[derive(Debug)]
struct Shop {
    fault: Fault,
    campaign: String,
    quota: u64,
    /// Code by user.
    wins: BTreeMap<String, u64>,
    issued: u64,
    /// How often each has asked.
    asked: BTreeMap<String, usize>,
}

/// Starts a pretender on a free port.
pub(crate) fn pretend(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let shop =
        Shop { fault, campaign: String::new(), quota: 0, wins: BTreeMap::new(), issued: 0, asked: BTreeMap::new() };
    let shop = Arc::new(Mutex::new(shop));
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let shop = Arc::clone(&shop);
            thread::spawn(move || serve(stream, &shop));
        }
    });
    address
}

/// A connection on which an answer was swallowed would otherwise be waited on until the load gives up.
const SILENCE_MAX: Duration = Duration::from_millis(400);

fn serve(mut stream: TcpStream, shop: &Mutex<Shop>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let fault = shop.lock().expect("not poisoned").fault;
    if fault == Fault::Swallowed {
        stream.set_read_timeout(Some(SILENCE_MAX)).ok()?;
    }
    let (mut held, mut claims) = (Vec::new(), 0_u32);
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, path) = (words.next()?, words.next()?);
        let mut length = 0;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            if header.trim().is_empty() {
                break;
            }
            if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (status, answer) = shop.lock().expect("not poisoned").answer(&method, &path, &body);
        let answer = answer.to_string();
        let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).into_bytes();
        claims += u32::from(path.ends_with("/claims"));
        match fault {
            Fault::Swallowed if path.ends_with("/claims") && claims.is_multiple_of(7) => {}
            // While more has come already, an answer waits for the next one and follows it.
            Fault::Swapped if !reader.buffer().is_empty() && held.is_empty() => held = answer,
            Fault::None
            | Fault::Busy
            | Fault::WinTwice
            | Fault::LoseWin
            | Fault::Oversell
            | Fault::SameCode
            | Fault::SharedCode
            | Fault::Miscount
            | Fault::SoldOutEarly
            | Fault::Swapped
            | Fault::Swallowed => stream.write_all(&[answer, std::mem::take(&mut held)].concat()).ok()?,
        }
    }
}

impl Shop {
    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        if method == "POST" && path == "/v1/campaigns" {
            self.campaign = body["id"].as_str().expect("an id").into();
            self.quota = body["coupon_types"][0]["total_quota"].as_u64().expect("a quota");
            return (201, body);
        }
        if method == "POST" {
            return self.claim(body["user_id"].as_str().expect("a user"));
        }
        if path.ends_with("/availability") {
            let extra = u64::from(self.fault == Fault::Miscount);
            let remaining = self.quota.saturating_sub(self.issued) + extra;
            return (200, json!({"coupon_types": [{"id": "coupon-1", "remaining": remaining}]}));
        }
        let user = path.rsplit('/').next().expect("a user");
        let items: Vec<_> = self.wins.get(user).map(|code| self.win(user, *code, true)).into_iter().collect();
        (200, json!({"items": items}))
    }

    fn claim(&mut self, user: &str) -> (u16, Value) {
        let asked = self.asked.entry(user.to_owned()).or_default();
        *asked += 1;
        let number: usize = user.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or_default();
        if self.fault == Fault::Busy && *asked % 3 == number % 3 {
            return (503, json!({"code": "overloaded"}));
        }
        let third = user == "u-000000000002";
        let known = self.wins.get(user).copied();
        let kept = u64::from(self.fault == Fault::SoldOutEarly);
        match known {
            Some(_) if self.fault == Fault::LoseWin && third => return (409, json!({"code": "sold_out"})),
            Some(code) if !(self.fault == Fault::WinTwice && third) => return (200, self.win(user, code, true)),
            Some(_) | None => {}
        }
        if self.issued + kept >= self.quota && self.fault != Fault::Oversell {
            return (409, json!({"code": "sold_out"}));
        }
        self.issued += 1;
        let shared = self.fault == Fault::SharedCode && ["u-000000000000", "u-000000000001"].contains(&user);
        let code = if self.fault == Fault::SameCode || shared { 0 } else { self.issued };
        self.wins.insert(user.into(), code);
        (201, self.win(user, code, false))
    }

    fn win(&self, user: &str, code: u64, repeated: bool) -> Value {
        let digits = format!("{code:016}");
        let code = [&digits[..4], &digits[4..8], &digits[8..12], &digits[12..]].join("-");
        json!({
            "claim_id": format!("c-{code}"), "campaign_id": self.campaign, "user_id": user, "outcome": "won",
            "repeated": repeated, "decided_at": "2026-12-01T02:00:00.123Z",
            "coupon": {"code": code, "coupon_type": "coupon-1", "state": "issued", "expires_at": "2026-12-31T02:00:00.123Z"},
        })
    }
}
