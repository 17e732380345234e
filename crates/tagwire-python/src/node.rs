//! Nodes of the address space.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tagwire_ua_client::{Browsed, NodeClass, NodeId, parse_node_id, print_node_id};

/// A node found by browsing.
#[pyclass(frozen, module = "tagwire")]
pub(crate) struct Node(pub(crate) Browsed);

#[pymethods]
impl Node {
    /// A node from elsewhere than a session of OPC UA: its node ids as text, and `object` or `variable` as its kind.
    #[new]
    #[pyo3(signature = (id, name, kind, parent="i=85", depth=1))]
    fn made(id: &str, name: String, kind: &str, parent: &str, depth: usize) -> PyResult<Self> {
        let node =
            |text: &str| parse_node_id(text).map_err(|error| PyValueError::new_err(format!("{text:?}: {error}")));
        let class = match kind {
            "object" => NodeClass::Object,
            "variable" => NodeClass::Variable,
            other => return Err(PyValueError::new_err(format!("kind is \"object\" or \"variable\", not {other:?}"))),
        };
        let (node, parent) = (node(id)?, node(parent)?);
        let type_definition = NodeId::null();
        let display_name = name.clone();
        Ok(Self(Browsed { node, parent, depth, name_namespace: 2, name, display_name, class, type_definition }))
    }

    /// The node id, such as `ns=2;s=line1.press.temp`.
    #[getter]
    fn id(&self) -> String {
        print_node_id(&self.0.node)
    }

    /// The name of the tag for a tag of tagwire, else the node id: what `read` takes.
    #[getter]
    fn tag(&self) -> String {
        let id = self.id();
        id.strip_prefix("ns=2;s=").map(str::to_owned).unwrap_or(id)
    }

    /// The browse name.
    #[getter]
    fn name(&self) -> &str {
        &self.0.name
    }

    /// The namespace of the browse name.
    #[getter]
    fn namespace(&self) -> u16 {
        self.0.name_namespace
    }

    /// The name for people.
    #[getter]
    fn display_name(&self) -> &str {
        &self.0.display_name
    }

    /// The node id of the node it was found under.
    #[getter]
    fn parent(&self) -> String {
        print_node_id(&self.0.parent)
    }

    /// Levels below the first node, from 1.
    #[getter]
    fn depth(&self) -> usize {
        self.0.depth
    }

    /// What it is: `object`, `variable`, `method`, `view` or a kind of type.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    /// Whether it has a value.
    #[getter]
    fn is_variable(&self) -> bool {
        self.0.class == NodeClass::Variable
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| other.get().0 == self.0)
    }

    fn __repr__(&self) -> String {
        format!("Node(id={:?}, name={:?}, kind={:?})", self.id(), self.0.name, self.kind())
    }
}
