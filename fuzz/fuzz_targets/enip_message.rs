//! Every decoder of EtherNet/IP: nothing panics, and what decodes encodes to the same bytes where a form is unique.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_enip::codec::connection::{ForwardClose, ForwardOpen, Opened, decode_unconnected_send, route_of};
use tagwire_enip::codec::cpf::Carried;
use tagwire_enip::codec::frame::FrameReader;
use tagwire_enip::codec::identity::{Identity, decode_list};
use tagwire_enip::codec::message::{Request, Response};
use tagwire_enip::codec::tag::{Modify, Read, Write, decode_read};
use tagwire_enip::codec::template::{Attributes, Definition};
use tagwire_enip::codec::types::TypeCode;
use tagwire_enip::codec::{packet, path, symbol};

fuzz_target!(|data: &[u8]| {
    let mut out = Vec::new();
    if let Ok(request) = Request::decode(data) {
        request.encode(&mut out);
        assert_eq!(out, data);
        path::segments(request.path).for_each(drop);
    }
    let _ = Response::decode(data).map(|response| response.status.to_string());
    if let Ok(messages) = packet::decode(data) {
        assert!(messages.map(<[u8]>::len).all(|len| len <= data.len()));
    }
    for segment in path::segments(data).flatten() {
        let mut again = Vec::new();
        segment.encode(&mut again);
        assert_eq!(path::segments(&again).next(), Some(Ok(segment)));
    }
    let _ = Carried::decode(data);
    let _ = (ForwardOpen::decode(0x54, data), ForwardOpen::decode(0x5B, data), ForwardClose::decode(data));
    let _ = (Opened::decode(data), decode_unconnected_send(data), route_of(data));
    let _ = (Identity::decode(data), decode_list(data), symbol::decode_page(data));
    let _ = (decode_read(data), Read::decode(data, true), Write::decode(data, true), Modify::decode(data));
    let _ = Attributes::decode(data);
    if let Some((&n, rest)) = data.split_first() {
        let _ = Definition::decode(rest, n.into()).map(|definition| definition.is_string());
        if let Some((value, len)) = TypeCode(n.into()).decode(rest) {
            assert!(len <= rest.len());
            let mut again = Vec::new();
            TypeCode(n.into()).encode(&value, &mut again).expect("it came from there");
            assert_eq!(again.len(), len);
        }
    }
    let mut reader = FrameReader::new();
    for piece in data.chunks(97) {
        reader.space()[..piece.len()].copy_from_slice(piece);
        reader.filled(piece.len());
        while let Ok(Some(frame)) = reader.next_frame() {
            assert!(frame.data.len() <= data.len());
        }
    }
});
