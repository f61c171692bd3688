//! Owns reading the header of the PROXY protocol off a trusted proxy's new connection, and not a byte more. The connection's patience
//! with a head covers it too: it began when the connection did.

use std::io;
use std::net::IpAddr;

use tokio::net::TcpStream;

use crate::gate::proxy_v2::{FIXED_BYTES, Fixed};

/// For whom the proxy at the other end speaks; `None`: for itself.
///
/// # Errors
/// The connection ends, or begins otherwise: it is of no use.
pub(super) async fn read(stream: &TcpStream) -> io::Result<Option<IpAddr>> {
    let mut bytes = [0; FIXED_BYTES];
    fill(stream, &mut bytes).await?;
    let fixed = Fixed::parse(&bytes).map_err(io::Error::other)?;
    let mut rest = vec![0; fixed.rest_bytes()];
    fill(stream, &mut rest).await?;
    Ok(fixed.source(&rest))
}

async fn fill(stream: &TcpStream, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.readable().await?;
        match stream.try_read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => buffer = &mut buffer[read..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
