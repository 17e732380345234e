//! The driver against the simulated controller: what a user reads and writes.

mod common;

use common::{Bench, PLANT, bench, simulator};
use tagwire_driver::testing::Outcome;
use tagwire_enip::simulator::{Fault, Plain, SimulatorConfig};
use tagwire_model::{Status, Value, ValueType};

/// Addresses, types, values at the start, values to write.
const ALL: &[(&str, &str, &str, &str)] = &[
    ("Flag", "bool", "true", "false"),
    ("Tiny", "i8", "-5", "7"),
    ("Short", "i16", "-500", "501"),
    ("Number", "i32", "123456", "-7"),
    ("Big", "i64", "-1234567890123", "5"),
    ("UTiny", "u8", "200", "201"),
    ("UShort", "u16", "60000", "60001"),
    ("UNumber", "u32", "4000000000", "1"),
    ("UBig", "u64", "9000000000000000000", "2"),
    ("Level", "f32", "21.5", "-1.25"),
    ("Level", "f64", "21.5", "-1.5"),
    ("Exact", "f64", "2.25", "0.1"),
    ("Text", "string", "PRESS 7", "a longer text than before"),
    ("Texts[1]", "string", "second", ""),
    ("Texts", "string[3]", "[, second, ]", "[a, bc, def]"),
    ("Bits[33]", "bool", "true", "false"),
    ("Bits[31]", "bool[4]", "[false, false, true, false]", "[true, true, false, true]"),
    ("Bits", "bool[96]", "", ""),
    ("Number.6", "bool", "true", "false"),
    ("Big.63", "bool", "true", "false"),
    ("Row[11]", "i32", "11", "111"),
    ("Row[10]", "i32[3]", "[10, 11, 12]", "[1, 2, 3]"),
    ("Grid", "i16[2,3]", "[[1, 2, 3], [4, 5, 6]]", "[[6, 5, 4], [3, 2, 1]]"),
    ("Grid[1,1]", "i16", "5", "55"),
    ("Cube[1,2,3]", "i32", "0", "9"),
    ("M.Speed", "f32", "1.5", "2.5"),
    ("M.Running", "bool", "false", "true"),
    ("M.Label", "string", "motor", "pump"),
    ("M.Flags[33]", "bool", "false", "true"),
    ("M.History", "i16[8]", "[0, 0, 0, 0, 0, 0, 0, 0]", "[1, 2, 3, 4, 5, 6, 7, 8]"),
    ("M.Small.3", "bool", "false", "true"),
    ("lines[1].motors[2].speed", "f64", "12.5", "13"),
    ("Lines[1].Main.Fault", "bool", "true", "false"),
    ("Lines[0].Total", "i64", "99", "100"),
    ("Program:Main.Step", "i32", "3", "33"),
    ("Program:Other.Step", "i32", "4", "44"),
    ("Program:Main.Pump.Count", "i32", "41", "42"),
    ("Number", "i64", "123456", "8"),
];

fn addresses() -> Vec<(&'static str, &'static str)> {
    ALL.iter().map(|(address, value_type, ..)| (*address, *value_type)).collect()
}

async fn check_all(bench: &mut Bench, what: &str) {
    let poll = bench.poll(0).await;
    assert_eq!(poll.outcome, Outcome::Done, "{what}");
    for (tag, (address, value_type, wanted, _)) in (0..).zip(ALL) {
        if !wanted.is_empty() {
            assert_eq!(&poll.value(tag).to_string(), wanted, "{what}: {address} as {value_type}");
        }
    }
    assert_eq!((poll.failed.len(), poll.refused.len()), (0, 0), "{what}: {poll:?}");
}

const WAYS: [(&str, &str); 6] = [
    ("", ""),
    ("connection_size = 504", ""),
    ("messaging = \"unconnected\"", ""),
    ("upload = false", ""),
    ("", "connection_size = 504"),
    ("", "connections = false"),
];

