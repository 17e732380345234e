//! Changes of values, through a bounded queue.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opcua_client::{MonitoredItem, OnSubscriptionNotification, Session};
use opcua_types::{
    AttributeId, DataValue, MonitoredItemCreateRequest, MonitoringMode, MonitoringParameters, NodeId, ReadValueId,
    StatusChangeNotification, TimestampsToReturn, Variant,
};
use tagwire_model::{Sample, Status};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::attribute::check_len;
use crate::error::StatusName;
use crate::{Client, Error, guard, value};

/// Changes that wait for the reader per node, and at least this many together.
const QUEUE_PER_NODE: usize = 4;
const MIN_QUEUE: usize = 1_024;
const MAX_QUEUE: usize = 1_000_000;
/// Values that the server keeps per node between two notifications.
const SERVER_QUEUE: u32 = 10;

/// A new sample of one of the subscribed nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The node's place in the list that was subscribed to.
    pub index: usize,
    /// The sample.
    pub sample: Sample,
}

/// Changes of a list of nodes, or events of one; dropping it lets the server end the subscription.
pub struct Subscription<T = Change> {
    changes: mpsc::Receiver<T>,
    /// What was taken out of the overflow and not yet by the reader.
    late: VecDeque<T>,
    results: Vec<Status>,
    shared: Arc<Shared<T>>,
    session: Arc<Session>,
    id: u32,
    /// The client handle of the first node; no other subscription of the session has it.
    first_handle: u32,
    timeout: Duration,
    is_closed: bool,
}

struct Shared<T> {
    n_lost: AtomicU64,
    /// The newest change of each node that found the queue full, until the reader has emptied the queue.
    overflow: Mutex<HashMap<usize, T>>,
    /// The status with which the server ended the subscription, plus one bit to tell it from none.
    ended: AtomicU64,
}

impl<T> std::fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Subscription({} of {} nodes)", self.id, self.results.len())
    }
}

impl<T> Subscription<T> {
    /// The next change; `None` once the session is over.
    pub async fn next(&mut self) -> Option<T> {
        match self.try_next() {
            Some(change) => Some(change),
            None => self.changes.recv().await,
        }
    }

    /// A change that waits already.
    pub fn try_next(&mut self) -> Option<T> {
        if let Some(change) = self.late.pop_front() {
            return Some(change);
        }
        if let Ok(change) = self.changes.try_recv() {
            return Some(change);
        }
        self.late.extend(self.shared.overflow().drain().map(|(_, change)| change));
        self.late.pop_front()
    }

    /// Waits for one change at least and appends it and those that wait behind it, `max` at most, to `into`; gives
    /// their number, 0 once the session is over.
    pub async fn next_many(&mut self, into: &mut Vec<T>, max: usize) -> usize {
        let Some(first) = self.next().await else { return 0 };
        into.push(first);
        let mut n = 1;
        while n < max
            && let Some(change) = self.try_next()
        {
            into.push(change);
            n += 1;
        }
        n
    }

    /// Whether each node is watched, in the order given; a bad status says why not.
    pub fn results(&self) -> &[Status] {
        &self.results
    }

    /// Changes that were dropped because the reader was too slow; the newest change of a node never is.
    pub fn n_lost(&self) -> u64 {
        self.shared.n_lost.load(Ordering::Relaxed)
    }

    /// The status with which the server ended the subscription, if it did.
    pub fn ended(&self) -> Option<Status> {
        let ended = self.shared.ended.load(Ordering::Relaxed);
        (ended > u64::from(u32::MAX)).then_some(Status(ended as u32))
    }

    /// Ends the subscription on the server.
    ///
    /// # Errors
    /// [`Error`] when the server does not answer or refuses.
    pub async fn close(mut self) -> Result<(), Error> {
        let id = self.current_id();
        self.is_closed = true;
        guard::call("DeleteSubscriptions", self.timeout, self.session.delete_subscription(id)).await.map(|_| ())
    }

