//! The times of a page: differences of differences.

use super::bits::Bits;

/// Times that rarely surprise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    bits: Bits,
    n: u32,
    last: i64,
    step: i64,
}

impl Times {
    #[inline]
    pub(crate) fn push(&mut self, time: i64) {
        let step = time.wrapping_sub(self.last);
        self.bits.push_signed(step.wrapping_sub(self.step));
        self.step = if self.n == 0 { 0 } else { step };
        self.last = time;
        self.n += 1;
    }

    pub(crate) fn size(&self) -> usize {
        self.bits.size()
    }

    pub(crate) fn decode(&self) -> Vec<i64> {
        let mut times = Vec::with_capacity(self.n as usize);
        let (mut last, mut step) = (0_i64, 0_i64);
        let mut reader = self.bits.reader();
        for idx in 0..self.n {
            let now = step.wrapping_add(reader.take_signed());
            step = if idx == 0 { 0 } else { now };
            last = last.wrapping_add(now);
            times.push(last);
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back() {
        let mut rng = fastrand::Rng::with_seed(2);
        let mut wanted = vec![i64::MIN, i64::MAX, 0];
        wanted.extend((0..1000).map(|n| 133_000_000_000_000_000 + n * 10_000_000 + rng.i64(..10_000)));
        let mut times = Times::default();
        wanted.iter().for_each(|time| times.push(*time));
        assert_eq!(times.decode(), wanted);
    }
}
