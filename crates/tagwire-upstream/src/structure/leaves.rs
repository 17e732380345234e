//! What a structure can give tags to.

use tagwire_model::{Dims, ValueType};
use tagwire_ua_client::NodeId;

use super::Path;
use super::path::Step;
use super::types::{Kind, Types};
use super::walk::{Wanted, search};

/// Structures within structures.
const MAX_DEPTH: usize = 16;
/// Members of one variable at most.
const MAX_LEAVES: usize = 10_000;

/// A member that a tag can hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub(crate) path: Path,
    pub(crate) value_type: ValueType,
}

/// A structure, with the steps to it and the name of its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Branch {
    pub(crate) steps: Vec<Step>,
    pub(crate) type_name: String,
}

/// All members of a structure.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Leaves {
    pub(crate) leaves: Vec<Leaf>,
    /// The structures that the members lie in, from the inside out.
    pub(crate) branches: Vec<Branch>,
    /// Members that no tag can hold, each with the reason.
    pub(crate) left_out: Vec<(Vec<Step>, String)>,
}

/// The members of a structure of this type; the lengths of arrays are those of a value.
pub(crate) fn leaves(types: &Types, data_type: &NodeId, body: &[u8], above: &[Step]) -> Leaves {
    let mut survey = Survey { types, root: data_type, body, found: Leaves::default(), above: above.len() };
    survey.structure(data_type, above.to_vec(), MAX_DEPTH);
    survey.found
}

struct Survey<'a> {
    types: &'a Types,
    root: &'a NodeId,
    body: &'a [u8],
    found: Leaves,
    /// Steps that lead to the body itself.
    above: usize,
}

impl Survey<'_> {
    fn structure(&mut self, data_type: &NodeId, steps: Vec<Step>, depth: usize) {
        let shape = match self.types.kind(data_type) {
            Some(Ok(Kind::Structure(shape))) => shape,
            Some(Err(reason)) => return self.found.left_out.push((steps, reason.to_string())),
            _ => return self.found.left_out.push((steps, "its type is not known".to_owned())),
        };
        if depth == 0 {
            return self.found.left_out.push((steps, "nested too deeply".to_owned()));
        }
        for field in &shape.fields {
            if self.found.leaves.len() >= MAX_LEAVES {
                return;
            }
            let mut steps = steps.clone();
            steps.push(Step::Field(field.name.clone()));
            let left_out = match self.types.kind(&field.data_type) {
                Some(Err(reason)) => Some(reason.to_string()),
                None => Some("its type is not known".to_owned()),
                Some(Ok(_)) if field.has_subtypes => Some("its type may differ from value to value".to_owned()),
                Some(Ok(_)) if field.rank > 3 => Some("it has more than three dimensions".to_owned()),
                Some(Ok(Kind::BuiltIn(built_in))) => match built_in.held_as() {
                    None => Some("no tag can hold its type".to_owned()),
                    Some(data_type) => {
                        let dims = self.dims(&steps, field.rank, &field.lens);
                        self.found.leaves.extend(
                            Path::new(&steps).map(|path| Leaf { path, value_type: ValueType { data_type, dims } }),
                        );
                        None
                    }
                },
                Some(Ok(Kind::Structure(_))) if field.rank == 0 => {
                    self.structure(&field.data_type, steps.clone(), depth - 1);
                    None
                }
                Some(Ok(Kind::Structure(_))) if field.rank == 1 => {
                    let n = self.len(&steps).or_else(|| field.lens.first().copied().filter(|len| *len > 0));
                    let n = n.unwrap_or(0);
                    for index in 0..n {
                        if self.found.leaves.len() >= MAX_LEAVES {
                            return;
                        }
                        let mut steps = steps.clone();
                        steps.push(Step::Element(index));
                        self.structure(&field.data_type, steps, depth - 1);
                    }
                    (n == 0).then(|| "it is an array without elements".to_owned())
                }
                Some(Ok(Kind::Structure(_))) => Some("it is a matrix of structures".to_owned()),
            };
            self.found.left_out.extend(left_out.map(|reason| (steps, reason)));
        }
        let type_name = self.types.name(data_type).unwrap_or_default().to_owned();
        self.found.branches.push(Branch { steps, type_name });
    }

    /// The length of each dimension, of the value or else of the definition, or else 1.
    fn dims(&self, steps: &[Step], rank: usize, lens: &[u32]) -> Dims {
        if rank == 0 {
            return Dims::SCALAR;
        }
        let own = self.value_dims(steps).filter(|dims| dims.rank() == rank && dims.n_elements() != Some(0));
        let declared = || Dims::new(lens).filter(|dims| dims.rank() == rank && dims.n_elements() != Some(0));
        own.or_else(declared).or_else(|| Dims::new(&vec![1; rank])).unwrap_or(Dims::SCALAR)
    }

    fn value_dims(&self, steps: &[Step]) -> Option<Dims> {
        let path = Path::new(steps.get(self.above..)?)?;
        let outcome = search(self.types, self.root, self.body, &Wanted::new([(0, &path)])).ok()?;
        let (_, found) = outcome.found.into_iter().next()?;
        found.ok()?.value?.value_type().map(|own| own.dims)
    }

    /// The number of elements of an array of structures in the value.
    fn len(&self, steps: &[Step]) -> Option<u32> {
        let path = Path::new(steps.get(self.above..)?)?;
        let outcome = search(self.types, self.root, self.body, &Wanted::new([(0, &path)])).ok()?;
        let (_, found) = outcome.found.into_iter().next()?;
        let span = found.ok()?.span;
        let len = self.body.get(span.start..span.start + 4)?.try_into().map(i32::from_le_bytes).ok()?;
        u32::try_from(len).ok()
    }
}
