//! One client of a simulated controller: its session and its connections. No I/O.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::controller::{Controller, fail};
use super::fault::Fault;
use crate::codec::connection::{
    ForwardClose, ForwardOpen, MAX_SMALL, Opened, decode_unconnected_send, route_of,
};
use crate::codec::cpf::{Carried, encode_connected, encode_unconnected};
use crate::codec::frame::{Frame, HEADER_LEN, PORT, REGISTER_DATA, command, encode_frame};
use crate::codec::message::{Request, Response};
use crate::codec::path::{Segment, segments};
use crate::codec::{Status, class, identity, service};

/// What goes back for one frame.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Reply {
    pub bytes: Vec<u8>,
    pub delay: Duration,
    pub late: Duration,
    pub close: bool,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    to_device: u32,
    to_client: u32,
    serial: u16,
    size: u16,
}

/// A client.
#[derive(Debug, Default)]
pub(super) struct Session {
    handle: u32,
    links: Vec<Link>,
    next: u32,
}

/// Most bytes of a message outside a connection.
const UNCONNECTED: usize = 504;
/// Most connections of one client.
const MAX_LINKS: usize = 64;

impl Session {
    /// Answers one frame.
    pub(super) fn answer(
        &mut self,
        frame: &Frame<'_>,
        controller: &mut Controller,
        fault: impl FnOnce() -> Option<Fault>,
        now: Duration,
    ) -> Reply {
        let mut reply = Reply { delay: controller.config.delay, ..Reply::default() };
        let out = &mut reply.bytes;
        let plain = |out: &mut Vec<u8>, session, status, data: &[u8]| {
            encode_frame(out, frame.command, session, status, frame.context, |out| out.extend_from_slice(data));
        };
        match frame.command {
            command::NOP => {}
            command::REGISTER_SESSION if frame.data == REGISTER_DATA => {
                self.handle = 0x00C1_0000 | now.as_millis() as u32 & 0xFFFF | 1;
                plain(out, self.handle, 0, &REGISTER_DATA);
            }
            command::REGISTER_SESSION => plain(out, 0, 0x69, &REGISTER_DATA),
            command::UNREGISTER_SESSION => reply.close = true,
            command::LIST_IDENTITY => {
                let mut data = Vec::new();
                identity::encode_list(&controller.identity(), SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT), &mut data);
                plain(out, 0, 0, &data);
            }
            command::LIST_SERVICES => {
                let mut data = vec![1, 0, 0, 1, 20, 0, 1, 0, 0x20, 0];
                data.extend_from_slice(b"Communications\0\0");
                plain(out, 0, 0, &data);
            }
            command::LIST_INTERFACES => plain(out, 0, 0, &[0, 0]),
            _ if self.handle == 0 || frame.session != self.handle => plain(out, frame.session, 0x64, &[]),
            _ => {
                let fault = fault();
                if fault == Some(Fault::LoseConnections) {
                    self.links.clear();
                }
                let Ok(carried) = Carried::decode(frame.data) else {
                    plain(out, self.handle, 3, &[]);
                    return reply;
                };
                self.message(frame, carried, controller, fault, now, &mut reply);
            }
        }
        reply
    }

    fn message(
        &mut self,
        frame: &Frame<'_>,
        carried: Carried<'_>,
        controller: &mut Controller,
        fault: Option<Fault>,
        now: Duration,
        reply: &mut Reply,
    ) {
        controller.inner_status = if let Some(Fault::Inner(status)) = fault { Some(status) } else { None };
        let mut answer = Vec::new();
        let mut whole = |message: &[u8], answer: &mut Vec<u8>, capacity: usize, session: Option<&mut Self>| match fault {
            Some(Fault::Status(status)) => fail(message.first().copied().unwrap_or(0), status, answer),
            _ => match session {
                Some(session) => session.unconnected(message, controller, now, answer),
                None => controller.answer(message, capacity, now, answer),
            },
        };
        match carried {
            Carried::Unconnected(message) => {
                whole(message, &mut answer, UNCONNECTED, Some(self));
                let answer = shortened(&answer, fault.as_ref());
                let mut context = frame.context;
                if fault == Some(Fault::WrongNumber) {
                    context[0] ^= 0x55;
                }
                encode_frame(&mut reply.bytes, frame.command, self.handle, 0, context, |out| {
                    encode_unconnected(out, |out| out.extend_from_slice(answer));
                });
            }
            Carried::Connected { connection, sequence, message } => {
                let Some(link) = self.links.iter().find(|link| link.to_device == connection).copied() else {
                    encode_frame(&mut reply.bytes, frame.command, self.handle, 3, frame.context, |_| {});
                    return;
                };
                let capacity = usize::from(link.size) - 2;
                if message.len() > capacity {
                    fail(message.first().copied().unwrap_or(0), Status::TOO_MUCH_DATA, &mut answer);
                } else {
                    whole(message, &mut answer, capacity, None);
                }
                let answer = shortened(&answer, fault.as_ref());
                let sequence = if fault == Some(Fault::WrongNumber) { sequence ^ 0x55 } else { sequence };
                encode_frame(&mut reply.bytes, frame.command, self.handle, 0, frame.context, |out| {
                    encode_connected(out, link.to_client, sequence, |out| out.extend_from_slice(answer));
                });
            }
        }
        disturb(reply, fault);
    }

    /// A request outside a connection: for the connection manager, or for the router.
    fn unconnected(&mut self, message: &[u8], controller: &mut Controller, now: Duration, out: &mut Vec<u8>) {
        let Ok(request) = Request::decode(message) else {
            return fail(message.first().copied().unwrap_or(0), Status::NOT_ENOUGH_DATA, out);
        };
        let is_manager =
            matches!(segments(request.path).next(), Some(Ok(Segment::Class(class::CONNECTION_MANAGER))));
        if !is_manager {
            return controller.answer(message, UNCONNECTED, now, out);
        }
        let mut data = Vec::new();
        let status = match request.service {
            service::FORWARD_OPEN | service::LARGE_FORWARD_OPEN => self.open(&request, controller, &mut data),
            service::FORWARD_CLOSE => match ForwardClose::decode(request.data) {
                Ok(close) => {
                    let n_before = self.links.len();
                    self.links.retain(|link| link.serial != close.serial);
                    close.encode_answer(&mut data);
                    if self.links.len() < n_before { Status::SUCCESS } else { Status::extended(1, 0x0107) }
                }
                Err(_) => Status::NOT_ENOUGH_DATA,
            },
            service::UNCONNECTED_SEND => match decode_unconnected_send(request.data) {
                Ok((inner, route)) if is_here(route, controller) => {
                    return controller.answer(inner, UNCONNECTED, now, out);
                }
                Ok(_) => Status::extended(1, 0x0204),
                Err(_) => Status::NOT_ENOUGH_DATA,
            },
            _ => Status::SERVICE_UNSUPPORTED,
        };
        Response { service: request.service, status, data: &data }.encode(out);
    }

    fn open(&mut self, request: &Request<'_>, controller: &Controller, out: &mut Vec<u8>) -> Status {
        if !controller.config.connections {
            return Status::SERVICE_UNSUPPORTED;
        }
        let is_large = request.service == service::LARGE_FORWARD_OPEN;
        if is_large && controller.config.connection_size <= MAX_SMALL {
            return Status::SERVICE_UNSUPPORTED;
        }
        let Ok(open) = ForwardOpen::decode(request.service, request.data) else { return Status::NOT_ENOUGH_DATA };
        if !is_here(route_of(open.path), controller) {
            return Status::extended(1, 0x0312);
        }
        if open.size > controller.config.connection_size || open.size < 32 {
            return Status::extended(1, 0x0109);
        }
        if self.links.len() >= MAX_LINKS {
            return Status::extended(1, 0x0113);
        }
        self.next += 1;
        let to_device = 0x8000_0000 | self.next;
        self.links.push(Link { to_device, to_client: open.to_client, serial: open.serial, size: open.size });
        let opened = Opened {
            to_device,
            to_client: open.to_client,
            serial: open.serial,
            originator: open.originator,
            interval: open.interval,
        };
        opened.encode(out);
        Status::SUCCESS
    }
}

