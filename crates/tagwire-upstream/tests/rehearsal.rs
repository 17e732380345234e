//! The supervisor's rehearsal of faults over the driver and simulated servers, on a simulated clock.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::{Plug, Server, Values, address, link};
use tagwire_driver::testing::{Fault, Rig, rehearse};
use tagwire_driver::{DeviceSettings, Driver, LinkSettings, LinkSetup, SystemTags};
use tagwire_upstream::UpstreamDriver;

struct Upstream(Arc<Server>);

impl Rig for Upstream {
    fn setup(&self, devices: &[DeviceSettings]) -> LinkSetup {
        let tags = |device| (0..Self::N_TAGS).map(|tag| address(device, tag)).collect();
        let spec = link(&(0..devices.len()).map(tags).collect::<Vec<_>>());
        let driver = UpstreamDriver::new(&spec, Box::new(Plug(vec![Arc::clone(&self.0)]))).expect("a driver");
        LinkSetup {
            spec,
            driver: Driver::Pushed(Box::new(driver)),
            settings: LinkSettings::default(),
            devices: devices.to_vec(),
            system: SystemTags::default(),
        }
    }

    fn break_with(&self, fault: Fault) {
        let server = &self.0;
        match fault {
            Fault::Killed => {
                server.is_killed.store(true, Ordering::SeqCst);
                server.restart();
            }
            Fault::Unreachable => server.is_unreachable.store(true, Ordering::SeqCst),
            Fault::HalfOpen => {
                server.half_open_before.store(server.n_sessions.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            Fault::Silent(device) => *server.silent.lock().expect("slot") = Some(format!("d{device}t")),
            Fault::Late(late) => server.late_ms.store(late.as_millis() as u64, Ordering::SeqCst),
            Fault::Garbage => server.is_garbled.store(true, Ordering::SeqCst),
            Fault::Refused(device, tag) => {
                *server.refused.lock().expect("slot") = Some(format!("d{device}t{tag}."));
            }
        }
    }

    fn repair(&self) {
        let server = &self.0;
        server.is_killed.store(false, Ordering::SeqCst);
        server.is_unreachable.store(false, Ordering::SeqCst);
        server.is_garbled.store(false, Ordering::SeqCst);
        server.late_ms.store(0, Ordering::SeqCst);
        *server.silent.lock().expect("slot") = None;
        *server.refused.lock().expect("slot") = None;
    }
}

fn run(seeds: std::ops::Range<u64>, refuses_transfer: bool) {
    let one = |seed| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("runtime");
        runtime.block_on(async {
            let server = Server::new(Values::Clock);
            server.refuses_transfer.store(refuses_transfer, Ordering::SeqCst);
            rehearse(&Upstream(server), seed, 3).await
        })
    };
    let broken: Vec<String> =
        seeds.filter_map(|seed| one(seed).err().map(|error| format!("seed {seed}: {error}"))).collect();
    assert!(broken.is_empty(), "{} seeds broke a promise:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn a_server_that_transfers_keeps_every_promise() {
    run(0..200, false);
}

#[test]
fn a_server_that_transfers_keeps_every_promise_again() {
    run(200..400, false);
}

#[test]
fn a_server_that_does_not_transfer_keeps_every_promise() {
    run(400..500, true);
}
