//! Writes of whole structures: each tag gets its field, in the same batch as the other writes of the request.

use std::ops::Range;

use tagwire_hub::{FolderId, TagFlags};
use tagwire_model::{Status, TagId, Value};
use tagwire_ua_proto::hot::{ValueRef, WriteValueRef};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{NumericRange, Variant};

use super::Context;
use crate::address_space::Snapshot;
use crate::limits;
use crate::rights::TagRights;

/// The structures that one request writes.
#[derive(Default)]
pub(super) struct StructureWrites {
    members: Vec<(TagId, Value)>,
    writes: Vec<StructureWrite>,
}

/// One structure and its place among the items of the request.
pub(super) struct StructureWrite {
    pub(super) position: usize,
    pub(super) folder: FolderId,
    members: Range<usize>,
}

impl StructureWrites {
    /// Takes an item that names the value of a structure.
    #[cold]
    pub(super) fn take(
        &mut self,
        context: &Context<'_>,
        (snapshot, rights): (&Snapshot<'_>, &TagRights<'_>),
        (position, folder): (usize, FolderId),
        item: &WriteValueRef<'_>,
    ) -> Result<(), Status> {
        for tag in snapshot.members(folder)? {
            if !context.server.hub.flags(tag).is_some_and(TagFlags::writable) {
                return Err(status::BAD_NOT_WRITABLE);
            }
            rights.check(tag)?;
        }
        if NumericRange::parse(item.index_range).map_err(|error| error.status())?.is_some() {
            return Err(status::BAD_INDEX_RANGE_NO_DATA);
        }
        // A device takes values only; a quality cannot be written.
        if item.value.status.is_some_and(|status| status.code() != Status::GOOD) {
            return Err(status::BAD_WRITE_NOT_SUPPORTED);
        }
        let ValueRef::Other(Variant::ExtensionObject(value)) = &item.value.value else {
            return Err(Status::BAD_TYPE_MISMATCH);
        };
        let members = snapshot.structure_writes(folder, value)?;
        if self.members.len() + members.len() > limits::MAX_NODES_PER_WRITE as usize {
            return Err(Status::BAD_TOO_MANY_OPERATIONS);
        }
        let start = self.members.len();
        self.members.extend(members);
        self.writes.push(StructureWrite { position, folder, members: start..self.members.len() });
        Ok(())
    }

    /// Each structure with the tags and values that are about to be written.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&StructureWrite, &[(TagId, Value)])> {
        self.writes.iter().map(|write| (write, self.members.get(write.members.clone()).unwrap_or_default()))
    }

    /// Puts the writes of all tags behind the others; their answers are for [`StructureWrites::answer`].
    pub(super) fn send(&mut self, writes: &mut Vec<(TagId, Value)>) {
        writes.append(&mut self.members);
    }

    /// Good for a structure of which every tag took its value, else the first other code.
    pub(super) fn answer(&self, answers: &[Status], results: &mut [Status]) {
        for StructureWrite { position, members, .. } in &self.writes {
            let answers = answers.get(members.clone());
            let status = answers.map_or(Status::BAD_INTERNAL_ERROR, |answers| {
                let worst = answers.iter().find(|status| status.is_bad());
                worst
                    .or_else(|| answers.iter().find(|status| **status != Status::GOOD))
                    .copied()
                    .unwrap_or(Status::GOOD)
            });
            if let Some(result) = results.get_mut(*position) {
                *result = status;
            }
        }
    }
}