    /// The number under which the server knows it, which changes when it was made again after a lost connection.
    fn current_id(&self) -> u32 {
        let state = self.session.subscription_state().lock();
        let is_this = |id: &u32| {
            state.get(*id).is_some_and(|found| {
                let handles = self.first_handle..self.first_handle.saturating_add(self.n_nodes());
                found.monitored_items().any(|item| handles.contains(&item.client_handle()))
            })
        };
        state.subscription_ids().and_then(|ids| ids.into_iter().find(is_this)).unwrap_or(self.id)
    }

    fn n_nodes(&self) -> u32 {
        u32::try_from(self.results.len()).unwrap_or(u32::MAX)
    }
}

impl<T> Drop for Subscription<T> {
    fn drop(&mut self) {
        if self.is_closed {
            return;
        }
        let (session, id, timeout) = (Arc::clone(&self.session), self.current_id(), self.timeout);
        // Outside a runtime nothing can be sent; the session's end takes the subscription along.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let _ = guard::call("DeleteSubscriptions", timeout, session.delete_subscription(id)).await;
            });
        }
    }
}

/// Where notifications go: into the queue, or into the count of those lost.
struct Callback<T> {
    changes: mpsc::Sender<T>,
    shared: Arc<Shared<T>>,
    first_handle: u32,
    convert: fn(usize, Notified) -> Option<T>,
}

