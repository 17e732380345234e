//! Who wants to hear of which tag.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tagwire_model::TagId;

use crate::feed::{Change, Inbox};
use crate::table::Table;

/// What one subscriber wants of one tag.
#[derive(Clone, Copy, Debug)]
pub struct Interest {
    /// The tag.
    pub tag: TagId,
    /// The number under which the subscriber wants to hear of it.
    pub handle: u32,
    /// How often it needs a value at most; zero for as fast as possible.
    pub interval: Duration,
    /// Whether an update that changes only the source time counts as a change.
    pub timestamps: bool,
}

/// A subscriber's number in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WatchId(pub(crate) u32);

#[derive(Clone, Copy, Debug)]
struct Watch {
    subscriber: u32,
    handle: u32,
    interval_ms: u32,
    timestamps: bool,
    /// Wants nothing but that the tag's number stays the tag's.
    is_silent: bool,
}

/// Most tags have one watcher, so one needs no allocation.
#[derive(Debug)]
enum List {
    Free(u32),
    One(Watch),
    /// Boxed twice, so that a list is no larger than a watch.
    #[expect(clippy::box_collection, reason = "most lists are single watches")]
    Many(Box<Vec<Watch>>),
}

impl List {
    fn watches(&self) -> &[Watch] {
        match self {
            Self::Free(_) => &[],
            Self::One(watch) => std::slice::from_ref(watch),
            Self::Many(watches) => watches,
        }
    }
}

const END: u32 = u32::MAX;

/// Interest lists and inboxes.
#[derive(Default)]
pub(crate) struct Watchers {
    lists: Vec<List>,
    free: Option<u32>,
    inboxes: Vec<Option<Arc<Inbox>>>,
}

impl Watchers {
    pub(crate) fn attach(&mut self, inbox: Arc<Inbox>) -> WatchId {
        let idx = self.inboxes.iter().position(Option::is_none).unwrap_or_else(|| {
            self.inboxes.push(None);
            self.inboxes.len() - 1
        });
        self.inboxes[idx] = Some(inbox);
        WatchId(idx as u32)
    }

    pub(crate) fn detach(&mut self, id: WatchId) {
        if let Some(inbox) = self.inboxes.get_mut(id.0 as usize) {
            *inbox = None;
        }
    }

    pub(crate) fn add(&mut self, table: &Table, id: WatchId, interest: Interest) -> bool {
        let watch = Watch {
            subscriber: id.0,
            handle: interest.handle,
            interval_ms: u32::try_from(interest.interval.as_millis()).unwrap_or(u32::MAX),
            timestamps: interest.timestamps,
            is_silent: false,
        };
        self.insert(table, interest.tag, watch)
    }

    pub(crate) fn hold(&mut self, table: &Table, id: WatchId, tag: TagId, handle: u32) -> bool {
        let watch = Watch { subscriber: id.0, handle, interval_ms: u32::MAX, timestamps: false, is_silent: true };
        self.insert(table, tag, watch)
    }

    fn insert(&mut self, table: &Table, tag: TagId, watch: Watch) -> bool {
        let Some(slot) = table.slot(tag) else { return false };
        match slot.watch.load(Ordering::Relaxed) {
            0 => {
                let idx = self.take_list(List::One(watch));
                slot.watch.store(idx + 1, Ordering::Release);
            }
            list => {
                let Some(list) = self.lists.get_mut(list as usize - 1) else { return false };
                match list {
                    List::Many(watches) => watches.push(watch),
                    List::One(first) => *list = List::Many(Box::new(vec![*first, watch])),
                    List::Free(_) => *list = List::One(watch),
                }
            }
        }
        true
    }

    pub(crate) fn remove(&mut self, table: &Table, id: WatchId, tag: TagId, handle: u32) {
        let Some(slot) = table.slot(tag) else { return };
        let idx = match slot.watch.load(Ordering::Relaxed) {
            0 => return,
            list => list - 1,
        };
        let Some(list) = self.lists.get_mut(idx as usize) else { return };
        let is_it = |watch: &Watch| watch.subscriber == id.0 && watch.handle == handle;
        let empty = match list {
            List::One(watch) => is_it(watch),
            List::Many(watches) => {
                watches.retain(|watch| !is_it(watch));
                if let [last] = watches[..] {
                    *list = List::One(last);
                }
                list.watches().is_empty()
            }
            List::Free(_) => false,
        };
        if empty {
            slot.watch.store(0, Ordering::Release);
            self.lists[idx as usize] = List::Free(self.free.unwrap_or(END));
            self.free = Some(idx);
        }
    }

    /// The shortest interval that any watcher of this list needs.
    pub(crate) fn fastest(&self, list: u32) -> Option<Duration> {
        let list = self.lists.get(list.checked_sub(1)? as usize)?;
        let fastest = list.watches().iter().filter(|watch| !watch.is_silent).map(|watch| watch.interval_ms).min()?;
        Some(Duration::from_millis(u64::from(fastest)))
    }

    /// Appends a change for every watcher of `list`, made by `make`, to `outgoing` (indexed by subscriber).
    #[inline]
    pub(crate) fn collect(
        &self,
        list: u32,
        value_or_status_changed: bool,
        outgoing: &mut Outgoing,
        make: impl Fn(u32) -> Change,
    ) {
        let Some(list) = self.lists.get(list as usize - 1) else { return };
        for watch in list.watches() {
            if (value_or_status_changed || watch.timestamps) && !watch.is_silent {
                outgoing.push(watch.subscriber, make(watch.handle));
            }
        }
    }

    /// Whether any watcher of this list counts changes of the source time alone.
    #[inline]
    pub(crate) fn wants_timestamps(&self, list: u32) -> bool {
        self.lists.get(list as usize - 1).is_some_and(|list| list.watches().iter().any(|watch| watch.timestamps))
    }

    pub(crate) fn deliver(&self, outgoing: &mut Outgoing) {
        for subscriber in outgoing.touched.drain(..) {
            let changes = &mut outgoing.queues[subscriber as usize];
            match self.inboxes.get(subscriber as usize) {
                Some(Some(inbox)) => inbox.put(changes),
                _ => changes.clear(),
            }
        }
    }

    fn take_list(&mut self, list: List) -> u32 {
        match self.free {
            Some(idx) => {
                let next = match self.lists[idx as usize] {
                    List::Free(next) if next != END => Some(next),
                    _ => None,
                };
                self.free = next;
                self.lists[idx as usize] = list;
                idx
            }
            None => {
                self.lists.push(list);
                self.lists.len() as u32 - 1
            }
        }
    }
}

/// Changes sorted by subscriber while a batch is applied; kept between batches for its capacity.
#[derive(Default)]
pub(crate) struct Outgoing {
    queues: Vec<Vec<Change>>,
    touched: Vec<u32>,
}

impl Outgoing {
    #[inline]
    fn push(&mut self, subscriber: u32, change: Change) {
        let idx = subscriber as usize;
        if idx >= self.queues.len() {
            self.queues.resize_with(idx + 1, Vec::new);
        }
        let queue = &mut self.queues[idx];
        if queue.is_empty() {
            self.touched.push(subscriber);
        }
        queue.push(change);
    }
}
