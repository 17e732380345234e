//! The tags of a controller and where paths lead among them.

use std::collections::HashMap;
use std::time::Duration;

use tagwire_driver::simulation::Plain;
use tagwire_model::{ConvertError, Dims, Value};

use super::config::{SignalConfig, SimulatorConfig, TagConfig};
use super::layout::{Kind, Layouts, Shape, SimulatorError};
use crate::address::Address;
use crate::codec::path::{Segment, segments};
use crate::codec::symbol::SymbolType;
use crate::codec::types::TypeCode;
use crate::codec::{Status, class};

/// A tag with its memory.
#[derive(Clone, Debug)]
pub(super) struct Tag {
    pub name: String,
    /// Index of the program; `None` for the controller.
    pub program: Option<usize>,
    pub instance: u32,
    pub shape: Shape,
    pub is_read_only: bool,
    pub memory: Vec<u8>,
}

/// Where a path leads: some memory of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub tag: usize,
    pub offset: usize,
    pub kind: Kind,
    /// Elements from here to the end of the array; 1 for a single value.
    pub n_left: usize,
    /// Of a BOOL packed into a byte.
    pub bit: Option<u8>,
}

/// The program of a controller.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub layouts: Layouts,
    pub tags: Vec<Tag>,
    pub programs: Vec<(String, u32)>,
    /// By scope, the controller's first, then by name in small letters.
    by_name: Vec<HashMap<Vec<u8>, usize>>,
    by_instance: HashMap<u32, usize>,
    signals: Vec<(Target, SignalConfig)>,
}

impl Program {
    /// Tags with instance numbers that depend on `version`, so that a changed program has other ones.
    pub(super) fn new(config: &SimulatorConfig, version: u32) -> Result<Self, SimulatorError> {
        let layouts = Layouts::new(&config.structures, (version.wrapping_mul(37) & 0x3FF) as u16)?;
        let mut program = Self {
            layouts,
            tags: Vec::new(),
            programs: Vec::new(),
            by_name: vec![HashMap::new()],
            by_instance: HashMap::new(),
            signals: Vec::new(),
        };
        for tag in &config.tags {
            program.add(tag)?;
        }
        program.number(config.seed, version);
        for one in config.tags.iter().filter(|tag| tag.count.is_none()) {
            if let Some(value) = &one.value {
                let prefix = one.program.as_ref().map_or_else(String::new, |name| format!("Program:{name}."));
                program.set(&format!("{prefix}{}", one.name), value)?;
            }
        }
        for one in &config.values {
            program.set(&one.address, &one.value)?;
        }
        for one in &config.signals {
            let target = program.find(&one.address)?;
            program.signals.push((target, one.clone()));
        }
        Ok(program)
    }

    fn add(&mut self, config: &TagConfig) -> Result<(), SimulatorError> {
        let shape = self.layouts.shape(&config.name, &config.kind)?;
        let program = config.program.as_ref().map(|name| {
            let known = self.programs.iter().position(|(known, _)| known.eq_ignore_ascii_case(name));
            known.unwrap_or_else(|| {
                self.programs.push((name.clone(), 0));
                self.by_name.push(HashMap::new());
                self.programs.len() - 1
            })
        });
        let names: Vec<String> = match config.count {
            None => vec![config.name.clone()],
            Some(n) => (0..n.min(1_000_000)).map(|idx| format!("{}{idx}", config.name)).collect(),
        };
        let n_bytes = self.layouts.size(shape.kind) * shape.dims.n_elements().unwrap_or(1) as usize;
        for name in names {
            let scope = self.by_name.get_mut(program.map_or(0, |program| program + 1));
            let old = scope.and_then(|scope| scope.insert(name.to_ascii_lowercase().into_bytes(), self.tags.len()));
            if old.is_some() {
                return Err(SimulatorError::Twice(name));
            }
            let memory = vec![0; n_bytes];
            let is_read_only = config.read_only;
            self.tags.push(Tag { name, program, instance: 0, shape, is_read_only, memory });
        }
        Ok(())
    }

    /// Gives out instance numbers with gaps, in another order for each version.
    fn number(&mut self, seed: u64, version: u32) {
        let mut rng = fastrand::Rng::with_seed(seed ^ u64::from(version) << 32);
        let mut order: Vec<usize> = (0..self.tags.len()).collect();
        if version > 0 {
            rng.shuffle(&mut order);
        }
        let mut next = 1;
        for (_, instance) in &mut self.programs {
            next += rng.u32(1..4);
            *instance = next;
        }
        for idx in order {
            next += rng.u32(1..4);
            if let Some(tag) = self.tags.get_mut(idx) {
                tag.instance = next;
                self.by_instance.insert(next, idx);
            }
        }
    }

    /// The tags of one scope in the order of their numbers.
    pub(super) fn scope(&self, program: Option<usize>) -> Vec<&Tag> {
        let mut tags: Vec<&Tag> = self.tags.iter().filter(|tag| tag.program == program).collect();
        tags.sort_unstable_by_key(|tag| tag.instance);
        tags
    }

