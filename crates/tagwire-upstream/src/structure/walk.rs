//! From the body of a structure to the members that are wanted.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use tagwire_model::{Dims, Status, Value, ValueType};
use tagwire_ua_client::NodeId;

use super::Path;
use super::built_in::BuiltIn;
use super::bytes::{Cursor, Flaw};
use super::definition::{Field, Layout, Shape};
use super::path::Step;
use super::types::{Kind, Types};

/// Structures within structures.
const MAX_DEPTH: usize = 16;
/// Parts of a value that take no bytes, such as optional fields that are not there.
const FREE_PARTS: usize = 100_000;
/// Names that a reason gives.
const MAX_NAMED: usize = 10;

/// Members that are wanted, each by a number of the caller's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    here: Vec<u32>,
    fields: HashMap<Box<str>, Self>,
    elements: HashMap<u32, Self>,
}

impl Wanted {
    pub(crate) fn new<'a>(paths: impl IntoIterator<Item = (u32, &'a Path)>) -> Self {
        let mut wanted = Self::default();
        for (number, path) in paths {
            let mut at = &mut wanted;
            for step in path.steps() {
                at = match step {
                    Step::Field(name) => at.fields.entry(name.clone()).or_default(),
                    Step::Element(index) => at.elements.entry(*index).or_default(),
                };
            }
            at.here.push(number);
        }
        wanted
    }

    /// What is wanted of one element of an array.
    pub(crate) fn element(&self, index: u32) -> Option<&Self> {
        self.elements.get(&index)
    }

    /// The elements of which something is wanted.
    pub(crate) fn indices(&self) -> impl Iterator<Item = u32> {
        self.elements.keys().copied()
    }

    /// What is wanted of fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Self> {
        self.fields.values()
    }

    /// All that is wanted.
    pub(crate) fn all(&self) -> Vec<u32> {
        let mut all = self.here.clone();
        all.extend(self.fields.values().chain(self.elements.values()).flat_map(Self::all));
        all
    }
}

/// Where a member stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    /// Its value; `None` for one that no tag can hold.
    pub(crate) value: Option<Value>,
    /// The bytes that it takes.
    pub(crate) span: Range<usize>,
    /// Its type, of an array that of its elements; `None` for a structure.
    pub(crate) built_in: Option<BuiltIn>,
    /// Number of dimensions.
    pub(crate) rank: usize,
    /// Where the lengths of the structures around it stand that say themselves of which type they are.
    pub(crate) lengths: Vec<usize>,
}

impl Found {
    /// Whether the type of its value is told by the value alone.
    pub(crate) fn is_open(&self) -> bool {
        self.rank == 0 && self.built_in == Some(BuiltIn::VARIANT)
    }
}

/// Why a member has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The definition has no such member, or no tag can hold it.
    Wrong(Arc<str>),
    /// The value has it not at the moment: an optional field, another field of a union, an element past the end.
    Absent,
    /// The bytes are not what the definition says.
    Broken(Arc<str>),
}

impl Miss {
    pub(crate) const fn status(&self) -> Status {
        match self {
            Self::Wrong(_) => Status::BAD_CONFIGURATION_ERROR,
            Self::Absent => Status::BAD_NO_DATA,
            Self::Broken(_) => Status::BAD_DECODING_ERROR,
        }
    }

    /// What is wrong; `None` for what is as it should be.
    pub(crate) const fn reason(&self) -> Option<&Arc<str>> {
        match self {
            Self::Wrong(reason) | Self::Broken(reason) => Some(reason),
            Self::Absent => None,
        }
    }
}

/// What came of a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) found: Vec<(u32, Result<Found, Miss>)>,
    /// Encodings of structures on the way that are not known yet; what lies in them was not looked for.
    pub(crate) needs: Vec<NodeId>,
}

/// Looks for members in the body of a structure, all of which must be what its definition says.
pub(crate) fn search(types: &Types, data_type: &NodeId, body: &[u8], wanted: &Wanted) -> Result<Outcome, Flaw> {
    Walk::new(types, body).run(data_type, wanted)
}

/// The structures whose definitions a search goes by, as far as it comes.
pub(crate) fn met(types: &Types, data_type: &NodeId, body: &[u8], wanted: &Wanted) -> HashSet<NodeId> {
    let mut met = HashSet::new();
    // A body that is not what the definitions say tells all the same which ones they were.
    let _ = Walk { met: Some(&mut met), ..Walk::new(types, body) }.run(data_type, wanted);
    met
}

