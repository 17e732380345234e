//! What a block sums up to, without decoding it.

use tagwire_model::{DataType, Sample, Status, Timestamp, Value, ValueType};

use crate::aggregate::{Aggregate, Extreme, Summary as Block};
use crate::sealed::{Entry, seal};
use crate::store::{History, Source};
use crate::values::ColumnType;
use crate::{HistoryError, TagNumber};

/// Integers below this are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A block of samples of one tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Time of the first sample.
    pub from: Timestamp,
    /// Time of the last sample.
    pub to: Timestamp,
    /// Samples.
    pub n: u32,
    /// Samples whose status is Good.
    pub n_good: u32,
    /// Whether all samples are Good and have a value.
    pub all_good: bool,
    /// Whether this is all there is from `from` to `to`: no other block overlaps and no user changed anything. What is not
    /// exact has to be read.
    pub exact: bool,
    /// Sums of the Good numbers; `None` when there is none, or when a double cannot hold one.
    pub numbers: Option<Numbers>,
    /// The first sample's value and status; [`Value::Null`] for text, bytes and arrays.
    pub first: (Value, Status),
    /// The last sample's value and status.
    pub last: (Value, Status),
    /// The areas below straight lines between the values and below steps, in value times seconds; `None` unless all are
    /// Good numbers.
    pub areas: Option<(f64, f64)>,
}

/// Sums of the Good numbers of a block; Booleans count as 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// Their sum.
    pub sum: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// Time of the first lowest.
    pub min_time: Timestamp,
    /// Time of the first highest.
    pub max_time: Timestamp,
    /// Whether the lowest and the highest occur again; `None` when that is not known.
    pub repeated: Option<(bool, bool)>,
}

impl Summary {
    fn of(entry: &Entry) -> Self {
        let value = |bits| match entry.column_type {
            ColumnType::Scalar(data_type) => Value::from_bits(data_type, bits),
            ColumnType::Array => Value::Null,
        };
        let numbers = entry.summed.then(|| Numbers {
            sum: entry.sum,
            min: entry.min,
            max: entry.max,
            min_time: Timestamp::from_ticks(entry.t_min),
            max_time: Timestamp::from_ticks(entry.t_max),
            repeated: entry.repeated,
        });
        Self {
            from: Timestamp::from_ticks(entry.t_first),
            to: Timestamp::from_ticks(entry.t_last),
            n: entry.n,
            n_good: entry.n_good,
            all_good: entry.all_good,
            exact: true,
            numbers,
            first: (value(entry.first_bits), Status(entry.first_status)),
            last: (value(entry.last_bits), Status(entry.last_status)),
            areas: entry.areas,
        }
    }

    /// The block as an engine for `aggregate` takes it in place of the samples; `None` when they have to be read.
    pub fn block(&self, value_type: ValueType, aggregate: Aggregate) -> Option<Block> {
        let numbers = self.numbers.as_ref().filter(|_| self.all_good && self.exact)?;
        let is_wide = matches!(value_type.data_type, DataType::Int64 | DataType::UInt64);
        let tells_time = matches!(aggregate, Aggregate::MinimumActualTime | Aggregate::MaximumActualTime);
        let extreme = |number: f64, time, repeated: Option<bool>| {
            if (tells_time && repeated.is_none()) || (is_wide && number.abs() >= EXACT) {
                return None;
            }
            let value = Value::Double(number).convert(value_type).ok()?;
            Some(Extreme { value, time, repeated: repeated.unwrap_or(false) })
        };
        let sample = |time, (value, status): &(Value, Status)| Sample {
            value: value.clone(),
            status: *status,
            source_time: time,
            server_time: Timestamp::NONE,
        };
        Some(Block {
            first: sample(self.from, &self.first),
            last: sample(self.to, &self.last),
            count: u64::from(self.n),
            sum: numbers.sum,
            smallest: extreme(numbers.min, numbers.min_time, numbers.repeated.map(|repeated| repeated.0)),
            largest: extreme(numbers.max, numbers.max_time, numbers.repeated.map(|repeated| repeated.1)),
            sloped_area: self.areas.map(|areas| areas.0),
            stepped_area: self.areas.map(|areas| areas.1),
        })
    }
}

impl History {
    /// The blocks of a tag that touch `from..=to`, in the order of time.
    ///
    /// # Errors
    /// As [`History::read`].
    pub fn summaries(&self, tag: TagNumber, from: Timestamp, to: Timestamp) -> Result<Vec<Summary>, HistoryError> {
        let asked = self.sources(tag, from.ticks(), to.ticks())?;
        let (Some(low), Some(high)) = (asked.iter().map(Source::t_first).min(), asked.iter().map(Source::t_last).max())
        else {
            return Ok(Vec::new());
        };
        let mut all: Vec<Summary> = Vec::with_capacity(asked.len());
        // A block that reaches out of the span may overlap another one that lies outside.
        for source in self.sources(tag, low, high)? {
            match source {
                Source::Sealed(_, entry) => all.push(Summary::of(&entry)),
                Source::Hot(page) => {
                    let (_, entries) = seal(&page, 0).map_err(|_| HistoryError::damaged("memory", "page"))?;
                    all.extend(entries.iter().map(Summary::of));
                }
            }
        }
        all.sort_by_key(|summary| summary.from);
        let mut reach: Option<(usize, Timestamp)> = None;
        for idx in 0..all.len() {
            if let Some((before, end)) = reach
                && all[idx].from <= end
            {
                all[before].exact = false;
                all[idx].exact = false;
            }
            if reach.is_none_or(|(_, end)| all[idx].to > end) {
                reach = Some((idx, all[idx].to));
            }
        }
        if self.shared.edited.read().contains_key(&tag) {
            let ranges = self.shared.catalogue.ranges(tag)?;
            for summary in &mut all {
                let (low, high) = (summary.from.ticks(), summary.to.ticks());
                let in_range = ranges.iter().any(|(_, r)| r.from.ticks() <= high && r.to.ticks() > low);
                if in_range || !self.shared.catalogue.changes(tag, low, high)?.is_empty() {
                    summary.exact = false;
                }
            }
        }
        all.retain(|summary| summary.to >= from && summary.from <= to);
        Ok(all)
    }
}
