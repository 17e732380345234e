//! Aggregates over the raw values of an interval, without bounds.

use tagwire_model::{Status, Value};

use super::intervals::Interval;
use super::percent::Shares;
use super::point::{Class, Point, difference, typed};
use super::processed::{CALCULATED, MULTIPLE_VALUES, Outcome, Processed, UNCERTAIN_DATA_SUB_NORMAL, marked};
use super::{Aggregate, Settings, Summary};

/// The smallest or the largest value so far.
#[derive(Clone, Debug)]
pub(super) struct Best {
    pub(super) number: f64,
    pub(super) value: Value,
    pub(super) time: i64,
    pub(super) status: Status,
    /// Whether a later value equals it.
    pub(super) repeated: bool,
}

/// Which of two values is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Search {
    Smallest,
    Largest,
}

impl Search {
    /// Keeps the better one of `best` and a later value.
    #[inline]
    pub(super) fn offer(self, best: &mut Option<Best>, number: f64, found: impl FnOnce() -> Best) {
        match best {
            Some(best) => {
                let better = match self {
                    Self::Smallest => number < best.number,
                    Self::Largest => number > best.number,
                };
                if better {
                    *best = found();
                } else if number == best.number {
                    best.repeated = true;
                }
            }
            None if number.is_nan() => {}
            None => *best = Some(found()),
        }
    }
}

impl Best {
    #[inline]
    pub(super) fn of(point: &Point) -> Self {
        let (value, status) = (point.value.clone(), point.status);
        Self { number: point.number, value, time: point.time, status, repeated: false }
    }
}

/// The worst status so far, and whether another one is as bad.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Worst {
    found: Option<(Class, Status)>,
    repeated: bool,
}

impl Worst {
    #[inline]
    pub(super) fn add(&mut self, severity: Class, status: Status) {
        match self.found {
            Some((worst, _)) if severity < worst || (severity == worst && severity == Class::Good) => {}
            Some((worst, _)) if severity == worst => self.repeated = true,
            _ => *self = Self { found: Some((severity, status)), repeated: false },
        }
    }

    pub(super) fn result(&self, stamp: i64) -> Processed {
        let Some((_, status)) = self.found else { return Processed::no_data(stamp) };
        let bits = if self.repeated { CALCULATED | MULTIPLE_VALUES } else { CALCULATED };
        let mut result = Processed::new(stamp, Value::Null, Status::GOOD, bits);
        result.value = Outcome::Status(status.code());
        result
    }
}

/// What is kept of the values of one interval.
#[derive(Clone, Debug)]
enum Kept {
    Mean { sum: f64, shares: Shares },
    Count { shares: Shares },
    Annotations { values: i64 },
    Extremes { smallest: Option<Best>, largest: Option<Best>, skipped: bool },
    Ends { first: Option<Point>, last: Option<Point> },
    Delta { first: Option<Point>, last: Option<Point>, skipped_before: bool, skipped_after: bool },
    Worst(Worst),
    Spread { count: i64, mean: f64, squares: f64, skipped: bool },
    Transitions { count: i64, shares: Shares },
}

/// The raw values of the current interval.
#[derive(Clone, Debug)]
pub(super) struct RawValues {
    kept: Kept,
    empty: Kept,
    /// The latest usable value, whichever interval it was in.
    previous: Option<f64>,
}

impl RawValues {
    /// For aggregates that use no bounds; `None` for others.
    pub(super) fn new(aggregate: Aggregate) -> Option<Self> {
        let shares = Shares::default();
        let kept = match aggregate {
            Aggregate::Average => Kept::Mean { sum: 0.0, shares },
            Aggregate::Count => Kept::Count { shares },
            Aggregate::AnnotationCount => Kept::Annotations { values: 0 },
            Aggregate::Minimum
            | Aggregate::Maximum
            | Aggregate::MinimumActualTime
            | Aggregate::MaximumActualTime
            | Aggregate::Range => Kept::Extremes { smallest: None, largest: None, skipped: false },
            Aggregate::Start | Aggregate::End => Kept::Ends { first: None, last: None },
            Aggregate::Delta => Kept::Delta { first: None, last: None, skipped_before: false, skipped_after: false },
            Aggregate::WorstQuality => Kept::Worst(Worst::default()),
            Aggregate::StandardDeviationSample
            | Aggregate::VarianceSample
            | Aggregate::StandardDeviationPopulation
            | Aggregate::VariancePopulation => Kept::Spread { count: 0, mean: 0.0, squares: 0.0, skipped: false },
            Aggregate::NumberOfTransitions => Kept::Transitions { count: 0, shares },
            _ => return None,
        };
        Some(Self { empty: kept.clone(), kept, previous: None })
    }

