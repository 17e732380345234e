//! The event items of a subscription: from the server's feed into their queues, and from there into messages.
//!
//! A subscription without event items has none of this but an empty list.

use std::collections::VecDeque;
use std::sync::Arc;

use tagwire_access::Principal;
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::types::ExtensionObject;

use super::{Item, ItemSettings, Mode, Subscription, Target};
use crate::event::{Events, Filter, Listening};
use crate::limits;

/// What a subscription needs for its event items.
pub(super) struct EventItems {
    /// Items by id, in the order in which they were made.
    items: Vec<u32>,
    /// Items with something to publish, in the order in which they got it.
    ready: VecDeque<u32>,
    /// The way from the server, while there are items.
    listening: Option<Listening>,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Whether the next message with room for one notification leaves it to data.
    data_first: bool,
}

impl EventItems {
    pub(super) const fn new(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { items: Vec::new(), ready: VecDeque::new(), listening: None, wake, data_first: false }
    }

    pub(super) fn add(&mut self, id: u32, events: &Arc<Events>) {
        if self.listening.is_none() {
            self.listening = Some(events.listen(Arc::clone(&self.wake)));
        }
        self.items.push(id);
    }

    /// Forgets items that are gone, and stops listening when none is left.
    pub(super) fn retain(&mut self, is_there: impl Fn(u32) -> bool) {
        if self.items.is_empty() {
            return;
        }
        self.items.retain(|id| is_there(*id));
        self.ready.retain(|id| is_there(*id));
        if self.items.is_empty() {
            self.listening = None;
        }
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.listening.as_ref().is_some_and(Listening::is_crowded)
    }

    /// Puts an item whose queue holds events into the list of those with something to say, once.
    pub(super) fn enlist(&mut self, item: &mut Item) {
        if let Target::Events(queue) = &item.target
            && !item.is_ready
            && !queue.is_empty()
            && (item.mode == Mode::Reporting || item.is_triggered)
        {
            item.is_ready = true;
            self.ready.push_back(item.id);
        }
    }
}

impl Subscription {
    /// Whether anything waits to be published.
    pub(super) fn has_notifications(&self) -> bool {
        !self.ready.is_empty() || !self.events.ready.is_empty()
    }

    /// Whether any item watches events.
    pub(crate) const fn has_event_items(&self) -> bool {
        !self.events.items.is_empty()
    }

    /// Lets the current cycle end at once.
    pub(crate) const fn end_cycle(&mut self, now: super::Millis) {
        self.next_cycle = now;
    }

    /// Sorts what happened into the queues of the items that want it.
    pub(super) fn collect_events(&mut self) {
        let Some(listening) = &self.events.listening else { return };
        let (waiting, lost) = listening.take();
        if waiting.is_empty() {
            return;
        }
        let ids = std::mem::take(&mut self.events.items);
        for id in &ids {
            let Some(item) = self.items.item_mut(*id).filter(|item| item.mode != Mode::Disabled) else { continue };
            let Target::Events(queue) = &mut item.target else { continue };
            let ItemSettings { queue_size, discard_oldest, .. } = item.settings;
            if lost {
                queue.mark_lost(discard_oldest);
            }
            let mut is_queued = lost;
            for event in &waiting {
                is_queued |= queue.offer(event, queue_size as usize, discard_oldest);
            }
            if is_queued {
                self.events.enlist(item);
                self.trigger(*id);
            }
        }
        self.events.items = ids;
    }

    /// Changes the filter of an event item; false when filters take too much memory already.
    pub(crate) fn set_event_filter(&mut self, id: u32, filter: Filter, n_bytes: usize) -> bool {
        // What happened before the change is for the filter before it.
        self.collect_events();
        match self.items.item_mut(id).map(|item| &mut item.target) {
            Some(Target::Events(queue)) => queue.set_filter(filter, n_bytes),
            _ => false,
        }
    }

    /// Receives events on behalf of another user from now on: a session that was activated anew, or one that took the
    /// subscription over.
    pub(crate) fn set_principal(&mut self, principal: &Arc<Principal>) {
        if self.events.items.is_empty() {
            return;
        }
        self.collect_events();
        for id in &self.events.items {
            if let Some(Target::Events(queue)) = self.items.item_mut(*id).map(|item| &mut item.target) {
                queue.set_principal(principal);
            }
        }
        self.tell_audience();
    }

    /// Tells the feed whether audit events are of any use here.
    pub(super) fn tell_audience(&self) {
        let Some(listening) = &self.events.listening else { return };
        let queues = self.events.items.iter().filter_map(|id| match &self.items.item(*id)?.target {
            Target::Events(queue) => Some(queue),
            _ => None,
        });
        let mut queues = queues;
        listening.hear_audit(queues.any(|queue| queue.hears_audit()));
    }

    /// Writes one EventNotificationList with up to `max` events, or nothing when there is none; returns their number.
    /// While data waits too, events take half of the room, or every second message.
    pub(super) fn write_events(&mut self, max: usize, out: &mut Vec<u8>) -> usize {
        if self.events.ready.is_empty() {
            return 0;
        }
        let max = if self.ready.is_empty() {
            max
        } else if max == 1 {
            self.events.data_first = !self.events.data_first;
            usize::from(self.events.data_first)
        } else {
            max - max / 2
        };
        let mut n_written = 0_u32;
        let start = out.len();
        ExtensionObject::write_raw(ids::EVENT_NOTIFICATION_LIST, out, |out| {
            let count_at = out.len();
            0_i32.encode(out);
            while (n_written as usize) < max
                && out.len() - start < limits::MAX_MESSAGE_BYTES / 2
                && let Some(id) = self.events.ready.front().copied()
            {
                let Some(item) = self.items.item_mut(id) else {
                    self.events.ready.pop_front();
                    continue;
                };
                let may_report = item.mode == Mode::Reporting || item.is_triggered;
                let handle = item.settings.client_handle;
                let Target::Events(queue) = &mut item.target else {
                    self.events.ready.pop_front();
                    continue;
                };
                while may_report && (n_written as usize) < max && out.len() - start < limits::MAX_MESSAGE_BYTES / 2 {
                    let is_written = queue.pop(|fields| {
                        handle.encode(out);
                        fields.write(out);
                    });
                    if !is_written {
                        break;
                    }
                    n_written += 1;
                }
                if !may_report || queue.is_empty() {
                    item.is_ready = false;
                    item.is_triggered = false;
                    self.events.ready.pop_front();
                }
            }
            if let Some(count) = out.get_mut(count_at..count_at + 4) {
                count.copy_from_slice(&n_written.to_le_bytes());
            }
        });
        if n_written == 0 {
            out.truncate(start);
        }
        n_written as usize
    }
}
