//! An event filter as a client sends it: decoded, checked, and applied to one event of each of several types.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tagwire_hub::{FolderId, FolderKind, Hub};
use tagwire_model::Timestamp;
use tagwire_ua_proto::codec::Decode;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::EventFilter;
use tagwire_ua_proto::status;
use tagwire_ua_server::address_space::{AddressSpace, Namespaces};
use tagwire_ua_server::event::{Event, Filter, NewEvent, Source};

static SPACE: LazyLock<AddressSpace> = LazyLock::new(|| {
    let hub = Hub::new(Instant::now());
    hub.folder(FolderId::ROOT, "line1", FolderKind::Link).expect("a free name");
    AddressSpace::new(Arc::new(hub), Namespaces::new("urn:fuzz", Namespaces::DEFAULT_TAGS_URI, []))
});

static EVENTS: LazyLock<Vec<Event>> = LazyLock::new(|| {
    let types = [node::DEVICE_FAILURE_EVENT_TYPE, node::BASE_MODEL_CHANGE_EVENT_TYPE, node::AUDIT_WRITE_UPDATE_EVENT_TYPE];
    types
        .into_iter()
        .map(|event_type| {
            let new = NewEvent::new(event_type, Source::folder("line1.press"), 700, "device press does not answer");
            let new = new.with("NewValue", vec![1.5_f64, 2.5]).with("OldValue", "text").with("Status", true);
            Event::new(new, [7; 16], Timestamp::from_ticks(133_000_000_000_000_000)).expect("an event type")
        })
        .collect()
});

fuzz_target!(|data: &[u8]| {
    let Ok(asked) = EventFilter::from_bytes(data) else { return };
    match Filter::check(&asked, &SPACE.snapshot()) {
        Ok((filter, result)) => {
            assert_eq!(filter.n_fields(), asked.select_clauses.len());
            assert_eq!(result.select_clause_results.len(), asked.select_clauses.len());
            for event in EVENTS.iter() {
                let first = filter.accepts(event);
                assert_eq!(first, filter.accepts(event));
                assert_eq!(filter.fields(event).count(), filter.n_fields());
            }
        }
        Err(refused) => {
            assert_eq!(refused.status, status::BAD_EVENT_FILTER_INVALID);
            if let Some(result) = refused.result {
                assert_eq!(result.where_clause_result.element_results.len(), asked.where_clause.elements.len());
            }
        }
    }
});
