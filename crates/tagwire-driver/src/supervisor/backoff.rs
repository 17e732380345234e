//! Waiting longer after every failure.

use std::time::Duration;

/// Growing delays with jitter, so that many links that failed together do not return together.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    n_failures: u32,
}

impl Backoff {
    /// Delays from `first`, doubled after every failure, up to `max`.
    pub(crate) const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, n_failures: 0 }
    }

    /// The delay after one more failure: between three quarters and all of the doubled one.
    pub(crate) fn next(&mut self, random: &mut fastrand::Rng) -> Duration {
        let delay = doubled(self.first, self.n_failures, self.max);
        self.n_failures = self.n_failures.saturating_add(1);
        delay.mul_f64(0.75 + 0.25 * random.f64())
    }

    /// Starts again with the first delay.
    pub(crate) const fn reset(&mut self) {
        self.n_failures = 0;
    }
}

/// `first` doubled `n` times, at most `max`.
pub(crate) fn doubled(first: Duration, n: u32, max: Duration) -> Duration {
    first.saturating_mul(1 << n.min(16)).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_largest_and_jitter_only_shortens() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        for full in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
            let delay = backoff.next(&mut random);
            assert!(delay <= Duration::from_millis(full) && delay >= Duration::from_millis(full * 3 / 4), "{delay:?}");
        }
        backoff.reset();
        assert!(backoff.next(&mut random) <= Duration::from_millis(100));
    }
}
