//! What an aggregate gives for one interval.

use tagwire_model::{Status, Timestamp, Value};

/// Aggregate bits of a StatusCode (Part 4, 7.39.1; Part 13, 5.3.3).
pub(super) const CALCULATED: u32 = 0x01;
pub(super) const INTERPOLATED: u32 = 0x02;
pub(super) const PARTIAL: u32 = 0x04;
pub(super) const MULTIPLE_VALUES: u32 = 0x10;

/// The result is derived from fewer good values than required.
pub(super) const UNCERTAIN_DATA_SUB_NORMAL: Status = Status(0x40A4_0000);

/// One unit of the server's time resolution, in ticks: a millisecond.
pub(super) const RESOLUTION: i64 = Timestamp::TICKS_PER_MILLISECOND;

/// The value of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A value; [`Value::Null`] with a bad status.
    Value(Value),
    /// A StatusCode as value.
    Status(Status),
}

/// The result for one interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Processed {
    /// Its time: the start of the interval, or for some aggregates that of the value.
    pub time: Timestamp,
    /// Its value.
    pub value: Outcome,
    /// Its status, with the bits that say how it came about.
    pub status: Status,
}

impl Processed {
    /// A result that is no data.
    pub(super) fn no_data(time: i64) -> Self {
        Self::new(time, Value::Null, Status::BAD_NO_DATA, 0)
    }

    /// A result of this status and these aggregate bits; a bad one has neither value nor bits.
    pub(super) fn new(time: i64, value: Value, status: Status, bits: u32) -> Self {
        let time = Timestamp::from_ticks(time);
        if status.is_bad() {
            return Self { time, value: Outcome::Value(Value::Null), status };
        }
        Self { time, value: Outcome::Value(value), status: marked(status, bits) }
    }

    /// Marks the interval as not complete.
    pub(super) fn mark_partial(&mut self) {
        self.status = marked(self.status, PARTIAL);
    }
}

/// The status with these aggregate bits added.
pub(super) const fn marked(status: Status, bits: u32) -> Status {
    if bits == 0 { status } else { status.with_info(bits) }
}
