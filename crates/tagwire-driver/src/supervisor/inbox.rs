//! Taking in what clients ask for, and answering it.

use std::mem;

use tagwire_model::{Status, TagId, Value};
use tokio::time::Instant;

use super::core::{Core, SystemWrite};
use super::device::Purpose;
use super::handle::{Command, failed};
use super::write_queue::{Origin, QueuedWrite, WriteQueue};
use crate::{Update, WriteOptimisation};

impl Core {
    /// Takes in a client's request. What needs the driver waits until the driver is free.
    pub(crate) fn accept(&mut self, command: Command) {
        match command {
            Command::Write { mut items, reply } => {
                let ticket = self.writes.open(items.len(), reply);
                let now = Instant::now();
                for (item, (id, value)) in (0..).zip(&mut items) {
                    self.accept_write(ticket, item, *id, value, now);
                }
                self.settle();
                let n_waiting = self.devices.iter().map(|device| device.writes.len() as u64).sum();
                self.counters.max_pending_writes = self.counters.max_pending_writes.max(n_waiting);
            }
            Command::Read { tags, reply } => {
                let ticket = self.reads.open(tags.len(), reply);
                self.accept_read(ticket, &tags);
                let n_waiting = self.devices.iter().map(|device| device.extras.len() as u64).sum();
                self.counters.max_pending_reads = self.counters.max_pending_reads.max(n_waiting);
            }
            Command::Wake => self.next_demand = Instant::now(),
            Command::Stop => self.is_stopped = true,
            Command::SetDevice { .. } | Command::RemoveDevice { .. } | Command::Trace(_) => {
                self.deferred.push_back(command);
            }
        }
    }

    /// Takes in one write and leaves its value empty.
    #[inline]
    fn accept_write(&mut self, ticket: u64, item: u32, id: TagId, value: &mut Value, now: Instant) {
        let Some((at, tag)) = self.index.place(id) else {
            return self.accept_system_write(ticket, item, id, mem::replace(value, Value::Null));
        };
        let device = &mut self.devices[at];
        let is_raw = device.tags.is_raw(tag, value);
        let mut origin = Origin { item, id, is_plain: is_raw };
        // What let the write before of the same request pass lets this one pass as well.
        if is_raw && device.writes.is_open(ticket) && self.settings.write_optimisation == WriteOptimisation::All {
            return device.writes.push_more(origin, tag, mem::replace(value, Value::Null));
        }
        let value = mem::replace(value, Value::Null);
        let raw = if is_raw {
            value
        } else {
            origin.is_plain = device.tags.plain_id(tag).is_some();
            match device.tags.to_raw(tag, value) {
                Ok(raw) => raw,
                Err(status) => return self.answer_write(ticket, item as usize, status),
            }
        };
        if let Some(status) = self.closed_for_writes(at, now) {
            return self.answer_write(ticket, item as usize, status);
        }
        let device = &mut self.devices[at];
        let write = QueuedWrite { queued: now, ticket, origin, tag, raw };
        if device.settings.simulated {
            return self.simulate_write(at, write);
        }
        device.writes.push(write, self.settings.write_optimisation);
    }

    #[cold]
    fn accept_system_write(&mut self, ticket: u64, item: u32, id: TagId, value: Value) {
        let item = item as usize;
        match self.system_place(id) {
            Some(place) => self.system_writes.push_back(SystemWrite { ticket, item, place, value }),
            None => self.answer_write(ticket, item, Status::BAD_NODE_ID_UNKNOWN),
        }
    }

    /// Why a write to a device is answered at once with an error, which is counted; `None` when it may be sent.
    fn closed_for_writes(&mut self, at: usize, now: Instant) -> Option<Status> {
        if !self.settings.enabled {
            return Some(Status::BAD_OUT_OF_SERVICE);
        }
        let device = &mut self.devices[at];
        let line_is_down = device.is_asked() && self.line.is_down();
        let closed = device.closed(now, true).or_else(|| line_is_down.then_some(Status::BAD_NO_COMMUNICATION));
        device.counters.n_failed_writes += u64::from(closed.is_some());
        closed
    }

    fn simulate_write(&mut self, at: usize, write: QueuedWrite) {
        let device = &mut self.devices[at];
        if let Some(cell) = device.memory.get_mut(write.tag as usize) {
            cell.clone_from(&write.raw);
        }
        device.counters.n_writes += 1;
        self.show(at, write.tag, write.raw, self.clock.now());
        let result = std::iter::once((write.origin.item as usize, Status::GOOD));
        let n_counted = self.writes.set_all(write.ticket, result);
        self.shared.release(n_counted);
    }

    fn accept_read(&mut self, ticket: u64, tags: &[TagId]) {
        let now = Instant::now();
        let mut wanted: Vec<Vec<(TagId, usize)>> = Vec::new();
        let mut lists: Vec<Vec<u32>> = Vec::new();
        for (item, &id) in tags.iter().enumerate() {
            let Some((at, tag)) = self.index.place(id) else {
                let answer = self.system_update(id).unwrap_or_else(|| failed(id, Status::BAD_NODE_ID_UNKNOWN));
                self.answer_read(ticket, item, answer);
                continue;
            };
            let device = &self.devices[at];
            let status = if !device.tags.access(tag).is_some_and(|access| access.read) {
                Some(Status::BAD_NOT_READABLE)
            } else if !self.settings.enabled {
                Some(Status::BAD_OUT_OF_SERVICE)
            } else {
                let line_is_down = device.is_asked() && self.line.is_down();
                device.closed(now, false).or_else(|| line_is_down.then(|| self.line.silence()))
            };
            if let Some(status) = status {
                let stamp = self.clock.now();
                self.answer_read(ticket, item, Update { source_time: stamp, server_time: stamp, ..failed(id, status) });
            } else if device.settings.simulated {
                let raw = device.memory.get(tag as usize).cloned().unwrap_or(Value::Null);
                self.show(at, tag, raw, self.clock.now());
                let update = self.batch.last().cloned();
                self.flush();
                if let Some(update) = update {
                    self.answer_read(ticket, item, update);
                }
            } else {
                if wanted.len() <= at {
                    wanted.resize_with(at + 1, Vec::new);
                    lists.resize_with(at + 1, Vec::new);
                }
                wanted[at].push((id, item));
                lists[at].push(tag);
            }
        }
        for (at, (mut items, mut list)) in wanted.into_iter().zip(lists).enumerate() {
            if !items.is_empty() {
                items.sort_unstable();
                list.sort_unstable();
                list.dedup();
                let purpose = Purpose::Client(ticket, items);
                self.devices[at].queue_extra(list, purpose, now, &mut self.next_id);
            }
        }
    }

    pub(crate) fn answer_write(&mut self, ticket: u64, item: usize, status: Status) {
        if self.writes.set(ticket, item, status) {
            self.shared.release(1);
        }
    }

    /// Records the result of each write by its place among `writes`; [`Core::settle`] tells those who wait.
    pub(crate) fn record_writes(&mut self, writes: &WriteQueue, mut status: impl FnMut(usize) -> Status) {
        let mut at = 0;
        let mut n_counted = 0;
        for (ticket, items) in writes.tickets() {
            let results = items.map(|item| {
                at += 1;
                (item, status(at - 1))
            });
            n_counted += self.writes.set_all(ticket, results);
        }
        self.shared.release(n_counted);
    }

    pub(crate) fn answer_read(&mut self, ticket: u64, item: usize, update: Update) {
        if self.reads.set(ticket, item, update) {
            self.shared.release(1);
        }
    }
}
