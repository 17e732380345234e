//! The numbers of a subscription's messages, which tell what was missed (Part 4, 5.14.1.1).

/// Most messages that are asked for once more; with more missing, starting anew is quicker.
const MAX_MISSING: u32 = 100;

/// What a message means for the order of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It is the next one.
    Next,
    /// It was here before.
    Repeated,
    /// These are missing before it.
    Missing(Vec<u32>),
    /// More are missing than can be asked for.
    Lost,
}

/// The number of the message that comes next; 0 before the first one, whose number is taken as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    next: u32,
}

/// The number behind another one: 0 is left out when they start again.
const fn behind(number: u32) -> u32 {
    if number == u32::MAX { 1 } else { number + 1 }
}

impl Sequence {
    /// Takes note of a message.
    pub(crate) fn arrived(&mut self, number: u32, is_keep_alive: bool) -> Step {
        let n_missing = if self.next == 0 { 0 } else { number.wrapping_sub(self.next) };
        let step = match n_missing {
            0 => Step::Next,
            // Half of all numbers lie behind.
            n if n > u32::MAX / 2 => return Step::Repeated,
            n if n > MAX_MISSING => Step::Lost,
            _ => {
                let mut missing = Vec::with_capacity(n_missing as usize);
                let mut at = self.next;
                while at != number {
                    missing.push(at);
                    at = behind(at);
                }
                Step::Missing(missing)
            }
        };
        // The number of a sign of life is that of the message to come.
        self.next = if is_keep_alive { number } else { behind(number) };
        step
    }

    /// What to ask for after a transfer, from the numbers that the server still has; `None` when messages in between are
    /// gone.
    pub(crate) fn catch_up(&self, available: &[u32]) -> Option<Vec<u32>> {
        if self.next == 0 {
            // Nothing came yet, so that whatever the server has is all there is.
            let mut all = available.to_vec();
            all.sort_unstable();
            return (all.len() <= MAX_MISSING as usize).then_some(all);
        }
        let mut newer: Vec<u32> =
            available.iter().copied().filter(|number| number.wrapping_sub(self.next) <= u32::MAX / 2).collect();
        newer.sort_unstable_by_key(|number| number.wrapping_sub(self.next));
        newer.dedup();
        let mut expected = self.next;
        for number in &newer {
            if *number != expected {
                return None;
            }
            expected = behind(*number);
        }
        (newer.len() <= MAX_MISSING as usize).then_some(newer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_in_order_are_next_and_a_hole_is_named() {
        let mut sequence = Sequence::default();
        for (number, is_keep_alive, expected) in [
            (1, true, Step::Next),
            (1, false, Step::Next),
            (2, false, Step::Next),
            (2, false, Step::Repeated),
            (5, false, Step::Missing(vec![3, 4])),
            (6, true, Step::Next),
            (8, true, Step::Missing(vec![6, 7])),
            (8, false, Step::Next),
            (7, false, Step::Repeated),
            (5_000, false, Step::Lost),
            (5_001, false, Step::Next),
        ] {
            assert_eq!(sequence.arrived(number, is_keep_alive), expected, "{number}");
        }
    }

    #[test]
    fn numbers_start_again_at_one() {
        let mut sequence = Sequence { next: u32::MAX };
        assert_eq!(sequence.arrived(u32::MAX, false), Step::Next);
        assert_eq!(sequence.next, 1);
        assert_eq!(sequence.arrived(2, false), Step::Missing(vec![1]));
    }

    #[test]
    fn after_a_transfer_only_an_unbroken_row_will_do() {
        let sequence = Sequence { next: 10 };
        assert_eq!(sequence.catch_up(&[]), Some(vec![]));
        assert_eq!(sequence.catch_up(&[7, 8, 9]), Some(vec![]), "known already");
        assert_eq!(sequence.catch_up(&[9, 11, 10]), Some(vec![10, 11]));
        assert_eq!(sequence.catch_up(&[11, 12]), None);
    }
}
