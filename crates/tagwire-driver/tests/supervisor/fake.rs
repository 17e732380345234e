//! A scripted device behind a polled driver without any protocol.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tagwire_driver::plan::{Limits, merge};
use tagwire_driver::testing::{Fault, Recorder, Rig};
use tagwire_driver::{
    AddressError, Block, BoxFuture, Clock, DEVICE_ITEMS, DeviceItem, DeviceSettings, DeviceSpec, Driver, LINK_ITEMS,
    LinkError, LinkHandle, LinkItem, LinkSettings, LinkSetup, LinkSpec, Options, PolledDriver, Readings, Refusal,
    Settings, Sink, Span, SystemTags, TagSpec, supervise,
};
use tagwire_model::{Access, DataType, Status, TagId, Timestamp, Value, ValueType};
use tokio::time::{Instant, sleep};

/// What the scripted devices do.
pub(crate) struct World {
    pub(crate) started: Instant,
    pub(crate) fault: Option<Fault>,
    /// Connections older than this are dead without anybody having been told.
    pub(crate) half_open_before: u64,
    pub(crate) n_connections: u64,
    pub(crate) latency: Duration,
    /// Requests that read, as (device, start, len).
    pub(crate) requests: Vec<(usize, u32, u32)>,
    /// Values written, as (device, tag, value).
    pub(crate) written: Vec<(usize, u32, Value)>,
    /// Units (device, unit) that every request covering them is refused for.
    pub(crate) illegal: HashSet<(usize, u32)>,
    /// Boundaries that no request may cross.
    pub(crate) walls: HashSet<u32>,
    /// Panic at the next read.
    pub(crate) panics: bool,
    pub(crate) max_len: u32,
    pub(crate) in_flight: usize,
    /// Requests covering this unit are never answered.
    pub(crate) mute: Option<(usize, u32)>,
    pub(crate) reconnects: bool,
    /// A gateway answers for this device that it does not answer.
    pub(crate) relayed: Option<usize>,
}

/// The scripted devices, shared by the test and the driver.
#[derive(Clone)]
pub(crate) struct Fake(pub(crate) Arc<Mutex<World>>);

impl Fake {
    pub(crate) fn new(seed: u64) -> Self {
        let latency = Duration::from_millis(1 + seed % 5);
        Self(Arc::new(Mutex::new(World {
            started: Instant::now(),
            fault: None,
            half_open_before: 0,
            n_connections: 0,
            latency,
            requests: Vec::new(),
            written: Vec::new(),
            illegal: HashSet::new(),
            walls: HashSet::new(),
            panics: false,
            max_len: 125,
            in_flight: 1,
            mute: None,
            reconnects: seed.is_multiple_of(7),
            relayed: None,
        })))
    }

    /// Devices whose limits differ from seed to seed.
    pub(crate) fn varied(seed: u64) -> Self {
        let fake = Self::new(seed);
        {
            let mut world = fake.world();
            world.max_len = [125, 7, 3][(seed % 3) as usize];
            world.in_flight = [1, 1, 2, 8][(seed / 3 % 4) as usize];
        }
        fake
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("world")
    }

    pub(crate) fn driver(&self, spec: &LinkSpec) -> FakeDriver {
        let mut driver = FakeDriver { fake: self.clone(), connection: None, devices: Vec::new() };
        for (index, device) in spec.devices.iter().enumerate() {
            driver.set_device(index, device).expect("addresses are numbers");
        }
        driver
    }
}

/// Number of the first system tag; those of device `d` start 100 * (d + 1) later.
const SYSTEM: u32 = 10_000;

/// The number of a system tag of the link.
pub(crate) fn link_tag(item: LinkItem) -> TagId {
    let at = LINK_ITEMS.iter().position(|tag| tag.item == item).expect("offered");
    TagId(SYSTEM + at as u32)
}

/// The number of a system tag of a device.
pub(crate) fn device_tag(device: u32, item: DeviceItem) -> TagId {
    let at = DEVICE_ITEMS.iter().position(|tag| tag.item == item).expect("offered");
    TagId(SYSTEM + 100 * (device + 1) + at as u32)
}

pub(crate) fn device_items(device: u32) -> Vec<(DeviceItem, TagId)> {
    DEVICE_ITEMS.iter().map(|tag| (tag.item, device_tag(device, tag.item))).collect()
}

