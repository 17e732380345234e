//! Publishing counters and system tags.

use std::sync::PoisonError;
use std::time::Duration;

use tagwire_model::{Status, TagId, Value};
use tokio::time::Instant;

use super::core::{Core, SystemPlace, update_of};
use super::device::Device;
use super::statistics::{DeviceState, DeviceStatistics, LinkStatistics};
use super::system::{DeviceItem, LinkItem, counter};
use crate::{DeviceSettings, Update};

/// Counters of a link and sums over its devices.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals {
    link: LinkStatistics,
    n_reads: u64,
    n_failed_reads: u64,
    n_writes: u64,
    n_failed_writes: u64,
    n_overruns: u64,
}

impl Core {
    /// Publishes the system tags that changed, and the counters.
    pub(crate) fn publish(&mut self, now: Instant) {
        self.counters.connected = self.line.is_open();
        let stamp = self.clock.now();
        for device in &mut self.devices {
            let state = device.state(now);
            if device.counters.state != state {
                device.counters.since = stamp;
            }
            device.counters.state = state;
            device.counters.n_tags = device.tags.len() as u64;
            device.counters.n_refused_tags = device.learned.n_refused() as u64;
        }
        let (totals, at_reset) = (self.totals(), &self.at_reset);
        let is_enabled = self.settings.enabled;
        let path = self.path;
        self.board.publish(stamp, &mut self.batch, |item| match item {
            LinkItem::ActivePath => Value::text(path.0.name()),
            LinkItem::PathForced => Value::Boolean(path.1),
            _ => totals.value(item, at_reset, is_enabled),
        });
        for device in &mut self.devices {
            let Device { board, settings, counters, at_reset, is_demand_polling, .. } = device;
            board.publish(stamp, &mut self.batch, |item| {
                device_value(item, settings, counters, at_reset, *is_demand_polling)
            });
        }
        self.flush();
        let mut shared = self.shared.statistics.lock().unwrap_or_else(PoisonError::into_inner);
        shared.link.clone_from(&self.counters);
        shared.devices.resize_with(self.devices.len(), Default::default);
        for (slot, device) in shared.devices.iter_mut().zip(&self.devices) {
            slot.clone_from(&device.counters);
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals { link: self.counters.clone(), ..Totals::default() };
        for device in &self.devices {
            totals.n_reads += device.counters.n_reads;
            totals.n_failed_reads += device.counters.n_failed_reads;
            totals.n_writes += device.counters.n_writes;
            totals.n_failed_writes += device.counters.n_failed_writes;
            totals.n_overruns += device.counters.n_overruns;
        }
        totals
    }

    pub(crate) fn system_place(&self, id: TagId) -> Option<SystemPlace> {
        if let Some((item, _)) = self.board.find(id) {
            return Some(SystemPlace::Link(item));
        }
        self.devices
            .iter()
            .enumerate()
            .find_map(|(at, device)| device.board.find(id).map(|(item, _)| SystemPlace::Device(at, item)))
    }

    pub(crate) fn system_update(&self, id: TagId) -> Option<Update> {
        let found = self.board.find(id).map(|(_, value)| value);
        let value =
            found.or_else(|| self.devices.iter().find_map(|device| device.board.find(id).map(|(_, value)| value)))?;
        Some(update_of(id, Ok((value.clone(), Status::GOOD)), self.clock.now(), self.clock.now()))
    }
}

impl Totals {
    fn value(&self, item: LinkItem, at_reset: &Self, is_enabled: bool) -> Value {
        match item {
            LinkItem::Enabled => Value::Boolean(is_enabled),
            LinkItem::Connected => Value::Boolean(self.link.connected),
            LinkItem::Panics => counter(self.link.n_panics, 0),
            LinkItem::SuccessfulReads => counter(self.n_reads, at_reset.n_reads),
            LinkItem::FailedReads => counter(self.n_failed_reads, at_reset.n_failed_reads),
            LinkItem::SuccessfulWrites => counter(self.n_writes, at_reset.n_writes),
            LinkItem::FailedWrites => counter(self.n_failed_writes, at_reset.n_failed_writes),
            LinkItem::RxBytes => counter(self.link.rx_bytes, at_reset.link.rx_bytes),
            LinkItem::TxBytes => counter(self.link.tx_bytes, at_reset.link.tx_bytes),
            LinkItem::MaxPendingReads => counter(self.link.max_pending_reads, 0),
            LinkItem::MaxPendingWrites => counter(self.link.max_pending_writes, 0),
            LinkItem::Overruns => counter(self.n_overruns, at_reset.n_overruns),
            LinkItem::Connects => counter(self.link.n_connects, at_reset.link.n_connects),
            LinkItem::FailedConnects => counter(self.link.n_failed_connects, at_reset.link.n_failed_connects),
            LinkItem::PathSwitches => counter(self.link.n_path_switches, at_reset.link.n_path_switches),
            LinkItem::Reset | LinkItem::PathForced => Value::Boolean(false),
            LinkItem::ActivePath => Value::text(""),
        }
    }
}

fn device_value(
    item: DeviceItem,
    settings: &DeviceSettings,
    now: &DeviceStatistics,
    at_reset: &DeviceStatistics,
    is_demand_polling: bool,
) -> Value {
    let is_bad = matches!(now.state, DeviceState::Bad | DeviceState::Demoted);
    let ms = |duration: Duration| Value::UInt32(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX));
    match item {
        DeviceItem::Enabled => Value::Boolean(settings.enabled),
        DeviceItem::Error => Value::Boolean(is_bad),
        DeviceItem::NoError => Value::Boolean(!is_bad),
        DeviceItem::Simulated => Value::Boolean(settings.simulated),
        DeviceItem::AutoDemoted => Value::Boolean(now.state == DeviceState::Demoted),
        DeviceItem::AutoDemotionEnabled => Value::Boolean(settings.demotion.on),
        DeviceItem::AutoDemotedFailureCount => Value::UInt32(settings.demotion.failures),
        DeviceItem::AutoDemotionIntervalMs => ms(settings.demotion.period),
        DeviceItem::AutoDemotionDiscardWrites => Value::Boolean(settings.demotion.discard_writes),
        DeviceItem::DemandPoll => Value::Boolean(is_demand_polling),
        DeviceItem::ScanRateMs => ms(settings.scan),
        DeviceItem::SuccessfulReads => counter(now.n_reads, at_reset.n_reads),
        DeviceItem::FailedReads => counter(now.n_failed_reads, at_reset.n_failed_reads),
        DeviceItem::SuccessfulWrites => counter(now.n_writes, at_reset.n_writes),
        DeviceItem::FailedWrites => counter(now.n_failed_writes, at_reset.n_failed_writes),
        DeviceItem::Timeouts => counter(now.n_timeouts, at_reset.n_timeouts),
        DeviceItem::Overruns => counter(now.n_overruns, at_reset.n_overruns),
        DeviceItem::RefusedTags => counter(now.n_refused_tags, 0),
        DeviceItem::LastRoundTripMs => Value::Double(now.last_round_trip.as_secs_f64() * 1_000.0),
        DeviceItem::Reset => Value::Boolean(false),
    }
}
