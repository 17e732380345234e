//! Methods (OPC UA Part 4, 5.12).

use opcua_types::{
    Argument, AttributeId, BrowsePath, CallMethodRequest, NodeId, QualifiedName, ReferenceTypeId, RelativePath,
    RelativePathElement, TimestampsToReturn, Variant,
};
use tagwire_model::{DataType, Status, Value};

use crate::error::StatusName;
use crate::{Client, Error, guard, value};

/// What became of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Called {
    /// Whether the method ran.
    pub status: Status,
    /// What is wrong with each argument, where the server says so; empty otherwise.
    pub argument_statuses: Vec<Status>,
    /// What it gave back.
    pub outputs: Vec<Value>,
}

/// One argument of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its type; `None` for one that the model does not know.
    pub data_type: Option<DataType>,
    /// Whether it is an array.
    pub is_array: bool,
}

impl Client {
    /// Calls a method of an object; the arguments go out as they are.
    ///
    /// # Errors
    /// [`Error`] when the request as a whole failed.
    pub async fn call(&self, object: &NodeId, method: &NodeId, inputs: &[Value]) -> Result<Called, Error> {
        let request = CallMethodRequest {
            object_id: object.clone(),
            method_id: method.clone(),
            input_arguments: Some(inputs.iter().map(value::to_variant).collect()),
        };
        let answers = guard::call("Call", self.timeout, self.session.call(vec![request])).await?;
        let Some(answer) = answers.into_iter().next() else {
            return Err(Error::Peer("answer to Call holds no result".to_owned()));
        };
        let statuses = answer.input_argument_results.unwrap_or_default();
        Ok(Called {
            status: StatusName::of(answer.status_code).0,
            argument_statuses: statuses.into_iter().map(|status| StatusName::of(status).0).collect(),
            outputs: answer.output_arguments.unwrap_or_default().iter().map(value::to_value).collect(),
        })
    }

    /// The arguments that a method takes; `None` when it declares none.
    ///
    /// # Errors
    /// [`Error`] when a request as a whole failed.
    pub async fn parameters(&self, method: &NodeId) -> Result<Option<Vec<Parameter>>, Error> {
        let step = RelativePathElement {
            reference_type_id: ReferenceTypeId::HasProperty.into(),
            is_inverse: false,
            include_subtypes: true,
            target_name: QualifiedName::new(0, "InputArguments"),
        };
        let path =
            BrowsePath { starting_node: method.clone(), relative_path: RelativePath { elements: Some(vec![step]) } };
        let call = self.session.translate_browse_paths_to_node_ids(std::slice::from_ref(&path));
        let answers = guard::call("TranslateBrowsePathsToNodeIds", self.timeout, call).await?;
        let target =
            answers.into_iter().next().and_then(|answer| answer.targets).and_then(|found| found.into_iter().next());
        let Some(target) = target else { return Ok(None) };
        let wanted = [(target.target_id.node_id, AttributeId::Value)];
        let found = self.read_attribute(&wanted, TimestampsToReturn::Neither).await?;
        let Some(Variant::Array(declared)) = found.into_iter().next().and_then(|found| found.value) else {
            return Ok(None);
        };
        let mut parameters = Vec::with_capacity(declared.values.len());
        for argument in &declared.values {
            let Variant::ExtensionObject(structure) = argument else { continue };
            let Some(argument) = structure.inner_as::<Argument>() else { continue };
            parameters.push(Parameter {
                name: argument.name.as_ref().to_owned(),
                data_type: self.built_in(&argument.data_type).await.ok(),
                is_array: argument.value_rank >= 0,
            });
        }
        Ok(Some(parameters))
    }
}
