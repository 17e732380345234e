//! Decides which changes become samples; knows no clock, thread or disk.

use std::collections::HashMap;

use tagwire_hub::Change;
use tagwire_model::{Sample, Status, TagId, Timestamp, Value};

use super::{Rule, When};
use crate::{Batch, Reason, TagNumber};

const TICKS_PER_MICROSECOND: i64 = 10;

/// One tag that is collected.
#[derive(Debug)]
struct Slot {
    tag: TagId,
    number: TagNumber,
    rule: Rule,
    /// Quality of the sample stored last; `None` before the first.
    status: Option<Status>,
    /// Source time of the newest sample stored.
    last: Timestamp,
    /// The value stored last, kept only for the sake of a deadband.
    value: Value,
    /// What was read and not told: the change that brought it may still wait to be told.
    read: Option<Box<Sample>>,
}

/// The tags with one interval.
#[derive(Debug)]
struct Cycle {
    interval: i64,
    /// Intervals since the beginning of the calendar at the last samples.
    at: Option<i64>,
    handles: Vec<u32>,
}

/// The tags that are collected, and the samples that wait to be written.
#[derive(Debug, Default)]
pub struct Collector {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    handles: HashMap<TagId, u32>,
    cycles: Vec<Cycle>,
    batch: Batch,
    times: Option<(Timestamp, Timestamp)>,
}

impl Collector {
    /// Nothing is collected yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Collects a tag from now on; the handle under which its changes come.
    pub fn add(&mut self, tag: TagId, number: TagNumber, rule: Rule) -> u32 {
        let slot = Slot { tag, number, rule, status: None, last: Timestamp::NONE, value: Value::Null, read: None };
        let handle = match self.free.pop() {
            Some(handle) => {
                self.slots[handle as usize] = Some(slot);
                handle
            }
            None => {
                self.slots.push(Some(slot));
                (self.slots.len() - 1) as u32
            }
        };
        self.handles.insert(tag, handle);
        if let When::Cyclic(interval) = rule.when {
            let interval = (interval.as_micros() as i64).max(1).saturating_mul(TICKS_PER_MICROSECOND);
            match self.cycles.iter_mut().find(|cycle| cycle.interval == interval) {
                Some(cycle) => cycle.handles.push(handle),
                None => self.cycles.push(Cycle { interval, at: None, handles: vec![handle] }),
            }
        }
        handle
    }

    /// Collects a tag no longer, and notes that nothing is known of it from `now` on; the handle that it had.
    pub fn remove(&mut self, tag: TagId, now: Timestamp) -> Option<u32> {
        let handle = self.handles.remove(&tag)?;
        let slot = self.slots.get_mut(handle as usize).and_then(Option::take)?;
        self.free.push(handle);
        for cycle in &mut self.cycles {
            cycle.handles.retain(|other| *other != handle);
        }
        self.cycles.retain(|cycle| !cycle.handles.is_empty());
        if slot.status.is_some() {
            self.store((now, Timestamp::NONE), slot.number, (Value::Null, Status::BAD_NO_DATA), Reason::Stop);
        }
        Some(handle)
    }

    /// The tags that are collected, with number and rule.
    pub fn tags(&self) -> impl Iterator<Item = (TagId, TagNumber, Rule)> {
        self.slots.iter().flatten().map(|slot| (slot.tag, slot.number, slot.rule))
    }

    /// The tags that are collected, with their handles.
    pub fn handles(&self) -> impl Iterator<Item = (TagId, u32)> {
        self.handles.iter().map(|(tag, handle)| (*tag, *handle))
    }

    /// How many tags are collected.
    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// Whether no tag is collected.
    pub fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// Takes a change of a tag.
    pub fn change(&mut self, change: &Change) {
        let Some(Some(slot)) = self.slots.get_mut(change.handle as usize) else { return };
        if slot.tag != change.tag {
            return;
        }
        let sample = Sample {
            value: change.value.clone(),
            status: change.status,
            source_time: change.source_time,
            server_time: change.server_time,
        };
        if let Some(read) = &slot.read {
            if is_same(read, &sample) {
                return;
            }
            if read.server_time < sample.server_time {
                slot.read = None;
            }
        }
        self.take(change.handle as usize, sample, Reason::Changed);
    }

    /// Takes the state of every tag, as after changes were lost.
    pub fn catch_up(&mut self, read: impl Fn(TagId) -> Option<Sample>) {
        self.read_all(|_| true, read);
    }

    /// Takes the state of every tag that has no sample yet.
    pub fn catch_up_new(&mut self, read: impl Fn(TagId) -> Option<Sample>) {
        self.read_all(|slot| slot.status.is_none(), read);
    }

    fn read_all(&mut self, which: impl Fn(&Slot) -> bool, read: impl Fn(TagId) -> Option<Sample>) {
        for idx in 0..self.slots.len() {
            let tag = self.slots[idx].as_ref().filter(|slot| which(slot)).map(|slot| slot.tag);
            if let Some(sample) = tag.and_then(&read) {
                if let Some(slot) = &mut self.slots[idx] {
                    slot.read = Some(Box::new(sample.clone()));
                }
                self.take(idx, sample, Reason::Unknown);
            }
        }
    }

