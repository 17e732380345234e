//! From raw device numbers to engineering units and back (gateway-behaviour B-18).

use thiserror::Error;

use crate::{ArrayData, ConvertError, DataType, Status, Value, ValueType};

/// The shape of a scaling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// `((SH-SL)/(RH-RL))*(raw-RL)+SL`
    Linear,
    /// `sqrt((raw-RL)/(RH-RL))*(SH-SL)+SL`; a raw value below RL counts as RL.
    SquareRoot,
}

/// Which ends of the scaled range hold the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clamp {
    /// Values below the scaled low end are held at it.
    pub low: bool,
    /// Values above the scaled high end are held at it.
    pub high: bool,
}

/// A scaling of one tag, checked when made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    curve: Curve,
    raw: (f64, f64),
    scaled: (f64, f64),
    clamp: Clamp,
    negate: bool,
    data_type: DataType,
}

/// Why a scaling was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ScalingError {
    /// Raw high must be larger than raw low, both finite.
    #[error("raw high is not larger than raw low")]
    RawRange,
    /// Scaled low and high must be finite and different.
    #[error("scaled low and high are equal or not finite")]
    ScaledRange,
    /// The scaled type must be a number.
    #[error("scaled type is not a number")]
    DataType,
}

impl Scaling {
    /// A scaling from `raw` (low, high) to `scaled` (low, high), giving values of `data_type`.
    ///
    /// # Errors
    /// [`ScalingError`] when a range is empty or the type is no number.
    pub fn new(
        curve: Curve,
        raw: (f64, f64),
        scaled: (f64, f64),
        clamp: Clamp,
        negate: bool,
        data_type: DataType,
    ) -> Result<Self, ScalingError> {
        if !(raw.0.is_finite() && raw.1.is_finite() && raw.1 > raw.0) {
            return Err(ScalingError::RawRange);
        }
        if !(scaled.0.is_finite() && scaled.1.is_finite()) || scaled.0 == scaled.1 {
            return Err(ScalingError::ScaledRange);
        }
        if !data_type.is_number() {
            return Err(ScalingError::DataType);
        }
        Ok(Self { curve, raw, scaled, clamp, negate, data_type })
    }

    /// The type that clients see.
    pub const fn data_type(&self) -> DataType {
        self.data_type
    }

    /// The shape.
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// Low and high end of the raw range.
    pub const fn raw_range(&self) -> (f64, f64) {
        self.raw
    }

    /// Low and high end of the scaled range.
    pub const fn scaled_range(&self) -> (f64, f64) {
        self.scaled
    }

    /// Which ends hold the value.
    pub const fn clamp(&self) -> Clamp {
        self.clamp
    }

    /// Whether the sign of the scaled value is turned.
    pub const fn negates(&self) -> bool {
        self.negate
    }

    /// Scales a raw value, arrays element by element; the status carries limit bits when a clamp held it.
    ///
    /// # Errors
    /// [`ConvertError`] when the value is no number or the result does not fit the scaled type.
    pub fn to_engineering(&self, raw: &Value) -> Result<(Value, Status), ConvertError> {
        let mut status = Status::GOOD;
        let value = self.map(raw, self.data_type, |number| {
            let (number, limit) = self.scale(number);
            if limit != 0 {
                status = status.with_info(limit);
            }
            Ok(number)
        })?;
        Ok((value, status))
    }

    /// The raw value of `raw_type` that a client's value stands for; a clamp holds the value first.
    ///
    /// # Errors
    /// [`ConvertError`] when the value is no number or the result does not fit the raw type.
    pub fn to_raw(&self, value: &Value, raw_type: DataType) -> Result<Value, ConvertError> {
        self.map(value, raw_type, |number| self.unscale(number))
    }

    fn map(
        &self,
        value: &Value,
        wanted: DataType,
        mut number: impl FnMut(f64) -> Result<f64, ConvertError>,
    ) -> Result<Value, ConvertError> {
        if let Value::Array(array) = value {
            let mut data = ArrayData::empty(wanted);
            for idx in 0..array.data().len() {
                let element = array.data().element(idx).and_then(|v| v.as_f64()).ok_or(ConvertError::Type)?;
                let element = Value::Double(number(element)?).convert(ValueType::scalar(wanted))?;
                data.push(element).map_err(|_| ConvertError::Type)?;
            }
            return Value::array(array.dims(), data).map_err(|_| ConvertError::Dimensions);
        }
        let element = value.as_f64().ok_or(ConvertError::Type)?;
        Value::Double(number(element)?).convert(ValueType::scalar(wanted))
    }

