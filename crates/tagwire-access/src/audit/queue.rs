//! From the threads that serve to the thread that writes: bounded, and nobody waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{AuditEvent, Head};

/// Events that wait; as many again of those that are worth more than requests and refusals.
const MAX_EVENTS: usize = 8_192;
/// Bytes that they hold.
const MAX_BYTES: usize = 32 << 20;
/// How long the writer gathers before it writes, unless much waits already.
const LINGER: Duration = Duration::from_millis(25);
/// Refusals of strangers in one second that are told one by one, in the long run and at once.
const STRANGERS_PER_SECOND: f64 = 20.0;
const STRANGERS_AT_ONCE: f64 = 200.0;

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes the writer.
    filled: Condvar,
    /// Wakes those who wait for the disk.
    answered: Condvar,
    n_lost: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<AuditEvent>,
    n_bytes: usize,
    n_lost: u64,
    n_suppressed: u64,
    is_closing: bool,
    n_asked: u64,
    n_answered: u64,
    head: Option<Head>,
    strangers: Allowance,
}

/// What the writer has to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) events: VecDeque<AuditEvent>,
    pub(super) n_lost: u64,
    pub(super) n_suppressed: u64,
    /// Everything is to be on the disk now; the number is for [`Queue::answer`].
    pub(super) asked: Option<u64>,
    pub(super) is_closing: bool,
}

/// How many strangers may still be told one by one.
#[derive(Debug)]
struct Allowance {
    left: f64,
    since: Option<Instant>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: STRANGERS_AT_ONCE, since: None }
    }
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        let passed = self.since.replace(now).map_or(0.0, |since| now.duration_since(since).as_secs_f64());
        self.left = (self.left + passed * STRANGERS_PER_SECOND).min(STRANGERS_AT_ONCE);
        let may = self.left >= 1.0;
        if may {
            self.left -= 1.0;
        }
        may
    }
}

impl State {
    fn is_crowded(&self) -> bool {
        self.events.len() >= MAX_EVENTS / 4 || self.n_bytes >= MAX_BYTES / 4
    }

    const fn is_urgent(&self) -> bool {
        self.is_closing || self.n_asked > self.n_answered
    }

    fn has_work(&self) -> bool {
        !self.events.is_empty() || self.n_lost > 0 || self.n_suppressed > 0
    }
}

impl Queue {
    pub(super) fn push(&self, event: AuditEvent) {
        let n_bytes = size_of::<AuditEvent>() + event.details.held_bytes();
        let scale = if event.what.is_precious() { 2 } else { 1 };
        let mut state = self.state.lock();
        let was_idle = !state.has_work();
        if event.what.is_by_strangers() && !state.strangers.take(Instant::now()) {
            state.n_suppressed += 1;
        } else if state.events.len() >= scale * MAX_EVENTS || state.n_bytes + n_bytes > scale * MAX_BYTES {
            state.n_lost += 1;
            self.n_lost.fetch_add(1, Ordering::Relaxed);
        } else {
            let was_crowded = state.is_crowded();
            state.n_bytes += n_bytes;
            state.events.push_back(event);
            if state.is_crowded() && !was_crowded {
                self.filled.notify_one();
            }
        }
        if was_idle {
            self.filled.notify_one();
        }
    }

    /// Events lost since the start.
    pub(super) fn n_lost(&self) -> u64 {
        self.n_lost.load(Ordering::Relaxed)
    }

    /// Waits for work, at most until `deadline`.
    pub(super) fn take(&self, deadline: Option<Instant>) -> Work {
        let mut state = self.state.lock();
        let mut gathered = None;
        while !state.is_urgent() && !state.is_crowded() {
            let now = Instant::now();
            if state.has_work() {
                let until = *gathered.get_or_insert(now + LINGER);
                if now >= until {
                    break;
                }
                self.filled.wait_until(&mut state, until);
            } else if let Some(deadline) = deadline {
                if now >= deadline {
                    break;
                }
                self.filled.wait_until(&mut state, deadline);
            } else {
                self.filled.wait(&mut state);
            }
        }
        state.n_bytes = 0;
        Work {
            events: std::mem::take(&mut state.events),
            n_lost: std::mem::take(&mut state.n_lost),
            n_suppressed: std::mem::take(&mut state.n_suppressed),
            asked: (state.n_asked > state.n_answered).then_some(state.n_asked),
            is_closing: state.is_closing,
        }
    }

    /// Waits without taking anything, for as long as the disk is given to recover; tells whether the log is closing.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state.lock();
        while !state.is_urgent() && !self.filled.wait_until(&mut state, until).timed_out() {}
        // Whoever asked hears that it is not on the disk.
        state.n_answered = state.n_asked;
        self.answered.notify_all();
        state.is_closing
    }

    /// Has everything so far written to the disk, and waits for it; the end of the chain, unless the disk fails.
    pub(super) fn ask(&self, patience: Duration) -> Option<Head> {
        let until = Instant::now() + patience;
        let mut state = self.state.lock();
        state.n_asked += 1;
        let number = state.n_asked;
        state.head = None;
        self.filled.notify_one();
        while state.n_answered < number {
            if self.answered.wait_until(&mut state, until).timed_out() {
                return None;
            }
        }
        state.head
    }

    pub(super) fn answer(&self, number: u64, head: Option<Head>) {
        let mut state = self.state.lock();
        (state.n_answered, state.head) = (number, head);
        self.answered.notify_all();
    }

    pub(super) fn close(&self) {
        self.state.lock().is_closing = true;
        self.filled.notify_one();
    }
}
