//! The bytes of a durable subscription between two runs of the server (docs/formats/durable.md).

use tagwire_access::Policy;
use tagwire_model::{Status, Timestamp, Value};
use tagwire_ua_proto::codec::{Decode as _, DecodeError, Encode as _, Reader, write_bytes, write_len, write_str};
use tagwire_ua_proto::services::TimestampsToReturn;
use tagwire_ua_proto::types::{ExtensionObject, NodeId, UaString, Variant};

use super::Kept;
use crate::event::Audience;
use crate::limits;
use crate::ownership::{Claim, Ownership};
use crate::subscription::{
    Deadband, Item, ItemSettings, Mode, Notification, Payload, Subscription, SubscriptionSettings, Target, Trigger,
};

/// What is written first.
const VERSION: u16 = 1;

/// Bytes before those that tell whether anything worth keeping changed: version, flag, number of the last message, cycles
/// of the lifetime.
pub(crate) const VOLATILE: usize = 2 + 1 + 4 + 4;

/// How much memory the parts of a subscription may take for each of its bytes.
const MEMORY_PER_BYTE: usize = 16;

/// A durable subscription as it was kept.
#[derive(Debug)]
pub struct Stored {
    pub(crate) id: u32,
    /// Written when the server ended in good order, after the last change.
    pub(crate) is_final: bool,
    /// Number of the last message with notifications.
    pub(crate) last_sequence: u32,
    /// Cycles since the client's last sign of life.
    pub(crate) n_lifetime: u32,
    pub(crate) claim: Claim,
    pub(crate) settings: SubscriptionSettings,
    pub(crate) hours: u32,
    pub(crate) publishing_enabled: bool,
    /// Messages that were not acknowledged, with their numbers.
    pub(crate) sent: Vec<(u32, Vec<u8>)>,
    pub(crate) items: Vec<StoredItem>,
}

/// One of its items.
#[derive(Debug)]
pub(crate) struct StoredItem {
    pub(crate) id: u32,
    pub(crate) kept: Kept,
    pub(crate) mode: Mode,
    pub(crate) timestamps: TimestampsToReturn,
    pub(crate) settings: ItemSettings,
    pub(crate) is_triggered: bool,
    pub(crate) links: Vec<u32>,
    pub(crate) queue: StoredQueue,
}

/// What waited in an item's queue, oldest first.
#[derive(Debug)]
pub(crate) enum StoredQueue {
    Values(Vec<Notification>),
    Events(Vec<StoredEvent>),
}

/// An event that waited: the fields that were asked for, and who may have them.
#[derive(Debug)]
pub(crate) struct StoredEvent {
    pub(crate) fields: Vec<Variant>,
    pub(crate) audience: Audience,
    /// Path of the link or device below which it happened.
    pub(crate) path: Option<String>,
    pub(crate) is_overflow: bool,
}

/// Writes a durable subscription.
pub(crate) fn write_subscription(
    subscription: &Subscription,
    owner: &Ownership,
    policy: &Policy,
    is_final: bool,
    out: &mut Vec<u8>,
) {
    VERSION.encode(out);
    is_final.encode(out);
    subscription.sent().last_sequence().encode(out);
    subscription.n_lifetime().encode(out);
    debug_assert_eq!(out.len(), VOLATILE, "the constant says where the lasting part begins");
    subscription.id.encode(out);
    let roles: Vec<&str> = owner.principal.roles().iter().filter_map(|role| policy.role_name(role)).collect();
    owner.write(&roles, out);
    let SubscriptionSettings { publishing_interval, max_keep_alive, lifetime: _, max_notifications, priority } =
        subscription.settings;
    publishing_interval.encode(out);
    max_keep_alive.encode(out);
    max_notifications.encode(out);
    priority.encode(out);
    subscription.hours().encode(out);
    subscription.publishing_enabled.encode(out);
    let sent = subscription.sent().messages();
    write_len(sent.len(), out);
    for (sequence, message) in sent {
        sequence.encode(out);
        write_bytes(message, out);
    }
    write_len(subscription.n_kept_items(), out);
    subscription.write_items(out);
}

