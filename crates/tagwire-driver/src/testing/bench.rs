//! A driver on in-memory streams, and a supervisor's manners in few lines.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tagwire_model::{Status, Value};
use tokio::io::DuplexStream;
use tokio::time::timeout;

use crate::{Block, Connector, LinkError, LinkSpec, PolledDriver, Readings, Refusal};

/// How long a poll or a write may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A driver and the simulator that it talks to.
#[derive(Debug)]
pub struct Bench<D, S> {
    /// The driver.
    pub driver: D,
    /// The simulator.
    pub simulator: S,
    /// How often the driver connected.
    pub n_connects: Arc<AtomicUsize>,
    /// What the driver was built from.
    pub link: LinkSpec,
}

/// How a poll or a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was answered.
    Done,
    /// The link failed.
    LinkFailed,
    /// Something was not answered in time.
    TimedOut,
}

/// What a poll brought.
#[derive(Debug)]
pub struct Poll {
    /// How it ended.
    pub outcome: Outcome,
    /// Values by tag.
    pub values: BTreeMap<u32, Value>,
    /// Tags that failed alone.
    pub failed: BTreeMap<u32, Status>,
    /// Refusals of blocks.
    pub refused: Vec<Refusal>,
    /// Tags of refused blocks.
    pub refused_tags: BTreeMap<u32, Status>,
}

impl Poll {
    /// The value of a tag.
    ///
    /// # Panics
    /// When there is none.
    pub fn value(&self, tag: u32) -> &Value {
        self.values.get(&tag).unwrap_or_else(|| panic!("no value of tag {tag} in {self:?}"))
    }
}

impl<D: PolledDriver, S> Bench<D, S> {
    /// Builds the driver and connects it; `serve` spawns a task for the device's end of each stream.
    ///
    /// # Panics
    /// When the driver does not connect.
    pub async fn new(
        link: LinkSpec,
        simulator: S,
        serve: impl Fn(DuplexStream) + Send + 'static,
        build: impl FnOnce(&LinkSpec, Box<dyn Connector>) -> D,
    ) -> Self {
        let n_connects = Arc::new(AtomicUsize::new(0));
        let count = n_connects.clone();
        let connector = move || {
            count.fetch_add(1, Ordering::SeqCst);
            let (near, end) = tokio::io::duplex(4096);
            serve(end);
            Ok::<_, io::Error>(near)
        };
        let mut driver = build(&link, Box::new(connector));
        driver.connect().await.expect("in memory");
        Self { driver, simulator, n_connects, link }
    }

    /// The plan for all tags of a device.
    pub fn blocks(&self, device: usize) -> Vec<Block> {
        let all: Vec<u32> = (0..self.link.devices[device].tags.len() as u32).collect();
        self.driver.plan(device, &all, &[])
    }

    /// Reads all tags of a device, with one attempt; what a supervisor does after a failure included.
    pub async fn poll(&mut self, device: usize) -> Poll {
        let blocks = self.blocks(device);
        let mut readings = Readings::default();
        let outcome = timeout(TIMEOUT, self.driver.read(&blocks, &mut readings)).await;
        let outcome = self.after(outcome).await;
        let values = readings.values.into_iter().map(|(_, tag, value, _)| (tag, value)).collect();
        let failed = readings.failed.into_iter().map(|(_, tag, status)| (tag, status)).collect();
        let (mut refused, mut refused_tags) = (Vec::new(), BTreeMap::new());
        for (block, answer) in readings.answers {
            if let Err(refusal) = answer {
                refused_tags.extend(blocks[block].tags.iter().map(|tag| (*tag, refusal.status)));
                refused.push(refusal);
            }
        }
        Poll { outcome, values, failed, refused, refused_tags }
    }

    /// Writes with one attempt.
    pub async fn write(&mut self, device: usize, writes: &[(u32, Value)]) -> (Outcome, Vec<Result<(), Refusal>>) {
        let mut results = Vec::new();
        let outcome = timeout(TIMEOUT, self.driver.write(device, writes, &mut results)).await;
        (self.after(outcome).await, results)
    }

    async fn after(&mut self, outcome: Result<Result<(), LinkError>, tokio::time::error::Elapsed>) -> Outcome {
        let (outcome, reconnect) = match outcome {
            Ok(Ok(())) => (Outcome::Done, false),
            Ok(Err(_)) => (Outcome::LinkFailed, true),
            Err(_) => (Outcome::TimedOut, self.driver.reconnect_after_timeout()),
        };
        if reconnect {
            self.driver.disconnect();
            self.driver.connect().await.expect("in memory");
        }
        outcome
    }
}
