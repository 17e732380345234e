//! Writing values: packed into one message where they fit, in fragments where one does not.

use tagwire_driver::{Block, LinkError, Readings, Refusal};
use tagwire_model::{Status as Quality, Value};

use super::{EnipDriver, status};
use crate::codec::message::{Request, Response};
use crate::codec::tag::{DataTag, Modify, Write};
use crate::codec::{Status, packet, service};
use crate::encode::Encoded;
use crate::item::Form;

/// A write under way.
enum Job {
    /// Settled before anything was sent.
    Settled(Result<(), Refusal>),
    /// These requests, which all must work.
    Requests(Vec<Vec<u8>>),
    /// More than one message holds.
    Long { path: Vec<u8>, tag: DataTag, n: u16, data: Vec<u8> },
}

impl EnipDriver {
    pub(super) async fn write_items(
        &mut self,
        device: usize,
        writes: &[(u32, Value)],
        results: &mut Vec<Result<(), Refusal>>,
    ) -> Result<(), LinkError> {
        self.begin().await?;
        if let Err(refusal) = self.ensure_circuit(device).await? {
            results.extend(writes.iter().map(|_| Err(refusal.clone())));
            return Ok(());
        }
        let first = results.len();
        for (tag, value) in writes {
            let job = self.job(device, *tag, value).await?;
            // Settled at the end of each batch, so that order is kept: a batch is what one packet holds.
            let result = match job {
                Job::Settled(result) => Pending::Settled(result),
                Job::Requests(requests) => Pending::Requests(requests),
                Job::Long { path, tag, n, data } => {
                    self.settle_pending(device, results).await?;
                    Pending::Settled(self.write_fragments(device, &path, tag, n, &data).await?)
                }
            };
            self.queue(device, result, results).await?;
        }
        self.settle_pending(device, results).await?;
        // A type that the controller did not take may be one of an older program.
        for (idx, (tag, value)) in writes.iter().enumerate() {
            let is_mismatch = matches!(results.get(first + idx), Some(Err(refusal))
                if refusal.status == Quality::BAD_TYPE_MISMATCH && refusal.divisible);
            if is_mismatch {
                if let Some(known) = self.devices.get_mut(device).and_then(|known| known.tags.get_mut(*tag as usize)) {
                    known.known = None;
                }
                if let Job::Requests(requests) = self.job(device, *tag, value).await? {
                    let mut again = Vec::new();
                    self.queue(device, Pending::Requests(requests), &mut again).await?;
                    self.settle_pending(device, &mut again).await?;
                    if let (Some(place), Some(result)) = (results.get_mut(first + idx), again.pop()) {
                        *place = result;
                    }
                }
            }
        }
        Ok(())
    }

