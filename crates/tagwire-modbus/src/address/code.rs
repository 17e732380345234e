//! The storage words after a colon: `40001:F`, `HR1:DI`, `40001:BCD`.

use tagwire_model::DataType;

/// How a value lies in registers, when the address says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// As the type itself: two's complement, IEEE 754, a single bit.
    Plain(DataType),
    /// Four decimal digits in one register.
    Bcd,
    /// Eight decimal digits in two registers.
    LongBcd,
    /// Two registers of 0 to 9999: `high * 10000 + low`.
    Decimal,
    /// Time as unsigned seconds since 1970 in two registers.
    Unix32,
    /// Time as signed seconds since 1970 in four registers.
    Unix64,
    /// Time as signed milliseconds since 1970 in four registers.
    UnixMillis,
    /// Time as signed 100 ns ticks since 1601 in four registers, the storage of `datetime` without a word.
    Ticks,
}

/// Every word with its meaning; the first word of a meaning is the one that messages use.
const WORDS: &[(&str, Code)] = &[
    ("BOOL", Code::Plain(DataType::Boolean)),
    ("BIT", Code::Plain(DataType::Boolean)),
    ("I8", Code::Plain(DataType::Int8)),
    ("U8", Code::Plain(DataType::UInt8)),
    ("I", Code::Plain(DataType::Int16)),
    ("S", Code::Plain(DataType::Int16)),
    ("INT", Code::Plain(DataType::Int16)),
    ("INT16", Code::Plain(DataType::Int16)),
    ("SHORT", Code::Plain(DataType::Int16)),
    ("I16", Code::Plain(DataType::Int16)),
    ("UI", Code::Plain(DataType::UInt16)),
    ("W", Code::Plain(DataType::UInt16)),
    ("UINT", Code::Plain(DataType::UInt16)),
    ("UINT16", Code::Plain(DataType::UInt16)),
    ("WORD", Code::Plain(DataType::UInt16)),
    ("U16", Code::Plain(DataType::UInt16)),
    ("DI", Code::Plain(DataType::Int32)),
    ("L", Code::Plain(DataType::Int32)),
    ("DINT", Code::Plain(DataType::Int32)),
    ("INT32", Code::Plain(DataType::Int32)),
    ("LONG", Code::Plain(DataType::Int32)),
    ("I32", Code::Plain(DataType::Int32)),
    ("UDI", Code::Plain(DataType::UInt32)),
    ("UL", Code::Plain(DataType::UInt32)),
    ("DW", Code::Plain(DataType::UInt32)),
    ("UDINT", Code::Plain(DataType::UInt32)),
    ("UINT32", Code::Plain(DataType::UInt32)),
    ("DWORD", Code::Plain(DataType::UInt32)),
    ("U32", Code::Plain(DataType::UInt32)),
    ("LI", Code::Plain(DataType::Int64)),
    ("LINT", Code::Plain(DataType::Int64)),
    ("INT64", Code::Plain(DataType::Int64)),
    ("I64", Code::Plain(DataType::Int64)),
    ("ULI", Code::Plain(DataType::UInt64)),
    ("ULINT", Code::Plain(DataType::UInt64)),
    ("UINT64", Code::Plain(DataType::UInt64)),
    ("QWORD", Code::Plain(DataType::UInt64)),
    ("U64", Code::Plain(DataType::UInt64)),
    ("F", Code::Plain(DataType::Float)),
    ("R", Code::Plain(DataType::Float)),
    ("FLOAT", Code::Plain(DataType::Float)),
    ("REAL", Code::Plain(DataType::Float)),
    ("F32", Code::Plain(DataType::Float)),
    ("D", Code::Plain(DataType::Double)),
    ("LF", Code::Plain(DataType::Double)),
    ("LR", Code::Plain(DataType::Double)),
    ("DOUBLE", Code::Plain(DataType::Double)),
    ("LREAL", Code::Plain(DataType::Double)),
    ("F64", Code::Plain(DataType::Double)),
    ("BCD", Code::Bcd),
    ("BCD16", Code::Bcd),
    ("LBCD", Code::LongBcd),
    ("BCD32", Code::LongBcd),
    ("BCD_32", Code::LongBcd),
    ("M10K", Code::Decimal),
    ("UNIX32", Code::Unix32),
    ("UNIX64", Code::Unix64),
    ("UNIXMS", Code::UnixMillis),
    ("TICKS", Code::Ticks),
    ("DATETIME", Code::Ticks),
];

impl Code {
    /// The storage with this word, which must be in upper case.
    pub(super) fn parse(word: &str) -> Option<Self> {
        WORDS.iter().find(|(known, _)| *known == word).map(|(_, code)| *code)
    }

    /// The word that messages use.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(_, code)| *code == self).map_or("?", |(word, _)| word)
    }

    /// The type of a tag whose configuration gives none.
    pub const fn default_type(self) -> DataType {
        match self {
            Self::Plain(data_type) => data_type,
            Self::Bcd => DataType::UInt16,
            Self::LongBcd | Self::Decimal => DataType::UInt32,
            Self::Unix32 | Self::Unix64 | Self::UnixMillis | Self::Ticks => DataType::DateTime,
        }
    }

    /// Whether a tag of this type can be stored so.
    pub fn allows(self, data_type: DataType) -> bool {
        use DataType::{Double, Float, Int16, Int32, Int64, UInt16, UInt32, UInt64};
        match self {
            Self::Plain(own) => own == data_type,
            Self::Bcd => matches!(data_type, Int16 | UInt16 | Int32 | UInt32 | Int64 | UInt64 | Float | Double),
            Self::LongBcd | Self::Decimal => matches!(data_type, Int32 | UInt32 | Int64 | UInt64 | Double),
            Self::Unix32 | Self::Unix64 | Self::UnixMillis | Self::Ticks => data_type == DataType::DateTime,
        }
    }
}
