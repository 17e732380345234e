//! What an address means for a declared type: which units, and how the value lies in them.

use tagwire_driver::AddressError;
use tagwire_model::{DataType, ValueType};

use crate::address::{Address, Code, Packing, Pick, Table, bad};
use crate::order::Order;

/// How a device encodes values, unless an address says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoding {
    /// Byte and word order.
    pub order: Order,
    /// 32-bit integers are two registers of 0 to 9999.
    pub longs_as_decimals: bool,
    /// Bit 0 of a register is its most significant one.
    pub modicon_bits: bool,
    /// Number of the first bit of a register: 0 or 1.
    pub first_bit: u8,
}

/// How one element lies in its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// One coil or discrete input.
    Coil,
    /// So many coils or discrete inputs as one number, first one least significant.
    Coils(u8),
    /// Consecutive bits of registers, beginning with this one (0 is the least significant unless `modicon`).
    Bits {
        /// First bit, 0 to 15.
        first: u8,
        /// Bit 0 is the most significant one.
        modicon: bool,
    },
    /// A register that is true when not zero; written as 1 or 0.
    Flag,
    /// An 8-bit number in a register of its own.
    Byte,
    /// A number in one register.
    Word,
    /// A number in two registers.
    Double,
    /// A number in four registers.
    Quad,
    /// As [`Code::Bcd`], [`Code::LongBcd`], [`Code::Decimal`] and the times say.
    Coded(Code),
    /// Text or bytes of this length.
    Text(u16, Packing),
}

/// One tag's place in a device and its form there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Address space.
    pub table: Table,
    /// First unit on the wire.
    pub start: u16,
    /// Number of units, 1 to 65536.
    pub len: u32,
    /// Declared type.
    pub value_type: ValueType,
    /// Form of each element.
    pub storage: Storage,
    /// Byte and word order of each element.
    pub order: Order,
}

impl Item {
    /// Joins an address with the declared type. The order in the address wins over that of `encoding`.
    ///
    /// # Errors
    /// [`AddressError`] when the type cannot lie at the address.
    pub fn new(address: &Address, value_type: ValueType, encoding: &Encoding) -> Result<Self, AddressError> {
        check_dims(address, value_type)?;
        let data_type = value_type.data_type;
        let storage = if address.table.is_bits() {
            bit_storage(address, data_type)?
        } else {
            register_storage(address, data_type, encoding)?
        };
        let n_elements = value_type.dims.n_elements().unwrap_or(u32::MAX);
        let len = match storage {
            Storage::Bits { first, .. } => u32::from(first).saturating_add(n_elements).div_ceil(16),
            _ => storage.n_units().saturating_mul(n_elements),
        };
        if u32::from(address.offset).saturating_add(len) > 0x1_0000 {
            let name = address.table.name();
            let problem = format!("{value_type} takes {len} {name}s and ends beyond the last one");
            return Err(bad(problem, format!("begin so that {len} {name}s fit before wire offset 65536")));
        }
        let order = address.order.unwrap_or(encoding.order);
        Ok(Self { table: address.table, start: address.offset, len, value_type, storage, order })
    }

    /// The unit after the last one.
    pub fn end(&self) -> u32 {
        u32::from(self.start) + self.len
    }

    /// Units that one element needs at least in one request.
    pub fn unit_group(&self) -> u32 {
        match self.storage {
            Storage::Coil | Storage::Bits { .. } => 1,
            storage => storage.n_units(),
        }
    }
}