    /// Notes a sample before the first interval.
    pub(super) fn before(&mut self, point: &Point) {
        if point.usable() {
            self.previous = Some(point.number);
        }
    }

    /// Adds a sample of the current interval.
    #[inline]
    pub(super) fn add(&mut self, point: &Point) {
        let good = point.severity == Class::Good;
        match &mut self.kept {
            Kept::Mean { sum, shares } => {
                shares.add(point.severity, 1);
                if good {
                    *sum += point.number;
                }
            }
            Kept::Count { shares } => shares.add(point.severity, 1),
            Kept::Annotations { values } => *values += 1,
            Kept::Extremes { smallest, largest, skipped } => {
                if good {
                    Search::Smallest.offer(smallest, point.number, || Best::of(point));
                    Search::Largest.offer(largest, point.number, || Best::of(point));
                } else if !point.usable() {
                    *skipped = true;
                }
            }
            Kept::Ends { first, last } => {
                if first.is_none() {
                    *first = Some(point.clone());
                }
                *last = Some(point.clone());
            }
            Kept::Delta { first, last, skipped_before, skipped_after } => {
                if good {
                    if first.is_none() {
                        *first = Some(point.clone());
                    }
                    *last = Some(point.clone());
                    *skipped_after = false;
                } else if first.is_none() {
                    *skipped_before = true;
                } else {
                    *skipped_after = true;
                }
            }
            Kept::Worst(worst) => worst.add(point.severity, point.status),
            Kept::Spread { count, mean, squares, skipped } => {
                if good {
                    *count += 1;
                    let from_mean = point.number - *mean;
                    *mean += from_mean / *count as f64;
                    *squares += from_mean * (point.number - *mean);
                } else {
                    *skipped = true;
                }
            }
            Kept::Transitions { count, shares } => {
                shares.add(point.severity, 1);
                if point.usable() {
                    *count += i64::from(self.previous != Some(point.number));
                    self.previous = Some(point.number);
                }
            }
        }
    }

    /// Whether [`Self::add_good`] can stand for [`Self::add`].
    pub(super) const fn takes_runs(&self) -> bool {
        matches!(self.kept, Kept::Mean { .. } | Kept::Count { .. })
    }

    /// Adds good values that all lie in the current interval.
    #[inline]
    pub(super) fn add_good(&mut self, numbers: &[f64]) {
        let amount = i64::try_from(numbers.len()).unwrap_or(i64::MAX);
        match &mut self.kept {
            Kept::Mean { sum, shares } => {
                *sum += super::column::sum(numbers);
                shares.good += amount;
            }
            Kept::Count { shares } => shares.good += amount,
            _ => {}
        }
    }

    /// Whether the summary of a block says what is needed of it.
    pub(super) const fn takes_block(&self, block: &Summary) -> bool {
        match self.kept {
            Kept::Extremes { .. } => block.smallest.is_some() && block.largest.is_some(),
            Kept::Spread { .. } | Kept::Transitions { .. } => false,
            _ => true,
        }
    }

    /// Adds a block of good samples that all lie in the current interval and that [`Self::takes_block`] accepts.
    pub(super) fn add_block(&mut self, block: &Summary, first: &Point, last: &Point) {
        let amount = i64::try_from(block.count).unwrap_or(i64::MAX);
        match &mut self.kept {
            Kept::Mean { sum, shares } => {
                *sum += block.sum;
                shares.good += amount;
            }
            Kept::Count { shares } => shares.good += amount,
            Kept::Annotations { values } => *values += amount,
            Kept::Extremes { smallest, largest, .. } => {
                for (search, best, extreme) in
                    [(Search::Smallest, smallest, &block.smallest), (Search::Largest, largest, &block.largest)]
                {
                    let Some(extreme) = extreme else { continue };
                    let number = extreme.value.as_f64().unwrap_or(f64::NAN);
                    let equal = best.as_ref().is_some_and(|best| best.number == number);
                    search.offer(best, number, || Best {
                        number,
                        value: extreme.value.clone(),
                        time: extreme.time.ticks(),
                        status: Status::GOOD,
                        repeated: extreme.repeated,
                    });
                    if let Some(best) = best
                        && equal
                    {
                        best.repeated = true;
                    }
                }
            }
            Kept::Ends { .. } | Kept::Delta { .. } | Kept::Worst(_) => {
                self.add(first);
                if block.count > 1 {
                    self.add(last);
                }
            }
            Kept::Spread { .. } | Kept::Transitions { .. } => {}
        }
    }

