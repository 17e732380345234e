//! Guid.

use std::fmt;
use std::str::FromStr;

use crate::codec::{Decode, DecodeError, Encode, Reader};

/// A Guid, kept as its 16 bytes on the wire (Part 6, 5.2.2.6: the first three groups are little endian).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

/// For each place in the text, the byte on the wire that stands there.
const TEXT_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, idx) in TEXT_ORDER.into_iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0[idx])?;
        }
        Ok(())
    }
}

/// The text is no Guid of the form `72962b91-fa75-4ae6-8d28-b404dc7daf63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a guid of 32 hexadecimal digits in five groups")]
pub struct GuidTextError;

impl FromStr for Guid {
    type Err = GuidTextError;

    fn from_str(text: &str) -> Result<Self, GuidTextError> {
        let text = text.as_bytes();
        if text.len() != 36 {
            return Err(GuidTextError);
        }
        let mut digits = Vec::with_capacity(32);
        for (idx, byte) in text.iter().enumerate() {
            match (idx, *byte) {
                (8 | 13 | 18 | 23, b'-') => {}
                (8 | 13 | 18 | 23, _) => return Err(GuidTextError),
                (_, byte) => digits.push((byte as char).to_digit(16).ok_or(GuidTextError)? as u8),
            }
        }
        let mut bytes = [0; 16];
        for (pair, idx) in digits.chunks_exact(2).zip(TEXT_ORDER) {
            bytes[idx] = pair[0] << 4 | pair[1];
        }
        Ok(Self(bytes))
    }
}

impl Encode for Guid {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl<'a> Decode<'a> for Guid {
    #[inline]
    fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(16)?.first_chunk().ok_or(DecodeError::End)?;
        Ok(Self(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_encodes_as_printed_there() {
        let guid: Guid = "72962B91-FA75-4AE6-8D28-B404DC7DAF63".parse().expect("guid");
        let golden = [0x91, 0x2B, 0x96, 0x72, 0x75, 0xFA, 0xE6, 0x4A, 0x8D, 0x28, 0xB4, 0x04, 0xDC, 0x7D, 0xAF, 0x63];
        assert_eq!(guid.to_bytes(), golden);
        assert_eq!(
            Guid::from_bytes(&golden).map(|guid| guid.to_string()),
            Ok("72962b91-fa75-4ae6-8d28-b404dc7daf63".into())
        );
    }

    #[test]
    fn other_text_is_refused() {
        for text in [
            "",
            "72962B91FA754AE68D28B404DC7DAF63",
            "72962B91-FA75-4AE6-8D28-B404DC7DAF6x",
            "水962B91-FA75-4AE6-8D28-B404DC7DAF6",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(GuidTextError), "{text}");
        }
    }
}
