//! Noticing a task that does not move any more.

use std::time::Duration;

use tokio::time::Instant;

/// Watches the heartbeat of one link.
#[derive(Clone, Copy, Debug)]
pub struct Watchdog {
    last: u64,
    moved_at: Instant,
}

impl Watchdog {
    /// Starts to watch.
    pub const fn new(now: Instant) -> Self {
        Self { last: 0, moved_at: now }
    }

    /// For how long the heartbeat has not moved, as seen by calls of this function; a link that is well stays below two
    /// seconds when it is looked at every second.
    pub fn check(&mut self, heartbeat: u64, now: Instant) -> Duration {
        if heartbeat != self.last {
            self.last = heartbeat;
            self.moved_at = now;
        }
        now.saturating_duration_since(self.moved_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heart_that_stops_is_noticed() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        let second = Duration::from_secs(1);
        assert_eq!(watchdog.check(1, start + second), Duration::ZERO);
        assert_eq!(watchdog.check(2, start + second * 2), Duration::ZERO);
        assert_eq!(watchdog.check(2, start + second * 7), second * 5);
    }
}
