//! Owns blocks of addresses in CIDR notation. IPv4 addresses written as IPv6 ones (`::ffff:…`) are IPv4 addresses here.

use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;

/// A block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    first: IpAddr,
    bits: u32,
}

/// Why a text is no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CidrError {
    /// The address is none.
    #[error("is no IP address or CIDR block, as 10.0.0.0/8 or 2001:db8::/32")]
    Address,
    /// The length of the prefix is none.
    #[error("has a prefix length that is not a number from 0 to 32, or 128 for IPv6")]
    Prefix,
    /// The address is not the block's first: probably a slip, and never worth a guess about who is meant.
    #[error("has bits set behind its prefix")]
    HostBits,
}

impl Cidr {
    /// Whether `address` is in the block.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => mask_v4(address.to_bits(), self.bits) == first.to_bits(),
            (IpAddr::V6(first), IpAddr::V6(address)) => mask_v6(address.to_bits(), self.bits) == first.to_bits(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let given: IpAddr = address.parse().map_err(|_| CidrError::Address)?;
        let written_bits: u32 = if given.is_ipv4() { 32 } else { 128 };
        let bits = match prefix {
            // `parse` alone would take a sign.
            Some(digits) if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|bits| *bits <= written_bits).ok_or(CidrError::Prefix)?
            }
            Some(_) => return Err(CidrError::Prefix),
            None => written_bits,
        };
        let (first, bits) = match given.to_canonical() {
            folded @ IpAddr::V4(_) if given.is_ipv6() => (folded, u32::checked_sub(bits, 96).ok_or(CidrError::Prefix)?),
            same @ (IpAddr::V4(_) | IpAddr::V6(_)) => (same, bits),
        };
        let is_first = match first {
            IpAddr::V4(first) => mask_v4(first.to_bits(), bits) == first.to_bits(),
            IpAddr::V6(first) => mask_v6(first.to_bits(), bits) == first.to_bits(),
        };
        if is_first { Ok(Self { first, bits }) } else { Err(CidrError::HostBits) }
    }
}

fn mask_v4(address: u32, bits: u32) -> u32 {
    // A shift by the full width has no value: it stands for a mask of nothing.
    address & u32::MAX.checked_shl(32 - bits).unwrap_or(0)
}

fn mask_v6(address: u128, bits: u32) -> u128 {
    address & u128::MAX.checked_shl(128 - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(block: &str, address: &str, expected: bool) {
        let block: Cidr = block.parse().expect(block);
        assert_eq!(block.contains(address.parse().expect(address)), expected, "{block:?} {address}");
    }

    #[test]
    fn a_block_holds_what_its_prefix_says() {
        check("10.0.0.0/8", "10.255.1.2", true);
        check("10.0.0.0/8", "11.0.0.0", false);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("0.0.0.0/0", "::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::", false);
    }

    #[test]
    fn mapped_addresses_are_ipv4() {
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("::ffff:10.0.0.0/104", "10.1.2.3", true);
        check("::/0", "::ffff:10.1.2.3", false);
    }

    #[test]
    fn slips_are_refused() {
        for (text, expected) in [
            ("", CidrError::Address),
            ("10.0.0/8", CidrError::Address),
            ("10.0.0.0/33", CidrError::Prefix),
            ("10.0.0.0/+8", CidrError::Prefix),
            ("10.0.0.0/", CidrError::Prefix),
            ("10.0.0.1/8", CidrError::HostBits),
            ("2001:db8::1/64", CidrError::HostBits),
            ("::ffff:10.0.0.0/64", CidrError::Prefix),
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(expected), "{text}");
        }
    }
}
