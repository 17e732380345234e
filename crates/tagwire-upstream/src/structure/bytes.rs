//! Bytes of OPC UA binary (Part 6, 5.2), read no further than they go.

use std::fmt;

/// What is wrong with bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// They end before what they should hold.
    CutShort,
    /// They mean nothing.
    Malformed(&'static str),
    /// Nesting beyond the limit.
    TooDeep,
    /// More parts than such bytes can sensibly have.
    TooMuch,
    /// So many bytes are left over.
    LeftOver(usize),
    /// What they hold cannot be told, for this reason.
    Unknown(std::sync::Arc<str>),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort => f.write_str("value is shorter than its definition"),
            Self::Malformed(what) => write!(f, "value is malformed: {what}"),
            Self::TooDeep => f.write_str("value is nested too deeply"),
            Self::TooMuch => f.write_str("value has too many parts"),
            Self::LeftOver(n) => write!(f, "value is {n} bytes longer than its definition"),
            Self::Unknown(reason) => f.write_str(reason),
        }
    }
}

/// A place within bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes passed.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// Bytes to come.
    pub(crate) const fn n_left(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// The bytes from a place passed earlier to here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], Flaw> {
        let end = self.at.checked_add(n).ok_or(Flaw::CutShort)?;
        let found = self.bytes.get(self.at..end).ok_or(Flaw::CutShort)?;
        self.at = end;
        Ok(found)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let found = self.take(N)?;
        <[u8; N]>::try_from(found).map_err(|_| Flaw::CutShort)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Flaw> {
        self.fixed::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Flaw> {
        self.fixed().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Flaw> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, Flaw> {
        self.fixed().map(i32::from_le_bytes)
    }

    /// A length; minus one stands for nothing at all.
    pub(crate) fn len(&mut self) -> Result<usize, Flaw> {
        match self.i32()? {
            -1 => Ok(0),
            len => usize::try_from(len).map_err(|_| Flaw::Malformed("negative length")),
        }
    }

    /// Text or bytes behind their length.
    pub(crate) fn counted(&mut self) -> Result<&'a [u8], Flaw> {
        let len = self.len()?;
        self.take(len)
    }
}
