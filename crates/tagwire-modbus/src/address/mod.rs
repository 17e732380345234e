//! Addresses as people write them: `40001`, `400001.3`, `HR1:F:CDAB`, `300010.20H`, `40001[2][3]`.
//!
//! | part | forms |
//! |---|---|
//! | table and number | `41` to `465536`, `4x0001`, `HR1`, `IR1`, `C1`, `DI1`; wire offsets in hexadecimal: `HR0x0A`, `HR0AH` |
//! | bit | `.3` |
//! | text | `.20H` high byte first, `.20L` low byte first, `.20D` low byte only, `.20E` high byte only, `:STR20` |
//! | coils as a number | `000001#16` |
//! | array | `[10]`, `[2][3]`, `:10` |
//! | storage | `:F`, `:DI`, `:BCD`, `:LBCD`, `:UNIX32` … |
//! | order | `:CDAB`, `#LB` |

mod code;
mod parse;

use std::fmt;

use tagwire_driver::AddressError;
use tagwire_model::{DataType, Dims, ValueType};

use crate::codec::Function;
use crate::order::Order;

pub use code::Code;

/// The four address spaces of a device; the digit is the first of an address and the driver's area number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Bits that can be read and written.
    Coils = 0,
    /// Bits that can only be read.
    DiscreteInputs = 1,
    /// Registers that can only be read.
    InputRegisters = 3,
    /// Registers that can be read and written.
    HoldingRegisters = 4,
}

impl Table {
    /// All four, by digit.
    pub const ALL: [Self; 4] = [Self::Coils, Self::DiscreteInputs, Self::InputRegisters, Self::HoldingRegisters];

    /// First digit of an address of this table.
    pub const fn digit(self) -> u8 {
        self as u8
    }

    /// The table with this digit.
    pub const fn from_digit(digit: u32) -> Option<Self> {
        Some(match digit {
            0 => Self::Coils,
            1 => Self::DiscreteInputs,
            3 => Self::InputRegisters,
            4 => Self::HoldingRegisters,
            _ => return None,
        })
    }

    /// Whether a unit of the table is one bit rather than a register of 16.
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coils | Self::DiscreteInputs)
    }

    /// Whether the protocol has functions that write the table.
    pub const fn is_writable(self) -> bool {
        matches!(self, Self::Coils | Self::HoldingRegisters)
    }

    /// The function that reads it.
    pub const fn read_function(self) -> Function {
        match self {
            Self::Coils => Function::ReadCoils,
            Self::DiscreteInputs => Function::ReadDiscreteInputs,
            Self::InputRegisters => Function::ReadInputRegisters,
            Self::HoldingRegisters => Function::ReadHoldingRegisters,
        }
    }

    /// The table that a read function reads.
    pub const fn from_read_function(function: Function) -> Option<Self> {
        Some(match function {
            Function::ReadCoils => Self::Coils,
            Function::ReadDiscreteInputs => Self::DiscreteInputs,
            Function::ReadInputRegisters => Self::InputRegisters,
            Function::ReadHoldingRegisters => Self::HoldingRegisters,
            _ => return None,
        })
    }

    /// Name of one unit.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Coils => "coil",
            Self::DiscreteInputs => "discrete input",
            Self::InputRegisters => "input register",
            Self::HoldingRegisters => "holding register",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a device's documentation starts to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    /// Number of wire offset 0: 1 (40001 is offset 0) or 0 (40000 is offset 0).
    pub first_address: u8,
    /// Number of the first bit of a register: 0 or 1.
    pub first_bit: u8,
}

impl Default for Numbering {
    fn default() -> Self {
        Self { first_address: 1, first_bit: 0 }
    }
}

/// How text or bytes lie in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Packing {
    /// `H`: two per register, the first in the high byte.
    HighFirst,
    /// `L`: two per register, the first in the low byte.
    LowFirst,
    /// `D`: one per register, in the low byte.
    LowOnly,
    /// `E`: one per register, in the high byte.
    HighOnly,
}

impl Packing {
    /// The letter in an address.
    pub const fn letter(self) -> char {
        match self {
            Self::HighFirst => 'H',
            Self::LowFirst => 'L',
            Self::LowOnly => 'D',
            Self::HighOnly => 'E',
        }
    }

    /// Registers that `len` bytes take.
    pub const fn n_registers(self, len: u32) -> u32 {
        match self {
            Self::HighFirst | Self::LowFirst => len.div_ceil(2),
            Self::LowOnly | Self::HighOnly => len,
        }
    }
}

/// Which part of the registers or coils an address picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// As many whole units as the type needs.
    Whole,
    /// `.3`: a bit number, or a length in bytes when the type is text or bytes.
    Dot(u16),
    /// `.20H`, `:STR20`: so many bytes of text.
    Text(u16, Packing),
    /// `#16`: so many coils as one number.
    Coils(u8),
}

/// A parsed address; what it means for a declared type, [`crate::Item`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Address space.
    pub table: Table,
    /// Offset on the wire, 0 to 65535.
    pub offset: u16,
    /// Part of the units.
    pub pick: Pick,
    /// Dimensions written in the address; [`Dims::SCALAR`] when none are.
    pub dims: Dims,
    /// Storage written in the address.
    pub code: Option<Code>,
    /// Order written in the address.
    pub order: Option<Order>,
}

impl Address {
    /// Longest text in bytes.
    pub const MAX_TEXT: u16 = 240;

    /// Parses an address.
    ///
    /// # Errors
    /// [`AddressError`] names the problem and the fix.
    pub fn parse(text: &str, numbering: Numbering) -> Result<Self, AddressError> {
        parse::parse(text, numbering)
    }

    /// Whether the number behind the dot is too large for a bit and so is the length of a text.
    pub fn is_text_length(&self) -> bool {
        self.code.is_none() && matches!(self.pick, Pick::Dot(n) if n > 16)
    }

    /// The type of a tag whose configuration gives none.
    pub fn default_type(&self) -> ValueType {
        let data_type = match (self.code, self.pick) {
            (Some(code), _) => code.default_type(),
            (None, Pick::Coils(_)) => DataType::UInt16,
            (None, Pick::Text(..)) => DataType::String,
            (None, Pick::Dot(_)) if self.is_text_length() => DataType::String,
            (None, Pick::Dot(_)) => DataType::Boolean,
            (None, Pick::Whole) if self.table.is_bits() => DataType::Boolean,
            (None, Pick::Whole) => DataType::UInt16,
        };
        ValueType { data_type, dims: self.dims }
    }
}

/// The number of a unit as tagwire prints it: the table digit and five digits, counted from 1 (`400001`).
pub(crate) fn number(table: Table, offset: u32) -> String {
    format!("{}{:05}", table.digit(), offset + 1)
}

pub(crate) fn bad(problem: impl Into<String>, fix: impl Into<String>) -> AddressError {
    AddressError { problem: problem.into(), fix: fix.into() }
}
