//! What goes wrong on purpose: faults that wait for their turn, and faults by chance.

use std::collections::VecDeque;

/// The faults in force on a simulated device, of the driver's own kind `F`.
#[derive(Clone, Debug)]
pub struct Faults<F> {
    waiting: VecDeque<F>,
    chances: Vec<(f64, F)>,
    rng: fastrand::Rng,
}

impl<F: Clone> Faults<F> {
    /// Most faults waiting; further ones are not taken.
    pub const MAX_WAITING: usize = 10_000;

    /// No faults; those by chance will be drawn from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { waiting: VecDeque::new(), chances: Vec::new(), rng: fastrand::Rng::with_seed(seed) }
    }

    /// Spoils the next answer; several wait in order.
    pub fn inject(&mut self, fault: F) {
        if self.waiting.len() < Self::MAX_WAITING {
            self.waiting.push_back(fault);
        }
    }

    /// Spoils answers by chance, each fault with a probability of 0 to 1.
    pub fn set_chances(&mut self, chances: Vec<(f64, F)>) {
        self.chances = chances;
    }

    /// Ends all faults that wait or happen by chance.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.chances.clear();
    }

    /// The fault of an answer: the first that waits for one like it, else what chance says.
    pub fn next(&mut self, fits: impl Fn(&F) -> bool) -> Option<F> {
        if let Some(fault) = self.waiting.iter().position(fits).and_then(|idx| self.waiting.remove(idx)) {
            return Some(fault);
        }
        let mut hit = None;
        for (chance, fault) in &self.chances {
            // Each chance is drawn, so that one fault more does not change what the others do.
            if self.rng.f64() < *chance && hit.is_none() {
                hit = Some(fault.clone());
            }
        }
        hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_comes_first_and_once() {
        let mut faults = Faults::new(1);
        faults.set_chances(vec![(1.0, 9)]);
        faults.inject(1);
        faults.inject(2);
        assert_eq!(faults.next(|fault| *fault == 2), Some(2));
        assert_eq!([faults.next(|_| true), faults.next(|_| true)], [Some(1), Some(9)]);
        faults.clear();
        assert_eq!(faults.next(|_| true), None);
    }

    #[test]
    fn no_more_wait_than_the_limit() {
        let mut faults = Faults::new(1);
        (0..=Faults::<usize>::MAX_WAITING).for_each(|n| faults.inject(n));
        assert_eq!(std::iter::from_fn(|| faults.next(|_| true)).count(), Faults::<usize>::MAX_WAITING);
    }

    #[test]
    fn a_seed_draws_the_same_faults_again() {
        let draw = || {
            let mut faults = Faults::new(7);
            faults.set_chances(vec![(0.3, 'a'), (0.3, 'b')]);
            (0..100).map(|_| faults.next(|_| true)).collect::<Vec<_>>()
        };
        assert_eq!(draw(), draw());
        assert!(draw().contains(&Some('b')) && draw().contains(&None));
    }
}
