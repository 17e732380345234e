//! What `docs/drivers/s7.md` and `docs/drivers/profibus.md` show is what works.

mod common;

use common::{bench_with, link, simulator};
use tagwire_driver::{DriverKind as _, Key};
use tagwire_model::Value;
use tagwire_s7::S7Kind;

const TEXT: &str = include_str!("../../../docs/drivers/s7.md");
const PROFIBUS: &str = include_str!("../../../docs/drivers/profibus.md");

/// The n-th block of TOML.
fn sample(text: &'static str, n: usize) -> &'static str {
    let rest = text.split("```toml\n").nth(n + 1).expect("a sample");
    rest.split("```").next().expect("its end")
}

#[tokio::test(start_paused = true)]
async fn the_samples_work_together() {
    let mut bench = bench_with(link(sample(TEXT, 0)), simulator(sample(TEXT, 1))).await;
    assert_eq!(bench.driver.agreed(), (240, 3));
    let (_, results) =
        bench.write(0, &[(0, Value::Float(21.5)), (1, Value::Boolean(true)), (3, Value::text("Recipe 8"))]).await;
    assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
    let poll = bench.poll(0).await;
    assert_eq!((poll.value(0), poll.value(1)), (&Value::Float(21.5), &Value::Boolean(true)));
    assert!(matches!(poll.value(2), Value::Int16(0..=1000)), "{:?}", poll.value(2));
    assert_eq!(poll.value(3), &Value::text("Recipe 8"));
    assert_eq!(poll.value(4).to_string(), "[[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]]");
    assert_eq!(poll.value(5).to_string(), "2024-05-01T06:00:00Z");
    assert_eq!(poll.value(6), &Value::UInt32(2500));
}

#[test]
fn the_tables_of_keys_are_those_of_the_driver() {
    let row = |key: &Key| {
        let default = if key.default.is_empty() { String::new() } else { format!(" {}", key.default) };
        format!("| `{}` |{default} | {} |", key.name, key.doc)
    };
    for key in [S7Kind.link_keys(), S7Kind.device_keys(), S7Kind.tag_keys()].concat() {
        assert!(TEXT.contains(&row(&key)), "the reference lacks this line:\n{}", row(&key));
    }
}

#[test]
fn the_way_from_profibus_through_a_cpu_is_a_link() {
    let link = link(sample(PROFIBUS, 0));
    assert_eq!((link.kind.as_str(), link.devices[0].tags.len()), ("s7", 5));
}
