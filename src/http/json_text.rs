//! Owns the writing of answers: JSON appended to a buffer, without a tree in between.

use landrush_engine::time::Timestamp;

use crate::text::rfc3339;

/// An object being written.
#[derive(Debug)]
pub struct JsonText<'o> {
    out: &'o mut Vec<u8>,
    first: bool,
}

impl<'o> JsonText<'o> {
    /// Begins an object at the end of `out`. Call [`JsonText::end`] when its members are written.
    pub fn object(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Ends the object.
    pub fn end(self) {
        self.out.push(b'}');
    }

    /// A string member.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        write_string(self.out, value);
    }

    /// A string member whose parts need no escaping.
    pub fn text_of(&mut self, name: &str, parts: &[&str]) {
        self.name(name);
        self.out.push(b'"');
        parts.iter().for_each(|part| self.out.extend_from_slice(part.as_bytes()));
        self.out.push(b'"');
    }

    /// A string member that needs no escaping: an id or a word of our own.
    pub fn plain(&mut self, name: &str, value: &str) {
        debug_assert!(!needs_escape(value.as_bytes()), "plain text");
        self.text_of(name, &[value]);
    }

    /// A string member, or null.
    pub fn optional_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.raw(name, b"null"),
        }
    }

    /// A number member.
    pub fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        write_number(self.out, value);
    }

    /// A true or false member.
    pub fn bool(&mut self, name: &str, value: bool) {
        self.raw(name, if value { b"true" } else { b"false" });
    }

    /// A moment.
    pub fn time(&mut self, name: &str, value: Timestamp) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(&rfc3339(value));
        self.out.push(b'"');
    }

    /// A moment, or null.
    pub fn optional_time(&mut self, name: &str, value: Option<Timestamp>) {
        match value {
            Some(value) => self.time(name, value),
            None => self.raw(name, b"null"),
        }
    }

    /// A member that is JSON already.
    pub fn raw(&mut self, name: &str, json: &[u8]) {
        self.name(name);
        self.out.extend_from_slice(json);
    }

    /// An object member, written by `write`.
    pub fn nested(&mut self, name: &str, write: impl FnOnce(&mut JsonText<'_>)) {
        self.name(name);
        let mut inner = JsonText::object(self.out);
        write(&mut inner);
        inner.end();
    }

    /// An array of objects, each written by `write`.
    pub fn array<T>(&mut self, name: &str, items: impl Iterator<Item = T>, write: impl Fn(T, &mut JsonText<'_>)) {
        self.name(name);
        self.out.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            let mut inner = JsonText::object(self.out);
            write(item, &mut inner);
            inner.end();
        }
        self.out.push(b']');
    }

    /// An array of strings.
    pub fn texts(&mut self, name: &str, items: impl Iterator<Item = impl AsRef<str>>) {
        self.name(name);
        self.out.push(b'[');
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            write_string(self.out, item.as_ref());
        }
        self.out.push(b']');
    }

    fn name(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// Appends a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.push(b'"');
    if needs_escape(bytes) {
        write_escaped(out, bytes);
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

/// Whether there is a quote, a backslash or a control character, eight bytes at a time.
///
/// What a subtraction borrows reaches bytes above one that is sought already, and so changes no answer (Warren, "Hacker's
/// Delight", 6-1).
fn needs_escape(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES * 0x80;
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGH;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let sought = |word: u64| below(word, 0x20) | equal(word, b'"') | equal(word, b'\\');
    let (words, rest) = bytes.as_chunks::<8>();
    let rest = rest.iter().fold(ONES * u64::from(b'.'), |word, byte| word << 8 | u64::from(*byte));
    words.iter().fold(sought(rest), |found, word| found | sought(u64::from_le_bytes(*word))) != 0
}

#[cold]
fn write_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut written = 0;
    for (index, byte) in bytes.iter().enumerate() {
        if !matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            continue;
        }
        out.extend_from_slice(&bytes[written..index]);
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(control >> 4)]);
                out.push(HEX[usize::from(control & 15)]);
            }
        }
        written = index + 1;
    }
    out.extend_from_slice(&bytes[written..]);
}

/// Appends a number in decimal.
pub fn write_number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(value % 10).expect("a digit fits a byte");
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn strings_read_back_as_they_were(text in any::<String>()) {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("a JSON string"), text);
        }

        #[test]
        fn one_byte_among_plain_ones_is_escaped_wherever_it_is(at in 0..40_usize, length in 40..60_usize, byte in 0..0x80_u8) {
            let mut text = vec![b'x'; length];
            text[at] = byte;
            let mut out = Vec::new();
            write_string(&mut out, std::str::from_utf8(&text).expect("ASCII"));
            prop_assert_eq!(needs_escape(&text), matches!(byte, 0..0x20 | b'"' | b'\\'));
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("a JSON string").into_bytes(), text);
        }

        #[test]
        fn numbers_are_spelt_as_the_standard_library_does(value in any::<u64>()) {
            let mut out = Vec::new();
            write_number(&mut out, value);
            prop_assert_eq!(out, value.to_string().into_bytes());
        }
    }

    #[test]
    fn members_are_separated() {
        let mut out = Vec::new();
        let mut json = JsonText::object(&mut out);
        json.text("a", "x");
        json.nested("b", |_| {});
        json.array("c", [1, 2].into_iter(), |n, json| json.number("n", n));
        json.optional_time("d", None);
        json.bool("e", true);
        json.end();
        assert_eq!(String::from_utf8_lossy(&out), r#"{"a":"x","b":{},"c":[{"n":1},{"n":2}],"d":null,"e":true}"#);
    }
}
