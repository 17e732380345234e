//! How able the server is to serve, told to clients as ServiceLevel (Part 4, 6.6.2.4.2).

use tagwire_driver::{DeviceState, Statistics};

/// Least level of a server that is healthy.
const HEALTHY: u64 = 200;
/// Least level of a server that has some data.
const DEGRADED: u64 = 2;
const NO_DATA: u8 = 1;
/// Highest level of a server that lacks a part of what it is for.
pub(crate) const DEGRADED_MAX: u8 = 199;

/// The level by the share of devices that answer: 255 for all or none configured, 200 and more from half of them on, 1
/// for none.
pub(crate) fn service_level<'a>(links: impl Iterator<Item = &'a Statistics>) -> u8 {
    let (mut n, mut n_good) = (0_u64, 0_u64);
    for device in links.flat_map(|link| &link.devices) {
        match device.state {
            DeviceState::Disabled | DeviceState::Removed => continue,
            DeviceState::Good | DeviceState::Simulated => n_good += 1,
            DeviceState::Waiting | DeviceState::Bad | DeviceState::Demoted => {}
        }
        n += 1;
    }
    let level = match (n, n_good) {
        (0, _) => 255,
        (_, 0) => return NO_DATA,
        _ if n_good * 2 >= n => HEALTHY + (n_good * 2 - n) * (255 - HEALTHY) / n,
        _ => DEGRADED + n_good * 2 * (HEALTHY - 1 - DEGRADED) / n,
    };
    u8::try_from(level).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use tagwire_driver::DeviceStatistics;

    use super::*;

    #[test]
    fn the_level_follows_the_share_of_devices_that_answer() {
        use DeviceState::{Bad, Demoted, Disabled, Good, Removed, Simulated, Waiting};
        let cases: [(&[DeviceState], u8); 8] = [
            (&[], 255),
            (&[Good, Simulated, Disabled, Removed], 255),
            (&[Good, Bad], 200),
            (&[Good, Good, Good, Bad], 227),
            (&[Good, Bad, Demoted], 133),
            (&[Good, Bad, Bad, Bad, Bad, Bad, Bad, Bad, Bad, Bad], 41),
            (&[Bad, Waiting], 1),
            (&[Disabled], 255),
        ];
        for (states, level) in cases {
            let devices = states.iter().map(|state| DeviceStatistics { state: *state, ..Default::default() });
            let link = Statistics { devices: devices.collect(), ..Statistics::default() };
            assert_eq!(service_level([&link].into_iter()), level, "{states:?}");
        }
    }
}
