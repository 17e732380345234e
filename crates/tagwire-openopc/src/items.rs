//! Items by their ids, as far as a peer may know them.

use std::sync::Arc;

use tagwire_access::{Operation, Policy, Principal, Target, authorise};
use tagwire_model::{Sample, Status, TagId};

use crate::Face;

/// Who asks, for as long as its connection lasts.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) policy: Arc<Policy>,
    pub(crate) principal: Principal,
}

impl Asker {
    /// Whether something may be done at a path.
    pub(crate) fn may(&self, operation: Operation, path: &str) -> bool {
        let zone = if self.principal.has_zones() { Target::Zone(self.policy.zone_of(path)) } else { Target::Server };
        authorise(&self.principal, operation, zone).is_ok()
    }

    /// The tag with an item id; a status says why there is none.
    pub(crate) fn find(&self, face: &Face, item: &str, operation: Operation) -> Result<TagId, Status> {
        let registry = face.hub.registry();
        let found = face.item_ids.find(item).or_else(|| registry.find_tag(item.as_bytes()));
        let tag = found.ok_or(Status::BAD_NODE_ID_UNKNOWN)?;
        // Rights hang on the place in the tree, whatever the item is called.
        let path = registry.tag(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?.path;
        if self.may(operation, path) { Ok(tag) } else { Err(Status::BAD_USER_ACCESS_DENIED) }
    }

    /// The sample of each item; a status where there is none.
    pub(crate) fn samples(&self, face: &Face, items: &[String]) -> Vec<Result<Sample, Status>> {
        items
            .iter()
            .map(|item| {
                let tag = self.find(face, item, Operation::Read)?;
                Ok(face.hub.read(tag).ok_or(Status::BAD_NODE_ID_UNKNOWN)?.to_sample())
            })
            .collect()
    }
}
