//! Members of structures through the driver and its supervisor, with a server made of memory, on a simulated clock.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::supervised::{ms, start};
use common::{Server, Values, link};
use tagwire_driver::testing::Recorder;
use tagwire_driver::{DeviceSettings, LinkSpec};
use tagwire_model::{Status, TagId, Value};
use tagwire_ua_client::{NodeId, Structure, Structured, TypeNode};
use tokio::time::sleep;

fn node(id: u32) -> NodeId {
    NodeId::new(2, id)
}

/// The body of a definition of plain fields: name, number of a type of namespace 0 or, from 100 on, of namespace 2.
fn defined(encoding: u32, fields: &[(&str, u32)]) -> TypeNode {
    let put = |bytes: &mut Vec<u8>, id: u32| {
        bytes.push(2);
        bytes.extend(if id >= 100 { 2_u16 } else { 0 }.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    };
    let mut bytes = Vec::new();
    put(&mut bytes, encoding);
    put(&mut bytes, 22);
    bytes.extend(0_i32.to_le_bytes());
    bytes.extend(i32::try_from(fields.len()).expect("few").to_le_bytes());
    for (name, data_type) in fields {
        bytes.extend(i32::try_from(name.len()).expect("short").to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.push(0);
        put(&mut bytes, *data_type);
        bytes.extend((-1_i32).to_le_bytes());
        bytes.extend((-1_i32).to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.push(0);
    }
    TypeNode { name: "Motor".to_owned(), definition: Some(Arc::from(bytes)), parent: None }
}

/// A server with a structure of the type 101 in the variable `m`: two UInt32.
fn plant() -> Arc<Server> {
    let server = Server::new(Values::Clock);
    set(&server, "ns=2;s=m", 1_101, &[7, 0, 0, 0, 8, 0, 0, 0]);
    server.data_types.lock().expect("types").insert("ns=2;s=m".to_owned(), node(101));
    define(&server, 101, &[("x", 7), ("y", 7)]);
    server
}

fn define(server: &Server, id: u32, fields: &[(&str, u32)]) {
    server.types.lock().expect("types").insert(node(id), defined(id + 1_000, fields));
}

fn set(server: &Server, name: &str, encoding: u32, body: &[u8]) {
    let structure = Structured::One(Structure { encoding: node(encoding), body: Arc::from(body) });
    server.structures.lock().expect("structures").insert(name.to_owned(), structure);
}

fn tags(members: &[&str]) -> LinkSpec {
    let mut addresses: Vec<String> =
        members.iter().map(|member| format!("member {member} of nsu=urn:plant;s=m")).collect();
    addresses.push("nsu=urn:plant;s=other".to_owned());
    link(&[addresses])
}

fn seen(recorder: &Recorder, tag: u32) -> (Value, Status) {
    let seen = recorder.seen(TagId(tag));
    (seen.value, seen.status.code())
}

fn good(number: u32) -> (Value, Status) {
    (Value::UInt32(number), Status::GOOD)
}

#[tokio::test(start_paused = true)]
async fn members_share_one_item_and_a_wrong_one_is_bad_alone() {
    let server = plant();
    let (_link, recorder) = start(tags(&["x", "y", "z"]), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(7), good(8)));
    assert_eq!(seen(&recorder, 2).1, Status::BAD_CONFIGURATION_ERROR);
    assert_eq!(seen(&recorder, 3).1, Status::GOOD, "its neighbour");
    assert_eq!(server.n_items(), 2);
    set(&server, "ns=2;s=m", 1_101, &[9, 0, 0, 0, 8, 0, 0, 0]);
    sleep(ms(500)).await;
    assert_eq!(seen(&recorder, 0), good(9));
    assert_eq!(recorder.seen(TagId(0)).n_turned_bad, 0);
    // The definition has the member from now on; the value has it, too.
    define(&server, 101, &[("x", 7), ("z", 7)]);
    sleep(ms(4_000)).await;
    assert_eq!(seen(&recorder, 2), good(8), "asked for again");
}

#[tokio::test(start_paused = true)]
async fn members_are_read_where_nothing_is_watched() {
    let server = plant();
    server.refuses_feeds.store(true, Ordering::SeqCst);
    let (_link, recorder) = start(tags(&["x", "y"]), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(7), good(8)));
}

#[tokio::test(start_paused = true)]
async fn a_value_of_a_type_that_derives_from_the_declared_one_is_followed() {
    for way in 0..2 {
        let server = plant();
        define(&server, 102, &[("x", 7), ("y", 7), ("more", 7)]);
        if way == 0 {
            server.encodings.lock().expect("encodings").insert(node(1_102), node(102));
        } else {
            server.subtypes.lock().expect("subtypes").insert(node(101), vec![node(103), node(102)]);
        }
        let (_link, recorder) = start(tags(&["x", "y"]), std::slice::from_ref(&server));
        sleep(ms(1_000)).await;
        set(&server, "ns=2;s=m", 1_102, &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
        sleep(ms(1_000)).await;
        assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(1), good(2)), "{way}");
        set(&server, "ns=2;s=m", 1_999, &[1, 0, 0, 0]);
        sleep(ms(1_000)).await;
        assert_eq!(seen(&recorder, 0).1, Status::BAD_CONFIGURATION_ERROR, "an encoding of nobody");
        assert_eq!(seen(&recorder, 2).1, Status::GOOD, "its neighbour");
        set(&server, "ns=2;s=m", 1_101, &[7, 0, 0, 0, 8, 0, 0, 0]);
        sleep(ms(1_000)).await;
        assert_eq!(seen(&recorder, 0), good(7));
    }
}

