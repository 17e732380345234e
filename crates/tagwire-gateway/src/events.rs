//! What happens to links, devices and the configuration, told to OPC UA clients as events.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tagwire_driver::{DeviceItem, LinkItem};
use tagwire_hub::{Hub, Inbox, Interest, WatchId};
use tagwire_model::{TagId, Value};
use tagwire_ua_proto::ids::node;
use tagwire_ua_server::event::{Events, NewEvent, Source};
use tokio::sync::Notify;

use crate::changes::{Action, Changes};
use crate::expiry::Notice;
use crate::history::HistoryNews;
use crate::plant::Plant;

/// Severities, from 1 to 1000 (Part 5, 6.4.2).
mod severity {
    pub(super) const NEWS: u16 = 100;
    pub(super) const BACK: u16 = 200;
    pub(super) const WARNING: u16 = 500;
    pub(super) const FAILURE: u16 = 700;
}

/// Watches the system tags that say whether links are connected and devices answer.
pub(crate) struct LinkEvents {
    hub: Arc<Hub>,
    events: Arc<Events>,
    inbox: Arc<Inbox>,
    watch: WatchId,
    woken: Arc<Notify>,
    watched: Mutex<HashMap<TagId, Watched>>,
}

/// One link or device.
struct Watched {
    path: String,
    /// Whether the link is used; a device that is switched off has no error.
    enabled: Option<TagId>,
    kind: Kind,
    is_good: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Link,
    Device,
}

impl LinkEvents {
    /// Watches nothing yet.
    pub(crate) fn new(hub: Arc<Hub>, events: Arc<Events>) -> Self {
        /// Each tag changes seldom; after more at once all are read again.
        const CAPACITY: usize = 10_000;
        let woken = Arc::new(Notify::new());
        let wake = Arc::clone(&woken);
        let inbox = Arc::new(Inbox::new(CAPACITY, 1, move || wake.notify_one()));
        let watch = hub.attach(Arc::clone(&inbox));
        Self { hub, events, inbox, watch, woken, watched: Mutex::default() }
    }

    /// Watches the links and devices that there are now; those that stay keep what is known of them.
    pub(crate) fn follow(&self, plant: &Plant) {
        let mut found = Vec::new();
        for link in &plant.running.links {
            let link = link.lock();
            let tag = |item| link.system.iter().find(|(known, _)| *known == item).map(|(_, tag)| *tag);
            if let Some(connected) = tag(LinkItem::Connected) {
                found.push((connected, link.name.clone(), tag(LinkItem::Enabled), Kind::Link));
            }
            for (_, device) in link.numbered_devices() {
                let error = device.system.iter().find(|(item, _)| *item == DeviceItem::Error);
                if let Some((_, error)) = error {
                    found.push((*error, format!("{}.{}", link.name, device.name), None, Kind::Device));
                }
            }
        }
        let mut watched = self.watched.lock();
        let mut before = std::mem::take(&mut *watched);
        self.hub.unwatch(self.watch, &before.keys().map(|tag| (*tag, tag.0)).collect::<Vec<_>>());
        let interest = |tag: TagId| Interest { tag, handle: tag.0, interval: Duration::ZERO, timestamps: false };
        let interests: Vec<Interest> = found.iter().map(|(tag, ..)| interest(*tag)).collect();
        self.hub.watch(self.watch, &interests);
        for (tag, path, enabled, kind) in found {
            // A number can be given out again, so that the path must be the same too.
            let known = before.remove(&tag).filter(|known| known.path == path);
            // A device that failed before anybody watched is told; a link that is not connected yet has lost nothing.
            let at_first = || kind == Kind::Device || kind.is_good(self.flag(tag));
            let is_good = known.map_or_else(at_first, |known| known.is_good);
            watched.insert(tag, Watched { path, enabled, kind, is_good });
        }
        // Whatever changed while nobody watched.
        self.woken.notify_one();
    }

    fn flag(&self, tag: TagId) -> bool {
        self.hub.read(tag).is_some_and(|reading| reading.to_sample().value == Value::Boolean(true))
    }

