//! The shared handle to the table.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use tagwire_model::{DataType, Sample, States, Status, TagId, Timestamp, Update, Value};

use crate::feed::{Change, Inbox};
use crate::maker::TagMaker;
use crate::registry::{FolderId, FolderKind, NewTag, Registry, RegistryError, TagExtra};
use crate::routes::{LinkId, Route, RouteFuture, Routes};
use crate::shaping::{Filters, Shaping, shape};
use crate::slot::{Kind, Snapshot, TagFlags};
use crate::table::{Effect, Reading, Table};
use crate::watchers::{Interest, Outgoing, WatchId, Watchers};

/// The live tag table. Shared by `Arc`; every method takes `&self`.
pub struct Hub {
    epoch: Instant,
    table: Table,
    registry: RwLock<Registry>,
    watchers: RwLock<Watchers>,
    demand_version: AtomicU64,
    routes: RwLock<Routes>,
    shapings: ArcSwap<HashMap<TagId, Shaping>>,
    filters: Filters,
    numbers: Mutex<Numbers>,
    n_on_demand: AtomicUsize,
    maker: ArcSwapOption<Arc<dyn TagMaker>>,
}

/// Which tag and heap cell numbers may be given out.
#[derive(Default)]
struct Numbers {
    next_tag: u32,
    free_tags: Vec<TagId>,
    /// Removed tags that somebody still watches, by path: free once nobody does, and the same tag again when one is made
    /// at that path, so that its watchers go on.
    watched_tags: HashMap<Box<str>, TagId>,
    next_cell: u32,
    free_cells: Vec<u32>,
    cells: HashMap<TagId, u32>,
}

impl Numbers {
    /// Lets the number and the heap cell of a tag be given out again.
    fn free(&mut self, tag: TagId) {
        self.free_cell_of(tag);
        self.free_tags.push(tag);
    }

    fn free_cell_of(&mut self, tag: TagId) {
        self.free_cells.extend(self.cells.remove(&tag));
    }
}

/// How many slots are looked at before the first of them is changed.
const LOOK_AHEAD: usize = 16;

thread_local! {
    static OUTGOING: RefCell<Outgoing> = RefCell::default();
}

