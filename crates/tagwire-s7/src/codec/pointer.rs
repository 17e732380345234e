//! Where an item lies: area, block, first bit, and in which size it is counted.

use std::fmt;

use super::header::PduError;
use super::{POINTER_LEN, word};

/// An address space of a CPU, with its code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Area {
    /// Counters, 2 bytes each.
    Counters = 0x1C,
    /// Timers, 2 bytes each.
    Timers = 0x1D,
    /// Inputs and outputs past the process image.
    Peripheral = 0x80,
    /// Process image of the inputs.
    Inputs = 0x81,
    /// Process image of the outputs.
    Outputs = 0x82,
    /// Bit memory.
    Memory = 0x83,
    /// Data blocks.
    DataBlock = 0x84,
}

impl Area {
    /// All areas, by code.
    pub const ALL: [Self; 7] =
        [Self::Counters, Self::Timers, Self::Peripheral, Self::Inputs, Self::Outputs, Self::Memory, Self::DataBlock];

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The area with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.code() == code)
    }

    /// Whether a unit of the area is a timer or counter rather than a byte.
    pub const fn is_words(self) -> bool {
        matches!(self, Self::Counters | Self::Timers)
    }

    /// What the area is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counters => "counters",
            Self::Timers => "timers",
            Self::Peripheral => "peripheral inputs and outputs",
            Self::Inputs => "inputs",
            Self::Outputs => "outputs",
            Self::Memory => "bit memory",
            Self::DataBlock => "data block",
        }
    }
}

/// In which size the elements of an item are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size(pub u8);

impl Size {
    /// One bit; the count is 1.
    pub const BIT: Self = Self(1);
    /// Bytes.
    pub const BYTE: Self = Self(2);
    /// Counters.
    pub const COUNTER: Self = Self(0x1C);
    /// Timers.
    pub const TIMER: Self = Self(0x1D);

    /// Bytes of one element in an answer; `None` for sizes that this crate does not know.
    pub const fn n_bytes(self) -> Option<usize> {
        Some(match self.0 {
            1..=3 => 1,
            4 | 5 | 9 | 0x0C | 0x1C | 0x1D => 2,
            6..=8 | 0x0A | 0x0B => 4,
            0x0F => 8,
            _ => return None,
        })
    }
}

/// The address of one item (the S7-ANY pointer, 12 bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Size of one element.
    pub size: Size,
    /// Number of elements.
    pub count: u16,
    /// Number of the data block; 0 in other areas.
    pub block: u16,
    /// Code of the area.
    pub area: u8,
    /// First bit, or first timer or counter; 24 bits.
    pub at: u32,
}

impl Pointer {
    /// Bytes of a byte-wise area, or timers or counters, which are counted as such.
    pub const fn units(area: Area, block: u16, start: u32, count: u16) -> Self {
        let (size, at) = match area {
            Area::Counters => (Size::COUNTER, start),
            Area::Timers => (Size::TIMER, start),
            _ => (Size::BYTE, start * 8),
        };
        Self { size, count, block, area: area.code(), at }
    }

    /// One bit, counted from the first of the area.
    pub const fn bit(area: Area, block: u16, bit: u32) -> Self {
        Self { size: Size::BIT, count: 1, block, area: area.code(), at: bit }
    }

    /// Bytes of the item in an answer; `None` for sizes that this crate does not know.
    pub const fn n_bytes(&self) -> Option<usize> {
        match self.size.n_bytes() {
            Some(n) => Some(n * self.count as usize),
            None => None,
        }
    }

    /// Appends the 12 bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let ([c1, c2], [b1, b2]) = (self.count.to_be_bytes(), self.block.to_be_bytes());
        let [_, a1, a2, a3] = self.at.to_be_bytes();
        out.extend_from_slice(&[0x12, 0x0A, 0x10, self.size.0, c1, c2, b1, b2, self.area, a1, a2, a3]);
    }

    /// Reads the 12 bytes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, PduError> {
        let Some(&[0x12, 0x0A, 0x10, size, _, _, _, _, area, a1, a2, a3]) = bytes.first_chunk::<POINTER_LEN>() else {
            return Err(PduError::Field);
        };
        let (Some(count), Some(block)) = (word(bytes, 4), word(bytes, 6)) else { return Err(PduError::Length) };
        Ok(Self { size: Size(size), count, block, area, at: u32::from_be_bytes([0, a1, a2, a3]) })
    }
}

/// One word for the decode trace: `DB1 byte 4 count 8`.
impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Area::from_code(self.area) {
            Some(Area::DataBlock) => write!(f, "DB{}", self.block)?,
            Some(area) => f.write_str(area.name())?,
            None => write!(f, "area 0x{:02X}", self.area)?,
        }
        match self.size {
            Size::BIT => write!(f, " bit {}.{}", self.at / 8, self.at % 8),
            Size::COUNTER | Size::TIMER => write!(f, " {} count {}", self.at, self.count),
            _ => write!(f, " byte {} count {}", self.at / 8, self.count),
        }
    }
}
