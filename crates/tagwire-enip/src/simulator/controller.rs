//! The message router of a simulated controller: what one request gets for an answer. No I/O; time is an argument.

use std::time::Duration;

use super::config::SimulatorConfig;
use super::layout::{Kind, SimulatorError};
use super::list;
use super::program::{Program, Target};
use crate::codec::identity::Identity;
use crate::codec::message::{Request, Response};
use crate::codec::path::{Segment, segments};
use crate::codec::tag::{DataTag, Modify, Read, Write};
use crate::codec::types::TypeCode;
use crate::codec::{Status, class, packet, service};
use crate::pccc::command::EXECUTE;
use crate::pccc::{DataTables, Dialect};

/// A controller: identity, program, change counters.
#[derive(Debug)]
pub(super) struct Controller {
    pub config: SimulatorConfig,
    pub program: Program,
    /// How often the program was changed.
    pub version: u32,
    pub inner_status: Option<Status>,
    pub is_silent: bool,
    /// Names of tags, in small letters, that the controller refuses to know.
    pub refused: Vec<String>,
    pub tables: DataTables,
}

/// What a request needs besides itself.
#[derive(Clone, Copy)]
struct Room {
    /// Most bytes of the answer.
    capacity: usize,
    now: Duration,
}

impl Controller {
    pub(super) fn new(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        let program = Program::new(config, 0)?;
        let dialect = if config.plc5 { Dialect::Plc5 } else { Dialect::Slc };
        let tables = DataTables::new(dialect, &config.files, &config.data, &config.data_signals)?;
        let config = config.clone();
        Ok(Self { config, program, version: 0, inner_status: None, is_silent: false, refused: Vec::new(), tables })
    }

    /// Loads another program: instance and template numbers change with it.
    pub(super) fn download(&mut self, config: &SimulatorConfig) -> Result<(), SimulatorError> {
        self.program = Program::new(config, self.version + 1)?;
        self.version += 1;
        self.config = config.clone();
        Ok(())
    }

    pub(super) fn identity(&self) -> Identity {
        Identity {
            vendor: 1,
            device_type: 14,
            product: 166,
            revision: (33, 11),
            status: 0x3060,
            serial: 0x00C0_FFEE,
            name: self.config.product.clone(),
        }
    }

    /// Answers one message; the answer has at most `capacity` bytes.
    pub(super) fn answer(&mut self, message: &[u8], capacity: usize, now: Duration, out: &mut Vec<u8>) {
        self.program.move_signals(now);
        match Request::decode(message) {
            Ok(request) => self.route(&request, Room { capacity, now }, out),
            Err(_) => fail(message.first().copied().unwrap_or(0), Status::NOT_ENOUGH_DATA, out),
        }
    }

    fn route(&mut self, request: &Request<'_>, room: Room, out: &mut Vec<u8>) {
        let mut path = segments(request.path);
        let class = match path.next() {
            Some(Ok(Segment::Class(class))) => class,
            // The tag list of a program stands behind its name.
            Some(Ok(Segment::Symbol(_))) if request.service == service::GET_INSTANCE_ATTRIBUTE_LIST => class::SYMBOL,
            Some(Ok(Segment::Symbol(_))) => return self.tag(request, room, out),
            _ => return fail(request.service, Status::PATH_SEGMENT_ERROR, out),
        };
        let mut data = Vec::new();
        let status = match (class, request.service) {
            (class::MESSAGE_ROUTER, service::MULTIPLE_SERVICE_PACKET) => return self.packet(request, room, out),
            (class::SYMBOL, service::GET_INSTANCE_ATTRIBUTE_LIST) if self.config.tag_list => {
                list::tags(&self.program, request, room.capacity, &mut data)
            }
            (class::SYMBOL, _) => return self.tag(request, room, out),
            (class::TEMPLATE, _) if self.config.tag_list => {
                list::template(&self.program, request, room.capacity, &mut data)
            }
            (class::IDENTITY, service::GET_ATTRIBUTES_ALL) => {
                self.identity().encode(&mut data);
                Status::SUCCESS
            }
            (class::PROGRAM_NAME, service::GET_ATTRIBUTES_ALL) => {
                data.extend_from_slice(&(self.config.name.len() as u16).to_le_bytes());
                data.extend_from_slice(self.config.name.as_bytes());
                Status::SUCCESS
            }
            (class::CHANGE_COUNTERS, service::GET_ATTRIBUTE_LIST) if self.config.tag_list => {
                list::change_counters(self.version, request.data, &mut data)
            }
            (class::PCCC, EXECUTE) if !self.tables.is_empty() => {
                if self.tables.execute(request.data, room.now, &mut data) {
                    Status::SUCCESS
                } else {
                    Status::NOT_ENOUGH_DATA
                }
            }
            (class::WALL_CLOCK, service::GET_ATTRIBUTE_LIST) => {
                data.extend_from_slice(&[1, 0, 6, 0, 0, 0]);
                data.extend_from_slice(&(room.now.as_micros() as u64).to_le_bytes());
                Status::SUCCESS
            }
            (
                class::IDENTITY
                | class::PROGRAM_NAME
                | class::CHANGE_COUNTERS
                | class::WALL_CLOCK
                | class::TEMPLATE
                | class::MESSAGE_ROUTER,
                _,
            ) => Status::SERVICE_UNSUPPORTED,
            _ => Status::PATH_UNKNOWN,
        };
        Response { service: request.service, status, data: &data }.encode(out);
    }

