//! The keys that links and devices of every driver have.

use std::time::Duration;

use tagwire_driver::{Key, KeyKind, Settings};

/// Keys of every `[[link]]`.
pub(crate) const LINK_KEYS: &[Key] = &[];

/// Keys of every `[[link.device]]`.
pub(crate) const DEVICE_KEYS: &[Key] = &[Key {
    name: "scan",
    kind: KeyKind::Duration { min: Duration::from_millis(10), max: Duration::from_millis(99_999_990) },
    default: "1s",
    doc: "scan interval",
}];

/// Whether a device polls each tag at the tag's own rate, so that the rates of an imported list count.
pub(crate) fn respects_tag_rates(device: &Settings) -> bool {
    device.text("mode").is_some_and(|mode| mode.contains("tag"))
}
