//! The words that every part of tagwire shares: what a value is, how good it is and when it was true.
//!
//! Nothing here performs I/O, reads a clock or knows a protocol.

mod convert;
mod deadband;
mod filter;
pub mod hex;
pub mod pattern;
mod sample;
mod scaling;
mod states;
mod status;
mod tag;
mod time;
mod update;
mod value;
mod value_type;

pub use convert::ConvertError;
pub use deadband::Deadband;
pub use filter::{Filter, Filtered};
pub use sample::Sample;
pub use scaling::{Clamp, Curve, Scaling, ScalingError};
pub use states::{States, StatesError};
pub use status::{DaQuality, Status};
pub use tag::{Access, EuRange, TagId};
pub use time::Timestamp;
pub use update::Update;
pub use value::{Array, ArrayData, ShapeError, Value};
pub use value_type::{DataType, Dims, ValueType, ValueTypeError};
