//! An address that stays while the server behind it is restarted.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections on to a server; where there is none, it closes them without a word.
pub(super) struct Relay {
    address: SocketAddr,
    server: Arc<Mutex<Option<SocketAddr>>>,
}

impl Relay {
    pub(super) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = Arc::new(Mutex::new(Some(server)));
        let behind = Arc::clone(&server);
        // Ends with the tests' process.
        thread::spawn(move || {
            for client in listener.incoming() {
                let behind = *behind.lock().expect("no panic while it was held");
                if let (Ok(client), Some(address)) = (client, behind) {
                    pass_on(client, address);
                }
            }
        });
        Self { address, server }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Passes later connections on to `server`, or to nobody.
    pub(super) fn turn_to(&self, server: Option<SocketAddr>) {
        *self.server.lock().expect("no panic while it was held") = server;
    }
}

fn pass_on(client: TcpStream, address: SocketAddr) {
    let Ok(server) = TcpStream::connect(address) else { return };
    let both = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
    for (mut from, mut to) in [(both(&client), both(&server)), (server, client)] {
        thread::spawn(move || {
            // Either side may go at any time; then the other is told.
            drop(io::copy(&mut from, &mut to));
            drop(to.shutdown(Shutdown::Both));
        });
    }
}
