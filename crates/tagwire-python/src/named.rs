//! The tags of an operation: their names, and the nodes that the names mean.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;
use tagwire_ua_client::{NodeId, parse_node_id};

use crate::convert::Tags;
use crate::fault::Fault;

/// The nodes that names mean.
pub(crate) fn nodes(tags: &[String]) -> Result<Vec<NodeId>, Fault> {
    parse(tags).map_err(Fault::usage)
}

fn parse(tags: &[String]) -> Result<Vec<NodeId>, String> {
    tags.iter().map(|tag| parse_node_id(tag).map_err(|error| format!("{tag:?}: {error}"))).collect()
}

/// Names and what they mean.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) tags: Tags,
    nodes: Result<Vec<NodeId>, String>,
}

impl Named {
    pub(crate) fn nodes(&self) -> Result<&[NodeId], Fault> {
        self.nodes.as_deref().map_err(|why| Fault::usage(why.clone()))
    }
}

/// The list that was read last: who reads tags reads the same ones again and again.
#[derive(Default)]
pub(crate) struct LastNamed(Mutex<Option<Last>>);

type Last = (Vec<Py<PyString>>, Arc<Named>);

impl LastNamed {
    /// What the names mean. Strings do not change, so that the same objects mean the same.
    pub(crate) fn get(&self, py: Python<'_>, names: Vec<Py<PyString>>) -> PyResult<Arc<Named>> {
        if let Some((known, named)) = &*self.0.lock()
            && known.len() == names.len()
            && known.iter().zip(&names).all(|(one, other)| one.is(other))
        {
            return Ok(Arc::clone(named));
        }
        let tags = names.iter().map(|name| name.bind(py).extract()).collect::<PyResult<Vec<String>>>()?;
        let nodes = parse(&tags);
        let named = Arc::new(Named { tags: tags.into(), nodes });
        let before = self.0.lock().replace((names, Arc::clone(&named)));
        // Dropping strings can run other code, which must not find the lock taken.
        drop(before);
        Ok(named)
    }
}
