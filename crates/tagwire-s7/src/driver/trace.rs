//! The log of every frame, switched on and off per link.

use std::sync::Arc;

use tagwire_model::hex;

use crate::codec::{Answer, Request};

/// Where frames are logged: `tracing` target `tagwire::trace`, level info.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub link: Arc<str>,
}

impl Trace {
    pub(super) fn sent(&self, raw: &[u8], pdu: &[u8]) {
        let link = &*self.link;
        match Request::decode(pdu) {
            Ok(request) => {
                tracing::info!(target: "tagwire::trace", link, dir = "tx", bytes = hex::encode(raw), "{request}");
            }
            Err(_) => tracing::info!(target: "tagwire::trace", link, dir = "tx", bytes = hex::encode(raw), "connect"),
        }
    }

    pub(super) fn received(&self, raw: &[u8], pdu: &[u8], is_wanted: bool) {
        let link = &*self.link;
        let note = if is_wanted { "" } else { " (late, dropped)" };
        let bytes = hex::encode(raw);
        match Answer::decode(pdu) {
            Ok(answer) => tracing::info!(target: "tagwire::trace", link, dir = "rx", bytes, "{answer}{note}"),
            Err(error) => tracing::info!(target: "tagwire::trace", link, dir = "rx", bytes, "{error}{note}"),
        }
    }
}
