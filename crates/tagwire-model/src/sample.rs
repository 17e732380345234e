//! A value with its quality and its times.

use crate::{Status, Timestamp, Value};

/// What a tag was at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The value; after a failure the last value known, [`Value::Null`] before the first one.
    pub value: Value,
    /// How good the value is.
    pub status: Status,
    /// When the value was true at its source.
    pub source_time: Timestamp,
    /// When the server last confirmed value and status.
    pub server_time: Timestamp,
}

impl Sample {
    /// A good value seen at `time`.
    pub fn good(value: Value, time: Timestamp) -> Self {
        Self { value, status: Status::GOOD, source_time: time, server_time: time }
    }

    /// The state of a tag that has never been read.
    pub fn initial(time: Timestamp) -> Self {
        Self { value: Value::Null, status: Status::BAD_WAITING_FOR_INITIAL_DATA, source_time: time, server_time: time }
    }
}