/// Wall time of the tests: an arbitrary moment plus the simulated time.
pub(crate) fn clock(started: Instant) -> Clock {
    let base = Timestamp::parse_rfc3339("2024-05-01T00:00:00Z").expect("time");
    Clock::new(move || base.saturating_add_ticks(started.elapsed().as_nanos() as i64 / 100), |_| {})
}

/// A link over the fake with all its system tags, and a recorder with a log.
pub(crate) fn start(
    fake: &Fake,
    spec: LinkSpec,
    settings: LinkSettings,
    devices: Vec<DeviceSettings>,
) -> (LinkHandle, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::with_log());
    let link = start_with(fake, spec, settings, devices, &recorder);
    (link, recorder)
}

pub(crate) fn start_with(
    fake: &Fake,
    spec: LinkSpec,
    settings: LinkSettings,
    devices: Vec<DeviceSettings>,
    sink: &Arc<impl Sink + 'static>,
) -> LinkHandle {
    let source_fake = fake.clone();
    let source = move || {
        Ok(LinkSetup {
            driver: Driver::Polled(Box::new(source_fake.driver(&spec))),
            system: SystemTags {
                link: LINK_ITEMS.iter().map(|tag| (tag.item, link_tag(tag.item))).collect(),
                devices: (0..spec.devices.len() as u32).map(device_items).collect(),
            },
            spec: spec.clone(),
            settings: settings.clone(),
            devices: devices.clone(),
        })
    };
    let started = fake.world().started;
    let options = Options { clock: clock(started), seed: 1 };
    supervise(Box::new(source), Arc::clone(sink) as Arc<dyn Sink>, options).expect("starts")
}

/// One device with `n_tags` tags that is polled every `scan` milliseconds.
pub(crate) fn one(n_tags: u32, scan: u64) -> (LinkSpec, Vec<DeviceSettings>) {
    let settings = DeviceSettings { scan: Duration::from_millis(scan), ..DeviceSettings::default() };
    (link(vec![device(0, n_tags)]), vec![settings])
}

pub(crate) async fn wait(milliseconds: u64) {
    sleep(Duration::from_millis(milliseconds)).await;
}

/// Device `index` with `n_tags` tags at the addresses 0 and up.
pub(crate) fn device(index: usize, n_tags: u32) -> DeviceSpec {
    let tags = (0..n_tags).map(|tag| TagSpec {
        id: TagId(index as u32 * n_tags + tag),
        address: tag.to_string(),
        value_type: ValueType::scalar(DataType::UInt32),
        access: Access::READ_WRITE,
        scan: None,
        scaling: None,
        settings: Settings::new(),
    });
    DeviceSpec { name: format!("d{index}"), settings: Settings::new(), tags: tags.collect() }
}

pub(crate) fn link(devices: Vec<DeviceSpec>) -> LinkSpec {
    LinkSpec {
        name: "line".to_owned(),
        kind: "fake".to_owned(),
        address: String::new(),
        settings: Settings::new(),
        devices,
    }
}

impl Rig for Fake {
    fn setup(&self, devices: &[DeviceSettings]) -> LinkSetup {
        let spec = link((0..devices.len()).map(|index| device(index, Self::N_TAGS)).collect());
        let driver = Driver::Polled(Box::new(self.driver(&spec)));
        LinkSetup {
            spec,
            driver,
            settings: LinkSettings::default(),
            devices: devices.to_vec(),
            system: SystemTags::default(),
        }
    }

    fn break_with(&self, fault: Fault) {
        let mut world = self.world();
        world.fault = Some(fault);
        if fault == Fault::HalfOpen {
            world.half_open_before = world.n_connections;
        }
    }

    fn repair(&self) {
        self.world().fault = None;
    }
}

pub(crate) struct FakeDriver {
    fake: Fake,
    connection: Option<u64>,
    devices: Vec<Vec<Span>>,
}

impl FakeDriver {
    /// Waits as long as an answer of this device takes; an error when the connection fails instead.
    async fn answer(&self, device: usize) -> Result<(), LinkError> {
        let latency = self.fake.world().latency;
        sleep(latency).await;
        let (fault, half_open_before) = {
            let world = self.fake.world();
            (world.fault, world.half_open_before)
        };
        let connection = self.connection.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotConnected))?;
        let is_dead = connection <= half_open_before;
        match fault {
            Some(Fault::Killed) => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into()),
            Some(Fault::Garbage) => return Err(LinkError::Protocol("nonsense".to_owned())),
            Some(Fault::Late(delay)) => sleep(delay).await,
            Some(Fault::Unreachable) => std::future::pending().await,
            Some(Fault::Silent(dead)) if dead == device => std::future::pending().await,
            _ if is_dead => std::future::pending().await,
            _ => {}
        }
        Ok(())
    }
}

