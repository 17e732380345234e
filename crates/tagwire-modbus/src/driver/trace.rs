//! The log of every frame, switched on and off per link.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::codec::{Frame, Request, Response};

/// Where frames are logged: `tracing` target `tagwire::trace`, level info.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub link: Arc<str>,
}

impl Trace {
    pub(super) fn sent(&self, unit: u8, raw: &[u8], request: &Request<'_>) {
        let link = &*self.link;
        tracing::info!(target: "tagwire::trace", link, dir = "tx", bytes = %Hex(raw), "unit {unit}: {request}");
    }

    pub(super) fn received(&self, frame: &Frame<'_>, is_wanted: bool) {
        let (link, unit, raw) = (&*self.link, frame.unit, Hex(frame.raw));
        let note = if is_wanted { "" } else { " (late, dropped)" };
        match Response::decode(frame.pdu) {
            Ok(response) => {
                tracing::info!(target: "tagwire::trace", link, dir = "rx", bytes = %raw, "unit {unit}: {response}{note}");
            }
            Err(error) => {
                tracing::info!(target: "tagwire::trace", link, dir = "rx", bytes = %raw, "unit {unit}: {error}{note}");
            }
        }
    }
}

/// Bytes as pairs of hexadecimal digits.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, byte) in self.0.iter().enumerate() {
            if idx > 0 {
                f.write_char(' ')?;
            }
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}