struct Walk<'a> {
    types: &'a Types,
    cursor: Cursor<'a>,
    /// Parts without bytes that may still come.
    n_free: usize,
    depth: usize,
    /// Where the lengths of the extension objects around stand.
    lengths: Vec<usize>,
    outcome: Outcome,
    /// The structures on the way, where anybody wants to know.
    met: Option<&'a mut HashSet<NodeId>>,
}

impl<'a> Walk<'a> {
    const fn new(types: &'a Types, body: &'a [u8]) -> Self {
        Self {
            types,
            cursor: Cursor::new(body),
            n_free: FREE_PARTS,
            depth: 0,
            lengths: Vec::new(),
            outcome: Outcome { found: Vec::new(), needs: Vec::new() },
            met: None,
        }
    }

    fn run(mut self, data_type: &NodeId, wanted: &Wanted) -> Result<Outcome, Flaw> {
        let shape = self.shape(data_type)?;
        self.structure(&shape, Some(wanted))?;
        match self.cursor.n_left() {
            0 => Ok(self.outcome),
            n => Err(Flaw::LeftOver(n)),
        }
    }

    fn kind(&mut self, data_type: &NodeId) -> Result<Kind, Flaw> {
        let unknown = || Flaw::Unknown(Arc::from(format!("data type {data_type} is not known")));
        let kind = self.types.kind(data_type).ok_or_else(unknown)?.map_err(Flaw::Unknown)?;
        if let (Kind::Structure(_), Some(met)) = (&kind, &mut self.met)
            && !met.contains(data_type)
        {
            met.insert(data_type.clone());
        }
        Ok(kind)
    }

    fn shape(&mut self, data_type: &NodeId) -> Result<Arc<Shape>, Flaw> {
        match self.kind(data_type)? {
            Kind::Structure(shape) => Ok(shape),
            Kind::BuiltIn(_) => Err(Flaw::Unknown(Arc::from(format!("data type {data_type} is no structure")))),
        }
    }

    /// Counts a part, which may take no bytes.
    fn count(&mut self) -> Result<(), Flaw> {
        self.n_free = self.n_free.checked_sub(1).ok_or(Flaw::TooMuch)?;
        Ok(())
    }

    fn miss(&mut self, wanted: Option<&Wanted>, miss: &Miss) {
        let all = wanted.map(Wanted::all).unwrap_or_default();
        self.outcome.found.extend(all.into_iter().map(|number| (number, Err(miss.clone()))));
    }

    fn wrong(&mut self, wanted: Option<&Wanted>, reason: &str) {
        self.miss(wanted, &Miss::Wrong(Arc::from(reason)));
    }

    /// A structure of a known shape.
    fn structure(&mut self, shape: &Shape, wanted: Option<&Wanted>) -> Result<(), Flaw> {
        if self.depth >= MAX_DEPTH {
            return Err(Flaw::TooDeep);
        }
        self.depth += 1;
        let start = self.cursor.at();
        if let Some(wanted) = wanted {
            self.refuse_unknown(shape, wanted);
        }
        let of = |field: &Field| wanted.and_then(|wanted| wanted.fields.get(&field.name));
        match shape.layout {
            Layout::Plain => {
                for field in &shape.fields {
                    self.field(field, of(field))?;
                }
            }
            Layout::Optional => {
                let mut mask = self.cursor.u32()?;
                for field in &shape.fields {
                    if field.is_optional {
                        let is_there = mask & 1 != 0;
                        mask >>= 1;
                        if !is_there {
                            self.count()?;
                            self.miss(of(field), &Miss::Absent);
                            continue;
                        }
                    }
                    self.field(field, of(field))?;
                }
            }
            Layout::Union => {
                let chosen = self.cursor.u32()? as usize;
                if chosen > shape.fields.len() {
                    return Err(Flaw::Malformed("union of no known field"));
                }
                for (number, field) in (1..).zip(&shape.fields) {
                    if number == chosen {
                        self.field(field, of(field))?;
                    } else if wanted.is_some() {
                        self.miss(of(field), &Miss::Absent);
                    }
                }
            }
        }
        self.depth -= 1;
        if let Some(wanted) = wanted {
            let value = Some(Value::bytes(self.cursor.since(start)));
            self.hand_over(wanted, &Found { value, ..self.place(start, None, 0) });
        }
        Ok(())
    }

