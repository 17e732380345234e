//! How values lie in a controller's memory: alignment, packed Booleans, templates.

use tagwire_model::{ConvertError, Dims};
use thiserror::Error;

use super::config::StructureConfig;
use crate::codec::template::{Attributes, Definition, Member};
use crate::codec::types::TypeCode;
use crate::pccc::TablesError;

/// A configuration that describes no controller.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// A type with an unknown name.
    #[error("{place}: \"{name}\" is no type")]
    Type {
        /// The tag or structure.
        place: String,
        /// The name.
        name: String,
    },
    /// An address that leads nowhere.
    #[error("address {0} leads to no tag")]
    Address(String),
    /// A value does not fit its address.
    #[error("address {address}: {error}")]
    Value {
        /// The address.
        address: String,
        /// What is wrong.
        error: ConvertError,
    },
    /// A name that is there twice.
    #[error("{0} is there twice")]
    Twice(String),
    /// Data files that cannot be.
    #[error(transparent)]
    Tables(#[from] TablesError),
}

/// Type of a tag, of an element or of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain(TypeCode),
    /// Index among the structures.
    Structure(usize),
}

/// A type with dimensions. BOOL with dimensions is DWORD with one dimension, whose bits are the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub kind: Kind,
    pub dims: Dims,
    pub is_packed: bool,
}

/// A structure with its place among the templates.
#[derive(Clone, Debug)]
pub(super) struct Structure {
    pub definition: Definition,
    pub attributes: Attributes,
    pub members: Vec<Place>,
    pub align: usize,
    /// Instance number of the template.
    pub template: u16,
}

/// Where a member lies.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub name: String,
    pub shape: Shape,
    pub offset: usize,
    /// Of a single BOOL, the bit in the byte at `offset`.
    pub bit: Option<u8>,
}

/// The structures of a controller, predefined STRING first.
#[derive(Clone, Debug)]
pub(super) struct Layouts {
    pub structures: Vec<Structure>,
}

impl Layouts {
    pub(super) fn new(configs: &[StructureConfig], template_base: u16) -> Result<Self, SimulatorError> {
        let mut layouts = Self { structures: Vec::new() };
        let string = [("LEN", "DINT"), ("DATA", "SINT[82]")]
            .map(|(name, kind)| super::config::MemberConfig { name: name.to_owned(), kind: kind.to_owned() });
        layouts.add("STRING", &string, 0x0FCE, 0x0FCE)?;
        for (idx, config) in (0..).zip(configs) {
            if layouts.structures.iter().any(|known| known.definition.name.eq_ignore_ascii_case(&config.name)) {
                return Err(SimulatorError::Twice(config.name.clone()));
            }
            let template = 0x100 + (template_base + idx) % 0xC00;
            let handle = handle(&config.name, config.members.iter().map(|m| (m.name.as_str(), m.kind.as_str())));
            layouts.add(&config.name, &config.members, template, handle)?;
        }
        Ok(layouts)
    }

    fn add(
        &mut self,
        name: &str,
        configs: &[super::config::MemberConfig],
        template: u16,
        handle: u16,
    ) -> Result<(), SimulatorError> {
        let (mut end, mut align) = (0_usize, 4_usize);
        let (mut members, mut infos): (Vec<Place>, Vec<Member>) = (Vec::new(), Vec::new());
        // Byte of the hidden SINT that packs neighbouring BOOLs, and how many bits it holds already.
        let mut host: Option<(usize, u8)> = None;
        for config in configs {
            let shape = self.shape(name, &config.kind)?;
            if shape.kind == Kind::Plain(TypeCode::BOOL) {
                let (byte, bit) = match host {
                    Some((byte, n_bits)) if n_bits < 8 => (byte, n_bits),
                    _ => {
                        let hidden = format!("ZZZZZZZZZZ{}{}", name.get(..10).unwrap_or(name), infos.len());
                        let offset = end as u32;
                        infos.push(Member { name: hidden, info: 0, kind: TypeCode::SINT.0, offset });
                        end += 1;
                        (end - 1, 0)
                    }
                };
                host = Some((byte, bit + 1));
                let (kind, offset) = (TypeCode::BOOL.0, byte as u32);
                infos.push(Member { name: config.name.clone(), info: bit.into(), kind, offset });
                members.push(Place { name: config.name.clone(), shape, offset: byte, bit: Some(bit) });
                continue;
            }
            host = None;
            let own = self.align(shape);
            align = align.max(own);
            end = end.next_multiple_of(own);
            let (n, is_array) = (shape.dims.n_elements().unwrap_or(1), shape.dims.rank() > 0);
            let kind = match shape.kind {
                Kind::Plain(code) => code.0,
                Kind::Structure(idx) => 0x8000 | self.structures.get(idx).map_or(0, |known| known.template),
            };
            infos.push(Member {
                name: config.name.clone(),
                info: if is_array { n as u16 } else { 0 },
                kind: kind | if is_array { 0x2000 } else { 0 },
                offset: end as u32,
            });
            members.push(Place { name: config.name.clone(), shape, offset: end, bit: None });
            end += self.size(shape.kind) * n as usize;
        }
        let size = end.next_multiple_of(align);
        let type_name = if name == "STRING" { "ASCIISTRING82" } else { name };
        let definition = Definition { name: type_name.to_owned(), members: infos };
        let mut bytes = Vec::new();
        definition.encode(&mut bytes);
        let attributes = Attributes {
            // What clients read is 23 or 21 bytes shorter than the size says.
            definition_size: (bytes.len() + 23).div_ceil(4) as u32,
            structure_size: size as u32,
            n_members: definition.members.len() as u16,
            handle,
        };
        self.structures.push(Structure { definition, attributes, members, align, template });
        Ok(())
    }

