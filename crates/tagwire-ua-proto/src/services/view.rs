//! Walking the address space (OPC UA Part 4, 5.9).

use tagwire_model::{Status, Timestamp};

use super::{BrowseDirection, NodeClass, RequestHeader, ResponseHeader};
use crate::types::{ByteString, DiagnosticInfo, ExpandedNodeId, LocalizedText, NodeId, QualifiedName};

structures! {
    /// The view to browse, null for the whole address space (Part 4, 7.45).
    ViewDescription: VIEW_DESCRIPTION {
        view_id: NodeId,
        timestamp: Timestamp,
        view_version: u32,
    }

    /// Which references of one node are wanted (Part 4, 5.9.2.2).
    BrowseDescription: BROWSE_DESCRIPTION {
        node_id: NodeId,
        browse_direction: BrowseDirection,
        reference_type_id: NodeId,
        include_subtypes: bool,
        node_class_mask: u32,
        result_mask: u32,
    }

    /// Request of the Browse service (Part 4, 5.9.2.2).
    BrowseRequest: BROWSE_REQUEST {
        request_header: RequestHeader,
        view: ViewDescription,
        requested_max_references_per_node: u32,
        nodes_to_browse: Vec<BrowseDescription>,
    }

    /// Response of the Browse service (Part 4, 5.9.2.2).
    BrowseResponse: BROWSE_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<BrowseResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the BrowseNext service (Part 4, 5.9.3.2).
    BrowseNextRequest: BROWSE_NEXT_REQUEST {
        request_header: RequestHeader,
        release_continuation_points: bool,
        continuation_points: Vec<ByteString>,
    }

    /// Response of the BrowseNext service (Part 4, 5.9.3.2).
    BrowseNextResponse: BROWSE_NEXT_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<BrowseResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// One reference and what is known of its target (Part 4, 7.30).
    ReferenceDescription: REFERENCE_DESCRIPTION {
        reference_type_id: NodeId,
        is_forward: bool,
        node_id: ExpandedNodeId,
        browse_name: QualifiedName,
        display_name: LocalizedText,
        node_class: NodeClass,
        type_definition: ExpandedNodeId,
    }

    /// The references of one node (Part 4, 7.6).
    BrowseResult: BROWSE_RESULT {
        status_code: Status,
        continuation_point: ByteString,
        references: Vec<ReferenceDescription>,
    }

    /// One step of a path (Part 4, 7.31).
    RelativePathElement: RELATIVE_PATH_ELEMENT {
        reference_type_id: NodeId,
        is_inverse: bool,
        include_subtypes: bool,
        target_name: QualifiedName,
    }

    /// Steps from one node to another (Part 4, 7.31).
    RelativePath: RELATIVE_PATH {
        elements: Vec<RelativePathElement>,
    }

    /// A start and a path from there (Part 4, 5.9.4.2).
    BrowsePath: BROWSE_PATH {
        starting_node: NodeId,
        relative_path: RelativePath,
    }

    /// Where a path leads (Part 4, 5.9.4.2).
    BrowsePathTarget: BROWSE_PATH_TARGET {
        target_id: ExpandedNodeId,
        remaining_path_index: u32,
    }

    /// All targets of one path (Part 4, 5.9.4.2).
    BrowsePathResult: BROWSE_PATH_RESULT {
        status_code: Status,
        targets: Vec<BrowsePathTarget>,
    }

    /// Request of the TranslateBrowsePathsToNodeIds service (Part 4, 5.9.4.2).
    TranslateBrowsePathsToNodeIdsRequest: TRANSLATE_BROWSE_PATHS_TO_NODE_IDS_REQUEST {
        request_header: RequestHeader,
        browse_paths: Vec<BrowsePath>,
    }

    /// Response of the TranslateBrowsePathsToNodeIds service (Part 4, 5.9.4.2).
    TranslateBrowsePathsToNodeIdsResponse: TRANSLATE_BROWSE_PATHS_TO_NODE_IDS_RESPONSE {
        response_header: ResponseHeader,
        results: Vec<BrowsePathResult>,
        diagnostic_infos: Vec<DiagnosticInfo>,
    }

    /// Request of the RegisterNodes service (Part 4, 5.9.5.2).
    RegisterNodesRequest: REGISTER_NODES_REQUEST {
        request_header: RequestHeader,
        nodes_to_register: Vec<NodeId>,
    }

    /// Response of the RegisterNodes service (Part 4, 5.9.5.2).
    RegisterNodesResponse: REGISTER_NODES_RESPONSE {
        response_header: ResponseHeader,
        registered_node_ids: Vec<NodeId>,
    }

    /// Request of the UnregisterNodes service (Part 4, 5.9.6.2).
    UnregisterNodesRequest: UNREGISTER_NODES_REQUEST {
        request_header: RequestHeader,
        nodes_to_unregister: Vec<NodeId>,
    }

    /// Response of the UnregisterNodes service (Part 4, 5.9.6.2).
    UnregisterNodesResponse: UNREGISTER_NODES_RESPONSE {
        response_header: ResponseHeader,
    }
}
