//! Reading and writing the binary encoding (OPC UA Part 6, 5.2).

use tagwire_model::{Status, Timestamp};
use thiserror::Error;

/// How deep values may nest within one message (Part 6, 5.1.5 asks for at least 100).
pub const MAX_DEPTH: u8 = 100;

/// How many bytes the arrays of one message may take in memory once decoded, unless the caller says otherwise.
pub const DEFAULT_MEMORY_BUDGET: usize = 64 << 20;

/// Why bytes are not the value that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The message ends inside a value.
    #[error("message ends inside a value")]
    End,
    /// Text is not UTF-8.
    #[error("text is not valid UTF-8")]
    Utf8,
    /// Bytes follow the last value.
    #[error("bytes follow the last value")]
    Trailing,
    /// A byte or a number that says what follows has no defined meaning.
    #[error("type or encoding of a value is not defined")]
    Form,
    /// The dimensions of an array do not multiply to its length.
    #[error("dimensions of an array do not fit its length")]
    Shape,
    /// A body is not as long as it says.
    #[error("body of a structure has another length than it says")]
    BodyLength,
    /// Values nest deeper than [`MAX_DEPTH`].
    #[error("values nest too deep")]
    Depth,
    /// The arrays of the message exceed its memory budget.
    #[error("arrays of the message are too large")]
    Budget,
}

impl DecodeError {
    /// The code to answer with.
    pub const fn status(self) -> Status {
        match self {
            Self::End | Self::Utf8 | Self::Trailing | Self::Form | Self::Shape | Self::BodyLength => {
                Status::BAD_DECODING_ERROR
            }
            Self::Depth | Self::Budget => Status::BAD_ENCODING_LIMITS_EXCEEDED,
        }
    }
}

/// A value that can be appended to a message.
pub trait Encode {
    /// Appends the binary form.
    fn encode(&self, out: &mut Vec<u8>);

    /// Appends the binary forms of all items, without a length.
    fn encode_items(items: &[Self], out: &mut Vec<u8>)
    where
        Self: Sized,
    {
        for item in items {
            item.encode(out);
        }
    }

    /// The binary form on its own.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// A value that can be read from a message, borrowed from it where the type allows.
pub trait Decode<'a>: Sized {
    /// Reads one value and moves past it.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong with the bytes; the reader then stands anywhere.
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError>;

    /// Reads `count` values; the caller has checked `count` with [`Reader::array_len`].
    ///
    /// # Errors
    /// As [`Decode::decode`], and [`DecodeError::Budget`].
    fn decode_items(reader: &mut Reader<'a>, count: usize) -> Result<Vec<Self>, DecodeError> {
        reader.spend(count, size_of::<Self>())?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(Self::decode(reader)?);
        }
        Ok(items)
    }

    /// Reads one value that must take up all of `bytes`.
    ///
    /// # Errors
    /// As [`Decode::decode`], and [`DecodeError::Trailing`] when bytes are left over.
    fn from_bytes(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// Reads values one after the other from a message that has arrived completely.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    len: usize,
    memory_left: usize,
    depth: u8,
}

macro_rules! read_le {
    ($($name:ident $ty:ty),*) => {
        $(
            #[doc = concat!("Reads a little endian `", stringify!($ty), "`.")]
            ///
            /// # Errors
            /// [`DecodeError::End`].
            #[inline]
            pub fn $name(&mut self) -> Result<$ty, DecodeError> {
                let (head, rest) = self.rest.split_first_chunk().ok_or(DecodeError::End)?;
                self.rest = rest;
                Ok(<$ty>::from_le_bytes(*head))
            }
        )*
    };
}

impl<'a> Reader<'a> {
    /// A reader at the start of `data`.
    #[inline]
    pub const fn new(data: &'a [u8]) -> Self {
        Self::with_budget(data, DEFAULT_MEMORY_BUDGET)
    }

    /// A reader whose decoded arrays may take `budget` bytes of memory in total.
    #[inline]
    pub const fn with_budget(data: &'a [u8], budget: usize) -> Self {
        Self { rest: data, len: data.len(), memory_left: budget, depth: 0 }
    }

