//! One client of a simulated controller: its session and its connections. No I/O.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use tagwire_driver::simulation::Reply;

use super::controller::{Controller, fail};
use super::fault::Fault;
use crate::codec::connection::{ForwardClose, ForwardOpen, MAX_SMALL, Opened, decode_unconnected_send, route_of};
use crate::codec::cpf::{Carried, encode_connected, encode_unconnected};
use crate::codec::frame::{Frame, HEADER_LEN, PORT, REGISTER_DATA, command, encode_frame};
use crate::codec::message::{Request, Response};
use crate::codec::path::{Segment, segments};
use crate::codec::{Status, class, identity, service};

#[derive(Clone, Copy, Debug)]
struct Link {
    to_device: u32,
    to_client: u32,
    serial: u16,
    size: u16,
    /// Index of the controller.
    controller: usize,
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
        controllers: &mut [Controller],
        fault: impl FnOnce() -> Option<Fault>,
        now: Duration,
    ) -> Reply {
        let Some(first) = controllers.first() else { return Reply { close: true, ..Reply::default() } };
        let mut reply = Reply { delay: first.config.delay, ..Reply::default() };
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
                identity::encode_list(&first.identity(), SocketAddrV4::new(Ipv4Addr::LOCALHOST, PORT), &mut data);
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
                self.message(frame, carried, controllers, fault, now, &mut reply);
            }
        }
        reply
    }

    fn message(
        &mut self,
        frame: &Frame<'_>,
        carried: Carried<'_>,
        controllers: &mut [Controller],
        fault: Option<Fault>,
        now: Duration,
        reply: &mut Reply,
    ) {
        let inner = if let Some(Fault::Inner(status)) = fault { Some(status) } else { None };
        controllers.iter_mut().for_each(|controller| controller.inner_status = inner);
        let mut answer = Vec::new();
        let mut is_silent = false;
        match carried {
            Carried::Unconnected(message) => {
                match fault {
                    Some(Fault::Status(status)) => fail(message.first().copied().unwrap_or(0), status, &mut answer),
                    _ => is_silent = self.unconnected(message, controllers, now, &mut answer).is_none(),
                }
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
                let link = self.links.iter().find(|link| link.to_device == connection).copied();
                let known = link.and_then(|link| Some((link, controllers.get_mut(link.controller)?)));
                let Some((link, controller)) = known else {
                    encode_frame(&mut reply.bytes, frame.command, self.handle, 3, frame.context, |_| {});
                    return;
                };
                is_silent = controller.is_silent;
                let (service, capacity) = (message.first().copied().unwrap_or(0), usize::from(link.size) - 2);
                match fault {
                    Some(Fault::Status(status)) => fail(service, status, &mut answer),
                    _ if message.len() > capacity => fail(service, Status::TOO_MUCH_DATA, &mut answer),
                    _ => controller.answer(message, capacity, now, &mut answer),
                }
                let answer = shortened(&answer, fault.as_ref());
                let sequence = if fault == Some(Fault::WrongNumber) { sequence ^ 0x55 } else { sequence };
                encode_frame(&mut reply.bytes, frame.command, self.handle, 0, frame.context, |out| {
                    encode_connected(out, link.to_client, sequence, |out| out.extend_from_slice(answer));
                });
            }
        }
        if is_silent {
            reply.bytes.clear();
        } else {
            disturb(reply, fault);
        }
    }

    /// A request outside a connection: for the connection manager, or for the router. `None` when the controller that it
    /// is for is silent.
    fn unconnected(
        &mut self,
        message: &[u8],
        controllers: &mut [Controller],
        now: Duration,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let Ok(request) = Request::decode(message) else {
            fail(message.first().copied().unwrap_or(0), Status::NOT_ENOUGH_DATA, out);
            return Some(());
        };
        let is_manager = matches!(segments(request.path).next(), Some(Ok(Segment::Class(class::CONNECTION_MANAGER))));
        if !is_manager {
            let controller = controllers.first_mut().filter(|controller| !controller.is_silent)?;
            controller.answer(message, UNCONNECTED, now, out);
            return Some(());
        }
        let mut data = Vec::new();
        let status = match request.service {
            service::FORWARD_OPEN | service::LARGE_FORWARD_OPEN => self.open(&request, controllers, &mut data)?,
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
                Ok((inner, route)) => match behind(route, controllers).and_then(|at| controllers.get_mut(at)) {
                    Some(controller) if controller.is_silent => return None,
                    Some(controller) => {
                        controller.answer(inner, UNCONNECTED, now, out);
                        return Some(());
                    }
                    None => Status::extended(1, 0x0204),
                },
                Err(_) => Status::NOT_ENOUGH_DATA,
            },
            _ => Status::SERVICE_UNSUPPORTED,
        };
        Response { service: request.service, status, data: &data }.encode(out);
        Some(())
    }

    fn open(&mut self, request: &Request<'_>, controllers: &[Controller], out: &mut Vec<u8>) -> Option<Status> {
        let is_large = request.service == service::LARGE_FORWARD_OPEN;
        let Ok(open) = ForwardOpen::decode(request.service, request.data) else { return Some(Status::NOT_ENOUGH_DATA) };
        let Some((at, controller)) =
            behind(route_of(open.path), controllers).and_then(|at| Some((at, controllers.get(at)?)))
        else {
            return Some(Status::extended(1, 0x0312));
        };
        if controller.is_silent {
            return None;
        }
        let most = controller.config.connection_size;
        Some(if !controller.config.connections || is_large && most <= MAX_SMALL {
            Status::SERVICE_UNSUPPORTED
        } else if open.size > most || open.size < 32 {
            Status::extended(1, 0x0109)
        } else if self.links.len() >= MAX_LINKS {
            Status::extended(1, 0x0113)
        } else {
            self.next += 1;
            let to_device = 0x8000_0000 | self.next;
            let (to_client, serial, size) = (open.to_client, open.serial, open.size);
            self.links.push(Link { to_device, to_client, serial, size, controller: at });
            let (originator, interval) = (open.originator, open.interval);
            Opened { to_device, to_client, serial, originator, interval }.encode(out);
            Status::SUCCESS
        })
    }
}

/// The controller that a route leads to: that of its slot behind the backplane, or the first one without a route.
fn behind(route: &[u8], controllers: &[Controller]) -> Option<usize> {
    let mut route = segments(route);
    match route.next() {
        None => Some(0),
        Some(Ok(Segment::Port { port: 1, link })) if route.next().is_none() => {
            controllers.iter().position(|controller| link == [controller.config.slot])
        }
        _ => None,
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
