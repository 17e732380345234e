//! Links that lead to the same controller share what they learn of its program.

mod common;

use common::{PLANT, config, simulator};
use tagwire_driver::{PolledDriver as _, Readings, testing};
use tagwire_enip::{EnipDriver, EnipKind};

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
