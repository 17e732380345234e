//! Sealed samples: pages in segment files.

mod codec;
mod combine;
mod entry;
mod order;
mod page;
mod segment;
mod sums;

pub(crate) use combine::{Portion, combine, n_times};
pub(crate) use entry::Entry;
pub(crate) use page::{PageHead, RowTimes, decode_column, decode_times, encode_page, hot_samples, seal};
pub(crate) use segment::{Checked, Segment, SegmentWriter, check_file, read_head, recover, segment_name};
