//! What the server tells, in its order.

use tagwire_driver::Seen;
use tagwire_model::{Sample, Status, Timestamp, Value};
use tagwire_ua_client::{Notification, SourceSample};
use tokio::time::Instant;

use super::super::item::{Item, State};
use super::super::sequence::Step;
use super::{Backlog, Feed, Refresh, SILENT_PERIODS};
use crate::structure::Types;

impl Feed {
    /// Takes note of a message; whether it can be taken in turn.
    pub(crate) fn arrived(&mut self, notification: Notification, now: Instant) -> Result<(), ()> {
        self.heard(now);
        if self.refresh == Refresh::AfterMessage {
            self.refresh = Refresh::Due;
        }
        if notification.is_keep_alive {
            self.max_silent = SILENT_PERIODS.0;
        }
        match self.sequence.arrived(notification.sequence, notification.is_keep_alive) {
            Step::Repeated => return Ok(()),
            Step::Lost => return Err(()),
            Step::Next => {}
            Step::Missing(numbers) => self.backlog.extend(numbers.into_iter().map(Backlog::Missing)),
        }
        if !notification.is_keep_alive {
            self.backlog.push_back(Backlog::Here(notification));
        }
        Ok(())
    }

    /// Goes on with a subscription that was taken over, from the messages that the server still has.
    pub(crate) fn transferred(&mut self, available: &[u32], now: Instant) -> Result<(), ()> {
        let missing = self.sequence.catch_up(available).ok_or(())?;
        for number in missing {
            self.sequence.arrived(number, false);
            self.backlog.push_back(Backlog::Missing(number));
        }
        self.heard(now);
        self.items.iter_mut().for_each(|item| item.is_fresh = false);
        self.refresh = Refresh::AfterMessage;
        Ok(())
    }

    /// What to show for a message; whether the subscription is at its end.
    pub(crate) fn take(
        &mut self,
        at: usize,
        notification: Notification,
        types: &Types,
        now: Instant,
    ) -> (Vec<Seen>, Option<Status>) {
        let mut seen = Vec::with_capacity(notification.samples.len());
        for (handle, told) in notification.samples {
            let Some(number) = self.by_handle.get(handle as usize).copied() else { continue };
            let Some(item) = self.items.get_mut(number as usize) else { continue };
            if item.is_gone(told.sample.status) {
                if let State::Watched(id) = item.state {
                    self.unwanted.push(id);
                }
                item.refused(now, self.settings.retry_refused);
                if let State::Refused(due) = item.state {
                    self.next_retry = Some(self.next_retry.map_or(due, |earlier| earlier.min(due)));
                }
            }
            self.tell(at, number, told, types, now, &mut seen);
        }
        (seen, notification.ended)
    }

    /// Messages are missing and gone for good: the subscription is made anew, and where that did not help before, what
    /// comes next is marked. Gives the number of a subscription to be ended.
    pub(crate) fn lost(&mut self, now: Instant) -> Option<u32> {
        if !std::mem::replace(&mut self.miscounts, true) {
            return self.start_anew(now);
        }
        self.backlog.retain(|part| matches!(part, Backlog::Here(_)));
        self.items.iter_mut().for_each(Item::doubt);
        None
    }

    /// What to show for a sample that was asked for.
    pub(crate) fn show(&mut self, tag: u32, sample: Sample) -> Option<(Value, Status, Timestamp)> {
        let declared = self.tags.get(tag as usize)?.value_type;
        Some(self.items.get_mut(tag as usize)?.take(sample, declared))
    }

    /// What to show for what the server told of a tag, or of the structure that it is a member of.
    pub(super) fn tell(
        &mut self,
        at: usize,
        tag: u32,
        told: SourceSample,
        types: &Types,
        now: Instant,
        seen: &mut Vec<Seen>,
    ) {
        if let Some(group) = self.items.get(tag as usize).and_then(|item| item.group) {
            self.tell_members(at, group, told, types, now, seen);
        } else if let Some((value, status, time)) = self.show(tag, told.sample) {
            seen.push((at, tag, value, status, time));
        }
    }

    /// What to show for tags that were read because they did not change.
    pub(crate) fn refreshed(
        &mut self,
        at: usize,
        tags: &[u32],
        samples: Vec<SourceSample>,
        types: &Types,
        now: Instant,
    ) -> Vec<Seen> {
        let mut seen = Vec::with_capacity(tags.len());
        for (tag, sample) in tags.iter().zip(samples) {
            // What the subscription told meanwhile is younger.
            if self.items.get(*tag as usize).is_none_or(|item| item.is_fresh) {
                continue;
            }
            self.tell(at, *tag, sample, types, now, &mut seen);
        }
        seen
    }

    /// Structures have other definitions: each is read once more, because what was told of it may have had either.
    pub(crate) fn redefined(&mut self) {
        for leader in self.groups.iter().filter_map(|group| group.tags.first()) {
            if let Some(item) = self.items.get_mut(*leader as usize) {
                item.is_fresh = false;
            }
        }
        if self.refresh == Refresh::Done && !self.groups.is_empty() {
            self.refresh = Refresh::Due;
        }
    }

    /// Tags could not be read: they are once more, after the next message.
    pub(crate) const fn not_refreshed(&mut self) {
        self.refresh = Refresh::AfterMessage;
    }

    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = now;
        self.n_unanswered = 0;
        self.n_silent = 0;
    }
}
