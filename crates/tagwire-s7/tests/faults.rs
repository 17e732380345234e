//! Faults of line and CPU, on a simulated clock: whatever happens, a value that is delivered is the current one.

mod common;

use std::future::Future;
use std::io;
use std::task::{Context, Poll as Ready, Waker};
use std::time::Duration;

use common::{Bench, Outcome, bench, config};
use tagwire_driver::{PolledDriver as _, Readings};
use tagwire_model::{Status, Value};
use tagwire_s7::codec::{HeaderError, ReturnCode};
use tagwire_s7::simulator::Fault;

const TAG: [(&str, &str); 1] = [("DB1,W0", "")];

fn set(bench: &Bench, address: &str, value: u16) {
    bench.simulator.set(address, &Value::UInt16(value)).expect("fits");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_never_becomes_the_answer_to_a_later_read() {
    for late in [1001, 1500, 1999, 2500] {
        let mut bench = bench(&config("", "", &TAG), "").await;
        set(&bench, "DB1,W0", 1);
        bench.simulator.inject(Fault::Late(Duration::from_millis(late)));
        assert_eq!(bench.poll(0).await.outcome, Outcome::TimedOut);
        for value in 2..10 {
            set(&bench, "DB1,W0", value);
            assert_eq!(bench.poll(0).await.value(0), &Value::UInt16(value), "{late} ms late");
            tokio::time::sleep(Duration::from_millis(137)).await;
        }
        assert_eq!(bench.n_connects.load(std::sync::atomic::Ordering::SeqCst), 1, "the stream is still good");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_confirmation_never_confirms_a_later_write() {
    let mut bench = bench(&config("", "", &TAG), "").await;
    bench.simulator.inject(Fault::Late(Duration::from_millis(1500)));
    let (outcome, results) = bench.write(0, &[(0, Value::UInt16(1))]).await;
    assert_eq!((outcome, results.len()), (Outcome::TimedOut, 0));
    bench.simulator.inject(Fault::Drop);
    let (outcome, results) = bench.write(0, &[(0, Value::UInt16(2))]).await;
    assert_eq!((outcome, results.len()), (Outcome::TimedOut, 0));
    let (outcome, results) = bench.write(0, &[(0, Value::UInt16(3))]).await;
    assert_eq!((outcome, results), (Outcome::Done, vec![Ok(())]));
}

#[tokio::test(start_paused = true)]
async fn a_spoiled_answer_gives_no_value_and_the_link_recovers() {
    for fault in [
        Fault::Drop,
        Fault::Garbage(vec![0x55; 40]),
        Fault::Garbage(vec![3, 0, 0]),
        Fault::Truncate(3),
        Fault::Truncate(12),
        Fault::WrongReference,
        Fault::Twice,
        Fault::CloseMidFrame,
        Fault::Close,
        Fault::Refuse(HeaderError::PDU_SIZE),
        Fault::Item(ReturnCode::ACCESS_DENIED),
    ] {
        let mut bench = bench(&config("", "", &TAG), "").await;
        let mut n_bad = 0;
        for value in 1..8 {
            set(&bench, "DB1,W0", value);
            if value == 3 {
                bench.simulator.inject(fault.clone());
            }
            let poll = bench.poll(0).await;
            match poll.values.get(&0) {
                Some(found) => assert_eq!(found, &Value::UInt16(value), "{fault:?}"),
                None => n_bad += 1,
            }
            assert!(value < 6 || poll.outcome == Outcome::Done, "{fault:?}: {poll:?}");
        }
        assert!(n_bad <= 3, "{fault:?}: {n_bad} polls without a value");
    }
}

/// Every fault by chance, late answers above all, and values that change before each poll.
#[tokio::test(start_paused = true)]
async fn no_seed_of_chaos_delivers_an_old_value() {
    for seed in 0..200 {
        let tags = [("DB1,W0", ""), ("DB1,W400", ""), ("MW800", ""), ("DB1,W1200", "")];
        let keys = if seed % 3 == 0 { "max_items = 1" } else { "" };
        let mut bench = bench(&config(keys, "", &tags), &format!("seed = {seed}")).await;
        let mut rng = fastrand::Rng::with_seed(seed);
        let late = |rng: &mut fastrand::Rng| Duration::from_millis(rng.u64(1..2_900));
        bench.simulator.set_chances(vec![
            (0.10, Fault::Late(late(&mut rng))),
            (0.10, Fault::Late(late(&mut rng))),
            (0.05, Fault::Delay(Duration::from_millis(rng.u64(1..1_900)))),
            (0.05, Fault::Drop),
            (0.05, Fault::Item(ReturnCode::ADDRESS)),
            (0.03, Fault::Refuse(HeaderError::OBJECT_ACCESS)),
        ]);
        let mut n_good = 0;
        for value in 1..60 {
            for (idx, (address, _)) in tags.iter().enumerate() {
                set(&bench, address, value * 10 + idx as u16);
            }
            let poll = bench.poll(0).await;
            for (tag, found) in &poll.values {
                assert_eq!(found, &Value::UInt16(value * 10 + *tag as u16), "seed {seed}, round {value}, tag {tag}");
            }
            n_good += poll.values.len();
            tokio::time::sleep(Duration::from_millis(rng.u64(0..300))).await;
        }
        assert!(n_good > 20, "seed {seed}: only {n_good} values");
        bench.simulator.clear_faults();
        tokio::time::sleep(Duration::from_secs(3)).await;
        bench.poll(0).await;
        assert_eq!(bench.poll(0).await.outcome, Outcome::Done, "seed {seed}: did not recover");
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
    let simulator = common::simulator("");
    let link = common::link(&config("max_items = 1", "", &[("MW0", ""), ("MW400", ""), ("MW800", "")]));
    let far = simulator.clone();
    let connector = move || {
        // So narrow that every job takes several polls.
        let (near, end) = tokio::io::duplex(7);
        let far = far.clone();
        tokio::spawn(async move { far.serve(end).await });
        Ok::<_, io::Error>(near)
    };
    let mut driver = tagwire_s7::S7Driver::new(&link, Box::new(connector)).expect("a driver");
    driver.connect().await.expect("in memory");
    let blocks = driver.plan(0, &[0, 1, 2], &[]);
    for value in 0..120_u16 {
        let mut readings = Readings::default();
        poll_times(driver.read(&blocks, &mut readings), usize::from(value)).await;
        for (idx, address) in ["MW0", "MW400", "MW800"].iter().enumerate() {
            simulator.set(address, &Value::UInt16(value * 10 + idx as u16)).expect("fits");
        }
        readings.clear();
        let outcome = tokio::time::timeout(Duration::from_secs(5), driver.read(&blocks, &mut readings)).await;
        assert!(matches!(outcome, Ok(Ok(()))), "after {value} polls: {outcome:?}");
        assert_eq!(readings.values.len(), 3);
        for (_, tag, found, _) in &readings.values {
            assert_eq!(found, &Value::UInt16(value * 10 + *tag as u16), "after {value} polls");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_loses_its_frames_is_a_link_error() {
    let mut bench = bench(&config("", "", &TAG), "").await;
    bench.simulator.inject(Fault::Garbage(vec![0xFF; 20]));
    assert_eq!(bench.poll(0).await.outcome, Outcome::LinkFailed);
    assert_eq!(bench.poll(0).await.outcome, Outcome::Done);
    bench.driver.disconnect();
    let mut readings = Readings::default();
    let blocks = bench.blocks(0);
    let error = bench.driver.read(&blocks, &mut readings).await.expect_err("closed");
    assert_eq!(error.to_string(), "link is not connected");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_another_length_is_no_value() {
    let mut bench = bench(&config("", "", &TAG), "").await;
    bench.simulator.inject(Fault::Refuse(HeaderError(0x8702)));
    let poll = bench.poll(0).await;
    assert_eq!(poll.refused[0].status, Status::BAD_UNEXPECTED_ERROR);
    assert!(poll.refused[0].reason.contains("0x8702"));
}
