//! The tags and structures of a controller.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use tagwire_model::{DataType, Dims, ValueType};

use super::nesting::Content;
use crate::codec::symbol::{Symbol, SymbolType};
use crate::codec::tag::DataTag;
use crate::codec::template::{Attributes, Definition, Member};
use crate::codec::types::TypeCode;
use crate::decode::own_type;

/// Whose tags they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The controller's.
    Controller,
    /// Those of a program with this name.
    Program(String),
}

impl Scope {
    /// A tag's address in this scope.
    pub fn address(&self, name: &str) -> String {
        match self {
            Self::Controller => name.to_owned(),
            Self::Program(program) => format!("Program:{program}.{name}"),
        }
    }
}

/// Layout of a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Sizes and handle.
    pub attributes: Attributes,
    /// Name and members.
    pub definition: Definition,
}

impl Template {
    /// Name of the type as people write it.
    pub(crate) fn name(&self) -> &str {
        match self.definition.name.as_str() {
            "ASCIISTRING82" => "STRING",
            name => name,
        }
    }

    /// The members that people see.
    pub(crate) fn visible(&self) -> impl Iterator<Item = &Member> {
        self.definition.members.iter().filter(|member| !member.is_hidden())
    }

    /// The member of this name, in any letter case.
    pub fn member(&self, name: &str) -> Option<&Member> {
        self.definition.members.iter().find(|member| member.name.eq_ignore_ascii_case(name))
    }
}

/// Everything that an upload brought.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    /// Change counters at the time of the upload, as the controller writes them; empty when it has none.
    pub fingerprint: Vec<u8>,
    /// The tags in the order of the upload, those of the controller first.
    pub tags: Vec<(Scope, Symbol)>,
    /// By number.
    pub templates: HashMap<u16, Arc<Template>>,
    by_key: HashMap<String, usize>,
    /// What each structure holds.
    pub(super) contents: HashMap<u16, Content>,
}

impl Symbols {
    /// Takes the tags of one scope; of several with one name the first counts.
    pub fn add(&mut self, scope: &Scope, symbols: impl IntoIterator<Item = Symbol>) {
        for symbol in symbols {
            let key = scope.address(&symbol.name).to_ascii_lowercase();
            if let Entry::Vacant(free) = self.by_key.entry(key) {
                free.insert(self.tags.len());
                self.tags.push((scope.clone(), symbol));
            }
        }
    }

    /// The tag with this key, as [`crate::address::Address::root_key`] gives it.
    pub fn tag(&self, root_key: &str) -> Option<&(Scope, Symbol)> {
        self.by_key.get(root_key).and_then(|idx| self.tags.get(*idx))
    }

    /// Name of a tag's type as people write it: `REAL`, `Motor[4]`.
    pub fn type_name(&self, symbol: &Symbol) -> String {
        self.name_of(symbol.symbol_type, symbol.lens())
    }

    pub(super) fn name_of(&self, symbol_type: SymbolType, lens: &[u32]) -> String {
        let name = match (symbol_type.template(), symbol_type.code()) {
            (Some(template), _) => match self.templates.get(&template) {
                Some(known) => known.name().to_owned(),
                None => format!("structure {template}"),
            },
            // An array of BOOL lies in words, and its length counts them.
            (None, Some(TypeCode::DWORD)) if lens.len() == 1 => {
                return format!("BOOL[{}]", lens.first().map_or(0, |len| len.saturating_mul(32)));
            }
            (None, Some(code)) => code.name().map_or_else(|| format!("type 0x{:02X}", code.0), str::to_owned),
            (None, None) => "?".to_owned(),
        };
        let lens: Vec<String> = lens.iter().map(u32::to_string).collect();
        if lens.is_empty() { name } else { format!("{name}[{}]", lens.join(",")) }
    }
}

/// A member's type and dimensions in the form of a tag's.
pub(super) fn member_type(member: &Member) -> (SymbolType, Vec<u32>) {
    let lens: Vec<u32> = member.array_len().into_iter().collect();
    (SymbolType(member.kind & 0x8FFF | (lens.len() as u16) << 13), lens)
}

/// The type to declare for a tag or member that is no structure but perhaps a string; `None` when it has none.
pub(super) fn value_type(kind: SymbolType, lens: &[u32], is_text: bool) -> Option<ValueType> {
    let (data_type, dims) = match kind.code() {
        Some(TypeCode::DWORD) if lens.len() == 1 => {
            (DataType::Boolean, Dims::one(lens.first().map_or(0, |len| len.saturating_mul(32))))
        }
        code => {
            let tag = code.map_or(DataTag::structure(0), DataTag::plain);
            (own_type(tag, is_text)?, Dims::new(lens).unwrap_or_default())
        }
    };
    let is_sane = dims.n_elements().is_some_and(|n| n <= ValueType::MAX_ELEMENTS);
    is_sane.then_some(ValueType { data_type, dims })
}
