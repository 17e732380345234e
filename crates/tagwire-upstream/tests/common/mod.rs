//! Servers made of memory, on a simulated clock, that break in every way.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "the file is a module of each test file")]

pub mod supervised;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tagwire_driver::{BoxFuture, DeviceSpec, LinkSpec, Settings, TagSpec};
use tagwire_model::{Access, DataType, Sample, Status, TagId, Timestamp, Value, ValueType};
use tagwire_ua_client::{
    Called, Definition, Error, Feed, FeedItem, FeedTerms, NodeId, Notification, Published, SourceSample, StatusName,
    Structured, TypeNode, Watched, parse_node_id, print_node_id,
};
use tagwire_upstream::{Answer, Connector, Greeting, Session, Times, TypeSource};
use tokio::time::{Instant, sleep, sleep_until};

pub const BAD_MESSAGE_NOT_AVAILABLE: Status = Status(0x807B_0000);
pub const BAD_INVALID_TIMESTAMP: Status = Status(0x8023_0000);
pub const BAD_SERVICE_UNSUPPORTED: Status = Status(0x800B_0000);
pub const BAD_TOO_MANY_SUBSCRIPTIONS: Status = Status(0x8077_0000);
pub const BAD_TOO_MANY_MONITORED_ITEMS: Status = Status(0x80DB_0000);
pub const BAD_SUBSCRIPTION_ID_INVALID: Status = Status(0x8028_0000);

/// Whether values come from the clock at the moment of the notification, or one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Milliseconds since the start.
    Clock,
    /// Each sample is one more than the last, and none is left out while the subscription lives.
    Count,
}

struct Subscription {
    session: u64,
    interval: Duration,
    items: Vec<(u32, NodeId, u32)>,
    next_due: Instant,
    sequence: u32,
    unacknowledged: BTreeMap<u32, Notification>,
    /// Samples that wait for a notification.
    queue: Vec<(u32, SourceSample)>,
}

#[derive(Default)]
struct State {
    subscriptions: HashMap<u32, Subscription>,
    next_id: u32,
    written: Vec<(String, Value)>,
    /// Publish requests of each session that wait, which are answered in their order.
    waiting: HashMap<u64, VecDeque<u64>>,
    next_ticket: u64,
}

/// A server.
pub struct Server {
    pub started: Instant,
    values: Values,
    state: Mutex<State>,
    pub n_sessions: AtomicU64,
    /// Sessions that were closed in order.
    pub n_closed: AtomicU64,
    /// Messages of subscriptions cannot be decoded, which ends the session.
    pub is_poisoned: AtomicBool,
    pub is_killed: AtomicBool,
    pub is_unreachable: AtomicBool,
    pub is_garbled: AtomicBool,
    /// Every request is refused, as by a server whose clock is another.
    pub refuses_all: AtomicBool,
    pub refuses_transfer: AtomicBool,
    /// No subscription is made.
    pub refuses_feeds: AtomicBool,
    /// Items that are watched at most.
    pub max_items: AtomicU64,
    pub n_reads: AtomicU64,
    /// How long it takes to answer with what was read.
    pub read_pause_ms: AtomicU64,
    /// Sessions up to this one are cut off.
    pub dead_before: AtomicU64,
    /// Sessions up to this one carry nothing any more.
    pub half_open_before: AtomicU64,
    pub late_ms: AtomicU64,
    /// Device that never answers, and the tag that is refused, as a beginning of a node's name.
    pub silent: Mutex<Option<String>>,
    pub refused: Mutex<Option<String>>,
    /// What has no value, likewise.
    pub emptied: Mutex<Option<String>>,
    pub namespaces: Mutex<Vec<String>>,
    pub level: AtomicU64,
    pub n_restarts: AtomicU64,
    /// Answers to publish requests that vanish on the way.
    pub n_to_swallow: AtomicU64,
    /// Values that are structures, by the text of their node.
    pub structures: Mutex<HashMap<String, Structured>>,
    /// The DataType of those nodes, and what types say of themselves.
    pub data_types: Mutex<HashMap<String, NodeId>>,
    pub types: Mutex<HashMap<NodeId, TypeNode>>,
    /// The types of encodings, and the subtypes of types.
    pub encodings: Mutex<HashMap<NodeId, NodeId>>,
    pub subtypes: Mutex<HashMap<NodeId, Vec<NodeId>>>,
    /// Asking for this type ends the session.
    pub deadly: Mutex<Option<NodeId>>,
    pub n_type_requests: AtomicU64,
    /// How often definitions were read without a value.
    pub n_checks: AtomicU64,
    /// What becomes of the types when definitions are read with a value, once.
    pub changes_on_read: Mutex<Option<(NodeId, TypeNode)>>,
}

