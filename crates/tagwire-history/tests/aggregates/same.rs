//! The engine against itself: blocks, runs, pages and directions give what single samples give.

use tagwire_history::aggregate::{
    Aggregate, Configuration, Engine, Intervals, Lead, Outcome, Processed, Settings, Summary,
};
use tagwire_model::{DataType, Sample, Status, Timestamp, Value, ValueType};

use crate::cases::seconds;

/// A small generator, so that every run tests the same data.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Samples some seconds apart, one in `odd` of them not good.
fn samples(dice: &mut Dice, count: u64, odd: u64) -> Vec<Sample> {
    let mut at = 0;
    let mut samples = Vec::new();
    for _ in 0..count {
        at += 1 + dice.below(5);
        let status = match dice.below(odd) {
            0 => Status::BAD_NO_COMMUNICATION,
            1 => Status::UNCERTAIN,
            _ => Status::GOOD,
        };
        let value = Value::Double(dice.below(10) as f64);
        let time = seconds(at as f64);
        samples.push(Sample { value, status, source_time: time, server_time: time });
    }
    samples
}

fn settings(aggregate: Aggregate, dice: &mut Dice) -> Settings {
    let percent_data_good = dice.below(101) as u8;
    Settings {
        aggregate,
        configuration: Configuration {
            treat_uncertain_as_bad: dice.below(2) == 0,
            percent_data_good,
            percent_data_bad: 100 - percent_data_good + dice.below(u64::from(percent_data_good) + 1) as u8,
            use_sloped_extrapolation: dice.below(2) == 0,
        },
        stepped: dice.below(2) == 0,
        value_type: ValueType::scalar(DataType::Double),
        annotations: None,
    }
}

fn one_by_one(settings: &Settings, intervals: Intervals, samples: &[Sample]) -> Vec<Processed> {
    let mut engine = Engine::new(settings.clone(), intervals).unwrap();
    let mut results = Vec::new();
    for sample in samples {
        engine.push(sample, &mut results);
    }
    engine.finish(&mut results);
    results
}

#[track_caller]
fn assert_same(what: &str, settings: &Settings, got: &[Processed], wanted: &[Processed]) {
    assert_eq!(got.len(), wanted.len(), "{what}: {settings:?}");
    for (got, wanted) in got.iter().zip(wanted) {
        let value = match (&got.value, &wanted.value) {
            (Outcome::Value(a), Outcome::Value(b)) => match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => (a - b).abs() < 1e-9,
                (a, b) => a == b,
            },
            (a, b) => a == b,
        };
        assert!(
            value && got.status == wanted.status && got.time == wanted.time,
            "{what}: {got:?} is not {wanted:?} with {settings:?}"
        );
    }
}

fn every_aggregate(check: impl Fn(&mut Dice, Settings)) {
    let mut dice = Dice(7);
    for round in 0..60 {
        for aggregate in Aggregate::ALL {
            let settings = settings(aggregate, &mut dice);
            let mut dice = Dice(round * 1_000 + u64::from(aggregate.node()));
            check(&mut dice, settings);
        }
    }
}

/// The span and width of the intervals, forwards or backwards, starting before, in or after the data.
fn intervals(dice: &mut Dice) -> Intervals {
    let (from, to) = (dice.below(60) as f64 - 20.0, 30.0 + dice.below(200) as f64);
    let ticks = (1 + dice.below(40) as i64) * Timestamp::TICKS_PER_SECOND;
    let (from, to) = if dice.below(3) == 0 { (to + 40.0, from) } else { (from, to + 40.0) };
    Intervals::new(seconds(from), seconds(to), ticks).unwrap()
}

#[test]
fn blocks_give_what_their_samples_give() {
    let taken = std::cell::Cell::new(0);
    every_aggregate(|dice, settings| {
        let samples = samples(dice, 60, 12);
        let intervals = intervals(dice);
        let mut engine = Engine::new(settings.clone(), intervals).unwrap();
        let mut results = Vec::new();
        let mut rest = &samples[..];
        while !rest.is_empty() {
            let (block, after) = rest.split_at((1 + dice.below(6) as usize).min(rest.len()));
            rest = after;
            if Summary::of(block).is_some_and(|block| engine.push_block(&block, &mut results)) {
                taken.set(taken.get() + 1);
                continue;
            }
            block.iter().for_each(|sample| engine.push(sample, &mut results));
        }
        engine.finish(&mut results);
        assert_same("blocks", &settings, &results, &one_by_one(&settings, intervals, &samples));
    });
    assert!(taken.get() > 2_000, "{}", taken.get());
}

