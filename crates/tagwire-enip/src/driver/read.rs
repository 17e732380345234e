//! Reading blocks: packets, fragments, whole structures, and what follows from their answers.

use std::time::Duration;

use tagwire_driver::{Block, LinkError, Readings, Refusal};
use tagwire_model::{Status as Quality, Value};
use tokio::time::Instant;

use super::device::{Device, UploadState};
use super::request::{Ask, Serves};
use super::{EnipDriver, status};
use crate::codec::message::{Request, Response};
use crate::codec::tag::{DataTag, Read, decode_read};
use crate::codec::types::TypeCode;
use crate::codec::{Status, packet, service};
use crate::decode::Elements;
use crate::encode::Known;
use crate::item::Form;
use crate::upload::{Field, change_request};

/// What became of a packet.
enum Verdict {
    /// Every request has its outcome; these are to be asked alone, in fragments.
    Done(Vec<Ask>),
    /// The program changed, or the controller takes no packets: nothing of the answer counts.
    Again,
}

/// Most passes over the blocks of one call: each begins after something new was learned about the controller.
const MAX_PASSES: usize = 6;
/// Most bytes of one value.
const MAX_VALUE: usize = 16 << 20;

impl EnipDriver {
    pub(super) async fn read_blocks(&mut self, blocks: &[Block], readings: &mut Readings) -> Result<(), LinkError> {
        self.begin().await?;
        let mut devices: Vec<usize> = blocks.iter().map(|block| block.device).collect();
        devices.dedup();
        for device in devices {
            let wanted: Vec<usize> =
                (0..).zip(blocks).filter(|(_, b)| b.device == device).map(|(idx, _)| idx).collect();
            self.read_device(device, blocks, wanted, readings).await?;
            self.continue_upload(device).await;
        }
        Ok(())
    }

    pub(super) async fn read_device(
        &mut self,
        device: usize,
        blocks: &[Block],
        mut wanted: Vec<usize>,
        readings: &mut Readings,
    ) -> Result<(), LinkError> {
        for pass in 0..MAX_PASSES {
            if wanted.is_empty() {
                return Ok(());
            }
            if let Err(refusal) = self.ensure_circuit(device).await? {
                refuse(&wanted, &refusal, readings);
                return Ok(());
            }
            let Some(known) = self.devices.get(device) else { break };
            let asks = known.asks(blocks, &wanted, pass < 3);
            let had_program = known.program.is_some();
            wanted = Vec::new();
            let mut rest = &asks[..];
            let mut long: Vec<Ask> = Vec::new();
            while let Some(first) = rest.first() {
                let Some(known) = self.devices.get(device) else { break };
                let (n, has_check) = known.fit(rest);
                let (packed, behind) = rest.split_at(n);
                if n == 0 {
                    long.push(first.clone());
                    rest = rest.get(1..).unwrap_or_default();
                    continue;
                }
                let verdict = self.packet(device, packed, has_check, blocks, &mut wanted, readings).await?;
                let is_again = matches!(verdict, Verdict::Again);
                if let Verdict::Done(alone) = verdict {
                    long.extend(alone);
                    rest = behind;
                }
                // What was asked for by number or as a structure is put together anew when the program is gone.
                let is_lost = had_program && self.devices.get(device).is_none_or(|known| known.program.is_none());
                if is_again || is_lost {
                    wanted.extend(long.drain(..).chain(rest.iter().cloned()).flat_map(|ask| ask.blocks()));
                    break;
                }
            }
            for ask in long {
                self.fragments(device, &ask, blocks, &mut wanted, readings).await?;
            }
        }
        refuse(&wanted, &status::refused(Quality::BAD_RESOURCE_UNAVAILABLE, "program changes all the time"), readings);
        Ok(())
    }