impl Server {
    pub fn new(values: Values) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            values,
            state: Mutex::default(),
            n_sessions: AtomicU64::new(0),
            n_closed: AtomicU64::new(0),
            is_poisoned: AtomicBool::new(false),
            is_killed: AtomicBool::new(false),
            is_unreachable: AtomicBool::new(false),
            is_garbled: AtomicBool::new(false),
            refuses_all: AtomicBool::new(false),
            refuses_transfer: AtomicBool::new(false),
            refuses_feeds: AtomicBool::new(false),
            max_items: AtomicU64::new(u64::MAX),
            n_reads: AtomicU64::new(0),
            read_pause_ms: AtomicU64::new(0),
            dead_before: AtomicU64::new(0),
            half_open_before: AtomicU64::new(0),
            late_ms: AtomicU64::new(0),
            silent: Mutex::default(),
            refused: Mutex::default(),
            emptied: Mutex::default(),
            namespaces: Mutex::new(vec!["ua".to_owned(), "urn:server".to_owned(), "urn:plant".to_owned()]),
            level: AtomicU64::new(255),
            n_restarts: AtomicU64::new(0),
            n_to_swallow: AtomicU64::new(0),
            structures: Mutex::default(),
            data_types: Mutex::default(),
            types: Mutex::default(),
            encodings: Mutex::default(),
            subtypes: Mutex::default(),
            deadly: Mutex::default(),
            n_type_requests: AtomicU64::new(0),
            n_checks: AtomicU64::new(0),
            changes_on_read: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Breaks every session.
    pub fn hang_up(&self) {
        self.dead_before.store(self.n_sessions.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Starts again without memory.
    pub fn restart(&self) {
        self.hang_up();
        self.n_restarts.fetch_add(1, Ordering::SeqCst);
        self.state().subscriptions.clear();
    }

    pub fn n_subscriptions(&self) -> usize {
        self.state().subscriptions.len()
    }

    pub fn written(&self) -> Vec<(String, Value)> {
        self.state().written.clone()
    }

    fn milliseconds(&self) -> u32 {
        self.started.elapsed().as_millis() as u32
    }

    fn is_in(slot: &Mutex<Option<String>>, node: &NodeId) -> bool {
        let slot = slot.lock().expect("slot");
        slot.as_ref().is_some_and(|beginning| print_node_id(node).contains(beginning.as_str()))
    }

    fn is_known(&self, node: &NodeId) -> bool {
        let namespaces = self.namespaces.lock().expect("namespaces");
        namespaces.get(usize::from(node.namespace)).is_some_and(|uri| uri == "urn:plant")
            && !print_node_id(node).ends_with("missing")
    }

    /// Items that are watched now.
    pub fn n_items(&self) -> usize {
        self.state().subscriptions.values().map(|subscription| subscription.items.len()).sum()
    }

    fn sample(&self, node: &NodeId, count: u32) -> SourceSample {
        let number = match self.values {
            Values::Clock => self.milliseconds(),
            Values::Count => count,
        };
        let time = Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS + i64::from(number) * 10_000);
        let sample = Sample::good(Value::UInt32(number), time);
        let sample =
            if Self::is_in(&self.refused, node) { Sample { status: Status(0x8031_0000), ..sample } } else { sample };
        let sample = if Self::is_in(&self.emptied, node) { Sample { value: Value::Null, ..sample } } else { sample };
        let structured = self.structures.lock().expect("structures").get(&print_node_id(node)).cloned().map(Box::new);
        SourceSample { sample, structured }
    }

    /// The way of one request and its answer.
    async fn carry(&self, session: u64, nodes: &[NodeId]) -> Result<(), Error> {
        sleep(Duration::from_millis(1)).await;
        let is_dead = || session <= self.dead_before.load(Ordering::SeqCst);
        // What a link swallowed for a while is sent again by the connection, unless that is dead for good.
        let hangs = || {
            self.is_unreachable.load(Ordering::SeqCst)
                || session <= self.half_open_before.load(Ordering::SeqCst)
                || nodes.iter().any(|node| Self::is_in(&self.silent, node))
        };
        while hangs() && !is_dead() {
            sleep(Duration::from_millis(20)).await;
        }
        if is_dead() {
            return Err(Error::Lost(StatusName(Status(0x80AE_0000))));
        }
        sleep(Duration::from_millis(self.late_ms.load(Ordering::SeqCst))).await;
        if self.is_garbled.load(Ordering::SeqCst) {
            return Err(Error::Peer("garbage".to_owned()));
        }
        if self.refuses_all.load(Ordering::SeqCst) {
            return refused("everything", BAD_INVALID_TIMESTAMP);
        }
        Ok(())
    }

    /// Lets time pass for the subscriptions: samples are taken whether anybody asks for them or not.
    fn take_samples(&self, now: Instant) {
        let mut state = self.state();
        for subscription in state.subscriptions.values_mut() {
            while subscription.next_due <= now {
                let due = subscription.next_due;
                subscription.next_due += subscription.interval;
                if self.values == Values::Clock {
                    subscription.queue.clear();
                }
                for (handle, node, count) in &mut subscription.items {
                    if !Self::is_in(&self.silent, node) {
                        *count = ((due - self.started).as_millis() / subscription.interval.as_millis()) as u32;
                        subscription.queue.push((*handle, self.sample(node, *count)));
                    }
                }
            }
        }
    }

    /// A publish request waits no longer.
    fn forget(&self, session: u64, ticket: u64) {
        if let Some(waiting) = self.state().waiting.get_mut(&session) {
            waiting.retain(|other| *other != ticket);
        }
    }

    fn next_message(&self, session: u64) -> Option<Published> {
        let mut state = self.state();
        let (id, subscription) = state
            .subscriptions
            .iter_mut()
            .filter(|(_, subscription)| subscription.session == session && !subscription.queue.is_empty())
            .min_by_key(|(id, _)| **id)?;
        let sequence = subscription.sequence;
        subscription.sequence += 1;
        let samples = std::mem::take(&mut subscription.queue);
        let notification = Notification { sequence, samples, ..Notification::default() };
        subscription.unacknowledged.insert(sequence, notification.clone());
        Some(Published { subscription: *id, notification })
    }
}

/// Leads to one or more servers.
pub struct Plug(pub Vec<Arc<Server>>);

struct Wire {
    server: Arc<Server>,
    number: u64,
}

impl Connector for Plug {
    fn n_peers(&self) -> usize {
        self.0.len()
    }

