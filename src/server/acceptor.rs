//! Owns the listeners: accepting, the cap on connections, and dealing connections to the I/O threads in turn.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use landrush_engine::time::{Clock, SteadyClock};
use tokio::net::TcpListener;

use super::io_thread::{IoThread, Order};
use crate::app::App;
use crate::http::problem::{Code, Problem};
use crate::http::retry::Spread;
use crate::http::{Door, RequestIds};

/// Connections that the kernel keeps waiting while we are busy.
const BACKLOG: u32 = 4_096;

/// How long nothing is accepted after the system could give no more descriptors.
const OUT_OF_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(100);

/// A bound listener.
pub(super) struct Listener {
    listener: TcpListener,
    door: Door,
    /// When those come again who found no room.
    spread: Spread,
    request_ids: RequestIds,
    clock: SteadyClock,
}

impl Listener {
    /// Binds `address`; `seed` is what the waits of those who find no room follow from.
    pub(super) fn bind(address: SocketAddr, door: Door, seed: [u8; 32]) -> io::Result<Self> {
        let domain = if address.is_ipv4() { socket2::Domain::IPV4 } else { socket2::Domain::IPV6 };
        let socket = socket2::Socket::new(domain, socket2::Type::STREAM, Some(socket2::Protocol::TCP))?;
        // A restart must not wait for the connections of the last run to be forgotten.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(i32::try_from(BACKLOG).expect("small"))?;
        let listener = TcpListener::from_std(socket.into())?;
        let request_ids = RequestIds::new(&seed);
        Ok(Self { listener, door, spread: Spread::new(seed), request_ids, clock: SteadyClock::start() })
    }

    /// Where it listens, the port found.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Accepts for ever.
    pub(super) async fn run(mut self, app: &Arc<App>, threads: &[IoThread]) {
        let mut next = 0;
        loop {
            let (stream, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) if is_of_the_connection(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted for now");
                    tokio::time::sleep(OUT_OF_DESCRIPTORS_PAUSE).await;
                    continue;
                }
            };
            let prepared = stream.set_nodelay(true).and_then(|()| stream.into_std());
            let Ok(stream) = prepared else { continue };
            match app.admit() {
                Some(place) => {
                    threads[next].order(Order::Serve { stream, peer: peer.ip(), door: self.door, place });
                    next = (next + 1) % threads.len();
                }
                None => self.turn_away(stream),
            }
        }
    }

    /// Says in one piece that there is no room, as far as the empty socket takes it without waiting.
    fn turn_away(&mut self, mut stream: std::net::TcpStream) {
        let problem = Problem::new(Code::Overloaded, "too many connections");
        let retry = self.spread.retry(&problem, self.clock.now()).expect("who finds no room may come again");
        let mut body = Vec::new();
        problem.write(Some(retry), &mut body);
        let (seconds, id) = (retry.seconds(), self.request_ids.next());
        let id = std::str::from_utf8(&id).expect("hexadecimal");
        let mut response = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nx-request-id: {id}\r\n\
             retry-after: {seconds}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        response.append(&mut body);
        drop(stream.write_all(&response));
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
