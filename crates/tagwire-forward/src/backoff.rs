//! How long to wait after a failure.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(15);

/// Waits that double from failure to failure, each shortened by up to a half so that many servers do not come back at
/// the same instant.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    pub(crate) const fn new(random: fastrand::Rng) -> Self {
        Self { next: FIRST, random }
    }

    /// The wait after another failure.
    pub(crate) fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(MOST);
        wait.mul_f64(1.0 - self.random.f64() / 2.0)
    }

    /// Begins anew after a success.
    pub(crate) const fn succeeded(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_with_jitter_and_begin_anew() {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(7));
        let mut full = FIRST;
        for _ in 0..12 {
            let wait = backoff.failed();
            assert!(wait <= full && wait >= full / 2, "{wait:?} of {full:?}");
            full = (full * 2).min(MOST);
        }
        assert_eq!(full, MOST);
        backoff.succeeded();
        assert!(backoff.failed() <= FIRST);
        let waits = |seed| Backoff::new(fastrand::Rng::with_seed(seed)).failed();
        assert_ne!(waits(1), waits(2));
    }
}
