//! Aggregates over the regions between neighbouring samples, with simple bounds.

use tagwire_model::{DataType, Status, Timestamp, Value};

use super::bound::Bound;
use super::intervals::Interval;
use super::percent::Shares;
use super::point::{Class, Point, difference};
use super::processed::{
    CALCULATED, INTERPOLATED, MULTIPLE_VALUES, Processed, RESOLUTION, UNCERTAIN_DATA_SUB_NORMAL, marked,
};
use super::raw::{Best, Search, Worst, range};
use super::{Aggregate, Settings, Summary};

/// Which question the aggregate asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Area,
    Extremes,
    State,
    Quality,
    Worst,
    Bounds,
}

/// What is kept of the regions of one interval.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// Ticks by status.
    shares: Shares,
    /// Value times ticks of all regions that are not bad.
    area: f64,
    zero: i64,
    non_zero: i64,
    smallest: Option<Best>,
    largest: Option<Best>,
    worst: Worst,
    early: Option<Bound>,
}

/// The regions of the current interval.
#[derive(Clone, Debug)]
pub(super) struct Regions {
    kind: Kind,
    /// Whether bounds hold the value before them.
    hold_bounds: bool,
    /// Whether regions hold the value at their start.
    hold: bool,
    /// Whether bounds ignore that uncertain may count as bad.
    lenient: bool,
    uncertain_is_bad: bool,
    source: DataType,
    kept: Kept,
}

