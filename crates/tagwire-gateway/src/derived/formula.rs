//! Expressions over the values of tags.

use std::sync::LazyLock;

use rhai::packages::{ArithmeticPackage, BasicMathPackage, LogicPackage, Package as _};
use rhai::{AST, Dynamic, Engine, EvalAltResult, ParseErrorType, Scope};
use tagwire_model::{Status, Value};

/// Longest expression in bytes.
pub(crate) const MAX_LEN: usize = 4096;
/// Deepest nesting of an expression.
const MAX_DEPTH: usize = 64;
/// Most steps of one evaluation: no expression of [`MAX_LEN`] needs as many.
const MAX_STEPS: u64 = 100_000;
/// Longest text that an expression may make, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// What understands and works out all expressions: its tables of functions are large, and it keeps nothing.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut engine = Engine::new_raw();
    for package in [
        ArithmeticPackage::new().as_shared_module(),
        LogicPackage::new().as_shared_module(),
        BasicMathPackage::new().as_shared_module(),
    ] {
        engine.register_global_module(package);
    }
    engine.register_fn("if_else", |condition: bool, yes: Dynamic, no: Dynamic| if condition { yes } else { no });
    engine.register_fn("clamp", |x: f64, low: f64, high: f64| x.max(low).min(high));
    engine.set_strict_variables(true);
    // An expression tells all that it does, and does nothing but work out a value.
    for word in ["eval", "print", "debug", "call", "curry", "Fn"] {
        engine.disable_symbol(word);
    }
    engine.set_max_expr_depths(MAX_DEPTH);
    engine.set_max_operations(MAX_STEPS);
    engine.set_max_string_size(MAX_TEXT);
    engine
});

/// An expression that was understood, with the names of its inputs.
pub(crate) struct Formula {
    ast: AST,
    inputs: Vec<String>,
}

impl std::fmt::Debug for Formula {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Formula").field("inputs", &self.inputs).finish_non_exhaustive()
    }
}

/// Why an expression is not understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FormulaError {
    /// It names something that is no input.
    Unknown(String),
    /// Anything else, in words.
    Syntax(String),
}

impl Formula {
    /// Understands an expression over these inputs.
    pub(crate) fn new(text: &str, inputs: &[&str]) -> Result<Self, FormulaError> {
        if text.len() > MAX_LEN {
            return Err(FormulaError::Syntax(format!("it is longer than {MAX_LEN} bytes")));
        }
        let mut scope = Scope::new();
        for input in inputs {
            scope.push_dynamic(*input, Dynamic::from_float(0.0));
        }
        let ast = ENGINE.compile_expression_with_scope(&scope, text).map_err(|error| match error.err_type() {
            ParseErrorType::VariableUndefined(name) => FormulaError::Unknown(name.clone()),
            _ => FormulaError::Syntax(error.to_string()),
        })?;
        Ok(Self { ast, inputs: inputs.iter().map(|input| (*input).to_owned()).collect() })
    }

    /// The result for these values, in the order of the inputs; the status and the reason where there is none.
    ///
    /// Numbers are counted with as 64-bit floating point, whatever type their tags have.
    pub(crate) fn value<'v>(&self, values: impl Iterator<Item = &'v Value>) -> Result<Value, (Status, String)> {
        let mut scope = Scope::new();
        for (name, value) in self.inputs.iter().zip(values) {
            let value = match value {
                Value::Boolean(flag) => Dynamic::from_bool(*flag),
                Value::String(text) => Dynamic::from(text.to_string()),
                value => match value.as_f64() {
                    Some(number) => Dynamic::from_float(number),
                    None => return Err((Status::BAD_TYPE_MISMATCH, format!("the value of {name} is no number"))),
                },
            };
            scope.push_dynamic(name.as_str(), value);
        }
        let result = ENGINE.eval_ast_with_scope::<Dynamic>(&mut scope, &self.ast).map_err(|error| {
            let status = match *error {
                EvalAltResult::ErrorArithmetic(..) => Status::BAD_OUT_OF_RANGE,
                EvalAltResult::ErrorFunctionNotFound(..) | EvalAltResult::ErrorMismatchDataType(..) => {
                    Status::BAD_TYPE_MISMATCH
                }
                _ => Status::BAD_CONFIGURATION_ERROR,
            };
            (status, error.to_string())
        })?;
        if let Ok(number) = result.as_float() {
            return match number.is_finite() {
                true => Ok(Value::Double(number)),
                false => Err((Status::BAD_OUT_OF_RANGE, "the result is no finite number".to_owned())),
            };
        }
        if let Ok(number) = result.as_int() {
            return Ok(Value::Int64(number));
        }
        if let Ok(flag) = result.as_bool() {
            return Ok(Value::Boolean(flag));
        }
        let kind = result.type_name();
        let text = result.into_immutable_string();
        text.map(|text| Value::text(&text)).map_err(|_| (Status::BAD_TYPE_MISMATCH, format!("the result is a {kind}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worked_out(text: &str) -> Result<Value, Status> {
        let formula = Formula::new(text, &["a", "b", "on", "name"]).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let values = [Value::Int32(6), Value::Float(1.5), Value::Boolean(true), Value::text("press")];
        formula.value(values.iter()).map_err(|(status, _)| status)
    }

    #[test]
    fn expressions_count_compare_and_choose() {
        for (text, expected) in [
            ("a + b * 2", Value::Double(9.0)),
            ("a / 4", Value::Double(1.5)),
            ("(a - 32) * 5 / 9", Value::Double(-26.0 * 5.0 / 9.0)),
            ("a > 5 && on", Value::Boolean(true)),
            ("if a > 5 { b } else { 0 }", Value::Double(1.5)),
            ("if_else(on, 1, 2)", Value::Int64(1)),
            ("max(a, b) + min(a, b)", Value::Double(7.5)),
            ("clamp(a, 0.0, 5.0)", Value::Double(5.0)),
            ("sqrt(a + 3)", Value::Double(3.0)),
            ("abs(b - a)", Value::Double(4.5)),
            ("a ** 2", Value::Double(36.0)),
            ("7 % 4", Value::Int64(3)),
            ("name == \"press\"", Value::Boolean(true)),
        ] {
            assert_eq!(worked_out(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_result_that_is_none_has_a_bad_status() {
        for (text, status) in [
            ("a / 0.0", Status::BAD_OUT_OF_RANGE),
            ("1 / 0", Status::BAD_OUT_OF_RANGE),
            ("9223372036854775807 + 1", Status::BAD_OUT_OF_RANGE),
            ("on * 2", Status::BAD_TYPE_MISMATCH),
        ] {
            assert_eq!(worked_out(text), Err(status), "{text}");
        }
    }

    #[test]
    fn what_is_no_expression_over_the_inputs_is_refused() {
        assert_eq!(Formula::new("a + c", &["a"]).unwrap_err(), FormulaError::Unknown("c".to_owned()));
        for text in ["", "a +", "let x = 1", "while true { }", "a; a", "fn f() { 1 }", "a = 2", &"(".repeat(5000)] {
            assert!(matches!(Formula::new(text, &["a"]), Err(FormulaError::Syntax(_))), "{text}");
        }
        let deep = format!("{}a{}", "(".repeat(1000), ")".repeat(1000));
        assert!(Formula::new(&deep, &["a"]).is_err());
    }
}
