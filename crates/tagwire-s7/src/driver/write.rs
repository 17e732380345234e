//! Writing tags: several into one job, in the order given, each confirmed by a code of its own.

use tagwire_driver::{LinkError, Refusal};
use tagwire_model::{Status, Value};

use super::exchange::Event;
use super::pack::Packer;
use super::{S7Driver, status};
use crate::codec::{AnswerBody, Pointer, ReturnCode, WriteItem, encode_write};
use crate::form::Form;
use crate::item::{Item, unit_bytes};

/// A part of a value on its way.
#[derive(Debug)]
struct Piece {
    tag: u32,
    pointer: Pointer,
    data: Vec<u8>,
}

impl S7Driver {
    pub(super) async fn write_items(
        &mut self,
        device: usize,
        writes: &[(u32, Value)],
        results: &mut Vec<Result<(), Refusal>>,
    ) -> Result<(), LinkError> {
        self.begin()?;
        let limits = self.limits();
        let mut job: Vec<Piece> = Vec::new();
        let mut packer = Packer::new(limits, true);
        for (tag, value) in writes {
            let item = self.devices.get(device).and_then(|device| device.items.get(*tag as usize)).copied();
            let Some(item) = item else {
                self.write_job(&mut job, results).await?;
                results.push(Err(status::refused(Status::BAD_CONFIGURATION_ERROR, "tag is not on this link")));
                continue;
            };
            let pieces = if item.form.has_text_header() {
                // Its header is read first, and what was written before must be there by then.
                self.write_job(&mut job, results).await?;
                self.text_pieces(*tag, &item, value).await?
            } else {
                pieces(*tag, &item, value)
            };
            match pieces {
                Ok(mut pieces) if pieces.len() == 1 && pieces[0].data.len() <= limits.write_len() => {
                    let n_bytes = pieces[0].data.len();
                    // A pulse of two values stays two jobs.
                    let is_pulse = job.iter().any(|piece| piece.tag == *tag);
                    let is_alone = self.writes_single_items || is_pulse;
                    if !job.is_empty() && (is_alone || !packer.take(n_bytes)) {
                        self.write_job(&mut job, results).await?;
                    }
                    if job.is_empty() {
                        packer = Packer::new(limits, true);
                        packer.take(n_bytes);
                    }
                    job.append(&mut pieces);
                }
                Ok(pieces) => {
                    self.write_job(&mut job, results).await?;
                    let result = self.write_long(&item, pieces).await?;
                    results.push(result);
                }
                Err(refusal) => {
                    self.write_job(&mut job, results).await?;
                    results.push(Err(refusal));
                }
            }
        }
        self.write_job(&mut job, results).await
    }

    /// Writes the pieces of one job, each the whole of a value, and notes what became of each.
    async fn write_job(
        &mut self,
        job: &mut Vec<Piece>,
        results: &mut Vec<Result<(), Refusal>>,
    ) -> Result<(), LinkError> {
        if job.is_empty() {
            return Ok(());
        }
        let pieces = std::mem::take(job);
        let mut codes = self.confirmed(&pieces).await?;
        if pieces.len() > 1 {
            let codes = codes.as_mut().map_or(Vec::new(), std::mem::take);
            // A server that knows no writes of several items carries out the first one only.
            self.writes_single_items |= !codes.is_empty() && codes.len() < pieces.len();
            results.extend(codes.iter().take(pieces.len()).map(|code| outcome(*code)));
            for piece in pieces.into_iter().skip(codes.len()) {
                let alone = self.confirmed(std::slice::from_ref(&piece)).await?;
                results.push(single(alone));
            }
            return Ok(());
        }
        results.push(single(codes));
        Ok(())
    }

    /// Writes a value that takes several jobs; stops at the first refusal.
    async fn write_long(&mut self, item: &Item, pieces: Vec<Piece>) -> Result<Result<(), Refusal>, LinkError> {
        let n_unit = unit_bytes(item.area);
        let most = self.limits().write_len() / n_unit * n_unit;
        let group = (item.form.n_bytes() as usize).max(1);
        let step = if group <= most { most / group * group } else { most };
        for piece in pieces {
            for (idx, part) in piece.data.chunks(step.max(1)).enumerate() {
                let pointer = if item.form == Form::Bit && piece.data.len() <= step {
                    piece.pointer
                } else {
                    let first = idx * step / n_unit;
                    let unit = if item.area.is_words() { 1 } else { 8 };
                    Pointer {
                        at: piece.pointer.at + first as u32 * unit,
                        count: (part.len() / n_unit) as u16,
                        ..piece.pointer
                    }
                };
                let part = Piece { tag: piece.tag, pointer, data: part.to_vec() };
                if let Err(refusal) = single(self.confirmed(std::slice::from_ref(&part)).await?) {
                    return Ok(Err(refusal));
                }
            }
        }
        Ok(Ok(()))
    }