    /// Tells every change until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        let mut changes = Vec::new();
        loop {
            self.woken.notified().await;
            // A change tells which tag to look at; what counts is what it is now, so that a lost change costs nothing.
            let lost = self.inbox.take(&mut changes);
            let mut watched = self.watched.lock();
            if lost || changes.is_empty() {
                watched.iter_mut().for_each(|(tag, watched)| self.look_at(watched, self.flag(*tag)));
            }
            for change in changes.drain(..) {
                if let Some(watched) = watched.get_mut(&TagId(change.handle)) {
                    self.look_at(watched, change.value == Value::Boolean(true));
                }
            }
            drop(watched);
            self.inbox.recycle(std::mem::take(&mut changes));
        }
    }

    fn look_at(&self, watched: &mut Watched, flag: bool) {
        let is_good = watched.kind.is_good(flag);
        if watched.is_good == is_good {
            return;
        }
        watched.is_good = is_good;
        let is_switched_off = watched.enabled.is_some_and(|enabled| !self.flag(enabled));
        let (event_type, severity, what) = match (watched.kind, is_good) {
            (Kind::Link, true) => (node::SYSTEM_EVENT_TYPE, severity::BACK, "is connected"),
            (Kind::Link, false) if is_switched_off => (node::SYSTEM_EVENT_TYPE, severity::NEWS, "is switched off"),
            (Kind::Link, false) => (node::DEVICE_FAILURE_EVENT_TYPE, severity::FAILURE, "lost its connection"),
            (Kind::Device, true) => (node::SYSTEM_EVENT_TYPE, severity::BACK, "answers again"),
            (Kind::Device, false) => (node::DEVICE_FAILURE_EVENT_TYPE, severity::FAILURE, "does not answer"),
        };
        let message = format!("{} {} {what}", watched.kind.word(), watched.path);
        self.events.emit(NewEvent::new(event_type, Source::folder(&watched.path), severity, message));
    }
}

impl Drop for LinkEvents {
    fn drop(&mut self) {
        self.hub.detach(self.watch);
    }
}

impl Kind {
    /// The flag of a link says that it is connected, that of a device that it is bad.
    const fn is_good(self, flag: bool) -> bool {
        matches!((self, flag), (Self::Link, true) | (Self::Device, false))
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Device => "device",
        }
    }
}

/// Tells what a reload changed (Part 5, 6.4.31 for the nodes). Nodes have no versions, so that the event names no node.
pub(crate) fn tell_reload(events: &Events, changes: &Changes) {
    if changes.links.is_empty() {
        return;
    }
    let (added, removed, changed) = changes.n_tags();
    let message = format!("configuration taken over: {added} tags added, {removed} removed, {changed} changed");
    events.emit(NewEvent::new(node::SYSTEM_EVENT_TYPE, Source::server(), severity::NEWS, message));
    let devices = || changes.links.iter().flat_map(|link| &link.devices);
    let is_moved = changes.links.iter().any(|link| link.action != Action::Change)
        || devices().any(|device| device.action != Action::Change);
    if is_moved || added + removed + changed > 0 {
        let message = "nodes were added, removed or changed";
        let event_type = node::BASE_MODEL_CHANGE_EVENT_TYPE;
        events.emit(NewEvent::new(event_type, Source::server(), severity::NEWS, message));
    }
}

/// Tells that the wall clock was stepped.
pub(crate) fn tell_clock_step(events: &Events) {
    let message = "the wall clock was stepped; times before and after it do not compare";
    events.emit(NewEvent::new(node::SYSTEM_EVENT_TYPE, Source::server(), severity::WARNING, message));
}

/// Tells that the own certificate expires soon, or has expired.
pub(crate) fn tell_expiry(events: &Events, notice: &Notice) {
    let severity = if notice.is_expired { severity::FAILURE } else { severity::WARNING };
    events.emit(NewEvent::new(node::SYSTEM_EVENT_TYPE, Source::server(), severity, notice.text.clone()));
}

/// Tells that the task of a link hangs, or moves again.
/// Samples are lost, or are taken again.
pub(crate) fn tell_history(events: &Events, news: &HistoryNews) {
    let (event_type, severity, text) = match news {
        HistoryNews::Paused(why) => (
            node::DEVICE_FAILURE_EVENT_TYPE,
            severity::FAILURE,
            format!("the history is paused, samples are lost: {why}"),
        ),
        HistoryNews::Resumed => (node::SYSTEM_EVENT_TYPE, severity::BACK, "the history goes on".to_owned()),
    };
    events.emit(NewEvent::new(event_type, Source::server(), severity, text));
}

pub(crate) fn tell_stuck(events: &Events, link: &str, is_stuck: bool) {
    let (event_type, severity, what) = if is_stuck {
        (node::DEVICE_FAILURE_EVENT_TYPE, severity::FAILURE, "does not move any more")
    } else {
        (node::SYSTEM_EVENT_TYPE, severity::BACK, "moves again")
    };
    events.emit(NewEvent::new(event_type, Source::folder(link), severity, format!("the task of link {link} {what}")));
}
