//! The task of a link whose driver is asked: one request at a time, whoever needs it most.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::core::{BEAT, Core};
use super::device::Job;
use super::handle::{Command, NewDevice, ReloadError};
use super::standby::Standby;
use super::write_queue::WriteQueue;
use crate::{LinkError, PolledDriver, Readings, Refusal};

/// Why a request to a device brought no answer of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// Its time was up.
    TimedOut,
    /// The link failed.
    LinkFailed,
    /// Something in between, such as a gateway, answered that the device does not.
    Relayed,
}

/// A link with a polled driver.
pub(crate) struct PolledLink {
    pub(crate) core: Core,
    pub(crate) driver: Box<dyn PolledDriver>,
    /// The other path, where the link has two.
    pub(crate) standby: Option<Standby>,
    pub(crate) readings: Readings,
    pub(crate) results: Vec<Result<(), Refusal>>,
    /// The writes that the driver has.
    pub(crate) sending: WriteQueue,
    pub(crate) unanswered: Vec<usize>,
    /// Writes sent since the last read.
    n_writes_in_row: u32,
    /// The inter-request delay ends.
    pause_until: Option<Instant>,
    /// Until then devices that answer go before another attempt at one that does not.
    neighbours_until: Option<Instant>,
}

impl PolledLink {
    pub(crate) fn new(mut core: Core, driver: Box<dyn PolledDriver>, standby: Option<Standby>) -> Self {
        core.has_paths = standby.is_some();
        Self {
            core,
            driver,
            standby,
            readings: Readings::default(),
            results: Vec::new(),
            sending: WriteQueue::default(),
            unanswered: Vec::new(),
            n_writes_in_row: 0,
            pause_until: None,
            neighbours_until: None,
        }
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
                self.driver.disconnect();
                self.core.shut_down();
                return;
            }
            let now = Instant::now();
            self.core.expire(now);
            self.core.follow_demand(now);
            self.mind_paths(now).await;
            let (traffic, other) = (self.driver.traffic(), self.standby.as_ref().map_or((0, 0), Standby::traffic));
            (self.core.counters.rx_bytes, self.core.counters.tx_bytes) = (traffic.0 + other.0, traffic.1 + other.1);
            self.core.beat(now);
            self.step(now).await;
            tokio::task::consume_budget().await;
        }
    }

    /// Does the one thing that is most urgent, or waits for it.
    async fn step(&mut self, now: Instant) {
        if !self.core.is_wanted() {
            if self.core.line.is_open() {
                self.driver.disconnect();
                self.core.is_dirty = true;
            }
            self.core.line.retired();
            return self.core.idle(None).await;
        }
        if !self.core.line.is_open() {
            return match self.core.line.retry_at() {
                Some(at) if at > now => self.core.idle(Some(at)).await,
                _ => self.connect(now).await,
            };
        }
        if let Some(at) = self.pause_until {
            if at > now {
                return self.core.idle(Some(at)).await;
            }
            self.pause_until = None;
        }
        let Some((device, job)) = self.choose(now) else {
            let wakes =
                self.core.devices.iter().filter(|device| device.is_asked()).filter_map(|device| device.wakes_at());
            let at = wakes.min();
            return self.core.idle(at).await;
        };
        if self.core.devices[device].health.is_failing() && self.core.line.wants_reopening(now) {
            tracing::debug!(link = %self.core.name, "nobody answers, connection is opened anew");
            self.driver.disconnect();
            self.core.line.closed(now);
            self.core.is_calm = false;
            return self.connect(now).await;
        }
        if job == Job::Write {
            self.n_writes_in_row += 1;
            self.write_in_turn(device, now).await;
        } else if self.read(device, job, now).await {
            self.n_writes_in_row = 0;
        } else {
            return;
        }
        let delay = self.core.settings.inter_request_delay;
        if !delay.is_zero() {
            self.pause_until = Some(Instant::now() + delay);
        }
    }

    /// Who is served next. Writes go first, as long as reads get their share; then explicit reads; then the poll whose
    /// interval ends first. An attempt at a device that does not answer waits until the others had their turn.
    fn choose(&self, now: Instant) -> Option<(usize, Job)> {
        let mut write: Option<(Instant, usize, Job)> = None;
        let mut read: Option<(u8, Instant, usize, Job)> = None;
        let mut attempt: Option<(Instant, usize, Job)> = None;
        for (at, device) in self.core.devices.iter().enumerate().filter(|(_, device)| device.is_asked()) {
            let write_offer = device.write_offer(now);
            if device.health.is_doubtful() {
                let offer = write_offer.or_else(|| device.read_offer(now).map(|(_, due, job)| (due, job)));
                if let Some((due, job)) = offer
                    && attempt.is_none_or(|(best, ..)| due < best)
                {
                    attempt = Some((due, at, job));
                }
                continue;
            }
            if let Some((queued, job)) = write_offer
                && write.is_none_or(|(best, ..)| queued < best)
            {
                write = Some((queued, at, job));
            }
            if let Some((rank, due, job)) = device.read_offer(now)
                && read.is_none_or(|(best_rank, best, ..)| (rank, due) < (best_rank, best))
            {
                read = Some((rank, due, at, job));
            }
        }
        let reads_are_owed = self.n_writes_in_row >= self.core.settings.writes_per_read && read.is_some();
        let healthy = match write {
            Some((_, at, job)) if !reads_are_owed => Some((at, job)),
            _ => read.map(|(_, _, at, job)| (at, job)),
        };
        match attempt {
            Some((_, at, job)) if healthy.is_none() || self.neighbours_until.is_none_or(|until| until <= now) => {
                Some((at, job))
            }
            _ => healthy,
        }
    }

    async fn connect(&mut self, started: Instant) {
        let deadline = started + self.core.settings.connect_timeout;
        let outcome = {
            let opening = pin!(self.driver.connect());
            self.core.wait(opening, deadline).await
        };
        let now = Instant::now();
        self.core.is_dirty = true;
        match outcome {
            Some(Ok(())) => {
                if self.core.line.is_down() || self.core.counters.n_connects == 0 {
                    tracing::info!(link = %self.core.name, peer = %self.core.counters.peer, "connected");
                }
                self.core.counters.n_connects += 1;
                self.core.counters.trouble = Arc::from("");
                self.core.line.opened(now);
                for device in &mut self.core.devices {
                    device.learned.forget();
                }
            }
            failed => {
                self.driver.disconnect();
                let was_down = self.core.line.is_down();
                let Core { name, line, random, counters, is_calm, .. } = &mut self.core;
                counters.n_failed_connects += 1;
                line.refused(started, now, random);
                *is_calm = false;
                let reason = match failed {
                    Some(Err(error)) => error.to_string(),
                    _ => "timed out".to_owned(),
                };
                if !was_down {
                    tracing::warn!(link = %name, peer = %counters.peer, %reason, "cannot connect");
                }
                counters.trouble = reason.into();
                self.core.fail_all();
            }
        }
    }

    /// Notes that a request to a device brought no answer.
    pub(crate) fn note_silence(&mut self, at: usize, started: Instant, now: Instant, silence: Silence) {
        let is_alone = self.core.is_alone();
        let core = &mut self.core;
        let device = &mut core.devices[at];
        self.neighbours_until = Some(now + (now - started));
        core.is_calm = false;
        device.counters.n_timeouts += u64::from(silence != Silence::LinkFailed);
        if silence == Silence::Relayed {
            core.line.answered();
        } else {
            core.line.unanswered(started, device.settings.attempts, !device.health.is_failing());
        }
        if device.health.unanswered(started, now, &device.settings, is_alone, silence == Silence::LinkFailed) {
            device.counters.n_failed_reads += 1;
            core.fail_device(at, core.line.silence());
        }
        if silence != Silence::TimedOut || self.note_timeout(now) {
            return;
        }
        if !(self.core.line.is_just_suspect() && self.core.ask_a_neighbour(now)) && self.core.line.may_need_reopening()
        {
            self.core.devices[at].health.hurry();
        }
    }

    /// Notes that a request of several blocks was answered only in part before its time was up.
    pub(crate) fn note_half_answer(&mut self, at: usize, started: Instant, now: Instant) {
        let is_alone = self.core.is_alone();
        self.core.is_calm = false;
        let device = &mut self.core.devices[at];
        device.counters.n_timeouts += 1;
        device.health.half_answered(started, now, &device.settings, is_alone);
        self.note_timeout(now);
    }

    /// Closes a transport that is of no use after an unanswered request; returns whether that is so.
    pub(crate) fn note_timeout(&mut self, now: Instant) -> bool {
        let is_useless = self.driver.reconnect_after_timeout() && self.core.line.is_open();
        if is_useless {
            self.driver.disconnect();
            self.core.line.closed(now);
            self.core.is_calm = false;
        }
        is_useless
    }

    /// Notes that the link failed during a request.
    pub(crate) fn note_link_failure(&mut self, started: Instant, now: Instant, error: &LinkError) {
        tracing::debug!(link = %self.core.name, peer = %self.core.counters.peer, %error, "link failed");
        self.core.counters.trouble = error.to_string().into();
        self.driver.disconnect();
        let Core { line, random, .. } = &mut self.core;
        line.broke(started, now, random);
        self.core.is_calm = false;
        self.core.is_dirty = true;
    }

    /// Applies what waited for the driver to be free.
    fn reconfigure(&mut self) {
        let now = Instant::now();
        while let Some(command) = self.core.deferred.pop_front() {
            match command {
                Command::SetDevice { index, device, reply } => {
                    // Whoever asked may have gone away meanwhile, which harms nobody.
                    let _ = reply.send(self.set_device(index, *device, now));
                }
                Command::RemoveDevice { index, reply } => {
                    self.core.remove_device(index);
                    let _ = reply.send(());
                }
                Command::Trace(on) => {
                    self.driver.set_trace(on);
                    self.standby.iter_mut().for_each(|standby| standby.set_trace(on));
                }
                Command::Write { .. } | Command::Read { .. } | Command::Wake | Command::Stop => {}
            }
        }
        self.core.apply_system_writes(now);
    }

    fn set_device(&mut self, at: usize, new: NewDevice, now: Instant) -> Result<(), ReloadError> {
        if at > self.core.devices.len() {
            return Err(ReloadError::Index(at));
        }
        self.driver.set_device(at, &new.spec)?;
        self.standby.iter_mut().for_each(|standby| standby.set_device(at, &new.spec));
        self.core.set_device(at, new, now);
        Ok(())
    }
}

