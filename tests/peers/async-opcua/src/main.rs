//! A server to measure beside tagwire: `async-opcua-server PORT TAGS CHANGING CHILDREN`; the address space is that of
//! `open62541-server`.

use std::sync::Arc;
use std::time::Duration;

use opcua_crypto::SecurityPolicy;
use opcua_server::address_space::{AddressSpace, VariableBuilder};
use opcua_server::node_manager::memory::{SimpleNodeManager, simple_node_manager};
use opcua_server::{ANONYMOUS_USER_TOKEN_ID, ServerBuilder, ServerEndpoint, diagnostics::NamespaceMetadata};
use opcua_types::{DataTypeId, DataValue, DateTime, MessageSecurityMode, NodeId};

fn node(id: String) -> NodeId {
    NodeId::new(2, id)
}

#[tokio::main]
async fn main() {
    let words: Vec<usize> = std::env::args().skip(1).map(|word| word.parse().expect("numbers")).collect();
    let [port, tags, changing, children] = words[..] else { panic!("PORT TAGS CHANGING CHILDREN") };
    let namespace = NamespaceMetadata { namespace_uri: "urn:tagwire:tags".to_owned(), ..Default::default() };
    let anonymous = [ANONYMOUS_USER_TOKEN_ID.to_owned()];
    let endpoint = ServerEndpoint::new("/", SecurityPolicy::None, MessageSecurityMode::None, &anonymous);
    let mut builder = ServerBuilder::new()
        .application_name("bench")
        .application_uri("urn:bench")
        .product_uri("urn:bench")
        .create_sample_keypair(false)
        .host("127.0.0.1")
        .port(port as u16)
        .discovery_urls(vec![format!("opc.tcp://127.0.0.1:{port}/")])
        .add_endpoint("none", endpoint)
        .max_sessions(2000)
        .max_array_length(1_000_000)
        .max_message_size(64 << 20)
        .max_chunk_count(2000)
        .subscription_poll_interval_ms(20)
        .pki_dir(std::env::temp_dir().join(format!("bench-pki-{port}")))
        .with_node_manager(simple_node_manager(namespace, "bench"));
    let limits = builder.limits_mut();
    limits.operational.max_nodes_per_read = 10_000;
    limits.operational.max_nodes_per_write = 10_000;
    limits.operational.max_monitored_items_per_call = 10_000;
    limits.operational.max_references_per_browse_node = 100_000;
    limits.subscriptions.max_monitored_items_per_sub = 0;
    limits.subscriptions.max_queued_notifications = 0;
    limits.subscriptions.min_sampling_interval_ms = 50.0;
    limits.subscriptions.min_publishing_interval_ms = 50.0;
    limits.subscriptions.max_notifications_per_publish = 0;
    let (server, handle) = builder.build().expect("the configuration is valid");
    let manager = handle.node_managers().get_of_type::<SimpleNodeManager>().expect("it was added");
    let ids: Vec<NodeId> = (0..tags).map(|i| node(format!("Ch1.Dev{}.Tag{i}", i / 1000))).collect();
    {
        let mut space = manager.address_space().write();
        let folder = |space: &mut AddressSpace, id: &str, parent: &NodeId| {
            let made = node(id.to_owned());
            space.add_folder(&made, id, id, parent);
            made
        };
        let variable = |space: &mut AddressSpace, id: &NodeId, parent: &NodeId| {
            let name = id.to_string();
            VariableBuilder::new(id, name.as_str(), name.as_str())
                .value(0.0_f64)
                .data_type(DataTypeId::Double)
                .writable()
                .organized_by(parent.clone())
                .insert(space);
        };
        let objects = NodeId::objects_folder_id();
        let channel = folder(&mut space, "Ch1", &objects);
        let mut device = channel.clone();
        for (i, id) in ids.iter().enumerate() {
            if i % 1000 == 0 {
                device = folder(&mut space, &format!("Ch1.Dev{}", i / 1000), &channel);
            }
            variable(&mut space, id, &device);
        }
        let big = folder(&mut space, "Big", &objects);
        let dev = folder(&mut space, "Big.Dev", &big);
        for i in 0..children {
            variable(&mut space, &node(format!("Big.Dev.Tag{i}")), &dev);
        }
    }
    if changing > 0 {
        let subscriptions = Arc::clone(handle.subscriptions());
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(100));
            let mut count = 0.0;
            loop {
                tick.tick().await;
                count += 1.0;
                let now = DateTime::now();
                let values = ids[..changing].iter().map(|id| (id, None, DataValue::new_at(count, now)));
                manager.set_values(&subscriptions, values).expect("the nodes exist");
            }
        });
    }
    println!("ready");
    server.run().await.expect("the server runs");
}
