//! Derived tags in the live table, and the task that works them out.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use tagwire_driver::Clock;
use tagwire_hub::{FolderId, FolderKind, Hub, Inbox, Interest, LinkId, NewTag, RegistryError, TagExtra, WatchId};
use tagwire_model::{Access, Sample, Status, TagId, Update};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::core::{Core, Write};
use super::totals::{KeptTotal, TotalsFile};
use crate::config::Derived;
use crate::running::millis;

/// The route of derived tags, which nothing answers.
const DERIVED_LINK: LinkId = LinkId(0xFFFE);

/// Changes that may wait for each input before the table is read instead.
const CHANGES_PER_INPUT: usize = 16;

/// The pause after a panic, so that one that repeats does not fill the log.
const PAUSE: Duration = Duration::from_secs(1);

/// How often totals that changed are written to their file. A crash loses no count, for where the counter stood is kept
/// with it.
const KEEP_EVERY: Duration = Duration::from_secs(30);

/// How soon totals are written whose counter fell, or that were reset: where it stands does not tell that.
const KEEP_SOON: Duration = Duration::from_secs(1);

/// All derived tags in force.
pub(crate) struct DerivedTags {
    shared: Arc<Shared>,
    list: Vec<Derived>,
    ids: HashMap<String, TagId>,
    watched: Vec<(TagId, u32)>,
    task: Option<JoinHandle<()>>,
    /// What the last run of the server left, until the first list is in force.
    left: Vec<KeptTotal>,
}

/// What the task and the plant share.
struct Shared {
    hub: Arc<Hub>,
    clock: Clock,
    core: Mutex<Core>,
    inbox: Arc<Inbox>,
    wake: Arc<Notify>,
    watch: WatchId,
    totals: TotalsFile,
    /// What the file holds.
    kept: Mutex<Vec<KeptTotal>>,
}

impl DerivedTags {
    /// No derived tags yet.
    pub(crate) fn new(hub: Arc<Hub>, clock: Clock, totals: TotalsFile) -> Self {
        let wake = Arc::new(Notify::new());
        let signal = Arc::clone(&wake);
        let inbox = Arc::new(Inbox::new(CHANGES_PER_INPUT, 1, move || signal.notify_one()));
        let watch = hub.attach(Arc::clone(&inbox));
        let left = totals.read();
        let (core, kept) = (Mutex::default(), Mutex::new(left.clone()));
        let shared = Arc::new(Shared { hub, clock, core, inbox, wake, watch, totals, kept });
        Self { shared, list: Vec::new(), ids: HashMap::new(), watched: Vec::new(), task: None, left }
    }

    /// What is in force.
    pub(crate) fn list(&self) -> &[Derived] {
        &self.list
    }

    /// Puts a list in force. Tags that stay keep their numbers, their subscribers and what they remember.
    pub(crate) fn apply(&mut self, list: Vec<Derived>) -> Vec<(String, RegistryError)> {
        let mut errors = Vec::new();
        // With the core taken away the task delivers nothing, so that numbers of removed tags may be given to others.
        let earlier = std::mem::take(&mut *self.shared.core.lock());
        let (hub, now) = (&self.shared.hub, self.shared.clock.now());
        let same = |name: &str| list.iter().find(|derived| derived.name == name);
        let gone: Vec<TagId> = self
            .list
            .iter()
            .filter(|old| same(&old.name).is_none_or(|new| new.value_type != old.value_type))
            .filter_map(|old| self.ids.remove(&old.name))
            .collect();
        if !gone.is_empty() {
            hub.remove_tags(&gone, now, std::time::Instant::now());
        }
        for derived in &list {
            let result = match self.ids.get(&derived.name) {
                Some(id) => {
                    let is_as_it_was = self.list.contains(derived);
                    if is_as_it_was { Ok(*id) } else { change(hub, *id, derived).map(|()| *id) }
                }
                None => make(hub, derived, now),
            };
            match result {
                Ok(id) => drop(self.ids.insert(derived.name.clone(), id)),
                Err(error) => errors.push((derived.name.clone(), error)),
            }
        }
        self.list = list;
        self.tie(earlier);
        errors
    }

    /// Watches the inputs where they are now, and starts the task with the first tag.
    fn tie(&mut self, earlier: Core) {
        let shared = &self.shared;
        if self.list.is_empty() && self.watched.is_empty() {
            return;
        }
        let wants = {
            let registry = shared.hub.registry();
            let mut core = shared.core.lock();
            let tag_of = |path: &str| registry.find_tag(path.as_bytes());
            *core = Core::new(&self.list, tag_of, earlier, Instant::now());
            core.go_on(&std::mem::take(&mut self.left));
            core.wants()
        };
        shared.inbox.set_bounds((wants.len() + 1) * CHANGES_PER_INPUT, 1);
        let interests: Vec<Interest> = wants
            .iter()
            .map(|want| Interest {
                tag: want.tag,
                handle: want.slot,
                interval: want.interval,
                timestamps: want.every_sample,
            })
            .collect();
        // The new interests come first, so that no tag is without any in between.
        shared.hub.watch(shared.watch, &interests);
        let now_watched = wants.iter().map(|want| (want.tag, want.slot)).collect();
        let mut stale = std::mem::replace(&mut self.watched, now_watched);
        // An interest that is there twice under one number goes away as one, so it is dropped and asked for again.
        shared.hub.unwatch(shared.watch, &stale);
        stale.retain(|old| self.watched.contains(old));
        let again: Vec<Interest> =
            interests.into_iter().filter(|interest| stale.contains(&(interest.tag, interest.handle))).collect();
        shared.hub.watch(shared.watch, &again);
        shared.read_all();
        shared.wake.notify_one();
        if self.task.is_none() {
            let shared = Arc::clone(shared);
            self.task = Some(tokio::spawn(async move {
                // A panic costs a pause, never the other tags or the server.
                while AssertUnwindSafe(shared.run()).catch_unwind().await.is_err() {
                    tracing::error!("the work on derived tags panicked and starts again");
                    tokio::time::sleep(PAUSE).await;
                }
            }));
        }
    }