    /// What a write consists of; asks the controller for the tag's type where it is not known yet.
    async fn job(&mut self, device: usize, tag: u32, value: &Value) -> Result<Job, LinkError> {
        let settled = |quality, reason| Ok(Job::Settled(Err(status::refused(quality, reason))));
        let known = |driver: &Self| driver.devices.get(device)?.tags.get(tag as usize)?.known;
        if known(self).is_none() {
            let block = Block { device, area: 0, start: 0, len: 0, tags: vec![tag] };
            let mut readings = Readings::default();
            self.read_device(device, std::slice::from_ref(&block), vec![0], &mut readings).await?;
            if let Some((_, Err(refusal))) = readings.answers.pop() {
                // Some tags may only be written: then their type is what was declared.
                let guess = self.devices.get(device).and_then(|known| known.tags.get(tag as usize)?.item.guess());
                let Some(guess) = guess.filter(|_| refusal.status == Quality::BAD_NOT_READABLE) else {
                    return Ok(Job::Settled(Err(refusal)));
                };
                if let Some(one) = self.devices.get_mut(device).and_then(|known| known.tags.get_mut(tag as usize)) {
                    one.known = Some(guess);
                }
            }
        }
        let Some(elements) = known(self) else {
            return settled(Quality::BAD_CONFIGURATION_ERROR, "type of the tag is not known");
        };
        let Some((room, one)) =
            self.devices.get(device).and_then(|known| Some((known.room().0, known.tags.get(tag as usize)?)))
        else {
            return settled(Quality::BAD_CONFIGURATION_ERROR, "tag is not on this link");
        };
        let encoded = match one.item.encode(value, elements) {
            Ok(encoded) => encoded,
            Err(error) => return Ok(Job::Settled(Err(status::from_conversion(error)))),
        };
        Ok(match encoded {
            Encoded::Elements { tag, n, data } => {
                if 2 + one.path.len() + tag.len() + 2 + data.len() > room {
                    return Ok(Job::Long { path: one.path.to_vec(), tag, n, data });
                }
                let mut request = Vec::new();
                Request { service: service::WRITE_TAG, path: &one.path, data: &[] }.encode(&mut request);
                Write { tag, n_elements: n, offset: None, data: &data }.encode(&mut request);
                Job::Requests(vec![request])
            }
            Encoded::Bits(bits) => {
                Job::Requests(bits.iter().map(|(at, modify)| bit_request(&one.item, *at, modify)).collect())
            }
        })
    }

