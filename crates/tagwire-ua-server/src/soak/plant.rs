//! The plant of one seed: tags of every kind, two devices that not every user may see, and a link that answers writes
//! at once, late or never.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use fastrand::Rng;
use parking_lot::Mutex;
use tagwire_access::{Anonymous, Operation, OperationSet, Policy, Role, Rule};
use tagwire_hub::{FolderId, FolderKind, Hub, LinkId, NewTag, Route, RouteFuture, TagExtra};
use tagwire_model::{Access, EuRange, Status, TagId, Timestamp, Update, Value, ValueType};
use tagwire_model::{ArrayData, DataType, Dims};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::address_space::AddressSpace;
use crate::event::{NewEvent, Source};
use crate::fixture::NOW;
use crate::monotonic;
use crate::server::Server;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::types::NodeId;

/// A device that not every user may see. Its name is in every path, text and event message of it, and every number in it
/// carries the same five bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    Vault,
    Cellar,
}

impl Secret {
    pub(super) const ALL: [Self; 2] = [Self::Vault, Self::Cellar];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Cellar => "cellar",
        }
    }

    /// The upper bytes of its numbers, in the order of the wire.
    const fn mark(self) -> [u8; 5] {
        match self {
            Self::Vault => [0x7a, 0x2e, 0xec, 0xf5, 0x40],
            Self::Cellar => [0x7b, 0x2e, 0xec, 0xf5, 0x40],
        }
    }

    fn bits(self, low: u32) -> u64 {
        let mark = self.mark();
        u64::from_le_bytes([
            low as u8,
            (low >> 8) as u8,
            (low >> 16) as u8,
            mark[0],
            mark[1],
            mark[2],
            mark[3],
            mark[4],
        ])
    }

    /// Whether anything of this device is in the bytes.
    pub(super) fn is_in(self, bytes: &[u8]) -> bool {
        let (name, mark) = (self.name().as_bytes(), self.mark());
        bytes.windows(5).any(|five| five == mark) || bytes.windows(name.len()).any(|some| some == name)
    }
}

/// Who uses a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// Nobody in particular: sees neither device.
    Anonymous,
    /// Sees everything.
    Anna,
    /// Sees one of the devices, and which one the policy decides.
    Bert,
}

impl User {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "",
            Self::Anna => "anna",
            Self::Bert => "bert",
        }
    }

    pub(super) const fn roles(self) -> &'static [Role] {
        match self {
            Self::Anonymous => &[],
            Self::Anna => &[Role::ENGINEER, Role::OPERATOR, Role::SECURITY_ADMIN],
            Self::Bert => &[Role::OPERATOR],
        }
    }

    /// What must never reach the user while `bert_sees` is what the policy lets Bert see.
    pub(super) fn hidden(self, bert_sees: Secret) -> Vec<Secret> {
        match self {
            Self::Anonymous => Secret::ALL.to_vec(),
            Self::Anna => Vec::new(),
            Self::Bert => Secret::ALL.into_iter().filter(|secret| *secret != bert_sees).collect(),
        }
    }
}

/// The rules under which Bert sees one of the two devices.
pub(super) fn policy(bert_sees: Secret) -> Arc<Policy> {
    let mut policy = Policy::new(Anonymous::Read);
    let all = OperationSet::of(&[
        Operation::Browse,
        Operation::Read,
        Operation::Write,
        Operation::Call,
        Operation::ReceiveEvents,
        Operation::ReadPermissions,
    ]);
    for secret in Secret::ALL {
        let mut grants = vec![(Role::ENGINEER, all)];
        if secret == bert_sees {
            grants.push((Role::OPERATOR, all));
        }
        let channel = tagwire_access::ChannelSecurity::None;
        let rule = Rule { patterns: vec![format!("line1.{}", secret.name())], grants, channel };
        policy.add_rule(rule).expect("two rules fit");
    }
    Arc::new(policy)
}

/// A tag, and where it lies.
#[derive(Clone)]
pub(super) struct PlantTag {
    pub(super) id: TagId,
    pub(super) path: String,
    pub(super) value_type: ValueType,
    pub(super) secret: Option<Secret>,
}

