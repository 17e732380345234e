//! Doors for the fuzzer: decoders without the checksums that would keep it out.

use std::sync::Arc;

use crate::sealed::{Entry, PageHead, decode_column, decode_times};
use crate::storage::Storage as _;
use crate::values::ColumnType;
use crate::wal::{replay, take_scans};
use crate::{CrashDisk, Samples, imports_from_bytes};

/// Decodes times and a column. The first bytes choose the type, the count of samples and rows, and where to cut.
pub fn block(data: &[u8]) {
    let [code, n_low, n_high, rows_low, rows_high, cut, rest @ ..] = data else { return };
    let Some(column_type) = ColumnType::from_code(code % 16) else { return };
    let n = u32::from(u16::from_le_bytes([*n_low, *n_high]));
    let n_rows = u32::from(u16::from_le_bytes([*rows_low, *rows_high]));
    let (times, column) = rest.split_at(rest.len().min(usize::from(*cut)));
    let _ = PageHead::read(rest);
    let _ = Entry::read(rest);
    let rows = decode_times(times, n_rows);
    if let Ok((times, servers)) = &rows {
        assert!(times.len() == n_rows as usize && servers.as_ref().is_none_or(|all| all.len() == times.len()));
    }
    // Columns are tried with plain rows, too: good times are rare among random bytes.
    let plain = ((0..i64::from(n_rows.min(60_000))).collect(), None);
    for times in rows.ok().iter().chain([&plain]) {
        if let Ok(samples) = decode_column(column, column_type, n, 0, times) {
            check(&samples, n as usize);
        }
    }
}

fn check(samples: &Samples, n: usize) {
    assert!(samples.times.len() == n && samples.server_times.len() == n && samples.statuses.len() == n);
    assert!(samples.reasons.len() == n && samples.values.len() == n);
    assert!(samples.missing.is_empty() || samples.missing.len() == n);
}

/// Reads a file of the log, and the same bytes as the payload of a frame and as an import.
pub fn log(data: &[u8]) {
    if let Ok(imports) = imports_from_bytes(data) {
        let n: usize = imports.iter().map(|import| import.samples.len()).sum();
        assert!(n + imports.len() <= data.len(), "every sample and every tag takes a byte");
    }
    let mut n = 0;
    let _ = take_scans(data, |scan| n += scan.items.len());
    assert!(n <= data.len(), "every sample takes a byte");
    let disk = Arc::new(CrashDisk::new());
    let written = disk.open("0000000001.wal", true).and_then(|file| file.write_at(0, data));
    if written.is_ok() {
        let _ = replay(&*disk, 0, |frame| {
            assert!(frame.payload.len() <= data.len());
            Ok(())
        });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn spoilt_bytes_do_no_harm() {
        let mut rng = fastrand::Rng::with_seed(9);
        for len in 0..3_000 {
            let mut data: Vec<u8> = (0..len % 300).map(|_| rng.u8(..)).collect();
            super::block(&data);
            super::log(&data);
            // Lengths and counts that are small lead further in.
            data.iter_mut().for_each(|byte| *byte %= 8);
            super::block(&data);
            super::log(&data);
        }
    }
}
