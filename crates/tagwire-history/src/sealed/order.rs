//! How many times the differences of neighbours are taken before numbers are packed.

use pco::DeltaSpec;

/// Windows of a column that are looked at, and the numbers in each.
const WINDOWS: usize = 4;
const WINDOW: usize = 96;
/// Most times that differences are taken.
const MAX_ORDER: usize = 2;

/// Numbers that have distances.
pub(super) trait Distance: Copy {
    /// About how far it is from another one.
    fn distance(self, from: Self) -> f64;
}

macro_rules! integers {
    ($($type:ty => $signed:ty),*) => {$(
        impl Distance for $type {
            fn distance(self, from: Self) -> f64 {
                self.wrapping_sub(from) as $signed as f64
            }
        }
    )*};
}

integers!(i8 => i8, u8 => i8, i16 => i16, u16 => i16, i32 => i32, u32 => i32, i64 => i64, u64 => i64);

impl Distance for f32 {
    fn distance(self, from: Self) -> f64 {
        f64::from(self - from)
    }
}

impl Distance for f64 {
    fn distance(self, from: Self) -> f64 {
        self - from
    }
}

/// The order whose differences have the fewest digits in a part of the numbers. Left alone, the packer packs a part in
/// every way it knows to find out.
pub(super) fn order<T: Distance>(numbers: &[T]) -> DeltaSpec {
    let len = numbers.len().min(WINDOW);
    if len <= MAX_ORDER {
        return DeltaSpec::NoOp;
    }
    let n_windows = (numbers.len() / len).min(WINDOWS);
    let step = (numbers.len() - len) / n_windows.saturating_sub(1).max(1);
    let mut digits = [0_u64; MAX_ORDER + 1];
    for start in (0..n_windows).map(|idx| idx * step) {
        let numbers = &numbers[start..start + len];
        let mut window = [0.0; WINDOW];
        let window = &mut window[..len];
        window.iter_mut().zip(numbers).for_each(|(place, number)| *place = number.distance(numbers[0]));
        count_digits(window, &mut digits);
    }
    match digits {
        [none, once, twice] if once < none && once <= twice => DeltaSpec::TryConsecutive(1),
        [none, _, twice] if twice < none => DeltaSpec::TryConsecutive(2),
        _ => DeltaSpec::NoOp,
    }
}

/// Adds the digits of the numbers, less what they have in common, and of their differences.
fn count_digits(window: &mut [f64], digits: &mut [u64; MAX_ORDER + 1]) {
    let steps = window.windows(2).map(|pair| (pair[1] - pair[0]).abs());
    // The unit in which digits count; what never moves has none, in whichever order.
    let unit = steps.filter(|step| *step > 0.0).fold(f64::INFINITY, f64::min);
    if unit == f64::INFINITY {
        return;
    }
    for numbers in window.windows(MAX_ORDER + 1) {
        let &[oldest, before, number] = numbers else { continue };
        digits[1] += log2(number - before, unit);
        digits[2] += log2(number - before - (before - oldest), unit);
    }
    let (_, median, _) = window.select_nth_unstable_by(window.len() / 2, f64::total_cmp);
    let median = *median;
    digits[0] += window[MAX_ORDER..].iter().map(|number| log2(number - median, unit)).sum::<u64>();
}

/// About the logarithm of a number that counts in `unit`, in fixed point: exponent and mantissa of a float are one.
fn log2(number: f64, unit: f64) -> u64 {
    (number.abs() / unit + 1.0).to_bits() >> 32
}

#[cfg(test)]
mod tests {
    use fastrand::Rng;
    use pco::data_types::Number;

    use super::super::codec::config;
    use super::*;

    fn packed<T: Number>(numbers: &[T], spec: DeltaSpec) -> usize {
        pco::standalone::simple_compress(numbers, &config(spec)).expect("packed").len()
    }

    fn check<T: Number + Distance>(what: &str, numbers: &[T]) {
        let orders = [DeltaSpec::NoOp, DeltaSpec::TryConsecutive(1), DeltaSpec::TryConsecutive(2)];
        let best = orders.map(|spec| packed(numbers, spec)).into_iter().min().expect("three");
        let ours = packed(numbers, order(numbers));
        assert!(ours <= best + best / 10 + 64, "{what}: {ours} bytes, {best} would do");
    }

    #[test]
    fn numbers_take_hardly_more_bytes_than_in_the_best_order() {
        let mut rng = Rng::with_seed(5);
        for n in [3, 100, 4_096_i32] {
            let steps = |of: &mut dyn FnMut(i32) -> f64| (0..n).map(of).collect::<Vec<f64>>();
            let (mut raw, mut level, mut total) = (2_000, 50.0, 0.0);
            let walk = |rng: &mut Rng, raw: &mut i32| {
                *raw += rng.i32(-3..=3);
                *raw
            };
            check("an analogue input", &steps(&mut |_| f64::from(walk(&mut rng, &mut raw)) * (100.0 / 4_095.0)));
            check("its counts", &(0..n).map(|_| walk(&mut rng, &mut raw) as i16).collect::<Vec<i16>>());
            check("noise", &steps(&mut |_| rng.f64()));
            check("a sine", &steps(&mut |at| (f64::from(at) * 0.01).sin() * 40.0));
            check("a rounded sine", &steps(&mut |at| ((f64::from(at) * 0.01).sin() * 400.0).round() / 10.0));
            check("a level with noise", &steps(&mut |_| 50.0 + (rng.f64() * 100.0).round() / 100.0));
            check("spikes", &steps(&mut |at| if at % 40 == 39 { rng.f64() * 1e6 } else { 20.0 }));
            check(
                "a set-point",
                &steps(&mut |at| {
                    if at % 700 == 0 {
                        level = f64::from(rng.i32(0..100));
                    }
                    level
                }),
            );
            check("a saw", &(0..n).map(|at| (at % 250) as u8).collect::<Vec<u8>>());
            check("a counter", &(0..n).map(|at| (at as u32).wrapping_mul(7)).collect::<Vec<u32>>());
            check(
                "a total",
                &steps(&mut |_| {
                    total += rng.f64();
                    total
                }),
            );
            for spread in [1, 20_000] {
                let time = |at| 133_600_320_000_000_000 + i64::from(at) * 10_000_000 + rng.i64(0..spread);
                check("times", &(0..n).map(time).collect::<Vec<i64>>());
            }
            check("singles", &(0..n).map(|_| 20.0 + rng.f32()).collect::<Vec<f32>>());
            check("not numbers", &vec![f64::NAN; n as usize]);
            check("the ends", &(0..n).map(|at| if at % 2 == 0 { i64::MIN } else { i64::MAX }).collect::<Vec<i64>>());
        }
    }
}
