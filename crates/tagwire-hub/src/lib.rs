//! The live tag table: the one place that knows what every tag is right now.
//!
//! - [`Hub`]: the shared handle; links apply updates to it, faces read from it.
//! - [`Registry`]: which tags exist, under which path, in which folder.
//! - [`Inbox`]: the bounded queue through which one subscriber learns of changes.
//! - [`Route`]: where writes and device reads of a link's tags go.
//! - [`TagMaker`]: who makes tags that are named without being there.
//!
//! Nothing here waits for a disk, a socket or a subscriber.

mod feed;
mod hash;
mod hub;
mod maker;
mod paths;
mod registry;
mod routes;
mod shaping;
mod slot;
mod table;
mod watchers;

pub use feed::{Change, Inbox};
pub use hub::Hub;
pub use maker::TagMaker;
pub use registry::{
    Folder, FolderId, FolderKind, NewTag, PathTarget, Registry, RegistryError, TagExtra, TagMeta, TagView,
};
pub use routes::{LinkId, Route, RouteFuture};
pub use slot::TagFlags;
pub use table::Reading;
pub use watchers::{Interest, WatchId};
