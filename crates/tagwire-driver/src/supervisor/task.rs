//! Starting the task of a link, and starting it again after a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tagwire_model::Status;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::clock::Clock;
use super::core::{Core, bad_update};
use super::device::Device;
use super::handle::{Command, LinkHandle, MAX_COMMANDS, Shared};
use super::line::Line;
use super::paths::{Path, Paths};
use super::polled::PolledLink;
use super::publish::Totals;
use super::pushed::PushedLink;
use super::standby::Standby;
use super::statistics::{LinkStatistics, Statistics};
use super::system::{Board, SystemTags};
use super::tags::Index;
use super::tickets::Tickets;
use crate::{BuildError, DeviceSettings, Driver, DriverKind, LinkSettings, LinkSpec, Sink};

/// Everything that a link's task starts from.
pub struct LinkSetup {
    /// The link as configured. Devices that were removed since keep their place, without tags.
    pub spec: LinkSpec,
    /// The driver built from it.
    pub driver: Driver,
    /// Common settings of the link.
    pub settings: LinkSettings,
    /// Common settings of each device; defaults where there are fewer than devices.
    pub devices: Vec<DeviceSettings>,
    /// Numbers of the system tags.
    pub system: SystemTags,
}

/// Makes the setup of a link: called at its start and again after a panic, when it must tell the present state.
pub type LinkSource = Box<dyn Fn() -> Result<LinkSetup, BuildError> + Send + Sync>;

impl LinkSetup {
    /// A setup from the kind of driver, with common settings and without system tags.
    ///
    /// # Errors
    /// [`BuildError`] as [`DriverKind::build`].
    pub fn new(
        kind: &dyn DriverKind,
        spec: LinkSpec,
        settings: LinkSettings,
        devices: Vec<DeviceSettings>,
    ) -> Result<Self, BuildError> {
        Self::built_by(|spec| kind.build(spec), spec, settings, devices)
    }

    /// As [`LinkSetup::new`], with drivers that are built in a way of their own: one for each path of the link.
    ///
    /// # Errors
    /// [`BuildError`] as of `build`, or for a second path of a link that can have none.
    pub fn built_by(
        build: impl Fn(&LinkSpec) -> Result<Driver, BuildError>,
        spec: LinkSpec,
        settings: LinkSettings,
        devices: Vec<DeviceSettings>,
    ) -> Result<Self, BuildError> {
        let driver = match (build(&spec)?, &settings.secondary) {
            (driver, None) => driver,
            (Driver::Polled(primary), Some(address)) => {
                let second = LinkSpec { address: address.clone(), ..spec.clone() };
                match build(&second)? {
                    Driver::Polled(secondary) => Driver::Pair(primary, secondary),
                    Driver::Pushed(_) | Driver::Pair(..) => return Err(no_second_path(&spec)),
                }
            }
            (Driver::Pushed(_) | Driver::Pair(..), Some(_)) => return Err(no_second_path(&spec)),
        };
        Ok(Self { spec, driver, settings, devices, system: SystemTags::default() })
    }
}

fn no_second_path(spec: &LinkSpec) -> BuildError {
    let problem = format!("a link of the kind {} has no second path", spec.kind);
    BuildError { key: "secondary", problem, fix: "remove secondary".to_owned() }
}

/// What all links of a program share.
#[derive(Clone)]
pub struct Options {
    /// Where timestamps come from.
    pub clock: Clock,
    /// Where the jitter of reconnections comes from.
    pub seed: u64,
}

/// Starts the task of a link on the running tokio runtime.
///
/// # Errors
/// [`BuildError`] when the source fails; nothing is started then.
pub fn supervise(source: LinkSource, sink: Arc<dyn Sink>, options: Options) -> Result<LinkHandle, BuildError> {
    let setup = source()?;
    let (sender, commands) = mpsc::channel(MAX_COMMANDS);
    let shared = Arc::new(Shared::default());
    let handle = LinkHandle { commands: sender, shared: shared.clone() };
    let start = Start { source, sink, options, shared };
    tokio::spawn(start.run(setup, commands));
    Ok(handle)
}

/// What survives a panic.
struct Start {
    source: LinkSource,
    sink: Arc<dyn Sink>,
    options: Options,
    shared: Arc<Shared>,
}

/// A link of either shape.
enum Link {
    Polled(Box<PolledLink>),
    Pushed(Box<PushedLink>),
}

impl Link {
    async fn run(&mut self) {
        match self {
            Self::Polled(link) => link.run().await,
            Self::Pushed(link) => link.run().await,
        }
    }

    fn core_mut(&mut self) -> &mut Core {
        match self {
            Self::Polled(link) => &mut link.core,
            Self::Pushed(link) => &mut link.core,
        }
    }

    fn into_core(self) -> Core {
        match self {
            Self::Polled(link) => link.core,
            Self::Pushed(link) => link.core,
        }
    }
}

