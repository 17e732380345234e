//! Random operations against a plain list of samples, with power cuts, torn writes and flipped bits.

mod plain;
mod world;

use std::time::Instant;

use world::World;

/// Seeds of one run; `cargo xtask soak history` asks for a thousand crash points and more.
fn seeds() -> u64 {
    std::env::var("TAGWIRE_HISTORY_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

fn first_seed() -> u64 {
    std::env::var("TAGWIRE_HISTORY_FIRST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[test]
fn no_crash_loses_an_acknowledged_sample_or_invents_one() {
    let started = Instant::now();
    let (mut crashes, mut samples) = (0, 0);
    for seed in first_seed()..first_seed() + seeds() {
        let mut world = World::new(seed);
        world.run(60, true);
        crashes += world.crashes;
        samples += world.samples;
    }
    println!("{crashes} crashes, {samples} samples, {:?}", started.elapsed());
    assert!(crashes > 0 && samples > 0);
}

#[test]
fn a_log_that_outlives_its_release_doubles_no_late_sample_when_segments_are_joined() {
    // A crash between noting that the log may go and removing it, then a join, then another start.
    World::new(1_911).run(60, true);
}

#[test]
fn a_store_that_never_crashes_answers_as_a_list_would() {
    for seed in first_seed()..first_seed() + seeds() / 3 {
        World::new(1_000_000 + seed).run(120, false);
    }
}

#[test]
fn flipped_bits_cost_no_more_than_is_told() {
    let mut told = 0;
    for seed in first_seed()..first_seed() + seeds() / 3 {
        told += World::new(2_000_000 + seed).run_with_flips(60);
    }
    assert!(told > 0, "no flip hit anything");
}
