//! Aggregates of live values in place of the values themselves (Part 4, 7.22.4; Part 13, 4.3).

use std::sync::Arc;

use tagwire_history::aggregate::{Engine, Intervals, Outcome, Processed, Settings, SettingsError};
use tagwire_model::Timestamp;
use tagwire_ua_proto::types::Variant;

use super::{Notification, Payload};

/// How long after its end an interval still takes values that are under way.
const LATENCY: i64 = 500 * Timestamp::TICKS_PER_MILLISECOND;
/// Results that may be due at once; after a leap of the clock over more intervals the rest is left out.
const MAX_CATCH_UP: i64 = 10_000;

/// The aggregate of one monitored item.
///
/// Intervals lie on the wall clock; nothing waits on it: whoever owns this says at each publishing cycle what time it is.
#[derive(Debug)]
pub(crate) struct Aggregation {
    settings: Settings,
    /// Start and width of the intervals.
    start: Timestamp,
    ticks: i64,
    engine: Engine,
    /// The latest value, which is true until the next one.
    latest: Option<(Timestamp, Notification)>,
    /// The start of the first interval that did not yet get the value that held at its start.
    next_start: Timestamp,
    results: Vec<Processed>,
    /// Whether the clock has reached the start.
    has_begun: bool,
    /// Whether values were lost since the last result.
    lost: bool,
    /// Whether range or unit of the tag changed since the last result.
    semantics_changed: bool,
}

impl Aggregation {
    /// Intervals of `ticks` from `start` on.
    ///
    /// # Errors
    /// [`SettingsError`] when the settings are refused.
    pub(crate) fn new(settings: Settings, start: Timestamp, ticks: i64) -> Result<Self, SettingsError> {
        let ticks = ticks.max(1);
        let engine = engine(&settings, start, ticks)?;
        Ok(Self {
            settings,
            start,
            ticks,
            engine,
            latest: None,
            next_start: start,
            results: Vec::new(),
            has_begun: false,
            lost: false,
            semantics_changed: false,
        })
    }

    /// Begins anew with the interval of `now`, as after a time in which nothing was heard.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        let passed = now.ticks_since(self.start).div_euclid(self.ticks);
        let later = if self.has_begun || passed > 0 { passed.saturating_mul(self.ticks) } else { 0 };
        let start = self.start.saturating_add_ticks(later);
        if let Ok(engine) = engine(&self.settings, start, self.ticks) {
            self.engine = engine;
        }
        self.next_start = start;
        if let Some((time, latest)) = self.latest.take() {
            self.feed(time.min(start), latest);
        }
    }

    /// Forgets what was heard, as when an item is disabled.
    pub(crate) fn clear(&mut self) {
        self.latest = None;
        self.results.clear();
        (self.lost, self.semantics_changed) = (false, false);
    }

    /// Takes a value of the tag.
    pub(crate) fn take(&mut self, sample: Notification) {
        // The server's own clock bounds what a device claims, or one that is years ahead would end years of intervals.
        let known = |time: Timestamp| Some(time).filter(|time| !time.is_none());
        let (source, server) = (known(sample.source_time), known(sample.server_time));
        let time = match (source, server) {
            (Some(source), Some(server)) => source.min(server),
            (time, None) | (None, time) => time.unwrap_or(self.start),
        };
        self.leap(time);
        self.feed(time, sample);
    }

    fn feed(&mut self, time: Timestamp, sample: Notification) {
        self.carry(time.saturating_add_ticks(-1));
        let passed = time.ticks_since(self.next_start);
        if passed >= 0 {
            let later = (passed / self.ticks + 1).saturating_mul(self.ticks);
            self.next_start = self.next_start.saturating_add_ticks(later);
        }
        if let Payload::Value(value) = &sample.payload {
            self.engine.push_value(time, value.clone(), sample.status, &mut self.results);
        }
        self.latest = Some((time, sample));
    }

    /// Gives each interval that begins by `until` the value that holds then, so that a value that stands still counts.
    fn carry(&mut self, until: Timestamp) {
        let Some((_, Notification { payload: Payload::Value(value), status, .. })) = &self.latest else { return };
        while self.next_start <= until && !self.engine.is_complete() {
            self.engine.push_value(self.next_start, value.clone(), *status, &mut self.results);
            self.next_start = self.next_start.saturating_add_ticks(self.ticks);
        }
    }

    /// Says that values were lost.
    pub(crate) const fn note_lost(&mut self) {
        self.lost = true;
    }

    /// Says that range or unit of the tag changed.
    pub(crate) const fn note_semantics(&mut self) {
        self.semantics_changed = true;
    }

    /// Ends the intervals that are over at `now`.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.has_begun |= now >= self.start;
        let opens = |engine: &Engine, ticks: i64| Some(engine.next_end()?.saturating_add_ticks(-ticks));
        // The clock was set back by more than an interval: what was heard lies in the future now.
        if self.has_begun && opens(&self.engine, self.ticks).is_some_and(|open| open.ticks_since(now) > self.ticks) {
            self.restart(now);
        }
        let over = now.saturating_add_ticks(-LATENCY.min(self.ticks));
        self.leap(over);
        self.carry(over);
    }

    /// Hands out the results that are due, stamped as known since `now`.
    pub(crate) fn drain(&mut self, now: Timestamp, mut each: impl FnMut(Notification)) {
        for result in std::mem::take(&mut self.results) {
            each(Notification {
                payload: match result.value {
                    Outcome::Value(value) => Payload::Value(value),
                    Outcome::Status(status) => Payload::Variant(Arc::new(Variant::StatusCode(status))),
                },
                status: result.status,
                overflow: std::mem::take(&mut self.lost),
                semantics_changed: std::mem::take(&mut self.semantics_changed),
                source_time: result.time,
                server_time: now,
            });
        }
    }

    /// Leaves intervals out when more of them end at once than anybody could want.
    fn leap(&mut self, time: Timestamp) {
        let behind = self.engine.next_end().map_or(0, |end| time.ticks_since(end) / self.ticks);
        if behind > MAX_CATCH_UP {
            self.lost = true;
            self.restart(time);
        }
    }
}