    /// Names that the shape does not have.
    fn refuse_unknown(&mut self, shape: &Shape, wanted: &Wanted) {
        for (name, inside) in &wanted.fields {
            if shape.fields.iter().all(|field| field.name != *name) {
                let names: Vec<&str> = shape.fields.iter().map(|field| &*field.name).take(MAX_NAMED).collect();
                let more = if shape.fields.len() > MAX_NAMED { ", ..." } else { "" };
                self.wrong(Some(inside), &format!("there is no member {name}, only {}{more}", names.join(", ")));
            }
        }
        for inside in wanted.elements.values() {
            self.wrong(Some(inside), "value is a structure and no array");
        }
    }

    fn place(&self, start: usize, built_in: Option<BuiltIn>, rank: usize) -> Found {
        let span = start..self.cursor.at();
        Found { value: None, span, built_in, rank, lengths: self.lengths.clone() }
    }

    fn hand_over(&mut self, wanted: &Wanted, found: &Found) {
        self.outcome.found.extend(wanted.here.iter().map(|number| (*number, Ok(found.clone()))));
    }

    fn field(&mut self, field: &Field, wanted: Option<&Wanted>) -> Result<(), Flaw> {
        self.count()?;
        let mut kind = self.kind(&field.data_type)?;
        if field.has_subtypes {
            // Part 6, 5.2.6: whatever derives from the field's type, in the form that says which one it is.
            kind =
                Kind::BuiltIn(if matches!(kind, Kind::Structure(_)) { BuiltIn::STRUCTURE } else { BuiltIn::VARIANT });
        }
        match field.rank {
            0 => self.one(&kind, wanted),
            rank => self.array(&kind, rank, wanted),
        }
    }

    fn one(&mut self, kind: &Kind, wanted: Option<&Wanted>) -> Result<(), Flaw> {
        match kind {
            Kind::Structure(shape) => self.structure(shape, wanted),
            Kind::BuiltIn(BuiltIn::STRUCTURE) => self.extension(wanted),
            Kind::BuiltIn(built_in) => {
                let start = self.cursor.at();
                let Some(wanted) = wanted else { return self.cursor.skip(*built_in) };
                let value = self.cursor.value(*built_in)?;
                for inside in wanted.fields.values().chain(wanted.elements.values()) {
                    self.wrong(Some(inside), "value has no members");
                }
                self.hand_over(wanted, &Found { value, ..self.place(start, Some(*built_in), 0) });
                Ok(())
            }
        }
    }

    /// A structure that says itself of which type it is.
    fn extension(&mut self, wanted: Option<&Wanted>) -> Result<(), Flaw> {
        let (encoding, body) = self.cursor.structure_head()?;
        let Some((place, len)) = body else {
            self.miss(wanted, &Miss::Absent);
            return Ok(());
        };
        let end = self.cursor.at() + len;
        let known = wanted.map(|wanted| (wanted, self.types.encoding(&encoding).cloned()));
        match known {
            Some((wanted, Some(Ok(data_type)))) => {
                let shape = self.shape(&data_type)?;
                self.lengths.push(place);
                self.structure(&shape, Some(wanted))?;
                self.lengths.pop();
                if self.cursor.at() != end {
                    return Err(Flaw::Malformed("inner structure and its length differ"));
                }
                return Ok(());
            }
            Some((wanted, Some(Err(reason)))) => self.wrong(Some(wanted), &reason),
            Some((wanted, None)) if encoding.is_null() => self.wrong(Some(wanted), "inner structure is not binary"),
            Some((_, None)) => self.outcome.needs.push(encoding),
            None => {}
        }
        self.cursor.take(len).map(|_| ())
    }

