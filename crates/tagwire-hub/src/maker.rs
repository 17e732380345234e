//! Tags that are made because somebody names them.

use tagwire_model::TagId;

use crate::routes::RouteFuture;

/// Makes tags that nobody defined out of their paths (gateway-behaviour B-20).
pub trait TagMaker: Send + Sync {
    /// Whether a path that leads to no tag may be made into one. Never waits.
    fn wants(&self, path: &str) -> bool;

    /// Makes tags at these paths as far as that is possible, and gives those that are there then, with a first value
    /// where the device gave one.
    fn make(&self, paths: Vec<String>) -> RouteFuture<Vec<TagId>>;
}
