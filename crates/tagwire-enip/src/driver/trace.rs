//! The log of every frame, switched on and off per link.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use crate::codec::message::{Request, Response};
use crate::codec::{frame, service};

/// Where frames are logged: `tracing` target `tagwire::trace`, level info.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub link: Arc<str>,
}

impl Trace {
    pub(crate) fn sent(&self, raw: &[u8], message: &[u8]) {
        let link = &*self.link;
        match Request::decode(message) {
            Ok(request) => {
                let name = service::name(request.service);
                tracing::info!(target: "tagwire::trace", link, dir = "tx", bytes = %Hex(raw), "{name}");
            }
            Err(_) => tracing::info!(target: "tagwire::trace", link, dir = "tx", bytes = %Hex(raw), "register session"),
        }
    }

    pub(crate) fn received(&self, status: u32, message: &[u8], is_wanted: bool) {
        let (link, raw) = (&*self.link, Hex(message));
        let note = if is_wanted { "" } else { " (not asked for, dropped)" };
        match Response::decode(message) {
            Ok(response) => {
                let (name, said) = (service::name(response.service), response.status);
                tracing::info!(target: "tagwire::trace", link, dir = "rx", bytes = %raw, "{name}: {said}{note}");
            }
            Err(_) => {
                let said = frame::status_text(status);
                tracing::info!(target: "tagwire::trace", link, dir = "rx", bytes = %raw, "{said}{note}");
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
