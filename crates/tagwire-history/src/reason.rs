//! Why a sample was stored.

/// Why a sample was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Reason {
    /// Not told.
    #[default]
    Unknown = 0,
    /// A time had come.
    Cyclic = 1,
    /// The value changed by more than its deadband.
    Changed = 2,
    /// The quality changed.
    Quality = 3,
    /// First sample after a start.
    Start = 4,
    /// Last sample before a stop.
    Stop = 5,
    /// It came from a file.
    Imported = 6,
}

impl Reason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Unknown, Self::Cyclic, Self::Changed, Self::Quality, Self::Start, Self::Stop, Self::Imported];

    /// One word; nothing for [`Reason::Unknown`].
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Cyclic => "cyclic",
            Self::Changed => "changed",
            Self::Quality => "quality",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Imported => "imported",
        }
    }

    /// The reason with this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// The reason with this number; [`Reason::Unknown`] for one that means nothing.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Cyclic,
            2 => Self::Changed,
            3 => Self::Quality,
            4 => Self::Start,
            5 => Self::Stop,
            6 => Self::Imported,
            _ => Self::Unknown,
        }
    }
}
