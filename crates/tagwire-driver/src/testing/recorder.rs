//! A sink that remembers what it was told.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tagwire_model::{Status, TagId, Value};
use tokio::time::Instant;

use crate::{Sink, Update};

/// What a user of one tag saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The last value.
    pub value: Value,
    /// The last quality.
    pub status: Status,
    /// When the last good value came.
    pub good_at: Option<Instant>,
    /// When the quality turned bad, while it is.
    pub bad_since: Option<Instant>,
    /// Number of good values.
    pub n_good: u64,
    /// Number of updates that made the quality bad.
    pub n_turned_bad: u64,
    /// Longest time between two good values.
    pub longest_gap: Duration,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            value: Value::Null,
            status: Status::BAD_WAITING_FOR_INITIAL_DATA,
            good_at: None,
            bad_since: None,
            n_good: 0,
            n_turned_bad: 0,
            longest_gap: Duration::ZERO,
        }
    }
}

/// A sink for tests: one [`Seen`] per tag, every update where wanted, and demand that the test sets.
#[derive(Debug, Default)]
pub struct Recorder {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    seen: Vec<Seen>,
    log: Option<Vec<Update>>,
    demand: Vec<(TagId, Duration)>,
    demand_version: u64,
}

impl Recorder {
    /// A recorder that also keeps every update.
    pub fn with_log() -> Self {
        Self { inner: Mutex::new(Inner { log: Some(Vec::new()), ..Inner::default() }) }
    }

    /// What was seen of a tag so far.
    pub fn seen(&self, tag: TagId) -> Seen {
        self.inner().seen.get(tag.index()).cloned().unwrap_or_default()
    }

    /// Forgets gaps and counts, so that the next reading tells about what comes.
    pub fn reset(&self) {
        let now = Instant::now();
        for seen in &mut self.inner().seen {
            seen.longest_gap = Duration::ZERO;
            seen.n_good = 0;
            seen.n_turned_bad = 0;
            seen.good_at = seen.good_at.map(|_| now);
        }
    }

    /// The updates since the last call; empty without a log.
    pub fn take_log(&self) -> Vec<Update> {
        self.inner().log.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Says at which interval a client wants a tag; `None` that it does not.
    pub fn want(&self, tag: TagId, interval: Option<Duration>) {
        let mut inner = self.inner();
        inner.demand.retain(|(wanted, _)| *wanted != tag);
        inner.demand.extend(interval.map(|interval| (tag, interval)));
        inner.demand_version += 1;
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Recorder {
    fn apply(&self, batch: &mut Vec<Update>) {
        let now = Instant::now();
        let mut inner = self.inner();
        if let Some(log) = &mut inner.log {
            log.extend_from_slice(batch);
        }
        for update in batch.drain(..) {
            let at = update.tag.index();
            if inner.seen.len() <= at {
                inner.seen.resize_with(at + 1, Seen::default);
            }
            let seen = &mut inner.seen[at];
            seen.status = update.status;
            if let Some(value) = update.value {
                seen.value = value;
            }
            if update.status.is_good() {
                if let Some(before) = seen.good_at {
                    seen.longest_gap = seen.longest_gap.max(now - before);
                }
                seen.good_at = Some(now);
                seen.bad_since = None;
                seen.n_good += 1;
            } else if seen.bad_since.is_none() {
                seen.bad_since = Some(now);
                seen.n_turned_bad += 1;
            }
        }
    }

    fn demand(&self, tag: TagId) -> Option<Duration> {
        self.inner().demand.iter().find(|(wanted, _)| *wanted == tag).map(|(_, interval)| *interval)
    }

    fn demand_version(&self) -> u64 {
        self.inner().demand_version
    }
}