impl Hub {
    /// An empty table whose monotonic clock starts at `epoch`.
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            table: Table::new(),
            registry: RwLock::default(),
            watchers: RwLock::default(),
            demand_version: AtomicU64::new(1),
            routes: RwLock::default(),
            shapings: ArcSwap::default(),
            filters: Filters::default(),
            numbers: Mutex::default(),
            n_on_demand: AtomicUsize::new(0),
            maker: ArcSwapOption::empty(),
        }
    }

    /// Milliseconds from the hub's epoch to `now`, wrapping after 49 days; the clock of [`Change::at_ms`].
    pub fn millis(&self, now: Instant) -> u32 {
        now.saturating_duration_since(self.epoch).as_millis() as u32
    }

    /// Which tags exist. Hold the guard for one request at most: making and removing tags waits for it.
    pub fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read()
    }

    /// The folder `name` inside `parent`, made when it does not exist.
    ///
    /// # Errors
    /// [`RegistryError::Taken`] when a tag has that path.
    pub fn folder(&self, parent: FolderId, name: &str, kind: FolderKind) -> Result<FolderId, RegistryError> {
        self.registry.write().folder_at(parent, name, kind)
    }

    /// Makes tags, all waiting for their first value as of `now`; one result each, in order.
    pub fn add_tags<'a>(
        &self,
        tags: impl ExactSizeIterator<Item = NewTag<'a>>,
        now: Timestamp,
    ) -> Vec<Result<TagId, RegistryError>> {
        let mut registry = self.registry.write();
        let mut numbers = self.numbers.lock();
        self.reclaim(&mut numbers);
        registry.reserve(tags.len());
        let initial = Sample::initial(now);
        let mut shapings = None;
        let results = tags
            .map(|tag| {
                let kept = if numbers.watched_tags.is_empty() {
                    None
                } else {
                    let path = registry.path_in(tag.folder, tag.name);
                    path.and_then(|path| numbers.watched_tags.remove_entry(&*path))
                };
                let id = kept.as_ref().map(|(_, id)| *id).or_else(|| numbers.free_tags.pop());
                let id = id.unwrap_or(TagId(numbers.next_tag));
                if id.index() >= Table::CAPACITY {
                    return Err(RegistryError::Full);
                }
                if let Err(error) = registry.insert(id, &tag) {
                    match kept {
                        Some((path, id)) => drop(numbers.watched_tags.insert(path, id)),
                        None if id.0 != numbers.next_tag => numbers.free_tags.push(id),
                        None => {}
                    }
                    return Err(error);
                }
                if kept.is_some() {
                    numbers.free_cell_of(id);
                }
                numbers.next_tag = numbers.next_tag.max(id.0 + 1);
                let heap_cell = if tag.value_type.is_scalar() && tag.value_type.data_type.is_fixed() {
                    None
                } else {
                    let cell = numbers.free_cells.pop().unwrap_or(numbers.next_cell);
                    numbers.next_cell = numbers.next_cell.max(cell + 1);
                    numbers.cells.insert(id, cell);
                    Some(cell)
                };
                if let Some(shaping) = tag.extra.as_ref().and_then(Shaping::of) {
                    shapings.get_or_insert_with(|| HashMap::clone(&self.shapings.load())).insert(id, shaping);
                }
                let flags = TagFlags::new(tag.access, tag.on_demand, direct_type(&tag), tag.link);
                self.n_on_demand.fetch_add(usize::from(tag.on_demand), Ordering::Relaxed);
                self.table.create(id, flags, heap_cell, &initial);
                Ok(id)
            })
            .collect();
        if let Some(shapings) = shapings {
            self.shapings.store(Arc::new(shapings));
        }
        results
    }

    /// Changes what is told about a tag; path, type, link, value and watchers stay.
    ///
    /// # Errors
    /// [`RegistryError::NoTag`] for a number not in use, [`RegistryError::Fixed`] when path, type or link differ.
    pub fn change_tag(&self, id: TagId, tag: NewTag<'_>) -> Result<(), RegistryError> {
        let mut registry = self.registry.write();
        registry.change(id, &tag)?;
        if let Some(slot) = self.table.slot(id) {
            let flags = TagFlags::new(tag.access, tag.on_demand, direct_type(&tag), tag.link);
            slot.update(|last| (Snapshot { kind: Kind::from_flags(flags, last.kind.code()), ..last }, ()));
        }
        let shaping = tag.extra.as_ref().and_then(Shaping::of);
        if self.shapings.load().get(&id).copied() != shaping {
            let mut shapings = HashMap::clone(&self.shapings.load());
            match shaping {
                Some(shaping) => shapings.insert(id, shaping),
                None => shapings.remove(&id),
            };
            self.shapings.store(Arc::new(shapings));
            self.filters.forget(&[id]);
        }
        Ok(())
    }

    /// Removes tags and the folders that become empty. The link must have stopped delivering them. Watchers get a last
    /// change with [`Status::BAD_NODE_ID_UNKNOWN`].
    pub fn remove_tags(&self, tags: &[TagId], now: Timestamp, at: Instant) {
        let mut farewell: Vec<Update> = tags
            .iter()
            .map(|tag| Update {
                tag: *tag,
                value: None,
                status: Status::BAD_NODE_ID_UNKNOWN,
                source_time: now,
                server_time: now,
            })
            .collect();
        self.apply(&mut farewell, at);
        let n_on_demand = tags.iter().filter(|tag| self.flags(**tag).is_some_and(TagFlags::on_demand)).count();
        self.n_on_demand.fetch_sub(n_on_demand, Ordering::Relaxed);
        let mut registry = self.registry.write();
        let mut numbers = self.numbers.lock();
        for id in tags {
            let Some(tag) = registry.tag(*id) else { continue };
            if self.n_watch_list(*id) == 0 {
                numbers.free(*id);
            } else {
                numbers.watched_tags.insert(Box::from(tag.path), *id);
            }
        }
        registry.remove(tags);
        drop(registry);
        if tags.iter().any(|tag| self.shapings.load().contains_key(tag)) {
            let mut shapings = HashMap::clone(&self.shapings.load());
            for tag in tags {
                shapings.remove(tag);
            }
            self.shapings.store(Arc::new(shapings));
            self.filters.forget(tags);
        }
        self.reclaim(&mut numbers);
    }

    fn reclaim(&self, numbers: &mut Numbers) {
        let watched = numbers.watched_tags.extract_if(|_, tag| self.n_watch_list(*tag) == 0);
        let free: Vec<TagId> = watched.map(|(_, tag)| tag).collect();
        free.into_iter().for_each(|tag| numbers.free(tag));
    }

    #[inline]
    fn n_watch_list(&self, tag: TagId) -> u32 {
        self.table.slot(tag).map_or(0, |slot| slot.watch.load(Ordering::Acquire))
    }

    /// The current state of a tag: [`Status::BAD_NODE_ID_UNKNOWN`] or `None` for a number not in use. Never waits.
    #[inline]
    pub fn read(&self, tag: TagId) -> Option<Reading> {
        self.table.read(tag)
    }

    /// Whether any tag must be asked from its device when a client wants a fresh value.
    #[inline]
    pub fn has_on_demand_tags(&self) -> bool {
        self.n_on_demand.load(Ordering::Relaxed) > 0
    }

    /// What a request must know before it touches a tag's value; `None` for a number that was never given out.
    #[inline]
    pub fn flags(&self, tag: TagId) -> Option<TagFlags> {
        self.table.slot(tag).map(|slot| slot.flags())
    }

    /// Stores all updates, tells the watchers, and leaves `batch` empty with its capacity kept. `now` is the monotonic
    /// time at which the batch arrived.
    pub fn apply(&self, batch: &mut Vec<Update>, now: Instant) {
        let at_ms = self.millis(now);
        let shapings = self.shapings.load();
        OUTGOING.with_borrow_mut(|outgoing| {
            let watchers = self.watchers.read();
            for updates in batch.chunks_mut(LOOK_AHEAD) {
                // The processor waits for the memory of all these slots together.
                let mut watches = [0; LOOK_AHEAD];
                for (watch, update) in watches.iter_mut().zip(&*updates) {
                    *watch = self.n_watch_list(update.tag);
                }
                for (update, watch) in updates.iter_mut().zip(watches) {
                    if !shapings.is_empty()
                        && let Some(shaping) = shapings.get(&update.tag)
                    {
                        let tag = update.tag;
                        let last = || self.read(tag).map(|reading| reading.to_sample());
                        shape(shaping, &self.filters, update, last);
                    }
                    let Some(effect) = self.table.apply(update) else { continue };
                    if watch != 0 {
                        tell(&self.table, &watchers, outgoing, update, (watch, effect), at_ms);
                    }
                }
            }
            batch.clear();
            watchers.deliver(outgoing);
        });
    }

    /// Adds a subscriber.
    pub fn attach(&self, inbox: Arc<Inbox>) -> WatchId {
        self.watchers.write().attach(inbox)
    }

    /// Removes a subscriber, whose interests must have been dropped.
    pub fn detach(&self, id: WatchId) {
        self.watchers.write().detach(id);
    }

    /// Registers interests; from then on every change of these tags reaches the subscriber's inbox. Says for each
    /// whether the tag exists.
    pub fn watch(&self, id: WatchId, interests: &[Interest]) -> Vec<bool> {
        let mut watchers = self.watchers.write();
        let added = interests.iter().map(|interest| watchers.add(&self.table, id, *interest)).collect();
        drop(watchers);
        self.demand_version.fetch_add(1, Ordering::Release);
        added
    }

    /// Keeps the number of a tag from being given to another tag, without hearing of changes or causing polls; ended by
    /// [`Hub::unwatch`].
    pub fn hold(&self, id: WatchId, tag: TagId, handle: u32) -> bool {
        self.watchers.write().hold(&self.table, id, tag, handle)
    }

    /// Drops interests given as tag and handle.
    pub fn unwatch(&self, id: WatchId, interests: &[(TagId, u32)]) {
        let mut watchers = self.watchers.write();
        for (tag, handle) in interests {
            watchers.remove(&self.table, id, *tag, *handle);
        }
        drop(watchers);
        self.demand_version.fetch_add(1, Ordering::Release);
    }

    /// The fastest interval at which any subscriber wants this tag; `None` when nobody does.
    pub fn demand(&self, tag: TagId) -> Option<Duration> {
        match self.n_watch_list(tag) {
            0 => None,
            list => self.watchers.read().fastest(list),
        }
    }

    /// Grows whenever an answer of [`Hub::demand`] may have changed.
    pub fn demand_version(&self) -> u64 {
        self.demand_version.load(Ordering::Acquire)
    }

    /// Sets or removes who makes tags that are named without being there.
    pub fn set_maker(&self, maker: Option<Arc<dyn TagMaker>>) {
        self.maker.store(maker.map(Arc::new));
    }

    /// Who makes tags that are named without being there.
    pub fn maker(&self) -> Option<Arc<dyn TagMaker>> {
        self.maker.load().as_deref().map(Arc::clone)
    }

    /// Sets or removes the way to a link's devices.
    pub fn set_route(&self, link: LinkId, route: Option<Arc<dyn Route>>) {
        self.routes.write().set(link, route);
    }

    /// Writes engineering values, each converted to its tag's type, and answers one status per item in order. Items of
    /// one link reach it in the order given.
    pub fn write(&self, mut writes: Vec<(TagId, Value)>) -> RouteFuture<Vec<Status>> {
        // Mostly all items are good and for one link, which then takes them as they lie there.
        if let Some(link) = self.link_of_all(&mut writes)
            && let Some(route) = self.routes.read().route(link)
        {
            return route.write(writes);
        }
        self.write_by_link(writes)
    }

    /// The only link that writes go to, with their values converted; `None` when there are several or an item is refused.
    fn link_of_all(&self, writes: &mut [(TagId, Value)]) -> Option<LinkId> {
        let link = self.flags(writes.first()?.0)?.link();
        for (tag, value) in writes {
            let flags = self.flags(*tag).filter(|flags| flags.link() == link)?;
            if !is_ready(flags, value) {
                *value = self.writable(*tag, flags, value.clone()).ok()?;
            }
        }
        Some(link)
    }

    fn write_by_link(&self, writes: Vec<(TagId, Value)>) -> RouteFuture<Vec<Status>> {
        let mut statuses = vec![Status::GOOD; writes.len()];
        let mut per_link: Vec<LinkWrites> = Vec::new();
        for (position, (tag, value)) in writes.into_iter().enumerate() {
            let Some(flags) = self.flags(tag) else {
                statuses[position] = Status::BAD_NODE_ID_UNKNOWN;
                continue;
            };
            let value = match self.writable(tag, flags, value) {
                Ok(value) => value,
                Err(status) => {
                    statuses[position] = status;
                    continue;
                }
            };
            // Requests mostly go to one link, and then to the same one as the item before.
            let link = flags.link();
            let idx = per_link.iter().rposition(|writes| writes.link == link).unwrap_or_else(|| {
                per_link.push(LinkWrites { link, positions: Vec::new(), writes: Vec::new() });
                per_link.len() - 1
            });
            per_link[idx].positions.push(position);
            per_link[idx].writes.push((tag, value));
        }
        let routes = self.routes.read();
        let under_way: Vec<_> = per_link
            .into_iter()
            .map(|writes| (writes.positions, routes.route(writes.link).map(|route| route.write(writes.writes))))
            .collect();
        drop(routes);
        Box::pin(async move {
            for (positions, answer) in under_way {
                let answers = match answer {
                    Some(answer) => answer.await,
                    None => vec![Status::BAD_NO_COMMUNICATION; positions.len()],
                };
                for (idx, position) in positions.into_iter().enumerate() {
                    statuses[position] = answers.get(idx).copied().unwrap_or(Status::BAD_INTERNAL_ERROR);
                }
            }
            statuses
        })
    }

    /// The value in the tag's type, or why it cannot be written.
    fn writable(&self, tag: TagId, flags: TagFlags, value: Value) -> Result<Value, Status> {
        if is_ready(flags, &value) {
            return Ok(value);
        }
        let registry = self.registry.read();
        let meta = registry.tag(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
        if !meta.access.write {
            return Err(Status::BAD_NOT_WRITABLE);
        }
        let value = value.convert(meta.value_type).map_err(write_status)?;
        if self.shapings.load().get(&tag).is_some_and(|shaping| !shaping.allows(&value)) {
            return Err(Status::BAD_OUT_OF_RANGE);
        }
        match meta.extra.as_ref().and_then(|extra| extra.states.as_ref()) {
            Some(states) if !has_name(states, &value) => Err(Status::BAD_OUT_OF_RANGE),
            _ => Ok(value),
        }
    }

    /// Asks the devices for these tags now; when the future ends the table holds the answers.
    pub fn refresh(&self, tags: &[TagId]) -> RouteFuture<()> {
        let mut per_link: Vec<(LinkId, Vec<TagId>)> = Vec::new();
        {
            let registry = self.registry.read();
            for tag in tags {
                let Some(meta) = registry.tag(*tag) else { continue };
                match per_link.iter_mut().find(|(link, _)| *link == meta.link) {
                    Some((_, tags)) => tags.push(*tag),
                    None => per_link.push((meta.link, vec![*tag])),
                }
            }
        }
        let routes = self.routes.read();
        let under_way: Vec<_> =
            per_link.into_iter().filter_map(|(link, tags)| Some(routes.route(link)?.refresh(tags))).collect();
        drop(routes);
        Box::pin(async move {
            for answer in under_way {
                answer.await;
            }
        })
    }
}

