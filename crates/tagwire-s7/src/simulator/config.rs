//! What a simulated CPU consists of, as written in a TOML file.

use std::time::Duration;

use serde::Deserialize;
use tagwire_driver::simulation::{On, Plain, Shape, duration};

/// One CPU. Every byte, timer and counter below its area's size exists and is zero unless said otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatorConfig {
    /// Start of the random numbers behind faults that happen by chance.
    pub seed: u64,
    /// Longest message in bytes, 240 to 960.
    pub pdu: u16,
    /// Most jobs under way at once.
    pub jobs: u16,
    /// Most items in one job.
    pub max_items: u16,
    /// Slot that clients must ask for; any when absent.
    pub slot: Option<u8>,
    /// Whether reads and writes of other stations are permitted, the PUT/GET setting of an S7-1200/1500.
    pub put_get: bool,
    /// Bytes of inputs.
    pub inputs: u32,
    /// Bytes of outputs.
    pub outputs: u32,
    /// Bytes of bit memory.
    pub memory: u32,
    /// Bytes of peripheral inputs and outputs.
    pub peripheral: u32,
    /// Number of timers.
    pub timers: u32,
    /// Number of counters.
    pub counters: u32,
    /// How long the CPU takes to answer, as in `"20ms"`.
    #[serde(deserialize_with = "duration")]
    pub delay: Duration,
    /// The data blocks; block 1 with 65536 bytes when there is none.
    #[serde(rename = "block")]
    pub blocks: Vec<BlockConfig>,
    /// Values at the start.
    #[serde(rename = "value")]
    pub values: Vec<ValueConfig>,
    /// Values that move by themselves.
    #[serde(rename = "signal")]
    pub signals: Vec<SignalConfig>,
    /// Ranges that are refused.
    #[serde(rename = "refuse")]
    pub refusals: Vec<RefuseConfig>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            pdu: 480,
            jobs: 8,
            max_items: 20,
            slot: None,
            put_get: true,
            inputs: 8192,
            outputs: 8192,
            memory: 16_384,
            peripheral: 8192,
            timers: 2048,
            counters: 2048,
            delay: Duration::ZERO,
            blocks: Vec::new(),
            values: Vec::new(),
            signals: Vec::new(),
            refusals: Vec::new(),
        }
    }
}

/// A data block.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockConfig {
    /// Its number.
    pub number: u16,
    /// Its length in bytes.
    pub size: u32,
    /// Optimised access: clients see no bytes of it.
    #[serde(default)]
    pub optimised: bool,
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

/// A range of which every item that touches it is refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefuseConfig {
    /// First byte, timer or counter, in the grammar of tags.
    pub address: String,
    /// Number of bytes, timers or counters.
    #[serde(default = "one")]
    pub count: u32,
    /// Return code.
    #[serde(default = "address_error")]
    pub code: u8,
    /// Which jobs it concerns.
    #[serde(default)]
    pub on: On,
}

const fn one() -> u32 {
    1
}

const fn hundred() -> f64 {
    100.0
}

const fn address_error() -> u8 {
    5
}
