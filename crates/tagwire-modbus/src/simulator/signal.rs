//! Values that move by themselves, as a function of time alone.

use std::time::Duration;

use tagwire_driver::simulation::Shape;
use tagwire_model::Value;

use crate::item::Item;

/// A moving value and where it lies.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    pub item: Item,
    pub shape: Shape,
    pub period: Duration,
    pub low: f64,
    pub high: f64,
}

impl Signal {
    /// The units at a moment; `None` when the type cannot hold the value.
    pub(super) fn units(&self, now: Duration) -> Option<Vec<u8>> {
        self.item.encode(&Value::Double(self.value(now))).ok()
    }

    fn value(&self, now: Duration) -> f64 {
        self.shape.value(now, self.period, self.low, self.high)
    }
}
