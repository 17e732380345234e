//! What can go wrong on purpose.

use std::time::Duration;

use crate::codec::Status;

/// What happens to one answer to a message; answers that open sessions are spared.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// No answer.
    Drop,
    /// The answer comes so much later; everything behind it on the stream waits.
    Delay(Duration),
    /// The answer comes so much later, and later requests are answered before it.
    Late(Duration),
    /// This status instead of the answer; nothing is read or written.
    Status(Status),
    /// This status in place of every answer inside a packet.
    Inner(Status),
    /// These bytes before the answer.
    Garbage(Vec<u8>),
    /// Only the first bytes of the frame.
    Truncate(usize),
    /// The message within the frame ends early, and the frame's lengths say so.
    Shorten(usize),
    /// The sequence count, or the sender context, is another one.
    WrongNumber,
    /// The answer comes twice.
    Twice,
    /// Half an answer, then the stream is closed.
    CloseMidFrame,
    /// The stream is closed instead.
    Close,
    /// The connections of the client are forgotten before the request is looked at.
    LoseConnections,
}
