//! Owns by what requests are counted together, and how little of an address, a device and a phone number is kept for it.

use std::hash::Hasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use siphasher::sip::SipHasher13;

use crate::gate::address::ClientAddress;

/// By what requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The /24 of an IPv4 address: 256 addresses.
    Ipv4Block,
    /// The /48 of an IPv6 address: what a site is given, as a rule.
    Ipv6Site,
    /// The /64 of an IPv6 address: one network, all of whose addresses are one client's to choose among.
    Ipv6Network,
    /// The device that the request names.
    Device,
    /// The phone number but for its last four digits: up to 10,000 numbers.
    PhonePrefix,
}

impl Kind {
    /// All there are.
    pub const ALL: [Kind; 5] = [Kind::Ipv4Block, Kind::Ipv6Site, Kind::Ipv6Network, Kind::Device, Kind::PhonePrefix];

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Ipv4Block => "ipv4_24",
            Kind::Ipv6Site => "ipv6_48",
            Kind::Ipv6Network => "ipv6_64",
            Kind::Device => "device",
            Kind::PhonePrefix => "phone_prefix",
        }
    }

    /// How a mark of this kind is spelt.
    pub(super) fn spell(self, mark: u64) -> String {
        let network = |bits: u32| Ipv6Addr::from(u128::from(mark) << (128 - bits));
        match self {
            Kind::Ipv4Block => {
                let bits = u32::try_from(mark << 8).expect("made of 24 bits");
                format!("{}/24", Ipv4Addr::from(bits))
            }
            Kind::Ipv6Site => format!("{}/48", network(48)),
            Kind::Ipv6Network => format!("{}/64", network(64)),
            Kind::Device => format!("{mark:016x}"),
            Kind::PhonePrefix => format!("+{mark}****"),
        }
    }
}

/// The digits of a phone number that are not kept.
const DIGITS_HIDDEN: usize = 4;

/// Who asked, as far as it tells one from others.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Where the request comes from; `None`: from the shop's own gateway, for somebody who is elsewhere.
    pub address: Option<ClientAddress>,
    /// The device that it names.
    pub device: Option<&'a [u8]>,
    /// The phone number that comes with it, in E.164.
    pub phone: Option<&'a str>,
}

impl Asked<'_> {
    /// The marks, by the place in [`Kind::ALL`]. `key` hides the device.
    pub(super) fn marks(&self, key: &[u8; 16]) -> [Option<u64>; Kind::ALL.len()] {
        let (block, site, network) = match self.address.map(ClientAddress::ip) {
            None => (None, None, None),
            Some(IpAddr::V4(address)) => (Some(u64::from(address.to_bits() >> 8)), None, None),
            Some(IpAddr::V6(address)) => {
                let network = u64::try_from(address.to_bits() >> 64).expect("64 bits");
                (None, Some(network >> 16), Some(network))
            }
        };
        let device = self.device.map(|device| {
            let mut hasher = SipHasher13::new_with_key(key);
            hasher.write(device);
            hasher.finish()
        });
        [block, site, network, device, self.phone.and_then(phone_prefix)]
    }
}

fn phone_prefix(phone: &str) -> Option<u64> {
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    digits.get(..digits.len().checked_sub(DIGITS_HIDDEN)?)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, phone: &str, expected: [Option<&str>; Kind::ALL.len()]) {
        let address: IpAddr = address.parse().expect("an address");
        let asked = Asked { address: Some(address.into()), device: None, phone: Some(phone) };
        let marks = asked.marks(&[7; 16]);
        for ((kind, mark), expected) in Kind::ALL.into_iter().zip(marks).zip(expected) {
            assert_eq!(mark.map(|mark| kind.spell(mark)).as_deref(), expected, "{kind:?}");
        }
    }

    #[test]
    fn of_addresses_and_numbers_the_last_part_is_not_kept() {
        let prefix = Some("+659123****");
        check("203.0.113.77", "+6591234567", [Some("203.0.113.0/24"), None, None, None, prefix]);
        check("::ffff:203.0.113.7", "+6591234567", [Some("203.0.113.0/24"), None, None, None, prefix]);
        let (site, network) = (Some("2001:db8:1::/48"), Some("2001:db8:1:2::/64"));
        check("2001:db8:1:2:3::4", "+65", [None, site, network, None, None]);
    }

    #[test]
    fn a_device_is_told_from_others_under_one_key_alone() {
        let address: IpAddr = [127, 0, 0, 1].into();
        let device = |name: &'static str, key| {
            let asked = Asked { address: Some(address.into()), device: Some(name.as_bytes()), phone: None };
            asked.marks(&[key; 16])[3]
        };
        assert_eq!(device("phone-1", 7), device("phone-1", 7));
        assert_ne!(device("phone-1", 7), device("phone-2", 7));
        assert_ne!(device("phone-1", 7), device("phone-1", 8));
    }
}