#[tokio::test(start_paused = true)]
async fn another_definition_after_a_restart_is_followed() {
    let server = plant();
    let (_link, recorder) = start(tags(&["x", "y"]), std::slice::from_ref(&server));
    sleep(ms(1_000)).await;
    define(&server, 101, &[("before", 7), ("y", 7), ("x", 7)]);
    set(&server, "ns=2;s=m", 1_101, &[1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]);
    server.restart();
    sleep(ms(5_000)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(3), good(2)));
}

#[tokio::test(start_paused = true)]
async fn types_that_are_not_told_and_bodies_that_lie_leave_the_neighbours_good() {
    let many: Vec<(String, u32)> = (0..10_001).map(|n| (format!("f{n}"), 7)).collect();
    let many: Vec<(&str, u32)> = many.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    let cases: [(&[(&str, u32)], Status); 5] = [
        (&[("x", 7), ("y", 7), ("w", 7)], Status::BAD_DECODING_ERROR),
        (&[("x", 7)], Status::BAD_DECODING_ERROR),
        (&[("x", 101), ("y", 7)], Status::BAD_DECODING_ERROR),
        (&many, Status::BAD_CONFIGURATION_ERROR),
        (&[("x", 150), ("y", 7)], Status::BAD_CONFIGURATION_ERROR),
    ];
    for (fields, expected) in cases {
        let server = plant();
        define(&server, 101, fields);
        let (_link, recorder) = start(tags(&["x"]), std::slice::from_ref(&server));
        sleep(ms(2_000)).await;
        assert_eq!(seen(&recorder, 0).1, expected, "{} fields", fields.len());
        assert_eq!(seen(&recorder, 1).1, Status::GOOD, "its neighbour");
        assert!(server.n_type_requests.load(Ordering::SeqCst) < 20, "asked seldom");
        define(&server, 101, &[("x", 7), ("y", 7)]);
        sleep(ms(5_000)).await;
        assert_eq!(seen(&recorder, 0), good(7), "and again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_ends_every_session_is_left_alone() {
    let server = plant();
    *server.deadly.lock().expect("deadly") = Some(node(101));
    let (_link, recorder) = start(tags(&["x"]), std::slice::from_ref(&server));
    sleep(ms(20_000)).await;
    let n_sessions = server.n_sessions.load(Ordering::SeqCst);
    assert_eq!(seen(&recorder, 0).1, Status::BAD_CONFIGURATION_ERROR);
    assert_eq!(seen(&recorder, 1).1, Status::GOOD, "its neighbour");
    sleep(ms(30_000)).await;
    assert_eq!(server.n_sessions.load(Ordering::SeqCst), n_sessions, "the session lives on");
}

#[tokio::test(start_paused = true)]
async fn written_members_are_put_into_the_value_as_it_is_now() {
    let server = plant();
    let (link, recorder) = start(tags(&["x", "y", "z"]), std::slice::from_ref(&server));
    sleep(ms(1_000)).await;
    // Nobody told of this change yet.
    set(&server, "ns=2;s=m", 1_101, &[7, 0, 0, 0, 50, 0, 0, 0]);
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(60))]).await, [Status::GOOD]);
    let (both, other) =
        tokio::join!(link.write(vec![(TagId(0), Value::UInt32(61))]), link.write(vec![(TagId(1), Value::UInt32(62))]));
    assert_eq!((both, other), (vec![Status::GOOD], vec![Status::GOOD]));
    let expected = Structured::One(Structure { encoding: node(1_101), body: Arc::from([61, 0, 0, 0, 62, 0, 0, 0]) });
    assert_eq!(server.structures.lock().expect("structures").get("ns=2;s=m"), Some(&expected));
    assert_eq!(link.write(vec![(TagId(2), Value::UInt32(1))]).await, [Status::BAD_CONFIGURATION_ERROR]);
    sleep(ms(500)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(61), good(62)), "shown once the server tells it");
}

