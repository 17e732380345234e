//! Text and bytes that can be null. Cloning never copies the content.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::codec::{Decode, DecodeError, Encode, Reader, write_bytes, write_len};

/// A String (Part 6, 5.2.2.4): UTF-8 text or null. Reads as empty text when null.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UaString(Option<Arc<str>>);

impl UaString {
    /// No text, which differs from empty text on the wire.
    pub const NULL: Self = Self(None);

    /// Whether there is no text, not even empty text.
    pub const fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The text, empty when null.
    #[inline]
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The shared text; `None` when null.
    pub const fn shared(&self) -> Option<&Arc<str>> {
        self.0.as_ref()
    }

    /// The shared text, empty when null.
    pub fn into_shared(self) -> Arc<str> {
        self.0.unwrap_or_default()
    }
}

impl Deref for UaString {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Debug for UaString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => fmt::Debug::fmt(text, f),
            None => f.write_str("null"),
        }
    }
}

impl fmt::Display for UaString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&str> for UaString {
    fn from(text: &str) -> Self {
        Self(Some(Arc::from(text)))
    }
}

impl From<String> for UaString {
    fn from(text: String) -> Self {
        Self(Some(Arc::from(text)))
    }
}

impl From<Arc<str>> for UaString {
    fn from(text: Arc<str>) -> Self {
        Self(Some(text))
    }
}

impl From<Option<&str>> for UaString {
    fn from(text: Option<&str>) -> Self {
        Self(text.map(Arc::from))
    }
}

impl PartialEq<str> for UaString {
    fn eq(&self, other: &str) -> bool {
        self.0.as_deref() == Some(other)
    }
}

impl PartialEq<&str> for UaString {
    fn eq(&self, other: &&str) -> bool {
        self.0.as_deref() == Some(*other)
    }
}

impl Encode for UaString {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        write_nullable(self.0.as_deref().map(str::as_bytes), out);
    }
}

impl<'a> Decode<'a> for UaString {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(reader.str()?.map(Arc::from)))
    }
}

/// A ByteString (Part 6, 5.2.2.7): bytes or null. Reads as no bytes when null.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ByteString(Option<Arc<[u8]>>);

impl ByteString {
    /// No bytes, which differs from zero bytes on the wire.
    pub const NULL: Self = Self(None);

    /// Whether there is nothing, not even zero bytes.
    pub const fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The bytes, none when null.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }

    /// The shared bytes; `None` when null.
    pub const fn shared(&self) -> Option<&Arc<[u8]>> {
        self.0.as_ref()
    }

    /// The shared bytes, none when null.
    pub fn into_shared(self) -> Arc<[u8]> {
        self.0.unwrap_or_default()
    }
}

impl Deref for ByteString {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

/// Length and the first bytes in hexadecimal, since keys and certificates would drown everything else.
impl fmt::Debug for ByteString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(bytes) => {
                write!(f, "{} bytes ", bytes.len())?;
                bytes.iter().take(8).try_for_each(|byte| write!(f, "{byte:02X}"))
            }
            None => f.write_str("null"),
        }
    }
}

impl From<&[u8]> for ByteString {
    fn from(bytes: &[u8]) -> Self {
        Self(Some(Arc::from(bytes)))
    }
}

impl From<Vec<u8>> for ByteString {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Some(Arc::from(bytes)))
    }
}

impl From<Arc<[u8]>> for ByteString {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self(Some(bytes))
    }
}

impl Encode for ByteString {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        write_nullable(self.0.as_deref(), out);
    }
}

impl<'a> Decode<'a> for ByteString {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(reader.byte_string()?.map(Arc::from)))
    }
}

/// An XmlElement (Part 6, 5.2.2.8): on the wire a String.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct XmlElement(pub UaString);

impl Encode for XmlElement {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl<'a> Decode<'a> for XmlElement {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        UaString::decode(reader).map(Self)
    }
}

#[inline]
fn write_nullable(bytes: Option<&[u8]>, out: &mut Vec<u8>) {
    match bytes {
        Some(bytes) => write_bytes(bytes, out),
        None => (-1_i32).encode(out),
    }
}

/// Shared text without the null state, as identifiers hold it.
impl Encode for Arc<str> {
    fn encode(&self, out: &mut Vec<u8>) {
        write_bytes(self.as_bytes(), out);
    }
}

/// Shared bytes without the null state, as identifiers hold them.
impl Encode for Arc<[u8]> {
    fn encode(&self, out: &mut Vec<u8>) {
        write_len(self.len(), out);
        out.extend_from_slice(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_empty_differ_on_the_wire() {
        assert_eq!(UaString::NULL.to_bytes(), [0xFF; 4]);
        assert_eq!(UaString::from("").to_bytes(), [0; 4]);
        assert_eq!(UaString::from_bytes(&[0xFF; 4]), Ok(UaString::NULL));
        assert_eq!(ByteString::from_bytes(&[0; 4]), Ok(ByteString::from(&[][..])));
        assert_eq!(UaString::NULL.as_str(), "");
    }

    #[test]
    fn text_is_utf8_with_its_length() {
        let golden = [6, 0, 0, 0, 0xE6, 0xB0, 0xB4, b'B', b'o', b'y'];
        assert_eq!(UaString::from("水Boy").to_bytes(), golden);
        assert_eq!(UaString::from_bytes(&golden), Ok(UaString::from("水Boy")));
    }
}
