//! Where writes and device reads go: one route per link.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tagwire_model::{Status, TagId, Value};

/// A link's number, at most 65,535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

/// What a route returns: it may be awaited anywhere and dropped at any time.
pub type RouteFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The way to one link's devices. Submitting never blocks; a full queue answers with a status.
pub trait Route: Send + Sync {
    /// Writes engineering values in order; one status per item, Good only after the device confirmed.
    fn write(&self, writes: Vec<(TagId, Value)>) -> RouteFuture<Vec<Status>>;

    /// Reads these tags from the device now; when the future ends the table holds what the device said.
    fn refresh(&self, tags: Vec<TagId>) -> RouteFuture<()>;
}

/// The routes of all links, indexed by link.
#[derive(Default)]
pub(crate) struct Routes {
    by_link: Vec<Option<Arc<dyn Route>>>,
}

impl Routes {
    pub(crate) fn set(&mut self, link: LinkId, route: Option<Arc<dyn Route>>) {
        let idx = link.0 as usize;
        if idx >= self.by_link.len() {
            self.by_link.resize_with(idx + 1, || None);
        }
        self.by_link[idx] = route;
    }

    pub(crate) fn route(&self, link: LinkId) -> Option<Arc<dyn Route>> {
        self.by_link.get(link.0 as usize)?.clone()
    }
}
