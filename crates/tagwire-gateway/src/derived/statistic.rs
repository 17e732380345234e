//! What is worked out of one tag over time: average, minimum, maximum, and the total of a counter.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What a statistic tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The mean of the samples.
    Average,
    /// The smallest one.
    Minimum,
    /// The largest one.
    Maximum,
}

impl Measure {
    /// The word of the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Average => "average",
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
        }
    }

    /// The result over values of several tags; `None` without any.
    pub(crate) fn across(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        let mut part = Part::default();
        values.for_each(|value| part.add(value));
        part.result(self)
    }
}

/// Samples taken together: as much as every measure needs.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    n: u64,
    /// Kept in place of a sum, which would lose digits.
    mean: f64,
    low: f64,
    high: f64,
}

impl Part {
    fn add(&mut self, value: f64) {
        self.n += 1;
        self.mean += (value - self.mean) / self.n as f64;
        (self.low, self.high) = if self.n == 1 { (value, value) } else { (self.low.min(value), self.high.max(value)) };
    }

    fn join(&mut self, other: &Self) {
        match (self.n, other.n) {
            (_, 0) => {}
            (0, _) => *self = *other,
            (own, more) => {
                self.n = own + more;
                self.mean += (other.mean - self.mean) * (more as f64 / self.n as f64);
                (self.low, self.high) = (self.low.min(other.low), self.high.max(other.high));
            }
        }
    }

    fn result(&self, measure: Measure) -> Option<f64> {
        (self.n > 0).then_some(match measure {
            Measure::Average => self.mean,
            Measure::Minimum => self.low,
            Measure::Maximum => self.high,
        })
    }
}

/// Into how many parts a window is cut: it moves on by one of them at a time.
const PARTS: u32 = 60;

/// A measure of the samples of one tag: of all, or of those within a window of time.
#[derive(Clone, Debug)]
pub(crate) struct Statistic {
    measure: Measure,
    window: Option<Duration>,
    all: Part,
    /// The parts of the window, each with its beginning, oldest first; never more than [`PARTS`] and one.
    parts: VecDeque<(Instant, Part)>,
}

impl Statistic {
    pub(crate) fn new(measure: Measure, window: Option<Duration>) -> Self {
        Self { measure, window, all: Part::default(), parts: VecDeque::new() }
    }

    pub(crate) fn add(&mut self, value: f64, now: Instant) {
        let Some(window) = self.window else { return self.all.add(value) };
        let length = window / PARTS;
        match self.parts.back_mut() {
            Some((began, part)) if now.saturating_duration_since(*began) < length => part.add(value),
            _ => {
                let mut part = Part::default();
                part.add(value);
                self.parts.push_back((now, part));
            }
        }
        self.drop_old(now);
    }

    fn drop_old(&mut self, now: Instant) {
        let Some(window) = self.window else { return };
        while self.parts.front().is_some_and(|(began, _)| now.saturating_duration_since(*began) >= window) {
            self.parts.pop_front();
        }
    }

    pub(crate) fn reset(&mut self) {
        self.all = Part::default();
        self.parts.clear();
    }

    /// The result; `None` when there were no samples.
    pub(crate) fn result(&mut self, now: Instant) -> Option<f64> {
        self.drop_old(now);
        let mut all = self.all;
        self.parts.iter().for_each(|(_, part)| all.join(part));
        all.result(self.measure)
    }

    /// How long until the window has moved on by a part.
    pub(crate) fn period(&self) -> Option<Duration> {
        self.window.map(|window| (window / PARTS).max(Duration::from_millis(100)))
    }
}

/// The total of a counter that starts again at 0 behind its largest number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Total {
    rollover: Option<f64>,
    last: Option<f64>,
    total: f64,
}

impl Total {
    pub(crate) const fn new(rollover: Option<f64>) -> Self {
        Self { rollover, last: None, total: 0.0 }
    }

    /// Adds what the counter has counted since the last value; the first value only says where it stands. True when the
    /// value alone does not tell later what was added: at the first one, and when the counter fell.
    pub(crate) fn add(&mut self, value: f64) -> bool {
        let Some(last) = self.last.replace(value) else { return true };
        let step = value - last;
        self.total += match self.rollover {
            _ if step >= 0.0 => step,
            Some(largest) if last <= largest => step + largest + 1.0,
            // A counter that falls from elsewhere was set back, and counts on from 0.
            _ => value.max(0.0),
        };
        step < 0.0
    }

    /// Where the counter stood, and the total; `None` before the first value.
    pub(crate) fn kept(&self) -> Option<(f64, f64)> {
        Some((self.last?, self.total)).filter(|(last, total)| last.is_finite() && total.is_finite())
    }

    /// Goes on from a total that was kept, unless a value came before.
    pub(crate) fn go_on(&mut self, (last, total): (f64, f64)) {
        if self.last.is_none() {
            (self.last, self.total) = (Some(last), total);
        }
    }

    pub(crate) const fn reset(&mut self) {
        self.total = 0.0;
    }

    pub(crate) const fn result(&self) -> f64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statistic_without_a_window_knows_all_samples() {
        let now = Instant::now();
        for (measure, expected) in [(Measure::Average, 4.0), (Measure::Minimum, 1.0), (Measure::Maximum, 9.0)] {
            let mut statistic = Statistic::new(measure, None);
            assert_eq!(statistic.result(now), None);
            [1.0, 2.0, 9.0].into_iter().for_each(|value| statistic.add(value, now));
            assert_eq!(statistic.result(now), Some(expected));
            statistic.reset();
            assert_eq!(statistic.result(now), None);
        }
    }

    #[test]
    fn samples_leave_the_window_in_time_and_memory_stays_bounded() {
        let start = Instant::now();
        let mut statistic = Statistic::new(Measure::Average, Some(Duration::from_secs(60)));
        for millis in 0..200_000_u64 {
            statistic.add(if millis < 100_000 { 0.0 } else { 10.0 }, start + Duration::from_millis(millis));
            assert!(statistic.parts.len() <= PARTS as usize + 1);
        }
        let now = start + Duration::from_secs(200);
        assert_eq!(statistic.result(now), Some(10.0));
        assert_eq!(statistic.result(now + Duration::from_secs(61)), None);
    }

    #[test]
    fn joined_parts_have_the_mean_of_all() {
        let (mut left, mut right) = (Part::default(), Part::default());
        [1.0, 2.0, 3.0].into_iter().for_each(|value| left.add(value));
        [10.0].into_iter().for_each(|value| right.add(value));
        left.join(&right);
        assert_eq!(left.result(Measure::Average), Some(4.0));
        assert_eq!((left.low, left.high), (1.0, 10.0));
    }

    #[test]
    fn a_counter_goes_on_behind_its_largest_number() {
        for (rollover, values, expected) in [
            (Some(65_535.0), &[65_530.0, 65_535.0, 4.0][..], 10.0),
            (None, &[100.0, 110.0, 3.0], 13.0),
            (None, &[7.0], 0.0),
            (Some(99.0), &[100.0, 500.0, 0.0, 7.0], 407.0),
        ] {
            let mut total = Total::new(rollover);
            for value in values {
                total.add(*value);
            }
            assert_eq!(total.result(), expected, "{values:?}");
        }
    }
}
