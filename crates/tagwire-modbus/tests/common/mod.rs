//! A link from configuration text, and a supervisor's manners in few lines.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test file uses another part")]

pub use tagwire_driver::testing::Outcome;
use tagwire_driver::{LinkSpec, testing};
use tagwire_modbus::codec::Framing;
use tagwire_modbus::simulator::Simulator;
use tagwire_modbus::{ModbusDriver, ModbusKind};

/// The first link of a configuration in the product's own shape.
pub fn link(text: &str) -> LinkSpec {
    testing::link(&ModbusKind, text)
}

/// A driver on in-memory streams that lead to a simulator.
pub type Bench = testing::Bench<ModbusDriver, Simulator>;

pub fn framing(kind: &str) -> Framing {
    match kind {
        "modbus-tcp" => Framing::Tcp,
        "modbus-rtu" | "modbus-rtu-over-tcp" => Framing::Rtu,
        _ => Framing::Ascii,
    }
}

pub async fn bench(config: &str, simulator: &str) -> Bench {
    let simulator = Simulator::new(&toml::from_str(simulator).expect("simulator")).expect("simulator");
    bench_with(link(config), simulator).await
}

pub async fn bench_with(link: LinkSpec, simulator: Simulator) -> Bench {
    let (far, framing) = (simulator.clone(), framing(&link.kind));
    let serve = move |end| {
        let far = far.clone();
        tokio::spawn(async move { far.serve(end, framing).await });
    };
    let build = |link: &LinkSpec, connector| ModbusDriver::new(link, connector).expect("a driver");
    Bench::new(link, simulator, serve, build).await
}

/// A configuration with one device; `tags` are lines of `address type access`.
pub fn config(kind: &str, device_keys: &str, tags: &[(&str, &str)]) -> String {
    let address = if kind.ends_with("tcp") { "127.0.0.1:502" } else { "/dev/ttyS0" };
    let mut text = format!(
        "[[link]]\nname = \"line\"\ndriver = \"{kind}\"\naddress = \"{address}\"\n[[link.device]]\nname = \"press\"\n{device_keys}\n"
    );
    for (idx, (address, value_type)) in tags.iter().enumerate() {
        let access = if address.starts_with(['1', '3']) { "ro" } else { "rw" };
        text += &format!("[[link.device.tag]]\nname = \"t{idx}\"\naddress = \"{address}\"\naccess = \"{access}\"\n");
        if !value_type.is_empty() {
            text += &format!("type = \"{value_type}\"\n");
        }
    }
    text
}
