//! How many durable claims a second go through the batch call? Two connections of a gateway, each with one batch of 8,192 new people
//! on its way, `sync` durability, on the disk that holds the temporary directory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const ADMIN_KEY: &str = "an-admin-key-for-a-benchmark";
const CLAIMS_A_BATCH: u64 = 8_192;
const BATCHES_A_CONNECTION: u64 = 16;
const CONNECTIONS: u64 = 2;
const QUOTA: u64 = 1_000_000_000;
const CAMPAIGN: &str = r#"{"id":"c","name":"c","time_zone":"UTC","mode":"first_come",
    "schedule":{"starts_at":"2020-01-01T00:00:00Z","ends_at":"2999-01-01T00:00:00Z"},"expected_claimants":4000000,
    "coupon_types":[{"id":"cash-5","name":"cash","total_quota":1000000000,"valid_for":"30d"}]}"#;

/// A server of its own, killed with this.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(data_dir: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_landrush"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data_dir)
            .env("LANDRUSH_ADMIN_KEY", ADMIN_KEY)
            .env("LANDRUSH_LOGGING_FILTER", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        let address =
            lines.find_map(|line| line.strip_prefix("listening on http://")?.trim_end_matches('/').parse().ok());
        let address = address.expect("it says where it listens");
        assert!(lines.any(|line| line.starts_with("ready")), "it becomes ready");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    fn connect(&self) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        BufReader::with_capacity(1 << 20, stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What cannot be killed has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn request(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {ADMIN_KEY}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Sends a request and gives the answer's status; its body is in `body`.
fn call(connection: &mut BufReader<TcpStream>, request: &[u8], body: &mut Vec<u8>) -> u16 {
    connection.get_mut().write_all(request).expect("sent");
    let mut line = String::new();
    connection.read_line(&mut line).expect("an answer");
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut length = 0;
    loop {
        line.clear();
        connection.read_line(&mut line).expect("a head");
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    body.resize(length, 0);
    connection.read_exact(body).expect("a body");
    status
}

/// Claims for everybody from `first` on, and the time until the last answer.
fn claim_all(server: &Server, first: u64) -> Duration {
    let batches = |connection: u64| -> Vec<Vec<u8>> {
        let batch = move |number: u64| {
            let start = first + (connection * BATCHES_A_CONNECTION + number) * CLAIMS_A_BATCH;
            let claims = (start..start + CLAIMS_A_BATCH).map(|user| format!("{{\"user_id\":\"user-{user:010}\"}}"));
            let body = format!("{{\"claims\":[{}]}}", claims.collect::<Vec<_>>().join(","));
            request("/v1/campaigns/c/claims:batch", &body)
        };
        (0..BATCHES_A_CONNECTION).map(batch).collect()
    };
    let prepared: Vec<_> = (0..CONNECTIONS).map(batches).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for batches in &prepared {
            scope.spawn(move || {
                let (mut connection, mut body) = (server.connect(), Vec::new());
                for batch in batches {
                    assert_eq!(call(&mut connection, batch, &mut body), 200);
                    // A look at the beginning: to count all of them would measure the counting. They are counted in the end.
                    assert!(
                        body.starts_with(br#"{"results":[{"status":201,"#),
                        "{}",
                        String::from_utf8_lossy(&body[..200])
                    );
                }
            });
        }
    });
    start.elapsed()
}

fn batch(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(directory.path());
    let mut body = Vec::new();
    let created = call(&mut server.connect(), &request("/v1/campaigns", CAMPAIGN), &mut body);
    assert_eq!(created, 201, "{}", String::from_utf8_lossy(&body));
    let mut group = criterion.benchmark_group("batch");
    let claims = CONNECTIONS * BATCHES_A_CONNECTION * CLAIMS_A_BATCH;
    group.throughput(Throughput::Elements(claims)).sample_size(10);
    let mut first = 0;
    group.bench_function("durable claims", |bencher| {
        bencher.iter_custom(|times| {
            (0..times)
                .map(|_| {
                    first += claims;
                    claim_all(&server, first)
                })
                .sum()
        });
    });
    group.finish();
    // Every claim that was answered took a coupon, and nothing else did.
    let asked = b"GET /v1/campaigns/c/availability HTTP/1.1\r\nhost: bench\r\n\r\n";
    assert_eq!(call(&mut server.connect(), asked, &mut body), 200);
    let left = format!("\"remaining\":{},", QUOTA - first);
    assert!(String::from_utf8_lossy(&body).contains(&left), "{left} {}", String::from_utf8_lossy(&body));
}

criterion_group!(benches, batch);
criterion_main!(benches);
