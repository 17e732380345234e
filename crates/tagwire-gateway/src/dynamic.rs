//! Tags that clients make by naming an address: `link.device.<address>[@type]` (gateway-behaviour B-20).

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use parking_lot::RwLock;
use tagwire_driver::{DriverKind, Settings, TagSpec};
use tagwire_hub::{RouteFuture, TagMaker};
use tagwire_model::{Access, TagId, ValueType};

use crate::gateway::Shared;
use crate::plant::Plant;

/// How long a tag stays that nobody watches.
pub(crate) const KEPT: Duration = Duration::from_secs(60);

/// How often tags are looked for that nobody watches.
pub(crate) const SWEEP: Duration = Duration::from_secs(10);

/// Longest address in bytes.
const MAX_ADDRESS: usize = 256;

/// What is needed to judge an address of a device.
struct Terms {
    kind: &'static dyn DriverKind,
    settings: Settings,
}

/// Makes tags of addresses, as many as the configuration allows.
#[derive(Default)]
pub(crate) struct DynamicTags {
    max: AtomicUsize,
    n: AtomicUsize,
    devices: RwLock<HashMap<String, Terms>>,
    shared: OnceLock<Weak<Shared>>,
}

impl DynamicTags {
    /// Tells whose links the tags are for.
    pub(crate) fn tie(&self, shared: &Arc<Shared>) {
        let _ = self.shared.set(Arc::downgrade(shared));
    }

    /// Takes in which devices there are, and how many tags may be made.
    pub(crate) fn follow(&self, plant: &Plant) {
        self.max.store(plant.running.ua.dynamic_tags as usize, Ordering::Relaxed);
        self.n.store(plant.n_dynamic(), Ordering::Relaxed);
        let mut devices = HashMap::new();
        for link in plant.running.links.iter().map(|link| link.lock()) {
            let Some(kind) = plant.kind(&link.driver) else { continue };
            for (_, device) in link.numbered_devices() {
                let terms = Terms { kind, settings: device.settings.clone() };
                devices.insert(format!("{}.{}", link.name, device.name), terms);
            }
        }
        *self.devices.write() = devices;
    }

    fn room(&self) -> usize {
        self.max.load(Ordering::Relaxed).saturating_sub(self.n.load(Ordering::Relaxed))
    }

    /// The tag that a path asks for; `None` when it is none that its device could serve.
    fn spec(&self, path: &str) -> Option<TagSpec> {
        let (device, text) = split(path)?;
        let devices = self.devices.read();
        let Terms { kind, settings } = devices.get(device)?;
        spec(*kind, settings, text)
    }
}

/// Device and address of a path: names of links and devices have no dots.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let (end, _) = path.match_indices('.').nth(1)?;
    Some((path.get(..end)?, path.get(end + 1..)?))
}

fn spec(kind: &dyn DriverKind, settings: &Settings, text: &str) -> Option<TagSpec> {
    let is_sound = text.len() <= MAX_ADDRESS && !text.starts_with('_') && !text.chars().any(char::is_control);
    let (address, value_type) = match text.rsplit_once('@') {
        Some((address, name)) => (address, Some(ValueType::parse(name).ok()?)),
        None => (text, None),
    };
    if !is_sound || address.is_empty() {
        return None;
    }
    let spec = TagSpec {
        id: TagId(u32::MAX),
        address: address.to_owned(),
        value_type: value_type.or_else(|| kind.default_type(address))?,
        access: Access::READ_WRITE,
        scan: None,
        scaling: None,
        settings: Settings::new(),
    };
    if kind.check_tag(settings, &spec).is_ok() {
        return Some(spec);
    }
    // Much that cannot be written can be read.
    let spec = TagSpec { access: Access::READ, ..spec };
    kind.check_tag(settings, &spec).is_ok().then_some(spec)
}

impl TagMaker for DynamicTags {
    fn wants(&self, path: &str) -> bool {
        self.room() > 0 && self.spec(path).is_some()
    }

    fn make(&self, paths: Vec<String>) -> RouteFuture<Vec<TagId>> {
        let wanted: Vec<(String, TagSpec)> =
            paths.into_iter().take(self.room()).filter_map(|path| Some((path.clone(), self.spec(&path)?))).collect();
        let shared = self.shared.get().and_then(Weak::upgrade);
        Box::pin(async move {
            let Some(shared) = shared else { return Vec::new() };
            let ids = {
                let plant = shared.plant.lock().await;
                let ids = plant.make_dynamic(wanted).await;
                shared.dynamic.n.store(plant.n_dynamic(), Ordering::Relaxed);
                ids
            };
            shared.hub.refresh(&ids).await;
            ids
        })
    }
}

/// Forgets tags that nobody watches, again and again.
pub(crate) async fn sweep(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if shared.dynamic.n.load(Ordering::Relaxed) > 0 {
            let plant = shared.plant.lock().await;
            plant.forget_dynamic().await;
            shared.dynamic.n.store(plant.n_dynamic(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use tagwire_modbus::ModbusKind;
    use tagwire_sim::SimKind;

    use super::*;

    #[test]
    fn a_path_is_a_device_and_whatever_its_driver_takes_for_an_address() {
        assert_eq!(split("line1.plc.40001.3@bool"), Some(("line1.plc", "40001.3@bool")));
        assert_eq!(split("line1.plc"), None);
    }

    #[test]
    fn types_and_access_come_from_the_address_unless_told() {
        let shown = |kind: &dyn DriverKind, text: &str| {
            spec(kind, &Settings::new(), text)
                .map(|spec| format!("{} {} {}", spec.address, spec.value_type, spec.access))
        };
        for (text, expected) in [
            ("40001", Some("40001 u16 rw")),
            ("40001@f32", Some("40001 f32 rw")),
            ("300010@i32", Some("300010 i32 ro")),
            ("000001", Some("000001 bool rw")),
            ("40010.3", Some("40010.3 bool rw")),
            ("900001", None),
            ("40001@nothing", None),
            ("_System._Error", None),
            ("@f32", None),
        ] {
            assert_eq!(shown(&ModbusKind, text).as_deref(), expected, "{text}");
        }
        assert_eq!(shown(&SimKind, "static(2.5)").as_deref(), Some("static(2.5) f64 rw"));
    }
}
