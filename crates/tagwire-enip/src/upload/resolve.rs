//! What an address means in a program that was uploaded.

use std::sync::Arc;

use super::symbols::{Scope, Symbols, Template, member_type};
use crate::address::Address;
use crate::codec::class;
use crate::codec::path::to_instance;
use crate::codec::symbol::SymbolType;
use crate::codec::tag::DataTag;
use crate::codec::types::TypeCode;

/// What a value is inside a structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A bit of the byte at the offset.
    Bit(u8),
    /// Elements of this size.
    Elements { tag: DataTag, size: usize, n: u32 },
}

/// A structure that encloses a value.
#[derive(Clone, Debug)]
pub(crate) struct Enclosing {
    /// Address of the structure in small letters.
    pub key: String,
    /// The structure itself.
    pub address: Address,
    pub template: Arc<Template>,
    /// Values with a type of their own in the structure, nested ones included.
    pub n_leaves: usize,
    /// Bytes before the value in the structure.
    pub offset: usize,
}

/// What an address leads to.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Path of the tag by the number of its instance; `None` for tags of programs.
    pub instance: Option<Vec<u8>>,
    /// The value's own form.
    pub field: Field,
    /// Layout of the value, for structures.
    pub template: Option<Arc<Template>>,
    /// The structures around it, outermost first.
    pub enclosing: Vec<Enclosing>,
}

/// Where the walk through a structure stands.
struct Walk {
    kind: SymbolType,
    lens: Vec<u32>,
    bit: Option<u8>,
}

impl Symbols {
    /// Follows an address; `None` when there is no such tag or member.
    pub(crate) fn resolve(&self, address: &Address) -> Option<Place> {
        let (scope, symbol) = self.tag(&address.root_key())?;
        let instance = (*scope == Scope::Controller).then(|| to_instance(class::SYMBOL, symbol.instance));
        let mut walk = Walk { kind: symbol.symbol_type, lens: symbol.lens().to_vec(), bit: None };
        let mut enclosing: Vec<Enclosing> = Vec::new();
        for (idx, part) in address.parts.iter().enumerate() {
            let is_last = idx + 1 == address.parts.len();
            let at = linear(&walk, &part.indices)?;
            let size = self.size(walk.kind)?;
            let before = at.checked_mul(size)?;
            enclosing.iter_mut().for_each(|structure| structure.offset = structure.offset.saturating_add(before));
            if is_last {
                let n_all = walk.lens.iter().fold(1_u32, |n, len| n.saturating_mul(*len));
                let n = n_all.saturating_sub(u32::try_from(at).unwrap_or(u32::MAX)).max(1);
                let field = match walk.bit {
                    Some(bit) => Field::Bit(bit),
                    None => Field::Elements { tag: self.data_tag(walk.kind)?, size, n },
                };
                let template = walk.kind.template().and_then(|number| self.templates.get(&number)).cloned();
                return Some(Place { instance, field, template, enclosing });
            }
            let number = walk.kind.template()?;
            let template = self.templates.get(&number)?;
            // Only a single structure can be read whole, not one of an array whose element is not named.
            let mut own = address.clone();
            own.bit = None;
            own.parts.truncate(idx + 1);
            enclosing.push(Enclosing {
                key: own.to_string().to_ascii_lowercase(),
                address: own,
                template: Arc::clone(template),
                n_leaves: self.contents.get(&number).map_or(usize::MAX, |content| content.n_leaves),
                offset: 0,
            });
            let next = address.parts.get(idx + 1)?;
            let member = template.member(&next.name)?;
            enclosing.iter_mut().for_each(|structure| {
                structure.offset = structure.offset.saturating_add(member.offset as usize);
            });
            let (kind, lens) = member_type(member);
            let is_bit = member.code() == Some(TypeCode::BOOL) && lens.is_empty();
            walk = Walk { kind, lens, bit: is_bit.then_some((member.info & 7) as u8) };
        }
        None
    }

    fn size(&self, kind: SymbolType) -> Option<usize> {
        match kind.template() {
            Some(template) => Some(self.templates.get(&template)?.attributes.structure_size as usize),
            None => kind.code()?.size(),
        }
    }

    fn data_tag(&self, kind: SymbolType) -> Option<DataTag> {
        match kind.template() {
            Some(template) => Some(DataTag::structure(self.templates.get(&template)?.attributes.handle)),
            None => kind.code().map(DataTag::plain),
        }
    }
}

/// The number of an element in the order of memory. An index into packed words of BOOL counts bits.
fn linear(walk: &Walk, indices: &[u32]) -> Option<usize> {
    if indices.is_empty() {
        return Some(0);
    }
    if indices.len() != walk.lens.len() {
        return None;
    }
    let mut at = 0_usize;
    let is_packed = walk.kind.code() == Some(TypeCode::DWORD) && walk.lens.len() == 1;
    for (index, len) in indices.iter().zip(&walk.lens) {
        let index = if is_packed { index / 32 } else { *index };
        if index >= *len {
            return None;
        }
        at = at.checked_mul(*len as usize)?.checked_add(index as usize)?;
    }
    Some(at)
}
