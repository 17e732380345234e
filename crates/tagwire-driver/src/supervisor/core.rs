//! What both kinds of link have: devices, queues, quality and counters, but no driver.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tagwire_model::{Status, TagId, Timestamp, Value};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::clock::Clock;
use super::device::{Device, Purpose};
use super::handle::{Command, NewDevice, Shared};
use super::health::Health;
use super::line::Line;
use super::paths::{Path, Wish};
use super::publish::Totals;
use super::statistics::LinkStatistics;
use super::system::{Board, DeviceItem, LinkItem};
use super::tags::{Index, TagTable};
use super::tickets::Tickets;
use crate::{LinkSettings, Sink, Update};

/// How often counters are published and the heart beats, at least.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// How often the demand for tags is looked at where it decides what is polled.
pub(crate) const DEMAND: Duration = Duration::from_millis(100);

/// A write to a system tag that waits until no request is under way.
#[derive(Debug)]
pub(crate) struct SystemWrite {
    pub(crate) ticket: u64,
    pub(crate) item: usize,
    pub(crate) place: SystemPlace,
    pub(crate) value: Value,
}

/// Which system tag is meant.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SystemPlace {
    Link(LinkItem),
    Device(usize, DeviceItem),
}

/// The state of a link apart from its driver.
pub(crate) struct Core {
    pub(crate) name: Arc<str>,
    pub(crate) settings: LinkSettings,
    pub(crate) devices: Vec<Device>,
    pub(crate) index: Index,
    pub(crate) line: Line,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) clock: Clock,
    pub(crate) random: fastrand::Rng,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Commands that need the driver, which is busy while a request is under way.
    pub(crate) deferred: VecDeque<Command>,
    pub(crate) system_writes: VecDeque<SystemWrite>,
    pub(crate) writes: Tickets<Status>,
    pub(crate) reads: Tickets<Update>,
    pub(crate) batch: Vec<Update>,
    pub(crate) board: Board<LinkItem>,
    pub(crate) counters: LinkStatistics,
    /// Counters of the link and sums over its devices when the statistics tags were last set to zero.
    pub(crate) at_reset: Totals,
    pub(crate) next_id: u64,
    pub(crate) next_beat: Instant,
    pub(crate) next_demand: Instant,
    pub(crate) demand_version: u64,
    /// No device is in doubt, so that nobody has to be watched.
    pub(crate) is_calm: bool,
    /// Something changed that its system tags should show at once.
    pub(crate) is_dirty: bool,
    pub(crate) is_stopped: bool,
    /// The path in use, and whether it was forced.
    pub(crate) path: (Path, bool),
    /// What somebody wrote to `_ActivePath`.
    pub(crate) path_wish: Option<Wish>,
    /// Whether there is a second path.
    pub(crate) has_paths: bool,
    /// The driver delivers by itself, so that nothing is polled.
    pub(crate) is_pushed: bool,
}

impl Core {
    /// Puts all devices into service.
    pub(crate) fn begin(&mut self, now: Instant) {
        for at in 0..self.devices.len() {
            self.enter_service(at, now);
        }
    }

    /// Whether the task is to end.
    pub(crate) fn is_over(&self) -> bool {
        self.is_stopped || (self.commands.is_closed() && self.commands.is_empty())
    }

    /// Tells everybody who waits that the link is closed.
    pub(crate) fn shut_down(&mut self) {
        for at in 0..self.devices.len() {
            self.drop_queues(at, Status::BAD_SHUTDOWN, Status::BAD_SHUTDOWN);
        }
        self.line.retired();
        self.publish(Instant::now());
    }

    /// Whether the link has anybody to talk to.
    pub(crate) fn is_wanted(&self) -> bool {
        self.settings.enabled && self.devices.iter().any(Device::is_asked)
    }

    /// Tells that the task is alive, and once per [`BEAT`] publishes the counters.
    pub(crate) fn beat(&mut self, now: Instant) {
        self.shared.heartbeat.fetch_add(1, Ordering::Relaxed);
        if self.is_dirty || now >= self.next_beat {
            if now >= self.next_beat {
                self.next_beat = now + BEAT;
                self.clock.watch();
            }
            self.is_dirty = false;
            self.publish(now);
        }
    }

    /// Adds an update for a good raw value to the batch.
    pub(crate) fn show(&mut self, device: usize, tag: u32, raw: Value, stamp: Timestamp) {
        if let Some((id, seen)) = self.devices[device].tags.to_engineering(tag, raw) {
            self.batch.push(update_of(id, seen, stamp, stamp));
        }
    }

    /// Gives all tags of a device a quality without a value, and answers everybody who waits for the device.
    pub(crate) fn fail_device(&mut self, at: usize, status: Status) {
        let stamp = self.clock.now();
        let device = &mut self.devices[at];
        let was_bad = device.health.bad().is_some();
        if device.health.set_bad(status) {
            self.batch.extend(device.tags.ids().map(|id| bad_update(id, status, stamp)));
        }
        // A link that is down has said so itself, once for all its devices.
        if !was_bad && self.line.is_open() {
            let said = device.excuse.take();
            tracing::warn!(link = %self.name, device = %device.counters.name, %status, said, "device does not answer");
        }
        for class in &mut device.classes {
            class.is_disturbed = true;
        }
        device.is_demand_polling = false;
        self.is_dirty = true;
        self.flush();
        self.drop_queues(at, status, Status::BAD_NO_COMMUNICATION);
    }

