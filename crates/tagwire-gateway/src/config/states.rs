//! Names of the values of a tag, as a list gives them.

use std::borrow::Cow;

use tagwire_model::{DataType, States, Value, ValueType};

use super::problem::Complaint;

/// The states that these words name for a type; `None` where the type is not known, which was reported.
pub(super) fn read_states(
    words: &[Cow<'_, str>],
    value_type: Option<ValueType>,
    has_range: bool,
) -> Result<Option<States>, Complaint> {
    let states = States::parse(words.iter().map(|word| &**word))
        .map_err(|error| Complaint::new(error.to_string(), "write for example states = [\"Off\", \"On\"]"))?;
    let Some(value_type) = value_type else { return Ok(None) };
    let data_type = value_type.data_type;
    if has_range {
        let fix = "remove states, or scaling and eu_range";
        return Err(Complaint::new("a tag has states or a range, not both", fix));
    }
    if !value_type.is_scalar() || !is_discrete(data_type) {
        let problem = format!("values of the type {value_type} have no states");
        return Err(Complaint::new(problem, "remove states: they are for bool and for whole numbers"));
    }
    if data_type == DataType::Boolean && !(states.iter().len() == 2 && states.is_counted()) {
        let fix = "name false first, then true: states = [\"Closed\", \"Open\"]";
        return Err(Complaint::new("a bool has two states", fix));
    }
    let fits = |number| data_type == DataType::Boolean || Value::Int64(number).convert(value_type).is_ok();
    if let Some((number, name)) = states.iter().find(|(number, _)| !fits(*number)) {
        let problem = format!("the state {number} ({name}) does not fit the type {value_type}");
        return Err(Complaint::new(problem, "choose a number within the type"));
    }
    Ok(Some(states))
}

const fn is_discrete(data_type: DataType) -> bool {
    match data_type {
        DataType::Float | DataType::Double => false,
        DataType::Boolean => true,
        other => other.is_number(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(words: &[&str], value_type: &str, has_range: bool) -> String {
        let words: Vec<_> = words.iter().map(|word| Cow::Borrowed(*word)).collect();
        let value_type = super::super::tag::parse_type(value_type).expect("a type");
        read_states(&words, Some(value_type), has_range).map_or_else(|complaint| complaint.problem, |_| String::new())
    }

    #[test]
    fn states_fit_their_type() {
        for (words, value_type, has_range, expected) in [
            (&["Closed", "Open"][..], "bool", false, ""),
            (&["-1=Back", "Stop", "Forward"], "i8", false, ""),
            (&["Closed", "Open", "Broken"], "bool", false, "a bool has two states"),
            (&["Closed", "5=Open"], "bool", false, "a bool has two states"),
            (&["Off", "300=On"], "u8", false, "the state 300 (On) does not fit the type u8"),
            (&["Off", "On"], "f32", false, "values of the type f32 have no states"),
            (&["Off", "On"], "u8[4]", false, "values of the type u8[4] have no states"),
            (&["Off", "On"], "u8", true, "a tag has states or a range, not both"),
            (&["Off", ""], "u8", false, "the state 1 has no name"),
        ] {
            assert_eq!(problem(words, value_type, has_range), expected, "{words:?} {value_type}");
        }
    }
}
