//! Events on their way to the historian, which keeps them.

use std::sync::Arc;

use parking_lot::Mutex;
use tagwire_history::{Historian, Store, StoredEvent};

use crate::event::{Event, stored};
use crate::limits;

/// Keeps events, in the order in which they are told.
pub struct EventJournal {
    historian: Arc<Historian>,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    events: Vec<StoredEvent>,
    /// Whether the historian was asked to take them.
    is_called: bool,
    n_lost: u64,
}

impl std::fmt::Debug for EventJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventJournal").field("n_waiting", &self.waiting.lock().events.len()).finish_non_exhaustive()
    }
}

impl EventJournal {
    /// A journal in the files of a historian.
    pub fn new(historian: Arc<Historian>) -> Self {
        Self { historian, waiting: Arc::default() }
    }

    /// Has an event kept. Never waits: when nothing can be written for long, what comes last is lost and counted.
    pub(crate) fn keep(&self, event: &Event) {
        let Some(event) = stored::write(event) else { return };
        let mut waiting = self.waiting.lock();
        if waiting.events.len() >= limits::MAX_EVENTS_TO_KEEP {
            waiting.n_lost += 1;
        } else {
            waiting.events.push(event);
        }
        if std::mem::replace(&mut waiting.is_called, true) {
            return;
        }
        drop(waiting);
        let taker = Arc::clone(&self.waiting);
        if self.historian.run(move |store, _| write(store, &taker)).is_err() {
            // The next event calls again.
            self.waiting.lock().is_called = false;
        }
    }
}

/// What cannot be written waits for the next event.
fn write(store: &mut Store, waiting: &Mutex<Waiting>) {
    let (events, n_lost) = {
        let mut waiting = waiting.lock();
        waiting.is_called = false;
        (std::mem::take(&mut waiting.events), std::mem::take(&mut waiting.n_lost))
    };
    if n_lost > 0 {
        tracing::error!(n_lost, "events were not kept because the history could not be written");
    }
    if let Err(error) = store.append_events(&events) {
        tracing::warn!(%error, n = events.len(), "events wait until the history can be written");
        let mut waiting = waiting.lock();
        waiting.n_lost += n_lost;
        let later = std::mem::replace(&mut waiting.events, events);
        waiting.events.extend(later);
    }
}