impl Regions {
    /// For aggregates with simple bounds; `None` for others.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        let kind = match settings.aggregate {
            Aggregate::TimeAverage2 | Aggregate::Total2 => Kind::Area,
            Aggregate::Minimum2
            | Aggregate::Maximum2
            | Aggregate::MinimumActualTime2
            | Aggregate::MaximumActualTime2
            | Aggregate::Range2 => Kind::Extremes,
            Aggregate::DurationInStateZero | Aggregate::DurationInStateNonZero => Kind::State,
            Aggregate::DurationGood | Aggregate::DurationBad | Aggregate::PercentGood | Aggregate::PercentBad => {
                Kind::Quality
            }
            Aggregate::WorstQuality2 => Kind::Worst,
            Aggregate::StartBound | Aggregate::EndBound | Aggregate::DeltaBounds => Kind::Bounds,
            _ => return None,
        };
        let hold_bounds = settings.holds();
        Some(Self {
            kind,
            hold_bounds,
            hold: hold_bounds || matches!(kind, Kind::State | Kind::Quality),
            lenient: matches!(kind, Kind::Quality | Kind::Worst),
            uncertain_is_bad: settings.configuration.treat_uncertain_as_bad,
            source: settings.value_type.data_type,
            kept: Kept::default(),
        })
    }

    /// Adds a sample of the current interval, and the region that ends with it.
    pub(super) fn add(&mut self, before: Option<&Point>, point: &Point, held: bool, interval: &Interval) {
        if self.kept.early.is_none() {
            if point.time == interval.early && !held {
                self.open(Bound::of(point), interval);
                return;
            }
            self.open(self.early(before, Some(point), interval), interval);
        }
        self.region(before, point, interval);
        if !held && point.time < interval.late {
            self.visit(point);
        }
    }

    /// Whether the summary of a block says what is needed of it.
    pub(super) const fn takes_block(&self, block: &Summary) -> bool {
        match self.kind {
            Kind::Area => self.block_area(block).is_some(),
            Kind::Quality | Kind::Worst | Kind::Bounds => true,
            Kind::Extremes | Kind::State => false,
        }
    }

    const fn block_area(&self, block: &Summary) -> Option<f64> {
        if self.hold { block.stepped_area } else { block.sloped_area }
    }

    /// Adds a block of good samples of the current interval, of which these are the first and the last one.
    pub(super) fn add_block(
        &mut self,
        block: &Summary,
        before: Option<&Point>,
        (first, last): (&Point, &Point),
        interval: &Interval,
    ) {
        self.add(before, first, false, interval);
        self.kept.shares.good += last.time - first.time;
        self.kept.area += self.block_area(block).unwrap_or_default() * Timestamp::TICKS_PER_SECOND as f64;
    }

    /// The bound at the early end of the interval.
    fn early(&self, before: Option<&Point>, after: Option<&Point>, interval: &Interval) -> Bound {
        match (before, after) {
            (Some(before), _) if before.time == interval.early => Bound::of(before),
            (Some(before), Some(after)) => self.between(before, after, interval.early),
            _ => Bound::none(interval.early),
        }
    }

    fn between(&self, before: &Point, after: &Point, time: i64) -> Bound {
        Bound::between(before, after, time, self.hold_bounds, self.lenient, self.source)
    }

    fn open(&mut self, bound: Bound, interval: &Interval) {
        self.visit(&bound.point);
        debug_assert_eq!(bound.point.time, interval.early);
        self.kept.early = Some(bound);
    }

    /// Adds the region that ends at `right` and begins at the sample before it or at the early bound.
    fn region(&mut self, before: Option<&Point>, right: &Point, interval: &Interval) {
        let left = match (before, &self.kept.early) {
            (Some(before), _) if before.time > interval.early => before,
            (_, Some(bound)) => &bound.point,
            _ => return,
        };
        let (ticks, left_class, number) = (right.time - left.time, left.class, left.number);
        let bends = !self.hold && left.usable() && right.usable();
        let uncertain_end = !self.hold && right.class != Class::Good;
        let class = if left_class == Class::Good && uncertain_end { Class::Uncertain } else { left_class };
        self.kept.shares.add(class, ticks);
        match self.kind {
            Kind::Area if class != Class::Bad => {
                let height = if bends { (number + right.number) / 2.0 } else { number };
                self.kept.area += height * ticks as f64;
            }
            Kind::State if class == Class::Good && number == 0.0 => self.kept.zero += ticks,
            Kind::State if class == Class::Good => self.kept.non_zero += ticks,
            _ => {}
        }
    }

    /// Looks at a value: a sample, or a bound of the interval.
    fn visit(&mut self, point: &Point) {
        match self.kind {
            Kind::Extremes if self.counts(point) => {
                Search::Smallest.offer(&mut self.kept.smallest, point.number, || Best::of(point));
                Search::Largest.offer(&mut self.kept.largest, point.number, || Best::of(point));
            }
            Kind::Worst => self.kept.worst.add(point.severity, point.status),
            _ => {}
        }
    }

    const fn counts(&self, point: &Point) -> bool {
        match point.class {
            Class::Good => true,
            Class::Uncertain => !self.uncertain_is_bad,
            Class::Bad => false,
        }
    }

    /// The result of the interval; starts the next one.
    ///
    /// `after` is the first sample behind the interval, held or real; without one the data end within it.
    pub(super) fn close(
        &mut self,
        before: Option<&Point>,
        after: Option<(&Point, bool)>,
        interval: &Interval,
        settings: &Settings,
    ) -> Processed {
        if self.kept.early.is_none() {
            self.open(self.early(before, after.map(|(point, _)| point), interval), interval);
        }
        let late = match (before, after) {
            (Some(before), _) if before.time == interval.late => Bound::of(before),
            (_, Some((after, false))) if after.time == interval.late => Bound::of(after),
            (Some(before), Some((after, _))) => self.between(before, after, interval.late),
            _ => Bound::none(interval.late),
        };
        match (before, after) {
            (Some(before), None) if before.usable() && before.time < interval.late => {
                let mut edge = late.point.clone();
                edge.time = before.time.saturating_add(RESOLUTION).min(interval.late);
                self.region(Some(before), &edge, interval);
            }
            _ => self.region(before, &late.point, interval),
        }
        if !self.hold_bounds || self.kind == Kind::Worst || (late.raw && interval.backwards) {
            self.visit(&late.point);
        }
        let kept = std::mem::take(&mut self.kept);
        kept.result(self.kind, &late, interval, settings)
    }
}

