//! The values and structures below a tag, for people who choose from them.

use tagwire_model::ValueType;

use super::symbols::{Scope, Symbols, Template, member_type, value_type};
use crate::codec::symbol::{Symbol, SymbolType};

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

/// A list that grows, and what is left of the work that it may take: types may multiply beyond all bounds.
struct Listing<T> {
    found: Vec<T>,
    max: usize,
    left: usize,
}

impl<T> Listing<T> {
    /// Work for each wanted entry: a step for each member looked at, and one for each byte of an address or name.
    const STEPS: usize = 1024;

    const fn new(max: usize) -> Self {
        Self { found: Vec::new(), max, left: max.saturating_mul(Self::STEPS) }
    }

    /// Whether the list goes on after so much work.
    fn goes_on(&mut self, n_steps: usize) -> bool {
        self.left = self.left.saturating_sub(n_steps);
        self.left > 0 && self.found.len() < self.max
    }
}

/// Most levels of structures that are followed.
const MAX_DEPTH: usize = 64;

impl Symbols {
    /// All values below a tag that have a type of their own: the tag itself, or the members of its structure, down to
    /// `depth` levels; each element of an array of structures counts alone, up to `max` values in all.
    pub fn leaves(&self, scope: &Scope, symbol: &Symbol, depth: usize, max: usize) -> Vec<Leaf> {
        let mut list = Listing::new(max);
        let depth = depth.min(MAX_DEPTH);
        self.descend(scope.address(&symbol.name), symbol.symbol_type, symbol.lens(), depth, &mut list);
        list.found
    }

    /// The structures that a tag is or has in it, strings aside, each with the name of its type and its address, down to
    /// `depth` levels and up to `max` of them.
    pub fn structures(&self, scope: &Scope, symbol: &Symbol, depth: usize, max: usize) -> Vec<(String, String)> {
        let mut list = Listing::new(max);
        let depth = depth.min(MAX_DEPTH);
        self.nest(&scope.address(&symbol.name), symbol.symbol_type, symbol.lens(), depth, &mut list);
        list.found.truncate(max);
        list.found
    }

    fn nest(&self, address: &str, kind: SymbolType, lens: &[u32], depth: usize, list: &mut Listing<(String, String)>) {
        let Some(template) = self.structure(kind).filter(|_| depth > 0) else { return };
        for at in 0..n_elements(lens) {
            let address = format!("{address}{}", element(lens, at));
            if !list.goes_on(1 + address.len() + template.definition.name.len()) {
                return;
            }
            for member in &template.definition.members {
                if !list.goes_on(1) {
                    break;
                }
                let (kind, lens) = member_type(member);
                if self.structure(kind).is_some() && !member.is_hidden() {
                    self.nest(&format!("{address}.{}", member.name), kind, &lens, depth - 1, list);
                }
            }
            list.found.push((template.definition.name.clone(), address));
        }
    }

    fn descend(&self, address: String, kind: SymbolType, lens: &[u32], depth: usize, list: &mut Listing<Leaf>) {
        if !list.goes_on(1 + address.len()) || !self.has_leaf(kind, depth) {
            return;
        }
        if let Some(template) = self.structure(kind) {
            for at in 0..n_elements(lens) {
                let element = element(lens, at);
                for member in &template.definition.members {
                    if !list.goes_on(1) {
                        return;
                    }
                    let (kind, lens) = member_type(member);
                    if self.has_leaf(kind, depth - 1) && !member.is_hidden() {
                        self.descend(format!("{address}{element}.{}", member.name), kind, &lens, depth - 1, list);
                    }
                }
            }
            return;
        }
        let type_name = self.name_of(kind, lens);
        list.goes_on(type_name.len());
        if let Some(value_type) = value_type(kind, lens, kind.template().is_some()) {
            list.found.push(Leaf { address, value_type, type_name });
        }
    }

    /// The structure that a type is, strings aside.
    fn structure(&self, kind: SymbolType) -> Option<&Template> {
        let number = kind.template()?;
        self.contents.get(&number).filter(|content| !content.is_string())?;
        self.templates.get(&number).map(|template| &**template)
    }

