//! What damaged files cost.

use std::fmt;

use tagwire_model::Timestamp;

use crate::TagNumber;

/// Samples that cannot be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// The tag; `None` when that is not known either.
    pub tag: Option<TagNumber>,
    /// Time of the first sample lost; the lowest possible when it is not known.
    pub from: Timestamp,
    /// Time of the last sample lost; the highest possible when it is not known.
    pub to: Timestamp,
    /// How many samples are lost; `None` when that is not known.
    pub samples: Option<u64>,
}

impl Damage {
    pub(crate) const fn unknown(file: String, samples: Option<u64>) -> Self {
        Self { file, tag: None, from: Timestamp::from_ticks(i64::MIN), to: Timestamp::from_ticks(i64::MAX), samples }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is damaged: ", self.file)?;
        match self.samples {
            Some(n) => write!(f, "{n} samples are lost")?,
            None => f.write_str("an unknown number of samples is lost")?,
        }
        if let Some(tag) = self.tag {
            write!(f, ", tag {tag} from {} to {}", self.from, self.to)?;
        }
        Ok(())
    }
}
