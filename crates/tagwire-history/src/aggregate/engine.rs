//! One pass over the samples, one result per interval.

use tagwire_model::{DataType, Sample, Status, Timestamp, Value, ValueType};

use super::intervals::{Interval, Intervals};
use super::lines::Lines;
use super::point::Point;
use super::processed::Processed;
use super::raw::RawValues;
use super::regions::Regions;
use super::{Aggregate, Settings, SettingsError, Summary};

#[derive(Clone, Debug)]
enum State {
    Raw(RawValues),
    Regions(Regions),
    Lines(Lines),
}

/// Computes one aggregate over the samples of one tag.
///
/// Samples come in order of their source time, whichever way time runs in the answer: from where
/// [`Aggregate::lead`] says until [`Engine::is_complete`], or until there are no more; then [`Engine::finish`].
/// Results come in order of their intervals, the earliest first. A leading sample of status `BadNoData` only says that
/// there are no data yet. A sample that is older than the one before it is left out.
///
/// Memory does not grow with the samples.
#[derive(Clone, Debug)]
pub struct Engine {
    settings: Settings,
    intervals: Intervals,
    /// Number of the interval that is open, and the interval itself.
    open: u64,
    interval: Interval,
    numeric: bool,
    uncertain_is_bad: bool,
    /// When the data start.
    start: Option<i64>,
    previous: Option<Point>,
    state: State,
}

impl Engine {
    /// An engine before its first sample.
    ///
    /// # Errors
    /// [`SettingsError`] when the settings are refused.
    pub fn new(settings: Settings, intervals: Intervals) -> Result<Self, SettingsError> {
        settings.check()?;
        let state = RawValues::new(settings.aggregate)
            .map(State::Raw)
            .or_else(|| Regions::new(&settings).map(State::Regions))
            .or_else(|| Lines::new(&settings).map(State::Lines))
            .ok_or(SettingsError::DataType)?;
        let bends =
            matches!(settings.aggregate, Aggregate::Interpolative | Aggregate::StartBound | Aggregate::EndBound)
                && !settings.holds();
        let numeric = bends || !settings.aggregate.accepts(ValueType::scalar(DataType::String));
        let uncertain_is_bad = settings.configuration.treat_uncertain_as_bad;
        let interval = intervals.at(0);
        Ok(Self {
            settings,
            intervals,
            open: 0,
            interval,
            numeric,
            uncertain_is_bad,
            start: None,
            previous: None,
            state,
        })
    }

    /// Whether every interval has its result, so that no more samples are needed.
    pub const fn is_complete(&self) -> bool {
        self.open >= self.intervals.len()
    }

    /// When the interval ends that is computed now; `None` when all are done.
    pub const fn next_end(&self) -> Option<Timestamp> {
        if self.is_complete() { None } else { Some(Timestamp::from_ticks(self.interval.late)) }
    }

    /// Takes the next sample, and appends the results that it settles.
    pub fn push(&mut self, sample: &Sample, results: &mut Vec<Processed>) {
        self.push_value(sample.source_time, sample.value.clone(), sample.status, results);
    }

    /// As [`Engine::push`], from parts.
    #[inline]
    pub fn push_value(&mut self, time: Timestamp, value: Value, status: Status, results: &mut Vec<Processed>) {
        let point = Point::raw(time.ticks(), value, status, self.uncertain_is_bad, self.numeric);
        self.take(point, false, results);
    }

    /// Takes samples that are all good; `times` and `numbers` have the same length, else the surplus is left out.
    ///
    /// Numbers are turned into the tag's type, which is exact for everything but large 64-bit integers.
    pub fn push_good(&mut self, times: &[Timestamp], numbers: &[f64], results: &mut Vec<Processed>) {
        let len = times.len().min(numbers.len());
        let (mut times, mut numbers) = (&times[..len], &numbers[..len]);
        let latest = self.previous.as_ref().map_or(i64::MIN, |previous| previous.time);
        let in_order = times.first().is_some_and(|first| first.ticks() >= latest) && times.is_sorted();
        while let (Some(&time), Some(&number), false) = (times.first(), numbers.first(), self.is_complete()) {
            self.take(self.good(time, number), false, results);
            let run = if in_order { self.run_inside(times).max(1) } else { 1 };
            if run > 1 {
                let last_but_one = self.good(times[run - 2], numbers[run - 2]);
                let last = self.good(times[run - 1], numbers[run - 1]);
                match &mut self.state {
                    State::Raw(raw) => raw.add_good(&numbers[1..run]),
                    State::Lines(lines) => {
                        lines.add_good(&times[..run], &numbers[..run]);
                        lines.pass(&last_but_one);
                        lines.pass(&last);
                    }
                    State::Regions(_) => {}
                }
                self.previous = Some(last);
            }
            (times, numbers) = (&times[run..], &numbers[run..]);
        }
    }