    fn packet(&mut self, request: &Request<'_>, room: Room, out: &mut Vec<u8>) {
        let Ok(requests) = packet::decode(request.data) else {
            return fail(request.service, Status::NOT_ENOUGH_DATA, out);
        };
        let requests: Vec<&[u8]> = requests.collect();
        // The offsets stand before the answers, whose lengths are not known yet.
        let mut data = vec![0; 2 + 2 * requests.len()];
        let mut offsets = Vec::with_capacity(requests.len());
        let mut failed = false;
        for (idx, inner) in requests.iter().enumerate() {
            let start = data.len();
            offsets.push(start as u16);
            // Each of the answers still to come has a header of four bytes.
            let reserved = 4 + start + 4 * (requests.len() - idx - 1);
            let left = room.capacity.saturating_sub(reserved).max(4);
            match (self.inner_status, Request::decode(inner)) {
                (Some(status), _) => fail(inner.first().copied().unwrap_or(0), status, &mut data),
                (None, Ok(inner)) => self.route(&inner, Room { capacity: left, ..room }, &mut data),
                (None, Err(_)) => fail(inner.first().copied().unwrap_or(0), Status::NOT_ENOUGH_DATA, &mut data),
            }
            failed |= data.get(start + 2).is_some_and(|status| *status != 0);
        }
        let head =
            (requests.len() as u16).to_le_bytes().into_iter().chain(offsets.into_iter().flat_map(u16::to_le_bytes));
        data.iter_mut().zip(head).for_each(|(to, from)| *to = from);
        let status = if failed { Status::EMBEDDED_ERROR } else { Status::SUCCESS };
        Response { service: request.service, status, data: &data }.encode(out);
    }

    fn tag(&mut self, request: &Request<'_>, room: Room, out: &mut Vec<u8>) {
        let mut data = Vec::new();
        let is_refused = |target: &Target| {
            let tag = self.program.tags.get(target.tag);
            tag.is_some_and(|tag| self.refused.iter().any(|name| tag.name.eq_ignore_ascii_case(name)))
        };
        let status = match self.program.follow(request.path) {
            Err(status) => status,
            Ok(target) if is_refused(&target) => Status::PATH_UNKNOWN,
            Ok(target) => match request.service {
                service::READ_TAG => self.read(&target, request.data, false, room.capacity, &mut data),
                service::READ_TAG_FRAGMENTED => self.read(&target, request.data, true, room.capacity, &mut data),
                service::WRITE_TAG => self.write(&target, request.data, false),
                service::WRITE_TAG_FRAGMENTED => self.write(&target, request.data, true),
                service::READ_MODIFY_WRITE_TAG => self.modify(&target, request.data),
                _ => Status::SERVICE_UNSUPPORTED,
            },
        };
        Response { service: request.service, status, data: &data }.encode(out);
    }

    fn data_tag(&self, kind: Kind) -> DataTag {
        match kind {
            Kind::Plain(code) => DataTag::plain(code),
            Kind::Structure(idx) => {
                DataTag::structure(self.program.layouts.structures.get(idx).map_or(0, |known| known.attributes.handle))
            }
        }
    }

