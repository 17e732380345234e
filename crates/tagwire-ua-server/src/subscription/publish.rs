//! Writing NotificationMessages, and keeping them until the client has them (Part 4, 5.14.1.2 and 7.26).

use std::collections::VecDeque;

use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::codec::Encode;
use tagwire_ua_proto::hot;
use tagwire_ua_proto::ids::encoding as ids;
use tagwire_ua_proto::services::TimestampsToReturn;
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{DataValue, ExtensionObject, NumericRange, Variant};

use super::{Due, Mode, Notification, Payload, Subscription};
use crate::limits;
use crate::quota::Share;

/// Sent messages that the client has not acknowledged.
#[derive(Debug)]
pub(crate) struct SentMessages {
    messages: VecDeque<(u32, Vec<u8>)>,
    n_bytes: usize,
    /// What the messages and the spare buffer take of the server's memory.
    share: Share,
    /// A buffer whose message was acknowledged, for the next one.
    spare: Vec<u8>,
    /// Sequence number of the last message with notifications; the first one is 1.
    last_sequence: u32,
}

impl SentMessages {
    /// Nothing was sent yet.
    pub(crate) const fn new(share: Share) -> Self {
        Self { messages: VecDeque::new(), n_bytes: 0, share, spare: Vec::new(), last_sequence: 0 }
    }

    /// The number that the next message with notifications gets; 0 is left out at the wrap (Part 4, 7.26).
    pub(crate) fn next_sequence(&self) -> u32 {
        self.last_sequence.checked_add(1).unwrap_or(1)
    }

    /// Numbers of the messages that can be asked for again, oldest first.
    pub(crate) fn available(&self) -> impl ExactSizeIterator<Item = u32> + '_ {
        self.messages.iter().map(|(sequence, _)| *sequence)
    }

    /// Number of the last message with notifications.
    pub(crate) const fn last_sequence(&self) -> u32 {
        self.last_sequence
    }

    /// The messages that can be asked for again with their numbers, oldest first.
    pub(crate) fn messages(&self) -> impl ExactSizeIterator<Item = (u32, &[u8])> {
        self.messages.iter().map(|(sequence, bytes)| (*sequence, bytes.as_slice()))
    }

    /// Takes messages back that were sent before, oldest first, and goes on after the last number.
    pub(crate) fn restore(&mut self, messages: Vec<(u32, Vec<u8>)>, last_sequence: u32) {
        messages.into_iter().for_each(|(sequence, bytes)| self.keep(sequence, bytes));
        self.last_sequence = last_sequence;
    }

    /// Forgets the oldest messages until a share of their bytes is left.
    pub(crate) fn thin(&mut self, share: f64) {
        let room = (self.n_bytes as f64 * share) as usize;
        while self.n_bytes > room && !self.messages.is_empty() {
            self.forget(0);
        }
    }

    /// The bytes of a message as they were sent.
    pub(crate) fn message(&self, sequence: u32) -> Option<&[u8]> {
        self.messages.iter().find(|(sent, _)| *sent == sequence).map(|(_, bytes)| bytes.as_slice())
    }

    /// Forgets a message that the client has.
    pub(crate) fn acknowledge(&mut self, sequence: u32) -> Status {
        match self.messages.iter().position(|(sent, _)| *sent == sequence) {
            Some(idx) => {
                self.forget(idx);
                Status::GOOD
            }
            None => status::BAD_SEQUENCE_NUMBER_UNKNOWN,
        }
    }

    fn forget(&mut self, idx: usize) {
        if let Some((_, mut bytes)) = self.messages.remove(idx) {
            self.n_bytes -= bytes.len();
            bytes.clear();
            if bytes.capacity() > self.spare.capacity() {
                self.spare = bytes;
            }
            self.settle();
        }
    }

    /// Counts what is kept; false when that is too much.
    fn settle(&mut self) -> bool {
        if self.share.resize(self.n_bytes + self.spare.capacity()) {
            return true;
        }
        self.spare = Vec::new();
        self.share.resize(self.n_bytes);
        !self.share.is_overdrawn()
    }

    fn keep(&mut self, sequence: u32, bytes: Vec<u8>) {
        self.last_sequence = sequence;
        self.n_bytes += bytes.len();
        self.messages.push_back((sequence, bytes));
        while self.messages.len() > limits::MAX_SENT_MESSAGES
            || (self.n_bytes > limits::MAX_SENT_BYTES && self.messages.len() > 1)
        {
            self.forget(0);
        }
        // A client that does not acknowledge loses its oldest messages when others need the memory.
        while !self.settle() && self.messages.len() > 1 {
            self.forget(0);
        }
    }
}

/// What goes into one Publish response besides its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Publication {
    /// Number of the message written; for a keep-alive the number of the next one.
    pub(crate) sequence: u32,
    /// Whether a further message is ready at once.
    pub(crate) more: bool,
    /// Whether notifications were written.
    pub(crate) has_notifications: bool,
}

impl Subscription {
    /// Sent messages, for Republish and acknowledgements.
    pub(crate) const fn sent(&self) -> &SentMessages {
        &self.sent
    }

    /// Acknowledges a message.
    pub(crate) fn acknowledge(&mut self, sequence: u32) -> Status {
        self.touch();
        self.sent.acknowledge(sequence)
    }