#[test]
fn runs_of_good_values_give_what_their_samples_give() {
    every_aggregate(|dice, settings| {
        let samples = samples(dice, 80, u64::MAX);
        let intervals = intervals(dice);
        let times: Vec<Timestamp> = samples.iter().map(|sample| sample.source_time).collect();
        let numbers: Vec<f64> = samples.iter().filter_map(|sample| sample.value.as_f64()).collect();
        let mut engine = Engine::new(settings.clone(), intervals).unwrap();
        let mut results = Vec::new();
        let cut = dice.below(80) as usize;
        engine.push_good(&times[..cut], &numbers[..cut], &mut results);
        engine.push_good(&times[cut..], &numbers[cut..], &mut results);
        engine.finish(&mut results);
        assert_same("runs", &settings, &results, &one_by_one(&settings, intervals, &samples));
    });
}

#[test]
fn pages_read_from_their_lead_on_give_the_whole() {
    every_aggregate(|dice, settings| {
        let samples = samples(dice, 60, 6);
        let whole = intervals(dice);
        let mut wanted = one_by_one(&settings, whole, &samples);
        if whole.backwards() {
            wanted.reverse();
        }
        let mut got = Vec::new();
        let len = 1 + dice.below(7);
        while let Some(page) = whole.page(got.len() as u64, len) {
            let mut results = Vec::new();
            let mut engine = Engine::new(settings.clone(), page).unwrap();
            for sample in &samples[lead(&settings, &samples, page)..] {
                engine.push(sample, &mut results);
                if engine.is_complete() {
                    break;
                }
            }
            engine.finish(&mut results);
            if page.backwards() {
                results.reverse();
            }
            got.append(&mut results);
        }
        assert_same("pages", &settings, &got, &wanted);
    });
}

/// Where to start reading for a page.
fn lead(settings: &Settings, samples: &[Sample], page: Intervals) -> usize {
    let before = samples.partition_point(|sample| sample.source_time < page.early());
    let usable = |sample: &Sample| {
        let status = sample.status;
        status.is_good() || (status.is_uncertain() && !settings.configuration.treat_uncertain_as_bad)
    };
    let wanted = match settings.aggregate.lead(settings.configuration.use_sloped_extrapolation) {
        Lead::Latest => return before.saturating_sub(1),
        Lead::LatestUsable => 1,
        Lead::SecondUsable => 2,
    };
    let usable = samples[..before].iter().enumerate().rev().filter(|(_, sample)| usable(sample));
    usable.map(|(idx, _)| idx).nth(wanted - 1).unwrap_or(0)
}

#[test]
fn time_running_backwards_moves_results_to_the_other_end_of_their_interval() {
    every_aggregate(|dice, mut settings| {
        settings.configuration.treat_uncertain_as_bad = false;
        let samples = samples(dice, 60, u64::MAX);
        // Half a second off the samples, so that no sample lies on an edge.
        let (from, to) = (seconds(-9.5), seconds(10.5 + 20.0 * (1 + dice.below(14)) as f64));
        let ticks = 20 * Timestamp::TICKS_PER_SECOND;
        let forwards = one_by_one(&settings, Intervals::new(from, to, ticks).unwrap(), &samples);
        let backwards = one_by_one(&settings, Intervals::new(to, from, ticks).unwrap(), &samples);
        let directed = [
            Aggregate::Interpolative,
            Aggregate::StartBound,
            Aggregate::EndBound,
            Aggregate::MinimumActualTime2,
            Aggregate::MaximumActualTime2,
        ];
        if directed.contains(&settings.aggregate) {
            return;
        }
        for (forwards, backwards) in forwards.iter().zip(&backwards) {
            assert_eq!(
                (&forwards.value, forwards.status),
                (&backwards.value, backwards.status),
                "{settings:?}: {forwards:?} {backwards:?}"
            );
            let moved = backwards.time.ticks_since(forwards.time);
            assert!(moved == ticks || moved == 0, "{settings:?}: {forwards:?} {backwards:?}");
        }
    });
}