    fn scale(&self, raw: f64) -> (f64, u32) {
        let share = (raw - self.raw.0) / (self.raw.1 - self.raw.0);
        let share = match self.curve {
            Curve::Linear => share,
            // Below its range a flow is nothing; what is no number stays none.
            Curve::SquareRoot if share < 0.0 => 0.0,
            Curve::SquareRoot => share.sqrt(),
        };
        let (value, limit) = self.hold(share * (self.scaled.1 - self.scaled.0) + self.scaled.0);
        (if self.negate { -value } else { value }, limit)
    }

    fn unscale(&self, value: f64) -> Result<f64, ConvertError> {
        let value = if self.negate { -value } else { value };
        let (value, _) = self.hold(value);
        let share = (value - self.scaled.0) / (self.scaled.1 - self.scaled.0);
        let share = match self.curve {
            Curve::Linear => share,
            // No raw value has such a root.
            Curve::SquareRoot if share < 0.0 => return Err(ConvertError::Range),
            Curve::SquareRoot => share * share,
        };
        Ok(share * (self.raw.1 - self.raw.0) + self.raw.0)
    }

    fn hold(&self, value: f64) -> (f64, u32) {
        let (low, high) = (self.scaled.0.min(self.scaled.1), self.scaled.0.max(self.scaled.1));
        if self.clamp.low && value < low {
            (low, Status::LIMIT_LOW)
        } else if self.clamp.high && value > high {
            (high, Status::LIMIT_HIGH)
        } else {
            (value, 0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scaling(curve: Curve, clamp: bool) -> Scaling {
        let clamp = Clamp { low: clamp, high: clamp };
        Scaling::new(curve, (0.0, 1000.0), (0.0, 100.0), clamp, false, DataType::Double).expect("valid")
    }

    #[test]
    fn linear_and_square_root_follow_their_formulas() {
        let scaled = |curve, raw| scaling(curve, false).to_engineering(&Value::UInt16(raw)).expect("number").0;
        assert_eq!(scaled(Curve::Linear, 500), Value::Double(50.0));
        assert_eq!(scaled(Curve::SquareRoot, 250), Value::Double(50.0));
        assert_eq!(scaled(Curve::Linear, 2000), Value::Double(200.0));
    }

    #[test]
    fn a_clamp_sets_the_limit_bits() {
        let (value, status) = scaling(Curve::Linear, true).to_engineering(&Value::UInt16(2000)).expect("number");
        assert_eq!(value, Value::Double(100.0));
        assert_eq!(status.0 & 0x300, Status::LIMIT_HIGH);
        assert!(status.is_good());
    }

    #[test]
    fn writing_is_the_inverse() {
        for curve in [Curve::Linear, Curve::SquareRoot] {
            let raw = scaling(curve, false).to_raw(&Value::Double(50.0), DataType::UInt16).expect("fits");
            let back = scaling(curve, false).to_engineering(&raw).expect("number").0;
            assert_eq!(back, Value::Double(50.0));
        }
        let out = scaling(Curve::Linear, false).to_raw(&Value::Double(1e9), DataType::UInt16);
        assert_eq!(out, Err(ConvertError::Range));
    }

    #[test]
    fn a_square_root_has_no_negative_share_and_keeps_what_is_no_number() {
        let flow = scaling(Curve::SquareRoot, false);
        assert_eq!(flow.to_raw(&Value::Double(-50.0), DataType::UInt16), Err(ConvertError::Range));
        assert_eq!(flow.to_raw(&Value::Double(-50.0), DataType::Double), Err(ConvertError::Range));
        assert_eq!(flow.to_engineering(&Value::Int16(-5)).expect("number").0, Value::Double(0.0));
        let seen = flow.to_engineering(&Value::Float(f32::NAN)).expect("number").0;
        assert!(matches!(seen, Value::Double(value) if value.is_nan()), "{seen:?}");
    }

    #[test]
    fn empty_ranges_are_refused() {
        let make = |raw, scaled| Scaling::new(Curve::Linear, raw, scaled, Clamp::default(), false, DataType::Double);
        assert_eq!(make((1.0, 1.0), (0.0, 1.0)), Err(ScalingError::RawRange));
        assert_eq!(make((0.0, f64::NAN), (0.0, 1.0)), Err(ScalingError::RawRange));
        assert_eq!(make((0.0, 1.0), (5.0, 5.0)), Err(ScalingError::ScaledRange));
    }
}
