//! What the device simulators of all drivers have in common: streams, values in a file, values that move, refusals.

mod faults;
mod serve;

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use tagwire_model::{ArrayData, ConvertError, Dims, Value, ValueType};

pub use faults::Faults;
pub use serve::{Conversation, Farewell, Reply, SimulatorListener, serve};

/// A value as TOML writes it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Plain {
    /// `true`
    Bool(bool),
    /// `12`
    Integer(i64),
    /// `12.5`
    Float(f64),
    /// `"text"`, and what text stands for: times, bytes in hexadecimal.
    Text(String),
    /// `[1, 2, 3]`, nested or flat.
    List(Vec<Self>),
}

impl Plain {
    /// The value of a type.
    ///
    /// # Errors
    /// [`ConvertError`] when there is none.
    pub fn value(&self, wanted: ValueType) -> Result<Value, ConvertError> {
        let scalar = ValueType { dims: Dims::SCALAR, ..wanted };
        match self {
            Self::Bool(on) => Value::Boolean(*on).convert(wanted),
            Self::Integer(number) => Value::Int64(*number).convert(wanted),
            Self::Float(number) => Value::Double(*number).convert(wanted),
            Self::Text(text) => Value::parse(text, wanted),
            Self::List(_) => {
                let mut data = ArrayData::empty(wanted.data_type);
                self.flatten(&mut |one| data.push(one.value(scalar)?).map_err(|_| ConvertError::Type))?;
                Value::array(wanted.dims, data).map_err(|_| ConvertError::Dimensions)
            }
        }
    }

    fn flatten(&self, put: &mut impl FnMut(&Self) -> Result<(), ConvertError>) -> Result<(), ConvertError> {
        match self {
            Self::List(list) => list.iter().try_for_each(|one| one.flatten(put)),
            one => put(one),
        }
    }
}

/// How a signal moves between its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One more each period, from `high` back to `low`.
    Counter,
    /// Evenly from `low` to `high`, then back at once.
    Ramp,
    /// Evenly from `low` to `high` and back.
    Triangle,
    /// A sine between both.
    Sine,
    /// Half a period `low`, half a period `high`.
    Square,
}

impl Shape {
    /// The value at a moment.
    pub fn value(self, now: Duration, period: Duration, low: f64, high: f64) -> f64 {
        let rounds = now.as_secs_f64() / period.as_secs_f64().max(1e-6);
        let share = rounds.fract();
        let span = high - low;
        match self {
            Self::Counter => low + rounds.floor() % (span.floor() + 1.0).max(1.0),
            Self::Ramp => low + share * span,
            Self::Triangle => low + (1.0 - (2.0 * share - 1.0).abs()) * span,
            Self::Sine => low + (1.0 + (share * std::f64::consts::TAU).sin()) / 2.0 * span,
            Self::Square => {
                if share < 0.5 {
                    low
                } else {
                    high
                }
            }
        }
    }
}

/// Which requests a refusal concerns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Reads and writes: the range does not exist.
    #[default]
    Both,
    /// Reads: the range is write only.
    Read,
    /// Writes: the range is read only.
    Write,
}

impl On {
    /// Whether a read ([`On::Read`]) or a write ([`On::Write`]) is concerned.
    pub fn concerns(self, request: Self) -> bool {
        self == Self::Both || self == request
    }
}

/// Parses `"250ms"`, `"1.5s"`, `"2m"`.
///
/// # Errors
/// What serde says, or that the text is no duration.
pub fn duration<'de, D: Deserializer<'de>>(source: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(source)?;
    parse_duration(&text)
        .ok_or_else(|| de::Error::custom(format!("\"{text}\" is no duration such as \"250ms\", \"1.5s\" or \"2m\"")))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let units = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
    let (number, seconds) = units.iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, *seconds)))?;
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Some(Duration::from_secs(120)));
        for text in ["", "5", "ms", "-1s", "1 day"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    fn at(shape: Shape, quarters: u32) -> f64 {
        shape.value(Duration::from_secs(quarters.into()), Duration::from_secs(4), 10.0, 20.0)
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
