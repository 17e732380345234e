//! How to compute an aggregate, and which settings are refused.

use tagwire_model::{Timestamp, ValueType};
use thiserror::Error;

use super::Aggregate;

/// How an aggregate treats what is not good (Part 13, 4.2.1.2). The default is that of the standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Whether values of uncertain status count as bad.
    pub treat_uncertain_as_bad: bool,
    /// From which share of bad data on a result is bad, in percent.
    pub percent_data_bad: u8,
    /// From which share of good data on a result is good, in percent.
    pub percent_data_good: u8,
    /// Whether values after the end of the data lie on the line through the last two, and not on the last one.
    pub use_sloped_extrapolation: bool,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            treat_uncertain_as_bad: true,
            percent_data_bad: 100,
            percent_data_good: 100,
            use_sloped_extrapolation: false,
        }
    }
}

/// Why an aggregate cannot be computed as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// A percentage is above 100, or both together leave data that are neither good nor bad nor uncertain
    /// (`BadAggregateConfigurationRejected`).
    #[error("percentages are above 100 or contradict each other")]
    Percentages,
    /// The aggregate is not made for values of this type (`BadAggregateInvalidInputs`).
    #[error("aggregate does not take values of this type")]
    DataType,
}

impl Configuration {
    /// Checks the percentages: none above 100, and good at least 100 less bad.
    ///
    /// # Errors
    /// [`SettingsError::Percentages`] when they break that rule.
    pub fn check(&self) -> Result<(), SettingsError> {
        let (good, bad) = (u16::from(self.percent_data_good), u16::from(self.percent_data_bad));
        if good > 100 || bad > 100 || good + bad < 100 {
            return Err(SettingsError::Percentages);
        }
        Ok(())
    }
}

/// What to compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The aggregate.
    pub aggregate: Aggregate,
    /// How it treats what is not good.
    pub configuration: Configuration,
    /// Whether a value holds until the next one (the Stepped property); else a line leads to the next one.
    ///
    /// Values that are no numbers always hold.
    pub stepped: bool,
    /// The type of the samples.
    pub value_type: ValueType,
    /// What [`Aggregate::AnnotationCount`] counts: these times of annotations, ascending; `None` counts every value.
    pub annotations: Option<Vec<Timestamp>>,
}

impl Settings {
    /// Checks that the aggregate takes the type and that the percentages make sense.
    ///
    /// # Errors
    /// [`SettingsError`] says what does not fit.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.configuration.check()?;
        if !self.aggregate.accepts(self.value_type) {
            return Err(SettingsError::DataType);
        }
        Ok(())
    }

    /// Whether values hold until the next one, by wish or because no line leads between them.
    pub(super) fn holds(&self) -> bool {
        self.stepped || !self.value_type.is_scalar() || !self.value_type.data_type.is_number()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_refused_when_they_leave_a_gap() {
        let with = |percent_data_good, percent_data_bad| Configuration {
            percent_data_good,
            percent_data_bad,
            ..Configuration::default()
        };
        assert_eq!(Configuration::default().check(), Ok(()));
        assert_eq!(with(50, 50).check(), Ok(()));
        assert_eq!(with(100, 0).check(), Ok(()));
        assert_eq!(with(0, 80).check(), Err(SettingsError::Percentages));
        assert_eq!(with(101, 100).check(), Err(SettingsError::Percentages));
        assert_eq!(with(100, 200).check(), Err(SettingsError::Percentages));
    }
}
