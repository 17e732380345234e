//! The address lens for data tables: which words an address means, and the command that reads them.

use std::fmt;

use tagwire_driver::{AddressError, LinkError, Refusal};
use tagwire_model::{Status, Value, ValueType};

use super::address::{Address, Dialect, Member};
use super::command::{encode_word_range_read, function};
use super::driver::{PcccDriver, Place};
use super::item::{Form, Item};

/// What an address means for a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Its place, its form and its type.
    pub item: Item,
    /// Name of the file's type.
    pub file: &'static str,
    /// Number of the element; of inputs and outputs of an SLC the slot.
    pub element: u16,
    /// Word of a timer, counter or control that is meant.
    pub member: Option<Member>,
    /// Bit of the word, from the least significant one.
    pub bit: Option<u8>,
    /// How the value lies in its words.
    pub storage: &'static str,
    /// Function code of the command that reads it, and what follows the code.
    pub command: (u8, Vec<u8>),
}

/// Explains an address; without a type, for that of its file.
///
/// # Errors
/// [`AddressError`] as when a tag with this address is checked.
pub fn explain(text: &str, value_type: Option<ValueType>, dialect: Dialect) -> Result<Explanation, AddressError> {
    let address = Address::parse(text, dialect)?;
    let value_type = value_type.or_else(|| address.default_type()).ok_or_else(|| AddressError {
        problem: format!("a whole {} is no value", address.file_type.name()),
        fix: "name a word or bit of it, as in T4:0.ACC, R6:0.LEN or T4:0/DN".to_owned(),
    })?;
    let item = Item::new(&address, value_type, dialect)?;
    let place = Place::of(&item);
    let mut body = Vec::new();
    let code = match dialect {
        Dialect::Slc => {
            place.typed().encode(&mut body);
            function::TYPED_READ
        }
        Dialect::Plc5 => {
            encode_word_range_read(&place.logical(), place.n_words as u16, &mut body);
            function::WORD_RANGE_READ
        }
    };
    Ok(Explanation {
        file: address.file_type.name(),
        element: address.element,
        member: address.member(),
        bit: address.bit,
        storage: match item.form {
            Form::Bits(_) => "bits, the lowest first",
            Form::Word => "a number in one word",
            Form::Double => "a number in two words, the low one first",
            Form::DoubleHighFirst => "a number in two words, the high one first",
            Form::Decimal => "four decimal digits in one word",
            Form::Pair => "two characters in one word",
            Form::Text => "a length in the first word, and characters swapped in pairs",
        },
        command: (code, body),
        item,
    })
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let item = &self.item;
        writeln!(f, "file      {} ({}), number {}", self.file, item.file_type.letters(), item.file)?;
        writeln!(f, "element   {}", self.element)?;
        let member = match self.member {
            Some(Member::Preset) => ", the preset or length",
            Some(Member::Accumulated) => ", the accumulated value or position",
            None => "",
        };
        let plural = if item.len == 1 { "" } else { "s" };
        writeln!(f, "words     {} word{plural}, from word {} of the file{member}", item.len, item.start)?;
        if let Some(bit) = self.bit {
            writeln!(f, "bit       {bit}, counted from the least significant")?;
        }
        let (code, body) = &self.command;
        let bytes: Vec<String> = body.iter().map(|byte| format!("{byte:02X}")).collect();
        writeln!(f, "read      function 0x{code:02X} with {}", bytes.join(" "))?;
        writeln!(f, "type      {}: {}", item.value_type, self.storage)
    }
}

impl PcccDriver {
    /// The words that an explained address means now, and the value in them.
    ///
    /// # Errors
    /// [`LinkError`] when nobody answers; the inner one when the processor refuses, or has no such value there.
    pub async fn look(
        &mut self,
        device: usize,
        explanation: &Explanation,
    ) -> Result<Result<(Vec<u8>, Result<Value, Status>), Refusal>, LinkError> {
        let read = self.read_words(device, Place::of(&explanation.item)).await?;
        Ok(read.map(|bytes| {
            let value = explanation.item.decode(&bytes);
            (bytes, value)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_prints_what_a_person_asks_for() {
        let lens = explain("T4:2.ACC", None, Dialect::Slc).expect("an address");
        assert_eq!(
            lens.to_string(),
            "file      timer (T), number 4\nelement   2\nwords     1 word, from word 8 of the file, the accumulated value or position\n\
             read      function 0xA2 with 02 04 86 02 02\ntype      i16: a number in one word\n"
        );
        let lens = explain("F8:3", None, Dialect::Plc5).expect("an address");
        assert_eq!(lens.storage, "a number in two words, the high one first");
        assert_eq!(lens.command.0, function::WORD_RANGE_READ);
        assert!(lens.command.1.windows(4).any(|part| part == b"F8:3"));
    }

    #[test]
    fn a_whole_timer_is_refused_with_what_to_write_instead() {
        let error = explain("T4:2", None, Dialect::Slc).expect_err("no value");
        assert!(error.problem.contains("timer") && error.fix.contains("T4:0.ACC"));
    }
}