impl PolledDriver for FakeDriver {
    fn connect(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(async {
            assert!(self.connection.is_none(), "connected twice");
            let latency = self.fake.world().latency;
            sleep(latency).await;
            let fault = self.fake.world().fault;
            match fault {
                Some(Fault::Killed) => {
                    return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into());
                }
                Some(Fault::Unreachable) => std::future::pending().await,
                _ => {}
            }
            let mut world = self.fake.world();
            world.n_connections += 1;
            self.connection = Some(world.n_connections);
            Ok(())
        })
    }

    fn disconnect(&mut self) {
        self.connection = None;
    }

    fn reconnect_after_timeout(&self) -> bool {
        self.fake.world().reconnects
    }

    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError> {
        let mut spans = Vec::new();
        for tag in &device.tags {
            let start = tag.address.parse().map_err(|_| AddressError {
                problem: format!("\"{}\" is no number", tag.address),
                fix: "write a number".to_owned(),
            })?;
            spans.push(Span { area: 0, start, len: 1 });
        }
        if index == self.devices.len() {
            self.devices.push(spans);
        } else {
            self.devices[index] = spans;
        }
        Ok(())
    }

    fn plan(&self, device: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block> {
        let spans: Vec<(u32, Span)> = tags.iter().map(|tag| (*tag, self.devices[device][*tag as usize])).collect();
        merge(device, &spans, Limits { max_len: self.fake.world().max_len, max_gap: 8 }, cuts)
    }

    fn n_in_flight(&self, _device: usize) -> usize {
        self.fake.world().in_flight
    }

    fn read<'a>(&'a mut self, blocks: &'a [Block], readings: &'a mut Readings) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(async move {
            for (idx, block) in blocks.iter().enumerate() {
                let end = block.start + block.len;
                {
                    let mut world = self.fake.world();
                    world.requests.push((block.device, block.start, block.len));
                    if std::mem::take(&mut world.panics) {
                        drop(world);
                        panic!("scripted panic");
                    }
                }
                assert!(self.connection.is_some(), "asked without a connection");
                self.answer(block.device).await?;
                let covers = |unit: u32| unit >= block.start && unit < end;
                let mute = self.fake.world().mute;
                if mute.is_some_and(|(device, unit)| device == block.device && covers(unit)) {
                    std::future::pending::<()>().await;
                }
                let world = self.fake.world();
                if world.relayed == Some(block.device) {
                    let reason = "gateway target did not answer".to_owned();
                    readings
                        .answers
                        .push((idx, Err(Refusal { status: Status::BAD_NO_COMMUNICATION, reason, divisible: false })));
                    continue;
                }
                let is_refused = matches!(world.fault, Some(Fault::Refused(device, tag))
                        if device == block.device && covers(tag))
                    || world.illegal.iter().any(|(device, unit)| *device == block.device && covers(*unit))
                    || world.walls.iter().any(|wall| block.start < *wall && end > *wall);
                if is_refused {
                    let refusal = Refusal {
                        status: Status::BAD_NOT_FOUND,
                        reason: "illegal address".to_owned(),
                        divisible: true,
                    };
                    readings.answers.push((idx, Err(refusal)));
                    continue;
                }
                let now = world.started.elapsed().as_millis() as u32;
                for tag in &block.tags {
                    readings.values.push((block.device, *tag, Value::UInt32(now), None));
                }
                readings.answers.push((idx, Ok(())));
            }
            Ok(())
        })
    }

    fn write<'a>(
        &'a mut self,
        device: usize,
        writes: &'a [(u32, Value)],
        results: &'a mut Vec<Result<(), Refusal>>,
    ) -> BoxFuture<'a, Result<(), LinkError>> {
        Box::pin(async move {
            assert!(self.connection.is_some(), "written without a connection");
            for (tag, value) in writes {
                self.answer(device).await?;
                self.fake.world().written.push((device, *tag, value.clone()));
                results.push(Ok(()));
            }
            Ok(())
        })
    }
}
