//! Values that move by themselves.

use std::time::Duration;

use super::config::{Shape, SignalConfig};

/// The value of a signal after so long.
pub(super) fn value(signal: &SignalConfig, now: Duration) -> f64 {
    let period = signal.period.as_secs_f64().max(1e-3);
    let turns = now.as_secs_f64() / period;
    let (low, span) = (signal.low, signal.high - signal.low);
    match signal.shape {
        Shape::Sine => low + span * (0.5 + 0.5 * (turns * std::f64::consts::TAU).sin()),
        Shape::Ramp => low + span * turns.fract(),
        Shape::Square => low + if turns.fract() < 0.5 { 0.0 } else { span },
        Shape::Counter => low + turns.floor() % (span.max(0.0) + 1.0),
    }
}
