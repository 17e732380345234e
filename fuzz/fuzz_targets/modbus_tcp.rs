//! The frame reader of both roles on a stream cut into pieces; the first byte sets their size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_modbus::codec::{Expected, FrameReader, Framing, Role, encode_frame};

fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else { return };
    let expected = [(1, 3, 6), (1, 4, 252), (1, 1, 3), (2, 16, 5)].map(|(unit, function, pdu_len)| Expected {
        unit,
        function,
        pdu_len,
    });
    for role in [Role::Client, Role::Server] {
        let mut reader = FrameReader::new(Framing::Tcp, role);
        let mut left = stream;
        'stream: while !left.is_empty() {
            // A reader that waits for more always has room for it, though maybe not for a whole piece.
            let space = reader.space();
            let n = space.len().min(usize::from(size).max(1)).min(left.len());
            assert!(n > 0);
            let (piece, rest) = left.split_at(n);
            space[..n].copy_from_slice(piece);
            reader.filled(n);
            left = rest;
            loop {
                match reader.next(&expected) {
                    Ok(Some(frame)) => {
                        let mut out = Vec::new();
                        encode_frame(Framing::Tcp, frame.transaction, frame.unit, &mut out, |out| {
                            out.extend_from_slice(frame.pdu);
                        });
                        assert!(!frame.pdu.is_empty() && frame.pdu.len() <= 253);
                        assert_eq!(out, frame.raw);
                    }
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
        }
    }
});