/// The type of which every value can be written to a tag.
fn direct_type(tag: &NewTag<'_>) -> Option<DataType> {
    let is_bounded = |extra: &TagExtra| extra.states.is_some() || extra.limit.low || extra.limit.high;
    let is_bounded = tag.extra.as_ref().is_some_and(is_bounded);
    (tag.value_type.is_scalar() && !is_bounded).then_some(tag.value_type.data_type)
}

fn has_name(states: &States, value: &Value) -> bool {
    value.as_i128().and_then(|number| i64::try_from(number).ok()).is_some_and(|number| states.name(number).is_some())
}

struct LinkWrites {
    link: LinkId,
    positions: Vec<usize>,
    writes: Vec<(TagId, Value)>,
}

/// Collects a change for those who watch a tag, where the update counts as one.
#[inline]
fn tell(
    table: &Table,
    watchers: &Watchers,
    outgoing: &mut Outgoing,
    update: &Update,
    (watch, effect): (u32, Effect),
    at_ms: u32,
) {
    let is_wanted = effect.changed || (effect.is_later && watchers.wants_timestamps(watch));
    if !is_wanted {
        return;
    }
    let value = match &update.value {
        Some(value) => value.clone(),
        None => table.read(update.tag).map_or(Value::Null, |reading| reading.to_sample().value),
    };
    watchers.collect(watch, effect.changed, outgoing, |handle| Change {
        handle,
        tag: update.tag,
        value: value.clone(),
        status: effect.status,
        at_ms,
        source_time: effect.source_time,
        server_time: update.server_time,
    });
}

