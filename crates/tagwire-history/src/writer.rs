//! The thread that owns the store.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tagwire_model::Timestamp;

use crate::storage::Storage;
use crate::store::{History, Moment, Opened, Options, State, Store};
use crate::{Batch, HistoryError};

/// Batches that may wait for the thread.
const QUEUE: usize = 1024;

/// What the thread is asked to do.
type Task = Box<dyn FnOnce(&mut Store, Moment) + Send>;

enum Message {
    Batch(Batch),
    Task(Task),
    Close(SyncSender<Result<(), HistoryError>>),
}

/// Hands work to the thread that owns the store. Clones are the same thread.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: SyncSender<Message>,
    history: History,
}

/// The thread; dropping it does not end it, [`WriterThread::close`] does.
#[derive(Debug)]
pub struct WriterThread {
    thread: JoinHandle<()>,
    queue: SyncSender<Message>,
}

impl Writer {
    /// Opens the store and starts its thread. `utc` is the clock of the calendar.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn start(
        storage: Arc<dyn Storage>,
        options: Options,
        utc: impl Fn() -> Timestamp + Send + 'static,
    ) -> Result<(Self, WriterThread, Opened), HistoryError> {
        let started = Instant::now();
        let now = move || Moment { steady: started.elapsed(), utc: utc() };
        let interval = options.commit_interval;
        let (store, opened) = Store::open(storage, options, now())?;
        let history = store.history();
        let (queue, inbox) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || run(store, &inbox, interval, now))
            .map_err(HistoryError::io("thread"))?;
        let writer = Self { queue: queue.clone(), history };
        Ok((writer, WriterThread { thread, queue }, opened))
    }

    /// What readers hold.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// Hands samples over without waiting; whether there was room. What the store refuses is counted in its
    /// [`State`](crate::State).
    ///
    /// # Errors
    /// The batch, when the thread is too far behind or gone.
    pub fn offer(&self, batch: Batch) -> Result<(), Batch> {
        self.queue.try_send(Message::Batch(batch)).map_err(|error| match error {
            TrySendError::Full(Message::Batch(batch)) | TrySendError::Disconnected(Message::Batch(batch)) => batch,
            _ => Batch::new(),
        })
    }

    /// Has the thread do something with the store, and waits for the answer.
    ///
    /// # Errors
    /// [`HistoryError::Closed`] when the thread is gone, or what `act` answers.
    pub fn call<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Store, Moment) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let (answer, wait) = sync_channel(1);
        let task: Task = Box::new(move |store, now| {
            // Nobody may be waiting any more.
            let _ = answer.send(act(store, now));
        });
        self.queue.send(Message::Task(task)).map_err(|_| HistoryError::Closed)?;
        wait.recv().map_err(|_| HistoryError::Closed)?
    }
}

impl WriterThread {
    /// Does what was asked before, seals everything and ends the thread.
    ///
    /// # Errors
    /// As [`Store::close_store`].
    pub fn close(self) -> Result<(), HistoryError> {
        let (answer, wait) = sync_channel(1);
        self.queue.send(Message::Close(answer)).map_err(|_| HistoryError::Closed)?;
        let outcome = wait.recv().map_err(|_| HistoryError::Closed)?;
        self.thread.join().map_err(|_| HistoryError::Closed)?;
        outcome
    }
}

fn run(mut store: Store, inbox: &Receiver<Message>, interval: Duration, now: impl Fn() -> Moment) {
    let pause = (interval / 4).max(Duration::from_millis(1));
    let mut next = now().steady + pause;
    loop {
        match inbox.recv_timeout(next.saturating_sub(now().steady)) {
            // Refused samples are counted in the state, and a disk that fails shows there too.
            Ok(Message::Batch(batch)) => drop(store.append(&batch, now())),
            Ok(Message::Task(task)) => task(&mut store, now()),
            Ok(Message::Close(answer)) => {
                let _ = answer.send(store.close_store(now()));
                return;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                // Without a close the log keeps everything, and the next start finds it there.
                let _ = store.commit(now());
                return;
            }
        }
        if now().steady >= next {
            let _ = store.tick(now());
            next = now().steady + pause;
        }
    }
}

/// Whether a state lets samples in.
impl State {
    /// Whether samples are taken.
    pub fn is_running(&self) -> bool {
        *self == Self::Running
    }
}

#[cfg(test)]
mod tests {
    use tagwire_model::{DataType, Status, Value, ValueType};

    use super::*;
    use crate::{CrashDisk, HistoryError, Reason, Span, TagSpec};

    #[test]
    fn readers_see_what_the_thread_took_and_a_second_owner_is_refused() {
        let disk = Arc::new(CrashDisk::new());
        let utc = || Timestamp::from_ticks(133_600_000_000_000_000);
        let (writer, thread, _) = Writer::start(disk.clone(), Options::default(), utc).expect("starts");
        let spec = TagSpec { path: "a".into(), value_type: ValueType::scalar(DataType::Double), group: None };
        let tag = writer.call(move |store, now| store.register(&[spec], now)).expect("registers")[0];
        let mut batch = Batch::new();
        batch.scan(utc(), Timestamp::NONE);
        batch.push(tag, Value::Double(1.5), Status::GOOD, Reason::Changed);
        writer.offer(batch).expect("there is room");
        let durable = writer.call(|store, now| store.commit(now).map(|()| store.history().durable_up_to()));
        assert_eq!(durable.expect("commits"), 1);
        let mut cursor = writer.history().read(tag, Span::all()).expect("reads");
        let view = cursor.next(10).expect("reads").expect("one");
        assert_eq!(view.sample(0).expect("one").value, Value::Double(1.5));
        assert_eq!(view.sample(0).expect("one").server_time, Timestamp::NONE);
        assert_eq!(view.reasons(), [Reason::Changed]);
        let second = Writer::start(disk.clone(), Options::default(), utc);
        assert!(matches!(second, Err(HistoryError::InUse)));
        thread.close().expect("closes");
        assert!(Writer::start(disk, Options::default(), utc).is_ok());
    }
}
