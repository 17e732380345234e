//! What can go wrong on purpose.

use std::time::Duration;

use crate::codec::Exception;

/// What happens to one answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// No answer.
    Drop,
    /// The device is busy so long; everything behind it on the connection waits.
    Delay(Duration),
    /// The answer comes so much later, and later requests are answered before it. Where answers carry no transaction
    /// number, devices answer in order, so that it is the same as [`Fault::Delay`].
    Late(Duration),
    /// This exception instead of the answer; nothing is read or written.
    Exception(Exception),
    /// These bytes before the answer.
    Garbage(Vec<u8>),
    /// Only the first bytes of the answer.
    Truncate(usize),
    /// One bit of the answer's last byte before the end of the frame is wrong.
    Corrupt,
    /// The transaction number is another one; without effect in framings without it.
    WrongTransaction,
    /// The answer comes from another unit.
    WrongUnit(u8),
    /// The answer comes twice.
    Twice,
    /// Half an answer, then the connection is closed.
    CloseMidFrame,
    /// The connection is closed instead.
    Close,
}
