//! A NodeSet2 file: read, put together, and every node of it asked for.
#![no_main]

use std::sync::Arc;
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use tagwire_hub::Hub;
use tagwire_model::ValueType;
use tagwire_ua_proto::types::NodeId;
use tagwire_ua_server::address_space::{AddressSpace, Namespaces};
use tagwire_ua_server::node_set::Import;

const HEAD: &str = "<UANodeSet><NamespaceUris><Uri>urn:m</Uri></NamespaceUris>";

fuzz_target!(|data: &[u8]| {
    let mut import = Import::new(Namespaces::DEFAULT_TAGS_URI, []);
    // Half of the inputs are whole files, the others nodes within one.
    match data.split_first() {
        Some((first, nodes)) if first % 2 == 1 => {
            import.add(&[HEAD.as_bytes(), nodes, b"</UANodeSet>"].concat());
        }
        _ => import.add(data),
    }
    let mut node_sets = import.finish();
    if !node_sets.notices().errors.is_empty() {
        return;
    }
    if let Ok(value_type) = ValueType::parse("f64") {
        let _ = node_sets.bind(NodeId::numeric(3, 1), "line1.press.speed", value_type);
    }
    let uris: Vec<String> = node_sets.namespaces().map(str::to_owned).collect();
    let namespaces = Namespaces::new("urn:fuzz", Namespaces::DEFAULT_TAGS_URI, uris.iter().map(String::as_str));
    let space = AddressSpace::with_node_sets(Arc::new(Hub::new(Instant::now())), namespaces, &node_sets);
    let snapshot = space.snapshot();
    for id in 0..32 {
        let Some(node) = snapshot.resolve(NodeId::numeric(3, id).borrowed()) else { continue };
        for segment in snapshot.references(node) {
            for reference in segment.iter() {
                assert!(snapshot.exists(reference.target));
                assert!(snapshot.reference_type(reference.type_ordinal).is_some());
            }
        }
    }
});
