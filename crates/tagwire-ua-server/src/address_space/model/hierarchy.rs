//! What derives from what: supertypes, reference types with their subtypes, and what belongs to a type.

use super::super::{Node, Reference, ReferenceTypes, StandardNode, class, reference_type};
use super::{ModelNode, Record};
use crate::node_set::flag;

/// Levels of types.
pub(super) const MAX_LEVELS: usize = 128;

/// Takes the supertype from every node whose line of supertypes does not end, and tells which.
pub(super) fn end_all(records: &mut [Record]) -> Vec<usize> {
    let mut endless = Vec::new();
    for idx in 0..records.len() {
        let supertype = |node: &Node| match node {
            Node::Model(node) => records.get(node.idx()).and_then(|record| record.supertype),
            _ => None,
        };
        let first = records.get(idx).and_then(|record| record.supertype);
        if std::iter::successors(first, supertype).take(MAX_LEVELS).count() == MAX_LEVELS {
            records[idx].supertype = None;
            endless.push(idx);
        }
    }
    endless
}

/// For each reference type, by its ordinal, itself and all its subtypes.
pub(super) fn subtypes(records: &[Record], reference_types: &[ModelNode]) -> Box<[ReferenceTypes]> {
    let n_standard = usize::from(StandardNode::n_reference_types());
    let n_all = n_standard + reference_types.len();
    let ordinal_of = |node: Node| match node {
        Node::Standard(node) => node.ordinal().map(usize::from),
        Node::Model(node) => reference_types.iter().position(|known| *known == node).map(|place| n_standard + place),
        _ => None,
    };
    let supertype = |node: &Node| match node {
        Node::Standard(node) => node.supertype().map(Node::Standard),
        Node::Model(node) => records.get(node.idx()).and_then(|record| record.supertype),
        _ => None,
    };
    let mut sets = vec![ReferenceTypes::NONE; n_all];
    for ordinal in 0..n_all {
        let Ok(bit) = u8::try_from(ordinal) else { break };
        let node = match reference_type(bit) {
            Some(node) => Some(Node::Standard(node)),
            None => reference_types.get(ordinal - n_standard).copied().map(Node::Model),
        };
        for ancestor in std::iter::successors(node, supertype).take(MAX_LEVELS) {
            if let Some(set) = ordinal_of(ancestor).and_then(|ancestor| sets.get_mut(ancestor)) {
                set.insert(bit);
            }
        }
    }
    sets.into_boxed_slice()
}

/// Marks whatever the types consist of.
pub(super) fn mark_declarations(records: &mut [Record], forward: &[Vec<Reference>], aggregates: ReferenceTypes) {
    let is_type = |class: u8| !matches!(class, class::OBJECT | class::VARIABLE | class::METHOD | class::VIEW);
    let mut pending: Vec<usize> = (0..records.len()).filter(|idx| is_type(records[*idx].class)).collect();
    while let Some(idx) = pending.pop() {
        for reference in forward.get(idx).into_iter().flatten() {
            let Node::Model(part) = reference.target else { continue };
            let Some(record) = records.get_mut(part.idx()) else { continue };
            let is_new = record.flags & flag::DECLARATION == 0 && !is_type(record.class);
            if is_new && aggregates.contains(reference.type_ordinal) {
                record.flags |= flag::DECLARATION;
                pending.push(part.idx());
            }
        }
    }
}