    fn name(&self, peer: usize) -> String {
        format!("server {peer}")
    }

    fn connect(&self, peer: usize, _: Times) -> Answer<Arc<dyn Session>> {
        let server = Arc::clone(&self.0[peer]);
        Box::pin(async move {
            if server.is_killed.load(Ordering::SeqCst) {
                sleep(Duration::from_millis(1)).await;
                return Err(Error::Unreachable { url: "sim".to_owned(), problem: "connection refused".to_owned() });
            }
            let number = server.n_sessions.fetch_add(1, Ordering::SeqCst) + 1;
            server.carry(number, &[]).await?;
            Ok(Arc::new(Wire { server, number }) as Arc<dyn Session>)
        })
    }
}

fn refused<T>(what: &'static str, status: Status) -> Result<T, Error> {
    Err(Error::Refused { what, status: StatusName(status) })
}

impl Wire {
    fn ask<'a, T: Send + 'a>(
        &self,
        nodes: Vec<NodeId>,
        answer: impl FnOnce(&Server, u64) -> Result<T, Error> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, Error>> {
        let (server, number) = (Arc::clone(&self.server), self.number);
        Box::pin(async move {
            server.carry(number, &nodes).await?;
            answer(&server, number)
        })
    }
}

impl TypeSource for Wire {
    fn data_types<'a>(&'a self, variables: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<Option<NodeId>>, Error>> {
        self.ask(variables.to_vec(), |server, _| {
            server.n_type_requests.fetch_add(1, Ordering::SeqCst);
            let known = server.data_types.lock().expect("types");
            Ok(variables.iter().map(|node| known.get(&print_node_id(node)).cloned()).collect())
        })
    }

