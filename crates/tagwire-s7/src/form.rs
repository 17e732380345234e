//! The types of STEP 7: how one element lies in its bytes, and which types of value it can be.

use tagwire_model::DataType;

/// How one element lies in memory. All numbers have their most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `BOOL`: one bit.
    Bit,
    /// `BYTE`
    Byte,
    /// `SINT`
    SInt,
    /// `USINT`
    USInt,
    /// `WORD`
    Word,
    /// `INT`
    Int,
    /// `UINT`
    UInt,
    /// `DWORD`
    DWord,
    /// `DINT`
    DInt,
    /// `UDINT`
    UDInt,
    /// `LWORD`
    LWord,
    /// `LINT`
    LInt,
    /// `ULINT`
    ULInt,
    /// `REAL`: IEEE 754 single.
    Real,
    /// `LREAL`: IEEE 754 double.
    LReal,
    /// `CHAR`: one character of Latin-1.
    Char,
    /// `WCHAR`: one 16-bit unit of UTF-16.
    WChar,
    /// So many bytes of text without a header, or of anything.
    Text(u16),
    /// `STRING[n]`: most length, length, characters of Latin-1.
    String(u16),
    /// `WSTRING[n]`: most length, length, 16-bit units of UTF-16.
    WString(u16),
    /// `S5TIME`: time base and three decimal digits.
    S5Time,
    /// Four decimal digits in a word.
    Bcd,
    /// Eight decimal digits in a double word.
    LongBcd,
    /// `TIME`: signed milliseconds in 32 bits.
    Time,
    /// `LTIME`: signed nanoseconds in 64 bits.
    LTime,
    /// `DATE`: days since 1990-01-01 in 16 bits.
    Date,
    /// `TIME_OF_DAY`: milliseconds since midnight in 32 bits.
    TimeOfDay,
    /// `LTIME_OF_DAY`: nanoseconds since midnight in 64 bits.
    LTimeOfDay,
    /// `DATE_AND_TIME`: decimal digits in 8 bytes.
    DateAndTime,
    /// `LDT`: nanoseconds since 1970-01-01 in 64 bits.
    LDateTime,
    /// `DTL`: year, month, day, weekday, hour, minute, second, nanoseconds in 12 bytes.
    Dtl,
    /// A timer of the timer area, which is an `S5TIME`.
    Timer,
    /// A counter of the counter area: three decimal digits.
    Counter,
}

/// Words of the address grammar, longest first where one begins with another.
pub(crate) const WORDS: &[(&str, Form)] = &[
    ("DATE_AND_LTIME", Form::LDateTime),
    ("DATE_AND_TIME", Form::DateAndTime),
    ("LTIME_OF_DAY", Form::LTimeOfDay),
    ("TIME_OF_DAY", Form::TimeOfDay),
    ("WSTRING", Form::WString(254)),
    ("STRING", Form::String(254)),
    ("S5TIME", Form::S5Time),
    ("USINT", Form::USInt),
    ("UDINT", Form::UDInt),
    ("ULINT", Form::ULInt),
    ("DWORD", Form::DWord),
    ("LWORD", Form::LWord),
    ("LREAL", Form::LReal),
    ("LTIME", Form::LTime),
    ("WCHAR", Form::WChar),
    ("BOOL", Form::Bit),
    ("BYTE", Form::Byte),
    ("CHAR", Form::Char),
    ("DATE", Form::Date),
    ("DINT", Form::DInt),
    ("LBCD", Form::LongBcd),
    ("LINT", Form::LInt),
    ("LTOD", Form::LTimeOfDay),
    ("REAL", Form::Real),
    ("SINT", Form::SInt),
    ("TIME", Form::Time),
    ("UINT", Form::UInt),
    ("WORD", Form::Word),
    ("BCD", Form::Bcd),
    ("DTL", Form::Dtl),
    ("INT", Form::Int),
    ("LDT", Form::LDateTime),
    ("S5T", Form::S5Time),
    ("TOD", Form::TimeOfDay),
    ("DI", Form::DInt),
    ("DT", Form::DateAndTime),
    ("LI", Form::LInt),
    ("LR", Form::LReal),
    ("B", Form::Byte),
    ("C", Form::Char),
    ("D", Form::DWord),
    ("I", Form::Int),
    ("L", Form::LWord),
    ("R", Form::Real),
    ("S", Form::Text(0)),
    ("W", Form::Word),
    ("X", Form::Bit),
];

impl Form {
    /// Bytes of one element in an array; 2 for timers and counters. Strings in arrays begin at even bytes. Bits share
    /// their bytes, so that a bit has none of its own.
    pub const fn n_bytes(self) -> u32 {
        match self {
            Self::Bit => 0,
            Self::Byte | Self::SInt | Self::USInt | Self::Char => 1,
            Self::Word | Self::Int | Self::UInt | Self::WChar | Self::S5Time | Self::Date => 2,
            Self::Timer | Self::Counter | Self::Bcd => 2,
            Self::DWord | Self::DInt | Self::UDInt | Self::Real | Self::Time | Self::TimeOfDay | Self::LongBcd => 4,
            Self::LWord | Self::LInt | Self::ULInt | Self::LReal | Self::LTime | Self::LTimeOfDay => 8,
            Self::DateAndTime | Self::LDateTime => 8,
            Self::Dtl => 12,
            Self::Text(len) => len as u32,
            Self::String(len) => (len as u32 + 2).next_multiple_of(2),
            Self::WString(len) => 4 + 2 * len as u32,
        }
    }

    /// Bytes of a value that stands alone.
    pub const fn n_bytes_alone(self) -> u32 {
        match self {
            Self::Bit => 1,
            Self::String(len) => len as u32 + 2,
            form => form.n_bytes(),
        }
    }

