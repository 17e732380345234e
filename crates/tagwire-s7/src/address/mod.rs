//! Addresses as people write them: `DB1,REAL4`, `DB1.DBD4`, `DB1.DBX0.3`, `MW10`, `I0.0`, `T5`.
//!
//! | part | forms |
//! |---|---|
//! | area | `DB1,` or `DB1.`, `I` or `E`, `Q` or `A`, `M` or `F`, `PI` or `PE`, `PQ` or `PA`, `T`, `C` or `Z`, `V` (data block 1) |
//! | type | `X` `B` `W` `D` `L`, after `DB` too; `INT`, `REAL`, `STRING` and all other names of STEP 7 |
//! | place | first byte, or the number of a timer or counter |
//! | bit | `.3` |
//! | length | `.20` for texts |
//! | array | `[10]`, `[2][3]` |

mod parse;

use tagwire_driver::AddressError;
use tagwire_model::{DataType, Dims, ValueType};

use crate::codec::Area;
use crate::form::Form;

/// A parsed address; what it means for a declared type, [`crate::Item`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Address space.
    pub area: Area,
    /// Number of the data block; 0 in other areas.
    pub block: u16,
    /// First byte, or the number of the timer or counter.
    pub start: u32,
    /// Bit of the first byte, for [`Form::Bit`].
    pub bit: u8,
    /// How an element lies there.
    pub form: Form,
    /// Dimensions written in the address; [`Dims::SCALAR`] when none are.
    pub dims: Dims,
    /// Whether the address belongs to peripheral inputs, which nobody can write.
    pub is_read_only: bool,
}

impl Address {
    /// Longest plain text in bytes.
    pub const MAX_TEXT: u16 = 932;
    /// Longest `STRING`.
    pub const MAX_STRING: u16 = 254;
    /// Longest `WSTRING`.
    pub const MAX_WSTRING: u16 = 16_382;
    /// One more than the last byte: 24 bits of a bit address.
    pub const N_BYTES: u32 = 1 << 21;

    /// Parses an address.
    ///
    /// # Errors
    /// [`AddressError`] names the problem and the fix.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        parse::parse(text)
    }

    /// The type of a tag whose configuration gives none.
    pub fn default_type(&self) -> ValueType {
        let data_type = self.form.default_type();
        // An array of characters is a text to people.
        let is_text = matches!(self.form, Form::Char) && self.dims.rank() == 1;
        ValueType { data_type, dims: if is_text { Dims::SCALAR } else { self.dims } }
    }

    /// The array of characters or bytes as one text, where the type wants it so.
    pub(crate) fn as_text(&self, data_type: DataType) -> Option<Form> {
        let [len] = *self.dims.lens() else { return None };
        let fits = matches!(
            (self.form, data_type),
            (Form::Char, DataType::String) | (Form::Char | Form::Byte, DataType::ByteString)
        );
        u16::try_from(len).ok().filter(|len| fits && *len <= Self::MAX_TEXT).map(Form::Text)
    }
}

/// What a unit of an area is called, for messages.
pub(crate) const fn unit_name(area: Area) -> &'static str {
    match area {
        Area::Timers => "timer",
        Area::Counters => "counter",
        _ => "byte",
    }
}

/// The first unit of an item as tagwire prints it: `DB1.DBB4`, `MB10`, `T5`.
pub(crate) fn place(area: Area, block: u16, start: u32) -> String {
    match area {
        Area::DataBlock => format!("DB{block}.DBB{start}"),
        Area::Inputs => format!("IB{start}"),
        Area::Outputs => format!("QB{start}"),
        Area::Memory => format!("MB{start}"),
        Area::Peripheral => format!("PIB{start}"),
        Area::Timers => format!("T{start}"),
        Area::Counters => format!("C{start}"),
    }
}

pub(crate) fn bad(problem: impl Into<String>, fix: impl Into<String>) -> AddressError {
    AddressError { problem: problem.into(), fix: fix.into() }
}