#[tokio::test(start_paused = true)]
async fn a_reload_that_takes_members_away_and_adds_others_leaves_the_rest_alone() {
    let server = plant();
    let spec = tags(&["x", "y"]);
    let (handle, recorder) = start(spec.clone(), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    let mut device = spec.devices[0].clone();
    // The tag through which the structure is watched goes.
    let mut new = device.tags.remove(0);
    new.id = TagId(7);
    device.tags.push(new);
    let settings = DeviceSettings { scan: ms(100), ..DeviceSettings::default() };
    device.tags[2].address = "member x of ns=2;s=m".to_owned();
    device.tags.push({
        let mut other = device.tags[0].clone();
        (other.id, other.address) = (TagId(8), "member x of nsu=urn:plant;s=m".to_owned());
        other
    });
    handle.set_device(0, device, settings, Vec::new()).await.expect("set");
    sleep(ms(2_000)).await;
    assert_eq!((seen(&recorder, 1), seen(&recorder, 7), seen(&recorder, 8)), (good(8), good(7), good(7)));
    assert_eq!(recorder.seen(TagId(1)).n_turned_bad, 0);
    set(&server, "ns=2;s=m", 1_101, &[9, 0, 0, 0, 8, 0, 0, 0]);
    sleep(ms(500)).await;
    assert_eq!((seen(&recorder, 7), seen(&recorder, 8)), (good(9), good(9)));
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_changes_in_one_session_takes_force_for_all_members_at_once() {
    let server = plant();
    let (_link, recorder) = start(tags(&["x", "y"]), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(7), good(8)));
    let n_sessions = server.n_sessions.load(Ordering::SeqCst);
    // The body is as long as before, and nothing is told anew.
    define(&server, 101, &[("y", 7), ("x", 7)]);
    sleep(ms(5_500)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(8), good(7)));
    define(&server, 101, &[("y", 7), ("other", 7)]);
    sleep(ms(5_500)).await;
    assert_eq!(seen(&recorder, 0).1, Status::BAD_CONFIGURATION_ERROR, "the definition has it no longer");
    assert_eq!(seen(&recorder, 1), good(7));
    assert_eq!(recorder.seen(TagId(1)).n_turned_bad, 0);
    server.types.lock().expect("types").clear();
    sleep(ms(5_500)).await;
    assert_eq!(seen(&recorder, 1).1, Status::BAD_CONFIGURATION_ERROR, "no definition any more");
    assert_eq!(seen(&recorder, 2).1, Status::GOOD, "its neighbour");
    define(&server, 101, &[("x", 7), ("y", 7)]);
    sleep(ms(5_500)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(7), good(8)));
    assert_eq!(server.n_sessions.load(Ordering::SeqCst), n_sessions, "all in one session");
    assert!(server.n_checks.load(Ordering::SeqCst) <= 5, "one request in five seconds");
}

#[tokio::test(start_paused = true)]
async fn another_definition_of_a_structure_within_counts_also_where_nothing_is_watched() {
    let server = plant();
    server.refuses_feeds.store(true, Ordering::SeqCst);
    define(&server, 101, &[("inner", 102)]);
    define(&server, 102, &[("x", 7), ("y", 7)]);
    let (link, recorder) = start(tags(&["inner.x", "inner.y"]), std::slice::from_ref(&server));
    sleep(ms(2_000)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(7), good(8)));
    define(&server, 102, &[("y", 7), ("x", 7)]);
    assert_eq!(link.write(vec![(TagId(0), Value::UInt32(60))]).await, [Status::GOOD]);
    sleep(ms(500)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(60), good(7)), "a write notices it at once");
    define(&server, 102, &[("x", 7), ("y", 7)]);
    sleep(ms(5_500)).await;
    assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(7), good(60)));
}

#[tokio::test(start_paused = true)]
async fn a_member_is_written_where_the_definition_of_this_moment_has_it() {
    for is_during in [false, true] {
        let server = plant();
        let (link, recorder) = start(tags(&["x", "y"]), std::slice::from_ref(&server));
        sleep(ms(2_000)).await;
        assert_eq!(seen(&recorder, 0), good(7));
        let n_reads = server.n_reads.load(Ordering::SeqCst);
        assert_eq!(link.write(vec![(TagId(0), Value::UInt32(9))]).await, [Status::GOOD]);
        assert_eq!(server.n_reads.load(Ordering::SeqCst), n_reads + 1, "value and definition in one request");
        let swapped = [("y", 7), ("x", 7)];
        if is_during {
            *server.changes_on_read.lock().expect("changes") = Some((node(101), defined(1_101, &swapped)));
        } else {
            define(&server, 101, &swapped);
        }
        assert_eq!(link.write(vec![(TagId(0), Value::UInt32(60))]).await, [Status::GOOD]);
        let expected = Structured::One(Structure { encoding: node(1_101), body: Arc::from([9, 0, 0, 0, 60, 0, 0, 0]) });
        assert_eq!(server.structures.lock().expect("structures").get("ns=2;s=m"), Some(&expected), "{is_during}");
        sleep(ms(500)).await;
        assert_eq!((seen(&recorder, 0), seen(&recorder, 1)), (good(60), good(9)), "shown by it, too");
        // A definition that has the member no longer leaves the value alone.
        define(&server, 101, &[("y", 7), ("z", 7)]);
        assert_eq!(link.write(vec![(TagId(0), Value::UInt32(1))]).await, [Status::BAD_CONFIGURATION_ERROR]);
        assert_eq!(server.structures.lock().expect("structures").get("ns=2;s=m"), Some(&expected), "{is_during}");
    }
}
