//! The two wires between a link and the live table.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tagwire_driver::{LinkHandle, Sink, Update};
use tagwire_hub::{Hub, Route, RouteFuture};
use tagwire_model::{Status, TagId, Value};

/// What a link delivers into.
pub(crate) struct HubSink(pub(crate) Arc<Hub>);

impl Sink for HubSink {
    fn apply(&self, batch: &mut Vec<Update>) {
        self.0.apply(batch, Instant::now());
    }

    fn demand(&self, tag: TagId) -> Option<Duration> {
        self.0.demand(tag)
    }

    fn demand_version(&self) -> u64 {
        self.0.demand_version()
    }

    fn tag_name(&self, tag: TagId) -> String {
        let registry = self.0.registry();
        registry.tag(tag).map_or_else(String::new, |tag| format!("{} ({})", tag.path, tag.address))
    }
}

/// The way back: writes and device reads of a link's tags.
pub(crate) struct LinkRoute(pub(crate) LinkHandle);

impl Route for LinkRoute {
    fn write(&self, writes: Vec<(TagId, Value)>) -> RouteFuture<Vec<Status>> {
        Box::pin(self.0.write(writes))
    }

    fn refresh(&self, tags: Vec<TagId>) -> RouteFuture<()> {
        let read = self.0.read(tags);
        Box::pin(async move {
            read.await;
        })
    }
}