    /// The type of this name, with or without dimensions.
    pub(super) fn shape(&self, place: &str, text: &str) -> Result<Shape, SimulatorError> {
        let wrong = || SimulatorError::Type { place: place.to_owned(), name: text.to_owned() };
        let (name, dims) = match text.split_once('[') {
            None => (text, Dims::SCALAR),
            Some((name, rest)) => {
                let lens: Option<Vec<u32>> = rest
                    .strip_suffix(']')
                    .ok_or_else(wrong)?
                    .split(',')
                    .map(|len| len.trim().parse().ok().filter(|len| (1..=1_000_000).contains(len)))
                    .collect();
                let dims = lens.and_then(|lens| Dims::new(&lens)).ok_or_else(wrong)?;
                (name, dims)
            }
        };
        if dims.n_elements().is_none_or(|n| n > 4_000_000) {
            return Err(wrong());
        }
        let name = name.trim();
        let structure = self.structures.iter().position(|known| {
            known.definition.name.eq_ignore_ascii_case(name)
                || name.eq_ignore_ascii_case("STRING") && known.template == 0x0FCE
        });
        if let Some(idx) = structure {
            return Ok(Shape { kind: Kind::Structure(idx), dims, is_packed: false });
        }
        let code = TypeCode::from_name(name).filter(|code| code.size().is_some_and(|size| size > 0));
        let code = code.ok_or_else(wrong)?;
        if code == TypeCode::BOOL && dims.rank() > 0 {
            let n = dims.n_elements().unwrap_or(0).div_ceil(32);
            return Ok(Shape { kind: Kind::Plain(TypeCode::DWORD), dims: Dims::one(n), is_packed: true });
        }
        Ok(Shape { kind: Kind::Plain(code), dims, is_packed: false })
    }

    /// Bytes of one element.
    pub(super) fn size(&self, kind: Kind) -> usize {
        match kind {
            Kind::Plain(code) => code.size().unwrap_or(0),
            Kind::Structure(idx) => {
                self.structures.get(idx).map_or(0, |known| known.attributes.structure_size as usize)
            }
        }
    }

    fn align(&self, shape: Shape) -> usize {
        match shape.kind {
            // Arrays begin at a multiple of four.
            Kind::Plain(code) => {
                code.size().unwrap_or(1).max(if shape.dims.rank() > 0 { 4 } else { 1 }).next_power_of_two().min(8)
            }
            Kind::Structure(idx) => self.structures.get(idx).map_or(4, |known| known.align),
        }
    }
}

/// A checksum of names and types, as a real handle is.
fn handle<'a>(name: &str, members: impl Iterator<Item = (&'a str, &'a str)>) -> u16 {
    let mut sum = 0x1D0F_u16;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            sum = sum.rotate_left(3) ^ u16::from(byte).wrapping_mul(0x0101);
        }
    };
    add(name);
    members.for_each(|(name, kind)| {
        add(name);
        add(kind);
    });
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::MemberConfig;

    #[test]
    fn members_lie_as_in_a_controller() {
        let member = |(name, kind): (&str, &str)| MemberConfig { name: name.to_owned(), kind: kind.to_owned() };
        let inner = [("a", "SINT"), ("b", "DINT"), ("on", "BOOL"), ("off", "BOOL")].map(member).to_vec();
        let outer = [("flags", "BOOL[40]"), ("inner", "Inner[2]"), ("long", "LINT"), ("text", "STRING")];
        let configs = [
            StructureConfig { name: "Inner".to_owned(), members: inner },
            StructureConfig { name: "Outer".to_owned(), members: outer.map(member).to_vec() },
        ];
        let layouts = Layouts::new(&configs, 0).expect("layouts");
        let offsets = |idx: usize| -> Vec<(usize, Option<u8>)> {
            layouts.structures[idx].members.iter().map(|place| (place.offset, place.bit)).collect()
        };
        assert_eq!(offsets(1), [(0, None), (4, None), (8, Some(0)), (8, Some(1))]);
        assert_eq!(layouts.structures[1].attributes.structure_size, 12);
        assert_eq!(offsets(2), [(0, None), (8, None), (32, None), (40, None)]);
        assert_eq!(layouts.structures[2].attributes.structure_size, 128);
        assert_eq!(layouts.structures[0].attributes.structure_size, 88);
    }
}
