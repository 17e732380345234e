//! The difference between the configuration in force and a new one.

use std::collections::HashMap;
use std::fmt;

use tagwire_driver::{DeviceSettings, DriverKind, Key, LinkSettings, Setting, Settings};
use tagwire_hub::{Registry, TagView};
use tagwire_model::{Filter, TagId};

use crate::config::{Config, Derived, Device, Link, Tag, counted, format_duration};
use crate::running::{Fingerprint, Running, RunningDevice, RunningLink};

/// What a reload changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// The links concerned; untouched ones are left out.
    pub links: Vec<LinkChange>,
    /// Keys whose new value counts only after a restart of the server.
    pub needs_restart: Vec<String>,
    /// Derived tags concerned, by their paths.
    pub derived: Vec<(Action, String)>,
    /// Whether it changes who may do what, which ends all sessions.
    pub access: bool,
    /// Whether it changes which certificates are trusted because the configuration says so.
    pub trust: bool,
}

/// What happens to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Add,
    /// It goes away.
    Remove,
    /// It stays and something about it changes.
    Change,
}

/// What changes about one link.
#[derive(Debug)]
pub struct LinkChange {
    /// What happens to it.
    pub action: Action,
    /// Name of the link.
    pub name: String,
    /// What changes about the link itself; the connection is made anew when there is any.
    pub why: Vec<String>,
    /// The devices concerned.
    pub devices: Vec<DeviceChange>,
    pub(crate) running: Option<usize>,
    pub(crate) new: Option<usize>,
}

/// What changes about one device.
#[derive(Debug)]
pub struct DeviceChange {
    /// What happens to it.
    pub action: Action,
    /// `link.device`
    pub path: String,
    /// What changes about the device itself.
    pub why: Vec<String>,
    /// Number of tags of a device that is new or goes away as a whole; these are not listed one by one.
    pub n_tags: usize,
    /// Tags that are new.
    pub added: Vec<String>,
    /// Tags that go away.
    pub removed: Vec<String>,
    /// Tags of which something changes, and what.
    pub changed: Vec<(String, Vec<String>)>,
    /// Number of tags that stay as they are.
    pub n_untouched: usize,
    pub(crate) running: Option<usize>,
    pub(crate) new: Option<usize>,
}

impl Changes {
    /// Compares a checked configuration with the one in force.
    pub(crate) fn between(
        (sections, derived): (&Running, &[Derived]),
        running: &[&RunningLink],
        config: &Config,
        registry: &Registry,
        kinds: &[&'static dyn DriverKind],
    ) -> Self {
        let mut links = Vec::new();
        for (idx, old) in running.iter().enumerate() {
            if !config.links.iter().any(|link| link.name == old.name) {
                links.push(removed_link(idx, old));
            }
        }
        for (idx, new) in config.links.iter().enumerate() {
            let kind = kinds.iter().copied().find(|kind| kind.names().contains(&&*new.driver));
            match running.iter().enumerate().find(|(_, link)| link.name == new.name) {
                Some((old_idx, old)) => {
                    let change = changed_link((old_idx, old), (idx, new), registry, kind);
                    links.extend(change.filter(|change| !change.why.is_empty() || !change.devices.is_empty()));
                }
                None => links.push(added_link(idx, new)),
            }
        }
        let access = sections.access.policy != config.access.policy;
        let (old, new) = (&sections.ua, &config.ua);
        let trust = old.trusted_fingerprints != new.trusted_fingerprints
            || old.without_revocation_list != new.without_revocation_list;
        let derived = changed_derived(derived, &config.derived);
        Self { links, needs_restart: needs_restart(sections, config), derived, access, trust }
    }

    /// Whether the two configurations are the same.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty() && self.derived.is_empty() && self.needs_restart.is_empty() && !self.access && !self.trust
    }

    /// Numbers of tags added, removed and changed.
    pub fn n_tags(&self) -> (usize, usize, usize) {
        let devices = self.links.iter().flat_map(|link| &link.devices);
        let n_derived = |wanted| self.derived.iter().filter(|(action, _)| *action == wanted).count();
        let derived = (n_derived(Action::Add), n_derived(Action::Remove), n_derived(Action::Change));
        devices.fold(derived, |(added, removed, changed), device| match device.action {
            Action::Add => (added + device.n_tags, removed, changed),
            Action::Remove => (added, removed + device.n_tags, changed),
            Action::Change => {
                (added + device.added.len(), removed + device.removed.len(), changed + device.changed.len())
            }
        })
    }
}

