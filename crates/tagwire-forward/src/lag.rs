//! How far behind the forwarding is.

use std::collections::VecDeque;
use std::time::Duration;

/// Marks kept; when there are more, every second one goes and new ones come half as often.
const MOST: usize = 512;

/// When which sample was there, so that the age of the oldest one that was not sent can be told.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    /// All samples below the number were there at that time; oldest first.
    marks: VecDeque<(Duration, u64)>,
    spacing: Duration,
}

impl Lag {
    /// Notes that all samples below `number` are there.
    pub(crate) fn mark(&mut self, now: Duration, number: u64) {
        let (last, known) = self.marks.back().copied().unwrap_or_default();
        if known >= number || (!self.marks.is_empty() && now.saturating_sub(last) < self.spacing) {
            return;
        }
        self.marks.push_back((now, number));
        if self.marks.len() > MOST {
            let mut idx = 0;
            self.marks.retain(|_| {
                idx += 1;
                idx % 2 == 1
            });
            let (first, last) = (self.marks.front(), self.marks.back());
            let length = first.zip(last).map(|(first, last)| last.0.saturating_sub(first.0));
            self.spacing = length.unwrap_or_default() / (MOST / 2) as u32;
        }
    }

    /// How long ago the oldest sample that was not sent had come, when all below `sent` were.
    pub(crate) fn age(&mut self, now: Duration, sent: u64) -> Duration {
        while self.marks.front().is_some_and(|(_, number)| *number <= sent) {
            self.marks.pop_front();
        }
        if self.marks.is_empty() {
            self.spacing = Duration::ZERO;
        }
        self.marks.front().map_or(Duration::ZERO, |(since, _)| now.saturating_sub(*since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_that_of_the_oldest_sample_not_sent() {
        let at = Duration::from_secs;
        let mut lag = Lag::default();
        for second in 0..10_000 {
            lag.mark(at(second), second * 10);
        }
        assert!(lag.marks.len() <= MOST);
        let age = lag.age(at(10_000), 50_000);
        assert!(age >= at(4_900) && age <= at(5_100), "{age:?}");
        assert_eq!(lag.age(at(10_000), 100_000), Duration::ZERO);
        lag.mark(at(10_001), 100_001);
        assert_eq!(lag.age(at(10_003), 100_000), at(2));
    }
}