impl<T> Shared<T> {
    fn overflow(&self) -> std::sync::MutexGuard<'_, HashMap<usize, T>> {
        self.overflow.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one notification holds.
pub(crate) enum Notified {
    Value(DataValue),
    Event(Vec<Variant>),
}

impl<T> Callback<T> {
    fn push(&self, notified: Notified, item: &MonitoredItem) {
        let Some(index) = item.client_handle().checked_sub(self.first_handle) else { return };
        let index = index as usize;
        let is_value = matches!(notified, Notified::Value(_));
        let Some(change) = (self.convert)(index, notified) else { return };
        // The lock is held while the queue is tried, so that a reader who finds both empty misses nothing.
        let mut overflow = self.shared.overflow();
        let sent = if overflow.is_empty() { self.changes.try_send(change) } else { Err(TrySendError::Full(change)) };
        if let Err(TrySendError::Full(change)) = sent {
            // Of a value only the newest matters to a reader who is late; an event is no younger form of another one.
            if !is_value || overflow.insert(index, change).is_some() {
                self.shared.n_lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl<T: Send> OnSubscriptionNotification for Callback<T> {
    fn on_subscription_status_change(&mut self, notification: StatusChangeNotification) {
        self.shared.ended.store(1 << 32 | u64::from(notification.status.bits()), Ordering::Relaxed);
    }

    fn on_data_value(&mut self, notification: DataValue, item: &MonitoredItem) {
        self.push(Notified::Value(notification), item);
    }

    fn on_event(&mut self, event_fields: Option<Vec<Variant>>, item: &MonitoredItem) {
        self.push(Notified::Event(event_fields.unwrap_or_default()), item);
    }
}

fn to_change(index: usize, notified: Notified) -> Option<Change> {
    match notified {
        Notified::Value(value) => Some(Change { index, sample: value::to_sample(value) }),
        Notified::Event(_) => None,
    }
}

impl Client {
    /// Watches values; the server samples and publishes at `interval`, revised to what it can.
    ///
    /// # Errors
    /// [`Error`] when the subscription as a whole failed; single nodes are in [`Subscription::results`].
    pub async fn subscribe(&self, nodes: &[NodeId], interval: Duration) -> Result<Subscription, Error> {
        let queue_len = nodes.len().saturating_mul(QUEUE_PER_NODE).clamp(MIN_QUEUE, MAX_QUEUE);
        let make = |idx: usize, handle| nodes.get(idx).map(|node| item(node, handle, interval));
        self.monitor(nodes.len(), queue_len, interval, make, to_change).await
    }

    /// Makes a subscription with `n_items` items, whose first client handle is one that nobody uses.
    pub(crate) async fn monitor<T: Send + 'static>(
        &self,
        n_items: usize,
        queue_len: usize,
        interval: Duration,
        make: impl Fn(usize, u32) -> Option<MonitoredItemCreateRequest>,
        convert: fn(usize, Notified) -> Option<T>,
    ) -> Result<Subscription<T>, Error> {
        let (sender, changes) = mpsc::channel(queue_len);
        let shared =
            Arc::new(Shared { n_lost: AtomicU64::new(0), overflow: Mutex::default(), ended: AtomicU64::new(0) });
        let n_handles = u32::try_from(n_items).map_err(|_| Error::Options("too many nodes".to_owned()))?;
        let first_handle = self.next_handle.fetch_add(n_handles, Ordering::Relaxed);
        let callback = Callback { changes: sender, shared: Arc::clone(&shared), first_handle, convert };
        // A keep-alive about every 10 s, and a life of three times that at least.
        let n_keep_alive = u32::try_from(10_000 / interval.as_millis().max(1)).unwrap_or(u32::MAX).clamp(3, 1_000);
        let create = self.session.create_subscription(
            interval,
            n_keep_alive.saturating_mul(6),
            n_keep_alive,
            0,
            0,
            true,
            callback,
        );
        let id = guard::call("CreateSubscription", self.timeout, create).await?;
        let mut subscription = Subscription {
            changes,
            late: VecDeque::new(),
            results: Vec::with_capacity(n_items),
            shared,
            session: Arc::clone(&self.session),
            id,
            first_handle,
            timeout: self.timeout,
            is_closed: false,
        };
        while subscription.results.len() < n_items {
            let done = subscription.results.len();
            let end = n_items.min(done.saturating_add(self.batches.items.max(1)));
            let items: Vec<_> = (done..end)
                .filter_map(|idx| make(idx, first_handle.saturating_add(u32::try_from(idx).unwrap_or(u32::MAX))))
                .collect();
            let create = self.session.create_monitored_items(id, TimestampsToReturn::Both, items);
            let created = guard::call("CreateMonitoredItems", self.timeout, create).await?;
            check_len("CreateMonitoredItems", created.len(), end - done)?;
            subscription.results.extend(created.iter().map(|item| StatusName::of(item.result.status_code).0));
        }
        Ok(subscription)
    }
}

fn item(node: &NodeId, client_handle: u32, interval: Duration) -> MonitoredItemCreateRequest {
    MonitoredItemCreateRequest {
        item_to_monitor: ReadValueId {
            node_id: node.clone(),
            attribute_id: AttributeId::Value as u32,
            ..ReadValueId::default()
        },
        monitoring_mode: MonitoringMode::Reporting,
        requested_parameters: MonitoringParameters {
            client_handle,
            sampling_interval: interval.as_secs_f64() * 1_000.0,
            queue_size: SERVER_QUEUE,
            discard_oldest: true,
            ..MonitoringParameters::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use opcua_types::Variant as WireValue;
    use tagwire_model::Value;

    use super::*;

    #[tokio::test]
    async fn a_reader_who_is_late_loses_old_changes_and_never_the_newest() {
        let (sender, mut changes) = mpsc::channel(2);
        let shared =
            Arc::new(Shared { n_lost: AtomicU64::new(0), overflow: Mutex::default(), ended: AtomicU64::new(0) });
        let callback = Callback { changes: sender, shared: Arc::clone(&shared), first_handle: 0, convert: to_change };
        let item = MonitoredItem::new(1);
        for number in 0..10 {
            let value = DataValue { value: Some(WireValue::Int32(number)), ..DataValue::default() };
            callback.push(Notified::Value(value), &item);
        }
        let numbers = |change: Change| change.sample.value.as_i128();
        assert_eq!(changes.try_recv().ok().and_then(numbers), Some(0));
        assert_eq!(changes.try_recv().ok().and_then(numbers), Some(1));
        assert!(changes.try_recv().is_err());
        let newest: Vec<Value> = shared.overflow().drain().map(|(_, change)| change.sample.value).collect();
        assert_eq!(newest, [Value::Int32(9)]);
        assert_eq!(shared.n_lost.load(Ordering::Relaxed), 7);
    }
}
