//! The elementary types (CIP Volume 1, appendix C-5): codes, sizes, values.

use tagwire_model::{ConvertError, DataType, Dims, Value, ValueType};

use super::bytes::{latin1, to_latin1};

/// Code of a type, as in an answer to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeCode(pub u16);

macro_rules! types {
    ($($konst:ident = $code:literal $name:literal $size:literal;)*) => {
        #[expect(missing_docs, reason = "each is the type of its name")]
        impl TypeCode {
            $(pub const $konst: Self = Self($code);)*

            /// The name in the specification; `None` for a code that is no elementary type.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($name),)*
                    _ => None,
                }
            }

            /// The type of this name, in any letter case.
            pub fn from_name(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($name) { return Some(Self($code)); })*
                None
            }

            /// Bytes of a value; 0 for text, whose length varies; `None` for a code that is no elementary type.
            pub const fn size(self) -> Option<usize> {
                match self.0 {
                    $($code => Some($size),)*
                    _ => None,
                }
            }
        }
    };
}

types! {
    BOOL = 0xC1 "BOOL" 1;
    SINT = 0xC2 "SINT" 1;
    INT = 0xC3 "INT" 2;
    DINT = 0xC4 "DINT" 4;
    LINT = 0xC5 "LINT" 8;
    USINT = 0xC6 "USINT" 1;
    UINT = 0xC7 "UINT" 2;
    UDINT = 0xC8 "UDINT" 4;
    ULINT = 0xC9 "ULINT" 8;
    REAL = 0xCA "REAL" 4;
    LREAL = 0xCB "LREAL" 8;
    STIME = 0xCC "STIME" 4;
    DATE = 0xCD "DATE" 2;
    TIME_OF_DAY = 0xCE "TIME_OF_DAY" 4;
    DATE_AND_TIME = 0xCF "DATE_AND_TIME" 6;
    CIP_STRING = 0xD0 "CIP_STRING" 0;
    BYTE = 0xD1 "BYTE" 1;
    WORD = 0xD2 "WORD" 2;
    DWORD = 0xD3 "DWORD" 4;
    LWORD = 0xD4 "LWORD" 8;
    FTIME = 0xD6 "FTIME" 4;
    LTIME = 0xD7 "LTIME" 8;
    ITIME = 0xD8 "ITIME" 2;
    SHORT_STRING = 0xDA "SHORT_STRING" 0;
    TIME = 0xDB "TIME" 4;
    LDT = 0xDF "LDT" 8;
}

impl TypeCode {
    /// Stands before the handle of a structure.
    pub const STRUCTURE: Self = Self(0x02A0);

    /// The type of values that loses nothing; `None` for types without a plain meaning.
    pub const fn data_type(self) -> Option<DataType> {
        Some(match self {
            Self::BOOL => DataType::Boolean,
            Self::SINT => DataType::Int8,
            Self::INT => DataType::Int16,
            Self::DINT | Self::TIME | Self::STIME | Self::FTIME => DataType::Int32,
            Self::LINT | Self::LTIME | Self::LDT => DataType::Int64,
            Self::USINT | Self::BYTE => DataType::UInt8,
            Self::UINT | Self::WORD | Self::DATE | Self::ITIME => DataType::UInt16,
            Self::UDINT | Self::DWORD | Self::TIME_OF_DAY => DataType::UInt32,
            Self::ULINT | Self::LWORD => DataType::UInt64,
            Self::REAL => DataType::Float,
            Self::LREAL => DataType::Double,
            Self::CIP_STRING | Self::SHORT_STRING => DataType::String,
            _ => return None,
        })
    }

