//! What the rest of the program may ask of a link's task.

use std::future::Future;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tagwire_model::{Status, TagId, Timestamp, Value};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::Statistics;
use super::system::DeviceItem;
use crate::{AddressError, DeviceSettings, DeviceSpec, Update};

/// Most items of writes and reads that may wait on one link.
pub const MAX_QUEUED_ITEMS: usize = 65_536;

/// Most requests of clients that may wait on one link.
pub(crate) const MAX_COMMANDS: usize = 1_024;

/// A request to a link's task.
#[derive(Debug)]
pub(crate) enum Command {
    Write { items: Vec<(TagId, Value)>, reply: oneshot::Sender<Vec<Status>> },
    Read { tags: Vec<TagId>, reply: oneshot::Sender<Vec<Update>> },
    SetDevice { index: usize, device: Box<NewDevice>, reply: oneshot::Sender<Result<(), ReloadError>> },
    RemoveDevice { index: usize, reply: oneshot::Sender<()> },
    Trace(bool),
    Wake,
    Stop,
}

/// A device that is new or replaces one.
#[derive(Debug)]
pub(crate) struct NewDevice {
    pub(crate) spec: DeviceSpec,
    /// None for those that it has.
    pub(crate) settings: Option<DeviceSettings>,
    pub(crate) system: Vec<(DeviceItem, TagId)>,
    /// Tags whose last value was read from another place, or meant something else.
    pub(crate) stale: Vec<TagId>,
}

/// What a link's task shares with its handles.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) heartbeat: AtomicU64,
    pub(crate) n_queued: AtomicUsize,
    pub(crate) statistics: Mutex<Statistics>,
}

impl Shared {
    /// Reserves room for `n` items in the queues of the link.
    fn reserve(&self, n: usize) -> bool {
        let before = self.n_queued.fetch_add(n, Ordering::Relaxed);
        let fits = before + n <= MAX_QUEUED_ITEMS;
        if !fits {
            self.n_queued.fetch_sub(n, Ordering::Relaxed);
        }
        fits
    }

    pub(crate) fn release(&self, n: usize) {
        self.n_queued.fetch_sub(n, Ordering::Relaxed);
    }
}

/// The way to one link's task. Clones lead to the same task; it ends when the last one is dropped.
#[derive(Clone, Debug)]
pub struct LinkHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) shared: Arc<Shared>,
}

/// Why a change of a link's devices was not made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReloadError {
    /// The driver refused a tag.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The index lies beyond the next free one.
    #[error("device index {0} leaves a gap")]
    Index(usize),
    /// The link's task has ended.
    #[error("link has stopped")]
    Stopped,
}

impl LinkHandle {
    /// Writes values to tags of this link, also to its system tags, in order. The submission happens at once and never
    /// blocks; the future resolves to one status per item: Good only after the device confirmed, BadResourceUnavailable
    /// when the queue is full, BadNoCommunication at once when the device is known to be down.
    ///
    /// Each value is sent once: a write that was not answered in time is BadTimeout and may or may not have arrived.
    pub fn write(&self, items: Vec<(TagId, Value)>) -> impl Future<Output = Vec<Status>> + Send + use<> {
        let n = items.len();
        let submitted =
            if n == 0 { Err(Status::GOOD) } else { self.submit(n, |reply| Command::Write { items, reply }) };
        async move {
            match submitted {
                Ok(answer) => answer.await.unwrap_or_else(|_| vec![Status::BAD_INTERNAL_ERROR; n]),
                Err(status) => vec![status; n],
            }
        }
    }

