//! From when to when, and in which direction.

use tagwire_model::Timestamp;

/// A span of time with a direction. The start belongs to it, the end does not (OPC UA Part 11, 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Lowest time, included.
    pub(crate) low: i64,
    /// Highest time, included; below `low` for an empty span.
    pub(crate) high: i64,
    pub(crate) backward: bool,
}

impl Span {
    /// From `from` up to but without `to`.
    pub const fn forward(from: Timestamp, to: Timestamp) -> Self {
        Self { low: from.ticks(), high: to.ticks().saturating_sub(1), backward: false }
    }

    /// From `from` down to but without `to`.
    pub const fn backward(from: Timestamp, to: Timestamp) -> Self {
        Self { low: to.ticks().saturating_add(1), high: from.ticks(), backward: true }
    }

    /// As `start` and `end` of HistoryRead mean it: backward when the start is the later one, one moment when they are
    /// equal.
    pub const fn between(start: Timestamp, end: Timestamp) -> Self {
        if start.ticks() == end.ticks() {
            Self::at(start)
        } else if start.ticks() < end.ticks() {
            Self::forward(start, end)
        } else {
            Self::backward(start, end)
        }
    }

    /// One moment.
    pub const fn at(time: Timestamp) -> Self {
        Self { low: time.ticks(), high: time.ticks(), backward: false }
    }

    /// Everything, forward.
    pub const fn all() -> Self {
        Self { low: i64::MIN, high: i64::MAX, backward: false }
    }

    /// Both ends included.
    pub(crate) const fn closed(low: i64, high: i64, backward: bool) -> Self {
        Self { low, high, backward }
    }

    /// A time in the direction of the span: it grows from the start to the end.
    #[inline]
    pub(crate) const fn key(self, time: i64) -> i64 {
        // Complementing keeps the order and never overflows.
        if self.backward { !time } else { time }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.low > self.high
    }
}
