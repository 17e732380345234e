//! A controller with every kind of tag, and a driver on in-memory streams to it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses another part")]

use tagwire_driver::testing;
use tagwire_enip::simulator::{Simulator, SimulatorConfig};
use tagwire_enip::{EnipDriver, EnipKind};

/// Tags of all types, structures with members, two programs.
pub const PLANT: &str = r#"
name = "plant"
[[structure]]
name = "Motor"
members = [
    { name = "Speed", type = "REAL" },
    { name = "Running", type = "BOOL" },
    { name = "Fault", type = "BOOL" },
    { name = "Count", type = "DINT" },
    { name = "Small", type = "SINT" },
    { name = "History", type = "INT[8]" },
    { name = "Flags", type = "BOOL[40]" },
    { name = "Label", type = "STRING" },
]
[[structure]]
name = "Line"
members = [
    { name = "Id", type = "INT" },
    { name = "Motors", type = "Motor[3]" },
    { name = "Main", type = "Motor" },
    { name = "Total", type = "LINT" },
]
[[tag]]
name = "Flag"
type = "BOOL"
value = true
[[tag]]
name = "Tiny"
type = "SINT"
value = -5
[[tag]]
name = "Short"
type = "INT"
value = -500
[[tag]]
name = "Number"
type = "DINT"
value = 123456
[[tag]]
name = "Big"
type = "LINT"
value = -1234567890123
[[tag]]
name = "UTiny"
type = "USINT"
value = 200
[[tag]]
name = "UShort"
type = "UINT"
value = 60000
[[tag]]
name = "UNumber"
type = "UDINT"
value = 4000000000
[[tag]]
name = "UBig"
type = "ULINT"
value = 9000000000000000000
[[tag]]
name = "Level"
type = "REAL"
value = 21.5
[[tag]]
name = "Exact"
type = "LREAL"
value = 2.25
[[tag]]
name = "Text"
type = "STRING"
value = "PRESS 7"
[[tag]]
name = "Texts"
type = "STRING[3]"
[[tag]]
name = "Bits"
type = "BOOL[96]"
[[tag]]
name = "Row"
type = "DINT[200]"
[[tag]]
name = "Wave"
type = "REAL[5000]"
[[tag]]
name = "Grid"
type = "INT[2,3]"
[[tag]]
name = "Cube"
type = "DINT[2,3,4]"
[[tag]]
name = "M"
type = "Motor"
[[tag]]
name = "Lines"
type = "Line[2]"
[[tag]]
name = "Fixed"
type = "DINT"
value = 7
read_only = true
[[tag]]
name = "Step"
program = "Main"
type = "DINT"
value = 3
[[tag]]
name = "Step"
program = "Other"
type = "DINT"
value = 4
[[tag]]
name = "Pump"
program = "Main"
type = "Motor"
[[value]]
address = "M.Speed"
value = 1.5
[[value]]
address = "M.Label"
value = "motor"
[[value]]
address = "Lines[1].Motors[2].Speed"
value = 12.5
[[value]]
address = "Lines[1].Main.Fault"
value = true
[[value]]
address = "Lines[0].Total"
value = 99
[[value]]
address = "Program:Main.Pump.Count"
value = 41
[[value]]
address = "Grid"
value = [[1, 2, 3], [4, 5, 6]]
[[value]]
address = "Row[10]"
value = [10, 11, 12]
[[value]]
address = "Bits[33]"
value = true
[[value]]
address = "Texts[1]"
value = "second"
"#;

pub type Bench = testing::Bench<EnipDriver, Simulator>;

/// A configuration with one device; `tags` are addresses with their types.
pub fn config(device_keys: &str, tags: &[(&str, &str)]) -> String {
    let mut text = format!(
        "[[link]]\nname = \"line\"\ndriver = \"enip\"\naddress = \"127.0.0.1\"\n[[link.device]]\nname = \"press\"\n{device_keys}\n"
    );
    for (idx, (address, value_type)) in tags.iter().enumerate() {
        text += &format!(
            "[[link.device.tag]]\nname = \"t{idx}\"\naddress = \"{address}\"\ntype = \"{value_type}\"\naccess = \"rw\"\n"
        );
    }
    text
}

pub fn simulator(text: &str) -> (SimulatorConfig, Simulator) {
    let config: SimulatorConfig = toml::from_str(text).expect("simulator");
    let simulator = Simulator::new(&config).expect("simulator");
    (config, simulator)
}

pub async fn bench(device_keys: &str, tags: &[(&str, &str)], simulator: &Simulator) -> Bench {
    let link = testing::link(&EnipKind, &config(device_keys, tags));
    let far = simulator.clone();
    let serve = move |end| {
        let far = far.clone();
        tokio::spawn(async move { far.serve(end).await });
    };
    let build =
        |link: &_, connector: Box<dyn tagwire_driver::Connector>| EnipDriver::new(link, connector).expect("a driver");
    Bench::new(link, simulator.clone(), serve, build).await
}
