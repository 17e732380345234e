//! Settings and time.

use std::time::Duration;

use tagwire_model::Timestamp;

/// How the store works.
#[derive(Clone, Debug)]
pub struct Options {
    /// Longest time that a sample waits until it is on the disk.
    pub commit_interval: Duration,
    /// Bytes of the log that are written at once at the latest.
    pub commit_bytes: usize,
    /// Most rows of a page: 16 to 50,000.
    pub page_rows: u32,
    /// Bytes that samples may take in memory before pages are sealed early.
    pub hot_bytes: usize,
    /// Bytes of the log, above which old pages are sealed so that its oldest file can go.
    pub log_bytes: u64,
    /// Bytes of a segment, after which the next one is begun.
    pub segment_bytes: u64,
    /// Segments that become one in the background; below 2 for none.
    pub join_segments: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(200),
            commit_bytes: 1 << 20,
            page_rows: 4096,
            hot_bytes: 256 << 20,
            log_bytes: 256 << 20,
            segment_bytes: 64 << 20,
            join_segments: 4,
        }
    }
}

/// Now, on both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Of a clock that never jumps.
    pub steady: Duration,
    /// Of the calendar.
    pub utc: Timestamp,
}
