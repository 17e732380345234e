//! The one monotonic clock of the crate: that of the runtime, which tests stop and set.

use std::time::Instant;

/// Monotonic time now.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
