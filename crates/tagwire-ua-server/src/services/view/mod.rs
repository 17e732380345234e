//! The View service set (Part 4, 5.9): Browse, BrowseNext, TranslateBrowsePathsToNodeIds, RegisterNodes and
//! UnregisterNodes.
//!
//! Each function appends what follows the ResponseHeader, or appends nothing and returns the code of a ServiceFault.

mod browse;
mod continuation;
#[cfg(test)]
mod tests;
mod translate;

use tagwire_model::Status;
use tagwire_ua_proto::codec::{Encode, write_len};
use tagwire_ua_proto::services::{
    BrowseNextRequest, BrowseRequest, RegisterNodesRequest, TranslateBrowsePathsToNodeIdsRequest,
    UnregisterNodesRequest,
};
use tagwire_ua_proto::status;

pub use continuation::ContinuationPoints;

use crate::address_space::{Node, Rights, Snapshot, class};
use crate::limits;
use browse::{Browser, Query};

/// What a view service works with.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// The nodes.
    pub snapshot: &'a Snapshot<'a>,
    /// What the user of the session may see.
    pub rights: &'a dyn Rights,
    /// Bytes that the appended part may have. Browse keeps to it and leaves the rest to BrowseNext.
    pub max_len: usize,
}

impl View<'_> {
    /// Carries out Browse.
    ///
    /// # Errors
    /// `BadNothingToDo`, `BadTooManyOperations`, `BadViewIdUnknown`.
    pub fn browse(
        &self,
        request: &BrowseRequest,
        points: &mut ContinuationPoints,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        check_count(request.nodes_to_browse.len(), limits::MAX_NODES_PER_BROWSE)?;
        let view_id = &request.view.view_id;
        let is_view = |node: Node| node.class() == class::VIEW;
        if !view_id.is_null() && !self.snapshot.resolve(view_id.borrowed()).is_some_and(is_view) {
            return Err(status::BAD_VIEW_ID_UNKNOWN);
        }
        points.begin_request();
        let mut browser = Browser::new(self, out);
        write_len(request.nodes_to_browse.len(), browser.out());
        for description in &request.nodes_to_browse {
            match Query::new(self, description, request.requested_max_references_per_node) {
                Ok(query) => browser.start(query, points),
                Err(status) => browser.fail(status),
            }
        }
        write_len(0, out);
        Ok(())
    }

    /// Carries out BrowseNext.
    ///
    /// # Errors
    /// `BadNothingToDo`, `BadTooManyOperations`.
    pub fn browse_next(
        &self,
        request: &BrowseNextRequest,
        points: &mut ContinuationPoints,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        check_count(request.continuation_points.len(), limits::MAX_NODES_PER_BROWSE)?;
        points.begin_request();
        if request.release_continuation_points {
            for id in &request.continuation_points {
                points.take(id);
            }
            // Both arrays are empty then (Part 4, 5.9.3.2).
            write_len(0, out);
            write_len(0, out);
            return Ok(());
        }
        let mut browser = Browser::new(self, out);
        write_len(request.continuation_points.len(), browser.out());
        for id in &request.continuation_points {
            match points.take(id) {
                Some(point) => browser.resume(point, points),
                None => browser.fail(status::BAD_CONTINUATION_POINT_INVALID),
            }
        }
        write_len(0, out);
        Ok(())
    }

    /// Carries out TranslateBrowsePathsToNodeIds.
    ///
    /// # Errors
    /// `BadNothingToDo`, `BadTooManyOperations`.
    pub fn translate_browse_paths(
        &self,
        request: &TranslateBrowsePathsToNodeIdsRequest,
        out: &mut Vec<u8>,
    ) -> Result<(), Status> {
        check_count(request.browse_paths.len(), limits::MAX_NODES_PER_TRANSLATE_BROWSE_PATHS)?;
        let mut translator = translate::Translator::new(self);
        write_len(request.browse_paths.len(), out);
        for path in &request.browse_paths {
            translator.translate(path, out);
        }
        write_len(0, out);
        Ok(())
    }
}

/// Carries out RegisterNodes. The ids are as good as any, so the client gets them back, known or not.
///
/// # Errors
/// `BadNothingToDo`, `BadTooManyOperations`.
pub fn register_nodes(request: &RegisterNodesRequest, out: &mut Vec<u8>) -> Result<(), Status> {
    check_count(request.nodes_to_register.len(), limits::MAX_NODES_PER_REGISTER_NODES)?;
    request.nodes_to_register.encode(out);
    Ok(())
}

/// Carries out UnregisterNodes, whose answer is a ResponseHeader alone.
///
/// # Errors
/// `BadNothingToDo`, `BadTooManyOperations`.
pub fn unregister_nodes(request: &UnregisterNodesRequest) -> Result<(), Status> {
    check_count(request.nodes_to_unregister.len(), limits::MAX_NODES_PER_REGISTER_NODES)
}

fn check_count(count: usize, limit: u32) -> Result<(), Status> {
    match count {
        0 => Err(status::BAD_NOTHING_TO_DO),
        count if count > limit as usize => Err(status::BAD_TOO_MANY_OPERATIONS),
        _ => Ok(()),
    }
}
