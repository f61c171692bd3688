//! Owns the smallest parts of what is written: integers, texts, options, lists.

use bincode::de::read::BorrowReader;
use bincode::de::{BorrowDecode, BorrowDecoder, Decode};
use bincode::enc::write::Writer;
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};

use super::{CodecError, EVENT_BYTES_MAX};
use crate::time::Timestamp;

type Config = bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Fixint,
    bincode::config::Limit<EVENT_BYTES_MAX>,
>;

const CONFIG: Config =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_limit::<EVENT_BYTES_MAX>();

/// What can be written, and read back.
pub(crate) trait Wire<'a>: Sized {
    /// Writes it.
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError>;
    /// Reads it.
    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError>;
}

/// What [`Wire::read`] says of a value that cannot be.
pub(crate) struct Invalid(pub(crate) &'static str);

impl From<Invalid> for DecodeError {
    fn from(invalid: Invalid) -> Self {
        DecodeError::Other(invalid.0)
    }
}

/// A text behind one byte of length.
pub(crate) struct Short<'a>(pub(crate) &'a str);

pub(super) fn append<'a>(value: &impl Wire<'a>, buffer: &mut Vec<u8>) {
    bincode::encode_into_writer(Bincode(value), Appender(buffer), CONFIG).expect("memory takes every byte");
}

#[expect(clippy::wildcard_enum_match_arm, reason = "bincode's enum is open, and nothing else comes of integers")]
pub(super) fn take<'a, T: Wire<'a>>(bytes: &'a [u8]) -> Result<(T, usize), CodecError> {
    let taken: Result<(Bincode<T>, usize), DecodeError> = bincode::borrow_decode_from_slice(bytes, CONFIG);
    taken.map(|(Bincode(value), read)| (value, read)).map_err(|error| match error {
        DecodeError::UnexpectedEnd { .. } => CodecError::Truncated,
        DecodeError::LimitExceeded => CodecError::TooLong,
        DecodeError::Other(what) => CodecError::Invalid { what },
        _ => CodecError::Invalid { what: "not in this format" },
    })
}

/// Lends [`Wire`] to bincode.
struct Bincode<T>(T);

impl<'a, T: Wire<'a>> Encode for Bincode<&T> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.0.write(encoder)
    }
}

impl<'a, Context, T: Wire<'a>> BorrowDecode<'a, Context> for Bincode<T> {
    fn borrow_decode<D: BorrowDecoder<'a, Context = Context>>(decoder: &mut D) -> Result<Self, DecodeError> {
        T::read(decoder).map(Bincode)
    }
}

struct Appender<'b>(&'b mut Vec<u8>);

impl Writer for Appender<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Structs whose fields follow one another.
macro_rules! fields {
    ($type:ident { $($field:ident),+ }) => {
        impl<'a> Wire<'a> for $type {
            fn write<E: bincode::enc::Encoder>(&self, to: &mut E) -> Result<(), bincode::error::EncodeError> {
                $(self.$field.write(to)?;)+
                Ok(())
            }

            fn read<D: bincode::de::BorrowDecoder<'a>>(from: &mut D) -> Result<Self, bincode::error::DecodeError> {
                Ok(Self { $($field: Wire::read(from)?),+ })
            }
        }
    };
}
pub(super) use fields;

/// Enums whose variants bear nothing: a byte each.
macro_rules! tags {
    ($type:ident, $error:literal, $($tag:literal = $variant:ident),+) => {
        impl<'a> Wire<'a> for $type {
            fn write<E: bincode::enc::Encoder>(&self, to: &mut E) -> Result<(), bincode::error::EncodeError> {
                match self { $($type::$variant => $tag,)+ }.write(to)
            }

            fn read<D: bincode::de::BorrowDecoder<'a>>(from: &mut D) -> Result<Self, bincode::error::DecodeError> {
                match u8::read(from)? {
                    $($tag => Ok($type::$variant),)+
                    _ => Err($crate::codec::wire::Invalid($error).into()),
                }
            }
        }
    };
}
pub(super) use tags;

macro_rules! integer {
    ($($type:ty),*) => {
        $(impl<'a> Wire<'a> for $type {
            fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
                self.encode(to)
            }

            fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
                <$type>::decode(from)
            }
        })*
    };
}

integer!(u8, u16, u32, u64);

impl<'a> Wire<'a> for bool {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        u8::from(*self).write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        match u8::read(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Invalid("a truth value is neither 0 nor 1").into()),
        }
    }
}

impl<'a, const BYTES: usize> Wire<'a> for [u8; BYTES] {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        to.writer().write(self)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        from.claim_bytes_read(BYTES)?;
        let bytes = from.borrow_reader().take_bytes(BYTES)?;
        Ok(bytes.try_into().expect("so many were asked for"))
    }
}

impl<'a> Wire<'a> for Timestamp {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.as_milliseconds().write(to)
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let milliseconds = u64::read(from)?;
        let moment = Timestamp::from_milliseconds(milliseconds);
        if moment.as_milliseconds() != milliseconds {
            return Err(Invalid("a moment is after the year 9999").into());
        }
        Ok(moment)
    }
}

impl<'a, T: Wire<'a>> Wire<'a> for Option<T> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        self.is_some().write(to)?;
        self.as_ref().map_or(Ok(()), |value| value.write(to))
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        bool::read(from)?.then(|| T::read(from)).transpose()
    }
}

impl<'a> Wire<'a> for Short<'a> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        u8::try_from(self.0.len()).expect("short texts have at most 255 bytes").write(to)?;
        to.writer().write(self.0.as_bytes())
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let bytes = usize::from(u8::read(from)?);
        text(from, bytes).map(Short)
    }
}

/// A long text, behind four bytes of length.
impl<'a> Wire<'a> for String {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        u32::try_from(self.len()).expect("texts of a definition are bounded").write(to)?;
        to.writer().write(self.as_bytes())
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let bytes = usize::try_from(u32::read(from)?).map_err(|_| DecodeError::LimitExceeded)?;
        text(from, bytes).map(str::to_owned)
    }
}

/// A list, behind two bytes of count.
impl<'a, T: Wire<'a>> Wire<'a> for Vec<T> {
    fn write<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        u16::try_from(self.len()).expect("lists in a definition are bounded").write(to)?;
        self.iter().try_for_each(|item| item.write(to))
    }

    fn read<D: BorrowDecoder<'a>>(from: &mut D) -> Result<Self, DecodeError> {
        let count = u16::read(from)?;
        // No room is made for items that are only claimed to follow.
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::read(from)?);
        }
        Ok(items)
    }
}

fn text<'a, D: BorrowDecoder<'a>>(from: &mut D, bytes: usize) -> Result<&'a str, DecodeError> {
    from.claim_bytes_read(bytes)?;
    let bytes = from.borrow_reader().take_bytes(bytes)?;
    std::str::from_utf8(bytes).map_err(|_| Invalid("a text is not UTF-8").into())
}

/// `flag` if `is_set`.
pub(super) fn flag(is_set: bool, flag: u8) -> u8 {
    if is_set { flag } else { 0 }
}

/// Reads a byte of flags, all of them among `known`.
pub(super) fn flags<'a, D: BorrowDecoder<'a>>(from: &mut D, known: u8) -> Result<u8, DecodeError> {
    let flags = u8::read(from)?;
    if flags & !known != 0 {
        return Err(Invalid("a flag is unknown").into());
    }
    Ok(flags)
}