    fn good(&self, time: Timestamp, number: f64) -> Point {
        let value = super::point::typed(number, self.settings.value_type.data_type);
        Point::raw(time.ticks(), value, Status::GOOD, self.uncertain_is_bad, self.numeric)
    }

    /// How many of these samples, of which the first was taken already, lie in the open interval and can be added in
    /// one go.
    fn run_inside(&self, times: &[Timestamp]) -> usize {
        let takes = match &self.state {
            State::Raw(raw) => raw.takes_runs(),
            State::Lines(lines) => self.settings.aggregate != Aggregate::Interpolative && lines.takes_runs(),
            State::Regions(_) => false,
        };
        let first_inside = times.first().is_some_and(|time| !self.interval.begins_after(time.ticks()));
        if !takes || !first_inside || self.is_complete() {
            return 0;
        }
        times.partition_point(|time| !self.closes(&self.interval, time.ticks()))
    }

    /// Takes a whole block of good samples; false when it must be given sample by sample.
    ///
    /// That is so when it does not lie inside one interval, or when its summary does not determine the result.
    pub fn push_block(&mut self, block: &Summary, results: &mut Vec<Processed>) -> bool {
        let (from, to) = (block.first.source_time.ticks(), block.last.source_time.ticks());
        if block.count == 0 || to < from || self.previous.as_ref().is_some_and(|previous| from < previous.time) {
            return false;
        }
        let Some(interval) = self.interval_around(from) else { return false };
        if self.closes(&interval, to) {
            return false;
        }
        let point = |sample: &Sample, engine: &Self| {
            let time = sample.source_time.ticks();
            Point::raw(time, sample.value.clone(), sample.status, engine.uncertain_is_bad, engine.numeric)
        };
        let (first, last) = (point(&block.first, self), point(&block.last, self));
        if !first.usable() || !last.usable() || !self.takes_block(block) {
            return false;
        }
        self.start.get_or_insert(from);
        self.settle(&first, false, results);
        let previous = self.previous.as_ref();
        match &mut self.state {
            State::Raw(raw) => raw.add_block(block, &first, &last),
            State::Regions(regions) => regions.add_block(block, previous, (&first, &last), &self.interval),
            State::Lines(lines) => {
                if self.settings.aggregate == Aggregate::Interpolative {
                    lines.pass(&first);
                } else {
                    lines.draw(&first, &self.interval);
                    lines.pass(&first);
                    lines.add_block(block);
                }
                if last.time > first.time {
                    lines.pass(&last);
                }
            }
        }
        self.previous = Some(last);
        true
    }

    /// Whether a sample at `time` closes the interval.
    const fn closes(&self, interval: &Interval, time: i64) -> bool {
        match self.state {
            State::Lines(_) => interval.late <= time,
            _ => interval.ends_before(time),
        }
    }

    /// The open interval or a later one that holds `time`.
    fn interval_around(&self, time: i64) -> Option<Interval> {
        (self.open..self.intervals.len())
            .map(|idx| self.intervals.at(idx))
            .find(|interval| !interval.ends_before(time))
            .filter(|interval| !interval.begins_after(time))
    }

    fn takes_block(&self, block: &Summary) -> bool {
        match &self.state {
            State::Raw(raw) => raw.takes_block(block),
            State::Regions(regions) => regions.takes_block(block),
            State::Lines(lines) => lines.takes_block(block, self.settings.aggregate),
        }
    }

    /// Says that the last value still held at `time`, though no sample tells so, and appends what that settles.
    ///
    /// Live data need it: an interval ends when its time is over, not when the next change comes. A historian may use
    /// it where it knows that collection went on (Part 13, 3.1.9).
    pub fn hold_until(&mut self, time: Timestamp, results: &mut Vec<Processed>) {
        if let Some(previous) = &self.previous
            && previous.time < time.ticks()
        {
            let mut point = previous.clone();
            point.time = time.ticks();
            self.take(point, true, results);
        }
    }