/// Writes an item and what waits in its queue.
pub(crate) fn write_item(item: &Item, kept: &Kept, out: &mut Vec<u8>) {
    item.id.encode(out);
    kept.node.encode(out);
    kept.attribute.encode(out);
    kept.range.encode(out);
    kept.filter.encode(out);
    out.push(item.mode.to_wire());
    out.push(item.timestamps.0 as u8);
    let ItemSettings { client_handle, sampling_ms, queue_size, discard_oldest, trigger, ref deadband } = item.settings;
    client_handle.encode(out);
    sampling_ms.encode(out);
    queue_size.encode(out);
    discard_oldest.encode(out);
    out.push(match trigger {
        Trigger::Status => 0,
        Trigger::StatusValue => 1,
        Trigger::StatusValueTimestamp => 2,
    });
    let deadband = deadband.as_deref();
    deadband.map_or(0.0, |deadband| deadband.units).encode(out);
    deadband.and_then(|deadband| deadband.percent).unwrap_or(0.0).encode(out);
    item.is_triggered.encode(out);
    let links = item.links();
    write_len(links.len(), out);
    links.iter().for_each(|link| link.encode(out));
    match &item.target {
        Target::Events(queue) => queue.write(out),
        _ => {
            write_len(item.n_queued(), out);
            item.queue().for_each(|value| write_value(value, out));
        }
    }
}

const OVERFLOW: u8 = 1;
const SEMANTICS_CHANGED: u8 = 2;

/// Writes a value that waits.
fn write_value(value: &Notification, out: &mut Vec<u8>) {
    let overflow = if value.overflow { OVERFLOW } else { 0 };
    let semantics = if value.semantics_changed { SEMANTICS_CHANGED } else { 0 };
    out.push(overflow | semantics);
    value.status.encode(out);
    value.source_time.encode(out);
    value.server_time.encode(out);
    match &value.payload {
        Payload::Value(value) => Variant::from(value).encode(out),
        Payload::Variant(variant) => variant.encode(out),
    }
}

impl Stored {
    /// Reads what was kept.
    ///
    /// # Errors
    /// [`DecodeError`] for anything that no server of this version writes.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::with_budget(bytes, bytes.len().saturating_mul(MEMORY_PER_BYTE));
        let stored = Self::read_from(&mut reader)?;
        reader.finish()?;
        Ok(stored)
    }

    /// Id of the subscription.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Number of its items.
    pub const fn n_items(&self) -> usize {
        self.items.len()
    }

    fn read_from(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.u16()? != VERSION {
            return Err(DecodeError::Form);
        }
        let is_final = reader.bool()?;
        let (last_sequence, n_lifetime, id) = (reader.u32()?, reader.u32()?, reader.u32()?);
        let claim = Claim::read(reader)?;
        let settings = SubscriptionSettings {
            publishing_interval: within(reader.u64()?, MIN_INTERVAL, MAX_INTERVAL)?,
            max_keep_alive: within(reader.u32()?, 1, limits::MAX_KEEP_ALIVE)?,
            lifetime: 0,
            max_notifications: reader.u32()?,
            priority: reader.u8()?,
        };
        let hours = within(reader.u32()?, 1, u32::MAX)?;
        let publishing_enabled = reader.bool()?;
        let sent = list(reader, limits::MAX_SENT_MESSAGES, |reader| {
            let sequence = reader.u32()?;
            Ok((sequence, reader.byte_string()?.unwrap_or_default().to_vec()))
        })?;
        let items = list(reader, limits::MAX_MONITORED_ITEMS_PER_SUBSCRIPTION as usize, StoredItem::read)?;
        Ok(Self {
            id: within(id, 1, u32::MAX)?,
            is_final,
            last_sequence,
            n_lifetime,
            claim,
            settings: SubscriptionSettings { lifetime: super::side::cycles(hours, &settings), ..settings },
            hours,
            publishing_enabled,
            sent,
            items,
        })
    }
}

const MIN_INTERVAL: u64 = limits::MIN_PUBLISHING_INTERVAL_MS as u64;
const MAX_INTERVAL: u64 = limits::MAX_PUBLISHING_INTERVAL_MS as u64;