    /// Whether a value can be found down to so many levels.
    fn has_leaf(&self, kind: SymbolType, depth: usize) -> bool {
        match kind.template() {
            Some(number) => self.contents.get(&number).is_some_and(|content| content.n_levels <= depth),
            None => true,
        }
    }
}

/// Number of elements; 1 for no array.
fn n_elements(lens: &[u32]) -> u64 {
    lens.iter().fold(1, |n, len| n.saturating_mul(u64::from(*len)))
}

/// `[0]`, `[1]` and so on for the elements in their order in memory; an empty text for no array.
fn element(lens: &[u32], at: u64) -> String {
    if lens.is_empty() {
        return String::new();
    }
    let mut rest = at;
    let mut indices: Vec<String> = Vec::new();
    for len in lens.iter().rev() {
        let len = u64::from(*len).max(1);
        indices.push((rest % len).to_string());
        rest /= len;
    }
    indices.reverse();
    format!("[{}]", indices.join(","))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::nesting::contents;
    use super::*;
    use crate::codec::template::{Attributes, Definition, Member};

    /// A tag `T` of the type 0, where each type has the members that `members` gives; those of type BOOL are hidden.
    fn symbols(n: u16, members: impl Fn(u16) -> Vec<(u16, u16)>) -> (Symbols, Symbol) {
        let mut symbols = Symbols::default();
        for number in 0..n {
            let member = |(idx, (kind, info)): (usize, (u16, u16))| {
                let name = if kind == 0xC1 { format!("__{idx}") } else { format!("M{idx}") };
                Member { name, info, kind, offset: 0 }
            };
            let attributes = Attributes { definition_size: 0, structure_size: 4, n_members: 0, handle: 1 };
            let members = members(number).into_iter().enumerate().map(member).collect();
            let template = Template { attributes, definition: Definition { name: "T".to_owned(), members } };
            symbols.templates.insert(number, Arc::new(template));
        }
        symbols.contents = contents(&symbols.templates).expect("no circle");
        let symbol =
            Symbol { instance: 1, name: "T".to_owned(), symbol_type: SymbolType::structure(0, 0), dims: [0; 3] };
        (symbols, symbol)
    }

    #[test]
    fn types_that_multiply_end_the_list_and_not_the_program() {
        let chain = |last: u16| move |n: u16| if n < 30 { vec![(0x8000 | (n + 1), 0); 40] } else { vec![(last, 0)] };
        let (barren, tag) = symbols(31, chain(0xC0));
        assert_eq!(barren.leaves(&Scope::Controller, &tag, 100, 1000), []);
        let (fertile, tag) = symbols(31, chain(0xC4));
        assert_eq!(fertile.leaves(&Scope::Controller, &tag, 30, 1000), [], "the values lie 31 levels down");
        assert_eq!(fertile.leaves(&Scope::Controller, &tag, 31, 1000).len(), 1000);
        assert!(fertile.structures(&Scope::Controller, &tag, 100, 1000).len() <= 1000);
        let (wide, tag) =
            symbols(9, |n| if n < 8 { vec![(0xA000 | (n + 1), 65_535); 40] } else { vec![(0xC0, 0); 40] });
        assert_eq!(wide.leaves(&Scope::Controller, &tag, 100, 1000), []);
        assert!(wide.structures(&Scope::Controller, &tag, 100, 1000).len() <= 1000);
    }

    #[test]
    fn hidden_members_are_work_too() {
        let few = |n| if n == 0 { vec![(0xA001, 65_535)] } else { [vec![(0xC1, 0); 60_000], vec![(0xC4, 0)]].concat() };
        let (symbols, tag) = symbols(2, few);
        let n = symbols.leaves(&Scope::Controller, &tag, 2, 1000).len();
        assert!((1..100).contains(&n), "{n}");
    }

    #[test]
    fn elements_are_named_in_their_order() {
        let names = |lens: &[u32]| (0..n_elements(lens)).map(|at| element(lens, at)).collect::<Vec<_>>();
        assert_eq!(names(&[]), [""]);
        assert_eq!(names(&[2]), ["[0]", "[1]"]);
        assert_eq!(names(&[2, 2]), ["[0,0]", "[0,1]", "[1,0]", "[1,1]"]);
        assert_eq!(names(&[0]), [""; 0]);
    }
}
