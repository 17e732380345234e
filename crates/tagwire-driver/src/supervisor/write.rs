//! Writing to one device, and writing to system tags.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tagwire_model::{Status, Value};
use tokio::time::Instant;

use super::core::{Core, SystemPlace, SystemWrite, update_of};
use super::device::{Device, Purpose};
use super::paths::Wish;
use super::polled::{PolledLink, Silence};
use super::system::{DeviceItem, LinkItem};
use super::write_queue::WriteQueue;
use crate::Update;

/// So many updates are handed on even while more come, before the processor has to fetch them from afar.
const MAX_SHOWN_TOGETHER: usize = 256;

impl PolledLink {
    /// Writes to a device, and, as long as each answer is there at once so that nobody waits for it, to all others that
    /// may be written to, those that wait longest first.
    pub(crate) async fn write_in_turn(&mut self, first: usize, now: Instant) {
        let mut was_at_once = self.write(first, now).await;
        if was_at_once && self.core.settings.inter_request_delay.is_zero() {
            let offers = self.core.devices.iter().enumerate().filter(|(at, device)| *at != first && device.is_asked());
            let offers = offers.filter(|(_, device)| !device.health.is_doubtful());
            let mut waiting: Vec<(Instant, usize)> =
                offers.filter_map(|(at, device)| Some((device.write_offer(now)?.0, at))).collect();
            waiting.sort_unstable();
            let mut waiting = waiting.into_iter();
            while was_at_once && let Some((_, at)) = waiting.next() {
                was_at_once = self.write(at, Instant::now()).await;
            }
        }
        self.core.settle();
    }

    /// Sends the writes that wait longest, as many as the driver puts into one request. Returns whether they were answered
    /// at once; then [`Core::settle`] is to follow.
    async fn write(&mut self, at: usize, started: Instant) -> bool {
        let n = self.driver.writes_per_request(at).max(1);
        self.sending.clear();
        self.results.clear();
        self.sending = self.core.take_writes(at, n, std::mem::take(&mut self.sending));
        if self.sending.is_empty() {
            return true;
        }
        let deadline = started + self.core.devices[at].settings.request_timeout;
        let mut is_at_once = true;
        let outcome = {
            let mut writing = pin!(self.driver.write(at, self.sending.as_sent(), &mut self.results));
            match poll_fn(|context| Poll::Ready(writing.as_mut().poll(context))).await {
                Poll::Ready(outcome) => Some(outcome),
                Poll::Pending => {
                    is_at_once = false;
                    self.core.settle();
                    self.core.wait(writing, deadline).await
                }
            }
        };
        let missing = match &outcome {
            Some(Err(_)) => Status::BAD_COMMUNICATION_ERROR,
            Some(Ok(())) => Status::BAD_INTERNAL_ERROR,
            None => Status::BAD_TIMEOUT,
        };
        let has_answer = self.note_written(at, missing);
        let now = Instant::now();
        if has_answer {
            self.core.devices[at].counters.last_round_trip = now - started;
            self.core.answered(at);
        }
        if has_answer && is_at_once && matches!(outcome, Some(Ok(()))) {
            if self.core.batch.len() >= MAX_SHOWN_TOGETHER {
                self.core.flush();
            }
            return true;
        }
        self.core.settle();
        if matches!(outcome, Some(Err(_))) {
            self.note_silence(at, started, now, Silence::LinkFailed);
        } else if !has_answer {
            let silence = if self.results.is_empty() { Silence::TimedOut } else { Silence::Relayed };
            self.note_silence(at, started, now, silence);
        }
        if let Some(Err(error)) = outcome {
            self.note_link_failure(started, now, &error);
        }
        false
    }

    /// Shows what was written, and records the results; returns whether the device said anything.
    fn note_written(&mut self, at: usize, missing: Status) -> bool {
        let Self { core, results, sending, .. } = self;
        let stamp = core.clock.now();
        let Core { devices, batch, next_id, .. } = core;
        let Device { tags, learned, counters, settings, .. } = &mut devices[at];
        let n = sending.len();
        let may_be_unseen = settings.read_after_write || learned.n_refused() > 0;
        let (writes, origins) = sending.parts();
        let update = |tag, raw: &mut Value| Update {
            tag,
            value: Some(std::mem::replace(raw, Value::Null)),
            status: Status::GOOD,
            source_time: stamp,
            server_time: stamp,
        };
        let all_good = results.len() == n && results.iter().all(Result::is_ok);
        if all_good && !may_be_unseen && origins.iter().all(|origin| origin.is_plain) {
            batch.extend(writes.iter_mut().zip(origins).map(|((_, raw), origin)| update(origin.id, raw)));
            counters.n_writes += n as u64;
            core.record_writes(sending, |_| Status::GOOD);
            return true;
        }
        let status_of = |at_write: usize| match results.get(at_write) {
            Some(Ok(())) => Status::GOOD,
            Some(Err(refusal)) => refusal.status,
            None => missing,
        };
        let mut written = Vec::new();
        let mut n_good = 0;
        let mut has_answer = false;
        for (at_write, ((tag, raw), origin)) in writes.iter_mut().zip(origins).enumerate() {
            let status = status_of(at_write);
            has_answer |=
                !matches!(status, Status::BAD_TIMEOUT | Status::BAD_NO_COMMUNICATION | Status::BAD_COMMUNICATION_ERROR);
            if !status.is_good() {
                continue;
            }
            n_good += 1;
            // What the device refuses to tell is not known either after it took a write.
            if settings.read_after_write || learned.is_refused(*tag) {
                written.push(*tag);
                continue;
            }
            if origin.is_plain {
                batch.push(update(origin.id, raw));
            } else {
                let shown = tags.to_engineering(*tag, std::mem::replace(raw, Value::Null));
                batch.extend(shown.map(|(id, seen)| update_of(id, seen, stamp, stamp)));
            }
        }
        counters.n_writes += n_good;
        counters.n_failed_writes += n as u64 - n_good;
        if !written.is_empty() {
            devices[at].queue_extra(written, Purpose::Refresh, Instant::now(), next_id);
        }
        core.record_writes(sending, status_of);
        has_answer
    }
}

