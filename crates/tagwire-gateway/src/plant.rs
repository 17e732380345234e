//! The links in force: made, changed and ended by the difference between two configurations.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tagwire_driver::{
    BuildError, Clock, DEVICE_ITEMS, DeviceSettings, DriverKind, LINK_ITEMS, LinkHandle, LinkSetup, LinkSource,
    LinkSpec, Options, Settings, TagSpec, supervise,
};
use tagwire_hub::{FolderId, FolderKind, Hub, LinkId, RegistryError};
use tagwire_model::{Status, TagId, Update};
use tagwire_ua_client::Identity;
use thiserror::Error;

use crate::changes::{Action, Changes, DeviceChange, LinkChange, OTHER_CHANGE};
use crate::config::{Config, Device, ExplicitNodeId, Link, Tag};
use crate::derived::{DerivedTags, TotalsFile};
use crate::drivers;
use crate::dynamic::{KEPT, split};
use crate::running::{Fingerprint, Running, RunningDevice, RunningLink};
use crate::sink::{HubSink, LinkRoute};
use crate::source_history::SourceArchive;
use crate::tree::{self, DevicePlace};

/// Why a part of a configuration could not be put in force, although it passed the checks.
#[derive(Debug, Error)]
#[error("{path}: {problem}")]
pub struct PlantError {
    /// The link or device concerned.
    pub path: String,
    /// What went wrong.
    pub problem: String,
}

/// Who must know which tags have NodeIds of their own.
pub(crate) trait NodeIds: Send + Sync {
    /// Names tags.
    fn name(&self, names: Vec<(TagId, ExplicitNodeId)>);

    /// Forgets the names of tags that are about to be removed.
    fn forget(&self, tags: &[TagId]);
}

/// The links in force and what they are made with.
pub(crate) struct Plant {
    pub(crate) hub: Arc<Hub>,
    kinds: &'static [&'static dyn DriverKind],
    clock: Clock,
    seed: u64,
    node_ids: Arc<dyn NodeIds>,
    /// Own certificate and trust lists, for links to servers that want them.
    identity: Option<Identity>,
    pub(crate) running: Running,
    pub(crate) handles: HashMap<LinkId, LinkHandle>,
    next_link: u32,
    pub(crate) derived: DerivedTags,
    /// Tags whose range or unit changed since somebody last asked.
    semantics: Mutex<Vec<TagId>>,
}