    /// Asks for several things at once.
    async fn packet(
        &mut self,
        device: usize,
        asks: &[Ask],
        has_check: bool,
        blocks: &[Block],
        wanted: &mut Vec<usize>,
        readings: &mut Readings,
    ) -> Result<Verdict, LinkError> {
        let Some(known) = self.devices.get(device) else { return Ok(Verdict::Again) };
        let is_single = asks.len() == 1 && !has_check;
        self.message.clear();
        let message = &mut self.message;
        if let (true, Some(ask)) = (is_single, asks.first()) {
            encode(known, ask, blocks, None, message);
        } else {
            let head = Request { service: service::MULTIPLE_SERVICE_PACKET, path: &packet::PATH, data: &[] };
            head.encode(message);
            packet::encode(message, asks.len() + usize::from(has_check), |idx, out| match asks.get(idx) {
                Some(ask) => encode(known, ask, blocks, None, out),
                // The counters come last, so that everything before them was read under the same program.
                None => change_request(out),
            });
        }
        if let Err(refusal) = self.transact(device).await? {
            asks.iter().for_each(|ask| refuse(&ask.blocks(), &refusal, readings));
            return Ok(Verdict::Done(Vec::new()));
        }
        let Self { wire, devices, name, .. } = self;
        let Some(known) = devices.get_mut(device) else { return Ok(Verdict::Again) };
        let refuse_all = |refusal: Refusal, readings: &mut Readings| {
            asks.iter().for_each(|ask| refuse(&ask.blocks(), &refusal, readings));
            Ok(Verdict::Done(Vec::new()))
        };
        let response = match Response::decode(wire.exchange.answer()) {
            Ok(response) => response,
            Err(error) => return refuse_all(status::malformed(error.to_string()), readings),
        };
        let mut alone = Vec::new();
        if let (true, Some(ask)) = (is_single, asks.first()) {
            settle(known, ask, &response, service::READ_TAG, blocks, wanted, readings, &mut alone);
            return Ok(Verdict::Done(alone));
        }
        if response.service != service::MULTIPLE_SERVICE_PACKET {
            return refuse_all(status::malformed("answer is not that of the request"), readings);
        }
        match response.status {
            Status { general: 0x00 | 0x1E, .. } => {}
            Status { general: 0x08, .. } => {
                known.packs = false;
                return Ok(Verdict::Again);
            }
            Status { general: 0x06 | 0x11, .. } => return Ok(Verdict::Done(asks.to_vec())),
            said => return refuse_all(status::from_status(said, false), readings),
        }
        let answers: Vec<&[u8]> = match packet::decode(response.data) {
            Ok(answers) => answers.collect(),
            Err(error) => return refuse_all(status::malformed(error.to_string()), readings),
        };
        if answers.len() != asks.len() + usize::from(has_check) {
            return refuse_all(status::malformed("packet has another number of answers than of requests"), readings);
        }
        if has_check {
            let now = answers.last().and_then(|answer| Response::decode(answer).ok());
            let known_fingerprint = known.program.as_ref().map(|program| program.fingerprint.as_slice());
            let is_same = now.is_some_and(|now| now.status.is_success() && Some(now.data) == known_fingerprint);
            if !is_same {
                tracing::info!(link = %name, "the controller's program changed, its tag list is read anew");
                known.forget_program();
                return Ok(Verdict::Again);
            }
        }
        for (ask, answer) in asks.iter().zip(answers) {
            match Response::decode(answer) {
                Ok(response) => {
                    settle(known, ask, &response, service::READ_TAG, blocks, wanted, readings, &mut alone);
                }
                Err(error) => refuse(&ask.blocks(), &status::malformed(error.to_string()), readings),
            }
        }
        Ok(Verdict::Done(alone))
    }

    /// Asks for one thing in as many parts as it takes.
    async fn fragments(
        &mut self,
        device: usize,
        ask: &Ask,
        blocks: &[Block],
        wanted: &mut Vec<usize>,
        readings: &mut Readings,
    ) -> Result<(), LinkError> {
        let mut data: Vec<u8> = Vec::new();
        let mut tag: Option<DataTag> = None;
        loop {
            let Some(known) = self.devices.get(device) else { return Ok(()) };
            if matches!(ask.serves, Serves::Group(..)) && known.program.is_none() {
                wanted.extend(ask.blocks());
                return Ok(());
            }
            self.message.clear();
            encode(known, ask, blocks, Some(data.len() as u32), &mut self.message);
            if let Err(refusal) = self.transact(device).await? {
                refuse(&ask.blocks(), &refusal, readings);
                return Ok(());
            }
            let malformed = match Response::decode(self.wire.exchange.answer()) {
                Err(error) => error.to_string(),
                Ok(response) if response.service != service::READ_TAG_FRAGMENTED => {
                    "answer is not that of the request".to_owned()
                }
                Ok(response) if !matches!(response.status.general, 0 | 0x06) => {
                    refuse(&ask.blocks(), &status::from_status(response.status, false), readings);
                    return Ok(());
                }
                Ok(response) => match decode_read(response.data) {
                    Err(error) => error.to_string(),
                    Ok((found, _)) if tag.is_some_and(|tag| tag != found) => {
                        "type changed between two parts".to_owned()
                    }
                    Ok((found, part)) => {
                        tag = Some(found);
                        data.extend_from_slice(part);
                        if response.status.is_success() {
                            break;
                        }
                        if part.is_empty() || data.len() > MAX_VALUE {
                            "value has no end".to_owned()
                        } else {
                            continue;
                        }
                    }
                },
            };
            refuse(&ask.blocks(), &status::malformed(malformed), readings);
            return Ok(());
        }
        if let (Some(known), Some(tag)) = (self.devices.get_mut(device), tag) {
            deliver(known, ask, tag, &data, blocks, wanted, readings);
        }
        Ok(())
    }

