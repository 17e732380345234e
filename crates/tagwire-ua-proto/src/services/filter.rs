//! Filters of monitored items (OPC UA Part 4, 7.7 and 7.22).

use tagwire_model::{Status, Timestamp};

use super::{AggregateConfiguration, DataChangeTrigger, FilterOperator, RelativePath};
use crate::types::{DiagnosticInfo, ExtensionObject, NodeId, QualifiedName, UaString, Variant};

structures! {
    /// Which changes of a value count (Part 4, 7.22.2).
    DataChangeFilter: DATA_CHANGE_FILTER {
        trigger: DataChangeTrigger,
        deadband_type: u32,
        deadband_value: f64,
    }

    /// An aggregate instead of single values (Part 4, 7.22.4).
    AggregateFilter: AGGREGATE_FILTER {
        start_time: Timestamp,
        aggregate_type: NodeId,
        processing_interval: f64,
        aggregate_configuration: AggregateConfiguration,
    }

    /// What the server made of an aggregate filter (Part 4, 7.22.4).
    AggregateFilterResult: AGGREGATE_FILTER_RESULT {
        revised_start_time: Timestamp,
        revised_processing_interval: f64,
        revised_aggregate_configuration: AggregateConfiguration,
    }

    /// An attribute of an event, found by type and path (Part 4, 7.7.4.5).
    SimpleAttributeOperand: SIMPLE_ATTRIBUTE_OPERAND {
        type_definition_id: NodeId,
        browse_path: Vec<QualifiedName>,
        attribute_id: u32,
        index_range: UaString,
    }

    /// An attribute of a node, found by path (Part 4, 7.7.4.4).
    AttributeOperand: ATTRIBUTE_OPERAND {
        node_id: NodeId,
        alias: UaString,
        browse_path: RelativePath,
        attribute_id: u32,
        index_range: UaString,
    }

    /// A constant (Part 4, 7.7.4.3).
    LiteralOperand: LITERAL_OPERAND {
        value: Variant,
    }

    /// The result of another element (Part 4, 7.7.4.2).
    ElementOperand: ELEMENT_OPERAND {
        index: u32,
    }

    /// One operator with its operands (Part 4, 7.7.1).
    ContentFilterElement: CONTENT_FILTER_ELEMENT {
        filter_operator: FilterOperator,
        filter_operands: Vec<ExtensionObject>,
    }

    /// A condition, whose first element is the outermost (Part 5, 12.3.4).
    ContentFilter: CONTENT_FILTER {
        elements: Vec<ContentFilterElement>,
    }

    /// Which events count and which of their fields are wanted (Part 4, 7.22.3).
    EventFilter: EVENT_FILTER {
        select_clauses: Vec<SimpleAttributeOperand>,
        where_clause: ContentFilter,
    }

    /// What is wrong with one element (Part 4, 7.7.2).
    ContentFilterElementResult: CONTENT_FILTER_ELEMENT_RESULT {
        status_code: Status,
        operand_status_codes: Vec<Status>,
        operand_diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// What is wrong with a condition (Part 4, 7.7.2).
    ContentFilterResult: CONTENT_FILTER_RESULT {
        element_results: Vec<ContentFilterElementResult>,
        element_diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// What is wrong with an event filter (Part 4, 7.22.3).
    EventFilterResult: EVENT_FILTER_RESULT {
        select_clause_results: Vec<Status>,
        select_clause_diagnostic_infos: Vec<DiagnosticInfo>,
        where_clause_result: ContentFilterResult,
    }
}