#[tokio::test(start_paused = true)]
async fn every_type_is_read_in_every_way() {
    for (keys, controller) in WAYS {
        let (_, simulator) = simulator(&format!("{controller}\n{PLANT}"));
        let mut bench = bench(keys, &addresses(), &simulator).await;
        for round in 0..5 {
            check_all(&mut bench, &format!("{keys} {controller} round {round}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_type_is_written_in_every_way() {
    for (keys, controller) in WAYS {
        for reads_first in [false, true] {
            for (address, value_type, _, text) in ALL.iter().filter(|row| !row.3.is_empty() || row.0 == "Texts[1]") {
                let (_, simulator) = simulator(&format!("{controller}\n{PLANT}"));
                let mut bench = bench(keys, &[(address, value_type)], &simulator).await;
                if reads_first {
                    bench.poll(0).await;
                }
                let wanted = Value::parse(text, ValueType::parse(value_type).expect("type")).expect("value");
                let (outcome, results) = bench.write(0, &[(0, wanted.clone())]).await;
                assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]), "{keys} {address}");
                let poll = bench.poll(0).await;
                assert_eq!(poll.value(0).to_string(), wanted.to_string(), "{keys} {address}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn writes_of_one_call_keep_their_order_and_spoil_no_neighbour() {
    let (_, simulator) = simulator(PLANT);
    let tags = [("Number", "i32"), ("Fixed", "i32"), ("Missing", "i32"), ("Row[5]", "i32"), ("Tiny", "i32")];
    let mut bench = bench("", &tags, &simulator).await;
    let writes: Vec<(u32, Value)> =
        [(0, 1), (1, 2), (2, 3), (0, 4), (3, 5), (4, 300)].map(|(tag, value)| (tag, Value::Int32(value))).to_vec();
    let (outcome, results) = bench.write(0, &writes).await;
    let found: Vec<Status> =
        results.iter().map(|result| result.as_ref().map_or_else(|refusal| refusal.status, |()| Status::GOOD)).collect();
    let wanted = [
        Status::GOOD,
        Status::BAD_NOT_WRITABLE,
        Status::BAD_CONFIGURATION_ERROR,
        Status::GOOD,
        Status::GOOD,
        Status::BAD_OUT_OF_RANGE,
    ];
    assert_eq!((outcome, &found[..]), (Outcome::Done, &wanted[..]), "{results:?}");
    assert_eq!(simulator.value("Number").expect("a tag"), Some(Value::Int32(4)));
}

#[tokio::test(start_paused = true)]
async fn a_bad_tag_spoils_no_neighbour() {
    let (_, simulator) = simulator(PLANT);
    let tags = [("Missing", "i32"), ("Number", "i32"), ("Row[500]", "i32"), ("M.None", "i32"), ("Level", "string")];
    let mut bench = bench("", &tags, &simulator).await;
    for _ in 0..4 {
        let poll = bench.poll(0).await;
        assert_eq!(poll.value(1), &Value::Int32(123_456));
        assert_eq!(poll.refused_tags.keys().copied().collect::<Vec<_>>(), [0, 2, 3]);
        assert!(poll.refused.iter().all(|refusal| refusal.status == Status::BAD_CONFIGURATION_ERROR), "{poll:?}");
        assert_eq!(poll.failed.get(&4), Some(&Status::BAD_TYPE_MISMATCH));
    }
}

#[tokio::test(start_paused = true)]
async fn long_values_come_and_go_in_fragments() {
    for keys in ["", "connection_size = 504", "messaging = \"unconnected\""] {
        let (_, simulator) = simulator(PLANT);
        let mut bench = bench(keys, &[("Wave", "f32[5000]"), ("Number", "i32")], &simulator).await;
        let text: Vec<String> = (0..5000).map(|n| (n as f32 / 2.0).to_string()).collect();
        let value = Value::parse(&format!("[{}]", text.join(",")), ValueType::parse("f32[5000]").expect("type"));
        let value = value.expect("value");
        let (outcome, results) = bench.write(0, &[(0, value.clone())]).await;
        assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]), "{keys}");
        let poll = bench.poll(0).await;
        assert!(poll.value(0).same_as(&value), "{keys}");
        assert_eq!(poll.value(1), &Value::Int32(123_456), "{keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_tags_share_few_messages() {
    let (_, simulator) = simulator("[[tag]]\nname = \"T\"\ntype = \"REAL\"\ncount = 1000\n");
    let names: Vec<String> = (0..1000).map(|n| format!("T{n}")).collect();
    let tags: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "f32")).collect();
    for (keys, most) in [("", 8), ("connection_size = 504", 60)] {
        let mut bench = bench(keys, &tags, &simulator).await;
        while bench.poll(0).await.values.len() < 1000 {}
        for _ in 0..20 {
            bench.poll(0).await;
        }
        let before = simulator.n_messages();
        assert_eq!(bench.poll(0).await.values.len(), 1000);
        let n = simulator.n_messages() - before;
        assert!(n <= most, "{keys}: {n} messages");
    }
}

#[tokio::test(start_paused = true)]
async fn neighbouring_elements_share_a_request_and_distant_ones_do_not() {
    let (_, simulator) = simulator(PLANT);
    let tags: Vec<String> = (0..27).chain([190]).map(|n| format!("Row[{n}]")).collect();
    let tags: Vec<(&str, &str)> = tags.iter().map(|name| (name.as_str(), "i32")).collect();
    let bench = bench("", &tags, &simulator).await;
    let blocks: Vec<(u32, u32)> = bench.blocks(0).iter().map(|block| (block.start, block.len)).collect();
    assert_eq!(blocks, [(0, 27), (190, 1)]);
}

/// Messages and bytes of one poll once the tag list is known.
async fn cost(bench: &mut Bench) -> (u64, u64) {
    use tagwire_driver::PolledDriver as _;
    for _ in 0..6 {
        bench.poll(0).await;
    }
    let (messages, (received, sent)) = (bench.simulator.n_messages(), bench.driver.traffic());
    assert_eq!(bench.poll(0).await.outcome, Outcome::Done);
    let (now_received, now_sent) = bench.driver.traffic();
    (bench.simulator.n_messages() - messages, now_received + now_sent - received - sent)
}

#[tokio::test(start_paused = true)]
async fn a_structure_is_read_whole_once_a_third_of_its_members_are_wanted() {
    let (_, simulator) = simulator(PLANT);
    let members = ["M.Speed", "M.Running", "M.Fault", "M.Count", "M.Small"];
    let kinds = ["f32", "bool", "bool", "i32", "i8"];
    let mut bytes = Vec::new();
    for n in [2, 3, 5] {
        let tags: Vec<(&str, &str)> = members.into_iter().zip(kinds).take(n).collect();
        let mut with = bench("", &tags, &simulator).await;
        let mut without = bench("upload = false", &tags, &simulator).await;
        assert_eq!(with.poll(0).await.values, without.poll(0).await.values);
        bytes.push((cost(&mut with).await.1, cost(&mut without).await.1));
        assert_eq!(with.poll(0).await.values, without.poll(0).await.values);
    }
    // Of two members of eight the structure is not worth reading; of three the answer holds all 152 bytes of it.
    assert!(bytes[0].0 < 400, "{bytes:?}");
    let (three, five) = (bytes[1].0, bytes[2].0);
    assert_eq!(three, five, "the same structure, whatever the number of members: {bytes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_download_shows_no_value_of_another_tag_and_needs_no_restart() {
    let pairs: Vec<String> =
        (0..60).map(|n| format!("[[tag]]\nname = \"T{n}\"\ntype = \"DINT\"\nvalue = {n}\n")).collect();
    let text = format!("{PLANT}\n{}", pairs.join("\n")).replace("[[value]]", "\n[[value]]");
    let config: SimulatorConfig = toml::from_str(&text).expect("simulator");
    let simulator = tagwire_enip::simulator::Simulator::new(&config).expect("simulator");
    let names: Vec<String> = (0..60).map(|n| format!("T{n}")).collect();
    let mut tags: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "i32")).collect();
    tags.extend([("M.Speed", "f32"), ("M.Count", "i32"), ("M.Small", "i8"), ("Program:Main.Step", "i32")]);
    let mut bench = bench("", &tags, &simulator).await;
    for round in 0..40 {
        if round % 4 == 3 {
            let mut next = config.clone();
            // Another layout of the same structure, besides other numbers for all tags.
            if round % 8 == 7 {
                next.structures[0].members.rotate_left(2);
            }
            simulator.download(&next).expect("a program");
            simulator.set("M.Count", &Plain::Integer(round)).expect("a tag");
        }
        let poll = bench.poll(0).await;
        assert_eq!((poll.outcome, poll.refused.len(), poll.failed.len()), (Outcome::Done, 0, 0), "{round}: {poll:?}");
        for n in 0..60 {
            assert_eq!(poll.value(n), &Value::Int32(n as i32), "round {round}");
        }
        assert_eq!(poll.value(60), &Value::Float(1.5), "round {round}");
        assert_eq!(
            poll.value(61),
            &Value::Int32(if round < 3 { 0 } else { round as i32 / 4 * 4 + 3 - if round % 4 == 3 { 0 } else { 4 } }),
            "round {round}"
        );
    }
    assert_eq!(bench.n_connects.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_large_connection_is_not_asked_for_again() {
    let (_, simulator) = simulator(&format!("connection_size = 504\n{PLANT}"));
    let mut bench = bench("upload = false", &[("Number", "i32")], &simulator).await;
    bench.poll(0).await;
    let before = simulator.n_messages();
    simulator.inject(Fault::Close);
    assert_eq!(bench.poll(0).await.outcome, Outcome::LinkFailed);
    assert_eq!(bench.poll(0).await.outcome, Outcome::Done);
    // The closed request, one Forward Open, one read.
    assert_eq!(simulator.n_messages() - before, 3);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_connection_is_opened_again_without_losing_a_poll() {
    let (_, simulator) = simulator(PLANT);
    let mut bench = bench("", &[("Number", "i32")], &simulator).await;
    bench.poll(0).await;
    simulator.inject(Fault::LoseConnections);
    assert_eq!(bench.poll(0).await.value(0), &Value::Int32(123_456));
    let (outcome, results) = {
        simulator.inject(Fault::LoseConnections);
        bench.write(0, &[(0, Value::Int32(5))]).await
    };
    assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]));
}

#[tokio::test(start_paused = true)]
async fn a_controller_without_a_tag_list_is_read_by_name() {
    let (_, simulator) = simulator(&format!("tag_list = false\n{PLANT}"));
    let mut bench = bench("", &addresses(), &simulator).await;
    for _ in 0..4 {
        check_all(&mut bench, "no tag list").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_that_hangs_up_over_the_tag_list_keeps_its_link() {
    let (_, simulator) = simulator(PLANT);
    let mut bench = bench("", &[("Number", "i32")], &simulator).await;
    // Forward Open, the read, and then the first request of the upload.
    let still = || Fault::Delay(std::time::Duration::from_millis(1));
    [still(), still(), Fault::Close].into_iter().for_each(|fault| simulator.inject(fault));
    for _ in 0..10 {
        let poll = bench.poll(0).await;
        assert_eq!((poll.outcome, poll.value(0)), (Outcome::Done, &Value::Int32(123_456)));
    }
    assert_eq!(bench.n_connects.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_slot_is_no_answer_of_the_controller() {
    let (_, simulator) = simulator(PLANT);
    for keys in ["path = \"1,7\"", "path = \"1,7\"\nmessaging = \"unconnected\""] {
        let mut bench = bench(keys, &[("Number", "i32")], &simulator).await;
        let poll = bench.poll(0).await;
        assert_eq!(poll.outcome, Outcome::Done);
        assert_eq!(poll.refused[0].status, Status::BAD_NO_COMMUNICATION, "{keys}: {poll:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_micro800_is_asked_without_a_path() {
    let (_, simulator) = simulator(&format!("product = \"2080-LC50-48QWB\"\nslot = 9\n{PLANT}"));
    let mut bench = bench("family = \"micro800\"", &[("Number", "i32"), ("Text", "string")], &simulator).await;
    let poll = bench.poll(0).await;
    assert_eq!((poll.value(0), poll.value(1)), (&Value::Int32(123_456), &Value::text("PRESS 7")));
}

#[tokio::test(start_paused = true)]
async fn the_tags_of_a_controller_can_be_listed() {
    let (_, simulator) = simulator(PLANT);
    let mut bench = bench("connection_size = 504", &[], &simulator).await;
    let symbols = bench.driver.list(0).await.expect("a list");
    let names: Vec<String> = symbols
        .tags
        .iter()
        .map(|(scope, tag)| format!("{} {}", scope.address(&tag.name), symbols.type_name(tag)))
        .collect();
    for wanted in ["Number DINT", "Bits BOOL[96]", "Texts STRING[3]", "Lines Line[2]", "Program:Main.Pump Motor"] {
        assert!(names.iter().any(|name| name == wanted), "{wanted}: {names:?}");
    }
    assert_eq!(symbols.tags.len(), 24);
    let (scope, lines) = symbols.tag("lines").expect("a tag");
    let leaves = symbols.leaves(scope, lines, 5, 1000);
    let leaf =
        |address: &str| leaves.iter().find(|leaf| leaf.address == address).map(|leaf| leaf.value_type.to_string());
    // The controller tells only how many words the 40 bits take.
    assert_eq!(leaf("Lines[1].Motors[2].Flags").as_deref(), Some("bool[64]"));
    assert_eq!(leaf("Lines[0].Main.Label").as_deref(), Some("string"));
    assert_eq!(leaves.len(), 2 * (2 + 4 * 8));
    assert_eq!(bench.driver.identity(0).await.expect("an identity").name, "1756-L83E/B");
}
