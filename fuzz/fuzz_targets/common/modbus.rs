//! The frame reader of both roles on a stream cut into pieces.

use tagwire_modbus::codec::{Expected, FrameReader, Framing, Role, encode_frame};

/// Cuts the stream into pieces, whose size is the first byte. What a frame is encoded to must be `same` as it came.
pub fn read(framing: Framing, data: &[u8], same: fn(encoded: &[u8], raw: &[u8]) -> bool) {
    let Some((&size, stream)) = data.split_first() else { return };
    let expected = [(1, 3, 6), (1, 4, 252), (1, 1, 3), (2, 16, 5)].map(|(unit, function, pdu_len)| Expected {
        unit,
        function,
        pdu_len,
    });
    for role in [Role::Client, Role::Server] {
        let mut reader = FrameReader::new(framing, role);
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
                        encode_frame(framing, frame.transaction, frame.unit, &mut out, |out| {
                            out.extend_from_slice(frame.pdu);
                        });
                        assert!(!frame.pdu.is_empty() && frame.pdu.len() <= 253);
                        assert!(same(&out, frame.raw), "{out:02X?} is not {:02X?}", frame.raw);
                    }
                    Ok(None) => break,
                    Err(_) => break 'stream,
                }
            }
        }
    }
}