impl Core {
    /// Moves the oldest writes of a device, at most `n`, into `to`, which is empty and gives its capacity; those that a
    /// later one replaces are answered.
    pub(crate) fn take_writes(&mut self, at: usize, n: usize, mut to: WriteQueue) -> WriteQueue {
        let mut replaced = Vec::new();
        self.devices[at].writes.move_to(&mut to, n, |write| replaced.push((write.ticket, write.origin.item)));
        for (ticket, item) in replaced {
            self.answer_write(ticket, item as usize, Status::BAD_REQUEST_CANCELLED_BY_CLIENT);
        }
        to
    }

    /// Applies the writes to system tags.
    pub(crate) fn apply_system_writes(&mut self, now: Instant) {
        while let Some(SystemWrite { ticket, item, place, value }) = self.system_writes.pop_front() {
            let status = match place {
                SystemPlace::Link(of) => self.write_link_item(of, &value, now),
                SystemPlace::Device(at, of) => self.write_device_item(at, of, &value, now),
            };
            self.is_dirty = true;
            self.answer_write(ticket, item, status);
        }
    }

    fn write_link_item(&mut self, item: LinkItem, value: &Value, now: Instant) -> Status {
        if item == LinkItem::ActivePath {
            return self.wish_for_path(value);
        }
        let Value::Boolean(on) = *value else { return Status::BAD_TYPE_MISMATCH };
        match item {
            LinkItem::Enabled => {
                if self.settings.enabled != on {
                    self.settings.enabled = on;
                    for at in 0..self.devices.len() {
                        self.enter_service(at, now);
                    }
                }
            }
            LinkItem::Reset => {
                if on {
                    self.at_reset = self.totals();
                    self.counters.max_pending_reads = 0;
                    self.counters.max_pending_writes = 0;
                }
            }
            _ => return Status::BAD_NOT_WRITABLE,
        }
        Status::GOOD
    }

    fn wish_for_path(&mut self, value: &Value) -> Status {
        let Value::String(text) = value else { return Status::BAD_TYPE_MISMATCH };
        match Wish::parse(text) {
            _ if !self.has_paths => Status::BAD_NOT_SUPPORTED,
            None => Status::BAD_OUT_OF_RANGE,
            wish => {
                self.path_wish = wish;
                Status::GOOD
            }
        }
    }

    fn write_device_item(&mut self, at: usize, item: DeviceItem, value: &Value, now: Instant) -> Status {
        let Some(device) = self.devices.get_mut(at) else { return Status::BAD_NODE_ID_UNKNOWN };
        let flag = match *value {
            Value::Boolean(on) => Ok(on),
            _ => Err(Status::BAD_TYPE_MISMATCH),
        };
        let number = |min: u32, max: u32| match value.as_i128().and_then(|number| u32::try_from(number).ok()) {
            Some(number) if (min..=max).contains(&number) => Ok(number),
            Some(_) => Err(Status::BAD_OUT_OF_RANGE),
            None => Err(Status::BAD_TYPE_MISMATCH),
        };
        let was_enabled = device.settings.enabled;
        let demotion = &mut device.settings.demotion;
        let done = match item {
            DeviceItem::Enabled => flag.map(|on| device.settings.enabled = on),
            DeviceItem::DemandPoll => flag.map(|_| ()),
            DeviceItem::AutoDemotionEnabled => flag.map(|on| {
                demotion.on = on;
                if !on {
                    device.health.clear_pauses();
                }
            }),
            DeviceItem::AutoDemotionDiscardWrites => flag.map(|on| demotion.discard_writes = on),
            DeviceItem::AutoDemotedFailureCount => number(1, 30).map(|failures| demotion.failures = failures),
            DeviceItem::AutoDemotionIntervalMs => number(100, 3_600_000)
                .map(|period| demotion.period = std::time::Duration::from_millis(u64::from(period))),
            DeviceItem::Reset => flag.map(|on| {
                if on {
                    device.at_reset = device.counters.clone();
                }
            }),
            _ => Err(Status::BAD_NOT_WRITABLE),
        };
        let done = match item {
            _ if done.is_err() => done,
            DeviceItem::DemandPoll if flag == Ok(true) => self.demand_poll(at, now),
            DeviceItem::Enabled if flag != Ok(was_enabled) => {
                self.enter_service(at, now);
                Ok(())
            }
            _ => Ok(()),
        };
        done.err().unwrap_or(Status::GOOD)
    }

    /// Polls all tags of a device once.
    fn demand_poll(&mut self, at: usize, now: Instant) -> Result<(), Status> {
        let line_is_down = self.line.is_down();
        if self.is_pushed {
            return Err(Status::BAD_NOT_SUPPORTED);
        }
        let Self { devices, sink, next_id, .. } = self;
        let device = &mut devices[at];
        if device.settings.simulated || device.is_demand_polling {
            return Ok(());
        }
        if let Some(status) = device.closed(now, false) {
            return Err(status);
        }
        if line_is_down {
            return Err(Status::BAD_NO_COMMUNICATION);
        }
        let tags = device.demanded(&**sink);
        device.queue_extra(tags, Purpose::Demand, now, next_id);
        device.is_demand_polling = true;
        Ok(())
    }
}
