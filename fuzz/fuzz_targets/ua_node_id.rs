//! NodeIds: text and binary, owned and borrowed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagwire_ua_proto::codec::{Decode, Encode, Reader};
use tagwire_ua_proto::types::{ExpandedNodeId, NodeId, NodeIdRef};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(id) = text.parse::<NodeId>() {
            assert_eq!(id.to_string().parse(), Ok(id.clone()));
            assert_eq!(NodeId::from_bytes(&id.to_bytes()), Ok(id));
        }
    }
    if let Ok((view, bytes)) = NodeIdRef::decode_with_bytes(&mut Reader::new(data)) {
        let id = NodeId::from_bytes(bytes).expect("owned");
        assert_eq!(view, id);
        assert_eq!(view.hash64(), id.borrowed().hash64());
        assert_eq!(id.to_string(), view.to_string());
        assert_eq!(NodeId::from_bytes(&id.to_bytes()), Ok(id));
    }
    if let Ok(id) = ExpandedNodeId::decode(&mut Reader::new(data)) {
        assert_eq!(ExpandedNodeId::from_bytes(&id.to_bytes()), Ok(id.clone()));
        let _ = id.to_string();
    }
});
