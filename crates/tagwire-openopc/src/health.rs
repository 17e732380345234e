//! Tags that begin with `@`: how the machine is on which the gateway runs.
//!
//! What runs on it is nobody's business: tags about single tasks are unknown here.

use std::fs;
use std::time::Duration;

use tagwire_model::Timestamp;

use crate::Literal;

/// Time over which the use of the processor is measured.
const CPU_SPAN: Duration = Duration::from_millis(100);
/// Seconds of one period of the waves.
const PERIOD: f64 = 60.0;

/// The value of a health tag; `None` for one that there is not.
pub(crate) async fn read(tag: &str, now: Timestamp) -> Option<Literal> {
    let phase = (now.unix_millis() as f64 / 1_000.0) % PERIOD / PERIOD;
    Some(match tag.to_ascii_lowercase().as_str() {
        "@memfree" => Literal::Int(memory()?.1.into()),
        "@memused" => memory().map(|(total, free)| Literal::Int(i128::from(total.saturating_sub(free))))?,
        "@memtotal" => Literal::Int(memory()?.0.into()),
        "@mempercent" => memory().map(|(total, free)| Literal::Int(percent(total.saturating_sub(free), total)))?,
        "@diskfree" => {
            let disk = rustix::fs::statvfs("/").ok()?;
            Literal::Int(i128::from(disk.f_bavail) * i128::from(disk.f_frsize))
        }
        "@sinewave" => Literal::Float((phase * std::f64::consts::TAU).sin() * 100.0),
        "@sawwave" => Literal::Float(phase * 100.0),
        "@cpuusage" => {
            let (total, idle) = processor()?;
            tokio::time::sleep(CPU_SPAN).await;
            let (total_now, idle_now) = processor()?;
            let passed = total_now.saturating_sub(total);
            Literal::Int(percent(passed.saturating_sub(idle_now.saturating_sub(idle)), passed))
        }
        _ => return None,
    })
}

fn percent(part: u64, whole: u64) -> i128 {
    i128::from(part) * 100 / i128::from(whole.max(1))
}

/// Total and available memory in bytes.
fn memory() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let find = |name: &str| {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = rest.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1024)
    };
    Some((find("MemTotal:")?, find("MemAvailable:")?))
}

/// Ticks of all processors since the start, and those of them in which they did nothing.
fn processor() -> Option<(u64, u64)> {
    let text = fs::read_to_string("/proc/stat").ok()?;
    let line = text.lines().next()?;
    let ticks: Vec<u64> = line.split_whitespace().skip(1).map_while(|word| word.parse().ok()).collect();
    Some((ticks.iter().sum(), ticks.get(3)? + ticks.get(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_machine_tells_how_it_is_and_not_what_it_does() {
        let now = Timestamp::parse_rfc3339("2024-01-01T00:00:15Z").expect("time");
        assert_eq!(read("@SawWave", now).await, Some(Literal::Float(25.0)));
        assert!(matches!(read("@SineWave", now).await, Some(Literal::Float(value)) if (value - 100.0).abs() < 1e-9));
        assert!(matches!(read("@CpuUsage", now).await, Some(Literal::Int(0..=100))));
        assert!(matches!(read("@MemTotal", now).await, Some(Literal::Int(1..))));
        for unknown in ["@TaskExists(init)", "@", "@Nothing"] {
            assert_eq!(read(unknown, now).await, None, "{unknown}");
        }
    }
}
