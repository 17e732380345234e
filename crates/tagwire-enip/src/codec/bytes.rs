//! Taking little-endian numbers out of bytes that a peer sent.

use thiserror::Error;

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// There are fewer bytes than the message needs.
    #[error("message ends within its {0}")]
    Short(&'static str),
    /// A number in the message has a value that it cannot have.
    #[error("{what} is 0x{value:X}")]
    Value {
        /// Which number.
        what: &'static str,
        /// What it is.
        value: u32,
    },
    /// Text that is no text.
    #[error("{0} is no text")]
    Text(&'static str),
}

/// What is left of a message.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; `what` names them in errors.
    pub const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// All that is left.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether nothing is left.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`CodecError::Short`] when there are fewer.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(CodecError::Short(self.what))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(CodecError::Short(self.what))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// The next byte.
    ///
    /// # Errors
    /// [`CodecError::Short`] at the end.
    pub fn u8(&mut self) -> Result<u8, CodecError> {
        Ok(self.array::<1>()?[0])
    }

    /// The next two bytes.
    ///
    /// # Errors
    /// [`CodecError::Short`] at the end.
    pub fn u16(&mut self) -> Result<u16, CodecError> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes.
    ///
    /// # Errors
    /// [`CodecError::Short`] at the end.
    pub fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes.
    ///
    /// # Errors
    /// [`CodecError::Short`] at the end.
    pub fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Text behind its length in one byte, in ISO 8859-1.
    ///
    /// # Errors
    /// [`CodecError::Short`] at the end.
    pub fn short_text(&mut self) -> Result<String, CodecError> {
        let len = self.u8()?;
        Ok(latin1(self.bytes(usize::from(len))?))
    }

    /// Text behind its length in two bytes, in ISO 8859-1.
    ///
    /// # Errors
    /// [`CodecError::Short`] at the end.
    pub fn text(&mut self) -> Result<String, CodecError> {
        let len = self.u16()?;
        Ok(latin1(self.bytes(usize::from(len))?))
    }
}

/// Text of bytes that each are a character.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// Each character as a byte; `None` for one beyond 255.
pub(crate) fn to_latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