    /// The pieces of a text whose header in the CPU says how long it may become.
    async fn text_pieces(
        &mut self,
        tag: u32,
        item: &Item,
        value: &Value,
    ) -> Result<Result<Vec<Piece>, Refusal>, LinkError> {
        let mut data = vec![0; item.n_bytes()];
        let n_elements = item.value_type.dims.n_elements().unwrap_or(1) as usize;
        let (header, step) = (if matches!(item.form, Form::String(_)) { 2 } else { 4 }, item.form.n_bytes() as usize);
        // A text alone needs its header only; an array is read as a whole and written so.
        let n_read = if item.value_type.is_scalar() { header } else { n_elements * step };
        match self.read_raw(item.area, item.block, item.start, n_read as u32).await? {
            Ok(now) => {
                if let Some((place, now)) = data.get_mut(..now.len()).zip(Some(now)) {
                    place.copy_from_slice(&now);
                }
            }
            Err(refusal) => return Ok(Err(refusal)),
        }
        let used = match item.encode(value, &mut data) {
            Ok(used) => used,
            Err(error) => return Ok(Err(status::from_conversion(error))),
        };
        data.truncate(used);
        let pointer = Pointer::units(item.area, item.block, item.start, used as u16);
        Ok(Ok(vec![Piece { tag, pointer, data }]))
    }

    /// Sends a write and gives the code of each item; the refusal when the whole job was refused.
    async fn confirmed(&mut self, pieces: &[Piece]) -> Result<Result<Vec<ReturnCode>, Refusal>, LinkError> {
        let items: Vec<WriteItem<'_>> =
            pieces.iter().map(|piece| WriteItem { pointer: piece.pointer, data: &piece.data }).collect();
        self.exchange.send(0, |reference, out| encode_write(reference, &items, out));
        loop {
            self.flush().await?;
            if let Some(Event::Answer { answer, .. }) = self.exchange.next()? {
                return Ok(match answer.map(|answer| answer.body) {
                    Ok(AnswerBody::Write(codes)) if !codes.is_empty() => {
                        Ok(codes.iter().map(|code| ReturnCode(*code)).collect())
                    }
                    Ok(AnswerBody::Refused(error)) => Err(status::from_error(error)),
                    Ok(_) => Err(status::malformed("answer is not that of the job")),
                    Err(error) => Err(status::malformed(format!("answer is malformed: {error}"))),
                });
            }
            self.receive().await?;
        }
    }
}

fn outcome(code: ReturnCode) -> Result<(), Refusal> {
    if code == ReturnCode::SUCCESS { Ok(()) } else { Err(status::from_code(code)) }
}

/// The outcome of a job with one item.
fn single(codes: Result<Vec<ReturnCode>, Refusal>) -> Result<(), Refusal> {
    match codes?.as_slice() {
        [code] => outcome(*code),
        codes => Err(status::malformed(format!("answer has codes of {} items instead of 1", codes.len()))),
    }
}

/// The pieces of a value: one, except for an array of bits, whose bytes hold other bits at both ends.
fn pieces(tag: u32, item: &Item, value: &Value) -> Result<Vec<Piece>, Refusal> {
    if !item.is_writable {
        return Err(status::refused(Status::BAD_NOT_WRITABLE, "peripheral inputs cannot be written"));
    }
    if item.form == Form::Bit {
        let bits = item.bits(value).map_err(status::from_conversion)?;
        return Ok(bit_pieces(tag, item, &bits));
    }
    let mut data = vec![0; item.n_bytes()];
    let used = item.encode(value, &mut data).map_err(status::from_conversion)?;
    data.truncate(used);
    let count = used / unit_bytes(item.area);
    Ok(vec![Piece { tag, pointer: Pointer::units(item.area, item.block, item.start, count as u16), data }])
}

/// Single bits up to the first whole byte, whole bytes, single bits behind them.
fn bit_pieces(tag: u32, item: &Item, bits: &[bool]) -> Vec<Piece> {
    let first = usize::from(item.bit);
    let lead = (8 - first) % 8;
    let lead = if bits.len() < lead { bits.len() } else { lead };
    let (head, rest) = bits.split_at(lead);
    let (bytes, tail) = rest.split_at(rest.len() / 8 * 8);
    let single = |(idx, on): (usize, &bool)| Piece { tag, pointer: item.bit_pointer(idx), data: vec![u8::from(*on)] };
    let mut pieces: Vec<Piece> = head.iter().enumerate().map(single).collect();
    if !bytes.is_empty() {
        let data: Vec<u8> = bytes
            .chunks_exact(8)
            .map(|byte| byte.iter().rev().fold(0, |packed, on| packed << 1 | u8::from(*on)))
            .collect();
        let start = item.start + ((first + lead) / 8) as u32;
        let pointer = Pointer::units(item.area, item.block, start, data.len() as u16);
        pieces.push(Piece { tag, pointer, data });
    }
    pieces.extend(tail.iter().enumerate().map(|(idx, on)| single((lead + bytes.len() + idx, on))));
    pieces
}