    fn read(&self, target: &Target, data: &[u8], is_fragmented: bool, capacity: usize, out: &mut Vec<u8>) -> Status {
        let Ok(read) = Read::decode(data, is_fragmented) else { return Status::NOT_ENOUGH_DATA };
        let n = usize::from(read.n_elements);
        if n == 0 || n > target.n_left {
            return Status::extended(0xFF, Status::BEYOND_END);
        }
        let tag = self.data_tag(target.kind);
        let Some(memory) = self.program.tags.get(target.tag).map(|tag| &tag.memory) else {
            return Status::PATH_UNKNOWN;
        };
        if let Some(bit) = target.bit {
            tag.encode(out);
            out.push(if memory.get(target.offset).is_some_and(|byte| byte >> bit & 1 == 1) { 1 } else { 0 });
            return Status::SUCCESS;
        }
        let element = self.program.layouts.size(target.kind);
        let skip = read.offset.unwrap_or(0) as usize;
        let whole = memory.get(target.offset..target.offset + n * element).unwrap_or_default();
        let Some(rest) = whole.get(skip..) else { return Status::extended(0xFF, 0x2104) };
        let room = capacity.saturating_sub(4 + tag.len());
        if rest.len() <= room {
            tag.encode(out);
            out.extend_from_slice(rest);
            return Status::SUCCESS;
        }
        // Whole elements of elementary types, multiples of four of structures.
        let step = if tag.is_structure() { 4 } else { element };
        let len = room / step * step;
        if len == 0 {
            return Status::REPLY_TOO_LARGE;
        }
        tag.encode(out);
        out.extend_from_slice(rest.get(..len).unwrap_or_default());
        Status::PARTIAL
    }

    fn write(&mut self, target: &Target, data: &[u8], is_fragmented: bool) -> Status {
        let Ok(write) = Write::decode(data, is_fragmented) else { return Status::NOT_ENOUGH_DATA };
        if write.tag != self.data_tag(target.kind) {
            return Status::extended(0xFF, Status::TYPE_MISMATCH);
        }
        let n = usize::from(write.n_elements);
        if n == 0 || n > target.n_left {
            return Status::extended(0xFF, Status::BEYOND_END);
        }
        let size = n * self.program.layouts.size(target.kind);
        let Some(tag) = self.program.tags.get_mut(target.tag) else { return Status::PATH_UNKNOWN };
        if tag.is_read_only {
            return Status::PRIVILEGE_VIOLATION;
        }
        if let Some(bit) = target.bit {
            let (Some(byte), Some(value)) = (tag.memory.get_mut(target.offset), write.data.first()) else {
                return Status::NOT_ENOUGH_DATA;
            };
            *byte = *byte & !(1 << bit) | u8::from(*value != 0) << bit;
            return Status::SUCCESS;
        }
        let skip = write.offset.unwrap_or(0) as usize;
        let len = write.data.len();
        if !is_fragmented && len < size {
            return Status::NOT_ENOUGH_DATA;
        }
        // A structure may be padded by a client.
        let len = len.min(size.saturating_sub(skip));
        let place = tag.memory.get_mut(target.offset + skip..target.offset + skip + len);
        let (Some(place), Some(data)) = (place, write.data.get(..len)) else { return Status::TOO_MUCH_DATA };
        place.copy_from_slice(data);
        Status::SUCCESS
    }

    fn modify(&mut self, target: &Target, data: &[u8]) -> Status {
        let Ok(modify) = Modify::decode(data) else { return Status::NOT_ENOUGH_DATA };
        let size = self.program.layouts.size(target.kind);
        let has_bits = matches!(target.kind, Kind::Plain(code) if code.has_bits() || code == TypeCode::DWORD);
        if !has_bits || size != usize::from(modify.size) {
            return Status::extended(0xFF, Status::TYPE_MISMATCH);
        }
        let Some(tag) = self.program.tags.get_mut(target.tag) else { return Status::PATH_UNKNOWN };
        if tag.is_read_only {
            return Status::PRIVILEGE_VIOLATION;
        }
        let Some(place) = tag.memory.get_mut(target.offset..target.offset + size) else { return Status::PATH_UNKNOWN };
        for ((byte, and), or) in place.iter_mut().zip(modify.and.to_le_bytes()).zip(modify.or.to_le_bytes()) {
            *byte = *byte & and | or;
        }
        Status::SUCCESS
    }
}

/// Appends an answer without data.
pub(super) fn fail(service: u8, status: Status, out: &mut Vec<u8>) {
    Response { service: service & !service::ANSWER, status, data: &[] }.encode(out);
}
