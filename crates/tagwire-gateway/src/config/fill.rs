//! Text with places to fill in: `4{base + 3:05}` becomes `400103` where `base` is 100.

use std::collections::HashMap;

use super::problem::Complaint;
use super::words::{is_identifier, nearest};

/// Longest text that filling in may make.
const MAX_TEXT: usize = 4096;

/// Fills in the places of a text.
///
/// A place is `{name}`, which stands for the text of a parameter, or whole numbers and parameters joined by `+`, `-` and
/// `*`; `:05` behind it pads with zeros to that width. Doubled braces stand for themselves.
pub(super) fn fill(text: &str, parameters: &HashMap<String, String>) -> Result<String, Complaint> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        rest = if let Some(after) = from.strip_prefix("{{") {
            out.push('{');
            after
        } else if let Some(after) = from.strip_prefix("}}") {
            out.push('}');
            after
        } else if let Some((place, after)) = from.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            out.push_str(&filled(place, text, parameters)?);
            after
        } else {
            let problem = format!("\"{text}\" has a brace without its other one");
            return Err(Complaint::new(
                problem,
                "close each place as in {base}, and double a brace that is meant as such",
            ));
        };
        if out.len() > MAX_TEXT {
            return Err(Complaint::new(
                format!("\"{text}\" becomes longer than {MAX_TEXT} bytes"),
                "use shorter parameters",
            ));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn filled(place: &str, text: &str, parameters: &HashMap<String, String>) -> Result<String, Complaint> {
    let (formula, width) = match place.split_once(':') {
        Some((formula, width)) => (formula.trim(), width.trim().parse::<usize>().ok().filter(|width| *width <= 64)),
        None => (place.trim(), Some(0)),
    };
    let Some(width) = width else {
        let problem = format!("\"{{{place}}}\" in \"{text}\" has no number behind the colon");
        return Err(Complaint::new(problem, "write the width, as in {base:05}"));
    };
    if is_identifier(formula) && width == 0 {
        return parameter(formula, parameters).cloned();
    }
    let number = sum(formula, parameters)?;
    let number = number.ok_or_else(|| {
        let problem = format!("\"{{{place}}}\" in \"{text}\" is no whole number");
        Complaint::new(
            problem,
            "write a parameter, or parameters and whole numbers joined by +, - and *, as in {base + 10}",
        )
    })?;
    Ok(format!("{number:0width$}"))
}

fn parameter<'a>(name: &str, parameters: &'a HashMap<String, String>) -> Result<&'a String, Complaint> {
    parameters.get(name).ok_or_else(|| {
        let mut known: Vec<&str> = parameters.keys().map(String::as_str).collect();
        known.sort_unstable();
        let fix = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if known.is_empty() => "add it to the parameters of the template".to_owned(),
            None => format!("add it to the parameters of the template, which are {}", known.join(", ")),
        };
        Complaint::new(format!("there is no parameter \"{name}\""), fix)
    })
}

/// `a + b * 2 - 3`; `None` where it is no whole number.
fn sum(formula: &str, parameters: &HashMap<String, String>) -> Result<Option<i64>, Complaint> {
    let mut total = Some(0_i64);
    let mut rest = formula;
    let mut is_minus = false;
    loop {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let (term, after) = rest.split_at(end);
        let mut product = Some(1_i64);
        for factor in term.split('*').map(str::trim) {
            let number = if is_identifier(factor) { parameter(factor, parameters)?.trim() } else { factor };
            product = product.zip(number.parse::<i64>().ok()).and_then(|(product, number)| product.checked_mul(number));
        }
        let signed = if is_minus { product.and_then(i64::checked_neg) } else { product };
        total = total.zip(signed).and_then(|(total, product)| total.checked_add(product));
        let mut signs = after.chars();
        match signs.next() {
            Some(sign) => is_minus = sign == '-',
            None => return Ok(total),
        }
        rest = signs.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> HashMap<String, String> {
        let pairs = [("base", "100"), ("n", "3"), ("area", "DB5")];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn places_are_filled_with_texts_and_with_numbers() {
        for (text, expected) in [
            ("40001", "40001"),
            ("{area},INT{base}", "DB5,INT100"),
            ("4{base + 3:05}", "400103"),
            ("{base + n * 20 - 1}", "159"),
            ("{n:02}", "03"),
            ("{2 * 3}", "6"),
            ("{{{n}}}", "{3}"),
        ] {
            assert_eq!(fill(text, &parameters()).expect(text), expected);
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_told() {
        for (text, problem) in [
            ("{bas}", "there is no parameter \"bas\""),
            ("{base + other}", "there is no parameter \"other\""),
            ("{area + 1}", "\"{area + 1}\" in \"{area + 1}\" is no whole number"),
            ("{base", "\"{base\" has a brace without its other one"),
            ("base}", "\"base}\" has a brace without its other one"),
            ("{base:x}", "\"{base:x}\" in \"{base:x}\" has no number behind the colon"),
            (
                "{9223372036854775807 + 1}",
                "\"{9223372036854775807 + 1}\" in \"{9223372036854775807 + 1}\" is no whole number",
            ),
            ("{}", "\"{}\" in \"{}\" is no whole number"),
        ] {
            assert_eq!(fill(text, &parameters()).expect_err(text).problem, problem);
        }
    }
}
