//! Which rule of the configuration covers each tag, worked out when the rules or the tags change.

use std::sync::Arc;

use tagwire_access::{Policy, Zone};
use tagwire_model::TagId;

use crate::address_space::{Node, Snapshot};
use crate::server::Server;

/// The zones of all tags under one policy.
pub(crate) struct Zones {
    policy: Arc<Policy>,
    /// Version of the tree that `tags` was made from.
    version: u64,
    /// By number of the tag; empty when no rule holds.
    tags: Vec<Zone>,
}

impl Zones {
    pub(crate) fn none(policy: Arc<Policy>) -> Self {
        Self { policy, version: u64::MAX, tags: Vec::new() }
    }

    fn new(policy: Arc<Policy>, snapshot: &Snapshot<'_>) -> Self {
        let mut tags = Vec::new();
        for (tag, view) in snapshot.tags() {
            if tags.len() <= tag.index() {
                tags.resize(tag.index() + 1, Zone::default());
            }
            tags[tag.index()] = policy.zone_of(view.path);
        }
        Self { policy, version: snapshot.version(), tags }
    }

    /// The zone of a tag.
    #[inline]
    pub(crate) fn of_tag(&self, tag: TagId) -> Zone {
        self.tags.get(tag.index()).copied().unwrap_or_default()
    }

    /// The zone of any node; what is no tag and no folder lies outside of all.
    pub(crate) fn of(&self, node: Node, snapshot: &Snapshot<'_>) -> Zone {
        match node {
            Node::Standard(_) | Node::Role(_) | Node::Session(_) => Zone::ELSEWHERE,
            Node::Model(node) => snapshot.tag_behind(node).map_or(Zone::ELSEWHERE, |tag| self.of_tag(tag)),
            Node::Tag(tag) | Node::Property(tag, _) | Node::History(tag, _) => self.of_tag(tag),
            Node::Folder(folder) | Node::Structure(folder) | Node::Method(folder, _) => {
                snapshot.folder(folder).map_or(Zone::ELSEWHERE, |folder| self.policy.zone_of(&folder.path))
            }
        }
    }
}

impl Server {
    /// The zones as of `snapshot`.
    pub(crate) fn zones(&self, snapshot: &Snapshot<'_>) -> Arc<Zones> {
        let zones = self.zones.load();
        let policy = self.policy();
        if policy.rules().is_empty() || (zones.version == snapshot.version() && Arc::ptr_eq(&zones.policy, &policy)) {
            return Arc::clone(&zones);
        }
        let zones = Arc::new(Zones::new(policy, snapshot));
        self.zones.store(Arc::clone(&zones));
        zones
    }
}
