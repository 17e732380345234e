//! The two shapes of a driver: polled (asked by the supervisor) and pushed (owns a session that delivers changes).

use std::future::Future;
use std::pin::Pin;

use tagwire_model::{Status, Timestamp, Value};
use tokio::sync::mpsc;

use crate::{
    AddressError, BuildError, DeviceSettings, DeviceSpec, Key, LinkError, LinkSettings, LinkSpec, Refusal, Settings,
    TagSpec,
};

/// A future that a trait object can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One kind of driver as the gateway sees it: a stateless description plus a constructor.
pub trait DriverKind: Send + Sync {
    /// The names it answers to in the configuration, for example `modbus-tcp` and `modbus-rtu`.
    fn names(&self) -> &'static [&'static str];

    /// Keys of `[[link]]` beyond the common ones.
    fn link_keys(&self) -> &'static [Key] {
        &[]
    }

    /// Keys of `[[link.device]]` beyond the common ones.
    fn device_keys(&self) -> &'static [Key] {
        &[]
    }

    /// Keys of `[[link.device.tag]]` beyond the common ones.
    fn tag_keys(&self) -> &'static [Key] {
        &[]
    }

    /// Checks a link's address and settings without opening anything.
    ///
    /// # Errors
    /// [`BuildError`] names the key, the problem and the fix.
    fn check_link(&self, kind: &str, address: &str, settings: &Settings) -> Result<(), BuildError>;

    /// Checks the address and type of one tag of a device with these settings.
    ///
    /// # Errors
    /// [`AddressError`] names the problem and the fix.
    fn check_tag(&self, device: &Settings, tag: &TagSpec) -> Result<(), AddressError>;

    /// What is allowed but probably not meant about a tag that passed [`DriverKind::check_tag`].
    fn doubt(&self, _device: &Settings, _tag: &TagSpec) -> Option<AddressError> {
        None
    }

    /// The type that an address has when the configuration gives none; `None` when a type must be given.
    fn default_type(&self, address: &str) -> Option<tagwire_model::ValueType>;

    /// Builds the driver of a link whose parts all passed the checks. Opens nothing.
    ///
    /// # Errors
    /// [`BuildError`] as [`DriverKind::check_link`].
    fn build(&self, link: &LinkSpec) -> Result<Driver, BuildError>;
}

/// A driver of either shape.
pub enum Driver {
    /// Asked by the supervisor.
    Polled(Box<dyn PolledDriver>),
    /// Two of them that lead to the same devices: the first one is used as long as it works.
    Pair(Box<dyn PolledDriver>, Box<dyn PolledDriver>),
    /// Delivers on its own.
    Pushed(Box<dyn PushedDriver>),
}

/// One request that can go over the wire, with the tags it serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Index of the device on the link.
    pub device: usize,
    /// The protocol's address space (a Modbus table, an S7 data block); 0 where there is none.
    pub area: u32,
    /// First unit (register, coil, byte) read.
    pub start: u32,
    /// Number of units read; 0 for protocols without addresses that merge.
    pub len: u32,
    /// Indices of the tags served, within the device, in address order.
    pub tags: Vec<u32>,
}

/// Where a tag lies in its device's address space, for the planner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The protocol's address space.
    pub area: u32,
    /// First unit.
    pub start: u32,
    /// Number of units, at least 1.
    pub len: u32,
}

/// What reading blocks brought so far. A block with no entry has not been answered.
#[derive(Debug, Default)]
pub struct Readings {
    /// Good raw values: device index, tag index, value, and the source's own time where the protocol has one;
    /// [`Timestamp::NONE`] stands for a value that the source has not touched since it was last read.
    pub values: Vec<(usize, u32, Value, Option<Timestamp>)>,
    /// Tags that failed alone inside an answered block: device index, tag index, quality.
    pub failed: Vec<(usize, u32, Status)>,
    /// Answered blocks, by their index in the request: read, or refused by the device.
    pub answers: Vec<(usize, Result<(), Refusal>)>,
}

impl Readings {
    /// Forgets everything and keeps the capacity.
    pub fn clear(&mut self) {
        self.values.clear();
        self.failed.clear();
        self.answers.clear();
    }
}

/// A protocol that answers when asked.
///
/// It never spawns, sleeps, sets timers, retries or stamps failure qualities. Any returned future may be dropped at any
/// await point (that is how the supervisor ends a request that takes too long); afterwards the driver must still work,
/// and an answer to the abandoned request must never be taken for the answer to a later one.
pub trait PolledDriver: Send {
    /// Opens the transport and whatever session the protocol needs.
    fn connect(&mut self) -> BoxFuture<'_, Result<(), LinkError>>;

    /// Closes the transport at once; a no-op when it is closed.
    fn disconnect(&mut self);

