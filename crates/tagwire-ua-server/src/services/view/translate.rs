//! TranslateBrowsePathsToNodeIds (Part 4, 5.9.4), step by step without recursion.

use std::collections::HashSet;

use tagwire_access::Operation;
use tagwire_hub::FolderId;
use tagwire_model::Status;
use tagwire_ua_proto::codec::write_len;
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{BrowsePath, RelativePathElement};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::QualifiedName;

use super::View;
use super::browse::reference_types;
use crate::address_space::{FIRST_INVERSE_SEGMENT, Node, ReferenceTypes, Segment};
use crate::limits;

/// RemainingPathIndex of a path that was followed to its end (Part 4, 5.9.4.2).
const PATH_COMPLETE: u32 = u32::MAX;

/// Follows the paths of one request.
pub(super) struct Translator<'a> {
    view: &'a View<'a>,
    examined_left: usize,
}

impl<'a> Translator<'a> {
    pub(super) const fn new(view: &'a View<'a>) -> Self {
        Self { view, examined_left: limits::MAX_REFERENCES_EXAMINED }
    }

    /// Appends the result of one path.
    pub(super) fn translate(&mut self, path: &BrowsePath, out: &mut Vec<u8>) {
        let (status, targets) = match self.follow(path) {
            Ok(targets) => (Status::GOOD, targets),
            Err(status) => (status, Vec::new()),
        };
        out.extend_from_slice(&status.0.to_le_bytes());
        write_len(targets.len(), out);
        for target in targets {
            self.view.snapshot.write_node_id(target, out);
            out.extend_from_slice(&PATH_COMPLETE.to_le_bytes());
        }
    }

    fn follow(&mut self, path: &BrowsePath) -> Result<Vec<Node>, Status> {
        let snapshot = self.view.snapshot;
        let start = snapshot.resolve(path.starting_node.borrowed()).ok_or(status::BAD_NODE_ID_UNKNOWN)?;
        if !self.view.rights.may(Operation::Browse, start, snapshot) {
            return Err(status::BAD_NODE_ID_UNKNOWN);
        }
        let elements = &path.relative_path.elements;
        if elements.is_empty() {
            return Err(status::BAD_NOTHING_TO_DO);
        }
        if elements.len() > limits::MAX_BROWSE_PATH_ELEMENTS {
            return Err(status::BAD_TOO_MANY_OPERATIONS);
        }
        if elements.iter().any(|element| element.target_name.name.is_empty()) {
            return Err(status::BAD_BROWSE_NAME_INVALID);
        }
        let mut nodes = vec![start];
        for element in elements {
            nodes = self.step(&nodes, element)?;
        }
        Ok(nodes)
    }

    /// All nodes that one element leads to from any of `sources`.
    fn step(&mut self, sources: &[Node], element: &RelativePathElement) -> Result<Vec<Node>, Status> {
        let snapshot = self.view.snapshot;
        let types = if element.reference_type_id.is_null() {
            ReferenceTypes::ALL
        } else {
            reference_types(snapshot, &element.reference_type_id, element.include_subtypes)
                .ok_or(status::BAD_NO_MATCH)?
        };
        let mut seen = HashSet::new();
        let mut targets = Vec::new();
        for source in sources {
            for (number, segment) in snapshot.references(*source).iter().enumerate() {
                if (number >= FIRST_INVERSE_SEGMENT) != element.is_inverse {
                    continue;
                }
                if segment.common().is_some_and(|(type_ordinal, _)| !types.contains(type_ordinal)) {
                    continue;
                }
                self.search(*source, segment, types, &element.target_name, |target| {
                    if seen.insert(target) {
                        targets.push(target);
                    }
                })?;
                if targets.len() > limits::MAX_BROWSE_PATH_TARGETS {
                    return Err(status::BAD_TOO_MANY_MATCHES);
                }
            }
        }
        if targets.is_empty() { Err(status::BAD_NO_MATCH) } else { Ok(targets) }
    }

    /// Reports the targets of a run of references that have a name.
    fn search(
        &mut self,
        source: Node,
        segment: &Segment<'_>,
        types: ReferenceTypes,
        name: &QualifiedName,
        mut report: impl FnMut(Node),
    ) -> Result<(), Status> {
        let snapshot = self.view.snapshot;
        let folder = match source {
            Node::Folder(folder) | Node::Structure(folder) => Some(folder),
            _ if Node::standard(node::OBJECTS_FOLDER) == Some(source) => Some(FolderId::ROOT),
            _ => None,
        };
        let named_child = match (segment, folder) {
            (Segment::Folders(_), Some(folder)) => {
                Some(snapshot.child(folder, name).filter(|child| matches!(child, Node::Folder(_))))
            }
            (Segment::Structures(_), Some(folder)) => {
                Some(snapshot.child(folder, name).filter(|child| matches!(child, Node::Structure(_))))
            }
            (Segment::Tags(_), Some(folder)) => {
                Some(snapshot.child(folder, name).filter(|child| matches!(child, Node::Tag(_))))
            }
            _ => None,
        };
        if let Some(child) = named_child {
            self.spend(1)?;
            if let Some(child) = child
                && self.view.rights.may(Operation::Browse, child, snapshot)
            {
                report(child);
            }
            return Ok(());
        }
        self.spend(segment.len())?;
        for reference in segment.iter() {
            let target = reference.target;
            if types.contains(reference.type_ordinal)
                && snapshot.has_browse_name(target, name)
                && self.view.rights.may(Operation::Browse, target, snapshot)
            {
                report(target);
            }
        }
        Ok(())
    }

    fn spend(&mut self, count: usize) -> Result<(), Status> {
        self.examined_left = self.examined_left.checked_sub(count).ok_or(status::BAD_QUERY_TOO_COMPLEX)?;
        Ok(())
    }
}