    /// Stores the cyclic samples that are due. After a pause of several intervals there is one sample, since nothing is
    /// known of the values in between.
    pub fn cycle(&mut self, now: Timestamp, read: impl Fn(TagId) -> Option<Sample>) {
        let mut due = Vec::new();
        for cycle in &mut self.cycles {
            let at = now.ticks().div_euclid(cycle.interval);
            if cycle.at.replace(at).is_some_and(|before| before != at) {
                due.extend_from_slice(&cycle.handles);
            }
        }
        for handle in due {
            let Some(Some(slot)) = self.slots.get_mut(handle as usize) else { continue };
            let (Some(sample), number) = (read(slot.tag), slot.number) else { continue };
            if sample.status == Status::BAD_WAITING_FOR_INITIAL_DATA {
                continue;
            }
            let reason = if slot.status.is_none() { Reason::Start } else { Reason::Cyclic };
            slot.status = Some(sample.status);
            slot.last = slot.last.max(now);
            let value = if sample.status.is_bad() { Value::Null } else { sample.value };
            self.store((now, Timestamp::NONE), number, (value, sample.status), reason);
        }
    }

    /// Notes for every tag that nothing is known of it from `at` on, as before a stop. What comes later begins anew.
    pub fn interrupt(&mut self, at: Timestamp) {
        for idx in 0..self.slots.len() {
            let Some(slot) = self.slots[idx].as_mut() else { continue };
            let number = slot.number;
            if slot.status.take().is_some() {
                self.store((at, Timestamp::NONE), number, (Value::Null, Status::BAD_NO_DATA), Reason::Stop);
            }
        }
    }

    /// As [`Collector::interrupt`] for tags that the process before this one collected until `at`.
    pub fn interrupted(&mut self, numbers: &[TagNumber], at: Timestamp) {
        for number in numbers {
            self.store((at, Timestamp::NONE), *number, (Value::Null, Status::BAD_NO_DATA), Reason::Stop);
        }
    }

    /// The samples that wait; to be emptied when they are written.
    pub fn waiting(&mut self) -> &mut Batch {
        self.times = None;
        &mut self.batch
    }

    fn take(&mut self, idx: usize, sample: Sample, reason: Reason) {
        let Some(Some(slot)) = self.slots.get_mut(idx) else { return };
        let reason = match slot.status {
            None if sample.status == Status::BAD_WAITING_FOR_INITIAL_DATA => return,
            None => Reason::Start,
            Some(status) if status != sample.status => Reason::Quality,
            Some(_) => match slot.rule {
                Rule { when: When::Cyclic(_), .. } => return,
                Rule { deadband, .. } if deadband > 0.0 && !slot.value.exceeds_deadband(&sample.value, deadband) => {
                    return;
                }
                Rule { .. } => reason,
            },
        };
        slot.status = Some(sample.status);
        // A value that was lost keeps its old source time, but that it was lost is known only since the server noticed.
        let is_old = reason != Reason::Changed && sample.source_time <= slot.last;
        let source_time = if is_old || sample.source_time == Timestamp::NONE {
            sample.server_time.max(slot.last)
        } else {
            sample.source_time
        };
        slot.last = slot.last.max(source_time);
        let value = if sample.status.is_bad() { Value::Null } else { sample.value };
        if slot.rule.deadband > 0.0 {
            slot.value = value.clone();
        }
        let number = slot.number;
        let server_time = if sample.server_time == source_time { Timestamp::NONE } else { sample.server_time };
        self.store((source_time, server_time), number, (value, sample.status), reason);
    }

    fn store(
        &mut self,
        times: (Timestamp, Timestamp),
        number: TagNumber,
        (value, status): (Value, Status),
        reason: Reason,
    ) {
        if self.times != Some(times) {
            self.batch.scan(times.0, times.1);
            self.times = Some(times);
        }
        self.batch.push(number, value, status, reason);
    }
}