    /// Goes on with the upload of a controller's tag list for a moment, now that the values are read. No failure of it
    /// concerns the values.
    async fn continue_upload(&mut self, device: usize) {
        /// Longest time that values may wait for an upload, as far as it depends on us.
        const MOMENT: Duration = Duration::from_millis(100);
        let started = self.now();
        loop {
            let Some(known) = self.devices.get_mut(device) else { return };
            let room = known.room().1;
            match &known.upload {
                UploadState::Wanted if !known.tags.is_empty() => {}
                UploadState::Failed(until) if *until <= started => {}
                UploadState::Running(_) => {}
                _ => return,
            }
            let mut upload = match std::mem::replace(&mut known.upload, UploadState::Asking) {
                UploadState::Running(upload) => upload,
                before => match known.begin_upload(Instant::now()) {
                    Some(upload) => upload,
                    None => {
                        known.upload = before;
                        return;
                    }
                },
            };
            if let Some(member) = &known.member {
                member.go_on(Instant::now());
            }
            self.message.clear();
            if !upload.request(room, &mut self.message) {
                let n_tags = known.take_upload(*upload);
                tracing::debug!(link = %self.name, tags = n_tags, "tag list uploaded");
                return;
            }
            let outcome = match self.transact(device).await {
                Ok(Ok(())) => match Response::decode(self.wire.exchange.answer()) {
                    Ok(response) => upload.answer(&response).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                },
                Ok(Err(refusal)) => Err(refusal.to_string()),
                Err(error) => {
                    // Some devices end the session over such a request: the next call begins with a new one.
                    self.is_stale = true;
                    Err(error.to_string())
                }
            };
            let now = self.now();
            let Some(known) = self.devices.get_mut(device) else { return };
            match outcome {
                Ok(()) => known.upload = UploadState::Running(upload),
                Err(error) => {
                    tracing::debug!(link = %self.name, %error, "no tag list, tags are asked for by name");
                    known.fail_upload(now + Self::UPLOAD_PAUSE * 10);
                    return;
                }
            }
            if now.saturating_sub(started) > MOMENT {
                return;
            }
        }
    }
}

impl Ask {
    fn blocks(&self) -> Vec<usize> {
        match &self.serves {
            Serves::Block(block) => vec![*block],
            Serves::Group(_, blocks) => blocks.clone(),
        }
    }
}

fn refuse(blocks: &[usize], refusal: &Refusal, readings: &mut Readings) {
    readings.answers.extend(blocks.iter().map(|block| (*block, Err(refusal.clone()))));
}

/// Appends one request; with an offset a fragmented one.
fn encode(known: &Device, ask: &Ask, blocks: &[Block], offset: Option<u32>, out: &mut Vec<u8>) {
    let program = known.program.as_ref().filter(|_| ask.is_numbered && offset.is_none());
    let path = match &ask.serves {
        // Without the change counters beside it, only a name is safe.
        Serves::Block(block) => blocks.get(*block).map(|block| known.path(program, block)),
        Serves::Group(group, _) => known.program.as_ref().and_then(|p| p.groups.get(*group)).map(|group| &*group.path),
    };
    let service = if offset.is_some() { service::READ_TAG_FRAGMENTED } else { service::READ_TAG };
    Request { service, path: path.unwrap_or_default(), data: &[] }.encode(out);
    Read { n_elements: ask.range.1, offset }.encode(out);
}

/// Takes in the answer to one request.
#[expect(clippy::too_many_arguments, reason = "one answer with all that it may lead to")]
fn settle(
    known: &mut Device,
    ask: &Ask,
    response: &Response<'_>,
    service: u8,
    blocks: &[Block],
    wanted: &mut Vec<usize>,
    readings: &mut Readings,
    alone: &mut Vec<Ask>,
) {
    if response.service != service {
        return refuse(&ask.blocks(), &status::malformed("answer is not that of the request"), readings);
    }
    match response.status {
        said if said.is_success() => match decode_read(response.data) {
            Ok((tag, data)) => deliver(known, ask, tag, data, blocks, wanted, readings),
            Err(error) => refuse(&ask.blocks(), &status::malformed(error.to_string()), readings),
        },
        // More than was thought: the parts are asked for one by one.
        Status { general: 0x06 | 0x11, .. } => alone.push(ask.clone()),
        said if matches!(ask.serves, Serves::Group(..)) => {
            // The members may be there although their structure is not as it was.
            tracing::debug!(%said, "a structure cannot be read whole");
            known.forget_program();
            wanted.extend(ask.blocks());
        }
        said => refuse(&ask.blocks(), &status::from_status(said, false), readings),
    }
}