    /// Makes the message that is due. Its bytes are in [`SentMessages::message`] when it has notifications; a keep-alive
    /// has none. `publish_time` goes into the message.
    pub(crate) fn publish(&mut self, publish_time: Timestamp) -> Publication {
        self.n_lifetime = 0;
        self.n_keep_alive = 0;
        self.n_cycles_due = 0;
        self.counters.published = self.counters.published.wrapping_add(1);
        let sequence = self.sent.next_sequence();
        let due = self.due.take();
        let mut out = std::mem::take(&mut self.sent.spare);
        out.clear();
        sequence.encode(&mut out);
        publish_time.encode(&mut out);
        if due != Some(Due::Notifications) || !self.publishing_enabled || !self.write_notifications(&mut out) {
            self.sent.spare = out;
            return Publication { sequence, more: false, has_notifications: false };
        }
        self.sent.keep(sequence, out);
        let more = self.has_notifications();
        if more {
            self.due = Some(Due::Notifications);
        }
        Publication { sequence, more, has_notifications: true }
    }

    /// Writes as many notifications as one message may hold: events and changes, each kind in one structure. False when
    /// there was none.
    fn write_notifications(&mut self, out: &mut Vec<u8>) -> bool {
        let asked = self.settings.max_notifications as usize;
        let max = if asked == 0 {
            limits::MAX_NOTIFICATIONS_PER_MESSAGE
        } else {
            asked.min(limits::MAX_NOTIFICATIONS_PER_MESSAGE)
        };
        let count_at = out.len();
        0_i32.encode(out);
        let n_events = self.write_events(max, out);
        let n_changes = self.write_changes(max - n_events, out);
        self.counters.events = self.counters.events.wrapping_add(n_events as u32);
        self.counters.data_changes = self.counters.data_changes.wrapping_add(n_changes as u32);
        let n_structures = u32::from(n_events > 0) + u32::from(n_changes > 0);
        if let Some(count) = out.get_mut(count_at..count_at + 4) {
            count.copy_from_slice(&n_structures.to_le_bytes());
        }
        n_structures > 0
    }

    /// Writes one DataChangeNotification with up to `max` values, or nothing when there is none; returns their number.
    fn write_changes(&mut self, max: usize, out: &mut Vec<u8>) -> usize {
        if self.ready.is_empty() || max == 0 {
            return 0;
        }
        let mut n_written = 0_u32;
        let start = out.len();
        ExtensionObject::write_raw(ids::DATA_CHANGE_NOTIFICATION, out, |out| {
            let count_at = out.len();
            0_i32.encode(out);
            while (n_written as usize) < max
                && out.len() - start < limits::MAX_MESSAGE_BYTES
                && let Some(id) = self.ready.front().copied()
            {
                let Some(item) = self.items.item_mut(id) else {
                    self.ready.pop_front();
                    continue;
                };
                let may_report = item.mode == Mode::Reporting || item.is_triggered;
                while may_report
                    && (n_written as usize) < max
                    && let Some(sample) = item.pop()
                {
                    self.counters.overflows = self.counters.overflows.wrapping_add(u32::from(sample.overflow));
                    item.settings.client_handle.encode(out);
                    write_sample(&sample, item.timestamps, out);
                    n_written += 1;
                }
                if !may_report || item.n_queued() == 0 {
                    item.is_ready = false;
                    item.is_triggered = false;
                    self.ready.pop_front();
                }
            }
            if let Some(count) = out.get_mut(count_at..count_at + 4) {
                count.copy_from_slice(&n_written.to_le_bytes());
            }
            (-1_i32).encode(out);
        });
        if n_written == 0 {
            out.truncate(start);
        }
        n_written as usize
    }
}

/// Writes a NotificationMessage that holds nothing but a StatusChangeNotification.
pub(crate) fn write_status_change(sequence: u32, publish_time: Timestamp, status: Status, out: &mut Vec<u8>) {
    sequence.encode(out);
    publish_time.encode(out);
    1_i32.encode(out);
    ExtensionObject::write_raw(ids::STATUS_CHANGE_NOTIFICATION, out, |out| {
        status.encode(out);
        out.push(0);
    });
}

#[inline]
fn write_sample(sample: &Notification, timestamps: TimestampsToReturn, out: &mut Vec<u8>) {
    let mut status = if sample.overflow { sample.status.with_info(Status::OVERFLOW) } else { sample.status };
    if sample.semantics_changed {
        status = Status(status.0 | Status::SEMANTICS_CHANGED);
    }
    match &sample.payload {
        Payload::Value(value) => {
            hot::write_model_data_value(value, status, sample.source_time, sample.server_time, timestamps, out);
        }
        Payload::Variant(variant) => {
            stamped(variant, status, sample.source_time, sample.server_time, timestamps).encode(out);
        }
    }
}

/// A DataValue with the times that are wanted and known.
pub(crate) fn stamped(
    variant: &Variant,
    status: Status,
    source_time: Timestamp,
    server_time: Timestamp,
    wanted: TimestampsToReturn,
) -> DataValue {
    let with_source = matches!(wanted, TimestampsToReturn::SOURCE | TimestampsToReturn::BOTH);
    let with_server = matches!(wanted, TimestampsToReturn::SERVER | TimestampsToReturn::BOTH);
    DataValue {
        value: (!status.is_bad()).then(|| variant.clone()),
        status: (status != Status::GOOD).then_some(status),
        source_time: Some(source_time).filter(|time| with_source && !time.is_none()),
        server_time: Some(server_time).filter(|time| with_server && !time.is_none()),
        ..DataValue::default()
    }
}

/// Cuts a sample down to a range; what the range does not reach becomes a status (Part 4, 7.27).
pub(super) fn cut(sample: &mut Notification, range: &NumericRange) {
    if sample.status.is_bad() {
        return;
    }
    let result = match &sample.payload {
        Payload::Value(value) => range.read(value).map(Payload::Value),
        Payload::Variant(variant) => range.read_variant(variant).map(|variant| Payload::Variant(variant.into())),
    };
    match result {
        Ok(payload) => sample.payload = payload,
        Err(error) => {
            sample.payload = Payload::Value(tagwire_model::Value::Null);
            sample.status = error.status();
        }
    }
}
