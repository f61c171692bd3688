//! Owns where a request comes from, in the face of clients that lie about it.
//!
//! The peer's address is the truth that the kernel vouches for. Only a peer among the trusted proxies is asked for another: its
//! header is read from the right, where the nearest proxy has written, and the first address that is no trusted proxy is the
//! client's. What stands left of that the client may have written itself, and is never read.
//!
//! Exactly one header is read, the one that the configuration names. Reading whichever is there would let a client send the one
//! that its proxy passes on untouched, and be believed.

mod forwarded;

use std::net::IpAddr;

use hyper::header::{self, HeaderMap, HeaderName};

use super::cidr::Cidr;

/// The header that `X-Forwarded-For` stands in.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The most proxies that one request is followed back through. More than any honest chain has.
const HOPS_MAX: usize = 32;

/// A client's address as it is judged by: an IPv4 address, or an IPv6 one that stands for its /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientAddress(IpAddr);

impl ClientAddress {
    /// The address that stands in lists.
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// What all addresses share that one client may freely choose among: the IPv4 address, or the /64 of an IPv6 one.
    pub fn key(self) -> u128 {
        match self.0 {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits() >> 64 << 64,
        }
    }
}

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }
}

/// The header in which trusted proxies say whom they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressHeader {
    /// `X-Forwarded-For`, which most proxies write.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Which peers are believed about whom they speak for, and how they say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies {
    /// The proxies' addresses. None: every peer speaks for itself.
    pub trusted: Vec<Cidr>,
    /// Where they say it.
    pub header: AddressHeader,
    /// Whether each of their connections begins with a header of the PROXY protocol, version 2.
    pub proxy_protocol: bool,
}

impl Proxies {
    /// Whether `address` is a proxy that is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|block| block.contains(address))
    }

    /// Where a request comes from that `peer` has sent with `headers`.
    ///
    /// An entry that is no address (`unknown`, an obfuscated name, garbage) ends the search at the proxy that wrote it: everything
    /// that cannot be told apart is one client.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> ClientAddress {
        if !self.trusts(peer) {
            return peer.into();
        }
        let (name, entries): (_, fn(&[u8]) -> Entries<'_>) = match self.header {
            AddressHeader::XForwardedFor => (X_FORWARDED_FOR, forwarded::plain),
            AddressHeader::Forwarded => (header::FORWARDED, forwarded::elements),
        };
        let mut nearest = peer;
        // Lines of one name are one list, in their order (RFC 9110, 5.3).
        let hops = headers.get_all(name).into_iter().rev().flat_map(|line| entries(line.as_bytes()));
        for hop in hops.take(HOPS_MAX) {
            let Some(address) = hop else { break };
            nearest = address;
            if !self.trusts(address) {
                break;
            }
        }
        nearest.into()
    }
}

/// The entries of a header's line from right to left; `None`: one that is no address.
type Entries<'a> = Box<dyn Iterator<Item = Option<IpAddr>> + 'a>;

/// The addresses in a line of `Forwarded`, or else of `X-Forwarded-For`, from right to left. For the fuzzer.
#[doc(hidden)]
pub fn entries(line: &[u8], is_forwarded: bool) -> Vec<Option<IpAddr>> {
    if is_forwarded { forwarded::elements(line).collect() } else { forwarded::plain(line).collect() }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn proxies(header: AddressHeader) -> Proxies {
        let trusted = ["10.0.0.0/8", "2001:db8:1::/48"].map(|block| block.parse().expect("a block"));
        Proxies { trusted: trusted.into(), header, proxy_protocol: false }
    }

    fn check(peer: &str, lines: &[(&'static str, &str)], header: AddressHeader, expected: &str) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).expect("a header"));
        }
        let client = proxies(header).client(peer.parse().expect("a peer"), &headers);
        assert_eq!(client.ip(), expected.parse::<IpAddr>().expect("an address"), "{peer} {lines:?}");
    }

    fn plain(peer: &str, lines: &[&str], expected: &str) {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        check(peer, &lines, AddressHeader::XForwardedFor, expected);
    }

    fn forwarded(lines: &[&str], expected: &str) {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        check("10.0.0.1", &lines, AddressHeader::Forwarded, expected);
    }

    #[test]
    fn a_peer_that_is_no_proxy_speaks_for_itself() {
        plain("192.0.2.1", &["203.0.113.9"], "192.0.2.1");
        check("192.0.2.1", &[("forwarded", "for=203.0.113.9")], AddressHeader::Forwarded, "192.0.2.1");
    }

    #[test]
    fn what_a_client_wrote_before_its_proxy_is_not_read() {
        plain("10.0.0.1", &["203.0.113.9"], "203.0.113.9");
        plain("10.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9");
        plain("10.0.0.1", &["10.9.9.9, 203.0.113.9, 10.0.0.2"], "203.0.113.9");
        plain("10.0.0.1", &["1.1.1.1", "203.0.113.9", "10.0.0.2"], "203.0.113.9");
        forwarded(&["for=1.1.1.1, for=203.0.113.9;proto=https, for=10.0.0.2"], "203.0.113.9");
        // A quote that the client leaves open does not swallow what its proxy appends.
        forwarded(&["for=\"1.1.1.1, for=203.0.113.9"], "203.0.113.9");
        forwarded(&["for=\"1.1.1.1\\, for=203.0.113.9"], "203.0.113.9");
    }

    #[test]
    fn the_header_that_is_not_named_is_not_read() {
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "203.0.113.9")];
        check("10.0.0.1", &both, AddressHeader::XForwardedFor, "203.0.113.9");
        check("10.0.0.1", &both, AddressHeader::Forwarded, "1.1.1.1");
        check("10.0.0.1", &both[..1], AddressHeader::XForwardedFor, "10.0.0.1");
    }

    #[test]
    fn what_is_no_address_is_the_proxy_that_wrote_it() {
        for garbage in ["unknown", "_hidden", "nonsense", "1.2.3", "1.2.3.4:port", "[::1", "fe80::1%eth0"] {
            plain("10.0.0.1", &[&format!("1.1.1.1, {garbage}, 10.0.0.2")], "10.0.0.2");
        }
        for garbage in
            ["for=unknown", "for=_hidden", "for=\"_hidden:80\"", "proto=https", "for=1.1.1.1;for=2.2.2.2", "x"]
        {
            forwarded(&[&format!("for=1.1.1.1, {garbage}, for=10.0.0.2")], "10.0.0.2");
        }
        plain("10.0.0.1", &[], "10.0.0.1");
        plain("10.0.0.1", &[""], "10.0.0.1");
    }

    #[test]
    fn a_chain_of_proxies_alone_is_its_farthest() {
        plain("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
        let endless = vec!["10.0.0.2"; 100].join(",");
        plain("10.0.0.1", &[&format!("1.1.1.1,{endless}")], "10.0.0.2");
    }

    #[test]
    fn an_ipv6_client_is_its_64_and_a_mapped_one_its_ipv4_address() {
        let key = |text: &str| ClientAddress::from(text.parse::<IpAddr>().expect("an address")).key();
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:0:0:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