#[test]
fn the_bounds_of_an_interval_change_places_when_time_runs_backwards() {
    let sample = |at: f64, value: f64| Sample::good(Value::Double(value), seconds(at));
    let samples = [sample(0.0, 1.0), sample(10.0, 2.0), sample(20.0, 3.0), sample(30.0, 4.0)];
    let result = |aggregate, from: f64, to: f64| {
        let settings = Settings {
            aggregate,
            configuration: Configuration::default(),
            stepped: false,
            value_type: ValueType::scalar(DataType::Double),
            annotations: None,
        };
        let intervals = Intervals::new(seconds(from), seconds(to), 0).unwrap();
        one_by_one(&settings, intervals, &samples).remove(0)
    };
    let value = |number| Outcome::Value(Value::Double(number));
    assert_eq!(result(Aggregate::StartBound, 10.0, 20.0).value, value(2.0));
    assert_eq!(result(Aggregate::StartBound, 20.0, 10.0).value, value(3.0));
    assert_eq!(result(Aggregate::EndBound, 20.0, 10.0).value, value(2.0));
    assert_eq!(result(Aggregate::Interpolative, 20.0, 10.0).value, value(3.0));
    assert_eq!(result(Aggregate::Start, 10.0, 20.0).value, value(2.0));
    assert_eq!(result(Aggregate::Start, 20.0, 10.0).value, value(3.0));
    let smallest = result(Aggregate::MinimumActualTime2, 20.0, 10.0);
    assert_eq!((smallest.value, smallest.time), (value(2.0), seconds(10.001)));
    let largest = result(Aggregate::MaximumActualTime2, 10.0, 20.0);
    assert_eq!((largest.value, largest.time), (value(3.0), seconds(19.999)));
}

#[test]
fn a_value_that_is_known_to_hold_completes_its_interval() {
    let settings = Settings {
        aggregate: Aggregate::TimeAverage2,
        configuration: Configuration::default(),
        stepped: true,
        value_type: ValueType::scalar(DataType::Double),
        annotations: None,
    };
    let mut engine =
        Engine::new(settings, Intervals::endless(seconds(0.0), 10 * Timestamp::TICKS_PER_SECOND).unwrap()).unwrap();
    let mut results = Vec::new();
    engine.push(&Sample::good(Value::Double(4.0), seconds(0.0)), &mut results);
    engine.hold_until(seconds(9.0), &mut results);
    assert!(results.is_empty());
    engine.hold_until(seconds(30.0), &mut results);
    let good = Status::GOOD.with_info(0x01);
    assert_eq!(results.len(), 3);
    for result in &results {
        assert_eq!((&result.value, result.status), (&Outcome::Value(Value::Double(4.0)), good));
    }
    assert_eq!(engine.next_end(), Some(seconds(40.0)));
}

#[test]
fn integers_and_text_keep_their_types_and_every_digit() {
    let run = |aggregate, data_type, values: &[Value]| {
        let settings = Settings {
            aggregate,
            configuration: Configuration::default(),
            stepped: false,
            value_type: ValueType::scalar(data_type),
            annotations: None,
        };
        let samples: Vec<Sample> = values
            .iter()
            .enumerate()
            .map(|(at, value)| Sample::good(value.clone(), seconds(at as f64 * 10.0)))
            .collect();
        let intervals = Intervals::new(seconds(5.0), seconds(25.0), 0).unwrap();
        one_by_one(&settings, intervals, &samples).remove(0).value
    };
    let large = i64::MAX - 7;
    let longs = [Value::Int64(0), Value::Int64(large), Value::Int64(large + 3), Value::Int64(0)];
    assert_eq!(run(Aggregate::Maximum, DataType::Int64, &longs[..2]), Outcome::Value(Value::Int64(large)));
    assert_eq!(run(Aggregate::Delta, DataType::Int64, &longs), Outcome::Value(Value::Int64(3)));
    let words = [Value::text("idle"), Value::text("run"), Value::text("stop"), Value::text("run")];
    assert_eq!(run(Aggregate::Interpolative, DataType::String, &words), Outcome::Value(Value::text("idle")));
    assert_eq!(run(Aggregate::End, DataType::String, &words), Outcome::Value(Value::text("stop")));
    assert_eq!(run(Aggregate::Count, DataType::String, &words), Outcome::Value(Value::Int32(2)));
    let bytes = [Value::UInt8(9), Value::UInt8(200), Value::UInt8(5), Value::UInt8(5)];
    assert_eq!(run(Aggregate::Delta, DataType::UInt8, &bytes), Outcome::Value(Value::Double(-195.0)));
    assert_eq!(run(Aggregate::Range, DataType::UInt8, &bytes), Outcome::Value(Value::UInt8(195)));
    assert_eq!(run(Aggregate::Interpolative, DataType::UInt8, &bytes), Outcome::Value(Value::UInt8(105)));
}
