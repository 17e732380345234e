//! Samples of one tag as columns.

use tagwire_model::{Sample, Status, Timestamp, Value};

use crate::{ColumnType, Reason, Values};

/// Samples of one tag in the order of a read, one column for each part. All columns have the same length, except
/// `missing`, which is empty when every sample has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Source times in 100 ns ticks since 1601-01-01 UTC.
    pub times: Vec<i64>,
    /// Server times, likewise; zero for none.
    pub server_times: Vec<i64>,
    /// StatusCodes.
    pub statuses: Vec<u32>,
    /// Why each sample was stored.
    pub reasons: Vec<Reason>,
    /// Whether a sample has no value; empty when all have one.
    pub missing: Vec<bool>,
    /// The values.
    pub values: Values,
}

impl Samples {
    /// None.
    pub fn empty(column_type: ColumnType) -> Self {
        Self {
            times: Vec::new(),
            server_times: Vec::new(),
            statuses: Vec::new(),
            reasons: Vec::new(),
            missing: Vec::new(),
            values: Values::empty(column_type),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Whether sample `idx` has no value.
    pub fn is_missing(&self, idx: usize) -> bool {
        self.missing.get(idx).copied().unwrap_or(false)
    }

    /// One sample; `None` past the end.
    pub fn sample(&self, idx: usize) -> Option<Sample> {
        Some(Sample {
            source_time: Timestamp::from_ticks(*self.times.get(idx)?),
            server_time: Timestamp::from_ticks(*self.server_times.get(idx)?),
            status: Status(*self.statuses.get(idx)?),
            value: if self.is_missing(idx) { Value::Null } else { self.values.value(idx) },
        })
    }

    /// Appends one.
    pub fn push(&mut self, sample: &Sample, reason: Reason) {
        let missing = sample.value == Value::Null;
        if missing || !self.missing.is_empty() {
            self.missing.resize(self.times.len(), false);
            self.missing.push(missing);
        }
        self.times.push(sample.source_time.ticks());
        self.server_times.push(sample.server_time.ticks());
        self.statuses.push(sample.status.0);
        self.reasons.push(reason);
        self.values.push(&sample.value);
    }

    /// Appends samples `from..to` of another tag's worth of the same type.
    pub(crate) fn extend_from(&mut self, other: &Self, from: usize, to: usize) {
        if from >= to {
            return;
        }
        if !other.missing.is_empty() || !self.missing.is_empty() {
            self.missing.resize(self.times.len(), false);
            if other.missing.is_empty() {
                self.missing.resize(self.times.len() + to - from, false);
            } else {
                self.missing.extend_from_slice(&other.missing[from..to]);
            }
        }
        self.times.extend_from_slice(&other.times[from..to]);
        self.server_times.extend_from_slice(&other.server_times[from..to]);
        self.statuses.extend_from_slice(&other.statuses[from..to]);
        self.reasons.extend_from_slice(&other.reasons[from..to]);
        self.values.extend_from(&other.values, from, to);
    }

    /// Keeps samples `from..to` only.
    pub(crate) fn keep(&mut self, from: usize, to: usize) {
        self.times.truncate(to);
        self.server_times.truncate(to);
        self.statuses.truncate(to);
        self.reasons.truncate(to);
        self.missing.truncate(to);
        self.values.truncate(to);
        if from > 0 {
            self.times.drain(..from);
            self.server_times.drain(..from);
            self.statuses.drain(..from);
            self.reasons.drain(..from);
            if !self.missing.is_empty() {
                self.missing.drain(..from);
            }
            self.values.drop_front(from);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.times.clear();
        self.server_times.clear();
        self.statuses.clear();
        self.reasons.clear();
        self.missing.clear();
        self.values.clear();
    }

    pub(crate) fn reverse(&mut self) {
        self.times.reverse();
        self.server_times.reverse();
        self.statuses.reverse();
        self.reasons.reverse();
        self.missing.reverse();
        self.values.reverse();
    }
}