    async fn write_fragments(
        &mut self,
        device: usize,
        path: &[u8],
        tag: DataTag,
        n: u16,
        data: &[u8],
    ) -> Result<Result<(), Refusal>, LinkError> {
        let room = self.devices.get(device).map_or(0, |known| known.room().0);
        let step = room.saturating_sub(2 + path.len() + tag.len() + 6) / 8 * 8;
        if step == 0 {
            return Ok(Err(status::refused(
                Quality::BAD_CONFIGURATION_ERROR,
                "connection is too small for the address",
            )));
        }
        for (idx, part) in data.chunks(step).enumerate() {
            self.message.clear();
            Request { service: service::WRITE_TAG_FRAGMENTED, path, data: &[] }.encode(&mut self.message);
            Write { tag, n_elements: n, offset: Some((idx * step) as u32), data: part }.encode(&mut self.message);
            if let Err(refusal) = self.transact(device).await? {
                return Ok(Err(refusal));
            }
            if let Err(refusal) = outcome(self.wire.exchange.answer(), service::WRITE_TAG_FRAGMENTED) {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(()))
    }

    /// Puts a write behind those that wait for their packet; sends the packet when it is full.
    async fn queue(
        &mut self,
        device: usize,
        pending: Pending,
        results: &mut Vec<Result<(), Refusal>>,
    ) -> Result<(), LinkError> {
        let Some(known) = self.devices.get(device) else { return Ok(()) };
        let (room, packs) = (known.room().0, known.packs);
        let size = |requests: &[Vec<u8>]| requests.iter().map(|request| request.len() + 2).sum::<usize>();
        if let Pending::Requests(requests) = &pending {
            let waiting: usize = self.pending.iter().map(|one| one.requests().map_or(0, size)).sum();
            let is_full = packet::OVERHEAD + waiting + size(requests) > room;
            if is_full || !packs {
                self.settle_pending(device, results).await?;
            }
        }
        self.pending.push(pending);
        Ok(())
    }

    /// Sends what waits and notes one result for each write.
    async fn settle_pending(&mut self, device: usize, results: &mut Vec<Result<(), Refusal>>) -> Result<(), LinkError> {
        let pending = std::mem::take(&mut self.pending);
        let requests: Vec<&Vec<u8>> = pending.iter().filter_map(Pending::requests).flatten().collect();
        let mut outcomes: Vec<Result<(), Refusal>> = Vec::with_capacity(requests.len());
        let packs = self.devices.get(device).is_some_and(|known| known.packs);
        if packs && requests.len() > 1 {
            self.message.clear();
            let path = &packet::PATH;
            Request { service: service::MULTIPLE_SERVICE_PACKET, path, data: &[] }.encode(&mut self.message);
            packet::encode(&mut self.message, requests.len(), |idx, out| {
                out.extend_from_slice(requests.get(idx).map_or(&[], |request| request.as_slice()));
            });
            match self.transact(device).await? {
                Err(refusal) => outcomes.resize(requests.len(), Err(refusal)),
                Ok(()) => match packet_outcomes(self.wire.exchange.answer(), &requests) {
                    Some(found) => outcomes = found,
                    None => {
                        if let Some(known) = self.devices.get_mut(device) {
                            known.packs = false;
                        }
                    }
                },
            }
        }
        if outcomes.len() < requests.len() {
            for request in &requests {
                self.message.clear();
                self.message.extend_from_slice(request);
                let service = request.first().copied().unwrap_or(0);
                outcomes.push(match self.transact(device).await? {
                    Err(refusal) => Err(refusal),
                    Ok(()) => outcome(self.wire.exchange.answer(), service),
                });
            }
        }
        let mut outcomes = outcomes.into_iter();
        for one in &pending {
            results.push(match one {
                Pending::Settled(result) => result.clone(),
                Pending::Requests(requests) => {
                    let own: Vec<_> = outcomes.by_ref().take(requests.len()).collect();
                    own.into_iter().collect()
                }
            });
        }
        Ok(())
    }
}

/// A write in its place in the order.
pub(super) enum Pending {
    Settled(Result<(), Refusal>),
    Requests(Vec<Vec<u8>>),
}

impl Pending {
    fn requests(&self) -> Option<&[Vec<u8>]> {
        match self {
            Self::Requests(requests) => Some(requests),
            Self::Settled(_) => None,
        }
    }
}

/// A change of bits in the element `at` behind the first one of an item.
fn bit_request(item: &crate::item::Item, at: u32, modify: &Modify) -> Vec<u8> {
    let address = match item.form {
        Form::Packed(_) => item.address.with_last_index(item.start + at),
        _ => item.wire_address(),
    };
    let (mut path, mut request, mut data) = (Vec::new(), Vec::new(), Vec::new());
    address.encode(&mut path);
    modify.encode(&mut data);
    Request { service: service::READ_MODIFY_WRITE_TAG, path: &path, data: &data }.encode(&mut request);
    request
}

/// Whether a write worked.
fn outcome(answer: &[u8], service: u8) -> Result<(), Refusal> {
    match Response::decode(answer) {
        Err(error) => Err(status::malformed(error.to_string())),
        Ok(response) if response.service != service => Err(status::malformed("answer is not that of the request")),
        Ok(response) if response.status.is_success() => Ok(()),
        Ok(response) => Err(status::from_status(response.status, true)),
    }
}

/// The outcomes of a packet; `None` when the controller takes no packets.
fn packet_outcomes(answer: &[u8], requests: &[&Vec<u8>]) -> Option<Vec<Result<(), Refusal>>> {
    let all = |refusal: Refusal| Some(vec![Err(refusal); requests.len()]);
    let response = match Response::decode(answer) {
        Ok(response) if response.service == service::MULTIPLE_SERVICE_PACKET => response,
        Ok(_) => return all(status::malformed("answer is not that of the request")),
        Err(error) => return all(status::malformed(error.to_string())),
    };
    match response.status {
        Status { general: 0x00 | 0x1E, .. } => {}
        Status { general: 0x08, .. } => return None,
        said => return all(status::from_status(said, true)),
    }
    let Ok(answers) = packet::decode(response.data).map(Iterator::collect::<Vec<_>>) else {
        return all(status::malformed("packet cannot be taken apart"));
    };
    if answers.len() != requests.len() {
        return all(status::malformed("packet has another number of answers than of requests"));
    }
    let service = |request: &Vec<u8>| request.first().copied().unwrap_or(0);
    Some(answers.iter().zip(requests).map(|(answer, request)| outcome(answer, service(request))).collect())
}
