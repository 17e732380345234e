//! What a block of samples amounts to.

use tagwire_model::{Sample, Timestamp, Value};

/// The smallest or the largest value of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Extreme {
    /// The value.
    pub value: Value,
    /// When it first occurs.
    pub time: Timestamp,
    /// Whether it occurs again.
    pub repeated: bool,
}

/// What a block of consecutive samples amounts to, all of them good and all of them values of the tag's type.
///
/// The engine takes it in place of the samples where that gives the very same result.
/// What is not known may be left out; aggregates that need it then refuse the block.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The first sample.
    pub first: Sample,
    /// The last sample; the first one once more when there is only one.
    pub last: Sample,
    /// How many samples there are, at least one.
    pub count: u64,
    /// The sum of the values.
    pub sum: f64,
    /// The smallest value.
    pub smallest: Option<Extreme>,
    /// The largest value.
    pub largest: Option<Extreme>,
    /// The area below straight lines between the values, from the first to the last one, in value times seconds.
    pub sloped_area: Option<f64>,
    /// The area below the values when each holds until the next one, in value times seconds.
    pub stepped_area: Option<f64>,
}

impl Summary {
    /// The summary of these samples; `None` when there is none or one is not a good number.
    ///
    /// This is the reference for what a store keeps per block.
    pub fn of(samples: &[Sample]) -> Option<Self> {
        let (first, last) = (samples.first()?, samples.last()?);
        let mut sum = 0.0;
        let (mut sloped, mut stepped) = (0.0, 0.0);
        let (mut smallest, mut largest): (Option<Extreme>, Option<Extreme>) = (None, None);
        let mut before: Option<(Timestamp, f64)> = None;
        for sample in samples {
            let number = sample.value.as_f64().filter(|_| sample.status.is_good())?;
            sum += number;
            for (extreme, smaller) in [(&mut smallest, true), (&mut largest, false)] {
                let best = extreme.as_ref().and_then(|extreme| extreme.value.as_f64());
                match (best, extreme.as_mut()) {
                    (Some(best), Some(extreme)) if best == number => extreme.repeated = true,
                    (Some(best), _) if (smaller && number >= best) || (!smaller && number <= best) => {}
                    _ => {
                        let value = sample.value.clone();
                        *extreme = Some(Extreme { value, time: sample.source_time, repeated: false });
                    }
                }
            }
            if let Some((time, old)) = before {
                let seconds = sample.source_time.ticks_since(time) as f64 / Timestamp::TICKS_PER_SECOND as f64;
                sloped += (old + number) / 2.0 * seconds;
                stepped += old * seconds;
            }
            before = Some((sample.source_time, number));
        }
        Some(Self {
            first: first.clone(),
            last: last.clone(),
            count: samples.len() as u64,
            sum,
            smallest,
            largest,
            sloped_area: Some(sloped),
            stepped_area: Some(stepped),
        })
    }
}
