//! What statuses and failures are to a client: words, and exceptions of Python.

use tagwire_model::Status;

use crate::Literal;
use crate::wire::Dialect;

/// The value is of another kind than the tag.
pub(crate) const BAD_TYPE_MISMATCH: Status = Status(0x8074_0000);

/// The words for the two quality bits of OPC Classic.
const QUALITIES: [&str; 4] = ["Bad", "Uncertain", "Unknown", "Good"];

/// The word for the quality of a status.
pub(crate) fn quality(status: Status) -> &'static str {
    QUALITIES[usize::from(status.da_quality().0 >> 6 & 3)]
}

/// The name of a status that is not good.
pub(crate) fn error_text(status: Status) -> String {
    if status.is_good() { String::new() } else { status.to_string() }
}

/// An exception that the client raises.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raised {
    /// A class that every Python has, so that the client sees the text.
    pub(crate) class: &'static str,
    /// The text.
    pub(crate) text: String,
}

impl Raised {
    /// What OpenOPC raises as `OPCError`.
    pub(crate) fn opc(text: impl Into<String>) -> Self {
        Self { class: "RuntimeError", text: text.into() }
    }

    pub(crate) fn type_error(text: impl Into<String>) -> Self {
        Self { class: "TypeError", text: text.into() }
    }
}

/// An exception as a payload.
pub(crate) fn exception(raised: &Raised, dialect: Dialect) -> Vec<u8> {
    let text = || Literal::text(raised.text.as_str());
    let is_own = dialect == Dialect::Pyro5 && raised.class == "RuntimeError";
    let class = if is_own { "exceptions.OPCError" } else { raised.class };
    let trace = Literal::dict([("_pyroTraceback", Literal::List(vec![text()]))]);
    let mut entries = vec![
        (Literal::text("__class__"), Literal::text(class)),
        (Literal::text("__exception__"), Literal::Bool(true)),
        (Literal::text("args"), Literal::Tuple(vec![text()])),
        (Literal::text("attributes"), trace),
    ];
    if is_own {
        entries.push((Literal::text("custom_message"), text()));
    }
    Literal::Dict(entries).to_payload()
}
