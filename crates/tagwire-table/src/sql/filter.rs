//! What a condition says about tags and times, so that nothing else is read.

use datafusion::logical_expr::expr::{Between, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use tagwire_model::{Timestamp, pattern};

/// Whether samples of a tag can meet a condition; `None` when it says nothing about tags alone.
pub(super) fn of_tag(condition: &Expr, path: &str) -> Option<bool> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => match (of_tag(left, path), of_tag(right, path)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Operator::Or => match (of_tag(left, path), of_tag(right, path)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Operator::Eq | Operator::NotEq => {
                let (column, text) = match (text(left), text(right)) {
                    (None, Some(text)) => (left, text),
                    (Some(text), None) => (right, text),
                    _ => return None,
                };
                is_column(column, "tag").then(|| (text == path) == (*op == Operator::Eq))
            }
            _ => None,
        },
        Expr::InList(InList { expr, list, negated }) if is_column(expr, "tag") => {
            let texts: Option<Vec<&str>> = list.iter().map(text).collect();
            texts.map(|texts| texts.contains(&path) != *negated)
        }
        Expr::Like(Like { negated, expr, pattern, escape_char: None, case_insensitive: false })
            if is_column(expr, "tag") =>
        {
            let wanted = text(pattern)?;
            // The wildcards of the store's own patterns must not be in the text.
            if wanted.contains(['*', '?', '\\']) || wanted.contains('_') && !path.is_ascii() {
                return None;
            }
            Some(pattern::matches(&wanted.replace('%', "*").replace('_', "?"), path) != *negated)
        }
        Expr::Not(inner) => of_tag(inner, path).map(|met| !met),
        _ => None,
    }
}

/// The ticks between which samples can meet a condition, both included.
pub(super) fn of_time(condition: &Expr) -> (i64, i64) {
    const ALL: (i64, i64) = (i64::MIN, i64::MAX);
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => {
                let (a, b) = (of_time(left), of_time(right));
                (a.0.max(b.0), a.1.min(b.1))
            }
            Operator::Or => {
                let (a, b) = (of_time(left), of_time(right));
                match (a.0 > a.1, b.0 > b.1) {
                    (true, _) => b,
                    (_, true) => a,
                    _ => (a.0.min(b.0), a.1.max(b.1)),
                }
            }
            _ => match (is_column(left, "time"), time(right), time(left), is_column(right, "time")) {
                (true, Some(time), ..) => compared(*op, time),
                (_, _, Some(time), true) => op.swap().map_or(ALL, |op| compared(op, time)),
                _ => ALL,
            },
        },
        Expr::Between(Between { expr, negated: false, low, high }) if is_column(expr, "time") => {
            let low = time(low).map_or(ALL.0, |time| compared(Operator::GtEq, time).0);
            let high = time(high).map_or(ALL.1, |time| compared(Operator::LtEq, time).1);
            (low, high)
        }
        _ => ALL,
    }
}

/// The ticks that a comparison with nanoseconds since 1970 leaves.
fn compared(op: Operator, nanos: i64) -> (i64, i64) {
    // A tick is 100 ns, and what lies between two ticks may belong to either.
    let before = nanos.div_euclid(100).saturating_add(Timestamp::UNIX_EPOCH_TICKS);
    let after = before.saturating_add(1);
    match op {
        Operator::Eq => (before, after),
        Operator::Lt | Operator::LtEq => (i64::MIN, after),
        Operator::Gt | Operator::GtEq => (before, i64::MAX),
        _ => (i64::MIN, i64::MAX),
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    match expr {
        Expr::Column(column) => column.name == name,
        // Dictionaries are made texts before they are compared.
        Expr::Cast(cast) if name == "tag" => is_column(&cast.expr, name),
        _ => false,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    fn of(value: &ScalarValue) -> Option<&str> {
        match value {
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
                Some(text)
            }
            ScalarValue::Dictionary(_, value) => of(value),
            _ => None,
        }
    }
    match expr {
        Expr::Literal(value, _) => of(value),
        _ => None,
    }
}

fn time(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), _), _) => Some(*nanos),
        Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), _), _) => micros.checked_mul(1_000),
        Expr::Literal(ScalarValue::TimestampMillisecond(Some(millis), _), _) => millis.checked_mul(1_000_000),
        Expr::Literal(ScalarValue::TimestampSecond(Some(seconds), _), _) => seconds.checked_mul(1_000_000_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn nanos(nanos: i64) -> Expr {
        Expr::Literal(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())), None)
    }

    #[test]
    fn conditions_on_tags_are_met_missed_or_not_understood() {
        let tag = || col("tag");
        for (condition, expected) in [
            (tag().eq(lit("a.b")), Some(true)),
            (tag().eq(lit("a.c")), Some(false)),
            (tag().not_eq(lit("a.c")), Some(true)),
            (tag().in_list(vec![lit("x"), lit("a.b")], false), Some(true)),
            (tag().in_list(vec![lit("x")], true), Some(true)),
            (tag().like(lit("a.%")), Some(true)),
            (tag().like(lit("_.b")), Some(true)),
            (tag().not_like(lit("a.%")), Some(false)),
            (tag().like(lit("a*")), None),
            (tag().eq(lit("a.c")).or(tag().eq(lit("a.b"))), Some(true)),
            (tag().eq(lit("a.c")).and(col("value").gt(lit(1))), Some(false)),
            (tag().eq(lit("a.c")).or(col("value").gt(lit(1))), None),
            (col("value").gt(lit(1)), None),
        ] {
            assert_eq!(of_tag(&condition, "a.b"), expected, "{condition}");
        }
    }

    #[test]
    fn conditions_on_times_leave_a_span_that_holds_all_that_meet_them() {
        let time = || col("time");
        let epoch = Timestamp::UNIX_EPOCH_TICKS;
        for (condition, expected) in [
            (time().gt_eq(nanos(1_000)), (epoch + 10, i64::MAX)),
            (nanos(1_000).gt(time()), (i64::MIN, epoch + 11)),
            (time().gt(nanos(150)).and(time().lt_eq(nanos(999))), (epoch + 1, epoch + 10)),
            (time().between(nanos(0), nanos(500)), (epoch, epoch + 6)),
            (time().eq(nanos(0)).or(time().eq(nanos(1_000))), (epoch, epoch + 11)),
            (time().gt(nanos(0)).or(col("value").gt(lit(1))), (i64::MIN, i64::MAX)),
            (time().not_eq(nanos(0)), (i64::MIN, i64::MAX)),
        ] {
            assert_eq!(of_time(&condition), expected, "{condition}");
        }
    }
}