/// Whether a route leads to the controller: its slot behind the backplane, or no route at all.
fn is_here(route: &[u8], controller: &Controller) -> bool {
    let mut route = segments(route);
    match route.next() {
        None => true,
        Some(Ok(Segment::Port { port: 1, link })) => link == [controller.config.slot] && route.next().is_none(),
        _ => false,
    }
}

fn shortened<'a>(answer: &'a [u8], fault: Option<&Fault>) -> &'a [u8] {
    match fault {
        Some(Fault::Shorten(len)) => answer.get(..*len).unwrap_or(answer),
        _ => answer,
    }
}

fn disturb(reply: &mut Reply, fault: Option<Fault>) {
    let bytes = &mut reply.bytes;
    match fault {
        Some(Fault::Drop) => bytes.clear(),
        Some(Fault::Delay(delay)) => reply.delay += delay,
        Some(Fault::Late(late)) => reply.late = late,
        Some(Fault::Garbage(garbage)) => drop(bytes.splice(0..0, garbage)),
        Some(Fault::Truncate(len)) => bytes.truncate(len),
        Some(Fault::Twice) => bytes.extend_from_within(..),
        Some(Fault::CloseMidFrame) => {
            bytes.truncate((bytes.len() / 2).max(HEADER_LEN));
            reply.close = true;
        }
        Some(Fault::Close) => {
            bytes.clear();
            reply.close = true;
        }
        _ => {}
    }
}