impl StoredItem {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = reader.u32()?;
        let kept = Kept {
            node: NodeId::decode(reader)?,
            attribute: reader.u32()?,
            range: UaString::decode(reader)?,
            filter: ExtensionObject::decode(reader)?,
        };
        let mode = Mode::from_wire(u32::from(reader.u8()?)).ok_or(DecodeError::Form)?;
        let timestamps = TimestampsToReturn(i32::from(within(reader.u8()?, 0, 3)?));
        let settings = ItemSettings {
            client_handle: reader.u32()?,
            sampling_ms: within(reader.u32()?, 0, limits::MAX_SAMPLING_INTERVAL_MS as u32)?,
            queue_size: within(reader.u32()?, 1, limits::MAX_DURABLE_ITEM_QUEUE)?,
            discard_oldest: reader.bool()?,
            trigger: match reader.u8()? {
                0 => Trigger::Status,
                1 => Trigger::StatusValue,
                2 => Trigger::StatusValueTimestamp,
                _ => return Err(DecodeError::Form),
            },
            deadband: read_deadband(reader)?,
        };
        let is_triggered = reader.bool()?;
        let links = list(reader, limits::MAX_MONITORED_ITEMS_PER_SUBSCRIPTION as usize, |reader| reader.u32())?;
        let queue = if kept.is_for_events() {
            // The event that tells of an overflow takes no place of the queue.
            StoredQueue::Events(list(reader, settings.queue_size as usize + 1, StoredEvent::read)?)
        } else {
            StoredQueue::Values(list(reader, settings.queue_size as usize, read_value)?)
        };
        Ok(Self { id, kept, mode, timestamps, settings, is_triggered, links, queue })
    }
}

impl StoredEvent {
    pub(crate) fn write_head(audience: Audience, path: Option<&str>, is_overflow: bool, out: &mut Vec<u8>) {
        out.push(match audience {
            Audience::Everybody => 0,
            Audience::Auditors => 1,
        });
        match path {
            Some(path) => write_str(path, out),
            None => (-1_i32).encode(out),
        }
        is_overflow.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let audience = match reader.u8()? {
            0 => Audience::Everybody,
            1 => Audience::Auditors,
            _ => return Err(DecodeError::Form),
        };
        let path = reader.str()?.map(str::to_owned);
        let is_overflow = reader.bool()?;
        let fields = list(reader, limits::MAX_SELECT_CLAUSES as usize, Variant::decode)?;
        Ok(Self { fields, audience, path, is_overflow })
    }
}

fn read_deadband(reader: &mut Reader<'_>) -> Result<Option<Box<Deadband>>, DecodeError> {
    let (units, percent) = (number(reader.f64()?)?, number(reader.f64()?)?);
    let percent = (percent > 0.0).then_some(percent);
    let has_any = units > 0.0 || percent.is_some();
    Ok(has_any.then(|| Box::new(Deadband { units, percent })))
}

fn read_value(reader: &mut Reader<'_>) -> Result<Notification, DecodeError> {
    let flags = within(reader.u8()?, 0, OVERFLOW | SEMANTICS_CHANGED)?;
    let status = Status(reader.u32()?);
    let (source_time, server_time): (Timestamp, Timestamp) = (reader.timestamp()?, reader.timestamp()?);
    let variant = Variant::decode(reader)?;
    // What a tag can hold is compared with what the tag holds next, so that it must be of the same kind.
    let payload = match Value::try_from(&variant) {
        Ok(value) => Payload::Value(value),
        Err(_) => Payload::Variant(variant.into()),
    };
    Ok(Notification {
        payload,
        status,
        overflow: flags & OVERFLOW != 0,
        semantics_changed: flags & SEMANTICS_CHANGED != 0,
        source_time,
        server_time,
    })
}

/// Reads a list of at most `max` parts, which takes memory only for those that are there.
pub(crate) fn list<'a, T>(
    reader: &mut Reader<'a>,
    max: usize,
    mut read: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let n = reader.array_len()?.unwrap_or(0);
    if n > max {
        return Err(DecodeError::Budget);
    }
    let mut parts = Vec::new();
    for _ in 0..n {
        reader.spend(1, size_of::<T>())?;
        parts.push(read(reader)?);
    }
    Ok(parts)
}

fn within<T: PartialOrd>(value: T, low: T, high: T) -> Result<T, DecodeError> {
    if value < low || value > high { Err(DecodeError::Form) } else { Ok(value) }
}

fn number(value: f64) -> Result<f64, DecodeError> {
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err(DecodeError::Form) }
}
