//! Owns the header of the PROXY protocol, version 2, with which a proxy's connection begins when it says by it whom it speaks for.
//! Strict: what is not exactly as the specification has it ends the connection. Whose connections may begin so, and how long
//! they may take, is the server's.
//!
//! Twelve bytes of signature, version and command, family and transport, the length of the rest; then addresses and ports, and
//! extensions (TLVs) that nothing here needs, which are passed over. The parser is our own, since the parts that are hard, how much
//! to read, when, and from whom, would be ours with a library too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// What every header begins with.
pub const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The length of the part whose length is known, in bytes.
pub const FIXED_BYTES: usize = 16;

/// The longest rest that is read, in bytes: addresses take 36, and what proxies add beside them a few hundred.
pub const REST_BYTES_MAX: usize = 4_096;

/// Why the bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyHeaderError {
    /// Another protocol, or version 1 of this one.
    #[error("the connection of a trusted proxy does not begin with a PROXY header of version 2")]
    Signature,
    /// A version, command, family or transport that there is not, or one that HTTP does not come by.
    #[error("the PROXY header's version, command, family or transport is not one that HTTP comes by")]
    Kind,
    /// Longer than any proxy has reason for, or too short for its addresses.
    #[error("the PROXY header has an impossible length")]
    Length,
}

/// The fixed part of a header: what the rest is, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    kind: Kind,
    rest_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The proxy itself, say to see whether we live; or somebody without an address of a kind that is known.
    Itself,
    V4,
    V6,
}

impl Fixed {
    /// Reads the fixed part.
    ///
    /// # Errors
    /// [`ProxyHeaderError`], after which the connection is of no use.
    pub fn parse(bytes: &[u8; FIXED_BYTES]) -> Result<Self, ProxyHeaderError> {
        if !bytes.starts_with(SIGNATURE) {
            return Err(ProxyHeaderError::Signature);
        }
        let rest_bytes = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
        let kind = match (bytes[12], bytes[13]) {
            // LOCAL: whatever address stands there is to be ignored.
            (0x20, _) | (0x21, 0x00) => Kind::Itself,
            (0x21, 0x11) => Kind::V4,
            (0x21, 0x21) => Kind::V6,
            // A stream socket of the proxy's own machine has no address that anybody could be judged by.
            (0x21, 0x31) => Kind::Itself,
            _ => return Err(ProxyHeaderError::Kind),
        };
        if rest_bytes > REST_BYTES_MAX || rest_bytes < kind.address_bytes() {
            return Err(ProxyHeaderError::Length);
        }
        Ok(Self { kind, rest_bytes })
    }

    /// How many bytes follow, at most [`REST_BYTES_MAX`].
    pub fn rest_bytes(self) -> usize {
        self.rest_bytes
    }

    /// For whom the proxy speaks; `None`: for itself.
    ///
    /// # Panics
    /// If `rest` is not as long as [`rest_bytes`](Self::rest_bytes) says.
    pub fn source(self, rest: &[u8]) -> Option<IpAddr> {
        assert_eq!(rest.len(), self.rest_bytes, "the rest is read whole");
        match self.kind {
            Kind::Itself => None,
            Kind::V4 => rest.first_chunk::<4>().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets))),
            Kind::V6 => rest.first_chunk::<16>().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets))),
        }
    }
}

impl Kind {
    fn address_bytes(self) -> usize {
        match self {
            Kind::Itself => 0,
            Kind::V4 => 12,
            Kind::V6 => 36,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(kind: [u8; 2], length: u16) -> Result<Fixed, ProxyHeaderError> {
        let mut bytes = [0; FIXED_BYTES];
        bytes[..12].copy_from_slice(SIGNATURE);
        bytes[12..14].copy_from_slice(&kind);
        bytes[14..].copy_from_slice(&length.to_be_bytes());
        Fixed::parse(&bytes)
    }

    #[test]
    fn the_source_is_read_and_extensions_are_passed_over() {
        let v4 = fixed([0x21, 0x11], 15).expect("well formed");
        let mut rest = vec![203, 0, 113, 9, 10, 0, 0, 1, 1, 2, 3, 4];
        rest.extend([0x04, 0, 0]);
        assert_eq!(v4.source(&rest), Some(IpAddr::from([203, 0, 113, 9])));
        let v6 = fixed([0x21, 0x21], 36).expect("well formed");
        let mut rest = [0; 36];
        rest[15] = 1;
        assert_eq!(v6.source(&rest), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn a_proxy_may_speak_for_itself() {
        assert_eq!(fixed([0x20, 0x00], 0).expect("LOCAL").source(&[]), None);
        assert_eq!(fixed([0x20, 0x11], 12).expect("LOCAL").source(&[9; 12]), None);
        assert_eq!(fixed([0x21, 0x00], 3).expect("UNSPEC").source(&[1, 2, 3]), None);
    }

    #[test]
    fn anything_else_is_refused() {
        for kind in [[0x11, 0x11], [0x22, 0x11], [0x21, 0x12], [0x21, 0x22], [0x21, 0x41], [0x31, 0x11]] {
            assert_eq!(fixed(kind, 36), Err(ProxyHeaderError::Kind), "{kind:?}");
        }
        assert_eq!(fixed([0x21, 0x11], 11), Err(ProxyHeaderError::Length));
        assert_eq!(fixed([0x21, 0x21], 35), Err(ProxyHeaderError::Length));
        assert_eq!(fixed([0x21, 0x11], 4_097), Err(ProxyHeaderError::Length));
        assert_eq!(Fixed::parse(b"PROXY TCP4 1.2.3"), Err(ProxyHeaderError::Signature));
        assert_eq!(Fixed::parse(b"GET / HTTP/1.1\r\n"), Err(ProxyHeaderError::Signature));
    }
}
