//! How a part of a column becomes bytes.

use std::sync::Arc;

use pco::data_types::Number;
use pco::{ChunkConfig, DeltaSpec};
use tagwire_model::{DataType, Value};

use super::order::{Distance, order};
use crate::blob;
use crate::bytes::{Reader, Short, put_blob, put_varint};
use crate::hot::{NO_VALUE, Run};
use crate::values::{ColumnType, Values};

pub(super) const NOTHING: u8 = 0;
pub(super) const CONSTANT: u8 = 1;
pub(super) const PCO: u8 = 2;
pub(super) const ZSTD: u8 = 3;
pub(super) const BITS: u8 = 4;
pub(super) const BOOL_RUNS: u8 = 5;
pub(super) const RUNS: u8 = 6;
pub(super) const NO_SERVER_TIME: u8 = 7;
const VERSION: u8 = 1;
const PCO_LEVEL: usize = 4;
const ZSTD_LEVEL: i32 = 3;
/// Longest text of one block, so that a few bytes cannot ask for all memory.
const MAX_UNPACKED: usize = 1 << 30;

/// Bytes that no writer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

impl From<Short> for Corrupt {
    fn from(_: Short) -> Self {
        Self
    }
}

/// Bytes of one part and how they are to be read.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) codec: u8,
    pub(super) bytes: Vec<u8>,
}

impl Part {
    pub(super) const fn nothing() -> Self {
        Self { codec: NOTHING, bytes: Vec::new() }
    }
}

pub(super) fn put_parts(out: &mut Vec<u8>, parts: &[Part]) {
    for part in parts {
        out.extend_from_slice(&[part.codec, VERSION]);
        out.extend_from_slice(&(part.bytes.len() as u32).to_le_bytes());
    }
    parts.iter().for_each(|part| out.extend_from_slice(&part.bytes));
}

pub(super) fn take_parts<const N: usize>(bytes: &[u8]) -> Result<[(u8, &[u8]); N], Corrupt> {
    let mut reader = Reader::new(bytes);
    let mut heads = [(0_u8, 0_usize); N];
    for head in &mut heads {
        let (codec, version) = (reader.u8()?, reader.u8()?);
        if version != VERSION {
            return Err(Corrupt);
        }
        *head = (codec, reader.u32()? as usize);
    }
    let mut parts = [(0_u8, &[][..]); N];
    for (part, (codec, len)) in parts.iter_mut().zip(heads) {
        *part = (codec, reader.take(len)?);
    }
    if reader.is_empty() { Ok(parts) } else { Err(Corrupt) }
}

/// How numbers are packed whose differences are taken in this way.
pub(super) fn config(order: DeltaSpec) -> ChunkConfig {
    ChunkConfig::default().with_compression_level(PCO_LEVEL).with_delta_spec(order).with_enable_8_bit(true)
}

fn compress<T: Number + Distance>(numbers: &[T]) -> Result<Part, Corrupt> {
    let bytes = pco::standalone::simple_compress(numbers, &config(order(numbers))).map_err(|_| Corrupt)?;
    Ok(Part { codec: PCO, bytes })
}

fn decompress<T: Number + Default>(bytes: &[u8], n: usize) -> Result<Vec<T>, Corrupt> {
    let mut numbers = vec![T::default(); n];
    let progress = pco::standalone::simple_decompress_into(bytes, &mut numbers).map_err(|_| Corrupt)?;
    if progress.n_processed == n { Ok(numbers) } else { Err(Corrupt) }
}

pub(super) fn encode_i64(numbers: &[i64]) -> Result<Part, Corrupt> {
    match numbers.first() {
        Some(first) if numbers.iter().all(|number| number == first) => {
            Ok(Part { codec: CONSTANT, bytes: first.to_le_bytes().to_vec() })
        }
        _ => compress(numbers),
    }
}

pub(super) fn decode_i64(codec: u8, bytes: &[u8], n: usize) -> Result<Vec<i64>, Corrupt> {
    match codec {
        CONSTANT => Ok(vec![Reader::new(bytes).i64()?; n]),
        PCO => decompress(bytes, n),
        _ => Err(Corrupt),
    }
}

