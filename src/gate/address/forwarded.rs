//! Owns how the two headers are written in which proxies say whom they speak for: `X-Forwarded-For`, and `Forwarded` (RFC 7239).
//! Both are read from the right and no farther than is asked, so that nothing a client wrote can change how what its proxy
//! appended is read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Entries;

/// The entries of a line of `X-Forwarded-For`.
pub(super) fn plain(line: &[u8]) -> Entries<'_> {
    // Empty entries are to be passed over (RFC 9110, 5.6.1).
    Box::new(line.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()).map(node))
}

/// What the elements of a line of `Forwarded` are `for`.
pub(super) fn elements(line: &[u8]) -> Entries<'_> {
    let mut rest = Some(line);
    let pieces = std::iter::from_fn(move || {
        let (left, piece) = last_outside_quotes(rest?, b',');
        rest = left;
        Some(piece.trim_ascii())
    });
    Box::new(pieces.filter(|piece| !piece.is_empty()).map(element))
}

/// The address in one element; `None`: it has none, or not exactly one.
fn element(element: &[u8]) -> Option<IpAddr> {
    let mut rest = Some(element);
    let mut found = None;
    while let Some(pairs) = rest {
        let (left, pair) = last_outside_quotes(pairs, b';');
        rest = left;
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"for") && found.replace(unquoted(value)?).is_some() {
            return None;
        }
    }
    node(found?)
}

/// What stands behind the last `separator` that is in no quotes, and before it. Quotes are counted from the right.
fn last_outside_quotes(text: &[u8], separator: u8) -> (Option<&[u8]>, &[u8]) {
    let mut is_quoted = false;
    for (at, byte) in text.iter().enumerate().rev() {
        if *byte == b'"' {
            is_quoted = !is_quoted;
        } else if *byte == separator && !is_quoted {
            return (Some(&text[..at]), &text[at + 1..]);
        }
    }
    (None, text)
}

/// A value without its quotes. No address needs an escape, so a value with one is none.
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    let bare = match value.strip_prefix(b"\"") {
        Some(rest) => rest.strip_suffix(b"\"")?,
        None => value,
    };
    (!bare.contains(&b'"') && !bare.contains(&b'\\')).then_some(bare)
}

/// The address of a node: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`, and bare `2001:db8::1`, as
/// `X-Forwarded-For` has it.
fn node(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address.parse::<Ipv6Addr>().ok().filter(|_| is_whole).map(IpAddr::V6);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    let (address, port) = text.split_once(':')?;
    address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

/// Whether this is a port, or the name that stands for a hidden one.
fn is_port(text: &str) -> bool {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number || text.strip_prefix('_').is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entries: Entries<'_>) -> Vec<String> {
        entries.map(|entry| entry.map_or_else(|| String::from("-"), |address| address.to_string())).collect()
    }

    #[test]
    fn entries_come_from_right_to_left() {
        assert_eq!(
            read(plain(b"1.1.1.1, 2.2.2.2:80,, [::1]:443 ,2001:db8::1")),
            ["2001:db8::1", "::1", "2.2.2.2", "1.1.1.1"]
        );
        assert_eq!(read(plain(b"1.1.1.1:, [::1]x, 2.2.2.2:999999")), ["-", "-", "-"]);
    }

    #[test]
    fn elements_are_read_as_the_standard_writes_them() {
        assert_eq!(read(elements(b"For=\"[2001:db8:cafe::17]:4711\"")), ["2001:db8:cafe::17"]);
        assert_eq!(read(elements(b"for=192.0.2.60;proto=http;by=203.0.113.43")), ["192.0.2.60"]);
        assert_eq!(read(elements(b"for=192.0.2.43, for=198.51.100.17")), ["198.51.100.17", "192.0.2.43"]);
        assert_eq!(read(elements(b"for=\"_gazonk\", for=unknown, for=\"192.0.2.1:_p\"")), ["192.0.2.1", "-", "-"]);
        assert_eq!(read(elements(b"for=1.1.1.1;by=\"a,b;c\",")), ["1.1.1.1"]);
    }
}
