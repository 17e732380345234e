//! Sealed samples: pages in segment files.

mod codec;
mod entry;
mod page;
mod segment;

pub(crate) use entry::Entry;
pub(crate) use page::{PageHead, RowTimes, decode_column, decode_times, encode_page, hot_samples, seal};
pub(crate) use segment::{Checked, Segment, SegmentWriter, check_file, read_head, recover, segment_name};
