//! Faults of line and controller, on a simulated clock: whatever happens, a value that is delivered is the current one.

mod common;

use std::future::Future;
use std::time::Duration;

use common::{PLANT, bench, config, simulator};
use tagwire_driver::testing::{Outcome, link};
use tagwire_driver::{PolledDriver as _, Readings};
use tagwire_enip::codec::Status as CipStatus;
use tagwire_enip::simulator::{Fault, Plain, Simulator};
use tagwire_enip::{EnipDriver, EnipKind};
use tagwire_model::{Status, Value};

const TAG: [(&str, &str); 1] = [("Number", "i32")];
const WAYS: [&str; 4] = ["", "connection_size = 504", "messaging = \"unconnected\"", "upload = false"];

fn set(simulator: &Simulator, address: &str, value: i64) {
    simulator.set(address, &Plain::Integer(value)).expect("a tag");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_never_becomes_the_answer_to_a_later_read() {
    for keys in WAYS {
        for late in [1001, 1500, 1999, 2500] {
            let (_, simulator) = simulator(PLANT);
            let mut bench = bench(keys, &TAG, &simulator).await;
            bench.poll(0).await;
            simulator.inject(Fault::Late(Duration::from_millis(late)));
            assert_eq!(bench.poll(0).await.outcome, Outcome::TimedOut, "{keys}");
            for value in 2..10 {
                set(&simulator, "Number", value);
                let poll = bench.poll(0).await;
                assert_eq!(poll.value(0), &Value::Int32(value as i32), "{keys}, {late} ms late");
                tokio::time::sleep(Duration::from_millis(137)).await;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_confirmation_never_confirms_a_later_write() {
    for keys in WAYS {
        let (_, simulator) = simulator(PLANT);
        let mut bench = bench(keys, &TAG, &simulator).await;
        bench.poll(0).await;
        simulator.inject(Fault::Late(Duration::from_millis(1500)));
        let (outcome, results) = bench.write(0, &[(0, Value::Int32(1))]).await;
        assert_eq!((outcome, results.len()), (Outcome::TimedOut, 0), "{keys}");
        let (outcome, results) = bench.write(0, &[(0, Value::Int32(3))]).await;
        assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]), "{keys}");
        assert_eq!(simulator.value("Number").expect("a tag"), Some(Value::Int32(3)), "{keys}");
    }
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::Drop,
        Fault::Garbage(vec![0x55; 40]),
        Fault::Garbage(vec![0x6F, 0, 2, 0]),
        Fault::Truncate(3),
        Fault::Truncate(30),
        Fault::Shorten(0),
        Fault::Shorten(5),
        Fault::WrongNumber,
        Fault::Twice,
        Fault::CloseMidFrame,
        Fault::Close,
        Fault::LoseConnections,
        Fault::Status(CipStatus::RESOURCE_UNAVAILABLE),
        Fault::Inner(CipStatus::PATH_UNKNOWN),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_spoiled_answer_gives_no_value_and_the_link_recovers() {
    for keys in WAYS {
        for fault in faults() {
            let (_, simulator) = simulator(PLANT);
            let mut bench = bench(keys, &[("Number", "i32"), ("Row[3]", "i32")], &simulator).await;
            let mut n_bad = 0;
            for value in 1..8 {
                set(&simulator, "Number", value);
                set(&simulator, "Row[3]", value * 2);
                if value == 3 {
                    simulator.inject(fault.clone());
                }
                let poll = bench.poll(0).await;
                for (tag, found) in &poll.values {
                    let wanted = if *tag == 0 { value } else { value * 2 } as i32;
                    assert_eq!(found, &Value::Int32(wanted), "{keys} {fault:?}");
                }
                n_bad += usize::from(poll.values.len() < 2);
                assert!(value < 5 || poll.outcome == Outcome::Done, "{keys} {fault:?}: {poll:?}");
            }
            assert!(n_bad <= 2, "{keys} {fault:?}: {n_bad} polls without a value");
        }
    }
}

/// Every fault by chance, downloads in between, and values that change before each poll.
#[tokio::test(start_paused = true)]
async fn no_seed_of_chaos_delivers_an_old_or_a_foreign_value() {
    for keys in WAYS {
        for seed in 0..100 {
            let (plant, simulator) = simulator(&format!("seed = {seed}\n{PLANT}"));
            let tags = [
                ("Number", "i32"),
                ("Row[3]", "i32"),
                ("Row[150]", "i32"),
                ("M.Count", "i32"),
                ("M.Small", "i32"),
                ("M.Speed", "f32"),
                ("Program:Main.Step", "i32"),
            ];
            let mut bench = bench(keys, &tags, &simulator).await;
            let mut rng = fastrand::Rng::with_seed(seed);
            let late = |rng: &mut fastrand::Rng| Duration::from_millis(rng.u64(1..2_900));
            let mut chances = vec![
                (0.05, Fault::Late(late(&mut rng))),
                (0.05, Fault::Late(late(&mut rng))),
                (0.05, Fault::Delay(Duration::from_millis(rng.u64(1..1_900)))),
            ];
            chances.extend(faults().into_iter().map(|fault| (0.02, fault)));
            simulator.set_chances(chances);
            let mut n_good = 0;
            for value in 1..60_i64 {
                if rng.u8(..12) == 0 {
                    let mut next = plant.clone();
                    next.structures[0].members.rotate_left(rng.usize(0..5));
                    simulator.download(&next).expect("a program");
                }
                for (factor, (address, _)) in (1..).zip(&tags) {
                    if *address == "M.Speed" {
                        simulator.set(address, &Plain::Float(1.5)).expect("a tag");
                    } else {
                        set(&simulator, address, value * factor % 100);
                    }
                }
                let poll = bench.poll(0).await;
                for (tag, found) in &poll.values {
                    let number = (value * (i64::from(*tag) + 1) % 100) as i32;
                    let wanted = if *tag == 5 { Value::Float(1.5) } else { Value::Int32(number) };
                    assert_eq!(found, &wanted, "{keys}, seed {seed}, round {value}, tag {tag}");
                }
                n_good += poll.values.len();
                tokio::time::sleep(Duration::from_millis(rng.u64(0..300))).await;
            }
            assert!(n_good > 40, "{keys}, seed {seed}: only {n_good} values");
            simulator.clear_faults();
            tokio::time::sleep(Duration::from_secs(3)).await;
            bench.poll(0).await;
            let poll = bench.poll(0).await;
            assert_eq!((poll.outcome, poll.values.len()), (Outcome::Done, 7), "{keys}, seed {seed}: did not recover");
        }
    }
}

/// Polls a future at most `n` times, letting the other end work in between, and drops it then.
async fn poll_times<T>(future: impl Future<Output = T>, n: usize) -> Option<T> {
    let mut future = std::pin::pin!(future);
    for _ in 0..n {
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return Some(value);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn a_read_dropped_at_any_await_leaves_a_driver_that_works() {
    for keys in WAYS {
        let (_, simulator) = simulator(PLANT);
        let link = link(&EnipKind, &config(keys, &[("Number", "i32"), ("Row[3]", "i32"), ("Row[150]", "i32")]));
        let far = simulator.clone();
        let connector = move || {
            // So narrow that every frame takes several reads.
            let (near, end) = tokio::io::duplex(16);
            let far = far.clone();
            tokio::spawn(async move { far.serve(end).await });
            Ok(near)
        };
        let mut driver = EnipDriver::new(&link, Box::new(connector)).expect("a driver");
        driver.connect().await.expect("in memory");
        let blocks = driver.plan(0, &[0, 1, 2], &[]);
        for n_polls in 0..120 {
            let mut readings = Readings::default();
            poll_times(driver.read(&blocks, &mut readings), n_polls).await;
            let value = n_polls as i64 + 1;
            for (factor, address) in (1..).zip(["Number", "Row[3]", "Row[150]"]) {
                set(&simulator, address, value * factor);
            }
            readings.clear();
            let outcome = tokio::time::timeout(Duration::from_secs(5), driver.read(&blocks, &mut readings)).await;
            assert!(matches!(outcome, Ok(Ok(()))), "{keys} after {n_polls} polls: {outcome:?}");
            let mut found: Vec<i128> = readings.values.iter().map(|(.., v, _)| v.as_i128().expect("i32")).collect();
            found.sort_unstable();
            assert_eq!(found, [1, 2, 3].map(|n| i128::from(value * n)), "{keys} after {n_polls} polls");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_is_good_only_when_the_controller_confirmed_it() {
    for keys in WAYS {
        for (fault, status) in [
            (Fault::Status(CipStatus::PRIVILEGE_VIOLATION), Status::BAD_NOT_WRITABLE),
            (Fault::Status(CipStatus::STATE_CONFLICT), Status::BAD_INVALID_STATE),
            (Fault::Shorten(3), Status::BAD_COMMUNICATION_ERROR),
            (Fault::Shorten(0), Status::BAD_COMMUNICATION_ERROR),
        ] {
            let (_, simulator) = simulator(PLANT);
            let mut bench = bench(keys, &TAG, &simulator).await;
            bench.poll(0).await;
            simulator.inject(fault.clone());
            let (_, results) = bench.write(0, &[(0, Value::Int32(7))]).await;
            let found: Vec<Status> =
                results.iter().map(|r| r.as_ref().map_or_else(|e| e.status, |()| Status::GOOD)).collect();
            assert_eq!(found, [status], "{keys} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_loses_its_frames_is_a_link_error() {
    let (_, simulator) = simulator(PLANT);
    let mut bench = bench("upload = false", &TAG, &simulator).await;
    bench.poll(0).await;
    simulator.inject(Fault::Garbage(vec![0xFF; 24]));
    assert_eq!(bench.poll(0).await.outcome, Outcome::LinkFailed);
    assert_eq!(bench.poll(0).await.outcome, Outcome::Done);
    bench.driver.disconnect();
    let mut readings = Readings::default();
    let blocks = bench.blocks(0);
    let error = bench.driver.read(&blocks, &mut readings).await.expect_err("closed");
    assert_eq!(error.to_string(), "link is not connected");
}
