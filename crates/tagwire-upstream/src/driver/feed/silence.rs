//! How long a subscription may say nothing, and what its silence means.

use std::time::Duration;

use tagwire_driver::Seen;
use tagwire_model::{Status, Timestamp, Value};
use tokio::time::Instant;

use super::super::item::State;
use super::{Feed, SILENT_PERIODS};

/// Longest silence that is believed to be meant, when the server grants it and a scan is not longer.
const MAX_PERIOD: Duration = Duration::from_secs(60);
/// How late a sign of life may be before the server is asked.
const SLACK: Duration = Duration::from_millis(100);

impl Feed {
    /// Longest silence of a subscription that is well.
    pub(crate) fn period(&self) -> Duration {
        let terms = if self.granted.interval.is_zero() { self.terms() } else { self.granted };
        terms.interval.saturating_mul(terms.keep_alive.max(1)).min(MAX_PERIOD.max(self.settings.scan)) + SLACK
    }

    /// The server answered for this device; whether the subscription is to be made anew.
    pub(crate) fn probed(&mut self, now: Instant) -> bool {
        self.is_probing = false;
        self.n_unanswered = 0;
        self.last_heard = now;
        self.n_silent += 1;
        let is_late = self.n_silent >= self.max_silent;
        if is_late {
            self.max_silent = self.max_silent.saturating_mul(2).min(SILENT_PERIODS.1);
        }
        is_late || self.is_silent
    }

    /// The server did not answer for this device in time; the samples that say so, when it was the last attempt.
    pub(crate) fn unanswered(&mut self, at: usize) -> Vec<Seen> {
        self.is_probing = false;
        self.n_unanswered += 1;
        if self.is_silent || self.n_unanswered < self.settings.attempts.max(1) {
            return Vec::new();
        }
        self.is_silent = true;
        self.all(at, Status::BAD_TIMEOUT)
    }

    /// The same quality for all tags that are watched.
    pub(crate) fn all(&self, at: usize, status: Status) -> Vec<Seen> {
        let is_watched =
            |number: &u32| self.items.get(*number as usize).is_some_and(|item| !matches!(item.state, State::Method));
        (0..)
            .take(self.items.len())
            .filter(is_watched)
            .map(|number| (at, number, Value::Null, status, Timestamp::NONE))
            .collect()
    }
}
