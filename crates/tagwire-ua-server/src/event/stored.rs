//! Events as the historian keeps them (docs/formats/history.md).

use std::sync::Arc;

use tagwire_history::StoredEvent;
use tagwire_ua_proto::codec::{Decode as _, DecodeError, Encode as _, Reader, write_len, write_sized, write_str};
use tagwire_ua_proto::types::Variant;

use super::{Event, Field};
use crate::address_space::StandardNode;

const VERSION: u8 = 1;
/// How much memory the fields of an event may take for each of its bytes.
const MEMORY_PER_BYTE: usize = 16;

/// The event as it is kept; `None` for one without id or time, which no emitter makes.
pub(crate) fn write(event: &Event) -> Option<StoredEvent> {
    let field = |name| event.value(Field::find(&[name])?);
    let Some(Variant::ByteString(id)) = field("EventId") else { return None };
    let Some(Variant::DateTime(time)) = field("Time") else { return None };
    let mut body = vec![VERSION];
    event.event_type().id().encode(&mut body);
    write_str(event.path().unwrap_or_default(), &mut body);
    write_len(event.fields().len(), &mut body);
    for (field, value) in event.fields() {
        write_str(&field.path().join("/"), &mut body);
        write_sized(&mut body, |out| value.encode(out));
    }
    Some(StoredEvent { time: *time, id: (&**id).try_into().ok()?, body })
}

/// The event that was kept; fields that this version does not know are left out.
///
/// # Errors
/// [`DecodeError`] for anything that no version writes.
pub(crate) fn read(stored: &StoredEvent) -> Result<Event, DecodeError> {
    let budget = stored.body.len().saturating_mul(MEMORY_PER_BYTE);
    let mut reader = Reader::with_budget(&stored.body, budget);
    if reader.u8()? != VERSION {
        return Err(DecodeError::Form);
    }
    let event_type = StandardNode::find(reader.u32()?).ok_or(DecodeError::Form)?;
    let path: Option<Arc<str>> = reader.str()?.filter(|path| !path.is_empty()).map(Into::into);
    let n = reader.array_len()?.unwrap_or(0);
    let mut fields = Vec::new();
    for _ in 0..n {
        let names: Vec<&str> = reader.str()?.unwrap_or_default().split('/').collect();
        let value = reader.byte_string()?.unwrap_or_default();
        if let Some(field) = Field::find(&names) {
            let mut reader = Reader::with_budget(value, value.len().saturating_mul(MEMORY_PER_BYTE));
            fields.push((field, Variant::decode(&mut reader)?));
        }
    }
    reader.finish()?;
    Ok(Event::restored(event_type, path, fields))
}

#[cfg(test)]
mod tests {
    use tagwire_model::Timestamp;
    use tagwire_ua_proto::ids::node;

    use super::super::{NewEvent, Source};
    use super::*;

    fn event() -> Event {
        let new = NewEvent::new(node::DEVICE_FAILURE_EVENT_TYPE, Source::folder("line1.press"), 700, "gone");
        Event::new(new.at(Timestamp::from_ticks(55)), [7; 16], Timestamp::from_ticks(60)).expect("an event type")
    }

    #[test]
    fn an_event_is_the_same_after_it_was_kept() {
        let stored = write(&event()).expect("has id and time");
        assert_eq!((stored.time, stored.id), (Timestamp::from_ticks(55), [7; 16]));
        let read = read(&stored).expect("reads");
        assert_eq!(read.fields(), event().fields());
        assert_eq!((read.path(), read.event_type()), (Some("line1.press"), event().event_type()));
    }

    #[test]
    fn a_kept_event_that_is_damaged_is_told_and_never_believed() {
        let stored = write(&event()).expect("has id and time");
        for len in 0..stored.body.len() {
            let cut = StoredEvent { body: stored.body[..len].to_vec(), ..stored.clone() };
            assert!(read(&cut).is_err(), "cut at {len}");
        }
        let mut newer = stored;
        newer.body[0] = 2;
        assert!(read(&newer).is_err());
    }
}
