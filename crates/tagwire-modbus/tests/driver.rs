//! The driver against the simulator over in-memory streams, on a simulated clock.

mod common;

use std::time::Duration;

use common::{Outcome, bench, config, link};
use tagwire_driver::{Block, DriverKind as _, PolledDriver as _, Readings};
use tagwire_modbus::address::Table;
use tagwire_modbus::simulator::Fault;
use tagwire_modbus::{ModbusKind, Order};
use tagwire_model::{ArrayData, DataType, Dims, Status, Timestamp, Value, ValueType};

const KINDS: [&str; 5] = ["modbus-tcp", "modbus-rtu", "modbus-ascii", "modbus-rtu-over-tcp", "modbus-ascii-over-tcp"];
const UNIT: &str = "[[unit]]\nid = 1";

fn sample(data_type: DataType, seed: u64) -> Value {
    match data_type {
        DataType::Boolean => Value::Boolean(seed.is_multiple_of(2)),
        DataType::Float => Value::Float(seed as f32 * 0.37 - 5.0),
        DataType::Double => Value::Double(seed as f64 * -1234.567),
        DataType::String => Value::text(&format!("text {seed}")),
        DataType::ByteString => Value::bytes(&(seed as u32).to_be_bytes().repeat(2)),
        DataType::DateTime => {
            Value::DateTime(Timestamp::from_ticks(133_000_000_000_000_000 + seed as i64 * 12_345_678))
        }
        _ => Value::from_bits(data_type, seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
    }
}

fn array(value_type: ValueType, seed: u64) -> Value {
    let mut data = ArrayData::empty(value_type.data_type);
    for idx in 0..value_type.dims.n_elements().expect("small") {
        data.push(sample(value_type.data_type, seed + u64::from(idx))).expect("same type");
    }
    Value::array(value_type.dims, data).expect("fits")
}

/// One tag of every type, scalar, array and matrix, one after the other in the holding registers.
fn all_types() -> Vec<(String, String, Value)> {
    let mut tags = Vec::new();
    let mut next = 1;
    for (idx, data_type) in DataType::ALL.into_iter().enumerate() {
        for dims in ["", "[7]", "[2,3]"] {
            let value_type = ValueType::parse(&format!("{}{dims}", data_type.name())).expect("type");
            let length = match data_type {
                DataType::String => ".12H",
                DataType::ByteString => ".8L",
                _ => "",
            };
            let seed = idx as u64 * 31 + dims.len() as u64;
            let value = if dims.is_empty() { sample(data_type, seed) } else { array(value_type, seed) };
            tags.push((format!("4{next:05}{length}"), value_type.to_string(), value));
            next += 60;
        }
    }
    tags
}

#[tokio::test(start_paused = true)]
async fn every_type_and_order_is_written_and_read_back_over_every_kind_of_link() {
    let tags = all_types();
    let shapes: Vec<(&str, &str)> = tags.iter().map(|(address, name, _)| (address.as_str(), name.as_str())).collect();
    for kind in KINDS {
        for order in Order::NAMES {
            let text = config(kind, &format!("order = \"{order}\""), &shapes);
            let mut bench = bench(&text, UNIT).await;
            let writes: Vec<(u32, Value)> =
                tags.iter().enumerate().map(|(idx, (_, _, value))| (idx as u32, value.clone())).collect();
            let (outcome, results) = bench.write(0, &writes).await;
            assert_eq!((outcome, results), (Outcome::Done, vec![Ok(()); tags.len()]), "{kind} {order}");
            let poll = bench.poll(0).await;
            assert_eq!((poll.outcome, poll.failed.len(), poll.refused.len()), (Outcome::Done, 0, 0), "{kind} {order}");
            for (idx, (address, name, value)) in tags.iter().enumerate() {
                assert!(
                    poll.value(idx as u32).same_as(value),
                    "{kind} {order} {address} {name}: {}",
                    poll.value(idx as u32)
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn all_four_tables_are_read() {
    let tags = [("00001", "bool"), ("10017", "bool"), ("30005", "i16"), ("40009", "f32"), ("100001#16", "u16")];
    let simulator = "[[unit]]\nid = 1\nvalue = [
        { address = \"00001\", value = true }, { address = \"10017\", value = true },
        { address = \"100002\", value = true }, { address = \"100016\", value = true },
        { address = \"30005\", type = \"i16\", value = -3 }, { address = \"40009\", type = \"f32\", value = 1.5 } ]";
    for kind in KINDS {
        let mut bench = bench(&config(kind, "", &tags), simulator).await;
        let poll = bench.poll(0).await;
        let found: Vec<String> = poll.values.values().map(Value::to_string).collect();
        assert_eq!(found, ["true", "true", "-3", "1.5", "32770"], "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn values_longer_than_a_request_are_read_and_written_in_parts() {
    for (keys, n_reads) in
        [("", 8), ("max_read_registers = 10\nmax_write_registers = 7\nmax_read_coils = 9\nmax_write_coils = 9", 91)]
    {
        let tags = [("40001", "f64[100]"), ("41001", "i16[300]"), ("00001", "bool[99]")];
        let mut bench = bench(&config("modbus-tcp", keys, &tags), UNIT).await;
        let values: Vec<(u32, Value)> = tags
            .iter()
            .enumerate()
            .map(|(idx, (_, name))| (idx as u32, array(ValueType::parse(name).expect("type"), 5)))
            .collect();
        let (_, results) = bench.write(0, &values).await;
        assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
        let before = bench.simulator.n_requests();
        let poll = bench.poll(0).await;
        for (tag, value) in &values {
            assert_eq!(poll.value(*tag), value);
        }
        assert_eq!(bench.simulator.n_requests() - before, n_reads);
    }
}

#[tokio::test(start_paused = true)]
async fn bits_of_registers_are_written_only_in_the_way_chosen() {
    let tags = [("40001.3", "bool"), ("40002.14", "bool[4]")];
    for (keys, functions) in [
        ("holding_bit_write = \"mask\"", &[22, 22, 22][..]),
        ("holding_bit_write = \"read-modify-write\"", &[3, 6, 3, 6, 3, 6]),
        ("holding_bit_write = \"read-modify-write\"\nfunction_6 = false", &[3, 16, 3, 16, 3, 16]),
    ] {
        let mut bench = bench(&config("modbus-tcp", keys, &tags), UNIT).await;
        for register in 0..3 {
            bench.simulator.set_unit(1, Table::HoldingRegisters, register, 0x0F00);
        }
        bench.simulator.record(true);
        let pattern = Value::array(Dims::one(4), ArrayData::Boolean(vec![true, false, true, true])).expect("fits");
        let (_, results) = bench.write(0, &[(0, Value::Boolean(true)), (1, pattern.clone())]).await;
        assert_eq!(results, [Ok(()), Ok(())]);
        let unit = |register| bench.simulator.unit(1, Table::HoldingRegisters, register);
        assert_eq!((unit(0), unit(1), unit(2)), (Some(0x0F08), Some(0x4F00), Some(0x0F03)), "{keys}");
        let seen: Vec<u8> = bench.simulator.recorded().iter().map(|request| request.pdu[0]).collect();
        assert_eq!(seen, functions, "{keys}");
        assert_eq!(bench.poll(0).await.value(1), &pattern);
    }
    let mut bench = bench(&config("modbus-tcp", "", &tags), UNIT).await;
    let (_, results) = bench.write(0, &[(0, Value::Boolean(true))]).await;
    let refusal = results[0].as_ref().expect_err("off");
    assert_eq!(refusal.status, Status::BAD_NOT_WRITABLE);
    assert!(refusal.reason.contains("holding_bit_write"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn single_writes_use_the_functions_that_the_operator_allows() {
    let tags = [("00001", "bool"), ("40001", "u16"), ("40002", "u32")];
    let writes = [(0, Value::Boolean(true)), (1, Value::UInt16(7)), (2, Value::UInt32(70_000))];
    for (keys, functions) in [("", [5, 6, 16]), ("function_5 = false\nfunction_6 = false", [15, 16, 16])] {
        let mut bench = bench(&config("modbus-tcp", keys, &tags), UNIT).await;
        bench.simulator.record(true);
        let (_, results) = bench.write(0, &writes).await;
        assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
        let seen: Vec<u8> = bench.simulator.recorded().iter().map(|request| request.pdu[0]).collect();
        assert_eq!(seen, functions);
    }
}

#[tokio::test(start_paused = true)]
async fn momentary_writes_both_reach_the_device_in_order() {
    let mut bench = bench(&config("modbus-tcp", "", &[("00001", "bool")]), UNIT).await;
    bench.simulator.record(true);
    let (_, results) = bench.write(0, &[(0, Value::Boolean(true)), (0, Value::Boolean(false))]).await;
    assert_eq!(results, [Ok(()), Ok(())]);
    let seen: Vec<Vec<u8>> = bench.simulator.recorded().into_iter().map(|request| request.pdu).collect();
    assert_eq!(seen, [[5, 0, 0, 0xFF, 0], [5, 0, 0, 0, 0]]);
}

#[tokio::test(start_paused = true)]
async fn each_write_of_a_batch_has_its_own_result() {
    let tags = [("40001", "u16"), ("40002", "u16"), ("40003:BCD", "u16"), ("40004", "u16")];
    let simulator = "[[unit]]\nid = 1\nrefuse = [{ address = \"40002\", on = \"write\", exception = 4 }]";
    let mut bench = bench(&config("modbus-rtu", "", &tags), simulator).await;
    let writes = [
        (0, Value::UInt16(1)),
        (1, Value::UInt16(2)),
        (2, Value::UInt16(10_000)),
        (3, Value::text("x")),
        (9, Value::Null),
    ];
    let (outcome, results) = bench.write(0, &writes).await;
    let statuses: Vec<Status> =
        results.iter().map(|r| r.as_ref().map_or_else(|e| e.status, |()| Status::GOOD)).collect();
    assert_eq!(outcome, Outcome::Done);
    assert_eq!(
        statuses,
        [
            Status::GOOD,
            Status::BAD_DEVICE_FAILURE,
            Status::BAD_OUT_OF_RANGE,
            Status::BAD_TYPE_MISMATCH,
            Status::BAD_CONFIGURATION_ERROR
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn exceptions_refuse_their_block_and_no_other() {
    let tags = [("40001", "u16"), ("40101", "u16")];
    for (exception, status, divisible) in [
        (1, Status::BAD_NOT_SUPPORTED, false),
        (2, Status::BAD_CONFIGURATION_ERROR, true),
        (3, Status::BAD_OUT_OF_RANGE, true),
        (4, Status::BAD_DEVICE_FAILURE, true),
        (6, Status::BAD_RESOURCE_UNAVAILABLE, false),
        (11, Status::BAD_NO_COMMUNICATION, false),
        (99, Status::BAD_UNEXPECTED_ERROR, false),
    ] {
        let simulator = format!("[[unit]]\nid = 1\nrefuse = [{{ address = \"40001\", exception = {exception} }}]");
        for kind in KINDS {
            let mut bench = bench(&config(kind, "", &tags), &simulator).await;
            let poll = bench.poll(0).await;
            assert_eq!(poll.value(1), &Value::UInt16(0), "{kind}");
            assert_eq!(
                (poll.outcome, poll.refused[0].status, poll.refused[0].divisible),
                (Outcome::Done, status, divisible)
            );
            assert!(poll.refused[0].reason.contains(&format!("exception {exception}")), "{}", poll.refused[0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_means_nothing_spoils_only_its_tag() {
    let tags = [("40001:BCD", "u16"), ("40002", "u16")];
    let simulator =
        "[[unit]]\nid = 1\nvalue = [{ address = \"40001\", value = 0xFFFF }, { address = \"40002\", value = 5 }]";
    let poll = bench(&config("modbus-tcp", "", &tags), simulator).await.poll(0).await;
    assert_eq!((poll.failed[&0], poll.value(1)), (Status::BAD_OUT_OF_RANGE, &Value::UInt16(5)));
}

#[tokio::test(start_paused = true)]
async fn one_request_is_under_way_unless_pipelining_is_chosen() {
    let tags: Vec<String> = (0..20).map(|n| format!("4{:05}", 1 + n * 200)).collect();
    let tags: Vec<(&str, &str)> = tags.iter().map(|address| (address.as_str(), "u16")).collect();
    let slow = "[[unit]]\nid = 1";
    for (keys, kind, millis, n_in_flight) in
        [("", "modbus-tcp", 200, 1), ("in_flight = 10", "modbus-tcp", 20, 10), ("in_flight = 10", "modbus-rtu", 200, 1)]
    {
        let mut bench = bench(&config(kind, keys, &tags), slow).await;
        assert_eq!(bench.driver.n_in_flight(0), n_in_flight);
        for n in 0..20 {
            bench.simulator.set_unit(1, Table::HoldingRegisters, n * 200, n);
            bench.simulator.inject(None, Fault::Late(Duration::from_millis(10)));
        }
        let start = tokio::time::Instant::now();
        let poll = bench.poll(0).await;
        for n in 0..20 {
            assert_eq!(poll.value(n), &Value::UInt16(n as u16));
        }
        assert_eq!(start.elapsed().as_millis(), millis, "{kind} {keys}");
    }
}

#[tokio::test(start_paused = true)]
async fn pipelined_answers_may_come_in_any_order() {
    let tags: Vec<String> = (0..8).map(|n| format!("4{:05}", 1 + n * 200)).collect();
    let tags: Vec<(&str, &str)> = tags.iter().map(|address| (address.as_str(), "u16")).collect();
    let mut bench = bench(&config("modbus-tcp", "in_flight = 8", &tags), UNIT).await;
    for n in 0..8_u16 {
        bench.simulator.set_unit(1, Table::HoldingRegisters, n * 200, 100 + n);
        bench.simulator.inject(None, Fault::Late(Duration::from_millis(90 - 10 * u64::from(n))));
    }
    let poll = bench.poll(0).await;
    for n in 0..8 {
        assert_eq!(poll.value(n), &Value::UInt16(100 + n as u16));
    }
}

#[tokio::test(start_paused = true)]
async fn answered_blocks_count_even_when_the_read_ends_badly() {
    let tags = [("40001", "u16"), ("40201", "u16")];
    let mut bench = bench(&config("modbus-tcp", "", &tags), UNIT).await;
    bench.simulator.inject(None, Fault::Garbage(Vec::new()));
    bench.simulator.inject(None, Fault::Drop);
    let poll = bench.poll(0).await;
    assert_eq!((poll.outcome, poll.values.len()), (Outcome::TimedOut, 1));
}

#[tokio::test(start_paused = true)]
async fn a_silent_unit_leaves_its_neighbour_alone() {
    for kind in KINDS {
        let address = if kind.ends_with("tcp") { "127.0.0.1:502" } else { "/dev/ttyS0" };
        let text = format!(
            "[[link]]\nname = \"l\"\ndriver = \"{kind}\"\naddress = \"{address}\"
            [[link.device]]\nname = \"a\"\nunit = 1\n[[link.device.tag]]\nname = \"t\"\naddress = \"40001\"
            [[link.device]]\nname = \"b\"\nunit = 2\n[[link.device.tag]]\nname = \"t\"\naddress = \"40001\""
        );
        let mut bench = bench(&text, "[[unit]]\nid = 1\n[[unit]]\nid = 2\nsilent = true").await;
        for round in 0..5 {
            assert_eq!(bench.poll(1).await.outcome, Outcome::TimedOut, "{kind} {round}");
            assert_eq!(bench.poll(0).await.value(0), &Value::UInt16(0), "{kind} {round}");
        }
        bench.simulator.set_silent(2, false);
        assert_eq!(bench.poll(1).await.value(0), &Value::UInt16(0), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_is_replaced_and_added_while_running() {
    let mut bench = bench(&config("modbus-tcp", "", &[("40001", "u16")]), UNIT).await;
    bench.simulator.set_unit(1, Table::HoldingRegisters, 9, 77);
    let other = link(&config("modbus-tcp", "", &[("40010", "u16")]));
    bench.driver.set_device(0, &other.devices[0]).expect("fits");
    bench.driver.set_device(1, &bench.link.devices[0].clone()).expect("fits");
    assert_eq!(bench.poll(0).await.value(0), &Value::UInt16(77));
    let stale = [Block { device: 0, area: 4, start: 0, len: 1, tags: vec![0] }];
    let mut readings = Readings::default();
    bench.driver.read(&stale, &mut readings).await.expect("answered");
    assert_eq!(readings.failed.len(), 1, "a block planned before the change gives no value");
}

#[tokio::test(start_paused = true)]
async fn blocks_of_no_device_are_refused() {
    let mut bench = bench(&config("modbus-tcp", "", &[("40001", "u16")]), UNIT).await;
    let block = |device, area, start, len| Block { device, area, start, len, tags: vec![0] };
    let blocks = [block(7, 4, 0, 1), block(0, 9, 0, 1), block(0, 4, 65_535, 2), block(0, 4, 0, 0), block(0, 4, 0, 1)];
    let mut readings = Readings::default();
    bench.driver.read(&blocks, &mut readings).await.expect("the link is fine");
    assert_eq!((readings.answers.len(), readings.values.len()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn traffic_is_counted_and_raw_units_can_be_read() {
    let mut bench = bench(&config("modbus-tcp", "", &[("40001", "u16")]), UNIT).await;
    bench.poll(0).await;
    assert_eq!(bench.driver.traffic(), (11, 12));
    bench.simulator.set_unit(1, Table::HoldingRegisters, 1, 0x1234);
    let raw = bench.driver.read_raw(1, Table::HoldingRegisters, 0, 2).await.expect("link").expect("data");
    assert_eq!(raw, [0, 0, 0x12, 0x34]);
}

#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_trace_shows_every_frame_only_while_it_is_on() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).without_time().finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut bench = bench(&config("modbus-tcp", "", &[("40003", "u16")]), UNIT).await;
    bench.poll(0).await;
    assert!(log.0.lock().expect("not poisoned").is_empty());
    bench.driver.set_trace(true);
    bench.poll(0).await;
    bench.driver.set_trace(false);
    bench.poll(0).await;
    let text = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            " INFO tagwire::trace: unit 1: read holding registers at 2, count 1 link=\"line\" dir=\"tx\" \
             bytes=00 02 00 00 00 06 01 03 00 02 00 01",
            " INFO tagwire::trace: unit 1: read holding registers: 2 bytes link=\"line\" dir=\"rx\" \
             bytes=00 02 00 00 00 05 01 03 02 00 00",
        ]
    );
}

#[test]
fn a_tag_is_explained_with_the_settings_of_its_device() {
    let link = link(&config("modbus-tcp", "unit = 7\nfirst_address = 0\norder = \"CDAB\"", &[("40010", "f32")]));
    let (unit, lens) = ModbusKind.explain(&link.devices[0].settings, &link.devices[0].tags[0]).expect("fits");
    assert_eq!((unit, lens.wire_offset, lens.order), (7, 10, "CDAB"));
}

#[test]
fn settings_that_cannot_work_name_their_key_and_the_fix() {
    let check = |text: &str| {
        let link = link(text);
        ModbusKind.build(&link).map(|_| ()).map_err(|error| (error.key, error.problem, error.fix))
    };
    let with = |kind, keys| check(&config(kind, keys, &[("40001", "u16")]));
    assert_eq!(with("modbus-tcp", "device_id = \"<127.0.0.1>.3\""), Ok(()));
    for (kind, keys, key, problem) in [
        ("modbus-tcp", "device_id = \"<10.9.9.9>.3\"", "device_id", "leads to 127.0.0.1:502"),
        ("modbus-rtu", "device_id = \"<10.9.9.9>.3\"", "device_id", "serial line"),
        ("modbus-rtu", "unit = 0", "unit", "broadcast"),
        ("modbus-ascii-over-tcp", "unit = 0", "unit", "broadcast"),
    ] {
        let (found, text, fix) = with(kind, keys).expect_err(keys);
        assert_eq!(found, key);
        assert!(text.contains(problem) && !fix.is_empty(), "{text}");
    }
}

#[test]
fn tags_that_cannot_work_name_the_fix() {
    let refuse = |keys: &str, address: &str, value_type: &str, access: &str, extra: &str| {
        let text = config("modbus-tcp", keys, &[("40001", "u16")]);
        let mut device = link(&text).devices.remove(0);
        let mut tag = device.tags.remove(0);
        tag.address = address.to_owned();
        tag.value_type = ValueType::parse(value_type).expect("type");
        tag.access = tagwire_model::Access::parse(access).expect("access");
        if !extra.is_empty() {
            tag.settings.set("order", tagwire_driver::Setting::Text(extra.to_owned()));
        }
        let error = ModbusKind.check_tag(&device.settings, &tag).expect_err(address);
        format!("{}; {}", error.problem, error.fix)
    };
    assert!(
        refuse("", "30001", "u16", "rw", "").contains("input registers cannot be written; declare access = \"ro\"")
    );
    assert!(refuse("max_read_registers = 2", "40001", "f64", "ro", "").contains("raise max_read_registers"));
    assert!(refuse("max_write_registers = 2", "40001.20H", "string", "rw", "").contains("raise max_write_registers"));
    assert!(refuse("", "40001:CDAB", "f32", "ro", "DCBA").contains("different orders"));
}
