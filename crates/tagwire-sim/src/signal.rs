//! Addresses such as `sine(period=10s, low=0, high=100)`, and the values they stand for at a time.

use std::f64::consts::TAU;
use std::sync::Arc;

use tagwire_driver::{AddressError, TagSpec, initial_value};
use tagwire_model::{DataType, Value, ValueType};

const EXAMPLE: &str = "write static, static(5), counter, ramp, sine, square, triangle, sawtooth or random, \
                       with arguments as in sine(period=10s, low=0, high=100)";

/// What a tag holds.
#[derive(Clone, Debug)]
pub(crate) enum Signal {
    /// Memory that keeps what is written.
    Static(Value),
    /// A number that depends on the time alone.
    Wave(Arc<Wave>, DataType),
    /// Values in turn, one per period of so many seconds.
    List(Box<(f64, Vec<Value>)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Counter,
    Ramp,
    Sine,
    Square,
    Triangle,
    Sawtooth,
    Random,
}

/// A generator; times in seconds, phase in turns.
#[derive(Clone, Debug)]
pub(crate) struct Wave {
    shape: Shape,
    period: f64,
    low: f64,
    high: f64,
    step: f64,
    phase: f64,
    /// The value changes only every so many seconds; 0 for always.
    hold: f64,
}

impl Signal {
    /// The signal of a tag.
    pub(crate) fn of(tag: &TagSpec) -> Result<Self, AddressError> {
        let (name, args) = split(&tag.address)?;
        let wanted = tag.value_type;
        if name == "static" {
            let initial = match args.first() {
                Some(_) => parse_value(&args.join(", "), wanted)?,
                None => initial_value(wanted),
            };
            return Ok(Self::Static(initial));
        }
        if tag.access.write {
            return error(
                format!("the signal {name} cannot be written"),
                "give the tag access = \"ro\", or use static",
            );
        }
        if name == "user" {
            let Some((rate, values)) = args.split_first().filter(|(_, values)| !values.is_empty()) else {
                return error("user needs a rate and values", "write for example USER(1000, 5, 7, 3)");
            };
            let values = values.iter().map(|text| parse_value(text, wanted)).collect::<Result<_, _>>()?;
            return Ok(Self::List(Box::new((seconds("rate", rate)?, values))));
        }
        let wave = Wave::parse(&name, &args, wanted.data_type)?;
        let is_number = wanted.data_type.is_number() || wanted.data_type == DataType::Boolean;
        if !is_number || !wanted.is_scalar() {
            return error(format!("the signal {name} gives numbers, not {wanted}"), "use static for this type");
        }
        for end in [wave.low, wave.high] {
            if wanted.data_type != DataType::Boolean && Value::Double(end).convert(wanted).is_err() {
                return error(format!("{end} does not fit the type {wanted}"), "choose low and high within the type");
            }
        }
        Ok(Self::Wave(Arc::new(wave), wanted.data_type))
    }

    /// The value so many seconds after the start; `salt` tells random signals apart.
    pub(crate) fn value(&self, seconds: f64, salt: u32) -> Value {
        match self {
            Self::Static(value) => value.clone(),
            Self::List(list) => list.1[(seconds / list.0) as usize % list.1.len()].clone(),
            Self::Wave(wave, data_type) => {
                let number = wave.at(seconds, salt);
                match data_type {
                    DataType::Double => Value::Double(number),
                    DataType::Boolean => Value::Boolean(number >= f64::midpoint(wave.low, wave.high)),
                    DataType::Float => Value::Float(number as f32),
                    // Both ends fit the type, so the bits cut off by its width are none.
                    integer if number < 0.0 => Value::from_bits(*integer, number.round() as i64 as u64),
                    integer => Value::from_bits(*integer, number.round() as u64),
                }
            }
        }
    }
}

impl Wave {
    fn parse(name: &str, args: &[String], data_type: DataType) -> Result<Self, AddressError> {
        let shape = match name {
            "counter" => Shape::Counter,
            "ramp" => Shape::Ramp,
            "sine" => Shape::Sine,
            "square" => Shape::Square,
            "triangle" => Shape::Triangle,
            "sawtooth" => Shape::Sawtooth,
            "random" => Shape::Random,
            _ => return error(format!("\"{name}\" is no signal"), EXAMPLE),
        };
        let high = match (shape, data_type) {
            (_, DataType::Boolean) => 1.0,
            (Shape::Counter, DataType::Int8 | DataType::UInt8) => f64::from(i8::MAX),
            (Shape::Counter, DataType::Int16 | DataType::UInt16) => f64::from(i16::MAX),
            (Shape::Counter, _) => f64::from(i32::MAX),
            _ => 100.0,
        };
        let period = if matches!(shape, Shape::Counter | Shape::Ramp | Shape::Random) { 1.0 } else { 10.0 };
        let mut wave = Self { shape, period, low: 0.0, high, step: 1.0, phase: 0.0, hold: 0.0 };
        for (at, arg) in args.iter().enumerate() {
            // Kepware's functions name their arguments by position, with rates in milliseconds.
            let by_position = match (shape, at) {
                (Shape::Ramp | Shape::Random, 0) => "period",
                (Shape::Sine, 0) => "rate",
                (Shape::Ramp | Shape::Random | Shape::Sine, 1) => "low",
                (Shape::Ramp | Shape::Random | Shape::Sine, 2) => "high",
                (Shape::Ramp, 3) => "step",
                (Shape::Sine, 3) => "frequency",
                (Shape::Sine, 4) => "phase",
                _ => "",
            };
            let (key, text) = arg.split_once('=').map_or((by_position, arg.as_str()), |(key, text)| (key.trim(), text));
            match key {
                "period" => wave.period = seconds(key, text)?,
                "low" => wave.low = number(key, text)?,
                "high" => wave.high = number(key, text)?,
                "step" if shape == Shape::Ramp => wave.step = number(key, text)?,
                "phase" => wave.phase = (number(key, text)? / 360.0).rem_euclid(1.0),
                "rate" => wave.hold = seconds(key, text)?,
                "frequency" => wave.period = 1.0 / number(key, text)?.max(1e-9),
                _ => return error(format!("\"{arg}\" is no argument of {name}"), EXAMPLE),
            }
        }
        if wave.high <= wave.low || wave.step <= 0.0 {
            return error("high is not above low, or step is not above 0", "write for example low=0, high=100");
        }
        Ok(wave)
    }

