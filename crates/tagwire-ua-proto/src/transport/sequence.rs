//! Sequence numbers of chunks (Part 6, 6.7.2.4).

use super::{Fault, TransportError};

/// How numbers start and where they begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceRule {
    /// Policies up to 1.04: any start, and after 4,294,966,271 a number below 1024 may follow.
    Legacy,
    /// Later policies: from 0 to 4,294,967,295 and again from 0, without a gap.
    Strict,
}

impl SequenceRule {
    /// The last number after which a legacy sender may begin anew is the one before this.
    const LEGACY_WRAP: u32 = u32::MAX - 1023;
    /// A legacy sender begins anew below this.
    const LEGACY_RESTART_BELOW: u32 = 1024;
}

/// Checks the numbers that arrive.
#[derive(Clone, Copy, Debug)]
pub struct SequenceIn {
    rule: SequenceRule,
    last: Option<u32>,
}

impl SequenceIn {
    /// Nothing has arrived yet.
    pub const fn new(rule: SequenceRule) -> Self {
        Self { rule, last: None }
    }

    /// The number of the last chunk that was taken; 0 before the first.
    #[inline]
    pub const fn last(&self) -> u32 {
        match self.last {
            Some(last) => last,
            None => 0,
        }
    }

    /// Takes the number of the next chunk.
    ///
    /// # Errors
    /// [`Fault::Sequence`] when it repeats, goes back or leaves a gap.
    #[inline]
    pub fn accept(&mut self, number: u32) -> Result<(), TransportError> {
        let fits = match (self.last, self.rule) {
            (None, SequenceRule::Legacy) => true,
            (None, SequenceRule::Strict) => number == 0,
            (Some(last), SequenceRule::Strict) => number == last.wrapping_add(1),
            (Some(last), SequenceRule::Legacy) => {
                last.checked_add(1) == Some(number)
                    || (last >= SequenceRule::LEGACY_WRAP - 1 && number < SequenceRule::LEGACY_RESTART_BELOW)
            }
        };
        if !fits {
            return Err(Fault::Sequence.into());
        }
        self.last = Some(number);
        Ok(())
    }
}

/// Deals the numbers that are sent.
#[derive(Clone, Copy, Debug)]
pub struct SequenceOut {
    rule: SequenceRule,
    next: u32,
}

impl SequenceOut {
    /// Nothing has been sent yet.
    pub const fn new(rule: SequenceRule) -> Self {
        let next = match rule {
            SequenceRule::Legacy => 1,
            SequenceRule::Strict => 0,
        };
        Self { rule, next }
    }

    /// The number of the next chunk.
    #[inline]
    pub const fn take(&mut self) -> u32 {
        let number = self.next;
        self.next = match self.rule {
            SequenceRule::Legacy if number >= SequenceRule::LEGACY_WRAP => 1,
            _ => number.wrapping_add(1),
        };
        number
    }
}

#[cfg(test)]
impl SequenceIn {
    pub(crate) const fn skip_to(&mut self, last: u32) {
        self.last = Some(last);
    }
}

#[cfg(test)]
impl SequenceOut {
    pub(crate) const fn skip_to(&mut self, last: u32) {
        self.next = last.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_repeats_and_steps_back_are_refused() {
        for wrong in [5, 4, 7, 0, u32::MAX] {
            let mut numbers = SequenceIn::new(SequenceRule::Legacy);
            assert_eq!(numbers.accept(5), Ok(()));
            assert_eq!(numbers.accept(wrong), Err(Fault::Sequence.into()), "{wrong}");
        }
    }

    #[test]
    fn a_legacy_sender_may_begin_anew_near_the_end_only() {
        let after = |last: u32, number: u32| {
            let mut numbers = SequenceIn::new(SequenceRule::Legacy);
            numbers.accept(last).and_then(|()| numbers.accept(number)).is_ok()
        };
        assert!(after(4_294_966_272, 1023));
        assert!(after(4_294_966_272, 0));
        assert!(after(4_294_966_272, 4_294_966_273));
        assert!(after(4_294_966_271, 1));
        assert!(after(u32::MAX, 0));
        assert!(!after(4_294_966_272, 1024));
        assert!(!after(4_294_966_270, 1));
    }

    #[test]
    fn what_is_sent_is_accepted_over_the_wrap() {
        for rule in [SequenceRule::Legacy, SequenceRule::Strict] {
            let mut sender = SequenceOut::new(rule);
            let mut receiver = SequenceIn::new(rule);
            assert_eq!(receiver.accept(sender.take()), Ok(()));
            sender.next = u32::MAX - 2000;
            receiver.last = Some(u32::MAX - 2001);
            for _ in 0..4000 {
                assert_eq!(receiver.accept(sender.take()), Ok(()), "{rule:?}");
            }
        }
    }

    #[test]
    fn strict_senders_start_at_zero() {
        let mut numbers = SequenceIn::new(SequenceRule::Strict);
        assert!(numbers.accept(1).is_err());
        assert!(numbers.accept(0).is_ok());
    }
}