    /// Reads tags from their devices as soon as possible, in every scan mode. The values also go to the sink. The future
    /// resolves to one update per tag, in order; without a value when the status is bad.
    pub fn read(&self, tags: Vec<TagId>) -> impl Future<Output = Vec<Update>> + Send + use<> {
        let asked = tags.clone();
        let n = tags.len();
        let submitted = if n == 0 { Err(Status::GOOD) } else { self.submit(n, |reply| Command::Read { tags, reply }) };
        async move {
            let status = match submitted {
                Ok(answer) => match answer.await {
                    Ok(results) => return results,
                    Err(_) => Status::BAD_INTERNAL_ERROR,
                },
                Err(status) => status,
            };
            asked.into_iter().map(|tag| failed(tag, status)).collect()
        }
    }

    /// Replaces the device at `index`, or adds one at the end. Every other device goes on without noticing; a connection
    /// is not opened anew. Tags that stay keep their numbers.
    ///
    /// # Errors
    /// [`ReloadError`] when the driver refuses a tag or the link has stopped; nothing is changed then.
    pub async fn set_device(
        &self,
        index: usize,
        spec: DeviceSpec,
        settings: DeviceSettings,
        system: Vec<(DeviceItem, TagId)>,
    ) -> Result<(), ReloadError> {
        self.change_device(index, spec, Some(settings), system, Vec::new()).await
    }

    /// As [`LinkHandle::set_device`]; without settings the device keeps those that it has, also what was written to its
    /// system tags. Tags in `stale` wait for a new value, because the last one was read from another address or scaled in
    /// another way.
    ///
    /// # Errors
    /// As [`LinkHandle::set_device`].
    pub async fn change_device(
        &self,
        index: usize,
        spec: DeviceSpec,
        settings: Option<DeviceSettings>,
        system: Vec<(DeviceItem, TagId)>,
        stale: Vec<TagId>,
    ) -> Result<(), ReloadError> {
        let device = Box::new(NewDevice { spec, settings, system, stale });
        let (reply, answer) = oneshot::channel();
        let command = Command::SetDevice { index, device, reply };
        self.commands.send(command).await.map_err(|_| ReloadError::Stopped)?;
        answer.await.map_err(|_| ReloadError::Stopped)?
    }

    /// Takes a device out of service and forgets its tags. Its index stays taken until a device is set there again.
    ///
    /// # Errors
    /// [`ReloadError::Stopped`] when the link has stopped.
    pub async fn remove_device(&self, index: usize) -> Result<(), ReloadError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::RemoveDevice { index, reply }).await.map_err(|_| ReloadError::Stopped)?;
        answer.await.map_err(|_| ReloadError::Stopped)
    }

    /// Switches the log of every frame on or off.
    pub fn set_trace(&self, on: bool) {
        let _ = self.commands.try_send(Command::Trace(on));
    }

    /// Lets the link look at the demand of its tags at once; it looks ten times a second by itself.
    pub fn wake(&self) {
        let _ = self.commands.try_send(Command::Wake);
    }

    /// Ends the link's task and closes its transport; resolves when that is done.
    pub async fn stop(&self) {
        let _ = self.commands.send(Command::Stop).await;
        self.commands.closed().await;
    }

    /// The counters, at most a second old.
    pub fn statistics(&self) -> Statistics {
        self.shared.statistics.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A number that grows at least once a second while the link's task is alive.
    pub fn heartbeat(&self) -> u64 {
        self.shared.heartbeat.load(Ordering::Relaxed)
    }

    fn submit<T>(
        &self,
        n: usize,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<oneshot::Receiver<T>, Status> {
        if !self.shared.reserve(n) {
            return Err(Status::BAD_RESOURCE_UNAVAILABLE);
        }
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map(|()| answer).map_err(|error| {
            self.shared.release(n);
            match error {
                mpsc::error::TrySendError::Full(_) => Status::BAD_RESOURCE_UNAVAILABLE,
                mpsc::error::TrySendError::Closed(_) => Status::BAD_SHUTDOWN,
            }
        })
    }
}

/// The answer to a read that brought nothing.
pub(crate) fn failed(tag: TagId, status: Status) -> Update {
    Update { tag, value: None, status, source_time: Timestamp::NONE, server_time: Timestamp::NONE }
}