    /// The index of a program.
    pub(super) fn program(&self, name: &[u8]) -> Option<usize> {
        let name = std::str::from_utf8(name).ok()?;
        let name = name.get(..8).filter(|start| start.eq_ignore_ascii_case("program:")).and_then(|_| name.get(8..))?;
        self.programs.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// What the tag list says about a tag.
    pub(super) fn symbol_type(&self, tag: &Tag) -> SymbolType {
        let rank = tag.shape.dims.rank() as u8;
        match tag.shape.kind {
            Kind::Plain(code) => SymbolType::plain(code, rank),
            Kind::Structure(idx) => {
                SymbolType::structure(self.layouts.structures.get(idx).map_or(0, |known| known.template), rank)
            }
        }
    }

    /// The tag of a name in any letter case.
    fn named(&self, scope: Option<usize>, name: &[u8]) -> Option<usize> {
        let mut small = [0; 256];
        let small = small.get_mut(..name.len())?;
        small.copy_from_slice(name);
        small.make_ascii_lowercase();
        self.by_name.get(scope.map_or(0, |program| program + 1))?.get(&*small).copied()
    }

    /// Follows a path of symbols, instances and elements.
    pub(super) fn follow(&self, path: &[u8]) -> Result<Target, Status> {
        let mut path = segments(path).peekable();
        let mut scope = None;
        let mut root = None;
        while root.is_none() {
            match path.next() {
                Some(Ok(Segment::Symbol(name))) => {
                    if let Some(program) = self.program(name) {
                        scope = Some(program);
                        continue;
                    }
                    root = Some(self.named(scope, name).ok_or(Status::PATH_SEGMENT_ERROR)?);
                }
                Some(Ok(Segment::Class(class::SYMBOL))) => {
                    let Some(Ok(Segment::Instance(instance))) = path.next() else { return Err(Status::PATH_UNKNOWN) };
                    let found = self.by_instance.get(&instance).copied();
                    let found = found.filter(|idx| self.tags.get(*idx).is_some_and(|tag| tag.program == scope));
                    root = Some(found.ok_or(Status::PATH_UNKNOWN)?);
                }
                _ => return Err(Status::PATH_UNKNOWN),
            }
        }
        let idx = root.ok_or(Status::PATH_UNKNOWN)?;
        let tag = self.tags.get(idx).ok_or(Status::PATH_UNKNOWN)?;
        let mut target = Target { tag: idx, offset: 0, kind: tag.shape.kind, n_left: 1, bit: None };
        let mut dims = tag.shape.dims;
        loop {
            target.n_left = dims.n_elements().unwrap_or(1) as usize;
            if dims.rank() > 0 && matches!(path.peek(), Some(Ok(Segment::Element(_)))) {
                let mut linear = 0_usize;
                for len in dims.lens() {
                    let Some(Ok(Segment::Element(at))) = path.next() else { return Err(Status::PATH_UNKNOWN) };
                    if at >= *len {
                        return Err(Status::extended(0xFF, Status::BEYOND_END));
                    }
                    linear = linear * *len as usize + at as usize;
                }
                target.offset += linear * self.layouts.size(target.kind);
                target.n_left -= linear;
            }
            match path.next() {
                None => return Ok(target),
                Some(Ok(Segment::Symbol(name))) => {
                    let Kind::Structure(structure) = target.kind else { return Err(Status::PATH_SEGMENT_ERROR) };
                    let members = self.layouts.structures.get(structure).map_or(&[][..], |known| &known.members);
                    let name = String::from_utf8_lossy(name);
                    let place = members.iter().find(|place| place.name.eq_ignore_ascii_case(&name));
                    let place = place.ok_or(Status::PATH_SEGMENT_ERROR)?;
                    target.offset += place.offset;
                    (target.kind, target.bit, dims) = (place.shape.kind, place.bit, place.shape.dims);
                }
                _ => return Err(Status::PATH_UNKNOWN),
            }
        }
    }

    /// Where an address leads, for the owner of the simulator.
    pub(super) fn find(&self, address: &str) -> Result<Target, SimulatorError> {
        let wrong = || SimulatorError::Address(address.to_owned());
        let parsed = Address::parse(address).map_err(|_| wrong())?;
        let mut path = Vec::new();
        parsed.encode(&mut path);
        let whole = self.follow(&path);
        let mut target = match whole {
            Ok(target) => target,
            // An element of a packed array of BOOL counts bits, and a path counts words.
            Err(_) => self.packed(&parsed).ok_or_else(wrong)?,
        };
        if whole.is_ok() && parsed.last_index().is_some() && self.is_packed(&parsed) {
            target = self.packed(&parsed).ok_or_else(wrong)?;
        }
        if let Some(bit) = parsed.bit {
            target.offset += usize::from(bit / 8);
            target.kind = Kind::Plain(TypeCode::BOOL);
            target.bit = Some(bit % 8);
        }
        Ok(target)
    }

    fn is_packed(&self, address: &Address) -> bool {
        let mut path = Vec::new();
        address.without_last_index().encode(&mut path);
        let Ok(target) = self.follow(&path) else { return false };
        target.kind == Kind::Plain(TypeCode::DWORD)
            && target.n_left > 0
            && self
                .tags
                .get(target.tag)
                .is_some_and(|tag| tag.shape.is_packed || matches!(tag.shape.kind, Kind::Structure(_)))
    }

    fn packed(&self, address: &Address) -> Option<Target> {
        let bit = address.last_index()?;
        let mut path = Vec::new();
        address.without_last_index().encode(&mut path);
        let target = self.follow(&path).ok().filter(|_| self.is_packed(address))?;
        let offset = target.offset + bit as usize / 8;
        let is_inside = (bit as usize) < target.n_left * 32;
        is_inside.then_some(Target {
            offset,
            kind: Kind::Plain(TypeCode::BOOL),
            n_left: 1,
            bit: Some((bit % 8) as u8),
            ..target
        })
    }

    /// The value at an address: elementary types and strings; `None` for structures.
    pub(super) fn value(&self, address: &str) -> Result<Option<Value>, SimulatorError> {
        let target = self.find(address)?;
        Ok(self.read(&target))
    }

    fn read(&self, target: &Target) -> Option<Value> {
        let memory = self.tags.get(target.tag)?.memory.get(target.offset..)?;
        match target.kind {
            Kind::Plain(code) => match target.bit {
                Some(bit) => memory.first().map(|byte| Value::Boolean(byte >> bit & 1 == 1)),
                None => code.decode(memory).map(|(value, _)| value),
            },
            Kind::Structure(idx) => {
                let known = self.layouts.structures.get(idx).filter(|known| known.definition.is_string())?;
                let data = memory.get(..known.attributes.structure_size as usize)?;
                Some(Value::text(&crate::decode::text_of(data)?))
            }
        }
    }

    /// Sets the value at an address.
    pub(super) fn set(&mut self, address: &str, value: &Plain) -> Result<(), SimulatorError> {
        let target = self.find(address)?;
        let mut place = target;
        let mut flat = Vec::new();
        flatten(value, &mut flat);
        for one in flat {
            let wrong = |error| SimulatorError::Value { address: address.to_owned(), error };
            place.offset += self.put(&place, &one).map_err(wrong)?;
        }
        Ok(())
    }

    /// Puts one value into memory; returns its length.
    pub(super) fn put(&mut self, target: &Target, value: &Value) -> Result<usize, ConvertError> {
        let size = self.layouts.size(target.kind);
        let mut bytes = Vec::with_capacity(size);
        match target.kind {
            Kind::Plain(code) => code.encode(value, &mut bytes)?,
            Kind::Structure(idx) => {
                let known = self.layouts.structures.get(idx).filter(|known| known.definition.is_string());
                let (Some(known), Value::String(text)) = (known, value) else { return Err(ConvertError::Type) };
                bytes = crate::encode::string_bytes(text, known.attributes.structure_size as usize)?;
            }
        }
        let tag = self.tags.get_mut(target.tag).ok_or(ConvertError::Dimensions)?;
        if let Some(bit) = target.bit {
            let byte = tag.memory.get_mut(target.offset).ok_or(ConvertError::Dimensions)?;
            *byte = *byte & !(1 << bit) | u8::from(bytes.first().is_some_and(|b| *b != 0)) << bit;
            return Ok(0);
        }
        let place = tag.memory.get_mut(target.offset..target.offset + bytes.len()).ok_or(ConvertError::Dimensions)?;
        place.copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// Moves signals to where they are now.
    pub(super) fn move_signals(&mut self, now: Duration) {
        for idx in 0..self.signals.len() {
            let Some((target, signal)) = self.signals.get(idx) else { return };
            let (target, value) = (*target, signal.shape.value(now, signal.period, signal.low, signal.high));
            // A signal beyond the range of its type stays where it was.
            let _ = self.put(&target, &Value::Double(value));
        }
    }

    /// Shape of a tag's dimensions for the tag list.
    pub(super) fn lens(tag: &Tag) -> [u32; 3] {
        let mut lens = [0; 3];
        let dims: Dims = tag.shape.dims;
        lens.iter_mut().zip(dims.lens()).for_each(|(to, from)| *to = *from);
        lens
    }
}

fn flatten(value: &Plain, out: &mut Vec<Value>) {
    match value {
        Plain::Bool(on) => out.push(Value::Boolean(*on)),
        Plain::Integer(number) => out.push(Value::Int64(*number)),
        Plain::Float(number) => out.push(Value::Double(*number)),
        Plain::Text(text) => out.push(Value::text(text)),
        Plain::List(list) => list.iter().for_each(|one| flatten(one, out)),
    }
}
