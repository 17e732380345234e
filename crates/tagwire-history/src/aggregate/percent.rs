//! The status of a result from the shares of good and bad data (Part 13, 5.4.3.2).

use tagwire_model::Status;

use super::Configuration;
use super::point::Class;
use super::processed::UNCERTAIN_DATA_SUB_NORMAL;

/// How much of an interval is good, uncertain and bad, in values or in ticks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shares {
    pub(super) good: i64,
    pub(super) uncertain: i64,
    pub(super) bad: i64,
}

impl Shares {
    pub(super) fn add(&mut self, class: Class, amount: i64) {
        match class {
            Class::Good => self.good += amount,
            Class::Uncertain => self.uncertain += amount,
            Class::Bad => self.bad += amount,
        }
    }

    pub(super) const fn total(&self) -> i64 {
        self.good + self.uncertain + self.bad
    }

    /// The status by share of values: uncertain ones are never good.
    pub(super) fn by_values(&self, configuration: &Configuration) -> Status {
        let bad = if configuration.treat_uncertain_as_bad { self.bad + self.uncertain } else { self.bad };
        status(self.good, bad, self.total(), configuration)
    }

    /// The status by share of time: uncertain stretches are either good or bad.
    pub(super) fn by_time(&self, configuration: &Configuration) -> Status {
        if configuration.treat_uncertain_as_bad {
            status(self.good, self.bad + self.uncertain, self.total(), configuration)
        } else {
            status(self.good + self.uncertain, self.bad, self.total(), configuration)
        }
    }
}

/// Good wins when both limits are reached, as 4.2.1.2 wants.
fn status(good: i64, bad: i64, total: i64, configuration: &Configuration) -> Status {
    let reaches = |part: i64, percent: u8| i128::from(part) * 100 >= i128::from(total) * i128::from(percent);
    if total == 0 || reaches(good, configuration.percent_data_good) {
        Status::GOOD
    } else if reaches(bad, configuration.percent_data_bad) {
        Status::BAD
    } else {
        UNCERTAIN_DATA_SUB_NORMAL
    }
}
