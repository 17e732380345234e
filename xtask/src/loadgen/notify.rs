//! Subscriptions: how many changes arrive, and what they cost the server.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::connection::{Connection, expect};
use super::wire::Reader;
use super::{Target, requests};
use crate::bench::cpu_seconds;

const INTERVAL_MS: f64 = 100.0;
const ITEMS_PER_REQUEST: usize = 500;
const PUBLISH_REQUESTS: usize = 8;
const SERVICE_FAULT: u32 = 397;
const TOO_MANY_PUBLISH_REQUESTS: u32 = 0x8078_0000;
const DATA_CHANGE: &[u8] = &[1, 0, 43, 3];

/// Type of the answer to CloseSession.
const CLOSE_SESSION_RESPONSE: u32 = 476;

/// What a run brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Notifications {
    /// Changes that arrived, as a share of items × 10 per second.
    pub(crate) delivered: f64,
    /// The server's processor time per change that arrived.
    pub(crate) seconds_per_change: f64,
    /// Share of one core that the server took.
    pub(crate) cores: f64,
}

/// Subscribes the first `items` tags, shared out over `sessions`, and counts for some seconds.
pub(crate) fn notifications(
    target: &Target,
    items: usize,
    sessions: usize,
    duration: Duration,
) -> Result<Notifications> {
    let stop = AtomicBool::new(false);
    let changes = AtomicU64::new(0);
    let start = Barrier::new(sessions + 1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..sessions)
            .map(|number| {
                let (stop, changes, start) = (&stop, &changes, &start);
                let tags: Vec<usize> = (0..items).skip(number).step_by(sessions).collect();
                scope.spawn(move || {
                    let opened = subscribe(target, &tags);
                    start.wait();
                    let (mut connection, _) = opened?;
                    receive(&mut connection, stop, changes)
                })
            })
            .collect();
        start.wait();
        std::thread::sleep(Duration::from_secs(1));
        let (before, cpu, begun) = (changes.load(Ordering::Relaxed), cpu_seconds(target.pid)?, Instant::now());
        std::thread::sleep(duration);
        let n = (changes.load(Ordering::Relaxed) - before) as f64;
        let (cpu, took) = (cpu_seconds(target.pid)? - cpu, begun.elapsed().as_secs_f64());
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        if n == 0.0 {
            bail!("no change arrived");
        }
        let expected = items as f64 * took * 1000.0 / INTERVAL_MS;
        Ok(Notifications { delivered: n / expected, seconds_per_change: cpu / n, cores: cpu / took })
    })
}

/// Subscribes the first `items` tags on one session and hands over the connection that keeps them.
pub(crate) fn hold_items(target: &Target, items: usize) -> Result<Connection> {
    let tags: Vec<usize> = (0..items).collect();
    Ok(subscribe(target, &tags)?.0)
}

fn subscribe(target: &Target, tags: &[usize]) -> Result<(Connection, u32)> {
    let mut connection = Connection::open(&target.address)?;
    let body = requests::create_subscription(&connection, INTERVAL_MS);
    let answer = connection.call(&body)?;
    let mut answer = Reader(&answer);
    expect(&mut answer, 790, "CreateSubscription")?;
    let subscription = answer.u32()?;
    for some in tags.chunks(ITEMS_PER_REQUEST) {
        let body = requests::create_items(&connection, subscription, some, INTERVAL_MS);
        let answer = connection.call(&body)?;
        let mut answer = Reader(&answer);
        expect(&mut answer, 754, "CreateMonitoredItems")?;
        if answer.length()? != some.len() || answer.u32()? != 0 {
            bail!("an item was refused");
        }
    }
    Ok((connection, subscription))
}

fn receive(connection: &mut Connection, stop: &AtomicBool, changes: &AtomicU64) -> Result<()> {
    for _ in 0..PUBLISH_REQUESTS {
        let body = requests::publish(connection, None);
        let frames = connection.frames(&body);
        connection.send(&frames)?;
    }
    while !stop.load(Ordering::Relaxed) {
        let (_, answer) = connection.next_message()?;
        let Some((subscription, number, n)) = count(answer)? else { continue };
        changes.fetch_add(n, Ordering::Relaxed);
        let acknowledge = (n > 0).then_some((subscription, number));
        let body = requests::publish(connection, acknowledge);
        let frames = connection.frames(&body);
        connection.send(&frames)?;
    }
    // A session that is only left goes on sampling for as long as it may, at the cost of the runs that follow.
    let body = requests::close_session(connection);
    let frames = connection.frames(&body);
    connection.send(&frames)?;
    while Reader(connection.next_message()?.1).message_type()? != CLOSE_SESSION_RESPONSE {}
    Ok(())
}

/// The subscription, the sequence number and the number of changes of a Publish answer; `None` when the server wants
/// fewer requests waiting.
fn count(answer: &[u8]) -> Result<Option<(u32, u32, u64)>> {
    let mut fault = Reader(answer);
    if fault.message_type()? == SERVICE_FAULT && fault.response_header()? == TOO_MANY_PUBLISH_REQUESTS {
        return Ok(None);
    }
    let mut answer = Reader(answer);
    expect(&mut answer, 829, "Publish")?;
    let subscription = answer.u32()?;
    let available = answer.length()?;
    answer.skip(4 * available + 1)?;
    let number = answer.u32()?;
    answer.skip(8)?;
    let mut changes = 0;
    for _ in 0..answer.length()? {
        let type_id = answer.node()?;
        if answer.u8()? == 0 {
            continue;
        }
        let body = answer.text()?;
        if type_id == DATA_CHANGE {
            changes += u64::from(Reader(body).u32().context("a count")?);
        }
    }
    Ok(Some((subscription, number, changes)))
}
