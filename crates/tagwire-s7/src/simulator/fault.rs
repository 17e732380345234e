//! What can go wrong on purpose.

use std::time::Duration;

use crate::codec::{HeaderError, ReturnCode};

/// What happens to one answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// No answer.
    Drop,
    /// The CPU is busy so long; everything behind it on the connection waits.
    Delay(Duration),
    /// The answer comes so much later, and later jobs are answered before it.
    Late(Duration),
    /// This error instead of the answer; nothing is read or written.
    Refuse(HeaderError),
    /// The first item is refused with this code.
    Item(ReturnCode),
    /// A write of several items carries out and confirms the first only, as simple servers do.
    FirstItemOnly,
    /// These bytes before the answer.
    Garbage(Vec<u8>),
    /// Only the first bytes of the answer.
    Truncate(usize),
    /// The number of the job is another one.
    WrongReference,
    /// The answer comes twice.
    Twice,
    /// Half an answer, then the connection is closed.
    CloseMidFrame,
    /// The connection is closed instead.
    Close,
}