    fn type_nodes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<TypeNode>, Error>> {
        self.ask(types.to_vec(), |server, session| {
            server.n_type_requests.fetch_add(1, Ordering::SeqCst);
            if server.deadly.lock().expect("deadly").as_ref().is_some_and(|deadly| types.contains(deadly)) {
                server.dead_before.store(session, Ordering::SeqCst);
                return Err(Error::Peer("message that is too large".to_owned()));
            }
            let known = server.types.lock().expect("types");
            Ok(types.iter().map(|node| known.get(node).cloned().unwrap_or_default()).collect())
        })
    }

    fn type_of_encoding<'a>(&'a self, encoding: &'a NodeId) -> BoxFuture<'a, Result<Option<NodeId>, Error>> {
        self.ask(Vec::new(), |server, _| Ok(server.encodings.lock().expect("encodings").get(encoding).cloned()))
    }

    fn subtypes<'a>(&'a self, types: &'a [NodeId]) -> BoxFuture<'a, Result<Vec<NodeId>, Error>> {
        self.ask(Vec::new(), |server, _| {
            let known = server.subtypes.lock().expect("subtypes");
            Ok(types.iter().filter_map(|node| known.get(node)).flatten().cloned().collect())
        })
    }
}

impl Session for Wire {
    fn greet(&self) -> Answer<Greeting> {
        self.ask(Vec::new(), |server, _| {
            Ok(Greeting {
                namespaces: server.namespaces.lock().expect("namespaces").clone(),
                started: Timestamp::from_ticks(server.n_restarts.load(Ordering::SeqCst) as i64 + 1),
                level: server.level.load(Ordering::SeqCst) as u8,
            })
        })
    }

    fn level(&self) -> Answer<u8> {
        self.ask(Vec::new(), |server, _| Ok(server.level.load(Ordering::SeqCst) as u8))
    }

    fn open_feed(&self, terms: FeedTerms) -> Answer<Feed> {
        self.ask(Vec::new(), move |server, session| {
            if server.refuses_feeds.load(Ordering::SeqCst) {
                return refused("CreateSubscription", BAD_TOO_MANY_SUBSCRIPTIONS);
            }
            let mut state = server.state();
            state.next_id += 1;
            let id = state.next_id;
            let next_due = Instant::now() + terms.interval;
            let subscription = Subscription {
                session,
                interval: terms.interval,
                items: Vec::new(),
                next_due,
                sequence: 1,
                unacknowledged: BTreeMap::new(),
                queue: Vec::new(),
            };
            state.subscriptions.insert(id, subscription);
            Ok(Feed { id, terms })
        })
    }

    fn n_items_per_request(&self) -> usize {
        7
    }

    fn watch(&self, feed: u32, items: Vec<FeedItem>) -> Answer<Vec<Result<Watched, Status>>> {
        assert!(items.len() <= 7, "more items than the server permits");
        let nodes = items.iter().map(|item| item.node.clone()).collect();
        self.ask(nodes, move |server, _| {
            let mut state = server.state();
            let Some(subscription) = state.subscriptions.get_mut(&feed) else {
                return refused("CreateMonitoredItems", BAD_SUBSCRIPTION_ID_INVALID);
            };
            let make = |item: FeedItem| {
                if !server.is_known(&item.node) {
                    return Err(Status::BAD_NODE_ID_UNKNOWN);
                }
                if subscription.items.len() as u64 >= server.max_items.load(Ordering::SeqCst) {
                    return Err(BAD_TOO_MANY_MONITORED_ITEMS);
                }
                let passed = subscription.next_due - subscription.interval;
                let count = ((passed - server.started).as_millis() / subscription.interval.as_millis()) as u32;
                subscription.queue.push((item.handle, server.sample(&item.node, count)));
                subscription.items.push((item.handle, item.node, count));
                let id = subscription.items.len() as u32;
                Ok(Watched { id, sampling: item.sampling, queue: item.queue })
            };
            Ok(items.into_iter().map(make).collect())
        })
    }

