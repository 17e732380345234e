//! Sealed samples: pages in segment files.

mod codec;
mod entry;
mod page;
mod segment;

pub(crate) use entry::Entry;
pub(crate) use page::{RowTimes, decode_column, decode_times, hot_samples, seal};
pub(crate) use segment::{Segment, SegmentWriter, recover, segment_name};
