//! What `docs/drivers/modbus.md` shows is what works.

mod common;

use common::{bench_with, link};
use tagwire_driver::{DriverKind as _, Key};
use tagwire_modbus::ModbusKind;
use tagwire_modbus::simulator::Simulator;
use tagwire_model::Value;

const TEXT: &str = include_str!("../../../docs/drivers/modbus.md");

/// The n-th block of TOML.
fn sample(n: usize) -> &'static str {
    let rest = TEXT.split("```toml\n").nth(n + 1).expect("a sample");
    rest.split("```").next().expect("its end")
}

#[tokio::test(start_paused = true)]
async fn the_samples_work_together() {
    let simulator = Simulator::new(&toml::from_str(sample(1)).expect("TOML")).expect("a device");
    let mut bench = bench_with(link(sample(0)), simulator).await;
    let poll = bench.poll(0).await;
    assert_eq!(poll.value(0), &Value::Float(21.5));
    assert!(matches!(poll.value(1), Value::Double(number) if (0.0..=100.0).contains(number)), "{:?}", poll.value(1));
    assert_eq!((poll.value(2), poll.value(3)), (&Value::Boolean(false), &Value::Boolean(false)));
    assert_eq!(poll.value(4), &Value::text("PRESS 7"));
    assert_eq!(poll.value(5).to_string(), "[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]");
    let (_, results) = bench.write(0, &[(0, Value::Float(-1.0)), (3, Value::Boolean(true))]).await;
    assert_eq!(results, [Ok(()), Ok(())]);
    tokio::time::sleep(std::time::Duration::from_millis(2600)).await;
    let poll = bench.poll(0).await;
    assert_eq!((poll.value(0), poll.value(3)), (&Value::Float(-1.0), &Value::Boolean(true)));
}

#[test]
fn the_tables_of_keys_are_those_of_the_driver() {
    let row = |key: &Key| {
        let default = if key.default.is_empty() { String::new() } else { format!(" {}", key.default) };
        format!("| `{}` |{default} | {} |", key.name, key.doc)
    };
    for key in [ModbusKind.link_keys(), ModbusKind.device_keys(), ModbusKind.tag_keys()].concat() {
        assert!(TEXT.contains(&row(&key)), "the reference lacks this line:\n{}", row(&key));
    }
    for name in ModbusKind.names() {
        assert!(TEXT.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn the_way_from_profibus_through_a_gateway_is_a_link() {
    let text = include_str!("../../../docs/drivers/profibus.md");
    let sample = text.split("```toml\n").nth(2).and_then(|rest| rest.split("```").next()).expect("a sample");
    let link = link(sample);
    assert_eq!((link.kind.as_str(), link.devices[0].tags.len()), ("modbus-tcp", 4));
}
