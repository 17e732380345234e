//! Browse and BrowseNext: one node's references, filtered, from the tables straight into the answer.

use tagwire_access::Operation;
use tagwire_model::Status;
use tagwire_ua_proto::codec::write_len;
use tagwire_ua_proto::ids::mask::browse_result;
use tagwire_ua_proto::services::{BrowseDescription, BrowseDirection};
use tagwire_ua_proto::status;

use super::View;
use super::continuation::{ContinuationPoints, ID_LEN, Point};
use crate::address_space::{
    FIRST_INVERSE_SEGMENT, N_SEGMENTS, Node, Reference, ReferenceTypes, Segment, Snapshot, class,
};
use crate::limits;

/// The null NodeId and ExpandedNodeId.
const NULL_ID: [u8; 2] = [0, 0];

/// What is asked of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query {
    node: Node,
    types: ReferenceTypes,
    /// Bits of the wanted classes; 0 for all.
    classes: u32,
    forward: bool,
    inverse: bool,
    result_mask: u32,
    max_references: usize,
}

/// A place among the references of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    segment: usize,
    offset: usize,
}

/// Where a search for the next matching reference ended.
enum Search {
    Found(Position, Reference),
    End,
    /// The request has looked at as many references as it may.
    Exhausted(Position),
}

impl Query {
    /// Checks what was asked.
    pub(super) fn new(view: &View<'_>, asked: &BrowseDescription, max_references: u32) -> Result<Self, Status> {
        let (forward, inverse) = match asked.browse_direction {
            BrowseDirection::FORWARD => (true, false),
            BrowseDirection::INVERSE => (false, true),
            BrowseDirection::BOTH => (true, true),
            _ => return Err(status::BAD_BROWSE_DIRECTION_INVALID),
        };
        let node = view.snapshot.resolve(asked.node_id.borrowed()).ok_or(status::BAD_NODE_ID_UNKNOWN)?;
        if !view.rights.may(Operation::Browse, node, view.snapshot) {
            return Err(status::BAD_NODE_ID_UNKNOWN);
        }
        let types = if asked.reference_type_id.is_null() {
            ReferenceTypes::ALL
        } else {
            reference_types(view.snapshot, &asked.reference_type_id, asked.include_subtypes)
                .ok_or(status::BAD_REFERENCE_TYPE_ID_INVALID)?
        };
        let max_references = match max_references {
            0 => limits::MAX_REFERENCES_PER_NODE,
            asked => asked.min(limits::MAX_REFERENCES_PER_NODE),
        };
        Ok(Self {
            node,
            types,
            classes: asked.node_class_mask,
            forward,
            inverse,
            result_mask: asked.result_mask,
            max_references: max_references as usize,
        })
    }

    const fn wants(&self, type_ordinal: u8, class: u8) -> bool {
        self.types.contains(type_ordinal) && (self.classes == 0 || self.classes & class as u32 != 0)
    }

    const fn wants_direction(&self, segment: usize) -> bool {
        if segment >= FIRST_INVERSE_SEGMENT { self.inverse } else { self.forward }
    }
}

/// The reference types that an id stands for; `None` when it names no reference type.
pub(super) fn reference_types(
    snapshot: &Snapshot<'_>,
    id: &tagwire_ua_proto::types::NodeId,
    with_subtypes: bool,
) -> Option<ReferenceTypes> {
    snapshot.reference_types(snapshot.resolve(id.borrowed())?, with_subtypes)
}

/// Writes the results of one request.
pub(super) struct Browser<'a, 'b> {
    view: &'a View<'a>,
    out: &'b mut Vec<u8>,
    /// Where the answer began.
    start: usize,
    has_reference: bool,
    examined_left: usize,
}

impl<'a, 'b> Browser<'a, 'b> {
    pub(super) fn new(view: &'a View<'a>, out: &'b mut Vec<u8>) -> Self {
        let start = out.len();
        Self { view, out, start, has_reference: false, examined_left: limits::MAX_REFERENCES_EXAMINED }
    }

    pub(super) const fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Writes a result without references.
    pub(super) fn fail(&mut self, status: Status) {
        self.out.extend_from_slice(&status.0.to_le_bytes());
        self.out.extend_from_slice(&[0xFF; 4]);
        write_len(0, self.out);
    }

    /// Writes the result for a node from its first reference on.
    pub(super) fn start(&mut self, query: Query, points: &mut ContinuationPoints) {
        let segments = self.view.snapshot.references(query.node);
        self.write_result(query, &segments, Position { segment: 0, offset: 0 }, points);
    }

    /// Writes the result for a node from where an earlier one was cut.
    pub(super) fn resume(&mut self, point: Point, points: &mut ContinuationPoints) {
        let snapshot = self.view.snapshot;
        let mut query = point.query;
        let mut position = point.position;
        let moved = point.version != snapshot.versions();
        if moved {
            match snapshot.resolve(point.node_id.borrowed()) {
                Some(node) => query.node = node,
                None => return self.fail(status::BAD_CONTINUATION_POINT_INVALID),
            }
        }
        if !self.view.rights.may(Operation::Browse, query.node, snapshot) {
            return self.fail(status::BAD_CONTINUATION_POINT_INVALID);
        }
        let segments = snapshot.references(query.node);
        if moved && let Some(segment) = segments.get(position.segment) {
            position.offset = match segment {
                // They stand in the order of their ids, so that the place is known even when that session has ended.
                Segment::Sessions(_) => snapshot.session_place(&point.next_id),
                _ => {
                    let next = snapshot.resolve(point.next_id.borrowed());
                    next.and_then(|next| segment.position(next)).unwrap_or(position.offset)
                }
            };
        }
        self.write_result(query, &segments, position, points);
    }

