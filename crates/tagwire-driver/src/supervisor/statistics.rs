//! What a link counts.

use std::sync::Arc;
use std::time::Duration;

use tagwire_model::Timestamp;

/// A copy of all counters of a link. They count from the start of the process and only grow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// The link as a whole.
    pub link: LinkStatistics,
    /// Its devices by index; a removed one keeps its place.
    pub devices: Vec<DeviceStatistics>,
}

/// Counters of a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkStatistics {
    /// Whether the transport is open.
    pub connected: bool,
    /// How often the transport was opened.
    pub n_connects: u64,
    /// How often opening it failed.
    pub n_failed_connects: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Most explicit reads that ever waited at the same time.
    pub max_pending_reads: u64,
    /// Most writes that ever waited at the same time.
    pub max_pending_writes: u64,
    /// How often the link went over to its other path.
    pub n_path_switches: u64,
    /// How often the link's task panicked and was started again.
    pub n_panics: u64,
    /// Where the link leads, as configured; empty for drivers without a transport.
    pub peer: Arc<str>,
    /// Why the transport was last lost or not opened; empty while it is open.
    pub trouble: Arc<str>,
}

/// Counters of a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceStatistics {
    /// Name of the device.
    pub name: Arc<str>,
    /// What it is doing.
    pub state: DeviceState,
    /// Since when; [`Timestamp::NONE`] before it first answered or failed.
    pub since: Timestamp,
    /// Number of its tags.
    pub n_tags: u64,
    /// Tags that the device refused and that are tried again now and then.
    pub n_refused_tags: u64,
    /// Requests that read and were answered.
    pub n_reads: u64,
    /// Requests that read and failed, counted after all attempts.
    pub n_failed_reads: u64,
    /// Values written and confirmed.
    pub n_writes: u64,
    /// Values that could not be written.
    pub n_failed_writes: u64,
    /// Requests that were not answered in time, each attempt counted.
    pub n_timeouts: u64,
    /// Blocks that the device refused.
    pub n_refusals: u64,
    /// Polls left out or late because the one before took longer than the scan interval.
    pub n_overruns: u64,
    /// Good values delivered.
    pub n_values: u64,
    /// Values that failed alone: refused inside an answered block, or out of the range of their type.
    pub n_bad_values: u64,
    /// Time from the last answered request to its answer.
    pub last_round_trip: Duration,
}

/// What a device is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceState {
    /// It has not answered yet.
    #[default]
    Waiting,
    /// It answers.
    Good,
    /// It does not answer.
    Bad,
    /// It is left alone after several failures.
    Demoted,
    /// It is switched off.
    Disabled,
    /// Its values come from memory.
    Simulated,
    /// It is no longer part of the link.
    Removed,
}

impl DeviceState {
    /// The word used in metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Demoted => "demoted",
            Self::Disabled => "disabled",
            Self::Simulated => "simulated",
            Self::Removed => "removed",
        }
    }
}