impl Plant {
    /// No links yet; the sections outside the links are those of `config` from the start.
    pub(crate) fn new(
        hub: Arc<Hub>,
        kinds: &'static [&'static dyn DriverKind],
        clock: Clock,
        seed: u64,
        node_ids: Arc<dyn NodeIds>,
        identity: Option<Identity>,
        config: &Config,
    ) -> Self {
        let running = Running {
            server: config.server.clone(),
            ua: config.ua.clone(),
            access: config.access.clone(),
            http: config.http.clone(),
            openopc: config.openopc.clone(),
            audit: config.audit.clone(),
            history: config.history.clone(),
            log: config.log.clone(),
            structures: config.structures.clone(),
            models: config.node_sets.digest(),
            links: Vec::new(),
        };
        let totals = TotalsFile::new(&config.data_dir());
        let derived = DerivedTags::new(Arc::clone(&hub), clock.clone(), totals);
        Self {
            hub,
            kinds,
            clock,
            seed,
            node_ids,
            identity,
            running,
            handles: HashMap::new(),
            next_link: 0,
            derived,
            semantics: Mutex::default(),
        }
    }

    /// What a configuration would change.
    pub(crate) fn plan(&self, config: &Config) -> Changes {
        // A link's task locks its link before the registry, so the same order holds here.
        let guards: Vec<_> = self.running.links.iter().map(|link| link.lock()).collect();
        let links: Vec<&RunningLink> = guards.iter().map(|guard| &**guard).collect();
        Changes::between((&self.running, self.derived.list()), &links, config, &self.hub.registry(), self.kinds)
    }

    /// Puts a configuration in force; what did not change goes on without noticing. A part that fails is reported and
    /// left out, the others are put in force.
    ///
    /// The configuration is taken apart on the way, so that its memory is free for what is made of it.
    pub(crate) async fn apply(&mut self, config: Config) -> (Changes, Vec<PlantError>) {
        let changes = self.plan(&config);
        self.running.access.policy.clone_from(&config.access.policy);
        self.running.history.rules.clone_from(&config.history.rules);
        self.running.ua.anonymous = config.ua.anonymous;
        self.running.ua.dynamic_tags = config.ua.dynamic_tags;
        self.running.ua.trusted_fingerprints.clone_from(&config.ua.trusted_fingerprints);
        self.running.ua.without_revocation_list.clone_from(&config.ua.without_revocation_list);
        let mut links: Vec<Option<Link>> = config.links.into_iter().map(Some).collect();
        let mut errors = Vec::new();
        let mut gone = Vec::new();
        for change in &changes.links {
            match (change.action, change.running, change.new) {
                (Action::Remove, Some(old), _) => {
                    self.remove_link(old).await;
                    gone.push(old);
                }
                (Action::Add, _, Some(new)) => {
                    if let Some(link) = links.get_mut(new).and_then(Option::take) {
                        self.add_link(link, &mut errors);
                    }
                }
                (Action::Change, Some(old), Some(new)) => {
                    if let Some(link) = links.get_mut(new).and_then(Option::take) {
                        self.change_link(old, change, &link, &mut errors).await;
                    }
                }
                _ => {}
            }
        }
        gone.sort_unstable();
        for old in gone.into_iter().rev() {
            self.running.links.remove(old);
        }
        let failures = self.derived.apply(config.derived);
        errors.extend(failures.into_iter().map(|(name, error)| failed(&name, error)));
        (changes, errors)
    }

    /// The kind of driver with this name.
    pub(crate) fn kind(&self, driver: &str) -> Option<&'static dyn DriverKind> {
        self.kinds.iter().copied().find(|kind| kind.names().contains(&driver))
    }

    /// Number of tags that clients made.
    pub(crate) fn n_dynamic(&self) -> usize {
        let of_link = |link: &Arc<Mutex<RunningLink>>| -> usize {
            link.lock().numbered_devices().map(|(_, device)| device.dynamic.len()).sum()
        };
        self.running.links.iter().map(of_link).sum()
    }

    /// Makes tags at these paths of addresses that their drivers take; gives those that are there then.
    pub(crate) async fn make_dynamic(&self, wanted: Vec<(String, TagSpec)>) -> Vec<TagId> {
        let mut made = Vec::with_capacity(wanted.len());
        let mut touched: Vec<(usize, usize)> = Vec::new();
        for (path, spec) in wanted {
            // Somebody else may have named it in the meantime.
            let known = self.hub.registry().find_tag(path.as_bytes());
            if let Some(id) = known {
                made.push(id);
                continue;
            }
            let Some((device, name)) = split(&path) else { continue };
            let found = self.running.links.iter().enumerate().find_map(|(at, link)| {
                let link = link.lock();
                let named = |(idx, known): (usize, &RunningDevice)| {
                    (device.strip_prefix(&link.name).and_then(|rest| rest.strip_prefix('.')) == Some(&*known.name))
                        .then(|| (idx, DevicePlace { link: link.id, folder: known.folder }, known.device_settings()))
                };
                link.numbered_devices().find_map(named).map(|found| (at, found))
            });
            let Some((at, (idx, place, settings))) = found else { continue };
            match tree::add_dynamic(&self.hub, place, &settings, (name, &spec), self.clock.now()) {
                Ok(id) => {
                    let mut link = self.running.links[at].lock();
                    if let Some(device) = link.devices.get_mut(idx).and_then(Option::as_mut) {
                        device.tags.push((id, Fingerprint::NONE));
                        device.dynamic.insert(id, tokio::time::Instant::now());
                    }
                    made.push(id);
                    touched.push((at, idx));
                }
                Err(error) => tracing::warn!(%path, %error, "a tag that a client names cannot be made"),
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for (at, idx) in touched {
            self.tell_device(at, idx).await;
        }
        made
    }

    /// Forgets tags that clients made and nobody watches any more.
    pub(crate) async fn forget_dynamic(&self) {
        for at in 0..self.running.links.len() {
            let n_devices = self.running.links[at].lock().devices.len();
            for idx in 0..n_devices {
                let gone: Vec<TagId> = {
                    let mut link = self.running.links[at].lock();
                    let Some(device) = link.devices.get_mut(idx).and_then(Option::as_mut) else { continue };
                    let is_idle = |(id, since): (&TagId, &tokio::time::Instant)| {
                        (since.elapsed() >= KEPT && self.hub.demand(*id).is_none()).then_some(*id)
                    };
                    let gone: Vec<TagId> = device.dynamic.iter().filter_map(is_idle).collect();
                    device.dynamic.retain(|id, _| !gone.contains(id));
                    device.tags.retain(|(id, _)| !gone.contains(id));
                    gone
                };
                if !gone.is_empty() {
                    // The link must have stopped delivering them first.
                    self.tell_device(at, idx).await;
                    self.remove_tags(&gone);
                }
            }
        }
    }

    async fn tell_device(&self, at: usize, idx: usize) {
        let shared = Arc::clone(&self.running.links[at]);
        let id = shared.lock().id;
        let handle = self.handles.get(&id).cloned();
        if let Err(problem) = self.send_device(&shared, idx, handle.as_ref(), Told::Tags).await {
            tracing::warn!(%problem, "a link does not take a tag that a client names");
        }
    }

    /// The tags whose history their sources keep; `None` when there are none.
    pub(crate) fn source_archive(&self) -> Option<SourceArchive> {
        let guards: Vec<_> = self.running.links.iter().map(|link| link.lock()).collect();
        SourceArchive::of(guards.iter().map(|link| &**link), &self.hub.registry(), self.identity.as_ref())
    }

    /// The tags whose range or unit changed since the last call.
    pub(crate) fn take_semantics(&self) -> Vec<TagId> {
        std::mem::take(&mut *self.semantics.lock())
    }

    /// Ends all links.
    pub(crate) async fn stop(&mut self) {
        self.derived.stop();
        let handles: Vec<LinkHandle> = self.handles.drain().map(|(_, handle)| handle).collect();
        futures_util::future::join_all(handles.iter().map(LinkHandle::stop)).await;
        for link in &self.running.links {
            self.hub.set_route(link.lock().id, None);
        }
    }

    fn add_link(&mut self, link: Link, errors: &mut Vec<PlantError>) {
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let mut running = RunningLink {
            id,
            name: link.name.clone(),
            driver: link.driver,
            address: link.address,
            common: link.common,
            settings: link.settings,
            system: Vec::new(),
            devices: Vec::new(),
        };
        match self.link_tags(id, &link.name) {
            Ok(system) => running.system = system,
            Err(error) => errors.push(failed(&link.name, error)),
        }
        for device in link.devices {
            match self.make_device(id, &link.name, &device) {
                Ok(made) => running.devices.push(Some(made)),
                Err(error) => errors.push(failed(&format!("{}.{}", link.name, device.name), error)),
            }
        }
        let running = Arc::new(Mutex::new(running));
        self.running.links.push(Arc::clone(&running));
        self.start_link(&running, errors);
    }

    /// Starts the task of a link that has none.
    fn start_link(&mut self, running: &Arc<Mutex<RunningLink>>, errors: &mut Vec<PlantError>) {
        let (id, name, driver) = {
            let link = running.lock();
            (link.id, link.name.clone(), link.driver.clone())
        };
        let Some(kind) = self.kinds.iter().copied().find(|kind| kind.names().contains(&&*driver)) else {
            errors.push(failed(&name, format!("the driver \"{driver}\" is not known")));
            return;
        };
        let (hub, shared) = (Arc::clone(&self.hub), Arc::clone(running));
        let identity = self.identity.clone();
        let source: LinkSource = Box::new(move || {
            let link = shared.lock();
            let spec = link.spec(&hub.registry());
            let build = |spec: &LinkSpec| drivers::build(kind, spec, identity.as_ref());
            let mut setup = LinkSetup::built_by(build, spec, link.link_settings(), link.device_settings())?;
            setup.system = link.system_tags();
            Ok::<_, BuildError>(setup)
        });
        let sink = Arc::new(HubSink(Arc::clone(&self.hub)));
        let options = Options { clock: self.clock.clone(), seed: self.seed ^ u64::from(id.0) };
        match supervise(source, sink, options) {
            Ok(handle) => {
                self.hub.set_route(id, Some(Arc::new(LinkRoute(handle.clone()))));
                self.handles.insert(id, handle);
            }
            Err(error) => errors.push(failed(&name, format!("{error} ({})", error.fix))),
        }
    }

    async fn stop_link(&mut self, id: LinkId) {
        self.hub.set_route(id, None);
        if let Some(handle) = self.handles.remove(&id) {
            handle.stop().await;
        }
    }

    async fn remove_link(&mut self, old: usize) {
        let (id, tags) = {
            let link = self.running.links[old].lock();
            (link.id, link.all_tags())
        };
        self.stop_link(id).await;
        self.remove_tags(&tags);
    }

    fn remove_tags(&self, tags: &[TagId]) {
        self.node_ids.forget(tags);
        self.hub.remove_tags(tags, self.clock.now(), std::time::Instant::now());
    }

    /// Makes the system tags of a link.
    fn link_tags(&self, id: LinkId, name: &str) -> Result<Vec<(tagwire_driver::LinkItem, TagId)>, RegistryError> {
        let folder = self.hub.folder(FolderId::ROOT, name, FolderKind::Link)?;
        tree::add_system_tags(&self.hub, DevicePlace { link: id, folder }, LINK_ITEMS, self.clock.now())
    }

    /// Makes a device with its tags in the live table.
    fn make_device(&self, id: LinkId, link: &str, device: &Device) -> Result<RunningDevice, RegistryError> {
        let folder = self.hub.folder(FolderId::ROOT, link, FolderKind::Link)?;
        let folder = self.hub.folder(folder, &device.name, FolderKind::Device)?;
        let place = DevicePlace { link: id, folder };
        let system = tree::add_system_tags(&self.hub, place, DEVICE_ITEMS, self.clock.now())?;
        let mut running = RunningDevice {
            name: device.name.clone(),
            folder,
            common: device.common.clone(),
            settings: device.settings.clone(),
            system,
            tags: Vec::with_capacity(device.tags.len()),
            dynamic: HashMap::new(),
            tag_settings: HashMap::new(),
        };
        let tags: Vec<&Tag> = device.tags.iter().collect();
        let ids = self.make_tags(place, &running.device_settings(), &tags)?;
        running.note_tags(device, ids);
        Ok(running)
    }

    fn make_tags(
        &self,
        place: DevicePlace,
        settings: &DeviceSettings,
        tags: &[&Tag],
    ) -> Result<Vec<TagId>, RegistryError> {
        let ids = tree::add_tags(&self.hub, place, settings, (tags, &self.running.structures), self.clock.now())?;
        let named = tags.iter().zip(&ids).filter_map(|(tag, id)| Some((*id, tag.info.as_ref()?.node_id.clone()?)));
        let named: Vec<(TagId, ExplicitNodeId)> = named.collect();
        if !named.is_empty() {
            self.node_ids.name(named);
        }
        Ok(ids)
    }

    async fn change_link(&mut self, old: usize, change: &LinkChange, new: &Link, errors: &mut Vec<PlantError>) {
        let shared = Arc::clone(&self.running.links[old]);
        let id = shared.lock().id;
        let restarts = !change.why.is_empty();
        if restarts {
            self.stop_link(id).await;
            let mut link = shared.lock();
            if (&link.driver, &link.address, &link.settings) != (&new.driver, &new.address, &new.settings) {
                self.expect_anew(&link);
            }
            link.driver.clone_from(&new.driver);
            link.address.clone_from(&new.address);
            link.common.clone_from(&new.common);
            link.settings.clone_from(&new.settings);
        }
        let handle = self.handles.get(&id).cloned();
        for device in &change.devices {
            let result = match (device.action, device.running, device.new) {
                (Action::Remove, Some(idx), _) => {
                    self.remove_device(&shared, idx, handle.as_ref()).await;
                    Ok(())
                }
                (Action::Add, _, Some(idx)) => self.add_device(&shared, &new.devices[idx], handle.as_ref()).await,
                (Action::Change, Some(at), Some(idx)) => {
                    self.change_device(&shared, at, device, &new.devices[idx], handle.as_ref()).await
                }
                _ => Ok(()),
            };
            if let Err(problem) = result {
                errors.push(failed(&device.path, problem));
            }
        }
        if restarts {
            self.start_link(&shared, errors);
        }
    }

    async fn remove_device(&self, shared: &Mutex<RunningLink>, idx: usize, handle: Option<&LinkHandle>) {
        if let Some(handle) = handle {
            let _ = handle.remove_device(idx).await;
        }
        let device = shared.lock().devices.get_mut(idx).and_then(Option::take);
        if let Some(device) = device {
            self.remove_tags(&device.all_tags().collect::<Vec<_>>());
        }
    }

    async fn add_device(
        &self,
        shared: &Mutex<RunningLink>,
        device: &Device,
        handle: Option<&LinkHandle>,
    ) -> Result<(), String> {
        let (id, link) = {
            let link = shared.lock();
            (link.id, link.name.clone())
        };
        let made = self.make_device(id, &link, device).map_err(|error| error.to_string())?;
        let idx = {
            let mut link = shared.lock();
            let idx = link.devices.iter().position(Option::is_none).unwrap_or(link.devices.len());
            if idx == link.devices.len() {
                link.devices.push(Some(made));
            } else {
                link.devices[idx] = Some(made);
            }
            idx
        };
        self.send_device(shared, idx, handle, Told::All(Vec::new())).await
    }

    async fn change_device(
        &self,
        shared: &Mutex<RunningLink>,
        idx: usize,
        change: &DeviceChange,
        new: &Device,
        handle: Option<&LinkHandle>,
    ) -> Result<(), String> {
        let text = |error: RegistryError| error.to_string();
        let place = {
            let link = shared.lock();
            let device = link.devices.get(idx).and_then(Option::as_ref).ok_or("the device is gone")?;
            DevicePlace { link: link.id, folder: device.folder }
        };
        let settings = DeviceSettings::from_settings(&new.common);
        let touched: HashSet<&str> = change.changed.iter().map(|(path, _)| path.as_str()).collect();
        let settings_changed = !change.why.is_empty();
        let prefix = format!("{}.", change.path);
        let moved: HashSet<&str> = change
            .changed
            .iter()
            .filter(|(_, what)| what.iter().any(|what| changes_the_value(what)))
            .filter_map(|(path, _)| path.strip_prefix(&prefix))
            .collect();
        let remeant: HashSet<&str> = change
            .changed
            .iter()
            .filter(|(_, what)| what.iter().any(|what| changes_the_meaning(what)))
            .map(|(path, _)| path.as_str())
            .collect();
        // A tag whose type changes is another tag for clients: the old one must go before the new one can come.
        let mut ids: Vec<Option<TagId>> = Vec::with_capacity(new.tags.len());
        let mut retyped = Vec::new();
        for tag in &new.tags {
            let path = format!("{}.{}", change.path, tag.name);
            let id = self.hub.registry().find_tag(path.as_bytes());
            let is_touched = touched.contains(path.as_str());
            let mut kept = id;
            if let Some(id) = id
                && (is_touched || settings_changed)
                && tree::change_tag(&self.hub, place, &settings, id, tag).is_err()
            {
                retyped.push(id);
                kept = None;
            }
            self.semantics.lock().extend(kept.filter(|_| remeant.contains(path.as_str())));
            if let Some(id) = kept.filter(|_| is_touched) {
                self.node_ids.forget(&[id]);
                if let Some(node_id) = tag.info.as_ref().and_then(|info| info.node_id.clone()) {
                    self.node_ids.name(vec![(id, node_id)]);
                }
            }
            ids.push(kept);
        }
        let removed: Vec<TagId> = {
            let registry = self.hub.registry();
            change.removed.iter().filter_map(|path| registry.find_tag(path.as_bytes())).collect()
        };
        let gone: HashSet<TagId> = removed.iter().chain(&retyped).copied().collect();
        // The link must have stopped delivering tags before they are removed.
        if !gone.is_empty() {
            {
                let mut link = shared.lock();
                let device = link.devices.get_mut(idx).and_then(Option::as_mut).ok_or("the device is gone")?;
                device.tags.retain(|(tag, _)| !gone.contains(tag));
            }
            self.send_device(shared, idx, handle, Told::All(Vec::new())).await?;
            self.remove_tags(&gone.iter().copied().collect::<Vec<_>>());
        }
        let missing: Vec<&Tag> = new.tags.iter().zip(&ids).filter(|(_, id)| id.is_none()).map(|(tag, _)| tag).collect();
        let mut made = self.make_tags(place, &settings, &missing).map_err(text)?.into_iter();
        let mut stale: Vec<TagId> =
            new.tags.iter().zip(&ids).filter(|(tag, _)| moved.contains(&*tag.name)).filter_map(|(_, id)| *id).collect();
        let ids: Vec<TagId> = ids.into_iter().filter_map(|id| id.or_else(|| made.next())).collect();
        {
            let mut link = shared.lock();
            let device = link.devices.get_mut(idx).and_then(Option::as_mut).ok_or("the device is gone")?;
            // Another unit, order or numbering gives every value another meaning.
            if device.settings != new.settings {
                stale.extend(new.tags.iter().zip(&ids).map(|(_, id)| *id));
            }
            device.common.clone_from(&new.common);
            device.settings.clone_from(&new.settings);
            device.note_tags(new, ids);
        }
        self.send_device(shared, idx, handle, Told::All(stale)).await
    }

    /// Calls the values of a link old that leads to another place now.
    fn expect_anew(&self, link: &RunningLink) {
        let now = self.clock.now();
        let tags = link.devices.iter().flatten().flat_map(|device| &device.tags);
        let (status, source_time, server_time) = (Status::BAD_WAITING_FOR_INITIAL_DATA, now, now);
        let mut batch: Vec<Update> =
            tags.map(|(tag, _)| Update { tag: *tag, value: None, status, source_time, server_time }).collect();
        self.hub.apply(&mut batch, std::time::Instant::now());
    }

    /// Tells a link's task what a device is now; without a task it will learn at its start.
    async fn send_device(
        &self,
        shared: &Mutex<RunningLink>,
        idx: usize,
        handle: Option<&LinkHandle>,
        told: Told,
    ) -> Result<(), String> {
        let Some(handle) = handle else { return Ok(()) };
        let (spec, settings, system, stale) = {
            let link = shared.lock();
            let device = link.devices.get(idx).and_then(Option::as_ref).ok_or("the device is gone")?;
            let (settings, stale) = match told {
                Told::Tags => (None, Vec::new()),
                Told::All(stale) => (Some(device.device_settings()), stale),
            };
            (device.spec(&self.hub.registry()), settings, device.system.clone(), stale)
        };
        handle.change_device(idx, spec, settings, system, stale).await.map_err(|error| error.to_string())
    }
}

/// What a link's task is told of a device.
enum Told {
    /// Its tags; what was written to its system tags counts on.
    Tags,
    /// Everything as configured, and the tags whose last values are worthless.
    All(Vec<TagId>),
}

/// Whether after a change of this kind the same number means something else.
fn changes_the_meaning(what: &str) -> bool {
    ["unit", "eu_range", "states"].iter().any(|word| what.starts_with(word))
}

/// Whether a change of this kind makes the last value of a tag worthless.
fn changes_the_value(what: &str) -> bool {
    ["address", "scaling", OTHER_CHANGE].iter().any(|word| what.starts_with(word))
}

impl RunningDevice {
    /// Remembers the tags of a device, whose numbers come in the same order.
    fn note_tags(&mut self, device: &Device, ids: Vec<TagId>) {
        self.tag_settings = device
            .tags
            .iter()
            .zip(&ids)
            .filter(|(tag, _)| !tag.spec.settings.is_empty())
            .map(|(tag, id)| (*id, Settings::clone(&tag.spec.settings)))
            .collect();
        for id in &ids {
            self.dynamic.remove(id);
        }
        self.tags = device.tags.iter().zip(ids).map(|(tag, id)| (id, Fingerprint::of(tag))).collect();
        self.tags.extend(self.dynamic.keys().map(|id| (*id, Fingerprint::NONE)));
    }
}

fn failed(path: &str, problem: impl ToString) -> PlantError {
    PlantError { path: path.to_owned(), problem: problem.to_string() }
}
