//! A link to such servers under its supervisor.

use std::sync::Arc;
use std::time::Duration;

use tagwire_driver::testing::Recorder;
use tagwire_driver::{
    Clock, DeviceSettings, Driver, LinkHandle, LinkSettings, LinkSetup, LinkSpec, Options, SystemTags, supervise,
};
use tagwire_model::Timestamp;
use tagwire_upstream::UpstreamDriver;
use tokio::time::Instant;

use super::{Plug, Server};

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

pub fn settings() -> DeviceSettings {
    DeviceSettings { scan: ms(100), retry_refused: ms(2_000), ..DeviceSettings::default() }
}

pub fn start(spec: LinkSpec, servers: &[Arc<Server>]) -> (LinkHandle, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::with_log());
    let servers = servers.to_vec();
    let source = move || {
        let driver = UpstreamDriver::new(&spec, Box::new(Plug(servers.clone())))?;
        Ok(LinkSetup {
            devices: vec![settings(); spec.devices.len()],
            spec: spec.clone(),
            driver: Driver::Pushed(Box::new(driver)),
            settings: LinkSettings::default(),
            system: SystemTags::default(),
        })
    };
    let started = Instant::now();
    let now = move || Timestamp::from_ticks(Timestamp::UNIX_EPOCH_TICKS + started.elapsed().as_micros() as i64 * 10);
    let options = Options { clock: Clock::new(now, |_| {}), seed: 1 };
    (supervise(Box::new(source), recorder.clone(), options).expect("starts"), recorder)
}
