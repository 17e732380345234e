//! Writing to one device, and writing to system tags.

use std::pin::pin;

use tagwire_model::{Status, Value};
use tokio::time::Instant;

use super::core::{Core, SystemPlace, SystemWrite};
use super::device::Purpose;
use super::polled::{PolledLink, Silence};
use super::system::{DeviceItem, LinkItem};
use crate::Refusal;

impl PolledLink {
    /// Sends the writes that wait longest, as many as the driver puts into one request.
    pub(crate) async fn write(&mut self, at: usize, started: Instant) {
        let n = self.driver.writes_per_request(at).max(1);
        self.sending.clear();
        self.raw.clear();
        self.results.clear();
        while self.sending.len() < n
            && let Some((write, is_replaced)) = self.core.devices[at].next_write()
        {
            if is_replaced {
                self.core.answer_write(write.ticket, write.item, Status::BAD_REQUEST_CANCELLED_BY_CLIENT);
            } else {
                self.raw.push((write.tag, write.raw.clone()));
                self.sending.push(write);
            }
        }
        if self.sending.is_empty() {
            return;
        }
        let deadline = started + self.core.devices[at].settings.request_timeout;
        let outcome = {
            let writing = pin!(self.driver.write(at, &self.raw, &mut self.results));
            self.core.wait(writing, deadline).await
        };
        let now = Instant::now();
        let stamp = self.core.clock.now();
        let missing = match &outcome {
            Some(Err(_)) => Status::BAD_COMMUNICATION_ERROR,
            Some(Ok(())) => Status::BAD_INTERNAL_ERROR,
            None => Status::BAD_TIMEOUT,
        };
        let read_back = self.core.devices[at].settings.read_after_write;
        let mut written = Vec::new();
        let mut has_answer = false;
        let Self { core, results, sending, .. } = self;
        for (at_write, write) in sending.iter_mut().enumerate() {
            let status = status_of(results.get(at_write), missing);
            has_answer |=
                !matches!(status, Status::BAD_TIMEOUT | Status::BAD_NO_COMMUNICATION | Status::BAD_COMMUNICATION_ERROR);
            let counters = &mut core.devices[at].counters;
            if !status.is_good() {
                counters.n_failed_writes += 1;
                continue;
            }
            counters.n_writes += 1;
            // What the device refuses to tell is not known either after it took a write.
            if read_back || core.devices[at].learned.is_refused(write.tag) {
                written.push(write.tag);
            } else {
                core.show(at, write.tag, std::mem::replace(&mut write.raw, Value::Null), stamp);
            }
        }
        // Whoever is told that the write is done must find the new value already there.
        core.flush();
        for (at_write, write) in sending.drain(..).enumerate() {
            let status = status_of(results.get(at_write), missing);
            core.answer_write(write.ticket, write.item, status);
        }
        if !written.is_empty() {
            let Core { devices, next_id, .. } = &mut self.core;
            devices[at].queue_extra(written, Purpose::Refresh, now, next_id);
        }
        if has_answer {
            self.core.devices[at].counters.last_round_trip = now - started;
            self.core.answered(at);
            self.core.flush();
        }
        if matches!(outcome, Some(Err(_))) {
            self.note_silence(at, started, now, Silence::LinkFailed);
        } else if !has_answer {
            let silence = if self.results.is_empty() { Silence::TimedOut } else { Silence::Relayed };
            self.note_silence(at, started, now, silence);
        }
        if let Some(Err(error)) = outcome {
            self.note_link_failure(started, now, &error);
        }
    }
}

/// The status of a write from what the driver said about it, or did not say.
fn status_of(result: Option<&Result<(), Refusal>>, missing: Status) -> Status {
    match result {
        Some(Ok(())) => Status::GOOD,
        Some(Err(refusal)) => refusal.status,
        None => missing,
    }
}

impl Core {
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
