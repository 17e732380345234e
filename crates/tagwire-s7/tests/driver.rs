//! What the driver puts on the wire and what it makes of the answers, over a simulated CPU.

mod common;

use common::{Outcome, bench, config};
use tagwire_driver::PolledDriver as _;
use tagwire_model::{ArrayData, Dims, Status, Value, ValueType};
use tagwire_s7::codec::{HeaderError, ReturnCode};
use tagwire_s7::simulator::Fault;

/// Every type with a value of its own.
const TYPES: &[(&str, &str, &str)] = &[
    ("DB1.DBX0.3", "", "true"),
    ("DB1,X2.6", "bool[12]", "[true, false, true, true, false, false, true, false, true, true, true, false]"),
    ("DB1.DBB6", "", "200"),
    ("DB1,SINT7", "", "-100"),
    ("DB1.DBW8", "", "54321"),
    ("DB1,INT10", "", "-12345"),
    ("DB1.DBD12", "", "4000000001"),
    ("DB1.DBD16", "f32", "12.5"),
    ("DB1,DINT20", "", "-1234567890"),
    ("DB1,LWORD24", "", "18000000000000000001"),
    ("DB1,LINT32", "", "-1234567890123456789"),
    ("DB1,ULINT40", "", "9"),
    ("DB1,REAL48", "", "-0.25"),
    ("DB1,LREAL52", "", "2.718281828459045"),
    ("DB1,CHAR60", "", "Z"),
    ("DB1,WCHAR62", "", "€"),
    ("DB1,STRING64.20", "", "Presse für Blech"),
    ("DB1,WSTRING86.10", "", "5 € + 7 €"),
    ("DB1,S5TIME110", "", "2500"),
    ("DB1,TIME112", "", "-86400000"),
    ("DB1,LTIME116", "", "1"),
    ("DB1,DATE124", "", "2024-02-29T00:00:00Z"),
    ("DB1,TOD126", "", "86399999"),
    ("DB1,DT130", "", "2023-12-31T23:59:58.123Z"),
    ("DB1,DTL138", "", "2024-02-29T12:30:00.5000001Z"),
    ("DB1,INT150[2][3]", "", "[[1, 2, 3], [-4, -5, -6]]"),
    ("DB1,STRING164.4[3]", "", "[ab, c, defg]"),
    ("DB1,CHAR182[6]", "", "Pump 7"),
    ("DB1,B188[4]", "bytes", "DEAD00FF"),
    ("DB1,LDT192", "", "2024-05-01T12:30:00.1234567Z"),
    ("DB1,UDINT200", "", "3000000000"),
    ("DB1,USINT204", "", "255"),
    ("DB1,UINT206", "", "65535"),
    ("DB1,LTOD208", "", "86399999999999"),
    ("MW10", "i16", "-2"),
    ("M12.7", "", "true"),
    ("QB3", "", "17"),
    ("IB3", "", "18"),
    ("PQW256", "", "4660"),
    ("T5", "", "12000"),
    ("T6", "u32[2]", "[10, 9990000]"),
    ("C7", "", "123"),
];

#[tokio::test(start_paused = true)]
async fn every_type_is_written_and_comes_back() {
    for pdu in [240, 480, 960] {
        let tags: Vec<(&str, &str)> = TYPES.iter().map(|(address, value_type, _)| (*address, *value_type)).collect();
        let mut bench = bench(&config("", "", &tags), &format!("pdu = {pdu}")).await;
        assert_eq!(bench.driver.agreed(), (pdu, 8));
        let types: Vec<ValueType> = bench.link.devices[0].tags.iter().map(|tag| tag.value_type).collect();
        let writes: Vec<(u32, Value)> = (0..)
            .zip(TYPES)
            .map(|(tag, (address, _, text))| {
                (tag, Value::parse(text, types[tag as usize]).unwrap_or_else(|e| panic!("{address}: {e}")))
            })
            .collect();
        let (outcome, results) = bench.write(0, &writes).await;
        assert_eq!(outcome, Outcome::Done);
        for (result, (address, ..)) in results.iter().zip(TYPES) {
            assert_eq!(result, &Ok(()), "{address}");
        }
        assert_eq!(results.len(), TYPES.len());
        let poll = bench.poll(0).await;
        assert_eq!((poll.outcome, &poll.refused), (Outcome::Done, &Vec::new()));
        for (tag, (address, value_type, text)) in (0..).zip(TYPES) {
            assert_eq!(poll.value(tag).to_string(), *text, "{address} at {pdu}");
            let name = types[tag as usize].to_string();
            let held = bench.simulator.value(address, Some(&name)).expect("address").expect("a value");
            assert_eq!(held.to_string(), *text, "{address} {value_type} in the CPU");
        }
    }
}

fn scattered(n: usize, len: usize) -> Vec<(String, &'static str)> {
    (0..n).map(|idx| (format!("DB1,B{}[{len}]", idx * 300), "")).collect()
}