    /// Ends the work.
    pub(crate) fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.shared.hub.unwatch(self.shared.watch, &self.watched);
        self.watched.clear();
        self.shared.keep_totals();
    }
}

impl Shared {
    /// Takes in what all inputs are now.
    fn read_all(&self) {
        let mut core = self.core.lock();
        let now = Instant::now();
        for want in core.wants() {
            if let Some(reading) = self.hub.read(want.tag) {
                let sample = reading.to_sample();
                if sample.status.code() != Status::BAD_WAITING_FOR_INITIAL_DATA {
                    core.change(want.slot, sample, now);
                }
            }
        }
    }

    /// Writes totals to their file where they changed; blocks.
    fn keep_totals(&self) {
        // Held while the file is written, so that an earlier state never takes the place of a later one.
        let mut kept = self.kept.lock();
        let totals = {
            let core = self.core.lock();
            // While a list is put in force there is none, which does not mean that there are no totals.
            if core.generation == 0 {
                return;
            }
            core.totals()
        };
        if *kept != totals && self.totals.write(&totals) {
            *kept = totals;
        }
    }

    async fn run(self: &Arc<Self>) {
        let mut changes = Vec::new();
        let mut keeping = Instant::now() + KEEP_EVERY;
        loop {
            let due = self.core.lock().next_due();
            tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                () = tokio::time::sleep_until(keeping) => {
                    let shared = Arc::clone(self);
                    drop(tokio::task::spawn_blocking(move || shared.keep_totals()));
                    keeping = Instant::now() + KEEP_EVERY;
                }
            }
            changes.clear();
            let has_lost = self.inbox.take(&mut changes);
            {
                let mut core = self.core.lock();
                let now = Instant::now();
                for change in changes.drain(..) {
                    if core.knows(change.handle, change.tag) {
                        let (status, source_time, server_time) =
                            (change.status, change.source_time, change.server_time);
                        let sample = Sample { value: change.value, status, source_time, server_time };
                        core.change(change.handle, sample, now);
                    }
                }
            }
            if has_lost {
                self.read_all();
            }
            self.work();
            if std::mem::take(&mut self.core.lock().has_turned) {
                keeping = keeping.min(Instant::now() + KEEP_SOON);
            }
        }
    }

    /// Works out what is due, and hands it to the table and to links.
    fn work(self: &Arc<Self>) {
        let (writes, generation) = {
            let mut core = self.core.lock();
            let (mut updates, writes) = core.work(Instant::now(), self.clock.now());
            self.publish(&mut updates);
            (writes, core.generation)
        };
        for write in writes {
            let (shared, answer) = (Arc::clone(self), self.hub.write(vec![(write.tag, write.value.clone())]));
            tokio::spawn(async move {
                let status = answer.await.first().copied().unwrap_or(Status::BAD_INTERNAL_ERROR);
                shared.written(&write, status, generation);
            });
        }
    }

    fn written(&self, write: &Write, status: Status, generation: u64) {
        let mut core = self.core.lock();
        // After a reload the numbers of links are others.
        if core.generation != generation {
            return;
        }
        let update = core.written(write, status, Instant::now(), self.clock.now());
        self.publish(&mut update.into_iter().collect());
        drop(core);
        self.wake.notify_one();
    }

    /// Called with the core locked, so that nothing is delivered for a tag that is being removed.
    fn publish(&self, updates: &mut Vec<Update>) {
        if !updates.is_empty() {
            self.hub.apply(updates, std::time::Instant::now());
        }
    }
}

fn make(hub: &Hub, derived: &Derived, now: tagwire_model::Timestamp) -> Result<TagId, RegistryError> {
    let mut folder = FolderId::ROOT;
    let mut parts = derived.name.split('.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            let source = derived.source();
            let made = hub.add_tags(std::iter::once(new_tag(derived, folder, part, &source)), now);
            return made.into_iter().next().unwrap_or(Err(RegistryError::NoTag));
        }
        folder = hub.folder(folder, part, FolderKind::Group)?;
    }
    Err(RegistryError::NoFolder)
}

fn change(hub: &Hub, id: TagId, derived: &Derived) -> Result<(), RegistryError> {
    let folder = hub.registry().tag(id).map(|tag| tag.folder).ok_or(RegistryError::NoTag)?;
    let (name, source) = (derived.name.rsplit('.').next().unwrap_or_default(), derived.source());
    hub.change_tag(id, new_tag(derived, folder, name, &source))
}

fn new_tag<'a>(derived: &Derived, folder: FolderId, name: &'a str, source: &'a str) -> NewTag<'a> {
    NewTag {
        folder,
        name,
        value_type: derived.value_type,
        access: Access::READ,
        link: DERIVED_LINK,
        address: source,
        scan_ms: millis(derived.rate),
        is_system: false,
        on_demand: false,
        extra: Some(TagExtra {
            description: derived.description.clone(),
            unit: derived.unit.clone(),
            eu_range: derived.eu_range,
            deadband: derived.deadband,
            ..TagExtra::default()
        }),
    }
}
