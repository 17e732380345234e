//! Reading samples, summaries and changes.

mod archive;
mod bounds;
mod cursor;
mod merge;
mod modified;
mod overlay;
mod span;
mod summary;
mod times;

pub use archive::{Archive, ArchiveCursor, Elsewhere};
pub use cursor::{Cursor, Position, View};
pub(crate) use merge::Merge;
pub use span::Span;
pub use summary::{Numbers, Summary};
pub(crate) use times::RecentTimes;