#[tokio::test(start_paused = true)]
async fn any_number_of_items_of_any_length_comes_whole() {
    for pdu in [240, 480, 960] {
        for n in [1, 2, 19, 20, 21, 100] {
            for len in [1, 2, 3, 7, 45, 109, 110, 221, 222] {
                let tags = scattered(n, len);
                let mut bench = bench(&config("", "", &tags), &format!("pdu = {pdu}")).await;
                for (idx, (address, _)) in tags.iter().enumerate() {
                    let bytes: Vec<u8> = (0..len).map(|at| (idx * 7 + at) as u8).collect();
                    let value = Value::array(Dims::one(len as u32), ArrayData::UInt8(bytes)).expect("fits");
                    bench.simulator.set(address, &value).expect("fits");
                }
                let poll = bench.poll(0).await;
                assert_eq!(poll.outcome, Outcome::Done, "{n} items of {len} bytes at {pdu}");
                assert_eq!(poll.refused, []);
                for idx in 0..n {
                    let Value::Array(array) = poll.value(idx as u32) else { panic!("no array") };
                    let expected: Vec<u8> = (0..len).map(|at| (idx * 7 + at) as u8).collect();
                    assert_eq!(array.data(), &ArrayData::UInt8(expected), "item {idx} of {n}, {len} bytes at {pdu}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_item_never_hurts_the_rest() {
    let mut tags = scattered(40, 4);
    tags[7].0 = "DB9,B0[4]".to_owned();
    tags[21].0 = "DB1,B70000[4]".to_owned();
    let mut bench = bench(&config("", "", &tags), "").await;
    let poll = bench.poll(0).await;
    assert_eq!(poll.outcome, Outcome::Done);
    assert_eq!(poll.values.len(), 38);
    assert_eq!(poll.refused_tags.keys().copied().collect::<Vec<_>>(), [7, 21]);
    assert!(poll.refused_tags.values().all(|status| *status == Status::BAD_CONFIGURATION_ERROR));
    assert!(poll.refused.iter().all(|refusal| refusal.reason.contains("optimised")), "{:?}", poll.refused);
    let writes: Vec<(u32, Value)> = (0..40)
        .map(|tag| (tag, Value::array(Dims::one(4), ArrayData::UInt8(vec![tag as u8; 4])).expect("fits")))
        .collect();
    let (_, results) = bench.write(0, &writes).await;
    let bad: Vec<usize> = (0..40).filter(|tag| results[*tag].is_err()).collect();
    assert_eq!(bad, [7, 21]);
}

#[tokio::test(start_paused = true)]
async fn a_job_refused_as_a_whole_is_asked_for_item_by_item() {
    let tags = scattered(12, 4);
    let mut bench = bench(&config("", "", &tags), "").await;
    bench.simulator.inject(Fault::Refuse(HeaderError::OBJECT_ACCESS));
    let poll = bench.poll(0).await;
    assert_eq!((poll.values.len(), poll.refused.len()), (12, 0));
    bench.simulator.inject(Fault::Item(ReturnCode::HARDWARE_FAULT));
    let poll = bench.poll(0).await;
    assert_eq!((poll.values.len(), poll.refused[0].status), (11, Status::BAD_DEVICE_FAILURE));
}

#[tokio::test(start_paused = true)]
async fn twenty_thousand_bytes_are_cut_and_joined() {
    for pdu in [240, 480, 960] {
        let tags = [("DB1,REAL100[5000]", "")];
        let mut bench = bench(&config("", "", &tags), &format!("pdu = {pdu}")).await;
        let numbers: Vec<f32> = (0..5000).map(|n| n as f32 / 4.0).collect();
        let value = Value::array(Dims::one(5000), ArrayData::Float(numbers)).expect("fits");
        let (outcome, results) = bench.write(0, &[(0, value.clone())]).await;
        assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]));
        assert_eq!(bench.poll(0).await.value(0), &value, "{pdu}");
    }
}

#[tokio::test(start_paused = true)]
async fn neighbours_share_an_item_and_jobs_are_filled() {
    let tags: Vec<(String, &str)> = (0..500).map(|idx| (format!("DB1,REAL{}", idx * 4), "")).collect();
    let mut bench = bench(&config("", "", &tags), "pdu = 960").await;
    let before = (bench.simulator.n_jobs(), bench.simulator.n_items());
    let poll = bench.poll(0).await;
    assert_eq!(poll.values.len(), 500);
    let after = (bench.simulator.n_jobs(), bench.simulator.n_items());
    assert_eq!((after.0 - before.0, after.1 - before.1), (3, 10), "2000 bytes are 10 blocks in 3 messages");
}

#[tokio::test(start_paused = true)]
async fn no_more_jobs_are_under_way_than_agreed() {
    for jobs in [1, 2, 8, 20] {
        let tags = scattered(200, 100);
        let mut bench = bench(&config("jobs = 8", "", &tags), &format!("pdu = 240\njobs = {jobs}")).await;
        assert_eq!(bench.driver.agreed(), (240, jobs.min(8)));
        let poll = bench.poll(0).await;
        // The simulated CPU refuses a job too many.
        assert_eq!((poll.values.len(), poll.refused.len()), (200, 0), "{jobs}");
        assert!(bench.driver.n_in_flight(0) >= usize::from(jobs.min(8)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_never_outgrows_the_one_in_the_cpu() {
    let tags = [("DB1,STRING0.50", ""), ("DB1,STRING10.50", "")];
    let mut bench = bench(&config("", "", &tags), "").await;
    bench.simulator.set("DB1,STRING0.8", &Value::text("old")).expect("fits");
    bench.simulator.set("DB1,STRING10.30", &Value::text("neighbour")).expect("fits");
    let (_, results) = bench.write(0, &[(0, Value::text("too long for it"))]).await;
    assert_eq!(results[0].as_ref().map_err(|refusal| refusal.status), Err(Status::BAD_OUT_OF_RANGE));
    let (_, results) = bench.write(0, &[(0, Value::text("12345678"))]).await;
    assert_eq!(results, [Ok(())]);
    let poll = bench.poll(0).await;
    assert_eq!((poll.value(0), poll.value(1)), (&Value::text("12345678"), &Value::text("neighbour")));
}

#[tokio::test(start_paused = true)]
async fn a_written_bit_leaves_its_byte_alone() {
    let tags = [("DB1,X4.5", ""), ("DB1,X0.3", "bool[18]")];
    let mut bench = bench(&config("", "", &tags), "").await;
    bench
        .simulator
        .set("DB1,B0[5]", &Value::array(Dims::one(5), ArrayData::UInt8(vec![0xFF; 5])).expect("fits"))
        .expect("fits");
    let off = Value::array(Dims::one(18), ArrayData::Boolean(vec![false; 18])).expect("fits");
    let (_, results) = bench.write(0, &[(0, Value::Boolean(false)), (1, off)]).await;
    assert_eq!(results, [Ok(()), Ok(())]);
    let held = bench.simulator.value("DB1,B0[5]", Some("u8[5]")).expect("address").expect("a value");
    assert_eq!(held.to_string(), "[7, 0, 224, 255, 223]");
}

#[tokio::test(start_paused = true)]
async fn a_pulse_reaches_the_cpu_as_two_writes() {
    let mut bench = bench(&config("", "", &[("M0.0", ""), ("MW2", "")]), "").await;
    let before = bench.simulator.n_jobs();
    let writes = [(0, Value::Boolean(true)), (0, Value::Boolean(false)), (1, Value::UInt16(7))];
    let (_, results) = bench.write(0, &writes).await;
    assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
    assert_eq!(bench.simulator.n_jobs() - before, 2, "the second write and the other tag share a job");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_one_item_gets_one_item() {
    let tags = [("MW0", ""), ("MW100", ""), ("MW200", "")];
    let mut bench = bench(&config("", "", &tags), "").await;
    bench.simulator.inject(Fault::FirstItemOnly);
    let writes = [(0, Value::UInt16(1)), (1, Value::UInt16(2)), (2, Value::UInt16(3))];
    let (_, results) = bench.write(0, &writes).await;
    assert_eq!(results, [Ok(()), Ok(()), Ok(())]);
    let poll = bench.poll(0).await;
    assert_eq!(poll.value(2), &Value::UInt16(3));
    let before = bench.simulator.n_jobs();
    bench.write(0, &writes).await;
    assert_eq!(bench.simulator.n_jobs() - before, 3, "and goes on getting one at a time");
}

#[tokio::test(start_paused = true)]
async fn put_get_that_is_not_permitted_is_named() {
    let mut bench = bench(&config("", "", &[("MW0", "")]), "put_get = false").await;
    let poll = bench.poll(0).await;
    assert_eq!(poll.refused[0].status, Status::BAD_NOT_SUPPORTED);
    assert!(poll.refused[0].reason.contains("PUT/GET"), "{}", poll.refused[0].reason);
    let (_, results) = bench.write(0, &[(0, Value::UInt16(1))]).await;
    assert!(results[0].as_ref().is_err_and(|refusal| refusal.reason.contains("PUT/GET")), "{results:?}");
    bench.simulator.set_put_get(true);
    assert_eq!(bench.poll(0).await.value(0), &Value::UInt16(0));
}

#[tokio::test(start_paused = true)]
async fn an_optimised_block_is_named() {
    let cpu = "[[block]]\nnumber = 1\nsize = 100\noptimised = true";
    let mut bench = bench(&config("", "", &[("DB1,W0", ""), ("DB2,W0", "")]), cpu).await;
    let poll = bench.poll(0).await;
    let reasons: Vec<&str> = poll.refused.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2);
    assert!(reasons.iter().all(|reason| reason.contains("optimised")), "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_slot_is_named() {
    let simulator = common::simulator("slot = 2");
    let link = common::link(&config("", "", &[("MW0", "")]));
    let connector = move || {
        let (near, end) = tokio::io::duplex(4096);
        let simulator = simulator.clone();
        tokio::spawn(async move { simulator.serve(end).await });
        Ok::<_, std::io::Error>(near)
    };
    let mut driver = tagwire_s7::S7Driver::new(&link, Box::new(connector)).expect("a driver");
    let error = driver.connect().await.expect_err("another slot").to_string();
    assert!(error.contains("slot") && error.contains("02.01"), "{error}");
}