impl Storage {
    /// Units of one element; a register for [`Storage::Bits`], whatever the number of bits.
    pub const fn n_units(self) -> u32 {
        match self {
            Self::Coil | Self::Bits { .. } | Self::Flag | Self::Byte | Self::Word | Self::Coded(Code::Bcd) => 1,
            Self::Coils(n) => n as u32,
            Self::Double | Self::Coded(Code::LongBcd | Code::Decimal | Code::Unix32) => 2,
            Self::Quad | Self::Coded(_) => 4,
            Self::Text(len, packing) => packing.n_registers(len as u32),
        }
    }
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

fn bit_storage(address: &Address, data_type: DataType) -> Result<Storage, AddressError> {
    let name = address.table.name();
    let plain = matches!(address.code, None | Some(Code::Plain(_)));
    let code_fits = address.code.is_none_or(|code| code.allows(data_type));
    match address.pick {
        Pick::Whole if data_type == DataType::Boolean && code_fits => Ok(Storage::Coil),
        Pick::Coils(n) if plain && code_fits && holds_bits(data_type, n) => Ok(Storage::Coils(n)),
        Pick::Whole => {
            let problem = format!("a {name} cannot hold {}", data_type.name());
            Err(bad(problem, "declare type = \"bool\", or take several as a number with #16 after the address"))
        }
        Pick::Coils(n) => {
            let problem = format!("{} does not hold {n} {name}s", data_type.name());
            Err(bad(problem, "declare type = \"u16\""))
        }
        Pick::Dot(_) | Pick::Text(..) => {
            let problem = format!("a {name} is a single bit and has neither bits nor text in it");
            Err(bad(problem, "leave out what follows the dot, or take a register of table 3 or 4"))
        }
    }
}

fn holds_bits(data_type: DataType, n: u8) -> bool {
    match data_type {
        DataType::UInt8 => n <= 8,
        DataType::Int16 | DataType::UInt16 | DataType::Int32 | DataType::UInt32 => true,
        DataType::Int64 | DataType::UInt64 => true,
        _ => false,
    }
}

fn register_storage(address: &Address, data_type: DataType, encoding: &Encoding) -> Result<Storage, AddressError> {
    let name = data_type.name();
    if let Some(code) = address.code
        && !code.allows(data_type)
    {
        let (word, own) = (code.word(), code.default_type().name());
        let problem = format!("the address says :{word} and the type is {name}");
        return Err(bad(problem, format!("declare type = \"{own}\", or leave :{word} out of the address")));
    }
    match (address.pick, data_type) {
        (Pick::Coils(_), _) => {
            Err(bad("only coils and discrete inputs are counted with #", "leave # and the number out of the address"))
        }
        (Pick::Text(len, packing), DataType::String | DataType::ByteString) => Ok(Storage::Text(len, packing)),
        (Pick::Dot(n @ 1..=Address::MAX_TEXT), DataType::String | DataType::ByteString) => {
            Ok(Storage::Text(n, Packing::HighFirst))
        }
        (_, DataType::String | DataType::ByteString) => {
            let problem = format!("type {name} needs a length");
            Err(bad(problem, "write the number of bytes, 1 to 240, after a dot, as in 40001.20H"))
        }
        (Pick::Text(..), _) => {
            let problem = format!("the address names a text and the type is {name}");
            Err(bad(problem, "declare type = \"string\" or \"bytes\", or leave the length out of the address"))
        }
        (Pick::Dot(n), DataType::Boolean) => {
            let first = u8::try_from(n).ok().and_then(|n| n.checked_sub(encoding.first_bit)).filter(|bit| *bit < 16);
            let first = first.ok_or_else(|| {
                let (low, high) = (encoding.first_bit, 15 + encoding.first_bit);
                bad(format!("a register has no bit {n}"), format!("write a bit from {low} to {high}"))
            })?;
            Ok(Storage::Bits { first, modicon: encoding.modicon_bits })
        }
        (Pick::Dot(n), _) => {
            let problem = format!("the address names bit {n} and the type is {name}");
            Err(bad(problem, "declare type = \"bool\", or leave the bit out of the address"))
        }
        (Pick::Whole, _) => Ok(whole_storage(address.code, data_type, encoding)),
    }
}

const fn whole_storage(code: Option<Code>, data_type: DataType, encoding: &Encoding) -> Storage {
    match (code, data_type) {
        (Some(code @ (Code::Bcd | Code::LongBcd | Code::Decimal)), _) => Storage::Coded(code),
        (Some(code @ (Code::Unix32 | Code::Unix64 | Code::UnixMillis | Code::Ticks)), _) => Storage::Coded(code),
        (None, DataType::Int32 | DataType::UInt32) if encoding.longs_as_decimals => Storage::Coded(Code::Decimal),
        (_, DataType::Boolean) => Storage::Flag,
        (_, DataType::Int8 | DataType::UInt8) => Storage::Byte,
        (_, DataType::Int16 | DataType::UInt16) => Storage::Word,
        (_, DataType::Int32 | DataType::UInt32 | DataType::Float) => Storage::Double,
        (_, DataType::DateTime) => Storage::Coded(Code::Ticks),
        (_, DataType::Int64 | DataType::UInt64 | DataType::Double) => Storage::Quad,
        // Text without a length was refused before.
        (_, DataType::String | DataType::ByteString) => Storage::Text(1, Packing::HighFirst),
    }
}
