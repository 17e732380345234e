//! The payload of a frame: scans with their samples.

use tagwire_model::{DataType, Value};

use crate::batch::Item;
use crate::blob;
use crate::bytes::{Reader, Short, put_signed, put_varint};
use crate::values::ColumnType;
use crate::{Reason, TagNumber};

const LATE: u8 = 1;
const SERVER_TIME: u8 = 2;
const NO_VALUE: u8 = 14;
const ARRAY: u8 = 0;
const FAR: u8 = 15;

/// A scan as it was read back.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) late: bool,
    pub(crate) time: i64,
    pub(crate) server: i64,
    pub(crate) items: Vec<Item>,
}

/// Appends a scan.
pub(crate) fn put_scan(out: &mut Vec<u8>, late: bool, (time, server): (i64, i64), items: &[Item]) {
    let flags = if late { LATE } else { 0 } | if server == 0 { 0 } else { SERVER_TIME };
    out.push(flags);
    out.extend_from_slice(&time.to_le_bytes());
    if server != 0 {
        put_signed(out, server.wrapping_sub(time));
    }
    put_varint(out, items.len() as u64);
    let is_same = |a: &Item, b: &Item| a.status == b.status && a.reason == b.reason;
    put_varint(out, items.chunk_by(is_same).count() as u64);
    for run in items.chunk_by(is_same) {
        put_varint(out, run.len() as u64);
        out.extend_from_slice(&run[0].status.to_le_bytes());
        out.push(run[0].reason as u8);
    }
    let mut before = -1_i64;
    for item in items {
        let step = i64::from(item.tag.0) - before;
        before = i64::from(item.tag.0);
        put_item(out, step, &item.value);
    }
}

#[inline]
fn put_item(out: &mut Vec<u8>, step: i64, value: &Value) {
    let bits = value.to_bits();
    let code = match (bits, value) {
        (Some((data_type, _)), _) => data_type.ua_id(),
        (None, Value::Null) => NO_VALUE,
        (None, Value::String(_)) => DataType::String.ua_id(),
        (None, Value::ByteString(_)) => DataType::ByteString.ua_id(),
        (None, _) => ARRAY,
    };
    if (1..=i64::from(FAR)).contains(&step) {
        out.push(code | ((step - 1) as u8) << 4);
    } else {
        out.push(code | FAR << 4);
        put_signed(out, step);
    }
    match bits {
        Some((data_type, bits)) => match blob::width(data_type) {
            1 => out.push(bits as u8),
            2 => out.extend_from_slice(&(bits as u16).to_le_bytes()),
            4 => out.extend_from_slice(&(bits as u32).to_le_bytes()),
            _ => out.extend_from_slice(&bits.to_le_bytes()),
        },
        None if *value == Value::Null => {}
        None => blob::put(out, value),
    }
}

/// Reads all scans of a payload.
pub(crate) fn take_scans(payload: &[u8], mut each: impl FnMut(Decoded)) -> Result<(), Short> {
    let mut reader = Reader::new(payload);
    while !reader.is_empty() {
        each(take_scan(&mut reader)?);
    }
    Ok(())
}

fn take_scan(reader: &mut Reader<'_>) -> Result<Decoded, Short> {
    let flags = reader.u8()?;
    let time = reader.i64()?;
    let server = if flags & SERVER_TIME == 0 { 0 } else { time.wrapping_add(reader.signed()?) };
    let count = reader.count(8)?;
    let n_runs = reader.count(48)?;
    let mut runs = Vec::with_capacity(n_runs);
    let mut total = 0_usize;
    for _ in 0..n_runs {
        let n = usize::try_from(reader.varint()?).map_err(|_| Short)?;
        total = total.checked_add(n).ok_or(Short)?;
        runs.push((n, reader.u32()?, Reason::from_code(reader.u8()?)));
    }
    if total != count || count > reader.len() {
        return Err(Short);
    }
    let mut items = Vec::with_capacity(count);
    let mut before = -1_i64;
    for (n, status, reason) in runs {
        for _ in 0..n {
            let head = reader.u8()?;
            let step = if head >> 4 == FAR { reader.signed()? } else { i64::from(head >> 4) + 1 };
            before = before.wrapping_add(step);
            let tag = TagNumber(u32::try_from(before).map_err(|_| Short)?);
            let value = match head & 15 {
                NO_VALUE => Value::Null,
                ARRAY => blob::take(reader, ColumnType::Array)?,
                code => blob::take_element(reader, DataType::from_ua_id(code).ok_or(Short)?)?,
            };
            items.push(Item { tag, status, reason, value });
        }
    }
    Ok(Decoded { late: flags & LATE != 0, time, server, items })
}

#[cfg(test)]
mod tests {
    use tagwire_model::{ArrayData, Dims, Timestamp};

    use super::*;

    #[test]
    fn scans_come_back_with_every_type_of_value() {
        let values = [
            Value::Boolean(true),
            Value::Int8(-5),
            Value::UInt8(200),
            Value::Int16(-300),
            Value::UInt16(60_000),
            Value::Int32(i32::MIN),
            Value::UInt32(u32::MAX),
            Value::Int64(i64::MIN),
            Value::UInt64(u64::MAX),
            Value::Float(1.5),
            Value::Double(-0.0),
            Value::DateTime(Timestamp::from_ticks(-3)),
            Value::text("pump"),
            Value::bytes(&[1, 2, 3]),
            Value::Null,
            Value::array(Dims::one(2), ArrayData::String(vec!["a".into(), "".into()])).expect("fits"),
            Value::array(Dims::new(&[2, 2]).expect("two"), ArrayData::Float(vec![1.0, 2.0, 3.0, 4.0])).expect("fits"),
        ];
        let mut items = Vec::new();
        for (idx, value) in values.iter().enumerate() {
            let tag = TagNumber([3, 4, 900, 0, 17][idx % 5] + idx as u32);
            items.push(Item { tag, status: (idx as u32 / 4) << 30, reason: Reason::Cyclic, value: value.clone() });
        }
        let mut bytes = Vec::new();
        put_scan(&mut bytes, true, (1_000, 0), &items);
        put_scan(&mut bytes, false, (i64::MAX, i64::MIN), &items[..1]);
        let mut scans = Vec::new();
        take_scans(&bytes, |scan| scans.push(scan)).expect("whole");
        assert_eq!(scans.len(), 2);
        assert!(scans[0].late && !scans[1].late);
        assert_eq!((scans[1].time, scans[1].server), (i64::MAX, i64::MIN));
        assert_eq!(scans[0].items.len(), items.len());
        for (was, is) in items.iter().zip(&scans[0].items) {
            assert!(was.value.same_as(&is.value) && was.tag == is.tag && was.status == is.status);
        }
        for len in 0..bytes.len() {
            let _ = take_scans(&bytes[..len], |_| {});
        }
    }
}
