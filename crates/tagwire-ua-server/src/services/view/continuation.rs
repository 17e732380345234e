//! Where the answers to Browse were cut, kept for BrowseNext (Part 4, 7.9).

use tagwire_ua_proto::types::{ByteString, NodeId};

use super::browse::{Position, Query};
use crate::limits;

/// Length of a continuation point on the wire.
pub(super) const ID_LEN: usize = 16;

/// What BrowseNext needs to go on.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// What was asked.
    pub(super) query: Query,
    /// The node that was browsed, by name, because its number can be given out again.
    pub(super) node_id: NodeId,
    /// Where to go on.
    pub(super) position: Position,
    /// The node that stood there, to find the place again when nodes came or went.
    pub(super) next_id: NodeId,
    /// The versions of the nodes at that time.
    pub(super) version: (u64, u64),
}

#[derive(Debug)]
struct Held {
    id: [u8; ID_LEN],
    request: u64,
    point: Point,
}

/// The continuation points of one session, at most [`limits::MAX_BROWSE_CONTINUATION_POINTS`]. Dropping it frees them.
#[derive(Debug, Default)]
pub struct ContinuationPoints {
    /// Oldest first.
    held: Vec<Held>,
    request: u64,
}

impl ContinuationPoints {
    /// The number of points held.
    pub const fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none is held.
    pub const fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Makes the points held so far fair game for the needs of the request that begins.
    pub(super) const fn begin_request(&mut self) {
        self.request += 1;
    }

    /// Keeps a point and names it; frees the oldest one of an earlier request when all are in use, and keeps nothing
    /// when there is none of an earlier request.
    pub(super) fn put(&mut self, point: Point) -> Option<[u8; ID_LEN]> {
        if self.held.len() >= usize::from(limits::MAX_BROWSE_CONTINUATION_POINTS) {
            let oldest = self.held.iter().position(|held| held.request < self.request)?;
            self.held.remove(oldest);
        }
        // Ids are looked up within their session only, so they need to be unlike earlier ones, not secret.
        let id = fastrand::u128(..).to_le_bytes();
        self.held.push(Held { id, request: self.request, point });
        Some(id)
    }

    /// Removes and returns a point.
    pub(super) fn take(&mut self, id: &ByteString) -> Option<Point> {
        let at = self.held.iter().position(|held| held.id == **id)?;
        Some(self.held.remove(at).point)
    }
}