impl Kept {
    fn result(self, kind: Kind, late: &Bound, interval: &Interval, settings: &Settings) -> Processed {
        let stamp = interval.stamp();
        let status = self.shares.by_time(&settings.configuration);
        let double = |number: f64, status: Status| Processed::new(stamp, Value::Double(number), status, CALCULATED);
        let millis = |ticks: i64| ticks as f64 / Timestamp::TICKS_PER_MILLISECOND as f64;
        match kind {
            Kind::Area => {
                let covered = self.shares.good + self.shares.uncertain;
                if covered == 0 {
                    return Processed::no_data(stamp);
                }
                // The published examples never give up the value of the good part, however much of the rest is bad.
                let status = if status.is_bad() { UNCERTAIN_DATA_SUB_NORMAL } else { status };
                match settings.aggregate {
                    Aggregate::Total2 => double(self.area / Timestamp::TICKS_PER_SECOND as f64, status),
                    _ => double(self.area / covered as f64, status),
                }
            }
            Kind::Extremes => self.extreme(status, interval, settings),
            Kind::State if settings.aggregate == Aggregate::DurationInStateZero => double(millis(self.zero), status),
            Kind::State => double(millis(self.non_zero), status),
            Kind::Quality => {
                let percent = |ticks: i64| match self.shares.total() {
                    0 => 0.0,
                    total => ticks as f64 / total as f64 * 100.0,
                };
                let value = match settings.aggregate {
                    Aggregate::DurationGood => millis(self.shares.good),
                    Aggregate::DurationBad => millis(self.shares.bad),
                    Aggregate::PercentGood => percent(self.shares.good),
                    _ => percent(self.shares.bad),
                };
                double(value, Status::GOOD)
            }
            Kind::Worst => self.worst.result(stamp),
            Kind::Bounds => {
                let Some(early) = &self.early else { return Processed::no_data(stamp) };
                let (first, second) = if interval.backwards { (late, early) } else { (early, late) };
                match settings.aggregate {
                    Aggregate::StartBound => bound(&first.point, stamp, 0),
                    Aggregate::EndBound => bound(&second.point, stamp, CALCULATED),
                    _ => delta(&early.point, &late.point, stamp, settings.value_type.data_type),
                }
            }
        }
    }

    fn extreme(&self, status: Status, interval: &Interval, settings: &Settings) -> Processed {
        let stamp = interval.stamp();
        let (Some(smallest), Some(largest)) = (&self.smallest, &self.largest) else {
            return Processed::no_data(stamp);
        };
        let (best, at_own_time) = match settings.aggregate {
            Aggregate::Minimum2 => (smallest, false),
            Aggregate::Maximum2 => (largest, false),
            Aggregate::MinimumActualTime2 => (smallest, true),
            Aggregate::MaximumActualTime2 => (largest, true),
            _ => return Processed::new(stamp, range(smallest, largest, settings), status, CALCULATED),
        };
        let mut bits = best.status.0 & INTERPOLATED;
        if best.repeated {
            bits |= MULTIPLE_VALUES;
        }
        let time = match (at_own_time, interval.backwards) {
            (false, _) => stamp,
            (true, false) if best.time == interval.late => best.time - RESOLUTION,
            (true, true) if best.time == interval.early => best.time + RESOLUTION,
            (true, _) => best.time,
        };
        if at_own_time && time != best.time {
            bits |= INTERPOLATED;
        } else if !at_own_time && best.time != stamp && bits & INTERPOLATED == 0 {
            bits |= CALCULATED;
        }
        Processed::new(time, best.value.clone(), status, bits)
    }
}

/// A bound as result, with these bits in place of the one that says that it is interpolated.
fn bound(point: &Point, stamp: i64, bits: u32) -> Processed {
    if !point.usable() {
        return Processed::no_data(stamp);
    }
    let mut result = Processed::new(stamp, point.value.clone(), point.status, 0);
    if bits != 0 {
        result.status = marked(Status(point.status.0 & !INTERPOLATED), bits);
    }
    result
}

fn delta(early: &Point, late: &Point, stamp: i64, source: DataType) -> Processed {
    if !early.usable() || !late.usable() {
        return Processed::no_data(stamp);
    }
    let good = early.class == Class::Good && late.class == Class::Good;
    let status = if good { Status::GOOD } else { UNCERTAIN_DATA_SUB_NORMAL };
    Processed::new(stamp, difference(late, early, source), status, CALCULATED)
}