pub(super) fn encode_rows(rows: &[u16]) -> Result<Part, Corrupt> {
    compress(rows)
}

pub(super) fn decode_rows(bytes: &[u8], n: usize) -> Result<Vec<u16>, Corrupt> {
    decompress(bytes, n)
}

pub(super) fn encode_runs(runs: &[Run]) -> Part {
    let mut bytes = Vec::with_capacity(1 + runs.len() * 7);
    put_varint(&mut bytes, runs.len() as u64);
    for run in runs {
        put_varint(&mut bytes, u64::from(run.n));
        bytes.extend_from_slice(&run.status.to_le_bytes());
        bytes.push(run.flags);
    }
    Part { codec: RUNS, bytes }
}

/// Runs that are `n` long together.
pub(super) fn decode_runs(codec: u8, bytes: &[u8], n: usize) -> Result<Vec<Run>, Corrupt> {
    if codec != RUNS {
        return Err(Corrupt);
    }
    let mut reader = Reader::new(bytes);
    let count = reader.count(48)?;
    let mut runs = Vec::with_capacity(count);
    let mut total = 0_u64;
    for _ in 0..count {
        let len = u32::try_from(reader.varint()?).map_err(|_| Corrupt)?;
        total += u64::from(len);
        runs.push(Run { n: len, status: reader.u32()?, flags: reader.u8()? });
    }
    if total == n as u64 && reader.is_empty() { Ok(runs) } else { Err(Corrupt) }
}

pub(super) fn n_values(runs: &[Run]) -> usize {
    runs.iter().filter(|run| run.flags & NO_VALUE == 0).map(|run| run.n as usize).sum()
}

/// The values of a column; what no codec takes is an error, and the page stays where it is.
pub(super) fn encode_values(values: &Values) -> Result<Part, Corrupt> {
    macro_rules! numbers {
        ($v:expr, $wide:ident: $type:ty => $bits:expr) => {
            match $v.first() {
                None => Ok(Part::nothing()),
                Some(first) => {
                    let bits = |value: &$type| -> u64 {
                        let $wide = *value;
                        $bits
                    };
                    let first = bits(first);
                    if $v.iter().all(|value| bits(value) == first) {
                        Ok(Part { codec: CONSTANT, bytes: first.to_le_bytes().to_vec() })
                    } else {
                        compress($v)
                    }
                }
            }
        };
    }
    match values {
        Values::Boolean(v) => Ok(encode_booleans(v)),
        Values::Int8(v) => numbers!(v, x: i8 => x as u64),
        Values::UInt8(v) => numbers!(v, x: u8 => u64::from(x)),
        Values::Int16(v) => numbers!(v, x: i16 => x as u64),
        Values::UInt16(v) => numbers!(v, x: u16 => u64::from(x)),
        Values::Int32(v) => numbers!(v, x: i32 => x as u64),
        Values::UInt32(v) => numbers!(v, x: u32 => u64::from(x)),
        Values::Int64(v) | Values::DateTime(v) => numbers!(v, x: i64 => x as u64),
        Values::UInt64(v) => numbers!(v, x: u64 => x),
        Values::Float(v) => numbers!(v, x: f32 => u64::from(x.to_bits())),
        Values::Double(v) => numbers!(v, x: f64 => x.to_bits()),
        Values::String(v) => encode_blobs(v.iter().map(|text| text.as_bytes())),
        Values::ByteString(v) => encode_blobs(v.iter().map(|bytes| &bytes[..])),
        Values::Array(v) => encode_blobs(v.iter().map(blob::content)),
    }
}

fn encode_booleans(values: &[bool]) -> Part {
    let mut runs = vec![u8::from(values.first().copied().unwrap_or(false))];
    let bits_len = values.len().div_ceil(8);
    let mut n = 0_u64;
    for (idx, value) in values.iter().enumerate() {
        n += 1;
        if values.get(idx + 1) != Some(value) {
            put_varint(&mut runs, n);
            n = 0;
            if runs.len() > bits_len {
                break;
            }
        }
    }
    if runs.len() <= bits_len {
        return Part { codec: BOOL_RUNS, bytes: runs };
    }
    let mut bytes = vec![0_u8; bits_len];
    values.iter().enumerate().filter(|(_, value)| **value).for_each(|(idx, _)| bytes[idx / 8] |= 1 << (idx % 8));
    Part { codec: BITS, bytes }
}

