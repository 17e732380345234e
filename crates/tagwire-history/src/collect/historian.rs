//! The thread that owns the store.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tagwire_hub::{Hub, Inbox, Interest, WatchId};
use tagwire_model::{Sample, TagId, Timestamp};
use thiserror::Error;

use super::{Collector, Rule, Wanted, When};
use crate::catalogue::MarkerKind;
use crate::{History, HistoryError, Moment, State, Store, TagNumber, TagSpec};

/// Longest time without a look at what is due.
const TICK: Duration = Duration::from_millis(25);
/// Commands that may wait for the thread.
const MAX_COMMANDS: usize = 256;
/// Changes that may wait for the thread, at least; each tag may have some more.
const MIN_CHANGES: usize = 1 << 16;

/// Both clocks as of now.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// Why the thread did not do what it was asked.
#[derive(Debug, Error)]
pub enum HistorianError {
    /// More commands wait than it takes.
    #[error("the historian is busy")]
    Busy,
    /// It has ended.
    #[error("the historian has stopped")]
    Stopped,
    /// The operating system gives no thread.
    #[error("no thread for the historian: {0}")]
    Thread(std::io::Error),
}

type Work = Box<dyn FnOnce(&mut Store, Moment) + Send>;

enum Command {
    Look,
    Collect(Vec<Wanted>),
    Do(Work),
    Stop,
}

/// The running historian: the store's writer in a thread of its own, fed by the live table.
pub struct Historian {
    history: History,
    numbers: Arc<ArcSwap<HashMap<TagId, TagNumber>>>,
    commands: SyncSender<Command>,
    thread: Mutex<Option<JoinHandle<Result<(), HistoryError>>>>,
}

impl Historian {
    /// Starts the thread; it collects nothing before [`Historian::collect`].
    ///
    /// # Errors
    /// [`HistorianError::Thread`].
    pub fn start(store: Store, hub: Arc<Hub>, clock: Clock) -> Result<Self, HistorianError> {
        let history = store.history();
        let numbers = Arc::<ArcSwap<HashMap<TagId, TagNumber>>>::default();
        let (commands, received) = sync_channel(MAX_COMMANDS);
        let wake = commands.clone();
        let inbox = Arc::new(Inbox::new(MIN_CHANGES, MIN_CHANGES / 4, move || {
            // A full queue keeps the thread awake as it is.
            let _ = wake.try_send(Command::Look);
        }));
        let watch = hub.attach(Arc::clone(&inbox));
        let worker = Worker {
            store,
            hub,
            clock,
            inbox,
            watch,
            collector: Collector::new(),
            numbers: Arc::clone(&numbers),
            changes: Vec::new(),
            pause: None,
        };
        let thread = std::thread::Builder::new().name("history".to_owned()).spawn(move || worker.run(&received));
        let thread = Mutex::new(Some(thread.map_err(HistorianError::Thread)?));
        Ok(Self { history, numbers, commands, thread })
    }

    /// What readers use.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// The number of a tag that is collected now.
    pub fn number(&self, tag: TagId) -> Option<TagNumber> {
        self.numbers.load().get(&tag).copied()
    }

    /// Collects exactly these tags from now on. Tags that stay with their rule see no gap.
    ///
    /// # Errors
    /// [`HistorianError::Busy`] and [`HistorianError::Stopped`].
    pub fn collect(&self, tags: Vec<Wanted>) -> Result<(), HistorianError> {
        self.send(Command::Collect(tags))
    }

    /// Has the thread do something with the store; `work` itself tells how it ended.
    ///
    /// # Errors
    /// [`HistorianError::Busy`] and [`HistorianError::Stopped`].
    pub fn run(&self, work: impl FnOnce(&mut Store, Moment) + Send + 'static) -> Result<(), HistorianError> {
        self.send(Command::Do(Box::new(work)))
    }

    /// As [`Historian::run`], and blocks until there is an answer.
    ///
    /// # Errors
    /// As [`Historian::run`].
    pub fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Store, Moment) -> T + Send + 'static,
    ) -> Result<T, HistorianError> {
        let (answer, wait) = sync_channel(1);
        self.run(move |store, now| {
            // Nobody may be waiting any more.
            let _ = answer.send(work(store, now));
        })?;
        wait.recv().map_err(|_| HistorianError::Stopped)
    }

    fn send(&self, command: Command) -> Result<(), HistorianError> {
        use std::sync::mpsc::TrySendError;
        self.commands.try_send(command).map_err(|error| match error {
            TrySendError::Full(_) => HistorianError::Busy,
            TrySendError::Disconnected(_) => HistorianError::Stopped,
        })
    }

    /// Writes what waits, notes the stop, and ends the thread; blocks until it has. Does nothing the second time.
    ///
    /// # Errors
    /// What the system says; what was acknowledged is safe all the same.
    pub fn stop(&self) -> Result<(), HistoryError> {
        let Some(thread) = self.thread.lock().take() else { return Ok(()) };
        // The queue may be full of commands, which are carried out first.
        let _ = self.commands.send(Command::Stop);
        thread.join().unwrap_or(Ok(()))
    }
}

