//! The bounded queue of changes between the table and one subscriber.

use std::mem;

use parking_lot::Mutex;
use tagwire_model::{Status, TagId, Timestamp, Value};

/// One change of one watched tag.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The number that the subscriber gave this watch.
    pub handle: u32,
    /// Which tag.
    pub tag: TagId,
    /// The value after the change; the last one known after a failure.
    pub value: Value,
    /// Quality after the change.
    pub status: Status,
    /// Milliseconds on the hub's monotonic clock when the change was applied; wraps after 49 days.
    pub at_ms: u32,
    /// Source time.
    pub source_time: Timestamp,
    /// Server time.
    pub server_time: Timestamp,
}

/// The queue of one subscriber. The table appends, the subscriber takes all at once; neither ever waits for the other
/// longer than that takes.
pub struct Inbox {
    state: Mutex<State>,
    wake: Box<dyn Fn() + Send + Sync>,
}

struct State {
    changes: Vec<Change>,
    capacity: usize,
    wake_at: usize,
    lost: bool,
}

impl Inbox {
    /// A queue for at most `capacity` changes that calls `wake` when its length reaches `wake_at`.
    ///
    /// `wake` is called from the link's task: it must only signal.
    pub fn new(capacity: usize, wake_at: usize, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let state = State { changes: Vec::new(), capacity, wake_at: wake_at.max(1), lost: false };
        Self { state: Mutex::new(state), wake: Box::new(wake) }
    }

    /// Changes the bounds, as when a subscriber watches more tags than before.
    pub fn set_bounds(&self, capacity: usize, wake_at: usize) {
        let mut state = self.state.lock();
        state.capacity = capacity;
        state.wake_at = wake_at.max(1);
    }

    /// Swaps the queued changes into `into` (which must be empty and gives its capacity) and says whether any change was
    /// lost since the last call; then the subscriber reads all its tags from the table.
    pub fn take(&self, into: &mut Vec<Change>) -> bool {
        debug_assert!(into.is_empty());
        let mut state = self.state.lock();
        mem::swap(&mut state.changes, into);
        mem::take(&mut state.lost)
    }

    /// Gives the memory of an emptied queue back, so that a subscriber needs no second buffer of its own.
    pub fn recycle(&self, mut buffer: Vec<Change>) {
        buffer.clear();
        let mut state = self.state.lock();
        if buffer.capacity() > state.changes.capacity() {
            buffer.append(&mut state.changes);
            state.changes = buffer;
        }
    }

    /// Number of changes waiting.
    pub fn len(&self) -> usize {
        self.state.lock().changes.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends changes as far as they fit and empties `changes`; what does not fit is marked as lost.
    pub(crate) fn put(&self, changes: &mut Vec<Change>) {
        let mut state = self.state.lock();
        let before = state.changes.len();
        let room = state.capacity.saturating_sub(before);
        if changes.len() > room {
            state.lost = true;
            changes.truncate(room);
        }
        if before == 0 && state.changes.capacity() < changes.capacity() {
            mem::swap(&mut state.changes, changes);
        } else {
            state.changes.append(changes);
        }
        let wake = (state.lost || state.changes.len() >= state.wake_at) && before < state.wake_at;
        drop(state);
        changes.clear();
        if wake {
            (self.wake)();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn changes(n: u32) -> Vec<Change> {
        (0..n)
            .map(|handle| Change {
                handle,
                tag: TagId(handle),
                value: Value::UInt32(handle),
                status: Status::GOOD,
                at_ms: 0,
                source_time: Timestamp::NONE,
                server_time: Timestamp::NONE,
            })
            .collect()
    }

    #[test]
    fn a_full_queue_loses_the_rest_and_says_so() {
        let inbox = Inbox::new(5, 5, || ());
        inbox.put(&mut changes(3));
        inbox.put(&mut changes(3));
        let mut taken = Vec::new();
        assert!(inbox.take(&mut taken));
        assert_eq!(taken.len(), 5);
        taken.clear();
        assert!(!inbox.take(&mut taken));
        assert!(taken.is_empty());
    }

    #[test]
    fn a_recycled_buffer_keeps_what_came_meanwhile() {
        let inbox = Inbox::new(100, 100, || ());
        inbox.put(&mut changes(50));
        let mut taken = Vec::new();
        inbox.take(&mut taken);
        inbox.put(&mut changes(3));
        inbox.recycle(taken);
        assert_eq!(inbox.len(), 3);
        inbox.recycle(changes(60));
        let mut taken = Vec::new();
        inbox.take(&mut taken);
        assert_eq!((taken.len(), taken.capacity() >= 50), (3, true));
    }

    #[test]
    fn wakes_once_per_crossing() {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let inbox = Inbox::new(100, 4, move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        for _ in 0..5 {
            inbox.put(&mut changes(2));
        }
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        inbox.take(&mut Vec::new());
        inbox.put(&mut changes(8));
        assert_eq!(woken.load(Ordering::Relaxed), 2);
    }
}