/// Whether a tag can be written and a value is a scalar of its very type.
#[inline]
fn is_ready(flags: TagFlags, value: &Value) -> bool {
    flags.writable() && value.to_bits().is_some_and(|(data_type, _)| data_type.ua_id() == flags.scalar_type())
}

fn write_status(error: tagwire_model::ConvertError) -> Status {
    match error {
        tagwire_model::ConvertError::Range => Status::BAD_OUT_OF_RANGE,
        tagwire_model::ConvertError::Type | tagwire_model::ConvertError::Dimensions => Status::BAD_TYPE_MISMATCH,
    }
}

/// The scalar type of a reading, for faces that encode it.
impl Reading {
    /// Whether the tag has a value.
    pub const fn has_value(&self) -> bool {
        match self {
            Self::Fixed { data_type, .. } => data_type.is_some(),
            Self::Heap { .. } => true,
        }
    }

    /// Quality of the reading.
    pub const fn status(&self) -> Status {
        match self {
            Self::Fixed { status, .. } | Self::Heap { status, .. } => *status,
        }
    }

    /// Scalar type, when the value fits 64 bits.
    pub const fn fixed_type(&self) -> Option<DataType> {
        match self {
            Self::Fixed { data_type, .. } => *data_type,
            Self::Heap { .. } => None,
        }
    }
}
