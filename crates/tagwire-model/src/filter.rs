//! Smoothing of values that flicker.

use std::time::Duration;

use crate::Timestamp;

/// An exponential filter (a first-order lag): after one time constant a step has come through by 63 %, after three by
/// 95 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    time_constant: Duration,
}

/// What a filter let through last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filtered {
    /// The value.
    pub value: f64,
    /// When it was true.
    pub time: Timestamp,
}

impl Filter {
    /// A filter with a time constant; a zero one lets everything through.
    pub const fn new(time_constant: Duration) -> Self {
        Self { time_constant }
    }

    /// What the filter lets through of a value that is true at `time`. The first value comes through as it is, and so does
    /// one that is no finite number, which the filter could never forget.
    pub fn next(&self, last: Option<Filtered>, value: f64, time: Timestamp) -> Filtered {
        let Some(last) = last.filter(|last| last.value.is_finite() && value.is_finite()) else {
            return Filtered { value, time };
        };
        let seconds = time.ticks_since(last.time).max(0) as f64 / Timestamp::TICKS_PER_SECOND as f64;
        let constant = self.time_constant.as_secs_f64();
        let share = if constant > 0.0 { -(-seconds / constant).exp_m1() } else { 1.0 };
        // A clock that was set back must not stop the filter for as long as it was set back.
        Filtered { value: last.value + (value - last.value) * share, time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ticks(seconds * Timestamp::TICKS_PER_SECOND)
    }

    #[test]
    fn a_step_comes_through_by_and_by_however_often_it_is_sampled() {
        let filter = Filter::new(Duration::from_secs(10));
        let start = filter.next(None, 0.0, at(0));
        let once = filter.next(Some(start), 100.0, at(10));
        assert!((once.value - 63.212).abs() < 0.001, "{once:?}");
        let often = (1..=10).fold(start, |last, second| filter.next(Some(last), 100.0, at(second)));
        assert!((often.value - once.value).abs() < 1e-9, "{often:?}");
    }

    #[test]
    fn what_is_no_number_passes_and_is_forgotten() {
        let filter = Filter::new(Duration::from_secs(10));
        let good = filter.next(None, 5.0, at(0));
        let lost = filter.next(Some(good), f64::NAN, at(1));
        assert!(lost.value.is_nan());
        assert_eq!(filter.next(Some(lost), 7.0, at(2)).value, 7.0);
    }

    #[test]
    fn a_clock_set_back_holds_the_value_for_one_sample_only() {
        let filter = Filter::new(Duration::from_secs(1));
        let last = filter.next(None, 0.0, at(1_000));
        let held = filter.next(Some(last), 10.0, at(0));
        assert_eq!(held.value, 0.0);
        assert!(filter.next(Some(held), 10.0, at(5)).value > 9.0);
        assert_eq!(Filter::new(Duration::ZERO).next(Some(last), 10.0, at(1_000)).value, 10.0);
    }
}
