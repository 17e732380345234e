//! The rehearsal itself: faults at random times, and the promises that must hold during and after each.

use std::sync::Arc;
use std::time::Duration;

use tagwire_model::{Status, TagId, Timestamp};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Fault, Recorder, Rig, Seen};
use crate::{Clock, DeviceSettings, LinkHandle, Options, supervise};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// What requests take on a healthy link, and the breath after a failed try to connect.
const SLACK: Duration = Duration::from_millis(250);

/// The promise of recovery.
const RECOVERY: Duration = Duration::from_secs(5);

/// One run over a rig.
struct Run<'a, R: Rig> {
    rig: &'a R,
    devices: Vec<DeviceSettings>,
    link: LinkHandle,
    recorder: Arc<Recorder>,
    started: Instant,
    random: fastrand::Rng,
}

/// Runs `n_episodes` faults over a fresh link on the rig and checks what users were promised: qualities turn bad in time,
/// neighbours are not delayed, good data is back soon, old answers are never shown, writes and reads end, nothing is
/// stuck. Needs a tokio runtime, best with a paused clock.
///
/// # Errors
/// A sentence that names the broken promise.
pub async fn rehearse<R: Rig>(rig: &R, seed: u64, n_episodes: usize) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let n_devices = random.usize(1..=3);
    let devices: Vec<DeviceSettings> = (0..n_devices)
        .map(|_| DeviceSettings {
            scan: MS([50, 100, 500, 1_000][random.usize(..4)]),
            request_timeout: MS([200, 500, 1_000][random.usize(..3)]),
            attempts: random.u32(1..=3),
            retry_refused: MS(2_000),
            ..DeviceSettings::default()
        })
        .collect();
    let recorder = Arc::new(Recorder::default());
    let started = Instant::now();
    let clock = Clock::new(
        move || Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS + started.elapsed().as_micros() as i64 * 10),
        |_| {},
    );
    let setup = std::sync::Mutex::new(Some(rig.setup(&devices)));
    let source = move || {
        let taken = setup.lock().ok().and_then(|mut setup| setup.take());
        taken.ok_or_else(|| crate::BuildError {
            key: "link",
            problem: "the task panicked".to_owned(),
            fix: String::new(),
        })
    };
    let link = supervise(Box::new(source), recorder.clone(), Options { clock, seed })
        .map_err(|error| format!("link cannot be built: {error}"))?;
    let mut run = Run { rig, devices, link, recorder, started, random };
    run.all_good_within(RECOVERY, "after the start").await?;
    for _ in 0..n_episodes {
        sleep(MS(run.random.u64(0..3_000))).await;
        run.recorder.reset();
        run.episode().await?;
    }
    run.link.stop().await;
    Ok(())
}