    fn unwatch(&self, _: u32, _: Vec<u32>) -> Answer<()> {
        self.ask(Vec::new(), |_, _| Ok(()))
    }

    fn publish(&self, acknowledged: Vec<(u32, u32)>) -> Answer<Published> {
        let (server, number) = (Arc::clone(&self.server), self.number);
        let ticket = {
            let mut state = server.state();
            state.next_ticket += 1;
            let ticket = state.next_ticket;
            state.waiting.entry(number).or_default().push_back(ticket);
            ticket
        };
        Box::pin(async move {
            server.carry(number, &[]).await.inspect_err(|_| server.forget(number, ticket))?;
            for (feed, sequence) in acknowledged {
                if let Some(subscription) = server.state().subscriptions.get_mut(&feed) {
                    subscription.unacknowledged.remove(&sequence);
                }
            }
            loop {
                server.carry(number, &[]).await.inspect_err(|_| server.forget(number, ticket))?;
                let now = Instant::now();
                server.take_samples(now);
                let is_first = server.state().waiting.get(&number).and_then(VecDeque::front) == Some(&ticket);
                if !is_first {
                    sleep(Duration::from_millis(10)).await;
                    continue;
                }
                if let Some(message) = server.next_message(number) {
                    if server.is_poisoned.load(Ordering::SeqCst) {
                        server.forget(number, ticket);
                        return Err(Error::Peer("text is no UTF-8".to_owned()));
                    }
                    let n_left = server.n_to_swallow.load(Ordering::SeqCst);
                    if n_left > 0 {
                        server.n_to_swallow.store(n_left - 1, Ordering::SeqCst);
                        continue;
                    }
                    server.forget(number, ticket);
                    return Ok(message);
                }
                let due = server.state().subscriptions.values().map(|subscription| subscription.next_due).min();
                sleep_until(due.unwrap_or(now + Duration::from_millis(10)).min(now + Duration::from_millis(10))).await;
            }
        })
    }

    fn republish(&self, feed: u32, sequence: u32) -> Answer<Notification> {
        self.ask(Vec::new(), move |server, _| {
            let state = server.state();
            let found = state.subscriptions.get(&feed).and_then(|found| found.unacknowledged.get(&sequence).cloned());
            found.map_or_else(|| refused("Republish", BAD_MESSAGE_NOT_AVAILABLE), Ok)
        })
    }

    fn transfer(&self, feeds: Vec<u32>) -> Answer<Vec<Result<Vec<u32>, Status>>> {
        self.ask(Vec::new(), move |server, session| {
            if server.refuses_transfer.load(Ordering::SeqCst) {
                return refused("TransferSubscriptions", BAD_SERVICE_UNSUPPORTED);
            }
            let mut state = server.state();
            let take = |feed: u32| match state.subscriptions.get_mut(&feed) {
                Some(subscription) => {
                    subscription.session = session;
                    Ok(subscription.unacknowledged.keys().copied().collect())
                }
                None => Err(BAD_SUBSCRIPTION_ID_INVALID),
            };
            Ok(feeds.into_iter().map(take).collect())
        })
    }

    fn close_feeds(&self, feeds: Vec<u32>) -> Answer<()> {
        self.ask(Vec::new(), move |server, _| {
            let mut state = server.state();
            for feed in feeds {
                state.subscriptions.remove(&feed);
            }
            Ok(())
        })
    }

    fn read(&self, nodes: Vec<NodeId>) -> Answer<Vec<SourceSample>> {
        let pause = Duration::from_millis(self.server.read_pause_ms.load(Ordering::SeqCst));
        let answer = self.ask(nodes.clone(), move |server, _| {
            server.n_reads.fetch_add(1, Ordering::SeqCst);
            Ok(nodes.iter().map(|node| server.sample(node, server.milliseconds() / 100)).collect())
        });
        Box::pin(async move {
            let samples = answer.await;
            sleep(pause).await;
            samples
        })
    }

