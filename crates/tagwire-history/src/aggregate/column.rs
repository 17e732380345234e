//! Tight loops over columns of good values.

use tagwire_model::Timestamp;

/// The sum of all values, in four strands that the processor adds side by side.
#[inline]
pub(super) fn sum(values: &[f64]) -> f64 {
    let mut strands = [0.0_f64; 4];
    let mut chunks = values.chunks_exact(4);
    for chunk in &mut chunks {
        for (strand, value) in strands.iter_mut().zip(chunk) {
            *strand += value;
        }
    }
    strands.iter().sum::<f64>() + chunks.remainder().iter().sum::<f64>()
}

/// The area below straight lines through the points, or below steps, in value times ticks.
#[inline]
pub(super) fn area(times: &[Timestamp], values: &[f64], hold: bool) -> f64 {
    let mut area = 0.0;
    for (time, value) in times.windows(2).zip(values.windows(2)) {
        if let ([from, to], [left, right]) = (time, value) {
            let height = if hold { *left } else { (left + right) / 2.0 };
            area += height * to.ticks_since(*from) as f64;
        }
    }
    area
}
