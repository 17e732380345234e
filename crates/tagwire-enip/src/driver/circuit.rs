//! Connections to controllers, and one request with its answer, over a connection or without.

use std::time::Duration;

use tagwire_driver::{LinkError, Refusal};
use tagwire_model::Status as Quality;

use super::device::Circuit;
use super::exchange::Outcome;
use super::{EnipDriver, status};
use crate::codec::connection::{
    ForwardOpen, MANAGER, MAX_SMALL, Opened, SMALL, encode_unconnected_send, message_router,
};
use crate::codec::frame::status_text;
use crate::codec::message::{Request, Response};
use crate::codec::{Status, service};

impl EnipDriver {
    /// Packet interval that is asked for, and the multiplier that makes a connection last 1,024 s without a request.
    const INTERVAL: Duration = Duration::from_secs(2);
    const MULTIPLIER: u8 = 7;
    /// A connection that was idle for so long is opened anew, because the controller may have dropped it.
    const MAX_IDLE: Duration = Duration::from_secs(500);

    /// Makes sure that there is a connection to a controller, unless it takes none.
    pub(super) async fn ensure_circuit(&mut self, device: usize) -> Result<Result<(), Refusal>, LinkError> {
        let now = self.now();
        let Some(known) = self.devices.get_mut(device) else {
            return Ok(Err(status::refused(Quality::BAD_CONFIGURATION_ERROR, "device is not on this link")));
        };
        if known.circuit.is_some_and(|circuit| now.saturating_sub(circuit.used) > Self::MAX_IDLE) {
            known.circuit = None;
        }
        while let Some(known) = self.devices.get(device) {
            if known.circuit.is_some() || known.size == 0 {
                return Ok(Ok(()));
            }
            let size = known.size;
            match self.forward_open(device, size).await? {
                Ok(()) => {}
                Err(said) => {
                    let Some(known) = self.devices.get_mut(device) else { break };
                    // What is refused for ever is remembered, so that it costs nothing the next time.
                    if is_busy(said) {
                        return Ok(Err(status::from_status(said, false)));
                    } else if size > MAX_SMALL {
                        known.size = SMALL;
                        tracing::debug!(link = %self.name, status = %said, "large connection refused, 504 bytes from now on");
                    } else if said.general == Status::SERVICE_UNSUPPORTED.general {
                        known.size = 0;
                        tracing::debug!(link = %self.name, status = %said, "connection refused, none from now on");
                    } else {
                        return Ok(Err(status::from_status(said, false)));
                    }
                }
            }
        }
        Ok(Ok(()))
    }

    async fn forward_open(&mut self, device: usize, size: u16) -> Result<Result<(), Status>, LinkError> {
        let Some(known) = self.devices.get(device) else { return Ok(Err(Status::PATH_UNKNOWN)) };
        let path = message_router(&known.settings.route);
        self.next_serial = self.next_serial.wrapping_add(1);
        let serial = self.next_serial;
        let open = ForwardOpen {
            to_client: 0x7467_0000 | u32::from(serial),
            to_device: 0,
            serial,
            originator: self.originator,
            timeout_multiplier: Self::MULTIPLIER,
            interval: Self::INTERVAL.as_micros() as u32,
            size,
            path: &path,
        };
        let mut data = Vec::new();
        open.encode(&mut data);
        let mut message = Vec::new();
        Request { service: open.service(), path: &MANAGER, data: &data }.encode(&mut message);
        let wanted = open.to_client;
        self.wire.exchange.send_unconnected(&message);
        if let Outcome::Refused(status) = self.wire.complete().await? {
            return Err(LinkError::Protocol(format!("device refuses a connection: {}", status_text(status))));
        }
        let used = self.now();
        let response = Response::decode(self.wire.exchange.answer()).map_err(|e| LinkError::Protocol(e.to_string()))?;
        if !response.status.is_success() {
            return Ok(Err(response.status));
        }
        let opened = Opened::decode(response.data).map_err(|error| LinkError::Protocol(error.to_string()))?;
        if opened.to_client != wanted {
            return Err(LinkError::Protocol("device opened another connection than asked for".to_owned()));
        }
        if let Some(known) = self.devices.get_mut(device) {
            let to_device = opened.to_device;
            known.circuit = Some(Circuit { to_device, to_client: wanted, size, sequence: 0, used });
        }
        Ok(Ok(()))
    }

