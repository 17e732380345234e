//! Values that move by themselves, as a function of time alone.

use std::time::Duration;

use tagwire_model::Value;

use super::config::Shape;
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
        let rounds = now.as_secs_f64() / self.period.as_secs_f64().max(1e-6);
        let share = rounds.fract();
        let span = self.high - self.low;
        match self.shape {
            Shape::Counter => self.low + rounds.floor() % (span.floor() + 1.0).max(1.0),
            Shape::Ramp => self.low + share * span,
            Shape::Triangle => self.low + (1.0 - (2.0 * share - 1.0).abs()) * span,
            Shape::Sine => self.low + (1.0 + (share * std::f64::consts::TAU).sin()) / 2.0 * span,
            Shape::Square => {
                if share < 0.5 {
                    self.low
                } else {
                    self.high
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tagwire_model::ValueType;

    use super::*;
    use crate::address::{Address, Numbering};
    use crate::item::Encoding;

    fn at(shape: Shape, quarters: u32) -> f64 {
        let address = Address::parse("40001", Numbering::default()).expect("address");
        let item = Item::new(&address, ValueType::parse("f64").expect("type"), &Encoding::default()).expect("fits");
        let signal = Signal { item, shape, period: Duration::from_secs(4), low: 10.0, high: 20.0 };
        signal.value(Duration::from_secs(quarters.into()))
    }

    #[test]
    fn shapes_pass_their_quarters() {
        let round = |shape| (0..5).map(|n| (at(shape, n) * 100.0).round() / 100.0).collect::<Vec<_>>();
        assert_eq!(round(Shape::Ramp), [10.0, 12.5, 15.0, 17.5, 10.0]);
        assert_eq!(round(Shape::Triangle), [10.0, 15.0, 20.0, 15.0, 10.0]);
        assert_eq!(round(Shape::Sine), [15.0, 20.0, 15.0, 10.0, 15.0]);
        assert_eq!(round(Shape::Square), [10.0, 10.0, 20.0, 20.0, 10.0]);
        assert_eq!((at(Shape::Counter, 0), at(Shape::Counter, 4), at(Shape::Counter, 44)), (10.0, 11.0, 10.0));
    }
}