    /// Times and phases are never negative, so that cutting off the fraction rounds down.
    fn at(&self, seconds: f64, salt: u32) -> f64 {
        let seconds = if self.hold > 0.0 { (seconds / self.hold) as i64 as f64 * self.hold } else { seconds };
        let turns = seconds / self.period + self.phase;
        let whole = turns as i64;
        let share = turns - whole as f64;
        let range = self.high - self.low;
        match self.shape {
            Shape::Sine => self.low + range * 0.5 * (1.0 + (TAU * share).sin()),
            Shape::Square if share < 0.5 => self.high,
            Shape::Square => self.low,
            Shape::Triangle => self.low + range * (1.0 - (2.0 * share - 1.0).abs()),
            Shape::Sawtooth => self.low + range * share,
            Shape::Random => self.low + range * noise(whole as u64 ^ (u64::from(salt) << 40)),
            Shape::Counter | Shape::Ramp => {
                self.low + self.step * (whole % ((range / self.step) as i64).saturating_add(1)) as f64
            }
        }
    }
}

/// The type of a signal when the configuration names none.
pub(crate) fn default_type(address: &str) -> Option<DataType> {
    let (name, args) = split(address).ok()?;
    let first = args.first().map(String::as_str);
    Some(match (name.as_str(), first) {
        ("counter", _) => DataType::Int32,
        ("static", Some("true" | "false")) => DataType::Boolean,
        ("static", Some(text)) if text.parse::<f64>().is_err() => DataType::String,
        _ => DataType::Double,
    })
}

/// Name in lower case, and the arguments.
fn split(address: &str) -> Result<(String, Vec<String>), AddressError> {
    let address = address.trim();
    let (name, args) = match address.split_once('(') {
        None => (address, ""),
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(args) => (name, args),
            None => return error(format!("\"{address}\" has no closing parenthesis"), EXAMPLE),
        },
    };
    let args = args.split(',').map(|arg| arg.trim().to_owned()).filter(|arg| !arg.is_empty());
    Ok((name.trim().to_ascii_lowercase(), args.collect()))
}

/// A positive time with its unit, or in milliseconds without one.
fn seconds(key: &str, text: &str) -> Result<f64, AddressError> {
    let text = text.trim();
    let units = [("ms", 1e-3), ("min", 60.0), ("s", 1.0), ("h", 3600.0), ("", 1e-3)];
    let found =
        units.iter().find_map(|(unit, factor)| Some(text.strip_suffix(unit)?.trim().parse::<f64>().ok()? * factor));
    let found = found.filter(|seconds| seconds.is_finite() && *seconds >= 1e-3);
    found.map_or_else(|| error(format!("{key}={text} is no time"), "write for example 500ms, 10s or 5min"), Ok)
}

fn number(key: &str, text: &str) -> Result<f64, AddressError> {
    let found = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    found.map_or_else(|| error(format!("{key}={} is no number", text.trim()), "write a number such as -12.5"), Ok)
}

fn parse_value(text: &str, wanted: ValueType) -> Result<Value, AddressError> {
    Value::parse(text.trim_matches('"'), wanted)
        .or_else(|_| error(format!("\"{text}\" is no {wanted}"), "write an initial value of the tag's type"))
}

/// A number from 0 to 1 that depends on the seed alone.
fn noise(seed: u64) -> f64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn error<T>(problem: impl Into<String>, fix: &str) -> Result<T, AddressError> {
    Err(AddressError { problem: problem.into(), fix: fix.to_owned() })
}
