//! The task of a link whose driver delivers by itself: start, restart with back-off, quality on loss, writes, counters.

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};

use tagwire_model::{Status, Timestamp, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::core::{BEAT, Core, bad_update};
use super::device::{Device, Purpose};
use super::handle::{Command, ReloadError};
use super::write_queue::WriteQueue;
use crate::{DeviceSettings, DeviceSpec, LinkError, Order, PushedDriver, Report, Seen, Settings, Update};

/// Most reports that may wait for the supervisor.
const MAX_REPORTS: usize = 64;

/// Most orders that may wait for the driver.
const MAX_ORDERS: usize = 64;

/// A link with a pushed driver.
pub(crate) struct PushedLink {
    pub(crate) core: Core,
    driver: Box<dyn PushedDriver>,
}

/// How the driver likes to be treated.
#[derive(Clone, Copy)]
struct Manners {
    echoes_writes: bool,
    can_read: bool,
}

/// Why a session ended.
enum End {
    /// The link failed.
    Failed(LinkError),
    /// The session did not come up in time.
    Hung,
    /// The driver is needed for a change, or the link is to be left.
    Interrupted,
}

/// An order that the driver has and did not answer yet.
struct Under {
    at: usize,
    deadline: Instant,
    task: Task,
}

/// What the driver has to answer.
enum Task {
    Writes(WriteQueue),
    /// An explicit read: who wants it.
    Read(Purpose),
}

impl PushedLink {
    pub(crate) fn new(mut core: Core, driver: Box<dyn PushedDriver>) -> Self {
        core.is_pushed = true;
        Self { core, driver }
    }

    /// Runs until the link is stopped.
    pub(crate) async fn run(&mut self) {
        self.core.begin(Instant::now());
        loop {
            while let Ok(command) = self.core.commands.try_recv() {
                self.core.accept(command);
            }
            self.reconfigure();
            if self.core.is_over() {
                self.driver.disconnect().await;
                self.core.shut_down();
                return;
            }
            let now = Instant::now();
            (self.core.counters.rx_bytes, self.core.counters.tx_bytes) = self.driver.traffic();
            self.core.beat(now);
            if !self.core.is_wanted() {
                self.driver.disconnect().await;
                self.core.line.retired();
                self.core.idle(None).await;
                continue;
            }
            match self.core.line.retry_at() {
                Some(at) if at > now => {
                    self.core.is_calm = false;
                    self.core.expire(now);
                    let at = self.core.next_deadline().map_or(at, |deadline| deadline.min(at));
                    self.core.idle(Some(at)).await;
                }
                _ => self.session(now).await,
            }
            tokio::task::consume_budget().await;
        }
    }

    /// Runs one session of the driver.
    async fn session(&mut self, started: Instant) {
        let (report_sender, reports) = mpsc::channel(MAX_REPORTS);
        let (order_sender, mut orders) = mpsc::channel(MAX_ORDERS);
        let settings: Vec<DeviceSettings> = self.core.devices.iter().map(|device| device.settings.clone()).collect();
        self.driver.set_common(&self.core.settings, &settings);
        let manners = Manners { echoes_writes: self.driver.echoes_writes(), can_read: self.driver.can_read() };
        let end = {
            let running = pin!(self.driver.run(report_sender, &mut orders));
            self.core.serve(running, manners, reports, order_sender, started).await
        };
        let now = Instant::now();
        self.core.is_dirty = true;
        let was_open = self.core.line.is_open();
        let Core { name, line, random, counters, .. } = &mut self.core;
        match end {
            End::Interrupted => line.closed(now),
            End::Failed(error) if was_open => {
                tracing::debug!(link = %name, peer = %counters.peer, %error, "link failed");
                counters.trouble = error.to_string().into();
                line.broke(now, now, random);
            }
            End::Failed(_) | End::Hung => {
                counters.n_failed_connects += 1;
                line.refused(started, now, random);
                if let End::Failed(error) = end {
                    tracing::debug!(link = %name, peer = %counters.peer, %error, "cannot connect");
                    counters.trouble = error.to_string().into();
                }
                self.core.fail_all();
            }
        }
    }

    fn reconfigure(&mut self) {
        let now = Instant::now();
        while let Some(command) = self.core.deferred.pop_front() {
            match command {
                Command::SetDevice { index, device, reply } => {
                    let result = if index > self.core.devices.len() {
                        Err(ReloadError::Index(index))
                    } else {
                        self.driver.set_device(index, &device.spec).map_err(ReloadError::Address)
                    };
                    if result.is_ok() {
                        self.core.set_device(index, *device, now);
                    }
                    // Whoever asked may have gone away meanwhile, which harms nobody.
                    let _ = reply.send(result);
                }
                Command::RemoveDevice { index, reply } => {
                    self.core.remove_device(index);
                    let nothing = DeviceSpec { name: String::new(), settings: Settings::new(), tags: Vec::new() };
                    // A device without tags has none that could be refused.
                    let _ = self.driver.set_device(index, &nothing);
                    let _ = reply.send(());
                }
                Command::Trace(_) | Command::Write { .. } | Command::Read { .. } | Command::Wake | Command::Stop => {}
            }
        }
        self.core.apply_system_writes(now);
    }
}

impl Core {
    /// Serves a running session until it ends.
    async fn serve(
        &mut self,
        mut running: Pin<&mut impl Future<Output = LinkError>>,
        manners: Manners,
        mut reports: mpsc::Receiver<Report>,
        orders: mpsc::Sender<Order>,
        started: Instant,
    ) -> End {
        let mut under: HashMap<u64, Under> = HashMap::new();
        let connect_by = started + self.settings.connect_timeout;
        let asked = |core: &Self| core.devices.iter().map(Device::is_asked).collect::<Vec<_>>();
        let in_service = asked(self);
        let end = loop {
            if manners.can_read {
                self.order_reads(&orders, &mut under);
            } else {
                self.refuse_extras();
            }
            self.order(&orders, &mut under);
            let now = Instant::now();
            let is_open = self.line.is_open();
            if !is_open {
                if now >= connect_by {
                    break End::Hung;
                }
                self.is_calm = false;
                self.expire(now);
            }
            let limits = [
                (!is_open).then_some(connect_by),
                self.next_deadline().filter(|_| !is_open),
                under.values().map(|under| under.deadline).min(),
                Some(self.next_beat.max(now)),
                Some(now + BEAT),
            ];
            let wake = limits.into_iter().flatten().min().unwrap_or(now);
            tokio::select! {
                biased;
                command = self.commands.recv() => match command {
                    Some(command) => self.accept(command),
                    None => break End::Interrupted,
                },
                Some(report) = reports.recv() => self.take_report(report, manners, &mut under),
                error = &mut running => break End::Failed(error),
                () = sleep_until(wake) => {}
            }
            let now = Instant::now();
            self.apply_system_writes(now);
            let late: Vec<u64> =
                under.iter().filter(|(_, under)| under.deadline <= now).map(|(number, _)| *number).collect();
            for number in late {
                self.abandon_order(number, Status::BAD_TIMEOUT, &mut under);
            }
            self.beat(now);
            let is_changed = asked(self) != in_service;
            if self.is_stopped || !self.deferred.is_empty() || !self.is_wanted() || is_changed {
                break End::Interrupted;
            }
        };
        // What the driver handed over counts as told, and is about the tags as they are still.
        while let Ok(report) = reports.try_recv() {
            self.take_report(report, manners, &mut under);
        }
        for number in under.keys().copied().collect::<Vec<_>>() {
            self.abandon_order(number, Status::BAD_COMMUNICATION_ERROR, &mut under);
        }
        end
    }

    /// Hands waiting writes to the driver, in order, as far as it takes them.
    fn order(&mut self, orders: &mpsc::Sender<Order>, under: &mut HashMap<u64, Under>) {
        if !self.line.is_open() {
            return;
        }
        for at in 0..self.devices.len() {
            if self.devices[at].writes.is_empty() {
                continue;
            }
            let Ok(permit) = orders.try_reserve() else { return };
            let mut writes = self.take_writes(at, usize::MAX, WriteQueue::default());
            let items = writes.as_sent().iter().map(|(tag, raw)| (at, *tag, raw.clone())).collect();
            let number = self.next_id;
            self.next_id += 1;
            let deadline = Instant::now() + self.devices[at].settings.request_timeout;
            under.insert(number, Under { at, deadline, task: Task::Writes(writes) });
            permit.send(Order::Write(number, items));
        }
    }

    /// Hands explicit reads to the driver, as far as it takes them.
    fn order_reads(&mut self, orders: &mpsc::Sender<Order>, under: &mut HashMap<u64, Under>) {
        if !self.line.is_open() {
            return;
        }
        for at in 0..self.devices.len() {
            while !self.devices[at].extras.is_empty() {
                let Ok(permit) = orders.try_reserve() else { return };
                let Some(extra) = self.devices[at].extras.pop_front() else { break };
                let number = self.next_id;
                self.next_id += 1;
                let deadline = Instant::now() + self.devices[at].settings.request_timeout;
                under.insert(number, Under { at, deadline, task: Task::Read(extra.purpose) });
                permit.send(Order::Read(number, at, extra.tags));
            }
        }
    }

    fn take_report(&mut self, report: Report, manners: Manners, under: &mut HashMap<u64, Under>) {
        let now = Instant::now();
        match report {
            Report::Connected => {
                self.counters.n_connects += 1;
                self.line.opened(now);
                for at in 0..self.devices.len() {
                    if self.devices[at].is_asked() {
                        self.answered(at);
                    }
                }
                self.flush();
                self.is_dirty = true;
            }
            Report::Samples(samples) => {
                let stamp = self.clock.now();
                for sample in samples {
                    let update = self.update_of(sample, stamp);
                    self.batch.extend(update);
                }
                self.flush();
            }
            Report::Written(number, statuses) => self.take_written(number, &statuses, manners, under),
            Report::Read(number, samples, outdated) => self.take_read(number, samples, outdated, under),
        }
    }

    /// What clients see of a sample.
    fn update_of(&mut self, (at, tag, raw, status, source_time): Seen, stamp: Timestamp) -> Option<Update> {
        let device = self.devices.get_mut(at).filter(|device| device.is_asked())?;
        let has_value = !matches!(raw, Value::Null);
        let (id, seen) = device.tags.to_engineering(tag, raw)?;
        device.counters.n_values += u64::from(!status.is_bad());
        let source_time = if source_time.is_none() { stamp } else { source_time };
        Some(match seen {
            Ok((value, limits)) => {
                // A quality worse than Good comes from the source and says more than the limit bits.
                let status = if status == Status::GOOD { limits } else { status };
                Update { tag: id, value: has_value.then_some(value), status, source_time, server_time: stamp }
            }
            Err(_) if status.is_bad() => Update { source_time, ..bad_update(id, status, stamp) },
            Err(out_of_range) => {
                device.counters.n_bad_values += 1;
                bad_update(id, out_of_range, stamp)
            }
        })
    }

    fn take_written(&mut self, number: u64, statuses: &[Status], manners: Manners, under: &mut HashMap<u64, Under>) {
        let Some(Under { at, task: Task::Writes(mut writes), .. }) = under.remove(&number) else { return };
        let stamp = self.clock.now();
        let status_of = |idx: usize| statuses.get(idx).copied().unwrap_or(Status::BAD_INTERNAL_ERROR);
        let is_shown = !manners.echoes_writes && !self.devices[at].settings.read_after_write;
        for (idx, (tag, raw)) in writes.parts().0.iter_mut().enumerate() {
            if status_of(idx).is_good() {
                self.devices[at].counters.n_writes += 1;
                if is_shown {
                    self.show(at, *tag, std::mem::replace(raw, Value::Null), stamp);
                }
            } else {
                self.devices[at].counters.n_failed_writes += 1;
            }
        }
        self.record_writes(&writes, status_of);
        self.settle();
    }

    fn take_read(&mut self, number: u64, samples: Vec<Seen>, outdated: Vec<Seen>, under: &mut HashMap<u64, Under>) {
        let Some(Under { task: Task::Read(purpose), .. }) = under.remove(&number) else { return };
        let stamp = self.clock.now();
        let updates: Vec<Update> = samples.into_iter().filter_map(|sample| self.update_of(sample, stamp)).collect();
        self.batch.extend(updates.iter().cloned());
        self.flush();
        if let Purpose::Client(ticket, items) = purpose {
            let outdated = outdated.into_iter().filter_map(|sample| self.update_of(sample, stamp));
            let found: HashMap<_, _> = updates.into_iter().chain(outdated).map(|update| (update.tag, update)).collect();
            for (id, item) in items {
                let missing = || bad_update(id, Status::BAD_INTERNAL_ERROR, stamp);
                self.answer_read(ticket, item, found.get(&id).cloned().unwrap_or_else(missing));
            }
        }
    }

    /// Answers an order that the driver will not answer any more.
    fn abandon_order(&mut self, number: u64, status: Status, under: &mut HashMap<u64, Under>) {
        let Some(Under { at, task, .. }) = under.remove(&number) else { return };
        let stamp = self.clock.now();
        match task {
            Task::Writes(mut writes) => {
                self.devices[at].counters.n_failed_writes += writes.parts().0.len() as u64;
                self.record_writes(&writes, |_| status);
                self.settle();
            }
            Task::Read(Purpose::Client(ticket, items)) => {
                for (id, item) in items {
                    self.answer_read(ticket, item, bad_update(id, status, stamp));
                }
            }
            Task::Read(_) => {}
        }
    }

    /// Answers explicit reads so that the caller takes the live value, for a driver that cannot be asked.
    fn refuse_extras(&mut self) {
        for at in 0..self.devices.len() {
            let extras = std::mem::take(&mut self.devices[at].extras);
            for extra in extras {
                if let Purpose::Client(ticket, items) = extra.purpose {
                    let stamp = self.clock.now();
                    for (id, item) in items {
                        self.answer_read(ticket, item, bad_update(id, Status::BAD_NOT_SUPPORTED, stamp));
                    }
                }
            }
        }
    }
}
