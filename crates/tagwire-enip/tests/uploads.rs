//! Links that lead to the same controller share what they learn of its program.

mod common;

use common::{PLANT, bench, config, simulator};
use tagwire_driver::{PolledDriver as _, Readings, testing};
use tagwire_enip::address::Address;
use tagwire_enip::{EnipDriver, EnipKind, Found};

const TAGS: [(&str, &str); 2] = [("M.Speed", "f32"), ("Lines[1].Motors[2].Speed", "f32")];

fn driver(addr: std::net::SocketAddr, tags: &[(&str, &str)]) -> EnipDriver {
    let mut link = testing::link(&EnipKind, &config("", tags));
    link.address = addr.to_string();
    EnipKind.driver(&link).expect("a driver")
}

/// Polls until the upload is through: the number of messages that it took besides the reads.
async fn polls(driver: &mut EnipDriver) {
    let blocks = driver.plan(0, &[0, 1], &[]);
    for _ in 0..5 {
        driver.read(&blocks, &mut Readings::default()).await.expect("a reading");
    }
}

#[tokio::test]
async fn the_second_link_to_a_controller_uploads_nothing() {
    let (_, simulator) = simulator(PLANT);
    let listener = simulator.listen("127.0.0.1:0").await.expect("a port");
    let mut cost = Vec::new();
    let mut drivers = [driver(listener.local_addr(), &TAGS), driver(listener.local_addr(), &TAGS)];
    for driver in &mut drivers {
        let before = simulator.n_messages();
        driver.connect().await.expect("a connection");
        polls(driver).await;
        cost.push(simulator.n_messages() - before);
    }
    // Forward Open, one look at the change counters, and the reads.
    assert!(cost[1] <= 12 && cost[0] > cost[1] + 5, "{cost:?}");
}

#[tokio::test(start_paused = true)]
async fn what_lies_at_an_address_is_told_by_the_program_and_not_by_its_bytes() {
    let (_, simulator) = simulator(PLANT);
    let mut bench = bench("", &[], &simulator).await;
    let mut found: Vec<Found> = Vec::new();
    for address in ["M", "Lines[1].Main", "M.Label", "Number.6", "Number"] {
        let address = Address::parse(address).expect("an address");
        found.push(bench.driver.look(0, &address).await.expect("an answer").expect("a value"));
    }
    let told: Vec<String> = found
        .iter()
        .map(|found| format!("{}: {}", found.type_name, found.value_type.map_or_else(String::new, |t| t.to_string())))
        .collect();
    let wanted =
        ["structure Motor: bytes", "structure Motor: bytes", "structure STRING: string", "bit 6 of DINT: bool"];
    assert_eq!(told[..4], wanted);
    assert_eq!(told[4], "DINT: i32");
    assert_eq!(found[1].hint.as_deref(), Some("name a member for its value, as in Lines[1].Main.Speed"));
    assert!(found[2].hint.is_none());
}
