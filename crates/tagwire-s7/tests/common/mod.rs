//! A link from configuration text and a bench with a simulated CPU.
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test file uses another part")]

pub use tagwire_driver::testing::Outcome;
use tagwire_driver::{LinkSpec, testing};
use tagwire_s7::simulator::Simulator;
use tagwire_s7::{S7Driver, S7Kind};

/// The first link of a configuration in the product's own shape.
pub fn link(text: &str) -> LinkSpec {
    testing::link(&S7Kind, text)
}

/// A driver on in-memory streams that lead to a simulated CPU.
pub type Bench = testing::Bench<S7Driver, Simulator>;

pub fn simulator(text: &str) -> Simulator {
    Simulator::new(&toml::from_str(text).expect("simulator")).expect("simulator")
}

pub async fn bench(config: &str, cpu: &str) -> Bench {
    bench_with(link(config), simulator(cpu)).await
}

pub async fn bench_with(link: LinkSpec, simulator: Simulator) -> Bench {
    let far = simulator.clone();
    let serve = move |end| {
        let far = far.clone();
        tokio::spawn(async move { far.serve(end).await });
    };
    let build = |link: &LinkSpec, connector| S7Driver::new(link, connector).expect("a driver");
    Bench::new(link, simulator, serve, build).await
}

/// A configuration with one device; `tags` are address and type.
pub fn config<S: AsRef<str>>(link_keys: &str, device_keys: &str, tags: &[(S, &str)]) -> String {
    let mut text = format!(
        "[[link]]\nname = \"cpu\"\ndriver = \"s7\"\naddress = \"127.0.0.1\"\n{link_keys}\n[[link.device]]\n\
         name = \"press\"\n{device_keys}\n"
    );
    for (idx, (address, value_type)) in tags.iter().enumerate() {
        let address = address.as_ref();
        let access = if address.starts_with("PI") { "ro" } else { "rw" };
        text += &format!("[[link.device.tag]]\nname = \"t{idx}\"\naddress = \"{address}\"\naccess = \"{access}\"\n");
        if !value_type.is_empty() {
            text += &format!("type = \"{value_type}\"\n");
        }
    }
    text
}