    /// The result of the interval; starts the next one.
    pub(super) fn close(&mut self, interval: &Interval, settings: &Settings) -> Processed {
        let kept = std::mem::replace(&mut self.kept, self.empty.clone());
        let stamp = interval.stamp();
        let number = |number: f64, skipped: bool| {
            Processed::new(stamp, Value::Double(number), sub_normal_if(skipped), CALCULATED)
        };
        let count = |count: i64, status: Status| {
            let count = i32::try_from(count).unwrap_or(i32::MAX);
            Processed::new(stamp, Value::Int32(count), status, CALCULATED)
        };
        match kept {
            Kept::Mean { shares, .. } if shares.good == 0 => Processed::no_data(stamp),
            Kept::Mean { sum, shares } => {
                let status = shares.by_values(&settings.configuration);
                Processed::new(stamp, Value::Double(sum / shares.good as f64), status, CALCULATED)
            }
            Kept::Count { shares } => count(shares.good, shares.by_values(&settings.configuration)),
            Kept::Annotations { values } => {
                let inside = |times: &Vec<tagwire_model::Timestamp>| {
                    let before = times.partition_point(|time| interval.begins_after(time.ticks()));
                    let until = times.partition_point(|time| !interval.ends_before(time.ticks()));
                    i64::try_from(until.saturating_sub(before)).unwrap_or(i64::MAX)
                };
                count(settings.annotations.as_ref().map_or(values, inside), Status::GOOD)
            }
            Kept::Extremes { smallest: Some(smallest), largest: Some(largest), skipped } => {
                extreme(&smallest, &largest, skipped, stamp, settings)
            }
            Kept::Ends { first: Some(first), last: Some(last) } => {
                let point = if settings.aggregate == Aggregate::Start { first } else { last };
                let mut result = Processed::new(point.time, point.value, point.status, 0);
                result.status = point.status;
                result
            }
            Kept::Delta { first: Some(first), last: Some(last), skipped_before, skipped_after } => {
                let value = difference(&last, &first, settings.value_type.data_type);
                Processed::new(stamp, value, sub_normal_if(skipped_before || skipped_after), CALCULATED)
            }
            Kept::Extremes { .. } | Kept::Ends { .. } | Kept::Delta { .. } | Kept::Spread { count: 0, .. } => {
                Processed::no_data(stamp)
            }
            Kept::Worst(worst) => worst.result(stamp),
            Kept::Spread { count, squares, skipped, .. } => {
                let whole = matches!(
                    settings.aggregate,
                    Aggregate::StandardDeviationPopulation | Aggregate::VariancePopulation
                );
                let divisor = if whole { count } else { count - 1 };
                let variance = if divisor == 0 { 0.0 } else { squares / divisor as f64 };
                match settings.aggregate {
                    Aggregate::VariancePopulation | Aggregate::VarianceSample => number(variance, skipped),
                    _ => number(variance.sqrt(), skipped),
                }
            }
            Kept::Transitions { count: changes, shares } => count(changes, shares.by_values(&settings.configuration)),
        }
    }
}

const fn sub_normal_if(skipped: bool) -> Status {
    if skipped { UNCERTAIN_DATA_SUB_NORMAL } else { Status::GOOD }
}

fn extreme(smallest: &Best, largest: &Best, skipped: bool, stamp: i64, settings: &Settings) -> Processed {
    let (best, at_own_time) = match settings.aggregate {
        Aggregate::Minimum => (smallest, false),
        Aggregate::Maximum => (largest, false),
        Aggregate::MinimumActualTime => (smallest, true),
        Aggregate::MaximumActualTime => (largest, true),
        _ => {
            let range = range(smallest, largest, settings);
            return Processed::new(stamp, range, sub_normal_if(skipped), CALCULATED);
        }
    };
    let mut bits = if best.repeated { MULTIPLE_VALUES } else { 0 };
    if !at_own_time && (best.time != stamp || skipped) {
        bits |= CALCULATED;
    }
    let time = if at_own_time { best.time } else { stamp };
    let mut result = Processed::new(time, best.value.clone(), sub_normal_if(skipped), 0);
    result.status = marked(result.status, bits);
    result
}

/// The largest less the smallest value, in the source's type where it fits.
pub(super) fn range(smallest: &Best, largest: &Best, settings: &Settings) -> Value {
    let data_type = settings.value_type.data_type;
    match (largest.value.as_i128(), smallest.value.as_i128()) {
        (Some(_), Some(_)) => difference(&point_of(largest), &point_of(smallest), data_type),
        _ => typed(largest.number - smallest.number, data_type),
    }
}

fn point_of(best: &Best) -> Point {
    Point::raw(best.time, best.value.clone(), Status::GOOD, false, true)
}
