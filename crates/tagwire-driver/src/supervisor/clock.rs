//! Wall time for timestamps. No timer hangs on it: those follow tokio's monotonic time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tagwire_model::Timestamp;
use tokio::time::Instant;

/// A difference between wall and monotonic time from which on the wall clock counts as stepped, in ticks.
const STEP: i64 = Timestamp::TICKS_PER_SECOND / 2;

type Wall = Box<dyn Fn() -> Timestamp + Send + Sync>;
type Hook = Box<dyn Fn(i64) + Send + Sync>;

/// Where timestamps come from, shared by all links; it notices when the wall clock is stepped.
#[derive(Clone)]
pub struct Clock {
    inner: Arc<Inner>,
}

struct Inner {
    wall: Wall,
    on_step: Hook,
    last: Mutex<Option<(Instant, Timestamp)>>,
    n_steps: AtomicU64,
}

impl Clock {
    /// The clock of this computer. `on_step` is called with the size of each step of the wall clock, in ticks of 100 ns,
    /// positive when it was set forward.
    pub fn system(on_step: impl Fn(i64) + Send + Sync + 'static) -> Self {
        Self::new(
            || {
                let now = SystemTime::now();
                let nanos = match now.duration_since(UNIX_EPOCH) {
                    Ok(since) => since.as_nanos() as i128,
                    Err(before) => -(before.duration().as_nanos() as i128),
                };
                Timestamp::from_unix_nanos(nanos)
            },
            on_step,
        )
    }

    /// A clock with another source of wall time.
    pub fn new(
        wall: impl Fn() -> Timestamp + Send + Sync + 'static,
        on_step: impl Fn(i64) + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner {
            wall: Box::new(wall),
            on_step: Box::new(on_step),
            last: Mutex::new(None),
            n_steps: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The wall time.
    pub fn now(&self) -> Timestamp {
        (self.inner.wall)()
    }

    /// How often the wall clock was stepped so far.
    pub fn n_steps(&self) -> u64 {
        self.inner.n_steps.load(Ordering::Relaxed)
    }

    /// Compares wall and monotonic time with those of the last call, whoever made it, and reports a step once.
    pub fn watch(&self) {
        let (now, wall) = (Instant::now(), self.now());
        let step = {
            let mut last = self.inner.last.lock().unwrap_or_else(PoisonError::into_inner);
            let step = last.map_or(0, |(then, wall_then)| {
                let elapsed = now.saturating_duration_since(then).as_nanos() / 100;
                wall.ticks_since(wall_then).saturating_sub(i64::try_from(elapsed).unwrap_or(i64::MAX))
            });
            *last = Some((now, wall));
            step
        };
        if step.abs() >= STEP {
            self.inner.n_steps.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(seconds = step as f64 / Timestamp::TICKS_PER_SECOND as f64, "wall clock was stepped");
            (self.inner.on_step)(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_step_is_reported_once_and_slow_drift_is_not() {
        let (offset, reported) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)));
        let (base, wall_offset, sum) = (Instant::now(), offset.clone(), reported.clone());
        let clock = Clock::new(
            move || {
                let elapsed = base.elapsed().as_nanos() as i64 / 100;
                Timestamp::from_ticks(elapsed + wall_offset.load(Ordering::Relaxed))
            },
            move |step| {
                sum.fetch_add(step, Ordering::Relaxed);
            },
        );
        for step in [0, 0, 100_000, 36_000_000_000, 0, -72_000_000_000, 0] {
            tokio::time::advance(Duration::from_secs(1)).await;
            offset.fetch_add(step, Ordering::Relaxed);
            clock.watch();
        }
        assert_eq!(clock.n_steps(), 2);
        assert_eq!(reported.load(Ordering::Relaxed), -36_000_000_000);
    }
}
