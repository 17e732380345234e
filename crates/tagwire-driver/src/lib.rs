//! What a protocol must bring (the driver traits) and what every protocol gets for free (the link supervisor).
//!
//! A driver speaks one protocol over one link. The supervisor decides when to read, how often to try, when a device is
//! down, which quality its tags get, and counts everything. No driver invents any of that.

mod common;
mod driver;
mod error;
mod intake;
mod outbox;
pub mod plan;
mod settings;
pub mod simulation;
mod spec;
mod supervisor;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod update;
mod wire;

pub use common::{Demotion, DeviceSettings, LinkSettings, Poll, ScanMode, WriteOptimisation};
pub use driver::{
    Block, BoxFuture, Driver, DriverKind, Order, PolledDriver, PushedDriver, Readings, Report, Seen, Span,
};
pub use error::{AddressError, BuildError, LinkError, Refusal};
pub use intake::Intake;
pub use outbox::{Outbox, Queued};
pub use settings::{Key, KeyKind, Setting, Settings};
pub use spec::{DeviceSpec, LinkSpec, TagSpec};
pub use supervisor::{
    Clock, DEVICE_ITEMS, DeviceItem, DeviceState, DeviceStatistics, LINK_ITEMS, LinkHandle, LinkItem, LinkSetup,
    LinkSource, LinkStatistics, MAX_QUEUED_ITEMS, Options, ReloadError, Statistics, SystemTag, SystemTags, Watchdog,
    initial_value, supervise,
};
pub use transport::{Connector, Host, Stream, TcpConnector};
pub use update::{Sink, Update};
pub use wire::{Flow, Wire};