    /// How many bytes were read so far.
    #[inline]
    pub const fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    /// How many bytes are left.
    #[inline]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The bytes that are left.
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Succeeds when every byte was read.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] when bytes are left over.
    #[inline]
    pub const fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::Trailing) }
    }

    read_le!(u8 u8, i8 i8, u16 u16, i16 i16, u32 u32, i32 i32, u64 u64, i64 i64, f32 f32, f64 f64);

    /// Reads a Boolean; every byte but 0 is true (Part 6, 5.2.2.1).
    ///
    /// # Errors
    /// [`DecodeError::End`].
    #[inline]
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.u8()? != 0)
    }

    /// Reads the next `count` bytes.
    ///
    /// # Errors
    /// [`DecodeError::End`].
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(DecodeError::End)?;
        self.rest = rest;
        Ok(head)
    }

    /// Reads the length of an array; `None` for a null array. A length that the bytes left cannot hold is refused,
    /// since each element takes one byte or more.
    ///
    /// # Errors
    /// [`DecodeError::End`].
    #[inline]
    pub fn array_len(&mut self) -> Result<Option<usize>, DecodeError> {
        let count = self.i32()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.rest.len() => Ok(Some(count)),
            Ok(_) => Err(DecodeError::End),
            Err(_) => Ok(None),
        }
    }

    /// Reads a ByteString, borrowed; `None` for null.
    ///
    /// # Errors
    /// [`DecodeError::End`].
    #[inline]
    pub fn byte_string(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.i32()? {
            -1 => Ok(None),
            len => match usize::try_from(len) {
                Ok(len) => self.bytes(len).map(Some),
                Err(_) => Err(DecodeError::Form),
            },
        }
    }

    /// Reads a String, borrowed; `None` for null.
    ///
    /// # Errors
    /// [`DecodeError::End`], [`DecodeError::Utf8`].
    #[inline]
    pub fn str(&mut self) -> Result<Option<&'a str>, DecodeError> {
        match self.byte_string()? {
            Some(bytes) => std::str::from_utf8(bytes).map(Some).map_err(|_| DecodeError::Utf8),
            None => Ok(None),
        }
    }

    /// Reads a DateTime.
    ///
    /// # Errors
    /// [`DecodeError::End`].
    #[inline]
    pub fn timestamp(&mut self) -> Result<Timestamp, DecodeError> {
        self.i64().map(Timestamp::from_ticks)
    }

    /// Runs `read` one nesting level down.
    ///
    /// # Errors
    /// What `read` returns, and [`DecodeError::Depth`].
    #[inline]
    pub fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        if self.depth >= MAX_DEPTH {
            return Err(DecodeError::Depth);
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Takes the memory for `count` elements of `size` bytes from the budget of the message.
    ///
    /// # Errors
    /// [`DecodeError::Budget`].
    #[inline]
    pub fn spend(&mut self, count: usize, size: usize) -> Result<(), DecodeError> {
        let left = count.checked_mul(size).and_then(|bytes| self.memory_left.checked_sub(bytes));
        self.memory_left = left.ok_or(DecodeError::Budget)?;
        Ok(())
    }

    /// A reader over a part of this message that starts at its nesting level and with the budget left.
    #[inline]
    pub const fn within(&self, part: &'a [u8]) -> Self {
        Self { rest: part, len: part.len(), memory_left: self.memory_left, depth: self.depth }
    }
}