fn encode_blobs<B: AsRef<[u8]>>(blobs: impl Iterator<Item = B>) -> Result<Part, Corrupt> {
    let mut plain = Vec::new();
    blobs.for_each(|bytes| put_blob(&mut plain, bytes.as_ref()));
    let mut bytes = (plain.len() as u64).to_le_bytes().to_vec();
    if plain.len() > MAX_UNPACKED {
        return Err(Corrupt);
    }
    bytes.extend_from_slice(&zstd::bulk::compress(&plain, ZSTD_LEVEL).map_err(|_| Corrupt)?);
    Ok(Part { codec: ZSTD, bytes })
}

pub(super) fn decode_values(codec: u8, bytes: &[u8], column_type: ColumnType, n: usize) -> Result<Values, Corrupt> {
    if n == 0 {
        return Ok(Values::empty(column_type));
    }
    let ColumnType::Scalar(data_type) = column_type else {
        return decode_blobs(codec, bytes, column_type, n);
    };
    macro_rules! numbers {
        ($variant:ident, $bits:ident => $value:expr) => {
            Ok(Values::$variant(match codec {
                CONSTANT => {
                    let $bits = Reader::new(bytes).u64()?;
                    vec![$value; n]
                }
                PCO => decompress(bytes, n)?,
                _ => return Err(Corrupt),
            }))
        };
    }
    match data_type {
        DataType::Boolean => decode_booleans(codec, bytes, n).map(Values::Boolean),
        DataType::Int8 => numbers!(Int8, bits => bits as i8),
        DataType::UInt8 => numbers!(UInt8, bits => bits as u8),
        DataType::Int16 => numbers!(Int16, bits => bits as i16),
        DataType::UInt16 => numbers!(UInt16, bits => bits as u16),
        DataType::Int32 => numbers!(Int32, bits => bits as i32),
        DataType::UInt32 => numbers!(UInt32, bits => bits as u32),
        DataType::Int64 => numbers!(Int64, bits => bits as i64),
        DataType::UInt64 => numbers!(UInt64, bits => bits),
        DataType::DateTime => numbers!(DateTime, bits => bits as i64),
        DataType::Float => numbers!(Float, bits => f32::from_bits(bits as u32)),
        DataType::Double => numbers!(Double, bits => f64::from_bits(bits)),
        DataType::String | DataType::ByteString => decode_blobs(codec, bytes, column_type, n),
    }
}

fn decode_booleans(codec: u8, bytes: &[u8], n: usize) -> Result<Vec<bool>, Corrupt> {
    match codec {
        BITS if bytes.len() == n.div_ceil(8) => Ok((0..n).map(|idx| bytes[idx / 8] >> (idx % 8) & 1 == 1).collect()),
        BOOL_RUNS => {
            let mut reader = Reader::new(bytes);
            let mut value = reader.u8()? != 0;
            let mut values = Vec::with_capacity(n);
            while values.len() < n {
                let len = usize::try_from(reader.varint()?).map_err(|_| Corrupt)?;
                if len == 0 || len > n - values.len() {
                    return Err(Corrupt);
                }
                values.resize(values.len() + len, value);
                value = !value;
            }
            if reader.is_empty() { Ok(values) } else { Err(Corrupt) }
        }
        _ => Err(Corrupt),
    }
}

