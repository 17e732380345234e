//! The tags and structures of a controller.

use std::collections::HashMap;
use std::sync::Arc;

use tagwire_model::{DataType, Dims, ValueType};

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
}

/// A value that a tag can be made of: a tag, or a member deep inside one.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Address in the grammar of tags.
    pub address: String,
    /// Type to declare.
    pub value_type: ValueType,
    /// Name of the type in the controller.
    pub type_name: String,
}

impl Symbols {
    /// Takes the tags of one scope.
    pub fn add(&mut self, scope: &Scope, symbols: impl IntoIterator<Item = Symbol>) {
        for symbol in symbols {
            let key = scope.address(&symbol.name).to_ascii_lowercase();
            self.by_key.insert(key, self.tags.len());
            self.tags.push((scope.clone(), symbol));
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

    fn name_of(&self, symbol_type: SymbolType, lens: &[u32]) -> String {
        let name = match (symbol_type.template(), symbol_type.code()) {
            (Some(template), _) => match self.templates.get(&template) {
                Some(known) if known.definition.name == "ASCIISTRING82" => "STRING".to_owned(),
                Some(known) => known.definition.name.clone(),
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

    /// All values below a tag that have a type of their own: the tag itself, or the members of its structure, down to
    /// `depth` levels; each element of an array of structures counts alone, up to `max` values in all.
    pub fn leaves(&self, scope: &Scope, symbol: &Symbol, depth: usize, max: usize) -> Vec<Leaf> {
        let mut found = Vec::new();
        let address = scope.address(&symbol.name);
        self.descend(&address, symbol.symbol_type, symbol.lens(), depth, max, &mut found);
        found
    }

    /// The structures that a tag is or has in it, strings aside, each with the name of its type and its address, down to
    /// `depth` levels and up to `max` of them.
    pub fn structures(&self, scope: &Scope, symbol: &Symbol, depth: usize, max: usize) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.nest(&scope.address(&symbol.name), symbol.symbol_type, symbol.lens(), depth, max, &mut found);
        found
    }

    fn nest(
        &self,
        address: &str,
        kind: SymbolType,
        lens: &[u32],
        depth: usize,
        max: usize,
        found: &mut Vec<(String, String)>,
    ) {
        let template = kind.template().and_then(|number| self.templates.get(&number));
        let Some(template) = template.filter(|template| !template.definition.is_string() && depth > 0) else { return };
        for element in elements(lens) {
            if found.len() >= max {
                return;
            }
            let address = format!("{address}{element}");
            for member in template.definition.members.iter().filter(|member| !member.is_hidden()) {
                let (kind, lens) = member_type(member);
                self.nest(&format!("{address}.{}", member.name), kind, &lens, depth - 1, max, found);
            }
            found.push((template.definition.name.clone(), address));
        }
    }

    fn descend(&self, address: &str, kind: SymbolType, lens: &[u32], depth: usize, max: usize, found: &mut Vec<Leaf>) {
        if found.len() >= max {
            return;
        }
        let type_name = self.name_of(kind, lens);
        let template = kind.template().and_then(|number| self.templates.get(&number));
        let is_text = template.is_some_and(|template| template.definition.is_string());
        if let (Some(template), false) = (template, is_text) {
            if depth == 0 {
                return;
            }
            for element in elements(lens) {
                for member in template.definition.members.iter().filter(|member| !member.is_hidden()) {
                    let inner = format!("{address}{element}.{}", member.name);
                    let (kind, lens) = member_type(member);
                    self.descend(&inner, kind, lens.as_slice(), depth - 1, max, found);
                }
            }
            return;
        }
        let tag = match kind.code() {
            Some(code) => DataTag::plain(code),
            None => DataTag::structure(0),
        };
        let dims = match kind.code() {
            Some(TypeCode::DWORD) if lens.len() == 1 => Dims::one(lens.first().map_or(0, |len| len.saturating_mul(32))),
            _ => Dims::new(lens).unwrap_or_default(),
        };
        let data_type = match kind.code() {
            Some(TypeCode::DWORD) if lens.len() == 1 => Some(DataType::Boolean),
            _ => own_type(tag, is_text),
        };
        let is_sane = dims.n_elements().is_some_and(|n| n <= ValueType::MAX_ELEMENTS);
        if let Some(data_type) = data_type.filter(|_| is_sane && (template.is_some() || kind.code().is_some())) {
            found.push(Leaf { address: address.to_owned(), value_type: ValueType { data_type, dims }, type_name });
        }
    }
}

/// A member's type and dimensions in the form of a tag's.
pub(super) fn member_type(member: &Member) -> (SymbolType, Vec<u32>) {
    let lens: Vec<u32> = member.array_len().into_iter().collect();
    (SymbolType(member.kind & 0x8FFF | (lens.len() as u16) << 13), lens)
}

/// `[0]`, `[1]` and so on for every element; one empty text for no array.
fn elements(lens: &[u32]) -> Vec<String> {
    let mut all = vec![String::new()];
    for len in lens {
        let inner = |prefix: &String| {
            (0..(*len).min(10_000))
                .map(|idx| if prefix.is_empty() { idx.to_string() } else { format!("{prefix},{idx}") })
                .collect::<Vec<_>>()
        };
        all = all.iter().flat_map(inner).take(100_000).collect();
    }
    if lens.is_empty() { all } else { all.into_iter().map(|numbers| format!("[{numbers}]")).collect() }
}
