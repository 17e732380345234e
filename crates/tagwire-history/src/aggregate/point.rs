//! Samples as the engine sees them.

use tagwire_model::{DataType, Status, Value, ValueType};

/// How a value counts in a calculation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Good,
    Uncertain,
    Bad,
}

/// A raw sample or a bound.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) time: i64,
    /// The value as number: 0 or 1 for a Boolean, NaN for what is no number.
    pub(super) number: f64,
    pub(super) value: Value,
    pub(super) status: Status,
    /// By severity alone.
    pub(super) severity: Class,
    /// By severity and by whether uncertain counts as bad.
    pub(super) class: Class,
}

impl Point {
    /// A raw sample; `numeric` tells that only numbers can be used, so that anything else counts as bad.
    #[inline]
    pub(super) fn raw(time: i64, value: Value, status: Status, uncertain_is_bad: bool, numeric: bool) -> Self {
        let number = value.as_f64();
        let severity = match (status.0 >> 30, number) {
            (0, Some(_)) => Class::Good,
            (1, Some(_)) => Class::Uncertain,
            (0, None) if !numeric => Class::Good,
            (1, None) if !numeric => Class::Uncertain,
            _ => Class::Bad,
        };
        let class = if uncertain_is_bad && severity == Class::Uncertain { Class::Bad } else { severity };
        Self { time, number: number.unwrap_or(f64::NAN), value, status, severity, class }
    }

    /// Whether its value may be used.
    #[inline]
    pub(super) fn usable(&self) -> bool {
        self.class != Class::Bad
    }
}

/// The number on the line through two points at `time`.
#[inline]
pub(super) fn on_line(from: (i64, f64), to: (i64, f64), time: i64) -> f64 {
    if to.0 == from.0 {
        return to.1;
    }
    from.1 + (to.1 - from.1) * ((time - from.0) as f64 / (to.0 - from.0) as f64)
}

/// A number as a value of the source's type; a Double where it does not fit that type.
pub(super) fn typed(number: f64, data_type: DataType) -> Value {
    match data_type {
        DataType::Double => Value::Double(number),
        _ => Value::Double(number).convert(ValueType::scalar(data_type)).unwrap_or(Value::Double(number)),
    }
}

/// `late` less `early` in the source's type, exactly for integers; a Double where it does not fit that type.
pub(super) fn difference(late: &Point, early: &Point, data_type: DataType) -> Value {
    if let (Some(a), Some(b)) = (late.value.as_i128(), early.value.as_i128())
        && let Ok(exact) = i64::try_from(a - b)
    {
        return Value::Int64(exact).convert(ValueType::scalar(data_type)).unwrap_or(Value::Double(exact as f64));
    }
    typed(late.number - early.number, data_type)
}