impl Drop for Historian {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// What the thread owns.
struct Worker {
    store: Store,
    hub: Arc<Hub>,
    clock: Clock,
    inbox: Arc<Inbox>,
    watch: WatchId,
    collector: Collector,
    numbers: Arc<ArcSwap<HashMap<TagId, TagNumber>>>,
    changes: Vec<tagwire_hub::Change>,
    /// Since when samples are refused.
    pause: Option<Timestamp>,
}

impl Worker {
    fn run(mut self, received: &Receiver<Command>) -> Result<(), HistoryError> {
        loop {
            match received.recv_timeout(TICK) {
                Ok(Command::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Command::Collect(tags)) => self.collect(tags),
                Ok(Command::Do(work)) => work(&mut self.store, (self.clock)()),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look();
        }
        self.look();
        let now = (self.clock)();
        self.collector.interrupt(now.utc);
        self.write(now);
        let interests: Vec<(TagId, u32)> = self.collector.handles().collect();
        self.hub.unwatch(self.watch, &interests);
        self.hub.detach(self.watch);
        self.store.close_store(now)
    }

    /// Takes the changes that wait, and does what is due.
    fn look(&mut self) {
        let was_lossy = self.inbox.take(&mut self.changes);
        for change in self.changes.drain(..) {
            self.collector.change(&change);
        }
        let hub = Arc::clone(&self.hub);
        let read = |tag: TagId| -> Option<Sample> { hub.read(tag).map(|reading| reading.to_sample()) };
        if was_lossy {
            tracing::warn!("changes came faster than the historian took them; the values of now are kept instead");
            self.collector.catch_up(read);
        }
        let now = (self.clock)();
        self.collector.cycle(now.utc, read);
        self.write(now);
    }

    fn write(&mut self, now: Moment) {
        let batch = self.collector.waiting();
        if !batch.is_empty()
            && let Err(error) = self.store.append(batch, now)
            && !matches!(error, HistoryError::Paused { .. })
        {
            tracing::error!(%error, "samples were not taken");
        }
        batch.clear();
        // The state tells that writing failed, and it is tried again at the next tick.
        let _ = self.store.tick(now);
        match (self.store.history().state(), self.pause) {
            (State::Paused { why, since, .. }, None) => {
                tracing::error!(%why, "history is paused");
                self.pause = Some(since);
            }
            (State::Running, Some(since)) => {
                tracing::info!("history goes on");
                self.pause = None;
                self.resume(since, now);
            }
            _ => {}
        }
    }

    /// Nothing is known of the time of the pause, and the values of now begin anew.
    fn resume(&mut self, since: Timestamp, now: Moment) {
        self.collector.interrupt(since);
        let hub = Arc::clone(&self.hub);
        self.collector.catch_up(|tag| hub.read(tag).map(|reading| reading.to_sample()));
        let batch = self.collector.waiting();
        if let Err(error) = self.store.append(batch, now) {
            tracing::error!(%error, "samples were not taken");
        }
        batch.clear();
    }

    fn collect(&mut self, tags: Vec<Wanted>) {
        let now = (self.clock)();
        let died = self.died(now);
        let known: Vec<bool> = tags.iter().map(|tag| self.is_known(tag)).collect();
        let specs: Vec<TagSpec> = tags
            .iter()
            .map(|tag| TagSpec { path: Arc::clone(&tag.path), value_type: tag.value_type, group: tag.group })
            .collect();
        let numbers = match self.store.register(&specs, now) {
            Ok(numbers) => numbers,
            Err(error) => {
                tracing::error!(%error, "the tags to collect cannot be noted; the former ones are collected");
                return;
            }
        };
        if let Some(at) = died {
            let before = numbers.iter().zip(&known).filter(|(_, known)| **known).map(|(number, _)| *number);
            self.collector.interrupted(&before.collect::<Vec<_>>(), at);
        }
        let wanted: HashMap<TagId, (TagNumber, Rule)> =
            tags.iter().zip(&numbers).map(|(tag, number)| (tag.tag, (*number, tag.rule))).collect();
        let gone: Vec<TagId> = self
            .collector
            .tags()
            .filter(|(tag, number, rule)| wanted.get(tag) != Some(&(*number, *rule)))
            .map(|(tag, ..)| tag)
            .collect();
        let gone: Vec<(TagId, u32)> =
            gone.into_iter().filter_map(|tag| Some((tag, self.collector.remove(tag, now.utc)?))).collect();
        self.hub.unwatch(self.watch, &gone);
        let before: std::collections::HashSet<TagId> = self.collector.tags().map(|(tag, ..)| tag).collect();
        let mut interests = Vec::new();
        for (tag, number) in tags.iter().zip(&numbers).filter(|(tag, _)| !before.contains(&tag.tag)) {
            let handle = self.collector.add(tag.tag, *number, tag.rule);
            let interval = match tag.rule.when {
                When::Change => Duration::ZERO,
                When::Cyclic(interval) => interval,
            };
            interests.push(Interest { tag: tag.tag, handle, interval, timestamps: false });
        }
        self.inbox.set_bounds(MIN_CHANGES.max(4 * wanted.len()), MIN_CHANGES / 4);
        self.hub.watch(self.watch, &interests);
        let hub = Arc::clone(&self.hub);
        self.collector.catch_up_new(|tag| hub.read(tag).map(|reading| reading.to_sample()));
        self.numbers.store(Arc::new(wanted.iter().map(|(tag, (number, _))| (*tag, *number)).collect()));
    }

    fn is_known(&self, tag: &Wanted) -> bool {
        self.store.history().find(&tag.path).iter().any(|series| series.value_type == tag.value_type)
    }

    /// When the process before this one ended without a word, at the first call only.
    fn died(&self, now: Moment) -> Option<Timestamp> {
        if !self.collector.is_empty() || !self.numbers.load().is_empty() {
            return None;
        }
        let markers = self.store.history().markers(Timestamp::NONE, now.utc).ok()?;
        let [.., before, start] = markers.as_slice() else { return None };
        (start.kind == MarkerKind::Start && before.kind == MarkerKind::Died)
            .then(|| Timestamp::from_ticks(before.time.ticks() + 1))
    }
}
