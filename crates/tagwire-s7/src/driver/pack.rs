//! Which items go into which job.

use crate::codec::{ANSWER_OVERHEAD, ITEM_OVERHEAD, POINTER_LEN, REQUEST_OVERHEAD};

/// What one job can carry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Longest message in bytes.
    pub pdu: usize,
    /// Most items.
    pub max_items: usize,
}

impl Limits {
    /// Most bytes of one item that is read.
    pub(super) const fn read_len(&self) -> usize {
        self.pdu.saturating_sub(ANSWER_OVERHEAD + ITEM_OVERHEAD)
    }

    /// Most bytes of one item that is written.
    pub(super) const fn write_len(&self) -> usize {
        self.pdu.saturating_sub(REQUEST_OVERHEAD + POINTER_LEN + ITEM_OVERHEAD)
    }

    /// Items of this length in one job that reads.
    pub(super) fn n_items(&self, n_bytes: usize) -> usize {
        let by_answer = (self.pdu - ANSWER_OVERHEAD) / (ITEM_OVERHEAD + n_bytes.next_multiple_of(2));
        let by_request = (self.pdu - REQUEST_OVERHEAD) / POINTER_LEN;
        by_answer.min(by_request).clamp(1, self.max_items)
    }
}

/// Fills one job after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packer {
    limits: Limits,
    /// Whether data goes out with the request instead of coming back.
    is_write: bool,
    n_items: usize,
    request: usize,
    answer: usize,
}

impl Packer {
    pub(super) const fn new(limits: Limits, is_write: bool) -> Self {
        Self { limits, is_write, n_items: 0, request: REQUEST_OVERHEAD, answer: ANSWER_OVERHEAD }
    }

    /// Takes an item into the job; false, and a new job with this item alone begun, when it does not fit.
    pub(super) fn take(&mut self, n_bytes: usize) -> bool {
        // All items but the last are padded, so a job may end with an odd one.
        let data = ITEM_OVERHEAD + n_bytes;
        let (request, answer) = if self.is_write { (POINTER_LEN + data, 1) } else { (POINTER_LEN, data) };
        let (pad_request, pad_answer) = if self.is_write { (self.request % 2, 0) } else { (0, self.answer % 2) };
        let (request, answer) = (self.request + pad_request + request, self.answer + pad_answer + answer);
        let fits = self.n_items < self.limits.max_items && request <= self.limits.pdu && answer <= self.limits.pdu;
        if fits || self.n_items == 0 {
            (self.n_items, self.request, self.answer) = (self.n_items + 1, request, answer);
            return true;
        }
        *self = Self::new(self.limits, self.is_write);
        self.take(n_bytes);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs(limits: Limits, is_write: bool, lens: &[usize]) -> Vec<usize> {
        let mut packer = Packer::new(limits, is_write);
        let mut jobs = vec![0];
        for len in lens {
            if !packer.take(*len) {
                jobs.push(0);
            }
            *jobs.last_mut().expect("one") += 1;
        }
        jobs
    }

    const LIMITS: Limits = Limits { pdu: 240, max_items: 20 };

    #[test]
    fn a_job_holds_what_request_and_answer_hold() {
        assert_eq!(LIMITS.read_len(), 222);
        assert_eq!(LIMITS.write_len(), 212);
        assert_eq!(jobs(LIMITS, false, &[222]), [1]);
        assert_eq!(jobs(LIMITS, false, &[4; 40]), [19, 19, 2], "240 bytes hold 19 addresses");
        assert_eq!(jobs(Limits { pdu: 480, ..LIMITS }, false, &[4; 41]), [20, 20, 1], "20 items are the most");
        assert_eq!(jobs(LIMITS, false, &[100, 100, 100]), [2, 1]);
        assert_eq!(jobs(LIMITS, true, &[100, 100]), [1, 1]);
        assert_eq!(jobs(LIMITS, true, &[4; 12]), [11, 1]);
    }

    #[test]
    fn padding_counts_except_behind_the_last_item() {
        assert_eq!(jobs(LIMITS, false, &[109, 109]), [1, 1], "14 + 4 + 109 + 1 + 4 + 109 is 241");
        assert_eq!(jobs(LIMITS, false, &[108, 109]), [2]);
    }

    #[test]
    fn the_estimate_agrees_with_the_packer() {
        for pdu in [240, 480, 960] {
            for len in [1, 2, 3, 4, 8, 17, 100, 222] {
                let limits = Limits { pdu, max_items: 20 };
                let first = jobs(limits, false, &[len; 60])[0];
                assert!(first.abs_diff(limits.n_items(len)) <= 1, "{pdu} {len}: {first}");
            }
        }
    }
}
