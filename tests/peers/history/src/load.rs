//! The load: mixed types, time-ordered arrival, times shared by the tags of a scan group.
//!
//! 40 % doubles of an ADC, 15 % noisy singles, 5 % full noise, 15 % counters, 10 % set-points, 15 % Booleans; a fifth of
//! the tags has times of its own; mostly Good.

use fastrand::Rng;
use tagwire_history::{Batch, Reason, TagNumber, TagSpec};
use tagwire_model::{DataType, Status, Timestamp, Value, ValueType};

/// Tags that are read together.
pub const GROUP: usize = 100;
/// Samples that reach the historian at once, as after a few scans of devices.
pub const BATCH: usize = 1_000;
/// When the load begins.
pub const EPOCH: i64 = 133_600_320_000_000_000;
/// One scan in a second.
pub const STEP: i64 = Timestamp::TICKS_PER_SECOND;

/// One sample.
#[derive(Clone, Debug)]
pub struct Row {
    pub tag: u32,
    pub source: i64,
    pub server: i64,
    pub status: u32,
    pub value: Value,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Adc(i32),
    Single(f32),
    Noise,
    Counter(i32),
    SetPoint(i32),
    Switch(bool),
}

impl Kind {
    fn new(idx: usize) -> Self {
        match idx * 37 % 100 {
            0..40 => Self::Adc(2_000),
            40..55 => Self::Single(20.0),
            55..60 => Self::Noise,
            60..75 => Self::Counter(0),
            75..85 => Self::SetPoint(50),
            _ => Self::Switch(false),
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Adc(_) | Self::Noise | Self::Single(_) => DataType::Double,
            Self::Counter(_) | Self::SetPoint(_) => DataType::Int32,
            Self::Switch(_) => DataType::Boolean,
        }
    }

    fn next(&mut self, rng: &mut Rng) -> Value {
        match self {
            Self::Adc(raw) => {
                *raw = (*raw + rng.i32(-3..=3)).clamp(0, 4_095);
                Value::Double(f64::from(*raw) * (100.0 / 4_095.0))
            }
            Self::Single(value) => {
                *value += rng.f32() * 0.02 - 0.01;
                Value::Double(f64::from(*value))
            }
            Self::Noise => Value::Double(rng.f64()),
            Self::Counter(count) => {
                *count = count.wrapping_add(rng.i32(0..4));
                Value::Int32(*count)
            }
            Self::SetPoint(value) => {
                if rng.u32(..5_000) == 0 {
                    *value = rng.i32(0..100);
                }
                Value::Int32(*value)
            }
            Self::Switch(on) => {
                if rng.u32(..200) == 0 {
                    *on = !*on;
                }
                Value::Boolean(*on)
            }
        }
    }
}

/// Makes one scan of all tags after the other.
#[derive(Debug)]
pub struct Load {
    kinds: Vec<Kind>,
    rng: Rng,
    scan: i64,
}

impl Load {
    pub fn new(n_tags: usize) -> Self {
        Self { kinds: (0..n_tags).map(Kind::new).collect(), rng: Rng::with_seed(7), scan: 0 }
    }

    /// As [`Load::new`], with noise only, which no codec makes smaller.
    pub fn noise(n_tags: usize) -> Self {
        Self { kinds: vec![Kind::Noise; n_tags], rng: Rng::with_seed(7), scan: 0 }
    }

    /// Whether a tag has times of its own.
    pub fn is_alone(tag: usize) -> bool {
        (tag / GROUP).is_multiple_of(5)
    }

    /// The time of the scan that comes next.
    pub fn time(&self) -> i64 {
        EPOCH + self.scan * STEP
    }

    /// The tags as the historian knows them.
    pub fn specs(&self) -> Vec<TagSpec> {
        let spec = |(idx, kind): (usize, &Kind)| TagSpec {
            path: format!("plant.area{}.tag{idx}", idx / GROUP).into(),
            value_type: ValueType::scalar(kind.data_type()),
            group: (!Self::is_alone(idx)).then_some((idx / GROUP) as u32),
        };
        self.kinds.iter().enumerate().map(spec).collect()
    }

    /// The next scan of all tags.
    pub fn rows(&mut self, rows: &mut Vec<Row>) {
        rows.clear();
        let time = self.time();
        self.scan += 1;
        let Self { kinds, rng, .. } = self;
        let jitter = |rng: &mut Rng| rng.i64(0..20_000) / 10 * 10;
        let (mut server, mut status) = (time, Status::GOOD);
        for (tag, kind) in kinds.iter_mut().enumerate() {
            if tag % GROUP == 0 {
                status = if rng.u32(..2_000) == 0 { Status::BAD_NO_COMMUNICATION } else { Status::GOOD };
                server = time + jitter(rng);
            }
            let source = if Self::is_alone(tag) { time - jitter(rng) } else { server };
            rows.push(Row { tag: tag as u32, source, server, status: status.0, value: kind.next(rng) });
        }
    }
}

/// Rows as the historian takes them.
pub fn batches(rows: &[Row], tags: &[TagNumber], batches: &mut Vec<Batch>) {
    let n = rows.len().div_ceil(BATCH);
    batches.resize_with(n, Batch::new);
    for (batch, rows) in batches.iter_mut().zip(rows.chunks(BATCH)) {
        batch.clear();
        let mut times = None;
        for row in rows {
            let group = row.tag as usize / GROUP;
            if times != Some((group, row.source, row.server)) {
                times = Some((group, row.source, row.server));
                batch.scan(Timestamp::from_ticks(row.source), Timestamp::from_ticks(row.server));
            }
            batch.push(tags[row.tag as usize], row.value.clone(), Status(row.status), Reason::Cyclic);
        }
    }
}