    fn array(&mut self, kind: &Kind, rank: usize, wanted: Option<&Wanted>) -> Result<(), Flaw> {
        let start = self.cursor.at();
        let lens = if rank == 1 { vec![self.cursor.len()?] } else { self.lens(rank)? };
        let n = lens.iter().try_fold(1_usize, |n, len| n.checked_mul(*len)).ok_or(Flaw::TooMuch)?;
        // What takes bytes is counted by them, and what takes none by its number.
        if n > self.cursor.n_left() + self.n_free {
            return Err(Flaw::CutShort);
        }
        if let Some(wanted) = wanted {
            for (index, inside) in &wanted.elements {
                if rank > 1 {
                    self.wrong(Some(inside), "array has more than one dimension");
                } else if *index as usize >= n {
                    self.miss(Some(inside), &Miss::Absent);
                }
            }
            for inside in wanted.fields.values() {
                self.wrong(Some(inside), "value is an array: name one element, as in [0]");
            }
        }
        let is_plain = |built_in: BuiltIn| built_in.held_as().is_some();
        if let (Kind::BuiltIn(built_in), Some(wanted)) = (kind, wanted)
            && is_plain(*built_in)
            && !wanted.here.is_empty()
        {
            let elements = self.cursor;
            let dims: Vec<u32> = lens.iter().map(|len| u32::try_from(*len).unwrap_or(u32::MAX)).collect();
            let value = match Dims::new(&dims).filter(|_| n <= ValueType::MAX_ELEMENTS as usize) {
                Some(dims) => self.cursor.elements(*built_in, n, dims)?,
                None => {
                    self.passed(kind, n, None)?;
                    None
                }
            };
            self.hand_over(wanted, &Found { value, ..self.place(start, Some(*built_in), rank) });
            self.cursor = elements;
            return self.passed(kind, n, Some(wanted).filter(|_| rank == 1));
        }
        self.passed(kind, n, wanted.filter(|_| rank == 1))?;
        if let Some(wanted) = wanted {
            self.hand_over(wanted, &self.place(start, None, rank));
        }
        Ok(())
    }

    /// Elements one by one.
    fn passed(&mut self, kind: &Kind, n: usize, wanted: Option<&Wanted>) -> Result<(), Flaw> {
        for index in 0..n {
            let before = self.cursor.at();
            let inside = wanted.and_then(|wanted| wanted.elements.get(&u32::try_from(index).unwrap_or(u32::MAX)));
            self.one(kind, inside)?;
            if self.cursor.at() == before {
                self.count()?;
            }
        }
        Ok(())
    }

    fn lens(&mut self, rank: usize) -> Result<Vec<usize>, Flaw> {
        let n = self.cursor.len()?;
        if n == 0 {
            return Ok(vec![0; rank.min(3)]);
        }
        if n != rank || n > 64 {
            return Err(Flaw::Malformed("array of other dimensions than its definition has"));
        }
        (0..n).map(|_| self.cursor.len()).collect()
    }
}

/// For the fuzzer: takes the first bytes for a definition and the others for the body of such a structure, looks for
/// what the definition names, and writes it back as it was.
pub fn fuzz(bytes: &[u8]) {
    let Some((len, rest)) = bytes.split_first_chunk::<2>() else { return };
    let (head, body) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
    let Ok(shape) = super::definition::definition(head) else { return };
    let (own, mut types) = (NodeId::new(2, 1_u32), Types::default());
    let paths: Vec<Path> = shape
        .fields
        .iter()
        .flat_map(|field| {
            [vec![Step::Field(field.name.clone())], vec![Step::Field(field.name.clone()), Step::Element(0)]]
        })
        .filter_map(|steps| Path::new(&steps))
        .collect();
    types.set_encoding(shape.encoding.clone(), Ok(own.clone()));
    types.set_kind(own.clone(), Ok(Kind::Structure(Arc::new(shape))));
    let wanted = Wanted::new((0..).zip(&paths));
    let Ok(outcome) = search(&types, &own, body, &wanted) else { return };
    for (number, found) in outcome.found {
        let Ok(found) = found else { continue };
        assert!(found.span.end <= body.len(), "a member lies beyond its structure");
        let Some(value) = &found.value else { continue };
        let Ok(changed) = super::splice::change(body, &found, value.clone()) else { continue };
        let again = search(&types, &own, &changed, &wanted).map(|outcome| outcome.found).unwrap_or_default();
        let is_same = |(other, found): &(u32, Result<Found, Miss>)| {
            let value_now = found.as_ref().ok().and_then(|found| found.value.as_ref());
            *other == number && value_now.is_some_and(|now| now.same_as(value))
        };
        assert!(again.iter().any(is_same), "a member is another one after being written as it was");
    }
}
