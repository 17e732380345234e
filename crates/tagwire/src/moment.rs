//! Times as people write them on the command line.

use std::time::Duration;

use tagwire_gateway::config::parse_duration;
use tagwire_model::Timestamp;

use crate::failure::{Exit, Failure};

/// A time, or a duration before now.
pub(crate) fn moment(text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    if let Some(ago) = parse_duration(text) {
        return Ok(now.saturating_add_ticks(-ticks(ago)));
    }
    Timestamp::parse_rfc3339(text).ok_or_else(|| {
        let hint = "write how long ago, such as 1h or 7d, or a time, such as 2026-03-01T08:00:00Z";
        Failure::new(Exit::Usage, format!("\"{text}\" is no time"), hint)
    })
}

/// A duration in ticks of 100 ns.
pub(crate) fn ticks(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos() / 100).unwrap_or(i64::MAX)
}
