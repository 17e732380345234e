//! Devices of the configuration, as commands name them.

use std::path::Path;

use tagwire_driver::{DeviceSpec, LinkSpec, Settings};

use crate::command::control::load;
use crate::failure::{Exit, Failure};

/// Most devices that a message names.
const MAX_NAMED: usize = 20;

/// The link of a device of the configuration, with that device only and without tags, and the device's settings.
pub(super) fn find_device(file: &Path, name: &str) -> Result<(LinkSpec, Settings), Failure> {
    let config = load(file)?;
    let found = name.split_once('.').and_then(|(link, device)| {
        let link = config.links.iter().find(|candidate| candidate.name == link)?;
        Some((link, link.devices.iter().find(|candidate| candidate.name == device)?))
    });
    let Some((link, device)) = found else {
        let known: Vec<String> = config
            .links
            .iter()
            .flat_map(|link| link.devices.iter().map(|device| format!("{}.{}", link.name, device.name)))
            .take(MAX_NAMED)
            .collect();
        let problem = format!("{} has no device {name}", file.display());
        return Err(Failure::new(Exit::Usage, problem, format!("known are {}", known.join(", "))));
    };
    let spec = LinkSpec {
        name: link.name.clone(),
        kind: link.driver.clone(),
        address: link.address.clone(),
        settings: link.settings.clone(),
        devices: vec![DeviceSpec { name: device.name.clone(), settings: device.settings.clone(), tags: Vec::new() }],
    };
    Ok((spec, device.settings.clone()))
}
