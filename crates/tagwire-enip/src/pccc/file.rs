//! The types of data files.

/// What the elements of a data file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FileType {
    /// `S`: status of the processor.
    Status = 0x84,
    /// `B`: bits.
    Bit = 0x85,
    /// `T`: timers.
    Timer = 0x86,
    /// `C`: counters.
    Counter = 0x87,
    /// `R`: control.
    Control = 0x88,
    /// `N`: integers.
    Integer = 0x89,
    /// `F`: IEEE 754 singles.
    Float = 0x8A,
    /// `O`: outputs.
    Output = 0x8B,
    /// `I`: inputs.
    Input = 0x8C,
    /// `ST`: texts of up to 82 characters.
    Text = 0x8D,
    /// `A`: pairs of characters.
    Ascii = 0x8E,
    /// `D`: four decimal digits.
    Decimal = 0x8F,
    /// `L`: long integers.
    Long = 0x91,
}

impl FileType {
    /// All types; those whose letters begin with another's letter first.
    pub const ALL: [Self; 13] = [
        Self::Text,
        Self::Status,
        Self::Bit,
        Self::Timer,
        Self::Counter,
        Self::Control,
        Self::Integer,
        Self::Float,
        Self::Output,
        Self::Input,
        Self::Ascii,
        Self::Decimal,
        Self::Long,
    ];

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type with this code; outputs and inputs have a second one, with which some clients ask.
    pub fn from_code(code: u8) -> Option<Self> {
        let code = match code {
            0x82 => Self::Output.code(),
            0x83 => Self::Input.code(),
            code => code,
        };
        Self::ALL.into_iter().find(|file_type| file_type.code() == code)
    }

    /// The letters before the number of the file.
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Status => "S",
            Self::Bit => "B",
            Self::Timer => "T",
            Self::Counter => "C",
            Self::Control => "R",
            Self::Integer => "N",
            Self::Float => "F",
            Self::Output => "O",
            Self::Input => "I",
            Self::Text => "ST",
            Self::Ascii => "A",
            Self::Decimal => "D",
            Self::Long => "L",
        }
    }

    /// What an element is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status word",
            Self::Bit => "word of bits",
            Self::Timer => "timer",
            Self::Counter => "counter",
            Self::Control => "control",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Output => "output",
            Self::Input => "input",
            Self::Text => "text",
            Self::Ascii => "pair of characters",
            Self::Decimal => "decimal",
            Self::Long => "long integer",
        }
    }

    /// [`Self::name`] with its article.
    pub const fn one(self) -> &'static str {
        match self {
            Self::Status => "a status word",
            Self::Bit => "a word of bits",
            Self::Timer => "a timer",
            Self::Counter => "a counter",
            Self::Control => "a control",
            Self::Integer => "an integer",
            Self::Float => "a float",
            Self::Output => "an output",
            Self::Input => "an input",
            Self::Text => "a text",
            Self::Ascii => "a pair of characters",
            Self::Decimal => "a decimal",
            Self::Long => "a long integer",
        }
    }

    /// 16-bit words of one element.
    pub const fn n_words(self) -> u32 {
        match self {
            Self::Float | Self::Long => 2,
            Self::Timer | Self::Counter | Self::Control => 3,
            Self::Text => 42,
            _ => 1,
        }
    }

    /// The number of the file where there is only one.
    pub const fn fixed_number(self) -> Option<u8> {
        match self {
            Self::Output => Some(0),
            Self::Input => Some(1),
            Self::Status => Some(2),
            _ => None,
        }
    }

    /// Whether a file holds the words of modules.
    pub const fn is_io(self) -> bool {
        matches!(self, Self::Output | Self::Input)
    }
}
