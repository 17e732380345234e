//! What a simulated device consists of, as written in a TOML file.

use std::time::Duration;

use serde::Deserialize;
use tagwire_driver::simulation::{On, Plain, Shape, duration};

/// Units behind one address; each `[[unit]]` is a device of its own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatorConfig {
    /// Start of the random numbers behind faults that happen by chance.
    #[serde(default)]
    pub seed: u64,
    /// The devices.
    #[serde(default, rename = "unit")]
    pub units: Vec<UnitConfig>,
}

/// One unit 1 whose tables are all zero.
impl Default for SimulatorConfig {
    fn default() -> Self {
        Self { seed: 0, units: vec![UnitConfig::new(1)] }
    }
}

/// One device. Every address below the table's size exists and is zero unless said otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitConfig {
    /// Unit identifier.
    pub id: u8,
    /// Number of coils.
    #[serde(default = "all")]
    pub coils: u32,
    /// Number of discrete inputs.
    #[serde(default = "all")]
    pub discrete_inputs: u32,
    /// Number of input registers.
    #[serde(default = "all")]
    pub input_registers: u32,
    /// Number of holding registers.
    #[serde(default = "all")]
    pub holding_registers: u32,
    /// Byte and word order of values that name none.
    #[serde(default)]
    pub order: Option<String>,
    /// The unit never answers.
    #[serde(default)]
    pub silent: bool,
    /// How long the unit takes to answer, as in `"20ms"`.
    #[serde(default, deserialize_with = "duration")]
    pub delay: Duration,
    /// Values at the start.
    #[serde(default, rename = "value")]
    pub values: Vec<ValueConfig>,
    /// Values that move by themselves.
    #[serde(default, rename = "signal")]
    pub signals: Vec<SignalConfig>,
    /// Ranges that are refused.
    #[serde(default, rename = "refuse")]
    pub refusals: Vec<RefuseConfig>,
}

impl UnitConfig {
    /// A device with full tables of zeros.
    pub const fn new(id: u8) -> Self {
        let (coils, discrete_inputs, input_registers, holding_registers) = (all(), all(), all(), all());
        Self {
            id,
            coils,
            discrete_inputs,
            input_registers,
            holding_registers,
            order: None,
            silent: false,
            delay: Duration::ZERO,
            values: Vec::new(),
            signals: Vec::new(),
            refusals: Vec::new(),
        }
    }
}

/// A value that is there from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueConfig {
    /// Where, in the grammar of tags.
    pub address: String,
    /// Declared type; that of the address when absent.
    #[serde(default, rename = "type")]
    pub value_type: Option<String>,
    /// Byte and word order.
    #[serde(default)]
    pub order: Option<String>,
    /// The value.
    pub value: Plain,
}

/// A value that moves by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalConfig {
    /// Where, in the grammar of tags.
    pub address: String,
    /// Declared type, a number or `bool`; that of the address when absent.
    #[serde(default, rename = "type")]
    pub value_type: Option<String>,
    /// Byte and word order.
    #[serde(default)]
    pub order: Option<String>,
    /// How it moves.
    pub shape: Shape,
    /// Time of one round, for a counter of one step, as in `"10s"`.
    #[serde(deserialize_with = "duration")]
    pub period: Duration,
    /// Lowest value.
    #[serde(default)]
    pub low: f64,
    /// Highest value.
    #[serde(default = "hundred")]
    pub high: f64,
}

/// A range that the device answers with an exception.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefuseConfig {
    /// First address, in the grammar of tags.
    pub address: String,
    /// Number of units.
    #[serde(default = "one")]
    pub count: u32,
    /// Exception code.
    #[serde(default = "illegal_address")]
    pub exception: u8,
    /// Which requests it concerns.
    #[serde(default)]
    pub on: On,
}

const fn all() -> u32 {
    0x1_0000
}

const fn one() -> u32 {
    1
}

const fn hundred() -> f64 {
    100.0
}

const fn illegal_address() -> u8 {
    2
}