    fn write_result(
        &mut self,
        query: Query,
        segments: &[Segment<'_>; N_SEGMENTS],
        from: Position,
        points: &mut ContinuationPoints,
    ) {
        let start = self.out.len();
        self.out.extend_from_slice(&Status::GOOD.0.to_le_bytes());
        let id_at = self.out.len();
        self.out.extend_from_slice(&[0xFF; 4]);
        let count_at = self.out.len();
        write_len(0, self.out);
        let (count, next) = self.write_references(&query, segments, from);
        if let Some(count_bytes) = self.out.get_mut(count_at..count_at + 4) {
            count_bytes.copy_from_slice(&(count as u32).to_le_bytes());
        }
        let Some(position) = next else { return };
        let snapshot = self.view.snapshot;
        let next = segments.get(position.segment).and_then(|segment| segment.next(position.offset));
        let next = next.map(|(_, reference)| reference);
        let point = Point {
            query,
            node_id: snapshot.node_id(query.node),
            position,
            next_id: next.map(|next| snapshot.node_id(next.target)).unwrap_or_default(),
            version: snapshot.versions(),
        };
        match points.put(point) {
            Some(id) => {
                let bytes = (ID_LEN as u32).to_le_bytes().into_iter().chain(id);
                self.out.splice(id_at..id_at + 4, bytes);
            }
            None => {
                self.out.truncate(start);
                self.fail(status::BAD_NO_CONTINUATION_POINTS);
            }
        }
    }

    /// Writes references until the page or the answer is full; returns their number and where to go on.
    fn write_references(
        &mut self,
        query: &Query,
        segments: &[Segment<'_>; N_SEGMENTS],
        from: Position,
    ) -> (usize, Option<Position>) {
        let mut count = 0;
        let mut at = from;
        loop {
            let (position, reference) = match self.search(query, segments, at) {
                Search::Found(position, reference) => (position, reference),
                Search::End => return (count, None),
                Search::Exhausted(position) => return (count, Some(position)),
            };
            if count == query.max_references {
                return (count, Some(position));
            }
            let before = self.out.len();
            self.write_reference(query, position.segment < FIRST_INVERSE_SEGMENT, reference);
            // The very first reference stays even where it does not fit, or BrowseNext would never come to an end.
            if self.out.len() - self.start > self.view.max_len && self.has_reference {
                self.out.truncate(before);
                return (count, Some(position));
            }
            self.has_reference = true;
            count += 1;
            at = Position { segment: position.segment, offset: position.offset + 1 };
        }
    }

    /// Finds the first matching reference at or after a place.
    #[inline]
    fn search(&mut self, query: &Query, segments: &[Segment<'_>; N_SEGMENTS], from: Position) -> Search {
        let view = self.view;
        let mut offset = from.offset;
        for (number, segment) in segments.iter().enumerate().skip(from.segment) {
            let common = segment.common();
            let passes = common.is_none_or(|(type_ordinal, class)| query.wants(type_ordinal, class));
            if passes && query.wants_direction(number) {
                while let Some((place, reference)) = segment.next(offset) {
                    let position = Position { segment: number, offset: place };
                    if self.examined_left == 0 {
                        return Search::Exhausted(position);
                    }
                    self.examined_left -= 1;
                    let wanted = common.is_some() || query.wants(reference.type_ordinal, reference.target.class());
                    if wanted && view.rights.may(Operation::Browse, reference.target, view.snapshot) {
                        return Search::Found(position, reference);
                    }
                    offset = place + 1;
                }
            }
            offset = 0;
        }
        Search::End
    }

    /// Appends a ReferenceDescription.
    #[inline]
    fn write_reference(&mut self, query: &Query, is_forward: bool, reference: Reference) {
        let (snapshot, out) = (self.view.snapshot, &mut *self.out);
        let wants = |bit: u32| query.result_mask & bit != 0;
        let target = reference.target;
        match snapshot.reference_type(reference.type_ordinal) {
            Some(node) if wants(browse_result::REFERENCE_TYPE) => snapshot.write_node_id(node, out),
            _ => out.extend_from_slice(&NULL_ID),
        }
        out.push(u8::from(wants(browse_result::IS_FORWARD) && is_forward));
        snapshot.write_node_id(target, out);
        if wants(browse_result::BROWSE_NAME) {
            snapshot.write_browse_name(target, out);
        } else {
            out.extend_from_slice(&[0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
        }
        if wants(browse_result::DISPLAY_NAME) {
            snapshot.write_display_name(target, out);
        } else {
            out.push(0);
        }
        let class = target.class();
        let shown_class = if wants(browse_result::NODE_CLASS) { u32::from(class) } else { 0 };
        out.extend_from_slice(&shown_class.to_le_bytes());
        let has_type = wants(browse_result::TYPE_DEFINITION) && matches!(class, class::OBJECT | class::VARIABLE);
        match snapshot.type_definition(target) {
            Some(node) if has_type => snapshot.write_node_id(node, out),
            _ => out.extend_from_slice(&NULL_ID),
        }
    }
}
