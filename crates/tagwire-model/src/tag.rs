//! What identifies and qualifies a tag.

use std::fmt;

/// The dense number of a tag in the live table, valid until the tag is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(pub u32);

impl TagId {
    /// The number as an index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What clients may do with a tag's value (OPC UA AccessLevel bits 0 and 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The value may be read.
    pub read: bool,
    /// The value may be written.
    pub write: bool,
}

impl Access {
    /// Read only.
    pub const READ: Self = Self { read: true, write: false };
    /// Read and write.
    pub const READ_WRITE: Self = Self { read: true, write: true };
    /// Write only.
    pub const WRITE: Self = Self { read: false, write: true };

    /// Parses `ro`/`r`, `rw`, `wo`/`w`, in any letter case (Kepware writes `RO`, `R/W`, `WO`).
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "ro" | "r" | "read only" => Some(Self::READ),
            "rw" | "r/w" | "read/write" => Some(Self::READ_WRITE),
            "wo" | "w" | "write only" => Some(Self::WRITE),
            _ => None,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.read, self.write) {
            (true, true) => "rw",
            (true, false) => "ro",
            (false, true) => "wo",
            (false, false) => "none",
        })
    }
}

/// The normal range of an analog value in engineering units (OPC UA Part 8, EURange).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EuRange {
    /// Lowest value of normal operation.
    pub low: f64,
    /// Highest value of normal operation.
    pub high: f64,
}