    /// Ends the data, and appends the results of all intervals that are left.
    pub fn finish(&mut self, results: &mut Vec<Processed>) {
        while !self.is_complete() {
            let end = self.previous.as_ref().map(|previous| previous.time);
            let result = match (&mut self.state, end) {
                (State::Lines(lines), Some(_)) if self.settings.aggregate == Aggregate::Interpolative => {
                    lines.value_at(self.interval.stamp(), None)
                }
                (_, None) => Processed::no_data(self.interval.stamp()),
                (_, Some(end)) if self.interval.begins_after(end) => Processed::no_data(self.interval.stamp()),
                (State::Lines(lines), Some(_)) => {
                    lines.extrapolate(&self.interval);
                    lines.close(&self.interval, self.settings.aggregate)
                }
                (State::Raw(raw), Some(_)) => raw.close(&self.interval, &self.settings),
                (State::Regions(regions), Some(_)) => {
                    regions.close(self.previous.as_ref(), None, &self.interval, &self.settings)
                }
            };
            self.emit(result, true, results);
        }
    }

    fn take(&mut self, point: Point, held: bool, results: &mut Vec<Processed>) {
        if self.start.is_none() {
            if point.status.code() == Status::BAD_NO_DATA {
                return;
            }
            self.start = Some(point.time);
        }
        if self.previous.as_ref().is_some_and(|previous| point.time < previous.time) {
            return;
        }
        self.settle(&point, held, results);
        let inside = !self.is_complete() && !self.interval.begins_after(point.time);
        let reaches = !self.is_complete() && point.time >= self.interval.early;
        match &mut self.state {
            State::Raw(raw) if inside && !held => raw.add(&point),
            State::Raw(raw) => raw.before(&point),
            State::Regions(regions) if inside => {
                regions.add(self.previous.as_ref(), &point, held, &self.interval);
            }
            State::Regions(_) => {}
            State::Lines(lines) => {
                if reaches && lines.settles(&point) && self.settings.aggregate != Aggregate::Interpolative {
                    lines.draw(&point, &self.interval);
                }
                lines.pass(&point);
            }
        }
        self.previous = Some(point);
    }

    /// Closes the intervals that end at or before this sample.
    fn settle(&mut self, point: &Point, held: bool, results: &mut Vec<Processed>) {
        while !self.is_complete() {
            let interval = self.interval;
            let result = match &mut self.state {
                State::Lines(lines) => {
                    let due = if self.settings.aggregate == Aggregate::Interpolative {
                        interval.stamp() <= point.time
                    } else {
                        interval.late <= point.time
                    };
                    if !due || !lines.settles(point) {
                        return;
                    }
                    if self.settings.aggregate == Aggregate::Interpolative {
                        lines.value_at(interval.stamp(), Some(point))
                    } else {
                        lines.draw(point, &interval);
                        lines.close(&interval, self.settings.aggregate)
                    }
                }
                _ if !interval.ends_before(point.time) => return,
                State::Raw(raw) => raw.close(&interval, &self.settings),
                State::Regions(regions) => {
                    regions.close(self.previous.as_ref(), Some((point, held)), &interval, &self.settings)
                }
            };
            self.emit(result, false, results);
        }
    }

    /// Appends the result of the open interval, with what its place in the data says about it, and opens the next one.
    fn emit(&mut self, mut result: Processed, at_end: bool, results: &mut Vec<Processed>) {
        let interval = self.interval;
        if self.settings.aggregate != Aggregate::Interpolative {
            let starts = self.start.map_or(i64::MAX, |start| start);
            let before_start = if interval.backwards { starts > interval.late } else { starts >= interval.late };
            let end = self.previous.as_ref().map_or(i64::MIN, |previous| previous.time);
            let after_end = at_end && interval.begins_after(end);
            if before_start || after_end {
                result = Processed::no_data(interval.stamp());
            } else {
                let overlaps_start = starts > interval.early;
                let overlaps_end = at_end && end < interval.late;
                if self.settings.aggregate.marks_partial() && (overlaps_start || overlaps_end || interval.short) {
                    result.mark_partial();
                }
            }
        }
        results.push(result);
        self.open += 1;
        if !self.is_complete() {
            self.interval = self.intervals.at(self.open);
        }
    }
}
