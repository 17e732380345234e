//! A rehearsal of everything that goes wrong on a link, for every polled driver (feature `testing`).
//!
//! A driver's tests implement [`Rig`] over their device simulator and run [`rehearse`] with many seeds on a simulated
//! clock. It breaks the link in every way of [`Fault`] and checks what users were promised.

mod bench;
mod config;
mod conversation;
mod line;
mod recorder;
mod suite;

use std::time::Duration;

pub use bench::{Bench, Outcome, Poll};
pub use config::link;
pub use conversation::{Build, converse};
pub use line::{Line, Plug};
pub use recorder::{Recorder, Seen};
pub use suite::rehearse;
use tagwire_model::Value;

use crate::{DeviceSettings, LinkSetup};

/// A way in which a link goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The device is switched off: connections are reset and new ones refused.
    Killed,
    /// Packets vanish: connections stay open without any answer, and opening new ones hangs.
    Unreachable,
    /// Connections that are open now never answer again; new ones work.
    HalfOpen,
    /// One device never answers; the others do.
    Silent(usize),
    /// Every answer comes later by this much.
    Late(Duration),
    /// Every answer is nonsense.
    Garbage,
    /// One device refuses every request that covers this tag.
    Refused(usize, u32),
}

/// A link with simulated devices that can be broken.
///
/// Each device has [`Rig::N_TAGS`] readable tags with the numbers `device * N_TAGS + tag`, in address order and close
/// enough for one request. The value of every tag is the number of milliseconds from the start of the rig to the moment
/// at which the device answered. Tag 0 of each device can be written, which changes nothing.
pub trait Rig {
    /// Tags of each device.
    const N_TAGS: u32 = 20;

    /// A link with one device per entry of `devices`, over the simulated devices.
    fn setup(&self, devices: &[DeviceSettings]) -> LinkSetup;

    /// Breaks the link, in addition to nothing: one fault at a time.
    fn break_with(&self, fault: Fault);

    /// Repairs everything.
    fn repair(&self);

    /// The milliseconds that a value of a tag stands for.
    fn milliseconds(&self, value: &Value) -> Option<u64> {
        value.as_f64().map(|number| number as u64)
    }

    /// The value that a test writes to tag 0.
    fn written(&self) -> Value {
        Value::UInt32(0)
    }
}
