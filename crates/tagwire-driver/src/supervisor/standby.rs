//! The second path of a link: a driver of its own that waits, and now and then looks whether the primary path is back.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::core::Core;
use super::device::Device;
use super::paths::{Path, Paths};
use super::polled::PolledLink;
use crate::{DeviceSpec, PolledDriver};

/// The path that is not in use.
pub(crate) struct Standby {
    pub(crate) paths: Paths,
    /// The driver of the other path; away while it looks whether its path works.
    driver: Option<Box<dyn PolledDriver>>,
    probe: Option<JoinHandle<(Box<dyn PolledDriver>, bool)>>,
    /// What devices became while the driver was away.
    missed: Vec<(usize, DeviceSpec)>,
    /// Bytes that the driver had received and sent when it was last here.
    traffic: (u64, u64),
    /// Where the two paths lead.
    peers: [Arc<str>; 2],
    trace: bool,
}

impl Standby {
    pub(crate) fn new(driver: Box<dyn PolledDriver>, paths: Paths, peers: [Arc<str>; 2]) -> Self {
        Self { paths, driver: Some(driver), probe: None, missed: Vec::new(), traffic: (0, 0), peers, trace: false }
    }

    /// Bytes received and sent on the other path.
    pub(crate) const fn traffic(&self) -> (u64, u64) {
        self.traffic
    }

    /// Tells the waiting driver what a device is now; the one in use has accepted it already.
    pub(crate) fn set_device(&mut self, at: usize, spec: &DeviceSpec) {
        match &mut self.driver {
            Some(driver) => {
                if let Err(error) = driver.set_device(at, spec) {
                    tracing::error!(%error, "the second path refuses a device that the first one takes");
                }
            }
            None => {
                self.missed.retain(|(missed, _)| *missed != at);
                self.missed.push((at, spec.clone()));
            }
        }
    }

    pub(crate) fn set_trace(&mut self, on: bool) {
        self.trace = on;
        if let Some(driver) = &mut self.driver {
            driver.set_trace(on);
        }
    }

    /// Closes what the waiting driver holds open.
    pub(crate) fn disconnect(&mut self) {
        if let Some(driver) = &mut self.driver {
            driver.disconnect();
        }
    }

    /// Sends the driver to look whether its path works, beside the requests on the other one.
    fn start_probe(&mut self, patience: Duration) {
        let Some(mut driver) = self.driver.take() else { return };
        self.probe = Some(tokio::spawn(async move {
            let works = matches!(timeout(patience, driver.connect()).await, Ok(Ok(())));
            if !works {
                driver.disconnect();
            }
            (driver, works)
        }));
    }

    /// What a look brought, once it is done; its connection stays open where the path works.
    async fn finished_probe(&mut self) -> Option<bool> {
        let probe = self.probe.take_if(|probe| probe.is_finished())?;
        match probe.await {
            Ok((mut driver, works)) => {
                driver.set_trace(self.trace);
                self.driver = Some(driver);
                for (at, spec) in std::mem::take(&mut self.missed) {
                    self.set_device(at, &spec);
                }
                Some(works)
            }
            // The task panics with the driver, and a link without its second path is made anew by its own panic.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl PolledLink {
    /// Looks after the two paths of the link, where it has two.
    pub(crate) async fn mind_paths(&mut self, now: Instant) {
        let is_troubled = self.core.is_troubled();
        let Self { core, standby, .. } = self;
        let Some(standby) = standby else { return };
        if let Some(driver) = &standby.driver {
            standby.traffic = driver.traffic();
        }
        let mut target = None;
        let mut is_connected = false;
        if let Some(works) = standby.finished_probe().await {
            target = standby.paths.probed(works, now);
            is_connected = works && target.is_some();
            if target.is_none() {
                standby.disconnect();
            }
        }
        // Without its driver the other path cannot be taken; it is back within the time that connecting may take.
        if standby.driver.is_some() {
            // What the look decided is done first, for the wish is about the path that is then in use.
            if target.is_none()
                && let Some(wish) = core.path_wish.take()
            {
                target = standby.paths.wish(wish, now);
            }
            if target.is_none() {
                target = standby.paths.observe(is_troubled, now);
            }
            if target.is_none() && standby.paths.wants_probe(now) {
                standby.start_probe(core.settings.connect_timeout);
            }
        }
        let is_forced = standby.paths.is_forced();
        if core.path != (standby.paths.active(), is_forced) {
            core.path = (standby.paths.active(), is_forced);
            core.is_dirty = true;
        }
        if let Some(path) = target {
            self.switch(path, is_connected, now);
        }
    }

    fn switch(&mut self, path: Path, is_connected: bool, now: Instant) {
        let Self { core, driver, standby, .. } = self;
        let Some(standby) = standby else { return };
        let Some(waiting) = &mut standby.driver else { return };
        driver.disconnect();
        std::mem::swap(driver, waiting);
        let peer = &standby.peers[usize::from(path == Path::Secondary)];
        tracing::warn!(link = %core.name, path = path.name(), %peer, "the link goes over its other path");
        core.counters.peer = Arc::clone(peer);
        core.counters.n_path_switches += 1;
        core.line.closed(now);
        if is_connected {
            core.counters.n_connects += 1;
            core.counters.trouble = Arc::from("");
            core.line.opened(now);
        }
        for device in &mut core.devices {
            device.learned.forget();
            device.health.clear_pauses();
        }
        core.is_calm = false;
        core.is_dirty = true;
    }
}

impl Core {
    /// Whether nobody answers: the connection cannot be opened, or every device that there was something to ask is silent.
    fn is_troubled(&self) -> bool {
        if !self.is_wanted() {
            return false;
        }
        let has_work = |device: &&Device| !device.classes.is_empty() || device.health.is_failing();
        let mut asked = self.devices.iter().filter(|device| device.is_asked()).filter(has_work).peekable();
        self.line.is_down() || (asked.peek().is_some() && asked.all(|device| device.health.is_failing()))
    }
}
