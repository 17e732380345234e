//! The transport of a link: open or not, when to open it again, and whether anybody behind it answers.

use std::time::Duration;

use tagwire_model::Status;
use tokio::time::Instant;

use super::backoff::Backoff;

/// Shortest and longest pause between two tries to open the transport.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Shortest pause after a try that took longer than its back-off.
const BREATH: Duration = Duration::from_millis(50);

/// A transport on which nobody answers is opened anew at most this often.
const REOPEN: Duration = Duration::from_secs(1);

/// State of a link's transport.
#[derive(Debug)]
pub(crate) struct Line {
    is_open: bool,
    was_open: bool,
    /// Opening failed since it was open last.
    is_down: bool,
    /// Nothing was answered since it was opened last.
    is_unproven: bool,
    backoff: Backoff,
    retry_at: Option<Instant>,
    opened_at: Option<Instant>,
    /// Start of the first request or try to connect since the last answer of anybody.
    silent_since: Option<Instant>,
    n_unanswered: u32,
    /// Devices that fell silent since the last answer of anybody.
    n_fell_silent: u32,
    /// When it was closed first since the last answer of anybody: one that is open again is proven only by an answer.
    not_open_since: Option<Instant>,
    is_suspect: bool,
    is_just_suspect: bool,
    /// It was opened anew since the last answer of anybody, because nobody answered.
    was_reopened: bool,
}

impl Line {
    pub(crate) const fn new() -> Self {
        Self {
            is_open: false,
            was_open: false,
            is_down: false,
            is_unproven: false,
            backoff: Backoff::new(RECONNECT.0, RECONNECT.1),
            retry_at: None,
            opened_at: None,
            silent_since: None,
            n_unanswered: 0,
            n_fell_silent: 0,
            not_open_since: None,
            is_suspect: false,
            is_just_suspect: false,
            was_reopened: false,
        }
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether the last try to open the transport failed.
    pub(crate) const fn is_down(&self) -> bool {
        self.is_down
    }

    /// When to try to open the transport; `None` means at once.
    pub(crate) const fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Whether nobody answers and a new connection has not been tried yet.
    pub(crate) const fn may_need_reopening(&self) -> bool {
        self.is_suspect && !self.was_reopened
    }

    /// Since when it is sure that not only single devices are silent: the connection was closed and nobody has answered since,
    /// or two devices that used to answer fell silent one after the other.
    pub(crate) fn dead_since(&self) -> Option<Instant> {
        if self.n_fell_silent >= 2 { self.silent_since } else { self.not_open_since }
    }

    /// Whether the transport should be opened anew before the next request, because nobody behind it answers.
    pub(crate) fn wants_reopening(&self, now: Instant) -> bool {
        self.is_open && self.is_suspect && self.opened_at.is_none_or(|at| at + REOPEN <= now)
    }

    /// Whether the last unanswered request is the one that made the transport suspect.
    pub(crate) const fn is_just_suspect(&self) -> bool {
        self.is_just_suspect
    }

    /// Whether an answer now means that not a device but the connection was at fault.
    pub(crate) const fn was_dead(&self) -> bool {
        self.was_reopened || self.n_fell_silent >= 2
    }

    /// What the silence of a device behind this line means.
    pub(crate) const fn silence(&self) -> Status {
        if self.is_open {
            Status::BAD_TIMEOUT
        } else if self.was_open {
            Status::BAD_NO_COMMUNICATION
        } else {
            Status::BAD_NOT_CONNECTED
        }
    }

    pub(crate) const fn opened(&mut self, now: Instant) {
        self.is_open = true;
        self.was_open = true;
        self.is_down = false;
        self.is_unproven = true;
        self.opened_at = Some(now);
        self.retry_at = None;
        self.is_suspect = false;
    }

    /// Opening, begun at `started`, failed.
    pub(crate) fn refused(&mut self, started: Instant, now: Instant, random: &mut fastrand::Rng) {
        self.is_open = false;
        self.is_down = true;
        self.silent_since.get_or_insert(started);
        // Counted from the start of the try, so that one that hung does not also wait.
        self.retry_at = Some((started + self.backoff.next(random)).max(now + BREATH));
    }

    /// The open transport failed during a request begun at `started`, or is closed on purpose.
    pub(crate) fn broke(&mut self, started: Instant, now: Instant, random: &mut fastrand::Rng) {
        self.is_open = false;
        self.silent_since.get_or_insert(started);
        self.not_open_since.get_or_insert(now);
        self.retry_at = self.is_unproven.then(|| now + self.backoff.next(random));
    }

    /// Closed by the supervisor, which will open it anew at once.
    pub(crate) fn closed(&mut self, now: Instant) {
        self.is_open = false;
        self.was_reopened |= self.is_suspect;
        self.is_suspect = false;
        self.not_open_since.get_or_insert(now);
        self.retry_at = None;
    }

    /// Closed because nobody wants it any more: what comes later starts as at first.
    pub(crate) const fn retired(&mut self) {
        self.is_open = false;
        self.is_suspect = false;
        self.retry_at = None;
        self.is_down = false;
        self.answered();
        self.backoff.reset();
    }

    /// A device answered.
    pub(crate) const fn answered(&mut self) {
        self.silent_since = None;
        self.not_open_since = None;
        self.n_unanswered = 0;
        self.n_fell_silent = 0;
        self.is_suspect = false;
        self.was_reopened = false;
        if self.is_unproven {
            self.is_unproven = false;
            self.backoff.reset();
        }
    }

    /// A request begun at `started` was not answered in time, by a device that answered last time if `fell_silent`.
    /// `attempts` of these in a row make the transport suspect.
    pub(crate) fn unanswered(&mut self, started: Instant, attempts: u32, fell_silent: bool) {
        self.n_fell_silent = self.n_fell_silent.saturating_add(u32::from(fell_silent));
        self.silent_since.get_or_insert(started);
        self.n_unanswered = self.n_unanswered.saturating_add(1);
        self.is_suspect = self.n_unanswered >= attempts;
        self.is_just_suspect = self.n_unanswered == attempts;
    }
}
