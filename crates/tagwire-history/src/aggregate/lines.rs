//! Aggregates along the lines between good values, with interpolated bounds (Part 13, 3.1.8).

use tagwire_model::{DataType, Status, Timestamp, Value};

use super::intervals::Interval;
use super::point::{Class, Point, on_line, typed};
use super::processed::{CALCULATED, INTERPOLATED, Processed, UNCERTAIN_DATA_SUB_NORMAL};
use super::{Aggregate, Settings, Summary};

/// The line that the usable values make, and what the current interval has of it.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    /// Whether values hold until the next one.
    hold: bool,
    /// The latest usable value.
    before: Option<Point>,
    /// The usable value before that one, kept where lines go on after the end of the data.
    second: Option<(i64, f64)>,
    extrapolates: bool,
    /// Whether values were skipped since `before`.
    skipped: bool,
    /// Up to where the line was drawn: a skipped value ends a stretch, yet the value before it goes on.
    drawn: i64,
    source: DataType,
    /// Value times ticks.
    area: f64,
    covered: i64,
    /// Whether part of the interval is not good.
    sub_normal: bool,
}

impl Lines {
    /// For aggregates with interpolated bounds; `None` for others.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let hold = match settings.aggregate {
            Aggregate::Interpolative | Aggregate::Total => settings.holds(),
            // The standard wants sloped lines for this one, whatever the Stepped property says.
            Aggregate::TimeAverage => false,
            _ => return None,
        };
        Some(Self {
            hold,
            before: None,
            second: None,
            extrapolates: settings.configuration.use_sloped_extrapolation && !hold,
            skipped: false,
            drawn: i64::MIN,
            source: settings.value_type.data_type,
            area: 0.0,
            covered: 0,
            sub_normal: false,
        })
    }

    /// Whether intervals up to this sample can be closed: a line needs a usable value at its far end.
    pub(super) const fn settles(&self, point: &Point) -> bool {
        self.hold || matches!(point.class, Class::Good | Class::Uncertain)
    }

    /// Takes the sample as the start of the next line.
    pub(super) fn pass(&mut self, point: &Point) {
        if point.usable() {
            let before = self.before.replace(point.clone());
            self.second = before.map(|before| (before.time, before.number)).or(self.second);
            self.skipped = false;
        } else {
            self.skipped = true;
        }
    }

    /// Adds the line from the last usable value to `until`, or to the late end of the interval.
    pub(super) fn draw(&mut self, until: &Point, interval: &Interval) {
        let to = until.time.min(interval.late);
        let Some(before) = &self.before else {
            self.sub_normal |= to > interval.early;
            return;
        };
        let from = before.time.max(interval.early).max(self.drawn);
        if to <= from {
            return;
        }
        self.drawn = to;
        let (left, right) = if self.hold {
            (before.number, before.number)
        } else {
            let ends = ((before.time, before.number), (until.time, until.number));
            (on_line(ends.0, ends.1, from), on_line(ends.0, ends.1, to))
        };
        self.area += (left + right) / 2.0 * (to - from) as f64;
        self.covered += to - from;
        self.sub_normal |= self.skipped || before.class != Class::Good || (!self.hold && until.class != Class::Good);
    }

    /// Adds the line beyond the last usable value up to the late end of the interval.
    pub(super) fn extrapolate(&mut self, interval: &Interval) {
        self.sub_normal = true;
        let Some(before) = &self.before else { return };
        let from = before.time.max(interval.early).max(self.drawn);
        let (left, right) = (self.beyond(from), self.beyond(interval.late));
        self.area += (left + right) / 2.0 * (interval.late - from) as f64;
        self.covered += interval.late - from;
    }

    /// The number at a time after the last usable value.
    fn beyond(&self, time: i64) -> f64 {
        match (&self.before, self.second) {
            (Some(before), Some(second)) if self.extrapolates => on_line(second, (before.time, before.number), time),
            (Some(before), _) => before.number,
            (None, _) => f64::NAN,
        }
    }

    /// Whether [`Self::add_good`] can stand for single samples.
    pub(super) fn takes_runs(&self) -> bool {
        !self.skipped && self.before.as_ref().is_some_and(|before| before.class == Class::Good)
    }

    /// Adds good values inside the current interval; the first one is the last usable value itself.
    pub(super) fn add_good(&mut self, times: &[Timestamp], numbers: &[f64]) {
        if let (Some(first), Some(last)) = (times.first(), times.last()) {
            self.area += super::column::area(times, numbers, self.hold);
            self.covered += last.ticks_since(*first);
        }
    }

    /// Adds the inside of a block whose first sample was passed already.
    pub(super) fn add_block(&mut self, block: &Summary) {
        self.area += self.block_area(block).unwrap_or_default() * Timestamp::TICKS_PER_SECOND as f64;
        self.covered += block.last.source_time.ticks_since(block.first.source_time);
    }

    /// Whether the summary of a block says what is needed of it.
    ///
    /// A line that goes on after the end of the data needs the last sample but one, which a summary does not have.
    pub(super) fn takes_block(&self, block: &Summary, aggregate: Aggregate) -> bool {
        let single = block.last.source_time == block.first.source_time;
        let area = aggregate == Aggregate::Interpolative || self.block_area(block).is_some();
        area && (single || !self.extrapolates)
    }

    const fn block_area(&self, block: &Summary) -> Option<f64> {
        if self.hold { block.stepped_area } else { block.sloped_area }
    }

    /// The average or total of the interval; starts the next one.
    pub(super) fn close(&mut self, interval: &Interval, aggregate: Aggregate) -> Processed {
        let (area, covered) = (std::mem::take(&mut self.area), std::mem::take(&mut self.covered));
        let sub_normal = std::mem::take(&mut self.sub_normal);
        if covered == 0 {
            return Processed::no_data(interval.stamp());
        }
        let status = if sub_normal { UNCERTAIN_DATA_SUB_NORMAL } else { Status::GOOD };
        let value = match aggregate {
            Aggregate::Total => area / Timestamp::TICKS_PER_SECOND as f64,
            _ => area / covered as f64,
        };
        Processed::new(interval.stamp(), Value::Double(value), status, CALCULATED)
    }

    /// The interpolated value at `time`; `after` is the sample at or after it that settles it.
    pub(super) fn value_at(&self, time: i64, after: Option<&Point>) -> Processed {
        if let Some(after) = after
            && after.time == time
            && after.usable()
        {
            let mut result = Processed::new(time, after.value.clone(), after.status, 0);
            result.status = after.status;
            return result;
        }
        let Some(before) = &self.before else { return Processed::no_data(time) };
        let bad_at_time = after.is_some_and(|after| after.time == time && !after.usable());
        let good_ends =
            before.class == Class::Good && after.is_some_and(|after| self.hold || after.class == Class::Good);
        let good = good_ends && !self.skipped && !bad_at_time;
        let value = match after {
            _ if self.hold => before.value.clone(),
            Some(after) => typed(on_line((before.time, before.number), (after.time, after.number), time), self.source),
            None if self.extrapolates => typed(self.beyond(time), self.source),
            None => before.value.clone(),
        };
        let status = if good { Status::GOOD } else { UNCERTAIN_DATA_SUB_NORMAL };
        Processed::new(time, value, status, INTERPOLATED)
    }
}