    /// The name in STEP 7.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bit => "BOOL",
            Self::Byte => "BYTE",
            Self::SInt => "SINT",
            Self::USInt => "USINT",
            Self::Word => "WORD",
            Self::Int => "INT",
            Self::UInt => "UINT",
            Self::DWord => "DWORD",
            Self::DInt => "DINT",
            Self::UDInt => "UDINT",
            Self::LWord => "LWORD",
            Self::LInt => "LINT",
            Self::ULInt => "ULINT",
            Self::Real => "REAL",
            Self::LReal => "LREAL",
            Self::Char => "CHAR",
            Self::WChar => "WCHAR",
            Self::Text(_) => "plain text",
            Self::String(_) => "STRING",
            Self::WString(_) => "WSTRING",
            Self::S5Time => "S5TIME",
            Self::Bcd => "BCD",
            Self::LongBcd => "LBCD",
            Self::Time => "TIME",
            Self::LTime => "LTIME",
            Self::Date => "DATE",
            Self::TimeOfDay => "TIME_OF_DAY",
            Self::LTimeOfDay => "LTIME_OF_DAY",
            Self::DateAndTime => "DATE_AND_TIME",
            Self::LDateTime => "LDT",
            Self::Dtl => "DTL",
            Self::Timer => "TIMER",
            Self::Counter => "COUNTER",
        }
    }

    /// What the form means, in words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Bit => "one bit",
            Self::Byte | Self::USInt => "unsigned number in 8 bits",
            Self::SInt => "signed number in 8 bits",
            Self::Word | Self::UInt => "unsigned number in 16 bits",
            Self::Int => "signed number in 16 bits",
            Self::DWord | Self::UDInt => "unsigned number in 32 bits",
            Self::DInt => "signed number in 32 bits",
            Self::LWord | Self::ULInt => "unsigned number in 64 bits",
            Self::LInt => "signed number in 64 bits",
            Self::Real => "IEEE 754 single",
            Self::LReal => "IEEE 754 double",
            Self::Char => "one character of Latin-1",
            Self::WChar => "one 16-bit unit of UTF-16",
            Self::Text(_) => "bytes without a header",
            Self::String(_) => "most length, length, then characters of Latin-1",
            Self::WString(_) => "most length, length in 16 bits each, then UTF-16",
            Self::S5Time | Self::Timer => "time base and three decimal digits, shown in milliseconds",
            Self::Bcd => "four decimal digits in 16 bits",
            Self::LongBcd => "eight decimal digits in 32 bits",
            Self::Time => "signed milliseconds in 32 bits",
            Self::LTime => "signed nanoseconds in 64 bits",
            Self::Date => "days since 1990-01-01 in 16 bits",
            Self::TimeOfDay => "milliseconds since midnight in 32 bits",
            Self::LTimeOfDay => "nanoseconds since midnight in 64 bits",
            Self::DateAndTime => "decimal digits of year, month, day, hour, minute, second, milliseconds, weekday",
            Self::LDateTime => "nanoseconds since 1970-01-01 in 64 bits",
            Self::Dtl => "year, month, day, weekday, hour, minute, second, nanoseconds",
            Self::Counter => "three decimal digits",
        }
    }

    /// The type of a tag whose configuration gives none.
    pub const fn default_type(self) -> DataType {
        match self {
            Self::Bit => DataType::Boolean,
            Self::Byte | Self::USInt => DataType::UInt8,
            Self::SInt => DataType::Int8,
            Self::Word | Self::UInt | Self::Counter | Self::Bcd => DataType::UInt16,
            Self::Int => DataType::Int16,
            Self::DWord | Self::UDInt | Self::LongBcd => DataType::UInt32,
            Self::S5Time | Self::Timer | Self::TimeOfDay => DataType::UInt32,
            Self::DInt | Self::Time => DataType::Int32,
            Self::LWord | Self::ULInt | Self::LTimeOfDay => DataType::UInt64,
            Self::LInt | Self::LTime => DataType::Int64,
            Self::Real => DataType::Float,
            Self::LReal => DataType::Double,
            Self::Char | Self::WChar | Self::Text(_) | Self::String(_) | Self::WString(_) => DataType::String,
            Self::Date | Self::DateAndTime | Self::LDateTime | Self::Dtl => DataType::DateTime,
        }
    }

    /// The form that an element has when it is declared with this type; `None` when it cannot have it. The plain words
    /// `B`, `W`, `D` and `L` name a size only.
    pub const fn of_type(self, data_type: DataType) -> Option<Self> {
        Some(match (self, data_type) {
            (Self::Byte, DataType::Int8) => Self::SInt,
            (Self::Word, DataType::Int16) => Self::Int,
            (Self::DWord, DataType::Int32) => Self::DInt,
            (Self::DWord, DataType::Float) => Self::Real,
            (Self::LWord, DataType::Int64) => Self::LInt,
            (Self::LWord, DataType::Double) => Self::LReal,
            (Self::Char, DataType::UInt8) => Self::USInt,
            (Self::WChar, DataType::UInt16) => Self::UInt,
            (Self::Text(len), DataType::ByteString) => Self::Text(len),
            // Times may be declared as milliseconds, the Duration of OPC UA.
            (
                Self::S5Time | Self::Timer | Self::Time | Self::LTime | Self::TimeOfDay | Self::LTimeOfDay,
                DataType::Double,
            ) => self,
            _ => {
                if self.default_type() as u8 == data_type as u8 {
                    self
                } else {
                    return None;
                }
            }
        })
    }

    /// Whether the element is a text whose header says how long it is.
    pub const fn has_text_header(self) -> bool {
        matches!(self, Self::String(_) | Self::WString(_))
    }
}
