//! A stateful fuzzer: valid and damaged requests of several users over simulated connections, on a simulated clock.
//!
//! - [`plant`]: tags, users, rules, and a link that answers when it likes.
//! - [`pipe`], [`client`]: connections in memory and their clients.
//! - [`world`]: a server with its clients; [`steps`], [`requests`], [`mutate`]: what happens; [`answers`]: what must
//!   hold of every answer; [`bugs`]: what was found.
//!
//! What must hold: nothing panics, every complete request is answered once or its connection is closed, every answer can
//! be decoded, no session sees or touches what it may not, and everything is given back in the end.
//!
//! `TAGWIRE_SOAK_SEEDS` sets how many seeds run, `TAGWIRE_SOAK_SEED` runs a single one.

mod answers;
mod bugs;
mod client;
mod mutate;
mod pipe;
mod plant;
mod requests;
mod steps;
mod world;

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, Once};
use std::time::Instant;

use world::{Tally, World};

/// Steps of one seed.
const STEPS: u32 = 250;
/// Failed seeds that are reported before the run stops.
const MAX_REPORTS: usize = 10;

thread_local! {
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Tells what happens when a single seed runs.
fn tell(what: impl FnOnce() -> String) {
    if IS_TOLD.get() {
        eprintln!("{}", what());
    }
}

/// Has panics of seeds noted, since the task of a connection keeps its own to itself.
fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if IS_WATCHED.get() {
                PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
            } else {
                before(info);
            }
        }));
    });
}

/// Runs one seed.
///
/// # Errors
/// What was broken, and after how many steps.
fn run(seed: u64) -> Result<Tally, String> {
    watch_panics();
    IS_WATCHED.set(true);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    let outcome = std::panic::catch_unwind(|| runtime.block_on(live(seed)));
    drop(runtime);
    IS_WATCHED.set(false);
    let panics = PANICS.take();
    match outcome {
        _ if !panics.is_empty() => Err(format!("panicked: {}", panics.join("; "))),
        Ok(outcome) => outcome,
        Err(_) => Err("panicked".to_owned()),
    }
}

async fn live(seed: u64) -> Result<Tally, String> {
    let mut world = World::new(seed);
    for _ in 0..3 {
        world.connect();
    }
    world.settle().await?;
    for step in 0..STEPS {
        tell(|| format!("step {step}"));
        let at = |why: String| format!("step {step}: {why}");
        world.step().await.map_err(at)?;
        PANICS.with_borrow(|panics| if panics.is_empty() { Ok(()) } else { Err(at("panic".to_owned())) })?;
    }
    world.all_is_answered().await.map_err(|why| format!("at the end: {why}"))?;
    world.end().await.map_err(|why| format!("at the end: {why}"))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn no_seed_breaks_the_server() {
    if let Some(seed) = number("TAGWIRE_SOAK_SEED") {
        IS_TOLD.set(true);
        panic!("seed {seed}: {:?}", run(seed));
    }
    let n_seeds = number("TAGWIRE_SOAK_SEEDS").unwrap_or(2_000);
    let next = AtomicU64::new(0);
    let (total, broken) = (Mutex::new(Tally::default()), Mutex::new(Vec::new()));
    let start = Instant::now();
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= n_seeds || broken.lock().expect("no panic").len() >= MAX_REPORTS {
                        return;
                    }
                    match run(seed) {
                        Ok(tally) => *total.lock().expect("no panic") += tally,
                        Err(why) => broken.lock().expect("no panic").push(format!("seed {seed}: {why}")),
                    }
                }
            });
        }
    });
    let (total, broken) = (total.into_inner().expect("no panic"), broken.into_inner().expect("no panic"));
    eprintln!("{n_seeds} seeds in {:.1} s: {total:?}", start.elapsed().as_secs_f64());
    assert!(broken.is_empty(), "{} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
}
