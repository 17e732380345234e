//! What an address means for a declared type: which units, and how the value lies in them.

use tagwire_driver::AddressError;
use tagwire_model::{DataType, ValueType};

use crate::address::{Address, bad, unit_name};
use crate::codec::{Area, Pointer};
use crate::form::Form;

/// One tag's place in a CPU and its form there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Address space.
    pub area: Area,
    /// Number of the data block; 0 in other areas.
    pub block: u16,
    /// First byte, timer or counter.
    pub start: u32,
    /// Number of bytes, timers or counters, at least 1.
    pub len: u32,
    /// First bit, for [`Form::Bit`].
    pub bit: u8,
    /// Declared type.
    pub value_type: ValueType,
    /// Form of each element.
    pub form: Form,
    /// Whether the protocol can write there.
    pub is_writable: bool,
}

impl Item {
    /// Joins an address with the declared type.
    ///
    /// # Errors
    /// [`AddressError`] when the type cannot lie at the address.
    pub fn new(address: &Address, value_type: ValueType) -> Result<Self, AddressError> {
        let data_type = value_type.data_type;
        let text = if value_type.is_scalar() { address.as_text(data_type) } else { None };
        if text.is_none() {
            check_dims(address, value_type)?;
        }
        let form = match text {
            Some(form) => form,
            None => address.form.of_type(data_type).ok_or_else(|| wrong_type(address.form, data_type))?,
        };
        if form == Form::Bit && value_type.dims.rank() > 1 {
            let problem = "an array of bits has one dimension";
            return Err(bad(problem, "declare each row as a tag of its own, because each begins at a byte of its own"));
        }
        let n_elements = value_type.dims.n_elements().unwrap_or(u32::MAX);
        let len = match form {
            Form::Bit => u32::from(address.bit).saturating_add(n_elements).div_ceil(8),
            Form::Timer | Form::Counter => n_elements,
            form if value_type.is_scalar() => form.n_bytes_alone(),
            form => form.n_bytes().saturating_mul(n_elements),
        };
        let end = if address.area.is_words() { 0x1_0000 } else { Address::N_BYTES };
        if address.start.saturating_add(len) > end {
            let name = unit_name(address.area);
            let problem = format!("{value_type} takes {len} {name}s and ends beyond the last one");
            return Err(bad(problem, format!("begin so that {len} {name}s fit before {name} {end}")));
        }
        Ok(Self {
            area: address.area,
            block: address.block,
            start: address.start,
            len,
            bit: address.bit,
            value_type,
            form,
            is_writable: !address.is_read_only,
        })
    }

    /// The unit after the last one.
    pub const fn end(&self) -> u32 {
        self.start + self.len
    }

    /// Bytes that the item takes in an answer.
    pub const fn n_bytes(&self) -> usize {
        self.len as usize * unit_bytes(self.area)
    }

    /// The address space as one number: code of the area, then the number of the block.
    pub fn space(&self) -> u32 {
        space(self.area, self.block)
    }

    /// The address of a bit of the item, counted from its first.
    pub(crate) fn bit_pointer(&self, idx: usize) -> Pointer {
        Pointer::bit(self.area, self.block, self.start * 8 + u32::from(self.bit) + idx as u32)
    }
}

/// Area and block as one number.
pub(crate) fn space(area: Area, block: u16) -> u32 {
    u32::from(block) << 8 | u32::from(area.code())
}

/// What [`space`] joined.
pub(crate) fn from_space(space: u32) -> Option<(Area, u16)> {
    Some((Area::from_code((space & 0xFF) as u8)?, u16::try_from(space >> 8).ok()?))
}

/// Bytes of one unit of an area in an answer.
pub(crate) const fn unit_bytes(area: Area) -> usize {
    if area.is_words() { 2 } else { 1 }
}

fn check_dims(address: &Address, value_type: ValueType) -> Result<(), AddressError> {
    let strip = |lens: &[u32]| lens.iter().copied().skip_while(|len| *len == 1).collect::<Vec<_>>();
    // Kepware writes ten elements as [1][10] as well.
    if address.dims.rank() == 0 || strip(address.dims.lens()) == strip(value_type.dims.lens()) {
        return Ok(());
    }
    let wanted = ValueType { dims: address.dims, ..value_type };
    let problem = format!("the address names an array and the type is {value_type}");
    Err(bad(problem, format!("declare type = \"{wanted}\", or leave the array out of the address")))
}

fn wrong_type(form: Form, data_type: DataType) -> AddressError {
    let fitting: Vec<String> = DataType::ALL
        .into_iter()
        .filter(|candidate| form.of_type(*candidate).is_some())
        .map(|candidate| format!("\"{}\"", candidate.name()))
        .collect();
    let problem = format!("{} cannot be {}", form.name(), data_type.name());
    bad(problem, format!("declare type = {}, or name another type in the address", fitting.join(" or ")))
}