    /// The type that a value of this type has in a controller when nothing more is known.
    pub const fn of(data_type: DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Boolean => Self::BOOL,
            DataType::Int8 => Self::SINT,
            DataType::UInt8 => Self::USINT,
            DataType::Int16 => Self::INT,
            DataType::UInt16 => Self::UINT,
            DataType::Int32 => Self::DINT,
            DataType::UInt32 => Self::UDINT,
            DataType::Int64 | DataType::DateTime => Self::LINT,
            DataType::UInt64 => Self::ULINT,
            DataType::Float => Self::REAL,
            DataType::Double => Self::LREAL,
            DataType::String | DataType::ByteString => return None,
        })
    }

    /// Whether single bits of a value can be named.
    pub const fn has_bits(self) -> bool {
        matches!(
            self,
            Self::SINT
                | Self::INT
                | Self::DINT
                | Self::LINT
                | Self::USINT
                | Self::UINT
                | Self::UDINT
                | Self::ULINT
                | Self::BYTE
                | Self::WORD
                | Self::DWORD
                | Self::LWORD
        )
    }

    /// The value at the start of `data`, and its length; `None` when there are too few bytes or the type has no value.
    pub fn decode(self, data: &[u8]) -> Option<(Value, usize)> {
        match self {
            Self::CIP_STRING => {
                let (len, rest) = data.split_first_chunk::<2>()?;
                let len = usize::from(u16::from_le_bytes(*len));
                return Some((Value::text(&latin1(rest.get(..len)?)), 2 + len));
            }
            Self::SHORT_STRING => {
                let (len, rest) = data.split_first()?;
                let len = usize::from(*len);
                return Some((Value::text(&latin1(rest.get(..len)?)), 1 + len));
            }
            _ => {}
        }
        let size = self.size()?;
        let bytes = data.get(..size)?;
        let mut wide = [0; 8];
        wide.get_mut(..size)?.copy_from_slice(bytes);
        let bits = u64::from_le_bytes(wide);
        let value = match self.data_type()? {
            DataType::Boolean => Value::Boolean(bits != 0),
            DataType::Int8 => Value::Int8(bits as i8),
            DataType::Int16 => Value::Int16(bits as i16),
            DataType::Int32 => Value::Int32(bits as i32),
            other => Value::from_bits(other, bits),
        };
        Some((value, size))
    }

    /// Appends a value, converted as [`Value::convert`] does.
    ///
    /// # Errors
    /// [`ConvertError`] when it does not fit the type.
    pub fn encode(self, value: &Value, out: &mut Vec<u8>) -> Result<(), ConvertError> {
        let data_type = self.data_type().ok_or(ConvertError::Type)?;
        let value = value.convert(ValueType { data_type, dims: Dims::SCALAR })?;
        if let Value::String(text) = &value {
            let bytes = to_latin1(text).ok_or(ConvertError::Range)?;
            if self == Self::SHORT_STRING {
                out.push(u8::try_from(bytes.len()).map_err(|_| ConvertError::Range)?);
            } else {
                out.extend_from_slice(&u16::try_from(bytes.len()).map_err(|_| ConvertError::Range)?.to_le_bytes());
            }
            out.extend_from_slice(&bytes);
            return Ok(());
        }
        let (_, bits) = value.to_bits().ok_or(ConvertError::Type)?;
        let size = self.size().ok_or(ConvertError::Type)?;
        out.extend_from_slice(bits.to_le_bytes().get(..size).unwrap_or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_round_trips() {
        for (code, value) in [
            (TypeCode::BOOL, Value::Boolean(true)),
            (TypeCode::SINT, Value::Int8(-5)),
            (TypeCode::INT, Value::Int16(-500)),
            (TypeCode::DINT, Value::Int32(i32::MIN)),
            (TypeCode::LINT, Value::Int64(i64::MIN)),
            (TypeCode::USINT, Value::UInt8(200)),
            (TypeCode::UINT, Value::UInt16(60_000)),
            (TypeCode::UDINT, Value::UInt32(u32::MAX)),
            (TypeCode::ULINT, Value::UInt64(u64::MAX)),
            (TypeCode::REAL, Value::Float(1.5)),
            (TypeCode::LREAL, Value::Double(-2.25)),
            (TypeCode::DWORD, Value::UInt32(7)),
            (TypeCode::CIP_STRING, Value::text("grün")),
            (TypeCode::SHORT_STRING, Value::text("")),
        ] {
            let mut out = Vec::new();
            code.encode(&value, &mut out).expect("fits");
            let (back, len) = code.decode(&out).expect("comes back");
            assert_eq!((&back, len), (&value, out.len()), "{code:?}");
            assert!(code.decode(&out[..out.len() - 1]).is_none(), "{code:?}");
            assert_eq!(code.name().and_then(TypeCode::from_name), Some(code));
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        let mut out = Vec::new();
        assert_eq!(TypeCode::INT.encode(&Value::Int32(70_000), &mut out), Err(ConvertError::Range));
        assert_eq!(TypeCode::REAL.encode(&Value::text("x"), &mut out), Err(ConvertError::Type));
        assert_eq!(TypeCode::CIP_STRING.encode(&Value::text("☃"), &mut out), Err(ConvertError::Range));
        assert!(out.is_empty());
    }
}