impl<R: Rig> Run<'_, R> {
    async fn episode(&mut self) -> Result<(), String> {
        let device = self.random.usize(..self.devices.len());
        let slowest = self.devices.iter().map(|device| device.request_timeout).max().unwrap_or_default();
        let fault = match self.random.u8(..8) {
            0 => Fault::Killed,
            1 => Fault::Unreachable,
            2 => Fault::HalfOpen,
            3 | 4 => Fault::Silent(device),
            5 => Fault::Late(slowest + MS(self.random.u64(20..2_000))),
            6 => Fault::Garbage,
            _ => Fault::Refused(device, self.random.u32(..R::N_TAGS)),
        };
        let length = MS(self.random.u64(100..15_000));
        let at = Instant::now();
        self.rig.break_with(fault);
        let during = self.during(fault, at, at + length).await;
        self.rig.repair();
        let settings: Vec<_> = self.devices.iter().map(|of| (of.scan, of.request_timeout, of.attempts)).collect();
        during.map_err(|broken| format!("{fault:?} for {length:?} with {settings:?}: {broken}"))?;
        self.all_good_within(RECOVERY, &format!("after {fault:?} for {length:?}")).await
    }

    async fn during(&mut self, fault: Fault, at: Instant, end: Instant) -> Result<(), String> {
        match fault {
            Fault::Killed | Fault::Unreachable | Fault::Late(_) | Fault::Garbage => {
                for device in 0..self.devices.len() {
                    // With everybody silent, a device is asked only after its neighbours had their time.
                    let others = self.devices.iter().enumerate().filter(|(other, _)| *other != device);
                    let queue = others.map(|(_, settings)| settings.request_timeout).sum();
                    self.turns_bad_in_time(device, at, end, queue).await?;
                }
                self.requests_end(0, end).await?;
                sleep_until(end).await;
            }
            Fault::HalfOpen => {
                self.requests_end(0, end).await?;
                // With everybody silent, each neighbour costs its time before the connection is known to be dead.
                let others = self.devices.iter().skip(1).map(|settings| settings.request_timeout).sum::<Duration>();
                let promised = at + RECOVERY + others;
                if end >= promised {
                    sleep_until(promised).await;
                    for tag in self.tags() {
                        let seen = self.recorder.seen(tag);
                        if !seen.status.is_good() {
                            return Err(format!("a new connection would help, but {tag:?} is {}", seen.status));
                        }
                    }
                }
                sleep_until(end).await;
            }
            Fault::Silent(dead) => {
                self.turns_bad_in_time(dead, at, end, Duration::ZERO).await?;
                self.requests_end(dead, end).await?;
                sleep_until(end).await;
                self.neighbours_were_served(dead, at)?;
            }
            Fault::Refused(device, bad) => {
                let settings = &self.devices[device];
                sleep_until(end.min(at + settings.scan + SLACK * 2)).await;
                let seen = self.recorder.seen(self.tag(device, bad));
                if Instant::now() < end && seen.status.is_good() {
                    return Err("the refused tag stays good".to_owned());
                }
                sleep_until(end).await;
                self.neighbours_of_refused(device, bad)?;
            }
        }
        Ok(())
    }

    fn tag(&self, device: usize, tag: u32) -> TagId {
        TagId(device as u32 * R::N_TAGS + tag)
    }

    fn tags(&self) -> impl Iterator<Item = TagId> + use<R> {
        (0..self.devices.len() as u32 * R::N_TAGS).map(TagId)
    }

    /// Quality turns bad within attempts times timeout and one scan.
    async fn turns_bad_in_time(&self, device: usize, at: Instant, end: Instant, queue: Duration) -> Result<(), String> {
        let settings = &self.devices[device];
        let promised = at + settings.scan + settings.patience() + queue + SLACK;
        if promised > end {
            return Ok(());
        }
        sleep_until(promised).await;
        for tag in 0..R::N_TAGS {
            let Seen { status, value, .. } = self.recorder.seen(self.tag(device, tag));
            if !status.is_bad() {
                let waited = settings.scan + settings.patience();
                return Err(format!("tag {tag} of device {device} is {status} after {waited:?} without answer"));
            }
            if self.rig.milliseconds(&value).is_none() {
                return Err(format!("tag {tag} of device {device} lost its last value"));
            }
        }
        Ok(())
    }

    /// A dead device delays the others by one timeout at a time.
    fn neighbours_were_served(&self, dead: usize, at: Instant) -> Result<(), String> {
        let delay = self.devices[dead].request_timeout;
        for (device, settings) in self.devices.iter().enumerate().filter(|(device, _)| *device != dead) {
            let seen = self.recorder.seen(self.tag(device, 0));
            let gap = seen.longest_gap.max(seen.good_at.map_or_else(|| at.elapsed(), |good_at| good_at.elapsed()));
            let allowed = settings.scan + delay + SLACK;
            if gap > allowed {
                return Err(format!("device {device} beside dead {dead} waited {gap:?}, allowed are {allowed:?}"));
            }
            if seen.n_turned_bad > 0 {
                return Err(format!("device {device} beside dead {dead} turned bad"));
            }
        }
        Ok(())
    }

    /// One bad tag never spoils its block.
    fn neighbours_of_refused(&self, of: usize, bad: u32) -> Result<(), String> {
        for (device, settings) in self.devices.iter().enumerate() {
            for tag in (0..R::N_TAGS).filter(|tag| (device, *tag) != (of, bad)) {
                let seen = self.recorder.seen(self.tag(device, tag));
                let allowed = settings.scan + SLACK * 2;
                if seen.longest_gap > allowed || seen.n_turned_bad > 0 {
                    return Err(format!(
                        "tag {tag} of device {device} suffers from tag {bad} of device {of}: gap {:?} of {allowed:?}, \
                         turned bad {} times",
                        seen.longest_gap, seen.n_turned_bad
                    ));
                }
            }
        }
        Ok(())
    }

    /// A write and a read of a device in trouble end in bounded time, and the write is not Good without an answer.
    async fn requests_end(&self, device: usize, end: Instant) -> Result<(), String> {
        let tag = self.tag(device, 0);
        // A try to connect may hang for its own timeout before it is known that the device is down.
        let bound = self.devices[device].patience().max(MS(3_000)) + MS(2_000) + SLACK;
        let (write, read) = (self.link.write(vec![(tag, self.rig.written())]), self.link.read(vec![tag]));
        let Ok((written, read)) = timeout(bound, async { (write.await, read.await) }).await else {
            return Err(format!("a write or a read is still waiting after {bound:?}"));
        };
        if written.len() != 1 || read.len() != 1 {
            return Err("a write or a read has the wrong number of results".to_owned());
        }
        let is_down = self.recorder.seen(tag).status.is_bad() && Instant::now() < end;
        if is_down && written[0].is_good() {
            return Err("a write to a dead device is Good".to_owned());
        }
        if written[0] == Status::BAD_INTERNAL_ERROR {
            return Err("the link's task failed inside".to_owned());
        }
        Ok(())
    }

    /// Every tag has a fresh good value in time.
    async fn all_good_within(&self, limit: Duration, when: &str) -> Result<(), String> {
        let from = Instant::now();
        let before = self.link.heartbeat();
        sleep(limit).await;
        for tag in self.tags() {
            let seen = self.recorder.seen(tag);
            let settings = &self.devices[(tag.0 / R::N_TAGS) as usize];
            let is_fresh = seen.good_at.is_some_and(|good_at| good_at >= from);
            if !is_fresh || !seen.status.is_good() {
                return Err(format!("{tag:?} has no good value {limit:?} {when}: {seen:?}"));
            }
            let (Some(shown), Some(good_at)) = (self.rig.milliseconds(&seen.value), seen.good_at) else {
                return Err(format!("{tag:?} shows {} {when}", seen.value));
            };
            let age = good_at.duration_since(self.started).saturating_sub(MS(shown));
            if age > settings.request_timeout + MS(1) {
                return Err(format!("{tag:?} shows a value that was {age:?} old when it came {when}"));
            }
        }
        if self.link.heartbeat() == before {
            return Err("the link's heart does not beat".to_owned());
        }
        Ok(())
    }
}
