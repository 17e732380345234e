//! When a change is large enough to count.

use crate::{ArrayData, EuRange, Value};

/// The smallest change that counts, compared with the value last let through (OPC UA Part 4, 7.22.2).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Deadband {
    /// Every change counts.
    #[default]
    None,
    /// A change counts when it is larger than this many units.
    Absolute(f64),
    /// A change counts when it is larger than this percentage (0 to 100) of the EURange.
    Percent(f64),
}

impl Deadband {
    /// The deadband in units of the value; percent needs the range it refers to and is 0 without one.
    pub fn in_units(self, range: Option<EuRange>) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Absolute(units) => units,
            Self::Percent(percent) => range.map_or(0.0, |range| (range.high - range.low).abs() * percent / 100.0),
        }
    }
}

impl Value {
    /// Whether the step from `self` to `new` is larger than `units`; for arrays, whether any element's is.
    /// A change of type, of length, to or from NaN, and any change of what is no number counts always.
    pub fn exceeds_deadband(&self, new: &Self, units: f64) -> bool {
        if self.same_as(new) {
            return false;
        }
        match (self, new) {
            (Self::Array(old), Self::Array(new)) => {
                old.dims() != new.dims() || elements_exceed(old.data(), new.data(), units)
            }
            _ => scalar_exceeds(self, new, units),
        }
    }
}

fn scalar_exceeds(old: &Value, new: &Value, units: f64) -> bool {
    if old.value_type() != new.value_type() || matches!(old, Value::Boolean(_)) {
        return true;
    }
    // Integers beyond 2^53 are compared without rounding.
    if let (Some(old), Some(new)) = (old.as_i128(), new.as_i128()) {
        return (new - old).unsigned_abs() as f64 > units;
    }
    match (old.as_f64(), new.as_f64()) {
        (Some(old), Some(new)) if old.is_nan() || new.is_nan() => !(old.is_nan() && new.is_nan()),
        (Some(old), Some(new)) => (new - old).abs() > units,
        _ => true,
    }
}

fn elements_exceed(old: &ArrayData, new: &ArrayData, units: f64) -> bool {
    if old.data_type() != new.data_type() || old.len() != new.len() {
        return true;
    }
    (0..old.len()).any(|idx| match (old.element(idx), new.element(idx)) {
        (Some(old), Some(new)) => !old.same_as(&new) && scalar_exceeds(&old, &new, units),
        _ => true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dims;

    #[test]
    fn only_larger_steps_count() {
        assert!(!Value::Int32(10).exceeds_deadband(&Value::Int32(12), 2.0));
        assert!(Value::Int32(10).exceeds_deadband(&Value::Int32(13), 2.0));
        assert!(!Value::Double(1.0).exceeds_deadband(&Value::Double(1.0), 0.0));
    }

    #[test]
    fn large_integers_are_not_rounded() {
        let old = Value::Int64((1 << 53) + 1);
        assert!(old.exceeds_deadband(&Value::Int64((1 << 53) + 4), 2.0));
        assert!(!old.exceeds_deadband(&Value::Int64((1 << 53) + 3), 2.0));
    }

    #[test]
    fn nan_counts_once() {
        assert!(Value::Double(1.0).exceeds_deadband(&Value::Double(f64::NAN), 5.0));
        assert!(!Value::Float(f32::NAN).exceeds_deadband(&Value::Float(-f32::NAN), 5.0));
    }

    #[test]
    fn any_element_of_an_array_counts() {
        let array = |a, b| Value::array(Dims::one(2), ArrayData::Float(vec![a, b])).expect("pair");
        assert!(!array(1.0, 2.0).exceeds_deadband(&array(2.0, 3.0), 2.0));
        assert!(array(1.0, 2.0).exceeds_deadband(&array(1.0, 5.0), 2.0));
    }

    #[test]
    fn percent_refers_to_the_range() {
        let range = EuRange { low: -50.0, high: 50.0 };
        assert_eq!(Deadband::Percent(10.0).in_units(Some(range)), 10.0);
        assert_eq!(Deadband::Percent(10.0).in_units(None), 0.0);
    }
}
