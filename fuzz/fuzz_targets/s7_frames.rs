//! The frame reader on a stream cut into pieces; the first byte sets their size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_s7::codec::{FrameReader, Tpdu, encode_data};

fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else { return };
    let mut reader = FrameReader::new();
    let mut left = stream;
    'stream: while !left.is_empty() {
        let space = reader.space();
        let n = space.len().min(usize::from(size).max(1)).min(left.len());
        assert!(n > 0);
        let (piece, rest) = left.split_at(n);
        space[..n].copy_from_slice(piece);
        reader.filled(n);
        left = rest;
        loop {
            match reader.read() {
                Ok(Some(Tpdu::Data(message))) => {
                    assert!(message.len() <= FrameReader::MAX_LEN);
                    let mut out = Vec::new();
                    encode_data(128, &mut out, |out| out.extend_from_slice(message));
                    let mut again = FrameReader::new();
                    for piece in out.chunks(100) {
                        again.space()[..piece.len()].copy_from_slice(piece);
                        again.filled(piece.len());
                        if let Some(Tpdu::Data(found)) = again.read().expect("just encoded") {
                            assert_eq!(found, message);
                        }
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
});