/// Whether both are of one change; the server time of a reading moves on as the value is confirmed.
fn is_same(one: &Sample, other: &Sample) -> bool {
    (one.source_time, one.status) == (other.source_time, other.status) && one.value.same_as(&other.value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TAG: TagId = TagId(7);
    const NUMBER: TagNumber = TagNumber(3);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ticks(seconds * 10_000_000)
    }

    fn change(handle: u32, seconds: i64, value: f64, status: Status) -> Change {
        Change {
            handle,
            tag: TAG,
            value: Value::Double(value),
            status,
            at_ms: 0,
            source_time: at(seconds),
            server_time: at(seconds),
        }
    }

    /// Seconds, value, status and reason of what waits.
    fn taken(collector: &mut Collector) -> Vec<(i64, Value, Status, Reason)> {
        let batch = collector.waiting();
        let found = batch
            .parts()
            .flat_map(|(scan, items)| {
                items
                    .iter()
                    .map(move |item| (scan.time / 10_000_000, item.value.clone(), Status(item.status), item.reason))
            })
            .collect();
        batch.clear();
        found
    }

    #[test]
    fn a_deadband_lets_large_changes_and_every_quality_through() {
        let mut collector = Collector::new();
        let handle = collector.add(TAG, NUMBER, Rule { deadband: 1.0, ..Rule::default() });
        collector.change(&change(handle, 1, 0.0, Status::BAD_WAITING_FOR_INITIAL_DATA));
        for (second, value) in [(2, 10.0), (3, 10.9), (4, 11.5), (5, 10.6), (6, 10.4)] {
            collector.change(&change(handle, second, value, Status::GOOD));
        }
        collector.change(&Change { server_time: at(8), ..change(handle, 6, 10.4, Status::BAD_NO_COMMUNICATION) });
        collector.change(&change(handle, 9, 10.4, Status::GOOD));
        let number = |value| Value::Double(value);
        assert_eq!(
            taken(&mut collector),
            [
                (2, number(10.0), Status::GOOD, Reason::Start),
                (4, number(11.5), Status::GOOD, Reason::Changed),
                (6, number(10.4), Status::GOOD, Reason::Changed),
                (8, Value::Null, Status::BAD_NO_COMMUNICATION, Reason::Quality),
                (9, number(10.4), Status::GOOD, Reason::Quality),
            ]
        );
    }

    #[test]
    fn cyclic_samples_come_once_per_interval_and_are_not_made_up_after_a_pause() {
        let mut collector = Collector::new();
        let rule = Rule { when: When::Cyclic(Duration::from_secs(10)), deadband: 0.0 };
        let handle = collector.add(TAG, NUMBER, rule);
        collector.change(&change(handle, 1, 1.0, Status::GOOD));
        let read = |_| Some(Sample::good(Value::Double(5.0), at(0)));
        for second in [2, 9, 10, 11, 19, 20, 57, 58, 60] {
            collector.cycle(at(second), read);
        }
        collector.change(&change(handle, 61, 6.0, Status::GOOD));
        let seconds: Vec<_> = taken(&mut collector).into_iter().map(|(second, .., reason)| (second, reason)).collect();
        let cyclic = |second| (second, Reason::Cyclic);
        assert_eq!(seconds, [(1, Reason::Start), cyclic(10), cyclic(20), cyclic(57), cyclic(60)]);
    }

    #[test]
    fn a_value_that_was_read_is_not_stored_again_when_its_change_is_told() {
        let mut collector = Collector::new();
        let handle = collector.add(TAG, NUMBER, Rule::default());
        let read = |_| Some(Sample::good(Value::Double(2.0), at(2)));
        collector.catch_up_new(read);
        for (second, value) in [(1, 1.0), (2, 2.0), (3, 3.0), (3, 4.0)] {
            collector.change(&change(handle, second, value, Status::GOOD));
        }
        let values: Vec<_> = taken(&mut collector).into_iter().map(|(second, value, ..)| (second, value)).collect();
        let number = |value| Value::Double(value);
        assert_eq!(values, [(2, number(2.0)), (1, number(1.0)), (3, number(3.0)), (3, number(4.0))]);
    }

    #[test]
    fn samples_of_one_scan_share_its_times() {
        let mut collector = Collector::new();
        let handles: Vec<u32> = (0..3).map(|n| collector.add(TagId(n), TagNumber(n), Rule::default())).collect();
        for second in 1..3 {
            for (n, handle) in handles.iter().enumerate() {
                let tag = TagId(n as u32);
                collector.change(&Change { tag, ..change(*handle, second, second as f64, Status::GOOD) });
            }
        }
        let parts: Vec<_> = collector.waiting().parts().map(|(_, items)| items.len()).collect();
        assert_eq!(parts, [3, 3]);
    }

    #[test]
    fn nothing_is_known_of_a_tag_from_a_stop_on() {
        let mut collector = Collector::new();
        let handle = collector.add(TAG, NUMBER, Rule::default());
        collector.interrupt(at(1));
        assert!(taken(&mut collector).is_empty(), "nothing was known before");
        collector.change(&change(handle, 2, 1.0, Status::GOOD));
        collector.interrupt(at(3));
        collector.change(&change(handle, 4, 1.0, Status::GOOD));
        assert_eq!(collector.remove(TAG, at(5)), Some(handle));
        let reasons: Vec<_> =
            taken(&mut collector).into_iter().map(|(second, _, status, why)| (second, status, why)).collect();
        let unknown = |second| (second, Status::BAD_NO_DATA, Reason::Stop);
        let start = |second| (second, Status::GOOD, Reason::Start);
        assert_eq!(reasons, [start(2), unknown(3), start(4), unknown(5)]);
        assert_eq!(collector.remove(TAG, at(6)), None);
    }
}
