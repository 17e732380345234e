//! When the tags of one interval are due: a grid of times that never drifts and never catches up in bursts.

use std::time::Duration;

use tokio::time::Instant;

/// The ticks of one scan interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticks {
    interval: Duration,
    due: Instant,
}

impl Ticks {
    /// Ticks every `interval`, the first one at `first`.
    pub(crate) const fn new(interval: Duration, first: Instant) -> Self {
        Self { interval, due: first }
    }

    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// The tick that is to be served next.
    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    /// When the tick should have been served, which decides who is served first.
    pub(crate) fn deadline(&self) -> Instant {
        self.due + self.interval
    }

    /// Ends the service of the current tick. Returns how many further ticks came due meanwhile; the latest of them is
    /// served next, at once, and the others are left out.
    pub(crate) fn finish(&mut self, now: Instant) -> u64 {
        self.due += self.interval;
        self.skip_to(now).map_or(0, |n_skipped| n_skipped + 1)
    }

    /// Makes a tick due at once, on the same grid; one that is due already stays as overdue as it is.
    pub(crate) fn pull(&mut self, now: Instant) {
        while self.due > now {
            self.due = self.due.checked_sub(self.interval).unwrap_or(now);
        }
    }

    /// Moves on to the latest tick that is not after `now`; `None` when none is due.
    fn skip_to(&mut self, now: Instant) -> Option<u64> {
        let late = now.checked_duration_since(self.due)?;
        let n_skipped = late.as_nanos() / self.interval.as_nanos().max(1);
        let n_skipped = u32::try_from(n_skipped).unwrap_or(u32::MAX);
        self.due += self.interval.saturating_mul(n_skipped);
        Some(u64::from(n_skipped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn ticks_stay_on_their_grid_however_late_they_are_served() {
        let start = Instant::now();
        let mut ticks = Ticks::new(MS(100), start);
        for (ended, missed, due) in [(30, 0, 100), (199, 0, 200), (305, 1, 300), (1_250, 9, 1_200), (1_260, 0, 1_300)] {
            assert_eq!(ticks.finish(start + MS(ended)), missed, "ended at {ended}");
            assert_eq!(ticks.due(), start + MS(due), "ended at {ended}");
        }
    }

    #[test]
    fn a_pulled_tick_is_due_at_once_and_keeps_the_grid() {
        let start = Instant::now() + MS(10_000);
        let mut ticks = Ticks::new(MS(100), start);
        ticks.finish(start);
        ticks.pull(start + MS(50));
        assert_eq!(ticks.due(), start);
        ticks.pull(start + MS(350));
        assert_eq!(ticks.due(), start, "it was due already");
    }
}
