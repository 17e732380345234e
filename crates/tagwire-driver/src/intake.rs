//! Received bytes that wait to be cut into frames.

use std::ops::Range;

/// A buffer between a stream and the frames in it, whose size is bounded whatever the other end announces or sends.
#[derive(Debug)]
pub struct Intake {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    room: usize,
    capacity: usize,
}

impl Intake {
    /// Offers each read `room` bytes or more while that many are free of `capacity`, which must not be 0 and should hold
    /// the longest frame and that room.
    pub const fn new(room: usize, capacity: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0, room, capacity }
    }

    /// Room for the next bytes of the stream, never empty.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            self.clear();
        }
        if self.bytes.len() - self.end < self.room {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let wanted = (self.end + self.room).min(self.capacity);
            if self.bytes.len() < wanted {
                self.bytes.resize(wanted, 0);
            }
        }
        if self.end == self.bytes.len() {
            // Nobody takes frames out of a full buffer: what is there can only be garbage.
            self.clear();
        }
        &mut self.bytes[self.end..]
    }

    /// Takes over the first `n` bytes of [`Intake::space`].
    pub fn filled(&mut self, n: usize) {
        self.end = (self.end + n).min(self.bytes.len());
    }

    /// What came and was not taken.
    pub fn waiting(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Takes the first `n` bytes of what waits; they stay where they are until the next [`Intake::space`].
    pub fn take(&mut self, n: usize) -> Range<usize> {
        let begin = self.start;
        self.start = (begin + n).min(self.end);
        begin..self.start
    }

    /// Bytes that were taken since the last [`Intake::space`].
    pub fn taken(&self, place: Range<usize>) -> &[u8] {
        self.bytes.get(place).unwrap_or_default()
    }

    /// Forgets what waits.
    pub const fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(intake: &mut Intake, bytes: &[u8]) {
        intake.space()[..bytes.len()].copy_from_slice(bytes);
        intake.filled(bytes.len());
    }

    #[test]
    fn bytes_come_out_in_the_order_in_which_they_came() {
        let mut intake = Intake::new(8, 20);
        let (mut sent, mut found) = (0_u8, Vec::new());
        for step in (1..=8).cycle().take(100) {
            let bytes: Vec<u8> = (sent..sent + step).map(|n| n % 100).collect();
            sent = (sent + step) % 100;
            feed(&mut intake, &bytes);
            while intake.waiting().len() >= 5 {
                let place = intake.take(5);
                found.extend_from_slice(intake.taken(place));
            }
        }
        assert!(found.len() > 400 && found.iter().zip(0..).all(|(byte, n)| i32::from(*byte) == n % 100));
        assert!(intake.bytes.len() <= 20, "{} bytes", intake.bytes.len());
    }

    #[test]
    fn a_buffer_that_nobody_empties_begins_anew() {
        let mut intake = Intake::new(8, 20);
        for _ in 0..50 {
            let room = intake.space().len();
            assert!(room > 0);
            intake.filled(room);
        }
        assert!(intake.waiting().len() <= 20);
        intake.filled(1_000);
        assert!(intake.waiting().len() <= 20);
        intake.clear();
        assert!(intake.waiting().is_empty() && intake.take(3).is_empty());
    }
}
