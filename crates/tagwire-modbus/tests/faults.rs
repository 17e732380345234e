//! Faults of line and device, on a simulated clock: whatever happens, a value that is delivered is the current one.

mod common;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll as Ready, Waker};
use std::time::Duration;

use common::{Bench, Outcome, bench, config, framing, link};
use tagwire_driver::{PolledDriver, Readings};
use tagwire_modbus::ModbusDriver;
use tagwire_modbus::address::Table;
use tagwire_modbus::codec::{Exception, encode_frame};
use tagwire_modbus::simulator::{Fault, Simulator};
use tagwire_model::{Status, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};

const KINDS: [&str; 5] = ["modbus-tcp", "modbus-rtu", "modbus-ascii", "modbus-rtu-over-tcp", "modbus-ascii-over-tcp"];
const UNIT: &str = "[[unit]]\nid = 1\n[[unit]]\nid = 2";
const TAG: [(&str, &str); 1] = [("40001", "u16")];

fn set(bench: &Bench, value: u16) {
    bench.simulator.set_unit(1, Table::HoldingRegisters, 0, value);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_never_becomes_the_answer_to_a_later_read() {
    for kind in KINDS {
        for late in [1001, 1500, 1999, 2500] {
            let mut bench = bench(&config(kind, "", &TAG), UNIT).await;
            set(&bench, 1);
            bench.simulator.inject(None, Fault::Late(Duration::from_millis(late)));
            assert_eq!(bench.poll(0).await.outcome, Outcome::TimedOut, "{kind}");
            for value in 2..10 {
                set(&bench, value);
                let poll = bench.poll(0).await;
                // A device that answers in order is busy until its late answer is out.
                if poll.outcome == Outcome::Done || value > 4 {
                    assert_eq!(poll.value(0), &Value::UInt16(value), "{kind}, {late} ms late");
                }
                tokio::time::sleep(Duration::from_millis(137)).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_confirmation_never_confirms_a_later_write() {
    for kind in KINDS {
        let mut bench = bench(&config(kind, "function_6 = false", &TAG), UNIT).await;
        bench.simulator.inject(None, Fault::Late(Duration::from_millis(1500)));
        let (outcome, results) = bench.write(0, &[(0, Value::UInt16(1))]).await;
        assert_eq!((outcome, results.len()), (Outcome::TimedOut, 0), "{kind}");
        // The next write has the same echo; it is lost, and the late one must not stand in for it.
        let probed = !matches!(kind, "modbus-tcp");
        if probed {
            bench.simulator.inject(None, Fault::Garbage(Vec::new()));
        }
        bench.simulator.inject(None, Fault::Drop);
        let (outcome, results) = bench.write(0, &[(0, Value::UInt16(2))]).await;
        assert_eq!((outcome, results.len()), (Outcome::TimedOut, 0), "{kind}");
        let (outcome, results) = bench.write(0, &[(0, Value::UInt16(3))]).await;
        assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]), "{kind}");
        assert_eq!(bench.simulator.unit(1, Table::HoldingRegisters, 0), Some(3), "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_streams_without_transaction_numbers_are_opened_anew_after_a_timeout() {
    for (kind, n_connects) in [
        ("modbus-tcp", 1),
        ("modbus-rtu", 1),
        ("modbus-ascii", 1),
        ("modbus-rtu-over-tcp", 2),
        ("modbus-ascii-over-tcp", 2),
    ] {
        let mut bench = bench(&config(kind, "", &TAG), UNIT).await;
        bench.simulator.inject(None, Fault::Drop);
        assert_eq!(bench.poll(0).await.outcome, Outcome::TimedOut);
        assert_eq!(bench.poll(0).await.outcome, Outcome::Done, "{kind}");
        assert_eq!(bench.n_connects.load(std::sync::atomic::Ordering::SeqCst), n_connects, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spoiled_answer_gives_no_value_and_the_link_recovers() {
    let faults = [
        Fault::Drop,
        Fault::Garbage(vec![0x55; 40]),
        Fault::Garbage(vec![1, 3, 2]),
        Fault::Truncate(3),
        Fault::Truncate(6),
        Fault::Corrupt,
        Fault::WrongTransaction,
        Fault::WrongUnit(9),
        Fault::Twice,
        Fault::CloseMidFrame,
        Fault::Close,
        Fault::Exception(Exception::SERVER_DEVICE_BUSY),
    ];
    for kind in KINDS {
        // Nothing in a TCP frame shows a flipped bit of the data.
        for fault in faults.iter().filter(|fault| kind != "modbus-tcp" || **fault != Fault::Corrupt) {
            let mut bench = bench(&config(kind, "", &TAG), UNIT).await;
            let mut n_bad = 0;
            for value in 1..8 {
                set(&bench, value);
                if value == 3 {
                    bench.simulator.inject(None, fault.clone());
                }
                let poll = bench.poll(0).await;
                match poll.values.get(&0) {
                    Some(found) => assert_eq!(found, &Value::UInt16(value), "{kind} {fault:?}"),
                    None => n_bad += 1,
                }
                assert!(value < 5 || poll.outcome == Outcome::Done, "{kind} {fault:?}: {poll:?}");
            }
            assert!(n_bad <= 2, "{kind} {fault:?}: {n_bad} polls without a value");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_unit_is_refused_unless_the_header_check_is_lenient() {
    for (keys, status) in [("", Some(Status::BAD_COMMUNICATION_ERROR)), ("header_check = \"lenient\"", None)] {
        let mut bench = bench(&config("modbus-tcp", keys, &TAG), UNIT).await;
        bench.simulator.inject(None, Fault::WrongUnit(255));
        let poll = bench.poll(0).await;
        assert_eq!(poll.refused.first().map(|refusal| refusal.status), status, "{keys}");
        assert_eq!(poll.outcome, Outcome::Done);
    }
    let mut bench = bench(&config("modbus-tcp", "header_check = \"lenient\"", &TAG), UNIT).await;
    bench.simulator.inject(None, Fault::WrongTransaction);
    assert_eq!(bench.poll(0).await.value(0), &Value::UInt16(0));
    assert!(bench.driver.reconnect_after_timeout(), "without numbers a late answer spoils the stream");
}

/// Every fault by chance, late answers above all, and a value that changes before each poll.
#[tokio::test(start_paused = true)]
async fn no_seed_of_chaos_delivers_an_old_value() {
    for kind in KINDS {
        for seed in 0..60 {
            let keys = if seed % 3 == 0 { "in_flight = 4" } else { "" };
            let tags = [("40001", "u16"), ("40201", "u16"), ("40401", "u16"), ("30001", "u16")];
            let mut bench = bench(&config(kind, keys, &tags), &format!("seed = {seed}\n{UNIT}")).await;
            let mut rng = fastrand::Rng::with_seed(seed);
            // Answers without a number are told apart only up to 5 s after their request was given up.
            let (late, busy) = if kind == "modbus-tcp" { (2_900, 1_900) } else { (1_400, 1_200) };
            let late = |rng: &mut fastrand::Rng| Duration::from_millis(rng.u64(1..late));
            bench.simulator.set_chances(vec![
                (0.10, Fault::Late(late(&mut rng))),
                (0.10, Fault::Late(late(&mut rng))),
                (0.05, Fault::Delay(Duration::from_millis(rng.u64(1..busy)))),
                (0.05, Fault::Drop),
                (0.03, Fault::Garbage((0..rng.usize(1..30)).map(|_| rng.u8(..)).collect())),
                (0.03, Fault::Truncate(rng.usize(0..12))),
                (if kind == "modbus-tcp" { 0.0 } else { 0.03 }, Fault::Corrupt),
                (0.03, Fault::CloseMidFrame),
                (0.03, Fault::Exception(Exception::ILLEGAL_DATA_ADDRESS)),
            ]);
            let mut n_good = 0;
            for value in 1..60 {
                for offset in [0, 200, 400] {
                    bench.simulator.set_unit(1, Table::HoldingRegisters, offset, value * 3 + offset);
                }
                bench.simulator.set_unit(1, Table::InputRegisters, 0, value * 7);
                let poll = bench.poll(0).await;
                for (tag, found) in &poll.values {
                    let wanted = [value * 3, value * 3 + 200, value * 3 + 400, value * 7][*tag as usize];
                    assert_eq!(found, &Value::UInt16(wanted), "{kind}, seed {seed}, round {value}, tag {tag}");
                }
                n_good += poll.values.len();
                tokio::time::sleep(Duration::from_millis(rng.u64(0..300))).await;
            }
            assert!(n_good > 20, "{kind}, seed {seed}: only {n_good} values");
            bench.simulator.clear_faults();
            tokio::time::sleep(Duration::from_secs(3)).await;
            bench.poll(0).await;
            assert_eq!(bench.poll(0).await.outcome, Outcome::Done, "{kind}, seed {seed}: did not recover");
        }
    }
}

/// A stream that moves at most one byte per poll and in each direction is pending every other time.
struct Trickle {
    inner: DuplexStream,
    reads: bool,
    writes: bool,
}

fn pause(is_ready: &mut bool, cx: &Context<'_>) -> bool {
    *is_ready = !*is_ready;
    if !*is_ready {
        cx.waker().wake_by_ref();
    }
    !*is_ready
}

impl AsyncRead for Trickle {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Ready<io::Result<()>> {
        if pause(&mut self.reads, cx) {
            return Ready::Pending;
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        let poll = Pin::new(&mut self.inner).poll_read(cx, &mut one);
        buf.put_slice(one.filled());
        poll
    }
}

impl AsyncWrite for Trickle {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Ready<io::Result<usize>> {
        if pause(&mut self.writes, cx) {
            return Ready::Pending;
        }
        Pin::new(&mut self.inner).poll_write(cx, &buf[..1])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Ready<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Ready<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Polls a future at most `n` times, letting the other end work in between, and drops it then.
async fn poll_times<T>(future: impl Future<Output = T>, n: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    for _ in 0..n {
        let mut cx = Context::from_waker(Waker::noop());
        if let Ready::Ready(value) = future.as_mut().poll(&mut cx) {
            return Some(value);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_read_dropped_at_any_await_leaves_a_driver_that_works() {
    for kind in KINDS {
        for keys in ["", "in_flight = 3"] {
            let simulator = Simulator::new(&toml::from_str(UNIT).expect("simulator")).expect("simulator");
            let link = link(&config(kind, keys, &[("40001", "u16"), ("40301", "u16"), ("40601", "u16")]));
            let (far, framing) = (simulator.clone(), framing(kind));
            let connector = move || {
                let (near, end) = tokio::io::duplex(64);
                let far = far.clone();
                tokio::spawn(async move { far.serve(end, framing).await });
                Ok(Trickle { inner: near, reads: true, writes: true })
            };
            let mut driver = ModbusDriver::new(&link, Box::new(connector)).expect("a driver");
            driver.connect().await.expect("in memory");
            let blocks = driver.plan(0, &[0, 1, 2], &[]);
            let mut value = 0;
            for n_polls in 0..220 {
                let mut readings = Readings::default();
                let whole = poll_times(driver.read(&blocks, &mut readings), n_polls).await.is_some();
                value += 1;
                for offset in [0, 300, 600] {
                    simulator.set_unit(1, Table::HoldingRegisters, offset, value + offset);
                }
                readings.clear();
                let outcome = tokio::time::timeout(Duration::from_secs(5), driver.read(&blocks, &mut readings)).await;
                assert!(matches!(outcome, Ok(Ok(()))), "{kind} {keys} after {n_polls} polls: {outcome:?}");
                let mut found: Vec<u16> =
                    readings.values.iter().map(|(.., v, _)| v.as_i128().expect("u16") as u16).collect();
                found.sort_unstable();
                assert_eq!(found, [value, value + 300, value + 600], "{kind} {keys} after {n_polls} polls");
                assert!(
                    n_polls < 200 || whole || !keys.is_empty() || kind != "modbus-tcp",
                    "the read ends before {n_polls} polls"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_dropped_at_any_await_is_not_confirmed_by_its_own_late_echo() {
    for kind in KINDS {
        for n_polls in 0..60 {
            let mut bench = bench(&config(kind, "", &TAG), UNIT).await;
            let mut results = Vec::new();
            let writes = [(0, Value::UInt16(1))];
            poll_times(bench.driver.write(0, &writes, &mut results), n_polls).await;
            let (outcome, results) = bench.write(0, &[(0, Value::UInt16(2))]).await;
            assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]), "{kind}");
            assert_eq!(bench.simulator.unit(1, Table::HoldingRegisters, 0), Some(2), "{kind}");
        }
    }
}

/// A peer that answers each request with fixed bytes.
async fn answer_with(kind: &str, pdus: Vec<Vec<u8>>, writes: &[(u32, Value)]) -> (Vec<Status>, String) {
    let framing = framing(kind);
    let link = link(&config(kind, "", &TAG));
    let connector = move || {
        let (near, mut end) = tokio::io::duplex(4096);
        let pdus = pdus.clone();
        tokio::spawn(async move {
            let mut buf = [0; 300];
            for (idx, pdu) in pdus.into_iter().enumerate() {
                let _ = end.read(&mut buf).await?;
                let mut out = Vec::new();
                encode_frame(framing, idx as u16 + 1, 1, &mut out, |out| out.extend_from_slice(&pdu));
                end.write_all(&out).await?;
            }
            std::future::pending::<io::Result<()>>().await
        });
        Ok::<_, io::Error>(near)
    };
    let mut driver = ModbusDriver::new(&link, Box::new(connector)).expect("a driver");
    driver.connect().await.expect("in memory");
    let mut results = Vec::new();
    let outcome = tokio::time::timeout(Duration::from_secs(1), driver.write(0, writes, &mut results)).await;
    let statuses = results.iter().map(|r| r.as_ref().map_or_else(|e| e.status, |()| Status::GOOD)).collect();
    (statuses, format!("{outcome:?} {results:?}"))
}

#[tokio::test(start_paused = true)]
async fn a_write_is_good_only_when_the_device_repeats_it() {
    let writes = [(0, Value::UInt16(7))];
    for (pdu, status) in [
        (vec![6, 0, 0, 0, 7], Status::GOOD),
        (vec![6, 0, 0, 0, 5], Status::BAD_COMMUNICATION_ERROR),
        (vec![6, 0, 1, 0, 7], Status::BAD_COMMUNICATION_ERROR),
        (vec![6, 0, 0], Status::BAD_COMMUNICATION_ERROR),
        (vec![16, 0, 0, 0, 7], Status::BAD_COMMUNICATION_ERROR),
        (vec![0x86, 3], Status::BAD_OUT_OF_RANGE),
        (vec![0x83, 3], Status::BAD_COMMUNICATION_ERROR),
    ] {
        let (statuses, text) = answer_with("modbus-tcp", vec![pdu.clone()], &writes).await;
        assert_eq!(statuses, [status], "{pdu:02X?}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_loses_its_frames_is_a_link_error() {
    let mut bench = bench(&config("modbus-tcp", "", &TAG), UNIT).await;
    bench.simulator.inject(None, Fault::Garbage(vec![0xFF; 20]));
    assert_eq!(bench.poll(0).await.outcome, Outcome::LinkFailed);
    assert_eq!(bench.poll(0).await.outcome, Outcome::Done);
    bench.driver.disconnect();
    let mut readings = Readings::default();
    let blocks = bench.blocks(0);
    let error = bench.driver.read(&blocks, &mut readings).await.expect_err("closed");
    assert_eq!(error.to_string(), "link is not connected");
}

#[tokio::test(start_paused = true)]
async fn a_serial_line_with_noise_between_answers_goes_on() {
    for kind in ["modbus-rtu", "modbus-ascii"] {
        let mut bench = bench(&config(kind, "", &TAG), UNIT).await;
        for value in 1..30 {
            set(&bench, value);
            bench.simulator.inject(None, Fault::Garbage((0..value as u8).collect()));
            assert_eq!(bench.poll(0).await.value(0), &Value::UInt16(value), "{kind}");
        }
    }
}