fn changed_derived(old: &[Derived], new: &[Derived]) -> Vec<(Action, String)> {
    let mut before: HashMap<&str, &Derived> = old.iter().map(|derived| (derived.name.as_str(), derived)).collect();
    let mut changes = Vec::new();
    for derived in new {
        match before.remove(derived.name.as_str()) {
            Some(old) if old == derived => {}
            Some(_) => changes.push((Action::Change, derived.name.clone())),
            None => changes.push((Action::Add, derived.name.clone())),
        }
    }
    let mut gone: Vec<&str> = before.into_keys().collect();
    gone.sort_unstable();
    changes.extend(gone.into_iter().map(|name| (Action::Remove, name.to_owned())));
    changes
}

fn removed_link(idx: usize, old: &RunningLink) -> LinkChange {
    let devices = old.numbered_devices();
    LinkChange {
        action: Action::Remove,
        name: old.name.clone(),
        why: Vec::new(),
        devices: devices.map(|(idx, device)| removed_device(&old.name, idx, device)).collect(),
        running: Some(idx),
        new: None,
    }
}

fn added_link(idx: usize, new: &Link) -> LinkChange {
    let devices = new.devices.iter().enumerate();
    LinkChange {
        action: Action::Add,
        name: new.name.clone(),
        why: vec![format!("{} {}", new.driver, new.address).trim().to_owned()],
        devices: devices.map(|(idx, device)| added_device(&new.name, idx, device)).collect(),
        running: None,
        new: Some(idx),
    }
}

fn changed_link(
    (old_idx, old): (usize, &RunningLink),
    (new_idx, new): (usize, &Link),
    registry: &Registry,
    kind: Option<&'static dyn DriverKind>,
) -> Option<LinkChange> {
    let mut why = Vec::new();
    differ(&mut why, "driver", &old.driver, &new.driver);
    differ(&mut why, "address", &old.address, &new.address);
    compare_settings(&mut why, &old.common, &new.common, LinkSettings::KEYS);
    compare_settings(&mut why, &old.settings, &new.settings, kind.map_or(&[], |kind| kind.link_keys()));
    let mut devices = Vec::new();
    for (idx, device) in old.numbered_devices() {
        if !new.devices.iter().any(|other| other.name == device.name) {
            devices.push(removed_device(&old.name, idx, device));
        }
    }
    for (idx, device) in new.devices.iter().enumerate() {
        match old.numbered_devices().find(|(_, other)| other.name == device.name) {
            Some(old) => devices.extend(changed_device(&new.name, old, (idx, device), registry, kind)),
            None => devices.push(added_device(&new.name, idx, device)),
        }
    }
    let name = new.name.clone();
    Some(LinkChange { action: Action::Change, name, why, devices, running: Some(old_idx), new: Some(new_idx) })
}

fn removed_device(link: &str, idx: usize, old: &RunningDevice) -> DeviceChange {
    let mut change = whole_device(Action::Remove, format!("{link}.{}", old.name), old.tags.len());
    change.running = Some(idx);
    change
}

fn added_device(link: &str, idx: usize, new: &Device) -> DeviceChange {
    let mut change = whole_device(Action::Add, format!("{link}.{}", new.name), new.tags.len());
    change.new = Some(idx);
    change
}

const fn whole_device(action: Action, path: String, n_tags: usize) -> DeviceChange {
    DeviceChange {
        action,
        path,
        why: Vec::new(),
        n_tags,
        added: Vec::new(),
        removed: Vec::new(),
        changed: Vec::new(),
        n_untouched: 0,
        running: None,
        new: None,
    }
}