fn engine(settings: &Settings, start: Timestamp, ticks: i64) -> Result<Engine, SettingsError> {
    let intervals = Intervals::endless(start, ticks).map_err(|_| SettingsError::DataType)?;
    Engine::new(settings.clone(), intervals)
}

#[cfg(test)]
mod tests {
    use tagwire_history::aggregate::{Aggregate, Configuration};
    use tagwire_model::{DataType, Status, Value, ValueType};

    use super::*;

    const SECOND: i64 = Timestamp::TICKS_PER_SECOND;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_ticks(1_000_000 * SECOND + (seconds * SECOND as f64) as i64)
    }

    fn sample(value: f64, seconds: f64) -> Notification {
        Notification {
            payload: Payload::Value(Value::Double(value)),
            source_time: at(seconds),
            server_time: at(seconds),
            ..Notification::bad(Status::GOOD)
        }
    }

    fn average(start: f64) -> Aggregation {
        let settings = Settings {
            aggregate: Aggregate::TimeAverage2,
            configuration: Configuration::default(),
            stepped: true,
            value_type: ValueType::scalar(DataType::Double),
            annotations: None,
        };
        Aggregation::new(settings, at(start), 10 * SECOND).unwrap()
    }

    fn results(aggregation: &mut Aggregation, now: f64) -> Vec<(i64, f64)> {
        let mut seen = Vec::new();
        aggregation.advance(at(now));
        aggregation.drain(at(now), |result| {
            let Payload::Value(Value::Double(value)) = result.payload else { panic!("{result:?}") };
            seen.push((result.source_time.ticks_since(at(0.0)) / SECOND, value));
        });
        seen
    }

    #[test]
    fn an_interval_ends_with_its_time_and_not_with_the_next_change() {
        let mut aggregation = average(0.0);
        aggregation.take(sample(2.0, -100.0));
        aggregation.take(sample(4.0, 5.0));
        assert_eq!(results(&mut aggregation, 10.2), [], "values may still be under way");
        aggregation.take(sample(8.0, 9.0));
        assert_eq!(results(&mut aggregation, 10.6), [(0, 3.4)]);
        assert_eq!(results(&mut aggregation, 31.0), [(10, 8.0), (20, 8.0)]);
    }

    #[test]
    fn a_value_that_stands_still_is_a_sample_of_each_interval() {
        let settings = Settings { aggregate: Aggregate::Average, ..average(0.0).settings };
        let mut aggregation = Aggregation::new(settings, at(0.0), 10 * SECOND).unwrap();
        aggregation.take(sample(2.0, -100.0));
        assert_eq!(results(&mut aggregation, 21.0), [(0, 2.0), (10, 2.0)]);
        aggregation.take(sample(4.0, 25.0));
        aggregation.take(sample(6.0, 40.0));
        assert_eq!(results(&mut aggregation, 51.0), [(20, 3.0), (30, 4.0), (40, 6.0)]);
    }

    #[test]
    fn a_start_in_the_future_is_waited_for() {
        let mut aggregation = average(100.0);
        aggregation.take(sample(1.0, 0.0));
        aggregation.restart(at(1.0));
        assert_eq!(results(&mut aggregation, 105.0), []);
        assert_eq!(results(&mut aggregation, 111.0), [(100, 1.0)]);
    }

    #[test]
    fn a_leap_of_the_clock_ends_no_more_intervals_than_anybody_could_want() {
        let mut aggregation = average(0.0);
        aggregation.take(sample(1.0, 0.0));
        assert_eq!(results(&mut aggregation, 1e9).len(), 0);
        assert_eq!(results(&mut aggregation, 1e9 + 10.6), [(999_999_990, 1.0), (1_000_000_000, 1.0)]);
        assert_eq!(results(&mut aggregation, 1e6), [], "set back");
        assert_eq!(results(&mut aggregation, 1e6 + 11.0), [(1_000_000, 1.0)]);
        aggregation.take(Notification { source_time: at(9e9), ..sample(3.0, 1e6 + 15.0) });
        assert_eq!(results(&mut aggregation, 1e6 + 21.0), [(1_000_010, 2.0)], "a device that is ahead");
    }

    #[test]
    fn nothing_is_said_before_the_first_value() {
        let mut aggregation = average(0.0);
        assert_eq!(results(&mut aggregation, 50.0), []);
        aggregation.take(sample(5.0, 55.0));
        let mut seen = Vec::new();
        aggregation.advance(at(61.0));
        aggregation.drain(at(61.0), |result| seen.push((result.status, result.payload)));
        assert_eq!(seen.len(), 6);
        assert!(seen[..5].iter().all(|(status, _)| *status == Status::BAD_NO_DATA));
    }
}