    /// Whether a request that was not answered in time leaves the transport unusable, so that it must be opened anew.
    fn reconnect_after_timeout(&self) -> bool {
        false
    }

    /// Replaces a device's settings and tags, or adds a device at the end (`index` equal to the number of devices).
    ///
    /// # Errors
    /// [`AddressError`] for a tag that did not pass [`DriverKind::check_tag`].
    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError>;

    /// Cuts the tags of one device into requests. No block may reach across the start of a span in `cuts` (a block
    /// containing unit `c-1` and unit `c` of the area reaches across `c`); the supervisor learned there that the device
    /// refuses. A tag that lies across a cut by itself still gets a block, of its own.
    fn plan(&self, device: usize, tags: &[u32], cuts: &[Span]) -> Vec<Block>;

    /// How many blocks of this device may be under way at once; 1 unless the operator allowed more.
    fn n_in_flight(&self, _device: usize) -> usize {
        1
    }

    /// Reads blocks of one device, noting each outcome in `readings` as soon as it is known.
    fn read<'a>(&'a mut self, blocks: &'a [Block], readings: &'a mut Readings) -> BoxFuture<'a, Result<(), LinkError>>;

    /// How many writes to this device one call of [`PolledDriver::write`] may carry: more than 1 only when the driver puts
    /// them into one request, because the whole call has the time of one request.
    fn writes_per_request(&self, _device: usize) -> usize {
        1
    }

    /// Writes raw values to tags of one device, in order, pushing one result each; Good only when the device confirmed.
    fn write<'a>(
        &'a mut self,
        device: usize,
        writes: &'a [(u32, Value)],
        results: &'a mut Vec<Result<(), Refusal>>,
    ) -> BoxFuture<'a, Result<(), LinkError>>;

    /// Bytes received and sent since the driver was built.
    fn traffic(&self) -> (u64, u64) {
        (0, 0)
    }

    /// Switches the log of every frame on or off.
    fn set_trace(&mut self, _on: bool) {}
}

/// What a pushed driver saw of a tag: device index, tag index, value, quality, source time. [`Value::Null`] keeps the last
/// value, and [`Timestamp::NONE`] stands for now.
pub type Seen = (usize, u32, Value, Status, Timestamp);

/// A report of a pushed driver.
#[derive(Debug)]
pub enum Report {
    /// The session is up; samples follow.
    Connected,
    /// New values.
    Samples(Vec<Seen>),
    /// Answer to [`Order::Write`] with this number, one status per item.
    Written(u64, Vec<Status>),
    /// Answer to [`Order::Read`] with this number: what is also to be shown, and what only answers because something younger
    /// was shown meanwhile.
    Read(u64, Vec<Seen>, Vec<Seen>),
}

/// What the supervisor asks of a pushed driver.
#[derive(Debug)]
pub enum Order {
    /// Write raw values (device index, tag index, value) and report [`Report::Written`] with this number.
    Write(u64, Vec<(usize, u32, Value)>),
    /// Read tags of one device (device index, tag indices) from the source now and report [`Report::Read`] with this
    /// number; only for a driver that [`PushedDriver::can_read`].
    Read(u64, usize, Vec<u32>),
}

/// A protocol whose session delivers changes by itself. The supervisor starts it, starts it again after a failure with
/// back-off, stamps quality when it is down, and counts.
pub trait PushedDriver: Send {
    /// Connects and runs until the link fails. The future may be dropped at any await point, for a change of the devices;
    /// a session that is still good may then be kept for the next run.
    fn run<'a>(
        &'a mut self,
        reports: mpsc::Sender<Report>,
        orders: &'a mut mpsc::Receiver<Order>,
    ) -> BoxFuture<'a, LinkError>;

    /// Replaces a device's settings and tags, or adds a device at the end; takes effect at the next run at the latest.
    ///
    /// # Errors
    /// [`AddressError`] for a tag that did not pass [`DriverKind::check_tag`].
    fn set_device(&mut self, index: usize, device: &DeviceSpec) -> Result<(), AddressError>;

    /// Tells the common settings of the link and of its devices, before every run.
    fn set_common(&mut self, _link: &LinkSettings, _devices: &[DeviceSettings]) {}

    /// Closes a session that was kept, because nobody wants the link any more; takes a second at most.
    fn disconnect(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    /// Whether the source tells the new value after a write by itself, so that the supervisor need not show what was
    /// written.
    fn echoes_writes(&self) -> bool {
        false
    }

    /// Whether it takes [`Order::Read`]; explicit reads end with the live value otherwise.
    fn can_read(&self) -> bool {
        false
    }

    /// Bytes received and sent since the driver was built.
    fn traffic(&self) -> (u64, u64) {
        (0, 0)
    }
}
