//! Tags that the server has and does not watch: they are read once per scan interval.

use std::time::Duration;

use tagwire_driver::Seen;
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_client::SourceSample;
use tokio::time::Instant;

use super::super::item::{Item, State};
use super::{Feed, Stage};
use crate::structure::Types;

/// Pause before a subscription is asked for once more that the server cannot give.
const REOPEN: Duration = Duration::from_secs(30);
/// Refusals that say nothing about the node, only that nobody watches it (Part 4, 7.38.2).
const UNWATCHED: [Status; 7] = [
    // BadOutOfMemory, BadResourceUnavailable
    Status(0x8003_0000),
    Status(0x8004_0000),
    // BadServiceUnsupported, BadNotSupported, BadNotImplemented
    Status(0x800B_0000),
    Status(0x803D_0000),
    Status(0x8040_0000),
    // BadTooManySubscriptions, BadTooManyMonitoredItems
    Status(0x8077_0000),
    Status(0x80DB_0000),
];

/// Whether a refusal only says that the server does not watch.
pub(crate) fn is_unwatched(status: Status) -> bool {
    UNWATCHED.contains(&status.code())
}

/// Where the reading stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Polls {
    /// The server gives no subscription.
    is_alone: bool,
    next: Option<Instant>,
    is_under_way: bool,
    n_unanswered: u32,
}

impl Polls {
    /// What was under way will not be answered, and the next server may watch.
    pub(super) const fn interrupted(&mut self) {
        self.is_under_way = false;
        self.is_alone = false;
    }

    /// What was under way is about other tags.
    pub(super) const fn forget_answer(&mut self) {
        self.is_under_way = false;
    }

    pub(super) fn wake(&self) -> Option<Instant> {
        self.next.filter(|_| !self.is_under_way)
    }

    fn begin(&mut self, now: Instant) {
        self.next.get_or_insert(now);
    }
}

impl Feed {
    /// The server gives no subscription: the tags are read until it does.
    pub(crate) fn unwatched(&mut self, now: Instant) {
        self.stage = Stage::Wanted(now + REOPEN);
        self.polls.is_alone = true;
        self.polls.begin(now);
    }

    /// Some tags are not watched.
    pub(super) fn poll_from(&mut self, now: Instant) {
        self.polls.begin(now);
    }

    /// The tags to be read now.
    pub(super) fn due_polls(&mut self, now: Instant) -> Option<Vec<u32>> {
        let due = self.polls.wake().filter(|at| *at <= now && !self.is_off)?;
        let is_alone = self.polls.is_alone && self.id().is_none();
        let is_polled =
            |item: &Item| !matches!(item.state, State::Method | State::Member) && (is_alone || item.is_polled);
        let tags: Vec<u32> =
            (0..).zip(&self.items).filter_map(|(number, item)| is_polled(item).then_some(number)).collect();
        if tags.is_empty() {
            self.polls.next = None;
            return None;
        }
        let next = due + self.settings.scan;
        self.polls.next = Some(if next > now { next } else { now + self.settings.scan });
        self.polls.is_under_way = true;
        Some(tags)
    }

    /// What to show for tags that were read.
    pub(crate) fn polled(
        &mut self,
        at: usize,
        tags: &[u32],
        samples: Vec<SourceSample>,
        types: &Types,
        now: Instant,
    ) -> Vec<Seen> {
        self.polls.is_under_way = false;
        self.polls.n_unanswered = 0;
        let mut seen = Vec::with_capacity(tags.len());
        for (tag, sample) in tags.iter().zip(samples) {
            // What the subscription tells meanwhile is younger.
            if matches!(self.items.get(*tag as usize), Some(item) if matches!(item.state, State::Watched(_))) {
                continue;
            }
            self.tell(at, *tag, sample, types, now, &mut seen);
        }
        seen
    }

    /// What to show for tags that could not be read; `None` stands for no answer, which counts after the last attempt.
    pub(crate) fn not_polled(&mut self, at: usize, tags: &[u32], status: Option<Status>) -> Vec<Seen> {
        self.polls.is_under_way = false;
        if status.is_none() {
            self.polls.n_unanswered += 1;
            if self.polls.n_unanswered < self.settings.attempts.max(1) {
                self.polls.next = Some(Instant::now());
                return Vec::new();
            }
        }
        let status = status.unwrap_or(Status::BAD_TIMEOUT);
        let tags = tags.iter().flat_map(|tag| self.sharing(*tag));
        tags.map(|tag| (at, tag, Value::Null, status, Timestamp::NONE)).collect()
    }
}