impl Core {
    /// Runs a request until it ends or its time is up, which is `None`. Clients' requests are taken in meanwhile, and
    /// devices whose time is up are called bad.
    pub(crate) async fn wait<T>(
        &mut self,
        mut request: std::pin::Pin<&mut impl Future<Output = T>>,
        deadline: Instant,
    ) -> Option<T> {
        let mut is_served = true;
        loop {
            let now = Instant::now();
            let wake = [Some(deadline), self.next_deadline(), Some(now + BEAT)].into_iter().flatten().min()?;
            tokio::select! {
                biased;
                output = &mut request => return Some(output),
                command = self.commands.recv(), if is_served => match command {
                    Some(command) => self.accept(command),
                    None => is_served = false,
                },
                () = sleep_until(wake) => {}
            }
            let now = Instant::now();
            if now >= deadline || self.is_stopped {
                return None;
            }
            self.expire(now);
            self.beat(now);
        }
    }

    /// Waits for a command or until `at`, but never longer than a heartbeat.
    pub(crate) async fn idle(&mut self, at: Option<Instant>) {
        let now = Instant::now();
        let demand = self.devices.iter().any(|device| device.depends_on_demand()).then_some(self.next_demand);
        let limits = [at, demand, self.next_deadline(), Some(self.next_beat)];
        let wake = limits.into_iter().flatten().min().unwrap_or(now);
        // A moment that has passed already must not keep the task from yielding.
        if wake <= now {
            return tokio::task::yield_now().await;
        }
        tokio::select! {
            biased;
            command = self.commands.recv() => {
                if let Some(command) = command {
                    self.accept(command);
                }
            }
            () = sleep_until(wake) => {}
        }
    }

    /// Whether the link has one device only, so that asking it again at once delays nobody.
    fn is_alone(&self) -> bool {
        self.devices.iter().filter(|device| device.is_asked()).count() <= 1
    }

    /// Calls every device bad because there is no connection.
    pub(crate) fn fail_all(&mut self) {
        let status = self.line.silence();
        for at in 0..self.devices.len() {
            if self.devices[at].is_asked() {
                self.fail_device(at, status);
            }
        }
    }

    /// Polls one device that answered last time ahead of time, to learn whether it is the connection that is dead; returns
    /// whether there is one.
    fn ask_a_neighbour(&mut self, now: Instant) -> bool {
        let neighbour = self.devices.iter_mut().find(|device| {
            device.is_asked() && device.has_answered && !device.health.is_failing() && !device.classes.is_empty()
        });
        let class = neighbour.and_then(|device| device.classes.first_mut());
        if let Some(class) = class {
            class.ticks.pull(now);
            return true;
        }
        false
    }
}