/// Paths of tags, types and access in each device.
const KINDS: &[(&str, &str, Access, bool)] = &[
    ("speed", "f64", Access::READ_WRITE, false),
    ("count", "i64", Access::READ_WRITE, false),
    ("state", "bool", Access::READ, false),
    ("order", "string", Access::READ_WRITE, false),
    ("curve", "f64[6]", Access::READ_WRITE, false),
    ("grid", "f64[2,3]", Access::READ_WRITE, false),
    ("command", "i32", Access::WRITE, false),
    ("asked", "f64", Access::READ_WRITE, true),
];

const SYSTEM: &[(&str, &str)] = &[("_System", "_Enabled"), ("_System", "_DemandPoll"), ("_Statistics", "_Reset")];

/// Tags that come and go.
const EXTRA: &[(&str, &str)] = &[("extra0", "f64"), ("extra1", "string"), ("extra0", "string"), ("extra2", "i64")];

pub(super) struct Plant {
    pub(super) hub: Arc<Hub>,
    pub(super) tags: Vec<PlantTag>,
    pub(super) line: Arc<Line>,
    devices: Vec<(FolderId, Option<Secret>, String)>,
    counter: u32,
}

impl Plant {
    pub(super) fn new(seed: u64) -> Self {
        START.set(Some(monotonic::now()));
        let hub = Arc::new(Hub::new(monotonic::now()));
        let line = Arc::new(Line {
            hub: Arc::downgrade(&hub),
            rng: Mutex::new(Rng::with_seed(seed)),
            tags: Arc::default(),
            given_up: watch::Sender::new(false),
        });
        hub.set_route(LinkId(0), Some(Arc::clone(&line) as Arc<dyn Route>));
        let link = hub.folder(FolderId::ROOT, "line1", FolderKind::Link).expect("a free name");
        let mut plant = Self { hub, tags: Vec::new(), line, devices: Vec::new(), counter: 0 };
        for secret in [None, Some(Secret::Vault), Some(Secret::Cellar)] {
            let name = secret.map_or("press", Secret::name);
            let device = plant.hub.folder(link, name, FolderKind::Device).expect("a free name");
            let path = format!("line1.{name}");
            plant.devices.push((device, secret, path.clone()));
            for (name, value_type, access, on_demand) in KINDS {
                plant.add(device, (&path, name), value_type, *access, *on_demand, secret, false);
            }
            for (group, name) in SYSTEM {
                let folder = plant.hub.folder(device, group, FolderKind::Group).expect("a free name");
                let path = format!("{path}.{group}");
                plant.add(folder, (&path, name), "bool", Access::READ_WRITE, false, secret, true);
            }
        }
        plant
    }

    #[expect(clippy::too_many_arguments, reason = "each is one column of the tables above")]
    fn add(
        &mut self,
        folder: FolderId,
        (path, name): (&str, &str),
        value_type: &str,
        access: Access,
        on_demand: bool,
        secret: Option<Secret>,
        is_system: bool,
    ) {
        let value_type = ValueType::parse(value_type).expect("a type");
        let range = (name == "speed").then_some(EuRange { low: 0.0, high: 100.0 });
        let new = NewTag {
            folder,
            name,
            value_type,
            access,
            link: LinkId(0),
            address: "",
            scan_ms: 100,
            is_system,
            on_demand,
            extra: range.map(|range| TagExtra { eu_range: Some(range), ..TagExtra::default() }),
        };
        let Ok(id) = self.hub.add_tags(std::iter::once(new), NOW).remove(0) else { return };
        self.counter += 1;
        self.line.tags.lock().insert(id, (self.counter, secret));
        self.tags.push(PlantTag { id, path: format!("{path}.{name}"), value_type, secret });
    }

