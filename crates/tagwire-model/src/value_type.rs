//! What type of value a tag holds.

use std::fmt;

use thiserror::Error;

/// The scalar types of a value, each with the name used in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DataType {
    /// `bool`
    Boolean = 1,
    /// `i8`
    Int8 = 2,
    /// `u8`
    UInt8 = 3,
    /// `i16`
    Int16 = 4,
    /// `u16`
    UInt16 = 5,
    /// `i32`
    Int32 = 6,
    /// `u32`
    UInt32 = 7,
    /// `i64`
    Int64 = 8,
    /// `u64`
    UInt64 = 9,
    /// `f32`
    Float = 10,
    /// `f64`
    Double = 11,
    /// `string`
    String = 12,
    /// `datetime`
    DateTime = 13,
    /// `bytes`
    ByteString = 15,
}

impl DataType {
    /// All types, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::Boolean,
        Self::Int8,
        Self::UInt8,
        Self::Int16,
        Self::UInt16,
        Self::Int32,
        Self::UInt32,
        Self::Int64,
        Self::UInt64,
        Self::Float,
        Self::Double,
        Self::String,
        Self::DateTime,
        Self::ByteString,
    ];

    /// The name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "bool",
            Self::Int8 => "i8",
            Self::UInt8 => "u8",
            Self::Int16 => "i16",
            Self::UInt16 => "u16",
            Self::Int32 => "i32",
            Self::UInt32 => "u32",
            Self::Int64 => "i64",
            Self::UInt64 => "u64",
            Self::Float => "f32",
            Self::Double => "f64",
            Self::String => "string",
            Self::DateTime => "datetime",
            Self::ByteString => "bytes",
        }
    }

    /// The type with this configuration name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|data_type| data_type.name() == name)
    }

    /// The type with this OPC UA built-in type number (Part 6, Table 1).
    pub fn from_ua_id(id: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|data_type| data_type.ua_id() == id)
    }

    /// The OPC UA built-in type number, which is also the numeric id of the DataType node in namespace 0.
    pub const fn ua_id(self) -> u8 {
        self as u8
    }

    /// Whether one value fits the 64 bits of a table slot.
    pub const fn is_fixed(self) -> bool {
        !matches!(self, Self::String | Self::ByteString)
    }

    /// Whether the type is an integer or a floating point number.
    pub const fn is_number(self) -> bool {
        !matches!(self, Self::Boolean | Self::String | Self::ByteString | Self::DateTime)
    }
}

/// The length of each dimension of an array; empty for a scalar, at most three entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dims {
    lens: [u32; 3],
    rank: u8,
}

impl Dims {
    /// No dimension: a scalar.
    pub const SCALAR: Self = Self { lens: [0; 3], rank: 0 };

    /// Dimensions from their lengths; `None` when there are more than three.
    pub fn new(lens: &[u32]) -> Option<Self> {
        let mut dims = Self { lens: [0; 3], rank: u8::try_from(lens.len()).ok()? };
        dims.lens.get_mut(..lens.len())?.copy_from_slice(lens);
        Some(dims)
    }

    /// One dimension of `len` elements.
    pub const fn one(len: u32) -> Self {
        Self { lens: [len, 0, 0], rank: 1 }
    }

    /// The lengths, first dimension first.
    pub fn lens(&self) -> &[u32] {
        &self.lens[..usize::from(self.rank)]
    }

    /// 0 for a scalar, else 1 to 3.
    pub const fn rank(&self) -> usize {
        self.rank as usize
    }

    /// The number of elements, 1 for a scalar; `None` when the product does not fit 32 bits.
    pub fn n_elements(&self) -> Option<u32> {
        self.lens().iter().try_fold(1_u32, |product, len| product.checked_mul(*len))
    }
}

/// A scalar type with its dimensions, written `f32`, `f32[10]` or `f32[2,3]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// Type of the scalar or of each element.
    pub data_type: DataType,
    /// Dimensions; [`Dims::SCALAR`] for a scalar.
    pub dims: Dims,
}

impl ValueType {
    /// Most elements an array type may declare.
    pub const MAX_ELEMENTS: u32 = 1 << 20;

    /// A scalar of this type.
    pub const fn scalar(data_type: DataType) -> Self {
        Self { data_type, dims: Dims::SCALAR }
    }

    /// Whether the type has no dimension.
    pub const fn is_scalar(&self) -> bool {
        self.dims.rank() == 0
    }

    /// Parses the configuration form.
    pub fn parse(text: &str) -> Result<Self, ValueTypeError> {
        let text = text.trim();
        let (name, dims) = match text.split_once('[') {
            Some((name, rest)) => {
                let inner = rest.strip_suffix(']').ok_or_else(|| ValueTypeError::Dimensions(text.to_owned()))?;
                let lens = inner
                    .split(',')
                    .map(|len| len.trim().parse::<u32>().ok().filter(|len| *len > 0))
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(|| ValueTypeError::Dimensions(text.to_owned()))?;
                let dims = Dims::new(&lens).ok_or_else(|| ValueTypeError::Rank(text.to_owned()))?;
                (name.trim(), dims)
            }
            None => (text, Dims::SCALAR),
        };
        let data_type = DataType::from_name(name).ok_or_else(|| ValueTypeError::Name(name.to_owned()))?;
        match dims.n_elements() {
            Some(n) if n <= Self::MAX_ELEMENTS => Ok(Self { data_type, dims }),
            _ => Err(ValueTypeError::TooLarge(text.to_owned())),
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.data_type.name())?;
        if !self.is_scalar() {
            let lens: Vec<String> = self.dims.lens().iter().map(u32::to_string).collect();
            write!(f, "[{}]", lens.join(","))?;
        }
        Ok(())
    }
}

/// Why a type text was refused; the caller adds file and line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValueTypeError {
    /// The name is not one of the scalar types.
    #[error("unknown type \"{0}\"")]
    Name(String),
    /// The dimensions are not positive whole numbers.
    #[error("dimensions of \"{0}\" are not positive whole numbers in brackets")]
    Dimensions(String),
    /// More than three dimensions.
    #[error("\"{0}\" has more than three dimensions")]
    Rank(String),
    /// More elements than [`ValueType::MAX_ELEMENTS`].
    #[error("\"{0}\" has more than 1048576 elements")]
    TooLarge(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in ["bool", "i8", "u64", "f32[10]", "f64[2,3]", "string[4,1,2]", "bytes"] {
            assert_eq!(ValueType::parse(text).expect(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_bad_types() {
        for text in ["", "float", "f32[", "f32[0]", "f32[-1]", "f32[1,2,3,4]", "f32[70000,70000]", "f32[2000000]"] {
            assert!(ValueType::parse(text).is_err(), "{text}");
        }
    }
}
