//! Everything that goes wrong on a link, with many seeds, on a simulated clock.

use tagwire_driver::testing::rehearse;

use crate::fake::Fake;

fn run(seed: u64) -> Result<(), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
    runtime.block_on(async { rehearse(&Fake::varied(seed), seed, 4).await })
}

#[test]
fn five_hundred_seeds_keep_every_promise() {
    let broken: Vec<String> =
        (0..500).filter_map(|seed| run(seed).err().map(|error| format!("seed {seed}: {error}"))).collect();
    assert!(broken.is_empty(), "{} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
}