    /// A tag appears, disappears, or appears with another type.
    pub(super) fn reload(&mut self, server: &Server, rng: &mut Rng) {
        let extra = self.tags.iter().position(|tag| tag.path.contains(".extra") && rng.bool());
        if let Some(idx) = extra {
            let tag = self.tags.swap_remove(idx);
            server.address_space().forget_tags(&[tag.id]);
            self.line.tags.lock().remove(&tag.id);
            self.hub.remove_tags(&[tag.id], now(), monotonic::now());
        }
        if extra.is_none() || rng.bool() {
            let (folder, secret, path) = self.devices[rng.usize(..self.devices.len())].clone();
            let (name, value_type) = EXTRA[rng.usize(..EXTRA.len())];
            self.add(folder, (&path, name), value_type, Access::READ_WRITE, false, secret, false);
            if rng.bool()
                && let Some(tag) = self.tags.last()
            {
                let _ = server.address_space().name_tags(&[(tag.id, NodeId::numeric(3, rng.u32(1..6)))]);
            }
        }
    }

    /// Some tags get new values, or lose their device for a while.
    pub(super) fn change_values(&mut self, rng: &mut Rng) {
        let n = 1 + rng.usize(..8);
        let mut batch: Vec<Update> = Vec::new();
        for _ in 0..n {
            let tag = &self.tags[rng.usize(..self.tags.len())];
            self.counter += 1;
            let good = rng.u8(..10) > 0;
            let value = good.then(|| value(tag.value_type, tag.secret, self.counter));
            batch.push(update(tag.id, value, if good { Status::GOOD } else { Status::BAD_NO_COMMUNICATION }));
        }
        self.hub.apply(&mut batch, monotonic::now());
    }

    /// A device tells something.
    pub(super) fn emit(&self, server: &Server, rng: &mut Rng) {
        let (_, secret, path) = &self.devices[rng.usize(..self.devices.len())];
        let message = format!("device {} does not answer", secret.map_or("press", Secret::name));
        let event = NewEvent::new(node::DEVICE_FAILURE_EVENT_TYPE, Source::folder(path), rng.u16(1..1000), message);
        server.events().emit(event);
    }

    /// The NodeIds that exist or could exist.
    pub(super) fn node_id(&self, rng: &mut Rng) -> NodeId {
        match rng.u8(..12) {
            0..=6 => NodeId::string(2, self.tags[rng.usize(..self.tags.len())].path.as_str()),
            7 => NodeId::string(2, self.devices[rng.usize(..self.devices.len())].2.as_str()),
            8 => NodeId::string(2, format!("{}._Enable", self.devices[rng.usize(..self.devices.len())].2)),
            9 => NodeId::numeric(3, rng.u32(1..6)),
            _ => NodeId::ns0(STANDARD[rng.usize(..STANDARD.len())]),
        }
    }

    /// Nodes that live as long as the address space.
    pub(super) fn space(&self) -> AddressSpace {
        let namespaces = crate::address_space::Namespaces::new(
            "urn:host:tagwire",
            crate::address_space::Namespaces::DEFAULT_TAGS_URI,
            ["urn:old"],
        );
        AddressSpace::new(Arc::clone(&self.hub), namespaces)
    }
}

const STANDARD: &[u32] = &[
    node::SERVER,
    node::OBJECTS_FOLDER,
    node::SERVER_GET_MONITORED_ITEMS,
    node::SERVER_RESEND_DATA,
    node::DEVICE_FAILURE_EVENT_TYPE,
    84,
    2253,
    2256,
    2258,
    2274,
    2268,
    0,
];

/// Wall time on the clock of the seed.
pub(super) fn now() -> Timestamp {
    let start = START.get().unwrap_or_else(monotonic::now);
    let ticks = monotonic::now().saturating_duration_since(start).as_nanos() / 100;
    Timestamp::from_ticks(NOW.ticks() + ticks as i64)
}

thread_local! {
    /// When the seed that runs on this thread began.
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}

fn update(tag: TagId, value: Option<Value>, status: Status) -> Update {
    Update { tag, value, status, source_time: now(), server_time: now() }
}