fn changed_device(
    link: &str,
    (old_idx, old): (usize, &RunningDevice),
    (new_idx, new): (usize, &Device),
    registry: &Registry,
    kind: Option<&'static dyn DriverKind>,
) -> Option<DeviceChange> {
    let path = format!("{link}.{}", new.name);
    let mut why = Vec::new();
    compare_settings(&mut why, &old.common, &new.common, DeviceSettings::KEYS);
    compare_settings(&mut why, &old.settings, &new.settings, kind.map_or(&[], |kind| kind.device_keys()));
    let mut left: HashMap<TagId, Fingerprint> = old.tags.iter().copied().collect();
    let (mut added, mut changed, mut n_untouched) = (Vec::new(), Vec::new(), 0);
    let mut full = String::new();
    for tag in &new.tags {
        full.clear();
        full.push_str(&path);
        full.push('.');
        full.push_str(&tag.name);
        let known = registry.find_tag(full.as_bytes()).and_then(|id| Some((id, left.remove(&id)?)));
        match known {
            Some((_, fingerprint)) if fingerprint == Fingerprint::of(tag) => n_untouched += 1,
            Some((id, _)) => {
                let what = registry.tag(id).map(|meta| compare_tag(meta, tag)).unwrap_or_default();
                changed.push((full.clone(), what));
            }
            None => added.push(full.clone()),
        }
    }
    let mut removed: Vec<String> = left
        .keys()
        .filter(|tag| !old.dynamic.contains_key(*tag))
        .filter_map(|tag| registry.tag(*tag))
        .map(|meta| meta.path.to_string())
        .collect();
    removed.sort_unstable();
    if why.is_empty() && added.is_empty() && removed.is_empty() && changed.is_empty() {
        return None;
    }
    let (running, new) = (Some(old_idx), Some(new_idx));
    Some(DeviceChange {
        action: Action::Change,
        path,
        why,
        n_tags: 0,
        added,
        removed,
        changed,
        n_untouched,
        running,
        new,
    })
}

/// What changed when nothing did that the tag itself shows.
pub(crate) const OTHER_CHANGE: &str = "scan, node_id or a key of the driver";

fn compare_tag(meta: TagView<'_>, tag: &Tag) -> Vec<String> {
    let mut what = Vec::new();
    differ(&mut what, "address", meta.address, &tag.spec.address);
    differ(&mut what, "type", &meta.value_type.to_string(), &tag.client_type().to_string());
    differ(&mut what, "access", &meta.access.to_string(), &tag.spec.access.to_string());
    let (old, new) = (meta.extra.as_deref(), tag.info.as_deref());
    let description = old.map_or("", |extra| &extra.description);
    differ(&mut what, "description", description, new.map_or("", |info| &info.description));
    differ(&mut what, "unit", old.map_or("", |extra| &extra.unit), new.map_or("", |info| &info.unit));
    if old.and_then(|extra| extra.scaling) != tag.spec.scaling.as_deref().copied() {
        what.push("scaling".to_owned());
    }
    if old.and_then(|extra| extra.eu_range) != new.and_then(|info| info.eu_range) {
        what.push("eu_range".to_owned());
    }
    if old.and_then(|extra| extra.states.as_ref()) != new.and_then(|info| info.states.as_ref()) {
        what.push("states".to_owned());
    }
    if old.map(|extra| extra.deadband).unwrap_or_default() != new.map(|info| info.deadband).unwrap_or_default() {
        what.push("deadband".to_owned());
    }
    if old.and_then(|extra| extra.filter) != new.and_then(|info| info.filter).map(Filter::new) {
        what.push("filter".to_owned());
    }
    if old.map(|extra| extra.limit).unwrap_or_default() != new.map(|info| info.limit).unwrap_or_default() {
        what.push("limit".to_owned());
    }
    if what.is_empty() {
        what.push(OTHER_CHANGE.to_owned());
    }
    what
}

fn differ(out: &mut Vec<String>, what: &str, old: &str, new: &str) {
    if old != new {
        let shown = |text: &str| if text.is_empty() { "\"\"".to_owned() } else { text.to_owned() };
        out.push(format!("{what} {} -> {}", shown(old), shown(new)));
    }
}

fn compare_settings(out: &mut Vec<String>, old: &Settings, new: &Settings, keys: &[Key]) {
    for key in keys {
        let (before, after) = (old.setting(key.name), new.setting(key.name));
        if before != after {
            let shown = |setting: Option<&Setting>| match setting {
                None if key.default.is_empty() => "default".to_owned(),
                None => format!("{} (default)", key.default),
                Some(Setting::Bool(flag)) => flag.to_string(),
                Some(Setting::Integer(number)) => number.to_string(),
                Some(Setting::Float(number)) => number.to_string(),
                Some(Setting::Duration(duration)) => format_duration(*duration),
                Some(Setting::Text(text)) => text.clone(),
            };
            out.push(format!("{} {} -> {}", key.name, shown(before), shown(after)));
        }
    }
}