fn decode_blobs(codec: u8, bytes: &[u8], column_type: ColumnType, n: usize) -> Result<Values, Corrupt> {
    if codec != ZSTD {
        return Err(Corrupt);
    }
    let mut reader = Reader::new(bytes);
    let len = usize::try_from(reader.u64()?).map_err(|_| Corrupt)?;
    let packed = reader.take(reader.len())?;
    // A thousandth is about the best that zstd does for a block, and a writer never exceeds the limit.
    if len > MAX_UNPACKED || len / 40_000 > packed.len() {
        return Err(Corrupt);
    }
    let plain = zstd::bulk::decompress(packed, len).map_err(|_| Corrupt)?;
    let mut reader = Reader::new(&plain);
    let mut values = Values::empty(column_type);
    let mut last: Option<Arc<str>> = None;
    for _ in 0..n {
        let value = blob::take(&mut reader, column_type)?;
        // Texts that do not change share one allocation.
        match (&value, &last) {
            (Value::String(text), Some(before)) if text == before => values.push(&Value::String(before.clone())),
            (Value::String(text), _) => {
                last = Some(text.clone());
                values.push(&value);
            }
            _ => values.push(&value),
        }
    }
    if reader.is_empty() { Ok(values) } else { Err(Corrupt) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(values: &Values) -> usize {
        let part = encode_values(values).expect("encodes");
        let back = decode_values(part.codec, &part.bytes, values.column_type(), values.len())
            .unwrap_or_else(|_| panic!("{:?} {}", values.column_type(), values.len()));
        let same = (0..values.len()).all(|idx| values.value(idx).same_as(&back.value(idx)));
        assert!(same && back.len() == values.len(), "{:?}", values.column_type());
        part.bytes.len()
    }

    #[test]
    fn every_type_comes_back_bit_for_bit() {
        let mut rng = fastrand::Rng::with_seed(3);
        for n in [0, 1, 2, 7, 300, 4096] {
            round_trip(&Values::Boolean((0..n).map(|_| rng.bool()).collect()));
            round_trip(&Values::Boolean((0..n).map(|idx| idx / 90 % 2 == 0).collect()));
            round_trip(&Values::Int8((0..n).map(|_| rng.i8(..)).collect()));
            round_trip(&Values::UInt8((0..n).map(|_| rng.u8(..)).collect()));
            round_trip(&Values::Int16((0..n).map(|_| rng.i16(..)).collect()));
            round_trip(&Values::UInt16((0..n).map(|_| rng.u16(..)).collect()));
            round_trip(&Values::Int32((0..n).map(|_| rng.i32(..)).collect()));
            round_trip(&Values::UInt32((0..n).map(|_| rng.u32(..)).collect()));
            round_trip(&Values::Int64((0..n).map(|_| rng.i64(..)).collect()));
            round_trip(&Values::UInt64((0..n).map(|_| rng.u64(..)).collect()));
            round_trip(&Values::DateTime((0..n).map(|_| rng.i64(..)).collect()));
            round_trip(&Values::Float((0..n).map(|_| f32::from_bits(rng.u32(..))).collect()));
            round_trip(&Values::Double((0..n).map(|_| f64::from_bits(rng.u64(..))).collect()));
            round_trip(&Values::Double(vec![f64::NAN; n]));
            round_trip(&Values::Double(vec![-0.0; n]));
            round_trip(&Values::String((0..n).map(|idx| Arc::from(format!("text {}", idx / 3))).collect()));
            round_trip(&Values::ByteString((0..n).map(|idx| Arc::from(vec![1; idx % 9])).collect()));
        }
    }

    #[test]
    fn what_never_changes_takes_few_bytes() {
        assert!(round_trip(&Values::Int32(vec![7; 4096])) <= 8);
        assert!(round_trip(&Values::Boolean(vec![true; 4096])) <= 3);
        assert!(round_trip(&Values::String(vec![Arc::from("running"); 4096])) < 64);
    }

    #[test]
    fn spoilt_bytes_are_refused_or_decoded_but_never_harm() {
        let mut rng = fastrand::Rng::with_seed(4);
        for values in [
            Values::Double((0..500).map(|idx| f64::from(idx) * 0.1).collect()),
            Values::Boolean((0..500).map(|idx| idx % 3 == 0).collect()),
            Values::String((0..500).map(|idx| Arc::from(format!("{idx}"))).collect()),
        ] {
            let part = encode_values(&values).expect("encodes");
            for _ in 0..2_000 {
                let mut bytes = part.bytes.clone();
                for _ in 0..rng.usize(1..4) {
                    let at = rng.usize(..bytes.len());
                    bytes[at] ^= 1 << rng.u8(..8);
                }
                bytes.truncate(rng.usize(..=bytes.len()));
                let _ = decode_values(part.codec, &bytes, values.column_type(), values.len());
            }
        }
    }
}
