//! Opening a connection: ISO 8073 class 0 (13.3, 13.4), as far as S7 CPUs use it.

use std::fmt;

use super::word;

/// A transport selector of two bytes: kind of connection, then rack and slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tsap(pub u16);

impl Tsap {
    /// The selector of a CPU: kind 1 PG, 2 OP, 3 basic; rack 0 to 7, slot 0 to 31.
    pub const fn cpu(kind: u8, rack: u8, slot: u8) -> Self {
        Self((kind as u16) << 8 | ((rack & 7) as u16) << 5 | (slot & 31) as u16)
    }

    /// Parses `03.01`, `03 01`, `0301` or `0x0301`, always hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let (high, low) = match digits.split_once(['.', ' ', ':']) {
            Some((high, low)) => (high, low),
            None if digits.is_ascii() && digits.len() == 4 => digits.split_at(2),
            None => return None,
        };
        let byte = |text: &str| {
            (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .then(|| u8::from_str_radix(text, 16).ok())
                .flatten()
        };
        Some(Self(u16::from_be_bytes([byte(high)?, byte(low)?])))
    }
}

impl fmt::Display for Tsap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, low] = self.0.to_be_bytes();
        write!(f, "{high:02X}.{low:02X}")
    }
}

/// A connect request or its confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Number that the other end gave; 0 in a request.
    pub destination: u16,
    /// Number that this end gave.
    pub source: u16,
    /// Largest frame as a power of two, 7 to 13; absent when there is no limit (RFC 1006, 6).
    pub size: Option<u8>,
    /// Who calls.
    pub calling: Tsap,
    /// Who is called.
    pub called: Tsap,
}

impl Connect {
    pub(super) const REQUEST: u8 = 0xE0;
    pub(super) const CONFIRM: u8 = 0xD0;
    pub(super) const DISCONNECT: u8 = 0x80;

    const SIZE: u8 = 0xC0;
    const CALLING: u8 = 0xC1;
    const CALLED: u8 = 0xC2;

    /// Appends the frame of a request.
    pub fn encode_request(&self, out: &mut Vec<u8>) {
        self.encode(Self::REQUEST, out);
    }

    /// Appends the frame of a confirmation.
    pub fn encode_confirm(&self, out: &mut Vec<u8>) {
        self.encode(Self::CONFIRM, out);
    }

    fn encode(&self, code: u8, out: &mut Vec<u8>) {
        let at = out.len();
        out.extend_from_slice(&[3, 0, 0, 0, 0, code]);
        out.extend_from_slice(&self.destination.to_be_bytes());
        out.extend_from_slice(&self.source.to_be_bytes());
        out.push(0);
        if let Some(size) = self.size {
            out.extend_from_slice(&[Self::SIZE, 1, size]);
        }
        for (parameter, tsap) in [(Self::CALLING, self.calling), (Self::CALLED, self.called)] {
            out.extend_from_slice(&[parameter, 2]);
            out.extend_from_slice(&tsap.0.to_be_bytes());
        }
        let len = out.len() - at;
        out[at + 3] = len as u8;
        out[at + 4] = (len - 5) as u8;
    }

    /// Reads what follows the length indicator of a request or confirmation; parameters of no use here are passed over.
    pub(super) fn decode(header: &[u8]) -> Option<Self> {
        let mut connect = Self {
            destination: word(header, 1)?,
            source: word(header, 3)?,
            size: None,
            calling: Tsap::default(),
            called: Tsap::default(),
        };
        let mut rest = header.get(6..)?;
        while let Some((&[parameter, len], tail)) = rest.split_first_chunk() {
            let value = tail.get(..usize::from(len))?;
            rest = tail.get(usize::from(len)..)?;
            match (parameter, value) {
                (Self::SIZE, &[size @ 7..=13]) => connect.size = Some(size),
                (Self::CALLING, &[high, low]) => connect.calling = Tsap(u16::from_be_bytes([high, low])),
                (Self::CALLED, &[high, low]) => connect.called = Tsap(u16::from_be_bytes([high, low])),
                _ => {}
            }
        }
        Some(connect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_both_notations() {
        assert_eq!(Tsap::cpu(3, 0, 1), Tsap(0x0301));
        assert_eq!(Tsap::cpu(2, 1, 2), Tsap(0x0222));
        for text in ["03.01", "0301", "0x0301", "03 01", "03:01"] {
            assert_eq!(Tsap::parse(text), Some(Tsap(0x0301)), "{text}");
        }
        for text in ["", "3", "3.1", "03010", "G0.01", "0x03", "ÄÄ"] {
            assert_eq!(Tsap::parse(text), None, "{text}");
        }
        assert_eq!(Tsap(0x1000).to_string(), "10.00");
    }
}