macro_rules! primitive {
    ($($ty:ty, $read:ident;)*) => {
        $(
            impl Encode for $ty {
                #[inline]
                fn encode(&self, out: &mut Vec<u8>) {
                    out.extend_from_slice(&self.to_le_bytes());
                }

                fn encode_items(items: &[Self], out: &mut Vec<u8>) {
                    out.reserve(size_of_val(items));
                    for item in items {
                        out.extend_from_slice(&item.to_le_bytes());
                    }
                }
            }

            impl<'a> Decode<'a> for $ty {
                #[inline]
                fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                    reader.$read()
                }

                fn decode_items(reader: &mut Reader<'a>, count: usize) -> Result<Vec<Self>, DecodeError> {
                    const SIZE: usize = size_of::<$ty>();
                    reader.spend(count, SIZE)?;
                    let bytes = reader.bytes(count.checked_mul(SIZE).ok_or(DecodeError::End)?)?;
                    let (chunks, _) = bytes.as_chunks::<SIZE>();
                    Ok(chunks.iter().map(|chunk| Self::from_le_bytes(*chunk)).collect())
                }
            }
        )*
    };
}

primitive! {
    u8, u8; i8, i8; u16, u16; i16, i16; u32, u32; i32, i32; u64, u64; i64, i64; f32, f32; f64, f64;
}

impl Encode for bool {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
}

impl<'a> Decode<'a> for bool {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.bool()
    }
}

impl Encode for Timestamp {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.ticks().encode(out);
    }
}

impl<'a> Decode<'a> for Timestamp {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.timestamp()
    }
}

impl Encode for Status {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl<'a> Decode<'a> for Status {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        reader.u32().map(Self)
    }
}

/// An array with its length; an empty one is written with length 0.
impl<T: Encode> Encode for Vec<T> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        write_len(self.len(), out);
        T::encode_items(self, out);
    }
}

/// An array with its length; null becomes empty.
impl<'a, T: Decode<'a>> Decode<'a> for Vec<T> {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        match reader.array_len()? {
            Some(count) => T::decode_items(reader, count),
            None => Ok(Self::new()),
        }
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        T::encode(self, out);
    }
}

/// Appends the length of a string or an array. Lengths beyond 31 bits cannot come up: messages are limited far below.
#[inline]
pub fn write_len(len: usize, out: &mut Vec<u8>) {
    debug_assert!(i32::try_from(len).is_ok(), "a length beyond 31 bits");
    (len as i32).encode(out);
}

/// Appends a String.
#[inline]
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    write_bytes(text.as_bytes(), out);
}

/// Appends a ByteString.
#[inline]
pub fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Appends what `write` appends, preceded by its length in bytes.
pub fn write_sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    write_len(0, out);
    write(out);
    let len = (out.len() - at - 4) as i32;
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&len.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_beyond_the_message_is_refused_before_memory_is_taken() {
        let mut bytes = i32::MAX.to_bytes();
        bytes.extend_from_slice(b"short");
        assert_eq!(Reader::new(&bytes).str(), Err(DecodeError::End));
        assert_eq!(Reader::new(&bytes).byte_string(), Err(DecodeError::End));
        assert_eq!(Vec::<f64>::from_bytes(&bytes), Err(DecodeError::End));
    }

    #[test]
    fn arrays_stay_within_the_budget_of_the_message() {
        let bytes = vec![1.0_f64; 100].to_bytes();
        assert!(Vec::<f64>::decode(&mut Reader::with_budget(&bytes, 800)).is_ok());
        assert_eq!(Vec::<f64>::decode(&mut Reader::with_budget(&bytes, 799)), Err(DecodeError::Budget));
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in [&b"\xC0\x80"[..], b"\xED\xA0\x80", b"\xF0\x9F\x98", b"\xFF"] {
            let mut bytes = Vec::new();
            write_bytes(text, &mut bytes);
            assert_eq!(Reader::new(&bytes).str(), Err(DecodeError::Utf8));
        }
    }

    #[test]
    fn null_arrays_become_empty_and_nothing_may_follow() {
        assert_eq!(Vec::<u32>::from_bytes(&[0xFF; 4]), Ok(Vec::new()));
        assert_eq!(u8::from_bytes(&[1, 2]), Err(DecodeError::Trailing));
    }

    #[test]
    fn a_sized_part_carries_its_length() {
        let mut out = vec![9];
        write_sized(&mut out, |out| out.extend_from_slice(b"abc"));
        assert_eq!(out, [9, 3, 0, 0, 0, b'a', b'b', b'c']);
    }
}
