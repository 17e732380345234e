//! What is measured, and how it is told.

use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Rounds of a scan, of which the best counts: other programs on the machine make single ones slow.
pub const ROUNDS: usize = 10;

/// Processor time of this thread. No engine here has threads of its own.
pub fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Adds up what runs between two calls.
#[derive(Debug, Default)]
pub struct Meter {
    pub total: Duration,
}

impl Meter {
    pub fn run<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begun = cpu();
        let result = work();
        self.total += cpu() - begun;
        result
    }
}

/// Resident memory in bytes.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

/// Bytes of all files of a folder.
pub fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

/// Every so many tags one is read, so that 200 are.
pub fn step(n_tags: usize) -> usize {
    n_tags.div_ceil(200)
}
