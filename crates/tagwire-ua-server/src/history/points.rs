//! Where history reads were cut, kept by the session for the next request (Part 4, 7.9; Part 11, 6.3).

use tagwire_history::aggregate::Intervals;
use tagwire_history::{EventPlace, Position, TagNumber};
use tagwire_model::Timestamp;
use tagwire_ua_proto::types::ByteString;

use crate::event::Scope;
use crate::limits;

/// Length of a continuation point on the wire.
pub(super) const ID_LEN: usize = 16;

/// What is needed to go on with the history of one node.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) of: Whose,
    pub(super) at: At,
}

/// Whose history it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The values of a tag.
    Tag(TagNumber),
    /// The events of a node.
    Notifier(Scope),
}

/// Where a read goes on.
#[derive(Clone, Debug)]
pub(super) enum At {
    Raw(RawPoint),
    /// The span, how many changes there were at the first request, and how many of them were told.
    Modified {
        low: Timestamp,
        high: Timestamp,
        is_backward: bool,
        n_changes: usize,
        done: usize,
    },
    /// How many times were answered.
    Times {
        done: usize,
    },
    /// All intervals, and how many were answered.
    Processed {
        intervals: Intervals,
        done: u64,
    },
    /// Events.
    Events(EventPoint),
    /// The span, and how many annotations were told.
    Annotations {
        low: Timestamp,
        high: Timestamp,
        is_backward: bool,
        done: usize,
    },
}

/// Where a raw read goes on.
#[derive(Clone, Debug)]
pub(super) struct RawPoint {
    /// `None` when only the bound at the end is left.
    pub(super) position: Option<Position>,
    pub(super) end: EndBound,
    pub(super) is_backward: bool,
    /// Values that are still to come at most.
    pub(super) left: Option<u64>,
    /// Time of the last value told.
    pub(super) last: Timestamp,
}

/// Where a read of events goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventPoint {
    /// What was not looked at yet.
    pub(super) low: EventPlace,
    pub(super) high: EventPlace,
    pub(super) is_backward: bool,
    /// Events that are still to come at most.
    pub(super) left: Option<u64>,
}

/// The bounding value at the end of a raw read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndBound {
    /// It is not wanted.
    None,
    /// At this time.
    At(Timestamp),
    /// Behind the last value, since no end was given.
    Open,
}

#[derive(Debug)]
struct Held {
    id: [u8; ID_LEN],
    request: u64,
    point: Point,
}

/// The continuation points of one session, at most [`limits::MAX_HISTORY_CONTINUATION_POINTS`].
#[derive(Debug, Default)]
pub(crate) struct Points {
    /// Oldest first.
    held: Vec<Held>,
    request: u64,
}

impl Points {
    /// The number of points held.
    pub(crate) const fn len(&self) -> usize {
        self.held.len()
    }

    /// Makes the points held so far fair game for the needs of the request that begins; its number.
    pub(crate) const fn begin_request(&mut self) -> u64 {
        self.request += 1;
        self.request
    }

    /// Keeps a point and names it; frees the oldest one of an earlier request when all are in use, and keeps nothing when
    /// there is none of an earlier request.
    pub(super) fn put(&mut self, request: u64, point: Point) -> Option<[u8; ID_LEN]> {
        if self.held.len() >= usize::from(limits::MAX_HISTORY_CONTINUATION_POINTS) {
            let oldest = self.held.iter().position(|held| held.request < request)?;
            self.held.remove(oldest);
        }
        // Ids are looked up within their session only, so they need to be unlike earlier ones, not secret.
        let id = fastrand::u128(..).to_le_bytes();
        self.held.push(Held { id, request, point });
        Some(id)
    }

    /// Removes and returns a point.
    pub(crate) fn take(&mut self, id: &ByteString) -> Option<Point> {
        let at = self.held.iter().position(|held| held.id == **id)?;
        Some(self.held.remove(at).point)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point() -> Point {
        Point { of: Whose::Tag(TagNumber(0)), at: At::Times { done: 0 } }
    }

    #[test]
    fn a_point_serves_once_and_the_oldest_one_of_earlier_requests_makes_room() {
        let mut points = Points::default();
        let first = points.begin_request();
        let ids: Vec<_> =
            (0..limits::MAX_HISTORY_CONTINUATION_POINTS).map(|_| points.put(first, point()).unwrap()).collect();
        assert_eq!(points.put(first, point()), None);
        let second = points.begin_request();
        assert!(points.put(second, point()).is_some());
        assert!(points.take(&ByteString::from(&ids[0][..])).is_none());
        assert!(points.take(&ByteString::from(&ids[1][..])).is_some());
        assert!(points.take(&ByteString::from(&ids[1][..])).is_none());
        assert!(points.take(&ByteString::from(&[][..])).is_none());
    }
}
