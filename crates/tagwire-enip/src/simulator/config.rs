//! What a simulated controller consists of, as written in a TOML file.

use std::time::Duration;

use serde::Deserialize;
use tagwire_driver::simulation::{Plain, Shape, duration};

use crate::pccc::{DataConfig, DataSignalConfig, FileConfig};

/// One controller behind one address.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SimulatorConfig {
    /// Start of the random numbers behind faults that happen by chance, and of the instance numbers.
    pub seed: u64,
    /// Name of the controller.
    pub name: String,
    /// Name of the product; one that begins with 2080 is a Micro800.
    pub product: String,
    /// Slot of the controller; requests that name another one are refused.
    pub slot: u8,
    /// Largest connection that the controller takes, in bytes; below 512 it refuses the Large Forward Open.
    pub connection_size: u16,
    /// Whether the controller opens connections at all.
    pub connections: bool,
    /// Whether the controller gives its tag list, templates and change counters.
    pub tag_list: bool,
    /// How long every answer takes, as in `"20ms"`.
    #[serde(deserialize_with = "duration")]
    pub delay: Duration,
    /// Types of structures, members of structures first.
    #[serde(rename = "structure")]
    pub structures: Vec<StructureConfig>,
    /// The tags.
    #[serde(rename = "tag")]
    pub tags: Vec<TagConfig>,
    /// Values at the start.
    #[serde(rename = "value")]
    pub values: Vec<ValueConfig>,
    /// Values that move by themselves.
    #[serde(rename = "signal")]
    pub signals: Vec<SignalConfig>,
    /// Whether the data files are asked for as those of a PLC-5.
    pub plc5: bool,
    /// Data files, of an SLC 500 or mapped into the controller.
    #[serde(rename = "file")]
    pub files: Vec<FileConfig>,
    /// Values in data files at the start.
    #[serde(rename = "data")]
    pub data: Vec<DataConfig>,
    /// Values in data files that move by themselves.
    #[serde(rename = "data_signal")]
    pub data_signals: Vec<DataSignalConfig>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            name: "simulated".to_owned(),
            product: "1756-L83E/B".to_owned(),
            slot: 0,
            connection_size: crate::codec::connection::LARGE,
            connections: true,
            tag_list: true,
            delay: Duration::ZERO,
            structures: Vec::new(),
            tags: Vec::new(),
            values: Vec::new(),
            signals: Vec::new(),
            plc5: false,
            files: Vec::new(),
            data: Vec::new(),
            data_signals: Vec::new(),
        }
    }
}

/// A type of structures.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructureConfig {
    /// Name of the type.
    pub name: String,
    /// Members in order.
    pub members: Vec<MemberConfig>,
}

/// A member of a structure.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberConfig {
    /// Name.
    pub name: String,
    /// `DINT`, `BOOL`, `REAL[10]`, `STRING`, or the name of another structure.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A tag.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagConfig {
    /// Name; several tags that differ in a number when `count` is given.
    pub name: String,
    /// The program it belongs to; the controller when absent.
    #[serde(default)]
    pub program: Option<String>,
    /// As [`MemberConfig::kind`], with up to three dimensions: `DINT[2,3,4]`.
    #[serde(rename = "type")]
    pub kind: String,
    /// So many tags, named with numbers from 0 behind the name.
    #[serde(default)]
    pub count: Option<u32>,
    /// Value at the start, for elementary types and strings.
    #[serde(default)]
    pub value: Option<Plain>,
    /// Whether clients may only read it.
    #[serde(default)]
    pub read_only: bool,
}

/// A value that is there from the start.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueConfig {
    /// Where, in the grammar of tags.
    pub address: String,
    /// The value.
    pub value: Plain,
}

/// A value that moves by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalConfig {
    /// Where, in the grammar of tags; an elementary type.
    pub address: String,
    /// How it moves.
    pub shape: Shape,
    /// Time of one turn; of a counter the time of one step.
    #[serde(deserialize_with = "duration")]
    pub period: Duration,
    /// Lowest value.
    #[serde(default)]
    pub low: f64,
    /// Highest value.
    #[serde(default = "hundred")]
    pub high: f64,
}

const fn hundred() -> f64 {
    100.0
}
