//! Owns the spelling of 80 bits as 16 symbols of Crockford's base 32, which a person can read out and type in.

/// Symbols in a word.
pub(super) const SYMBOLS: usize = 16;
const BITS: u32 = 5;
const HALF_BITS: u32 = 40;
const UPPER: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LOWER: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What is no symbol.
const NONE: u8 = 0xff;
/// The value of each byte: either case, with the look-alikes O, I and L folded to 0, 1 and 1.
const VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut values = [NONE; 256];
    let mut value = 0u8;
    while value < 32 {
        values[UPPER[value as usize] as usize] = value;
        values[LOWER[value as usize] as usize] = value;
        value += 1;
    }
    values[b'O' as usize] = 0;
    values[b'o' as usize] = 0;
    values[b'I' as usize] = 1;
    values[b'i' as usize] = 1;
    values[b'L' as usize] = 1;
    values[b'l' as usize] = 1;
    values
}

/// Spells the low 80 bits of `word` in capitals.
pub(super) fn upper(word: u128) -> [u8; SYMBOLS] {
    spell(word, UPPER)
}

/// Spells the low 80 bits of `word` in small letters.
pub(super) fn lower(word: u128) -> [u8; SYMBOLS] {
    spell(word, LOWER)
}

fn spell(word: u128, alphabet: &[u8; 32]) -> [u8; SYMBOLS] {
    let mut symbols = [0; SYMBOLS];
    let (high, low) = symbols.split_at_mut(SYMBOLS / 2);
    // Half a word fits a register.
    for (half, symbols) in [(word >> HALF_BITS, high), (word, low)] {
        let mut half = u64::try_from(half & ((1 << HALF_BITS) - 1)).expect("40 bits");
        for symbol in symbols.iter_mut().rev() {
            *symbol = alphabet[(half & 31) as usize];
            half >>= BITS;
        }
    }
    symbols
}

/// Reads 16 symbols back, in either case and with dashes and spaces anywhere; `None` if `text` is anything else.
pub(super) fn read(text: &str) -> Option<u128> {
    let mut word = 0;
    let mut symbols = 0;
    for byte in text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')) {
        let value = VALUES[usize::from(byte)];
        if value == NONE || symbols == SYMBOLS {
            return None;
        }
        word = word << BITS | u128::from(value);
        symbols += 1;
    }
    (symbols == SYMBOLS).then_some(word)
}