/// A value of this type that shows where it comes from.
fn value(value_type: ValueType, secret: Option<Secret>, counter: u32) -> Value {
    let bits = |idx: u32| match secret {
        Some(secret) => secret.bits(counter.wrapping_add(idx)),
        None => f64::from(counter.wrapping_add(idx)).to_bits(),
    };
    if value_type.is_scalar() {
        return match value_type.data_type {
            DataType::Double => Value::Double(f64::from_bits(bits(0))),
            DataType::Int64 => Value::Int64(bits(0) as i64),
            DataType::String => Value::text(&format!("{} {counter}", secret.map_or("press", Secret::name))),
            DataType::Boolean => Value::Boolean(counter.is_multiple_of(2)),
            _ => Value::Int32(counter as i32),
        };
    }
    let dims: Dims = value_type.dims;
    let n = dims.n_elements().unwrap_or(0);
    let data = ArrayData::Double((0..n).map(|idx| f64::from_bits(bits(idx))).collect());
    Value::array(dims, data).expect("as many elements as the dimensions say")
}

/// The tags of the link, each with a number that tells it from the tag that gets its place, and the device it is of.
type KnownTags = Arc<Mutex<HashMap<TagId, (u32, Option<Secret>)>>>;

/// The link to the devices.
pub(super) struct Line {
    hub: Weak<Hub>,
    rng: Mutex<Rng>,
    tags: KnownTags,
    given_up: watch::Sender<bool>,
}

impl Line {
    /// Answers everything that was never to be answered, from now on too.
    pub(super) fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    /// A wait from none to for ever.
    fn wait(&self) -> impl Future<Output = bool> + Send + 'static {
        let millis = match self.rng.lock().u8(..8) {
            0..=4 => Some(0),
            5 => Some(50),
            6 => Some(7_000),
            _ => None,
        };
        let mut given_up = self.given_up.subscribe();
        async move {
            let Some(millis) = millis else {
                let _ = given_up.wait_for(|given_up| *given_up).await;
                return false;
            };
            if millis > 0 {
                let _ = timeout(Duration::from_millis(millis), given_up.wait_for(|given_up| *given_up)).await;
            }
            true
        }
    }

    /// Stores what `value_of` says for each tag, unless the tag is gone by the time of the answer.
    fn answer<T: Send + 'static>(
        &self,
        items: Vec<(TagId, T)>,
        value_of: impl Fn(&Hub, TagId, &T, Option<Secret>) -> Option<Value> + Send + 'static,
    ) -> RouteFuture<bool> {
        let (hub, wait, known) = (self.hub.clone(), self.wait(), Arc::clone(&self.tags));
        let asked: Vec<_> = {
            let known = known.lock();
            items.into_iter().filter_map(|(tag, item)| Some((tag, item, *known.get(&tag)?))).collect()
        };
        Box::pin(async move {
            if !wait.await {
                return false;
            }
            if let Some(hub) = hub.upgrade() {
                let still_there = |tag, place| known.lock().get(&tag) == Some(&place);
                let mut batch = asked
                    .iter()
                    .filter(|(tag, _, place)| still_there(*tag, *place))
                    .filter_map(|(tag, item, (_, secret))| {
                        Some(update(*tag, Some(value_of(&hub, *tag, item, *secret)?), Status::GOOD))
                    })
                    .collect();
                hub.apply(&mut batch, monotonic::now());
            }
            true
        })
    }
}

impl Route for Line {
    fn write(&self, writes: Vec<(TagId, Value)>) -> RouteFuture<Vec<Status>> {
        let n = writes.len();
        // A device that is hidden from some keeps its marks, whatever is written to it.
        let answer = self.answer(writes, |_, tag, written: &Value, secret| match (secret, written.value_type()) {
            (Some(_), Some(value_type)) => Some(value(value_type, secret, tag.0)),
            _ => Some(written.clone()),
        });
        Box::pin(async move { vec![if answer.await { Status::GOOD } else { Status::BAD_TIMEOUT }; n] })
    }

    fn refresh(&self, tags: Vec<TagId>) -> RouteFuture<()> {
        let tags = tags.into_iter().map(|tag| (tag, ())).collect();
        let answer = self.answer(tags, |hub, tag, (), secret| {
            let value_type = hub.registry().tag(tag)?.value_type;
            Some(value(value_type, secret, tag.0))
        });
        Box::pin(async move {
            answer.await;
        })
    }
}