/// Keys outside the links, which the running server took over at its start.
fn needs_restart(running: &Running, config: &Config) -> Vec<String> {
    let mut keys = Vec::new();
    let mut compare = |differs: bool, key: &str| {
        if differs {
            keys.push(key.to_owned());
        }
    };
    compare(running.server.name != config.server.name, "[server] name");
    compare(running.server.data_dir != config.server.data_dir, "[server] data_dir");
    let (old, new) = (&running.ua, &config.ua);
    compare(old.listen_or_default() != new.listen_or_default(), "[ua] listen");
    compare(old.security != new.security, "[ua] security");
    compare(old.hosts != new.hosts, "[ua] hosts");
    compare(old.diagnostics != new.diagnostics, "[ua] diagnostics");
    compare(old.durable_lifetime != new.durable_lifetime, "[ua] durable_lifetime");
    compare(old.durable_mib != new.durable_mib, "[ua] durable_mib");
    compare(old.reverse_connect != new.reverse_connect, "[ua] reverse_connect");
    compare(old.register_at != new.register_at, "[ua] register_at");
    compare(old.tag_namespace != new.tag_namespace, "[ua] tag_namespace");
    compare(old.namespaces != new.namespaces, "[ua] namespaces");
    compare(running.models != config.node_sets.digest(), "[[ua.model]]");
    compare(running.structures != config.structures, "[[link.device.structure]]");
    compare(running.access.users != config.access.users, "[access] users");
    compare(running.http != config.http, "[http] listen");
    compare(running.openopc != config.openopc, "[openopc]");
    compare(running.audit != config.audit, "[audit]");
    compare(running.history.keys != config.history.keys, "[history]");
    compare(running.history.postgres != config.history.postgres, "[history.postgres]");
    compare(running.log != config.log, "[log]");
    keys
}

/// One line per change: `+` new, `-` gone, `~` changed.
impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing changes");
        }
        for link in &self.links {
            let sign = sign(link.action);
            let why = if link.why.is_empty() { String::new() } else { format!(": {}", link.why.join(", ")) };
            if link.action != Action::Change || !link.why.is_empty() {
                writeln!(f, "{sign} link {}{why}", link.name)?;
            }
            for device in &link.devices {
                write_device(f, device)?;
            }
        }
        for (action, name) in &self.derived {
            writeln!(f, "{} derived {name}", sign(*action))?;
        }
        if self.access {
            writeln!(f, "~ who may do what; sessions of OPC UA clients end and can be opened again at once")?;
        }
        if self.trust {
            writeln!(f, "~ which certificates are trusted; clients that are not any more are disconnected")?;
        }
        for key in &self.needs_restart {
            writeln!(f, "! {key} counts after a restart of the server")?;
        }
        let (added, removed, changed) = self.n_tags();
        write!(f, "{} to add, {removed} to remove, {changed} to change", counted(added, "tag"))
    }
}

/// Most tags listed one by one per device and kind of change.
const MAX_LISTED: usize = 20;

fn write_device(f: &mut fmt::Formatter<'_>, device: &DeviceChange) -> fmt::Result {
    let why = if device.why.is_empty() { String::new() } else { format!(": {}", device.why.join(", ")) };
    match device.action {
        Action::Add | Action::Remove => {
            return writeln!(f, "{} device {}, {}", sign(device.action), device.path, counted(device.n_tags, "tag"));
        }
        Action::Change if !why.is_empty() => writeln!(f, "~ device {}{why}", device.path)?,
        Action::Change => {}
    }
    let rest = |f: &mut fmt::Formatter<'_>, n: usize, sign: char| {
        if n > MAX_LISTED { writeln!(f, "{sign} and {} more tags of {}", n - MAX_LISTED, device.path) } else { Ok(()) }
    };
    device.added.iter().take(MAX_LISTED).try_for_each(|path| writeln!(f, "+ tag {path}"))?;
    rest(f, device.added.len(), '+')?;
    device.removed.iter().take(MAX_LISTED).try_for_each(|path| writeln!(f, "- tag {path}"))?;
    rest(f, device.removed.len(), '-')?;
    device
        .changed
        .iter()
        .take(MAX_LISTED)
        .try_for_each(|(path, what)| writeln!(f, "~ tag {path}: {}", what.join(", ")))?;
    rest(f, device.changed.len(), '~')
}

const fn sign(action: Action) -> char {
    match action {
        Action::Add => '+',
        Action::Remove => '-',
        Action::Change => '~',
    }
}