    /// Sends the request in `self.message` to a controller and waits for the answer, which is then in the exchange.
    ///
    /// # Errors
    /// The inner [`Refusal`] when no way leads to the controller.
    pub(super) async fn transact(&mut self, device: usize) -> Result<Result<(), Refusal>, LinkError> {
        for _ in 0..2 {
            if let Err(refusal) = self.ensure_circuit(device).await? {
                return Ok(Err(refusal));
            }
            let now = self.now();
            let Some(known) = self.devices.get_mut(device) else { break };
            match &mut known.circuit {
                Some(circuit) => {
                    circuit.sequence = circuit.sequence.wrapping_add(1);
                    circuit.used = now;
                    let (to_device, to_client, sequence) = (circuit.to_device, circuit.to_client, circuit.sequence);
                    self.wire.exchange.send_connected(to_device, to_client, sequence, &self.message);
                }
                None if known.settings.route.is_empty() => self.wire.exchange.send_unconnected(&self.message),
                None => {
                    let Ok(inner) = Request::decode(&self.message) else { break };
                    let (mut data, mut message) = (Vec::new(), Vec::new());
                    encode_unconnected_send(&mut data, &inner, &known.settings.route);
                    let service = service::UNCONNECTED_SEND;
                    Request { service, path: &MANAGER, data: &data }.encode(&mut message);
                    self.wire.exchange.send_unconnected(&message);
                }
            }
            match self.wire.complete().await? {
                Outcome::Answered => return Ok(self.passed_on(device)),
                Outcome::Refused(status) => {
                    let known = self.devices.get_mut(device).filter(|known| known.circuit.is_some());
                    let Some(known) = known else { return Err(LinkError::Protocol(status_text(status).to_owned())) };
                    // The controller forgot the connection, as after a restart, and did nothing with the request.
                    known.circuit = None;
                }
            }
        }
        Err(LinkError::Protocol("device forgets connections as soon as they are open".to_owned()))
    }

    /// Whether a request without a connection reached the controller: a module on the way answers in its place.
    fn passed_on(&self, device: usize) -> Result<(), Refusal> {
        let is_routed =
            self.devices.get(device).is_some_and(|known| known.circuit.is_none() && !known.settings.route.is_empty());
        let Ok(response) = Response::decode(self.wire.exchange.answer()) else { return Ok(()) };
        let asked = self.message.first().copied().unwrap_or(0);
        let is_of_module = response.service == service::UNCONNECTED_SEND && asked != service::UNCONNECTED_SEND;
        let said = response.status;
        let is_lost = said.general == Status::CONNECTION_FAILURE.general && said.extended.is_some();
        if is_routed && !said.is_success() && (is_of_module || is_lost) {
            let writes =
                [service::WRITE_TAG, service::WRITE_TAG_FRAGMENTED, service::READ_MODIFY_WRITE_TAG].contains(&asked);
            return Err(status::from_status(said, writes));
        }
        Ok(())
    }
}

/// Whether a refusal of a connection speaks about the way to the controller or about this moment, so that another kind of
/// connection would be refused as well.
const fn is_busy(status: Status) -> bool {
    match (status.general, status.extended) {
        (0x01, Some(extended)) => {
            matches!(
                extended,
                0x0100 | 0x0106 | 0x0107 | 0x0113 | 0x0203 | 0x0204 | 0x0301 | 0x0311 | 0x0312 | 0x0315 | 0x0318
            )
        }
        (0x02 | 0x0C | 0x10, _) => true,
        _ => false,
    }
}