impl Start {
    async fn run(self, mut setup: LinkSetup, mut commands: mpsc::Receiver<Command>) {
        let mut random = fastrand::Rng::with_seed(self.options.seed);
        let mut pauses = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        let mut before = Statistics::default();
        loop {
            let seed = random.u64(..);
            let mut link = self.link(setup, commands, seed, std::mem::take(&mut before));
            let started = Instant::now();
            let Err(panic) = AssertUnwindSafe(link.run()).catch_unwind().await else { return };
            let reason = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let reason = reason.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(link = %link.core_mut().name, %reason, "link failed inside and is started again");
            // The driver, the sink or the link itself may have panicked; whichever it was, it must not end the task.
            let _ = catch_unwind(AssertUnwindSafe(|| abandon(link.core_mut())));
            let core = link.into_core();
            let was_enabled = core.settings.enabled;
            let were_enabled: Vec<bool> = core.devices.iter().map(|device| device.settings.enabled).collect();
            before = Statistics {
                link: core.counters,
                devices: core.devices.into_iter().map(|device| device.counters).collect(),
            };
            before.link.n_panics += 1;
            commands = core.commands;
            if started.elapsed() > Duration::from_secs(60) {
                pauses.reset();
            }
            loop {
                sleep(pauses.next(&mut random)).await;
                if commands.is_closed() {
                    return;
                }
                match catch_unwind(AssertUnwindSafe(&self.source)) {
                    Ok(Ok(made)) => {
                        setup = made;
                        // What an operator switched off stays off.
                        setup.settings.enabled &= was_enabled;
                        for (device, was_enabled) in setup.devices.iter_mut().zip(were_enabled) {
                            device.enabled &= was_enabled;
                        }
                        break;
                    }
                    Ok(Err(error)) => tracing::error!(%error, key = error.key, "link cannot be built again"),
                    Err(_) => tracing::error!("link cannot be built again"),
                }
                // Nobody else answers what waits meanwhile.
                while let Ok(command) = commands.try_recv() {
                    if self.refuse(command) {
                        return;
                    }
                }
            }
        }
    }

    /// Drops a request, which tells whoever waits for it that nobody will answer; returns whether the link is to stop.
    fn refuse(&self, command: Command) -> bool {
        match command {
            Command::Write { items, .. } => self.shared.release(items.len()),
            Command::Read { tags, .. } => self.shared.release(tags.len()),
            Command::SetDevice { .. } | Command::RemoveDevice { .. } | Command::Trace(_) | Command::Wake => {}
            Command::Stop => return true,
        }
        false
    }

    fn link(&self, setup: LinkSetup, commands: mpsc::Receiver<Command>, seed: u64, before: Statistics) -> Link {
        let LinkSetup { spec, driver, settings, devices, system } = setup;
        let now = Instant::now();
        let mut settings_of = devices.into_iter();
        let mut counters = before.devices.into_iter();
        let mut devices = Vec::with_capacity(spec.devices.len());
        for (at, of) in spec.devices.iter().enumerate() {
            let tags = system.devices.get(at).map_or(&[][..], Vec::as_slice);
            let mut device = Device::new(of, settings_of.next().unwrap_or_default(), tags);
            if let Some(counters) = counters.next().filter(|counters| *counters.name == *of.name) {
                device.counters = counters;
            }
            devices.push(device);
        }
        let mut index = Index::default();
        index.rebuild(devices.iter().map(|device| &device.tags));
        let core = Core {
            name: Arc::from(spec.name.as_str()),
            settings,
            devices,
            index,
            line: Line::new(),
            sink: self.sink.clone(),
            clock: self.options.clock.clone(),
            random: fastrand::Rng::with_seed(seed),
            shared: self.shared.clone(),
            commands,
            deferred: std::collections::VecDeque::new(),
            system_writes: std::collections::VecDeque::new(),
            writes: Tickets::default(),
            reads: Tickets::default(),
            batch: Vec::new(),
            board: Board::new(&system.link),
            counters: LinkStatistics { peer: Arc::from(spec.address.as_str()), ..before.link },
            at_reset: Totals::default(),
            next_id: 0,
            next_beat: now,
            next_demand: now,
            demand_version: self.sink.demand_version(),
            is_calm: false,
            is_dirty: true,
            is_stopped: false,
            path: (Path::Primary, false),
            path_wish: None,
            has_paths: false,
            is_pushed: false,
        };
        match driver {
            Driver::Polled(driver) => Link::Polled(Box::new(PolledLink::new(core, driver, None))),
            Driver::Pair(driver, other) => {
                let paths = Paths::new(core.settings.switch_after, core.settings.return_after);
                let peers = [spec.address.as_str(), core.settings.secondary.as_deref().unwrap_or_default()];
                let standby = Standby::new(other, paths, peers.map(Arc::from));
                Link::Polled(Box::new(PolledLink::new(core, driver, Some(standby))))
            }
            Driver::Pushed(driver) => Link::Pushed(Box::new(PushedLink::new(core, driver))),
        }
    }
}

/// Leaves a consistent picture behind when the task failed inside: tags are bad, and nobody waits in vain.
fn abandon(core: &mut Core) {
    let waiting: usize = core.writes.n_open_items() + core.reads.n_open_items();
    core.shared.release(waiting);
    core.writes.clear();
    core.reads.clear();
    let stamp = core.clock.now();
    core.batch.clear();
    for device in &core.devices {
        core.batch.extend(device.tags.ids().map(|id| bad_update(id, Status::BAD_INTERNAL_ERROR, stamp)));
    }
    core.flush();
}
