//! The processing intervals of a time span.

use tagwire_model::Timestamp;
use thiserror::Error;

/// Why a time span has no intervals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum IntervalsError {
    /// Start and end are the same (`BadInvalidArgument`).
    #[error("start and end time are the same")]
    Empty,
    /// The processing interval is negative (`BadInvalidArgument`).
    #[error("processing interval is negative")]
    Negative,
}

/// The processing intervals of a time span, numbered from the earliest one (Part 13, 5.4.2.2).
///
/// Forwards each contains its early time and not its late time, backwards the other way round.
/// The last interval in the direction of time is shorter when the span is no multiple of the interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    early: i64,
    late: i64,
    width: i64,
    count: u64,
    backwards: bool,
}

impl Intervals {
    /// The intervals from `start` to `end`, which lies before `start` when time runs backwards.
    ///
    /// An interval of no ticks, or one longer than the span, gives one interval for the whole span.
    ///
    /// # Errors
    /// [`IntervalsError`] when the span is empty or the interval negative.
    pub fn new(start: Timestamp, end: Timestamp, ticks: i64) -> Result<Self, IntervalsError> {
        if ticks < 0 {
            return Err(IntervalsError::Negative);
        }
        if start == end {
            return Err(IntervalsError::Empty);
        }
        let backwards = end < start;
        let (early, late) = if backwards { (end, start) } else { (start, end) };
        let (early, late) = (early.ticks(), late.ticks());
        let range = late.saturating_sub(early);
        let width = if ticks == 0 { range } else { ticks.min(range) };
        let count = range.unsigned_abs().div_ceil(width.unsigned_abs().max(1));
        Ok(Self { early, late: early.saturating_add(range), width, count, backwards })
    }

    /// Intervals of `ticks` without end from `start` on, for live data.
    ///
    /// # Errors
    /// [`IntervalsError::Negative`] when `ticks` is not positive.
    pub fn endless(start: Timestamp, ticks: i64) -> Result<Self, IntervalsError> {
        if ticks <= 0 {
            return Err(IntervalsError::Negative);
        }
        let range = i64::MAX.saturating_sub(start.ticks());
        let count = range.unsigned_abs() / ticks.unsigned_abs();
        Ok(Self { early: start.ticks(), late: i64::MAX, width: ticks, count, backwards: false })
    }

    /// How many there are.
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether time runs backwards.
    pub const fn backwards(&self) -> bool {
        self.backwards
    }

    /// At most `len` of these intervals, leaving out the first `skip` in the direction of time: one page of an answer.
    ///
    /// `None` when nothing is left.
    pub fn page(&self, skip: u64, len: u64) -> Option<Self> {
        let len = len.min(self.count.checked_sub(skip)?);
        let (first, last) = match (len, self.backwards) {
            (0, _) => return None,
            (_, false) => (skip, skip + len - 1),
            (_, true) => (self.count - skip - len, self.count - skip - 1),
        };
        let (early, late) = (self.at(first).early, self.at(last).late);
        Some(Self { early, late, count: len, ..*self })
    }

    /// The earliest time of the span.
    pub const fn early(&self) -> Timestamp {
        Timestamp::from_ticks(self.early)
    }

    /// The latest time of the span.
    pub const fn late(&self) -> Timestamp {
        Timestamp::from_ticks(self.late)
    }

    /// The interval with number `idx`, counted from the earliest one.
    pub(super) fn at(&self, idx: u64) -> Interval {
        let offset = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(self.width);
        let (early, late) = if self.backwards {
            let late = self.late.saturating_sub(offset(self.count.saturating_sub(idx.saturating_add(1))));
            (late.saturating_sub(self.width).max(self.early), late)
        } else {
            let early = self.early.saturating_add(offset(idx));
            (early, early.saturating_add(self.width).min(self.late))
        };
        Interval { early, late, short: late - early < self.width, backwards: self.backwards }
    }
}

/// One processing interval, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) early: i64,
    pub(super) late: i64,
    /// Shorter than the processing interval asked for.
    pub(super) short: bool,
    pub(super) backwards: bool,
}

impl Interval {
    /// Whether a sample at `time` lies after this interval.
    pub(super) const fn ends_before(&self, time: i64) -> bool {
        if self.backwards { time > self.late } else { time >= self.late }
    }

    /// Whether a sample at `time` lies before this interval.
    pub(super) const fn begins_after(&self, time: i64) -> bool {
        if self.backwards { time <= self.early } else { time < self.early }
    }

    /// The time that results carry: where the interval begins in the direction of time.
    pub(super) const fn stamp(&self) -> i64 {
        if self.backwards { self.late } else { self.early }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> Timestamp {
        Timestamp::from_ticks(seconds * 10_000_000)
    }

    fn edges(intervals: &Intervals) -> Vec<(i64, i64)> {
        (0..intervals.len())
            .map(|idx| (intervals.at(idx).early / 10_000_000, intervals.at(idx).late / 10_000_000))
            .collect()
    }

    #[test]
    fn the_rest_of_the_span_is_the_last_interval_in_the_direction_of_time() {
        let forwards = Intervals::new(seconds(0), seconds(20), 60_000_000).unwrap();
        assert_eq!(edges(&forwards), [(0, 6), (6, 12), (12, 18), (18, 20)]);
        assert!(forwards.at(3).short && !forwards.at(0).short);
        let backwards = Intervals::new(seconds(20), seconds(0), 60_000_000).unwrap();
        assert_eq!(edges(&backwards), [(0, 2), (2, 8), (8, 14), (14, 20)]);
        assert!(backwards.at(0).short && !backwards.at(3).short);
        assert_eq!(backwards.at(3).stamp(), seconds(20).ticks());
    }

    #[test]
    fn no_interval_or_a_longer_one_gives_the_whole_span() {
        for ticks in [0, 200_000_000, i64::MAX] {
            assert_eq!(edges(&Intervals::new(seconds(5), seconds(9), ticks).unwrap()), [(5, 9)]);
        }
        assert_eq!(Intervals::new(seconds(5), seconds(5), 0), Err(IntervalsError::Empty));
        assert_eq!(Intervals::new(seconds(5), seconds(6), -1), Err(IntervalsError::Negative));
    }

    #[test]
    fn pages_cut_the_span_in_the_direction_of_time() {
        let forwards = Intervals::new(seconds(0), seconds(20), 60_000_000).unwrap();
        assert_eq!(edges(&forwards.page(2, 10).unwrap()), [(12, 18), (18, 20)]);
        assert!(forwards.page(2, 10).unwrap().at(1).short);
        assert_eq!(forwards.page(4, 10), None);
        let backwards = Intervals::new(seconds(20), seconds(0), 60_000_000).unwrap();
        assert_eq!(edges(&backwards.page(0, 2).unwrap()), [(8, 14), (14, 20)]);
        assert_eq!(edges(&backwards.page(2, 2).unwrap()), [(0, 2), (2, 8)]);
    }

    #[test]
    fn times_at_the_edge_of_the_calendar_do_not_overflow() {
        let intervals = Intervals::new(Timestamp::from_ticks(i64::MIN), Timestamp::from_ticks(i64::MAX), 1).unwrap();
        let _ = intervals.at(intervals.len() - 1);
        let endless = Intervals::endless(seconds(0), 10).unwrap();
        let _ = endless.at(endless.len() - 1);
    }
}