/// Makes values of data.
fn deliver(
    known: &mut Device,
    ask: &Ask,
    tag: DataTag,
    data: &[u8],
    blocks: &[Block],
    wanted: &mut Vec<usize>,
    readings: &mut Readings,
) {
    match &ask.serves {
        Serves::Block(idx) => {
            let Some(block) = blocks.get(*idx) else { return };
            if tag.code == TypeCode::BOOL && unpack(known, block) {
                wanted.push(*idx);
                return;
            }
            let elements = Elements { tag, data, n: ask.range.1.into() };
            let size = elements.size();
            let is_whole = elements.is_whole(known.structure_size(block, tag));
            for number in &block.tags {
                let Some(one) = known.tags.get_mut(*number as usize) else { continue };
                if !is_whole {
                    note(block.device, *number, Err(Quality::BAD_DECODING_ERROR), readings);
                    continue;
                }
                one.known = Some(Known { tag, size });
                let own = one.item.start.checked_sub(ask.range.0).and_then(|at| elements.skip(at));
                // A plan of older settings may hold a tag that has moved since.
                let value = own.ok_or(Quality::BAD_WAITING_FOR_INITIAL_DATA).and_then(|own| one.item.decode(own));
                note(block.device, *number, value, readings);
            }
            readings.answers.push((*idx, Ok(())));
        }
        Serves::Group(group, members) => {
            let structure = known.program.as_ref().and_then(|program| program.groups.get(*group));
            let fits = structure.is_some_and(|structure| {
                let attributes = structure.template.attributes;
                tag == DataTag::structure(attributes.handle) && data.len() == attributes.structure_size as usize
            });
            if !fits {
                known.forget_program();
                wanted.extend_from_slice(members);
                return;
            }
            for idx in members {
                let Some(block) = blocks.get(*idx) else { continue };
                for number in &block.tags {
                    let value = member(known, *number, data);
                    note(block.device, *number, value, readings);
                }
                readings.answers.push((*idx, Ok(())));
            }
        }
    }
}

/// The value of a tag inside a structure that was read whole.
fn member(known: &mut Device, number: u32, data: &[u8]) -> Result<Value, Quality> {
    let number = number as usize;
    let spot = known.program.as_ref().and_then(|program| program.spots.get(number));
    let (_, offset, field) = spot.and_then(|spot| spot.group).ok_or(Quality::BAD_WAITING_FOR_INITIAL_DATA)?;
    let tag = known.tags.get_mut(number).ok_or(Quality::BAD_WAITING_FOR_INITIAL_DATA)?;
    let rest = data.get(offset..).ok_or(Quality::BAD_DECODING_ERROR)?;
    match field {
        Field::Bit(bit) => {
            let own = DataTag::plain(TypeCode::BOOL);
            tag.known = Some(Known { tag: own, size: 1 });
            let on = rest.first().ok_or(Quality::BAD_DECODING_ERROR)? >> bit & 1;
            tag.item.decode(Elements { tag: own, data: &[on], n: 1 })
        }
        Field::Elements { tag: own, size, n } => {
            tag.known = Some(Known { tag: own, size });
            let n = n.min(tag.item.len);
            let data = rest.get(..size * n as usize).ok_or(Quality::BAD_DECODING_ERROR)?;
            tag.item.decode(Elements { tag: own, data, n })
        }
    }
}

fn note(device: usize, number: u32, value: Result<Value, Quality>, readings: &mut Readings) {
    match value {
        Ok(value) => readings.values.push((device, number, value, None)),
        Err(quality) => readings.failed.push((device, number, quality)),
    }
}

/// Notes that arrays of BOOL are not packed after all; returns whether that was news for a tag of the block.
fn unpack(known: &mut Device, block: &Block) -> bool {
    let mut is_news = false;
    for number in &block.tags {
        if let Some(tag) = known.tags.get_mut(*number as usize)
            && matches!(tag.item.form, Form::Packed(_))
        {
            tag.unpack();
            is_news = true;
        }
    }
    is_news
}
