//! What `docs/drivers/enip.md` shows is what works.

use tagwire_driver::{Connector, DriverKind as _, Key, testing};
use tagwire_enip::simulator::Simulator;
use tagwire_enip::{EnipDriver, EnipKind};
use tagwire_model::Value;

const TEXT: &str = include_str!("../../../docs/drivers/enip.md");

/// The n-th block of TOML.
fn sample(n: usize) -> &'static str {
    let rest = TEXT.split("```toml\n").nth(n + 1).expect("a sample");
    rest.split("```").next().expect("its end")
}

#[tokio::test(start_paused = true)]
async fn the_samples_work_together() {
    let simulator = Simulator::new(&toml::from_str(sample(1)).expect("TOML")).expect("a controller");
    let far = simulator.clone();
    let serve = move |end| {
        let far = far.clone();
        tokio::spawn(async move { far.serve(end).await });
    };
    let build = |link: &_, connector: Box<dyn Connector>| EnipDriver::new(link, connector).expect("a driver");
    let mut bench = testing::Bench::new(testing::link(&EnipKind, sample(0)), simulator, serve, build).await;
    let poll = bench.poll(0).await;
    assert_eq!(poll.value(0), &Value::Float(21.5));
    assert!(matches!(poll.value(1), Value::Float(number) if (0.0..=100.0).contains(number)), "{:?}", poll.value(1));
    assert_eq!((poll.value(2), poll.value(3)), (&Value::Boolean(false), &Value::Boolean(true)));
    assert_eq!(poll.value(4), &Value::text("PRESS 7"));
    assert_eq!(poll.value(5).to_string(), "[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]");
    let writes = [(0, Value::Float(-1.0)), (2, Value::Boolean(true)), (3, Value::Boolean(false))];
    let (_, results) = bench.write(0, &writes).await;
    assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
    let poll = bench.poll(0).await;
    assert_eq!((poll.value(0), poll.value(2)), (&Value::Float(-1.0), &Value::Boolean(true)));
    assert_eq!(poll.value(3), &Value::Boolean(false));
}

#[test]
fn the_tables_of_keys_are_those_of_the_driver() {
    let row = |key: &Key| {
        let default = if key.default.is_empty() { String::new() } else { format!(" {}", key.default) };
        format!("| `{}` |{default} | {} |", key.name, key.doc)
    };
    for key in [EnipKind.link_keys(), EnipKind.device_keys(), EnipKind.tag_keys()].concat() {
        assert!(TEXT.contains(&row(&key)), "the reference lacks this line:\n{}", row(&key));
    }
    for name in EnipKind.names() {
        assert!(TEXT.contains(&format!("| `{name}` |")), "{name}");
    }
}