    /// Answers all reads and writes that wait for a device with an error.
    pub(crate) fn drop_queues(&mut self, at: usize, for_reads: Status, for_writes: Status) {
        let stamp = self.clock.now();
        let device = &mut self.devices[at];
        let extras = std::mem::take(&mut device.extras);
        let writes = std::mem::take(&mut device.writes);
        device.counters.n_failed_writes += writes.len() as u64;
        for extra in extras {
            if let Purpose::Client(ticket, items) = extra.purpose {
                for (id, item) in items {
                    self.answer_read(ticket, item, bad_update(id, for_reads, stamp));
                }
            }
        }
        self.record_writes(&writes, |_| for_writes);
        self.settle();
    }

    /// Calls those devices bad whose time is up.
    pub(crate) fn expire(&mut self, now: Instant) {
        if self.is_calm {
            return;
        }
        for at in 0..self.devices.len() {
            if self.deadline_of(at).is_some_and(|deadline| deadline <= now) {
                self.devices[at].counters.n_failed_reads += 1;
                self.fail_device(at, self.line.silence());
            }
        }
        self.is_calm = self.line.dead_since().is_none() && self.next_deadline().is_none();
    }

    /// When the next device is to be called bad.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.is_calm {
            return None;
        }
        (0..self.devices.len()).filter_map(|at| self.deadline_of(at)).min()
    }

    /// When a device is to be called bad: its patience after its first unanswered request, or, when nobody on the link
    /// answers and it is not even asked, after its poll was due.
    fn deadline_of(&self, at: usize) -> Option<Instant> {
        let device = &self.devices[at];
        if !device.is_asked() || device.health.bad().is_some() {
            return None;
        }
        let by_silence = self.line.dead_since().and_then(|since| {
            if self.is_pushed {
                return Some(since + device.settings.scan + device.settings.patience());
            }
            let due = device.classes.iter().map(|class| class.ticks.due()).min()?;
            Some(due.max(since) + device.settings.patience())
        });
        [device.health.deadline(&device.settings), by_silence].into_iter().flatten().min()
    }

    /// Gives the tags of a device that is switched off, simulated or just new the quality that goes with it.
    pub(crate) fn enter_service(&mut self, at: usize, now: Instant) {
        let stamp = self.clock.now();
        let is_enabled = self.settings.enabled;
        let device = &mut self.devices[at];
        if device.is_removed {
            device.classes.clear();
        } else if !device.settings.enabled || !is_enabled {
            device.classes.clear();
            device.health = Health::default();
            device.health.set_bad(Status::BAD_OUT_OF_SERVICE);
            self.batch.extend(device.tags.ids().map(|id| bad_update(id, Status::BAD_OUT_OF_SERVICE, stamp)));
            self.drop_queues(at, Status::BAD_OUT_OF_SERVICE, Status::BAD_OUT_OF_SERVICE);
        } else if device.settings.simulated {
            device.classes.clear();
            device.health = Health::default();
            let n_tags = device.tags.len() as u32;
            let types = (0..n_tags).filter_map(|tag| device.tags.value_type(tag));
            device.memory = types.map(super::simulated::initial_value).collect();
            for tag in 0..n_tags {
                let raw = self.devices[at].memory.get(tag as usize).cloned().unwrap_or(Value::Null);
                self.show(at, tag, raw, stamp);
            }
        } else {
            if device.health.bad() == Some(Status::BAD_OUT_OF_SERVICE) {
                device.health = Health::default();
            }
            let is_unknown = device.health.bad().is_none();
            if !self.is_pushed {
                let Self { devices, sink, next_id, .. } = self;
                devices[at].classify(now, &**sink, next_id);
            }
            if is_unknown && self.line.is_down() {
                self.fail_device(at, self.line.silence());
            }
        }
        self.is_dirty = true;
        self.flush();
    }

    /// Sorts tags into scan classes anew where clients decide what is polled and their wishes changed.
    pub(crate) fn follow_demand(&mut self, now: Instant) {
        if now < self.next_demand || self.is_pushed {
            return;
        }
        self.next_demand = now + DEMAND;
        let version = self.sink.demand_version();
        if version == self.demand_version {
            return;
        }
        self.demand_version = version;
        let Self { devices, sink, next_id, settings, .. } = self;
        for device in devices.iter_mut().filter(|device| settings.enabled && device.depends_on_demand()) {
            device.classify(now, &**sink, next_id);
        }
    }

    /// Hands the batch to the sink.
    pub(crate) fn flush(&mut self) {
        if !self.batch.is_empty() {
            self.sink.apply(&mut self.batch);
            self.batch.clear();
        }
    }

    /// Hands the batch to the sink, and then the results of writes to those who wait for them: whoever is told that a write
    /// is done must find the new value already there.
    pub(crate) fn settle(&mut self) {
        self.flush();
        self.writes.answer_finished();
    }

    /// Replaces or adds a device in the tables; the driver knows it already.
    pub(crate) fn set_device(&mut self, at: usize, new: NewDevice, now: Instant) {
        let known = self.devices.get(at).map(|device| device.settings.clone());
        let mut device = Device::new(&new.spec, new.settings.or(known).unwrap_or_default(), &new.system);
        if at == self.devices.len() {
            self.devices.push(device);
        } else {
            let old = &mut self.devices[at];
            if !old.is_removed {
                device.inherit(old, now);
            }
            let old = std::mem::replace(old, device);
            self.requeue(at, old, &new.stale);
            let device = &self.devices[at];
            if let Some(status) = device.health.bad() {
                let stamp = self.clock.now();
                self.batch.extend(device.tags.ids().map(|id| bad_update(id, status, stamp)));
            }
        }
        self.index.rebuild(self.devices.iter().map(|device| &device.tags));
        self.enter_service(at, now);
        self.expect_anew(at, &new.stale, now);
    }

    /// Calls values old that were read from elsewhere, and reads them at once.
    fn expect_anew(&mut self, at: usize, stale: &[TagId], now: Instant) {
        let stamp = self.clock.now();
        let Self { devices, batch, next_id, .. } = self;
        let device = &mut devices[at];
        if stale.is_empty() || !device.is_asked() || device.health.bad().is_some() {
            return;
        }
        let stale: std::collections::HashSet<TagId> = stale.iter().copied().collect();
        let tags: Vec<u32> =
            (0..).zip(device.tags.ids()).filter(|(_, id)| stale.contains(id)).map(|(tag, _)| tag).collect();
        batch.extend(stale.into_iter().map(|id| bad_update(id, Status::BAD_WAITING_FOR_INITIAL_DATA, stamp)));
        device.queue_extra(tags, Purpose::Refresh, now, next_id);
        self.flush();
    }

    /// Puts the requests that waited for the old shape of a device into the queues of the new one. What was to be written
    /// to a tag that is another one now is refused: it was meant for another place.
    fn requeue(&mut self, at: usize, old: Device, stale: &[TagId]) {
        let stamp = self.clock.now();
        let Device { extras, mut writes, .. } = old;
        for extra in extras {
            if let Purpose::Client(ticket, items) = extra.purpose {
                for (id, item) in items {
                    self.answer_read(ticket, item, bad_update(id, Status::BAD_WAITING_FOR_INITIAL_DATA, stamp));
                }
            }
        }
        let device = &self.devices[at];
        let places: std::collections::HashMap<TagId, u32> =
            if writes.is_empty() { Default::default() } else { device.tags.ids().zip(0..).collect() };
        while let Some((mut write, _)) = writes.pop() {
            if stale.contains(&write.origin.id) {
                self.answer_write(write.ticket, write.origin.item as usize, Status::BAD_INVALID_STATE);
                continue;
            }
            let tag = places.get(&write.origin.id).copied();
            let Device { tags, writes, .. } = &mut self.devices[at];
            match tag.filter(|tag| tags.value_type(*tag) == write.raw.value_type()) {
                Some(tag) => {
                    write.tag = tag;
                    write.origin.is_plain = tags.plain_id(tag).is_some();
                    writes.push(write, self.settings.write_optimisation);
                }
                None => self.answer_write(write.ticket, write.origin.item as usize, Status::BAD_NODE_ID_UNKNOWN),
            }
        }
    }

    /// Takes a device out of service for good.
    pub(crate) fn remove_device(&mut self, at: usize) {
        if at >= self.devices.len() {
            return;
        }
        self.drop_queues(at, Status::BAD_NODE_ID_UNKNOWN, Status::BAD_NODE_ID_UNKNOWN);
        let device = &mut self.devices[at];
        device.is_removed = true;
        device.is_demand_polling = false;
        device.tags = TagTable::default();
        device.classes.clear();
        device.learned.forget();
        device.memory.clear();
        device.board = Board::new(&[]);
        self.index.rebuild(self.devices.iter().map(|device| &device.tags));
        self.is_dirty = true;
    }
}

/// A failure noticed at `stamp`: the last value stays.
pub(crate) const fn bad_update(tag: TagId, status: Status, stamp: Timestamp) -> Update {
    Update { tag, value: None, status, source_time: stamp, server_time: stamp }
}

/// A value with its quality, or the quality that tells why there is none.
pub(crate) fn update_of(
    tag: TagId,
    seen: Result<(Value, Status), Status>,
    source_time: Timestamp,
    stamp: Timestamp,
) -> Update {
    match seen {
        Ok((value, status)) => Update { tag, value: Some(value), status, source_time, server_time: stamp },
        Err(status) => bad_update(tag, status, stamp),
    }
}