    fn read_defined(&self, nodes: Vec<NodeId>, types: Vec<NodeId>) -> Answer<(Vec<SourceSample>, Vec<Definition>)> {
        self.ask(nodes.clone(), move |server, _| {
            let counter = if nodes.is_empty() { &server.n_checks } else { &server.n_reads };
            counter.fetch_add(1, Ordering::SeqCst);
            let samples = nodes.iter().map(|node| server.sample(node, server.milliseconds() / 100)).collect();
            let mut known = server.types.lock().expect("types");
            if !nodes.is_empty() {
                known.extend(server.changes_on_read.lock().expect("changes").take());
            }
            let told = |node| Ok(known.get(node).and_then(|node: &TypeNode| node.definition.clone()));
            Ok((samples, types.iter().map(told).collect()))
        })
    }

    fn write(&self, values: Vec<(NodeId, Value)>) -> Answer<Vec<Status>> {
        let nodes: Vec<NodeId> = values.iter().map(|(node, _)| node.clone()).collect();
        self.ask(nodes, move |server, _| {
            let write = |(node, value): (NodeId, Value)| {
                if !server.is_known(&node) {
                    return Status::BAD_NODE_ID_UNKNOWN;
                }
                server.state().written.push((print_node_id(&node), value));
                Status::GOOD
            };
            Ok(values.into_iter().map(write).collect())
        })
    }

    fn write_structures(&self, values: Vec<(NodeId, Structured)>) -> Answer<Vec<Status>> {
        self.ask(Vec::new(), move |server, _| {
            let mut structures = server.structures.lock().expect("structures");
            let n = values.len();
            structures.extend(values.into_iter().map(|(node, value)| (print_node_id(&node), value)));
            Ok(vec![Status::GOOD; n])
        })
    }

    fn call(&self, _: NodeId, method: NodeId, inputs: Vec<Value>) -> Answer<Called> {
        self.ask(Vec::new(), move |server, _| {
            if !server.is_known(&method) {
                return Ok(Called { status: Status(0x8075_0000), argument_statuses: Vec::new(), outputs: Vec::new() });
            }
            let sum: i128 = inputs.iter().filter_map(Value::as_i128).sum();
            let outputs = vec![Value::Int64(sum as i64)];
            Ok(Called { status: Status::GOOD, argument_statuses: Vec::new(), outputs })
        })
    }

    fn close(self: Arc<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.server.n_closed.fetch_add(1, Ordering::SeqCst);
            let mut state = self.server.state();
            state.subscriptions.retain(|_, subscription| subscription.session != self.number);
        })
    }

    fn traffic(&self) -> (u64, u64) {
        (0, 0)
    }
}

/// A link with these tags per device.
pub fn link(devices: &[Vec<String>]) -> LinkSpec {
    let mut id = 0;
    let mut tag = |address: &String| {
        let spec = TagSpec {
            id: TagId(id),
            address: address.clone(),
            value_type: ValueType::scalar(DataType::UInt32),
            access: Access::READ_WRITE,
            scan: None,
            scaling: None,
            settings: Settings::new(),
        };
        id += 1;
        spec
    };
    LinkSpec {
        name: "line".to_owned(),
        kind: "opcua".to_owned(),
        address: "opc.tcp://127.0.0.1:4840".to_owned(),
        settings: Settings::new(),
        devices: devices
            .iter()
            .enumerate()
            .map(|(at, tags)| DeviceSpec {
                name: format!("d{at}"),
                settings: Settings::new(),
                tags: tags.iter().map(&mut tag).collect(),
            })
            .collect(),
    }
}

/// The address of a tag of the plant.
pub fn address(device: usize, tag: u32) -> String {
    let address = format!("nsu=urn:plant;s=d{device}t{tag}.");
    assert!(parse_node_id(address.split_once(';').expect("parts").1).is_ok());
    address
}
