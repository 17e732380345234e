//! Numbers in bytes: little endian, varints, and a reader that never goes past the end.

/// Bytes that do not hold what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Short;

/// Reads from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! numbers {
    ($($name:ident: $type:ty),*) => {
        $(#[inline]
        pub(crate) fn $name(&mut self) -> Result<$type, Short> {
            let (head, rest) = self.rest.split_first_chunk().ok_or(Short)?;
            self.rest = rest;
            Ok(<$type>::from_le_bytes(*head))
        })*
    };
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.rest.len()
    }

    numbers!(u8: u8, u16: u16, u32: u32, u64: u64, i64: i64, f64: f64);

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Short> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Short)?;
        self.rest = rest;
        Ok(head)
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, Short> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Short)
    }

    #[inline]
    pub(crate) fn signed(&mut self) -> Result<i64, Short> {
        self.varint().map(unfold)
    }

    /// A varint that counts things of which each takes at least one of `bits` bits of the rest.
    pub(crate) fn count(&mut self, bits: usize) -> Result<usize, Short> {
        let count = usize::try_from(self.varint()?).map_err(|_| Short)?;
        if count <= self.rest.len().saturating_mul(8) / bits.max(1) { Ok(count) } else { Err(Short) }
    }

    /// Bytes with their length before them.
    pub(crate) fn blob(&mut self) -> Result<&'a [u8], Short> {
        let len = usize::try_from(self.varint()?).map_err(|_| Short)?;
        self.take(len)
    }

    /// Text with its length (u32) before it.
    pub(crate) fn text(&mut self) -> Result<&'a str, Short> {
        let len = self.u32()? as usize;
        std::str::from_utf8(self.take(len)?).map_err(|_| Short)
    }
}

#[inline]
pub(crate) const fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
pub(crate) const fn unfold(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, fold(value));
}

pub(crate) fn put_blob(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_a_cut_is_noticed() {
        let values = [0, 1, -1, 63, -64, 64, i64::MAX, i64::MIN, 1 << 40];
        let mut bytes = Vec::new();
        values.iter().for_each(|value| put_signed(&mut bytes, *value));
        let mut reader = Reader::new(&bytes);
        assert!(values.iter().all(|value| reader.signed() == Ok(*value)) && reader.is_empty());
        assert_eq!(Reader::new(&[0x80; 9]).varint(), Err(Short));
        assert_eq!(Reader::new(&[0x80; 20]).varint(), Err(Short));
        assert_eq!(Reader::new(&[5, 1]).blob(), Err(Short));
    }
}
