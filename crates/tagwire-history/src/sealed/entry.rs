//! What a footer tells of one column: where it lies and what it sums up to.

use crate::TagNumber;
use crate::bytes::{Reader, Short};
use crate::values::ColumnType;

/// One tag's part of one page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) tag: TagNumber,
    pub(crate) column_type: ColumnType,
    pub(crate) late: bool,
    pub(crate) all_good: bool,
    pub(crate) summed: bool,
    pub(crate) n: u32,
    pub(crate) n_good: u32,
    pub(crate) page_at: u64,
    pub(crate) times_at: u32,
    pub(crate) times_len: u32,
    pub(crate) times_crc: u32,
    pub(crate) column_at: u32,
    pub(crate) column_len: u32,
    pub(crate) column_crc: u32,
    pub(crate) n_rows: u32,
    pub(crate) first_row: u32,
    pub(crate) first_no: u64,
    pub(crate) end_no: u64,
    pub(crate) t_first: i64,
    pub(crate) t_last: i64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    pub(crate) t_min: i64,
    pub(crate) t_max: i64,
    pub(crate) first_bits: u64,
    pub(crate) last_bits: u64,
    pub(crate) first_status: u32,
    pub(crate) last_status: u32,
    pub(crate) group: u32,
    /// Whether the lowest and the highest number occur again; `None` when that is not known.
    pub(crate) repeated: Option<(bool, bool)>,
    /// Areas below lines and below steps between the samples, in value times seconds; only when all are Good numbers.
    pub(crate) areas: Option<(f64, f64)>,
}

/// Bytes of an entry.
pub(crate) const ENTRY_LEN: usize = 176;
/// Bytes of an entry of version 1, which has no areas.
pub(crate) const ENTRY_LEN_1: usize = 160;

impl Entry {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let flags = u8::from(self.late)
            | u8::from(self.all_good) << 1
            | u8::from(self.summed) << 2
            | u8::from(self.areas.is_some()) << 3
            | u8::from(self.repeated.is_some()) << 5
            | u8::from(self.repeated.is_some_and(|repeated| repeated.0)) << 6
            | u8::from(self.repeated.is_some_and(|repeated| repeated.1)) << 7;
        out.extend_from_slice(&self.tag.0.to_le_bytes());
        out.extend_from_slice(&[self.column_type.code(), flags, 0, 0]);
        out.extend_from_slice(&self.n.to_le_bytes());
        out.extend_from_slice(&self.n_good.to_le_bytes());
        out.extend_from_slice(&self.page_at.to_le_bytes());
        for number in [
            self.times_at,
            self.times_len,
            self.times_crc,
            self.column_at,
            self.column_len,
            self.column_crc,
            self.n_rows,
            self.first_row,
        ] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.first_no.to_le_bytes());
        out.extend_from_slice(&self.end_no.to_le_bytes());
        out.extend_from_slice(&self.t_first.to_le_bytes());
        out.extend_from_slice(&self.t_last.to_le_bytes());
        [self.sum, self.min, self.max].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.extend_from_slice(&self.t_min.to_le_bytes());
        out.extend_from_slice(&self.t_max.to_le_bytes());
        out.extend_from_slice(&self.first_bits.to_le_bytes());
        out.extend_from_slice(&self.last_bits.to_le_bytes());
        for number in [self.first_status, self.last_status, self.group] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let (sloped, stepped) = self.areas.unwrap_or_default();
        out.extend_from_slice(&sloped.to_le_bytes());
        out.extend_from_slice(&stepped.to_le_bytes());
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Reads an entry of any version, which its length tells, and whose checksum fits.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Short> {
        let (content, crc) = bytes.split_last_chunk::<4>().ok_or(Short)?;
        let is_first = bytes.len() == ENTRY_LEN_1;
        if crc32c::crc32c(content) != u32::from_le_bytes(*crc) {
            return Err(Short);
        }
        let mut reader = Reader::new(content);
        let tag = TagNumber(reader.u32()?);
        let column_type = ColumnType::from_code(reader.u8()?).ok_or(Short)?;
        let flags = reader.u8()?;
        reader.u16()?;
        let mut entry = Self {
            tag,
            column_type,
            late: flags & 1 != 0,
            all_good: flags & 2 != 0,
            summed: flags & 4 != 0,
            n: reader.u32()?,
            n_good: reader.u32()?,
            page_at: reader.u64()?,
            times_at: reader.u32()?,
            times_len: reader.u32()?,
            times_crc: reader.u32()?,
            column_at: reader.u32()?,
            column_len: reader.u32()?,
            column_crc: reader.u32()?,
            n_rows: reader.u32()?,
            first_row: reader.u32()?,
            first_no: reader.u64()?,
            end_no: reader.u64()?,
            t_first: reader.i64()?,
            t_last: reader.i64()?,
            sum: reader.f64()?,
            min: reader.f64()?,
            max: reader.f64()?,
            t_min: reader.i64()?,
            t_max: reader.i64()?,
            first_bits: reader.u64()?,
            last_bits: reader.u64()?,
            first_status: reader.u32()?,
            last_status: reader.u32()?,
            group: reader.u32()?,
            repeated: None,
            areas: None,
        };
        if !is_first {
            let areas = (reader.f64()?, reader.f64()?);
            entry.areas = (flags & 8 != 0).then_some(areas);
            entry.repeated = (flags & 32 != 0).then_some((flags & 64 != 0, flags & 128 != 0));
        }
        Ok(entry)
    }

    /// Orders samples of the same time: a late one came after all others of its time in blocks begun before it came.
    pub(crate) const fn rank(&self) -> u64 {
        if self.late { self.end_no } else { self.first_no }
    }

    /// In a footer: by tag, then time, then number.
    pub(crate) const fn order(&self) -> (u32, i64, u64) {
        (self.tag.0, self.t_first, self.first_no)
    }
}
