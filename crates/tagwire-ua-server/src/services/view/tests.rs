//! The rows B01-B09, P01-P06 and N01 of the conformance list, and the limits of work.

use std::collections::HashSet;

use tagwire_hub::FolderKind;
use tagwire_model::Status;
use tagwire_ua_proto::codec::{Decode, Reader};
use tagwire_ua_proto::ids::mask::browse_result;
use tagwire_ua_proto::ids::node as ids;
use tagwire_ua_proto::services::{
    BrowseDescription, BrowseDirection, BrowsePath, BrowsePathResult, BrowseResult, NodeClass, ReferenceDescription,
    RelativePath, RelativePathElement, ViewDescription,
};
use tagwire_ua_proto::types::{ByteString, DiagnosticInfo, NodeId, QualifiedName};

use super::*;
use crate::address_space::{AddressSpace, NAMESPACE_TAGS, StandardNode};
use crate::fixture::{ALL, NOW, Operator, add, add_big_device, new_tag, plant};

const NO_LIMIT: usize = 1 << 30;

fn tag_id(path: &str) -> NodeId {
    NodeId::string(NAMESPACE_TAGS, path)
}

fn forward(node_id: NodeId) -> BrowseDescription {
    BrowseDescription {
        node_id,
        browse_direction: BrowseDirection::FORWARD,
        reference_type_id: NodeId::ns0(ids::HIERARCHICAL_REFERENCES),
        include_subtypes: true,
        node_class_mask: 0,
        result_mask: browse_result::ALL,
    }
}

fn request(nodes: Vec<BrowseDescription>, max_references: u32) -> BrowseRequest {
    BrowseRequest { requested_max_references_per_node: max_references, nodes_to_browse: nodes, ..Default::default() }
}

fn results<T: for<'a> Decode<'a>>(out: &[u8]) -> Vec<T> {
    let mut reader = Reader::new(out);
    let results = Vec::<T>::decode(&mut reader).expect("results");
    assert!(Vec::<DiagnosticInfo>::decode(&mut reader).expect("diagnostics").is_empty());
    reader.finish().expect("nothing follows");
    results
}

/// A client with one session.
struct Client<'a> {
    space: &'a AddressSpace,
    rights: Operator,
    max_len: usize,
    points: ContinuationPoints,
}

impl<'a> Client<'a> {
    fn new(space: &'a AddressSpace) -> Self {
        Self { space, rights: ALL, max_len: NO_LIMIT, points: ContinuationPoints::default() }
    }

    fn with_view<T>(
        &mut self,
        call: impl FnOnce(&View<'_>, &mut ContinuationPoints, &mut Vec<u8>) -> T,
    ) -> (T, Vec<u8>) {
        let snapshot = self.space.snapshot();
        let view = View { snapshot: &snapshot, rights: &self.rights, max_len: self.max_len };
        let mut out = Vec::new();
        let result = call(&view, &mut self.points, &mut out);
        (result, out)
    }

    fn try_browse(&mut self, request: &BrowseRequest) -> Result<Vec<BrowseResult>, Status> {
        let (result, out) = self.with_view(|view, points, out| view.browse(request, points, out));
        result.map(|()| results(&out))
    }

    fn browse(&mut self, description: BrowseDescription, max_references: u32) -> BrowseResult {
        self.try_browse(&request(vec![description], max_references)).expect("good").remove(0)
    }

    fn next_of(&mut self, ids: Vec<ByteString>, release: bool) -> Vec<BrowseResult> {
        let request =
            BrowseNextRequest { release_continuation_points: release, continuation_points: ids, ..Default::default() };
        let (result, out) = self.with_view(|view, points, out| view.browse_next(&request, points, out));
        result.expect("good");
        results(&out)
    }

    fn next(&mut self, id: &ByteString) -> BrowseResult {
        self.next_of(vec![id.clone()], false).remove(0)
    }

    fn browse_all(&mut self, description: BrowseDescription, max_references: u32) -> Vec<ReferenceDescription> {
        let mut page = self.browse(description, max_references);
        let mut all = Vec::new();
        loop {
            assert_eq!(page.status_code, Status::GOOD);
            all.append(&mut page.references);
            if page.continuation_point.is_null() {
                return all;
            }
            page = self.next(&page.continuation_point);
        }
    }

    fn translate(&mut self, paths: Vec<BrowsePath>) -> Result<Vec<BrowsePathResult>, Status> {
        let request = TranslateBrowsePathsToNodeIdsRequest { browse_paths: paths, ..Default::default() };
        let (result, out) = self.with_view(|view, _, out| view.translate_browse_paths(&request, out));
        result.map(|()| results(&out))
    }

    fn follow(&mut self, start: NodeId, elements: Vec<RelativePathElement>) -> BrowsePathResult {
        let path = BrowsePath { starting_node: start, relative_path: RelativePath { elements } };
        self.translate(vec![path]).expect("good").remove(0)
    }
}

fn names(references: &[ReferenceDescription]) -> Vec<&str> {
    references.iter().map(|reference| &*reference.browse_name.name).collect()
}

/// What every device has beside its tags.
const METHODS: [&str; 4] = ["DemandPoll", "Enable", "Disable", "ResetStatistics"];

fn step(namespace: u16, name: &str) -> RelativePathElement {
    RelativePathElement {
        reference_type_id: NodeId::ns0(ids::HIERARCHICAL_REFERENCES),
        is_inverse: false,
        include_subtypes: true,
        target_name: QualifiedName::new(namespace, name),
    }
}

#[test]
fn the_plant_lies_below_objects() {
    let space = plant();
    let mut client = Client::new(&space);
    let objects = client.browse(forward(NodeId::ns0(ids::OBJECTS_FOLDER)), 0);
    assert!(names(&objects.references).contains(&"Server"));
    let link = objects.references.iter().find(|reference| reference.browse_name.name == *"line1").expect("the link");
    assert_eq!(link.reference_type_id, NodeId::ns0(ids::ORGANIZES));
    assert_eq!(link.node_id.node_id, tag_id("line1"));
    assert_eq!(link.node_class, NodeClass::OBJECT);
    assert_eq!(link.type_definition.node_id, NodeId::ns0(ids::FOLDER_TYPE));
    let device = client.browse(forward(tag_id("line1.press")), 0).references;
    let below = ["alarms", "_System", "speed", "state", "recipe", "old"];
    assert_eq!(names(&device), [&below[..], &METHODS].concat());
    let old = &device[5];
    assert_eq!(old.node_id.node_id, NodeId::numeric(3, 1001));
    assert_eq!(old.reference_type_id, NodeId::ns0(ids::HAS_COMPONENT));
    assert_eq!(old.display_name.text, "old");
    assert!(old.is_forward);
}

#[test]
fn a_node_that_does_not_exist_is_unknown() {
    let space = plant();
    for id in [NodeId::NULL, NodeId::ns0(4_000_000), tag_id("line1.nothing"), NodeId::numeric(3, 5)] {
        let result = Client::new(&space).browse(forward(id), 0);
        assert_eq!(result.status_code, status::BAD_NODE_ID_UNKNOWN);
        assert!(result.references.is_empty() && result.continuation_point.is_null());
    }
}

#[test]
fn what_is_no_reference_type_is_refused() {
    let space = plant();
    for id in [NodeId::ns0(ids::SERVER), NodeId::ns0(4_000_000), tag_id("line1")] {
        let description = BrowseDescription { reference_type_id: id, ..forward(tag_id("line1")) };
        let result = Client::new(&space).browse(description, 0);
        assert_eq!(result.status_code, status::BAD_REFERENCE_TYPE_ID_INVALID);
    }
}

#[test]
fn unknown_directions_are_refused() {
    let space = plant();
    for direction in [-1, 3, 4] {
        let description =
            BrowseDescription { browse_direction: BrowseDirection(direction), ..forward(tag_id("line1")) };
        let result = Client::new(&space).browse(description, 0);
        assert_eq!(result.status_code, status::BAD_BROWSE_DIRECTION_INVALID);
    }
}

#[test]
fn a_view_that_does_not_exist_is_unknown() {
    let space = plant();
    for view_id in [NodeId::ns0(ids::VIEWS_FOLDER), tag_id("line1"), NodeId::numeric(9, 9)] {
        let view = ViewDescription { view_id, ..Default::default() };
        let request = BrowseRequest { view, ..request(vec![forward(tag_id("line1"))], 0) };
        assert_eq!(Client::new(&space).try_browse(&request), Err(status::BAD_VIEW_ID_UNKNOWN));
    }
}

#[test]
fn too_few_and_too_many_operations_are_refused() {
    let space = plant();
    let mut client = Client::new(&space);
    assert_eq!(client.try_browse(&request(Vec::new(), 0)), Err(status::BAD_NOTHING_TO_DO));
    let too_many = vec![BrowseDescription::default(); limits::MAX_NODES_PER_BROWSE as usize + 1];
    assert_eq!(client.try_browse(&request(too_many, 0)), Err(status::BAD_TOO_MANY_OPERATIONS));
    assert_eq!(client.translate(Vec::new()), Err(status::BAD_NOTHING_TO_DO));
    assert_eq!(register_nodes(&Default::default(), &mut Vec::new()), Err(status::BAD_NOTHING_TO_DO));
    assert_eq!(unregister_nodes(&Default::default()), Err(status::BAD_NOTHING_TO_DO));
}

#[test]
fn pages_of_any_size_hold_the_same_set() {
    let space = plant();
    let mut client = Client::new(&space);
    let everything = BrowseDescription {
        browse_direction: BrowseDirection::BOTH,
        reference_type_id: NodeId::NULL,
        ..forward(tag_id("line1.press"))
    };
    for id in
        [tag_id("line1.press"), NodeId::ns0(ids::OBJECTS_FOLDER), NodeId::ns0(ids::SERVER), tag_id("line1.press.speed")]
    {
        let description = BrowseDescription { node_id: id, ..everything.clone() };
        let whole = client.browse_all(description.clone(), 0);
        assert!(whole.len() > 3);
        for max_references in [1, 2, 3, 7] {
            assert_eq!(client.browse_all(description.clone(), max_references), whole);
        }
        let exact = client.browse(description.clone(), whole.len() as u32);
        assert!(exact.continuation_point.is_null(), "nothing is left");
    }
    assert!(client.points.is_empty());
}

#[test]
fn a_full_answer_is_cut_and_goes_on_with_browse_next() {
    let space = plant();
    add_big_device(&space, 1_000);
    let mut client = Client::new(&space);
    let whole = client.browse_all(forward(tag_id("big.device")), 0);
    assert_eq!(whole.len(), 1_000 + METHODS.len());
    client.max_len = 8_000;
    assert_eq!(client.browse_all(forward(tag_id("big.device")), 0), whole);
    client.max_len = 1;
    assert_eq!(client.browse_all(forward(tag_id("line1.press")), 0).len(), 6 + METHODS.len());
    client.max_len = 8_000;
    let pages = client.try_browse(&request(vec![forward(tag_id("big.device")); 3], 0)).expect("good");
    let lens: Vec<usize> = pages.iter().map(|page| page.references.len()).collect();
    assert!(lens[0] > 0 && lens[0] < 1_000 && lens[1..] == [0, 0], "{lens:?}");
    assert_eq!(client.points.len(), 3);
}

#[test]
fn a_continuation_point_is_good_once_and_for_its_session_only() {
    let space = plant();
    let (mut client, mut other) = (Client::new(&space), Client::new(&space));
    let first = client.browse(forward(tag_id("line1.press")), 1);
    assert_eq!(first.references.len(), 1);
    let second = client.next(&first.continuation_point);
    assert_ne!(second.continuation_point, first.continuation_point);
    let random = ByteString::from(&[7; 16][..]);
    for id in [&first.continuation_point, &ByteString::NULL, &random] {
        assert_eq!(client.next(id).status_code, status::BAD_CONTINUATION_POINT_INVALID);
    }
    assert_eq!(other.next(&second.continuation_point).status_code, status::BAD_CONTINUATION_POINT_INVALID);
    assert!(client.next_of(vec![second.continuation_point.clone()], true).is_empty());
    assert_eq!(client.next(&second.continuation_point).status_code, status::BAD_CONTINUATION_POINT_INVALID);
    assert!(client.points.is_empty());
}

#[test]
fn points_beyond_the_limit_are_refused_within_a_request_and_replace_older_ones_across() {
    let space = plant();
    let mut client = Client::new(&space);
    let limit = usize::from(limits::MAX_BROWSE_CONTINUATION_POINTS);
    let pages = client.try_browse(&request(vec![forward(tag_id("line1.press")); limit + 2], 1)).expect("good");
    for page in &pages[..limit] {
        assert_eq!((page.status_code, page.references.len()), (Status::GOOD, 1));
    }
    for page in &pages[limit..] {
        assert_eq!((page.status_code, page.references.len()), (status::BAD_NO_CONTINUATION_POINTS, 0));
    }
    let later = client.browse(forward(tag_id("line1.press")), 1);
    assert_eq!(later.status_code, Status::GOOD);
    assert_eq!(client.points.len(), limit);
    assert_eq!(client.next(&pages[0].continuation_point).status_code, status::BAD_CONTINUATION_POINT_INVALID);
    assert_eq!(client.next(&pages[1].continuation_point).status_code, Status::GOOD);
    assert_eq!(client.next(&later.continuation_point).status_code, Status::GOOD);
}

#[test]
fn masks_directions_and_subtypes_select_exact_sets() {
    let space = plant();
    let mut client = Client::new(&space);
    let press = forward(tag_id("line1.press"));
    let mut select = |change: fn(&mut BrowseDescription)| {
        let mut description = press.clone();
        change(&mut description);
        let references = client.browse(description, 0).references;
        references.into_iter().map(|reference| reference.browse_name.name.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(select(|d| d.node_class_mask = 1), ["alarms", "_System"]);
    assert_eq!(select(|d| d.node_class_mask = 2), ["speed", "state", "recipe", "old"]);
    assert_eq!(select(|d| d.node_class_mask = 4), METHODS);
    assert_eq!(select(|d| d.reference_type_id = NodeId::ns0(ids::ORGANIZES)), ["alarms", "_System"]);
    assert_eq!(select(|d| d.include_subtypes = false).len(), 0);
    assert_eq!(select(|d| d.reference_type_id = NodeId::ns0(ids::HAS_TYPE_DEFINITION)), ["FolderType"]);
    assert_eq!(select(|d| d.browse_direction = BrowseDirection::INVERSE), ["line1", "Server"]);
    let both = select(|d| {
        d.browse_direction = BrowseDirection::BOTH;
        d.reference_type_id = NodeId::NULL;
    });
    let below = ["FolderType", "alarms", "_System", "speed", "state", "recipe", "old"];
    assert_eq!(both, [&below[..], &METHODS, &["line1", "Server"]].concat());
    let up = BrowseDescription { browse_direction: BrowseDirection::INVERSE, ..forward(tag_id("line1")) };
    assert_eq!(names(&client.browse(up, 0).references), ["Objects", "Server"]);
    let notifiers = BrowseDescription {
        reference_type_id: NodeId::ns0(ids::HAS_EVENT_SOURCE),
        ..forward(NodeId::ns0(ids::SERVER))
    };
    assert_eq!(names(&client.browse(notifiers, 0).references), ["line1", "press"]);
}

#[test]
fn the_result_mask_leaves_out_what_it_does_not_name() {
    let space = plant();
    let mut client = Client::new(&space);
    let whole = client.browse(forward(tag_id("line1.press")), 0).references.remove(2);
    for bit in 0..6 {
        let mask = 1 << bit;
        let description = BrowseDescription { result_mask: mask, ..forward(tag_id("line1.press")) };
        let part = client.browse(description, 0).references.remove(2);
        let has = |wanted: u32| mask == wanted;
        let expected = ReferenceDescription {
            reference_type_id: if has(1) { whole.reference_type_id.clone() } else { NodeId::NULL },
            is_forward: has(2),
            node_id: whole.node_id.clone(),
            node_class: if has(4) { whole.node_class } else { NodeClass::UNSPECIFIED },
            browse_name: if has(8) { whole.browse_name.clone() } else { Default::default() },
            display_name: if has(16) { whole.display_name.clone() } else { Default::default() },
            type_definition: if has(32) { whole.type_definition.clone() } else { Default::default() },
        };
        assert_eq!(part, expected, "bit {bit}");
    }
}

#[test]
fn nodes_that_come_and_go_between_pages_spoil_nothing() {
    let space = plant();
    let tags = add_big_device(&space, 100);
    let mut client = Client::new(&space);
    let first = client.browse(forward(tag_id("big.device")), 50);
    space.hub().remove_tags(&tags[..20], NOW, std::time::Instant::now());
    let device = space.hub().folder(tagwire_hub::FolderId::ROOT, "big", FolderKind::Link).expect("link");
    let device = space.hub().folder(device, "device", FolderKind::Device).expect("device");
    add(space.hub(), [new_tag(device, "late", "f64")].into_iter());
    let second = client.next(&first.continuation_point);
    let third = client.next(&second.continuation_point);
    let pages = [&first, &second, &third];
    let seen: Vec<&str> = pages.iter().flat_map(|page| names(&page.references)).collect();
    let expected = (0..100).map(|idx| format!("Tag{idx}")).chain(["late".into()]);
    let expected: Vec<String> = expected.chain(METHODS.map(String::from)).collect();
    assert_eq!(seen, expected);
    let again = client.browse(forward(tag_id("big.device")), 50);
    let all: Vec<_> = space.snapshot().folder(device).expect("still there").tags.clone();
    space.hub().remove_tags(&all, NOW, std::time::Instant::now());
    assert_eq!(client.next(&again.continuation_point).status_code, status::BAD_CONTINUATION_POINT_INVALID);
}

#[test]
fn what_the_user_may_not_see_is_not_there() {
    let space = plant();
    let mut client = Client { rights: Operator { hidden: "speed" }, ..Client::new(&space) };
    let device = client.browse_all(forward(tag_id("line1.press")), 2);
    assert_eq!(names(&device), [&["alarms", "_System", "state", "recipe", "old"][..], &METHODS].concat());
    assert_eq!(client.browse(forward(tag_id("line1.press.speed")), 0).status_code, status::BAD_NODE_ID_UNKNOWN);
    let path = vec![step(2, "line1"), step(2, "press"), step(2, "speed")];
    assert_eq!(client.follow(NodeId::ns0(ids::OBJECTS_FOLDER), path).status_code, status::BAD_NO_MATCH);
    let inward = BrowseDescription {
        browse_direction: BrowseDirection::INVERSE,
        ..forward(tag_id("line1.press.speed.EURange"))
    };
    assert!(client.browse(inward, 0).references.is_empty());
}

#[test]
fn paths_lead_to_their_targets() {
    let space = plant();
    let mut client = Client::new(&space);
    let objects = NodeId::ns0(ids::OBJECTS_FOLDER);
    let mut target = |start: &NodeId, path: Vec<RelativePathElement>| {
        let mut result = client.follow(start.clone(), path);
        assert_eq!(result.status_code, Status::GOOD);
        assert_eq!(result.targets.len(), 1);
        let target = result.targets.remove(0);
        assert_eq!(target.remaining_path_index, u32::MAX);
        target.target_id.node_id
    };
    let down = |names: &[&str]| names.iter().map(|name| step(2, name)).collect::<Vec<_>>();
    assert_eq!(target(&objects, down(&["line1", "press", "speed"])), tag_id("line1.press.speed"));
    assert_eq!(target(&objects, down(&["line1", "press", "old"])), NodeId::numeric(3, 1001));
    assert_eq!(target(&tag_id("line1.press"), down(&["alarms", "high"])), tag_id("line1.press.alarms.high"));
    let mut range = down(&["speed"]);
    range.push(step(0, "EURange"));
    assert_eq!(target(&tag_id("line1.press"), range), tag_id("line1.press.speed.EURange"));
    let state = vec![step(0, "Server"), step(0, "ServerStatus"), step(0, "State")];
    assert_eq!(target(&objects, state), NodeId::ns0(ids::SERVER_SERVER_STATUS_STATE));
    let up = RelativePathElement { is_inverse: true, ..step(2, "line1") };
    assert_eq!(target(&tag_id("line1.press"), vec![up]), tag_id("line1"));
    let any_type = RelativePathElement { reference_type_id: NodeId::NULL, ..step(0, "FolderType") };
    assert_eq!(target(&tag_id("line1.press"), vec![any_type]), NodeId::ns0(ids::FOLDER_TYPE));
}

#[test]
fn paths_that_lead_nowhere_say_why() {
    let space = plant();
    let mut client = Client::new(&space);
    let start = || tag_id("line1.press");
    let mut code = |start: NodeId, path: Vec<RelativePathElement>| client.follow(start, path).status_code;
    assert_eq!(code(start(), vec![step(2, "nothing")]), status::BAD_NO_MATCH);
    assert_eq!(code(start(), vec![step(0, "speed")]), status::BAD_NO_MATCH);
    assert_eq!(code(start(), vec![step(2, "alarms.high")]), status::BAD_NO_MATCH);
    assert_eq!(code(start(), Vec::new()), status::BAD_NOTHING_TO_DO);
    let unnamed = RelativePathElement { target_name: QualifiedName::default(), ..step(0, "") };
    assert_eq!(code(start(), vec![step(2, "alarms"), unnamed.clone()]), status::BAD_BROWSE_NAME_INVALID);
    assert_eq!(code(start(), vec![step(2, "alarms"), unnamed, step(2, "high")]), status::BAD_BROWSE_NAME_INVALID);
    assert_eq!(code(tag_id("line2"), vec![step(2, "press")]), status::BAD_NODE_ID_UNKNOWN);
    let exact = RelativePathElement { include_subtypes: false, ..step(2, "speed") };
    assert_eq!(code(start(), vec![exact]), status::BAD_NO_MATCH);
    let organized = RelativePathElement { reference_type_id: NodeId::ns0(ids::ORGANIZES), ..step(2, "speed") };
    assert_eq!(code(start(), vec![organized]), status::BAD_NO_MATCH);
    let no_type = RelativePathElement { reference_type_id: NodeId::ns0(ids::SERVER), ..step(2, "speed") };
    assert_eq!(code(start(), vec![no_type]), status::BAD_NO_MATCH);
}

#[test]
fn a_path_of_eight_thousand_steps_is_refused_at_once() {
    let space = plant();
    let mut client = Client::new(&space);
    let result = client.follow(tag_id("line1.press"), vec![step(2, "alarms"); 8_000]);
    assert_eq!(result.status_code, status::BAD_TOO_MANY_OPERATIONS);
}

#[test]
fn paths_that_fan_out_run_out_of_budget_instead_of_time() {
    let space = plant();
    let mut client = Client::new(&space);
    let type_of = |is_inverse: bool, name: &str| RelativePathElement {
        reference_type_id: NodeId::NULL,
        is_inverse,
        ..step(0, name)
    };
    let there_and_back = [type_of(true, "InputArguments"), type_of(false, "PropertyType")];
    let elements = there_and_back.into_iter().cycle().take(limits::MAX_BROWSE_PATH_ELEMENTS).collect();
    let path = BrowsePath { starting_node: NodeId::ns0(ids::PROPERTY_TYPE), relative_path: RelativePath { elements } };
    let results = client.translate(vec![path; 500]).expect("good");
    assert_eq!(results[0].status_code, Status::GOOD);
    assert_eq!(results[499].status_code, status::BAD_QUERY_TOO_COMPLEX);
}

#[test]
fn registered_ids_come_back_unchanged_and_in_order() {
    let mut ids = vec![tag_id("line1.press.speed"); 20];
    ids.push(NodeId::numeric(3, 1001));
    ids.push(tag_id("unknown"));
    let request = RegisterNodesRequest { nodes_to_register: ids.clone(), ..Default::default() };
    let mut out = Vec::new();
    register_nodes(&request, &mut out).expect("good");
    assert_eq!(Vec::<NodeId>::from_bytes(&out), Ok(ids.clone()));
    let request = UnregisterNodesRequest { nodes_to_unregister: ids, ..Default::default() };
    assert_eq!(unregister_nodes(&request), Ok(()));
}

#[test]
fn a_walk_over_the_whole_server_meets_every_standard_node() {
    let space = plant();
    let mut client = Client { max_len: 50_000, ..Client::new(&space) };
    let mut pending = vec![NodeId::ns0(ids::ROOT_FOLDER)];
    let mut seen: HashSet<NodeId> = pending.iter().cloned().collect();
    while let Some(node_id) = pending.pop() {
        let description = BrowseDescription { reference_type_id: NodeId::NULL, ..forward(node_id) };
        for reference in client.browse_all(description, 10) {
            let id = reference.node_id.node_id;
            if seen.insert(id.clone()) {
                pending.push(id);
            }
        }
    }
    // The node set holds some nodes, such as aggregate functions, that nothing leads to.
    let is_met = |node: StandardNode| seen.contains(&NodeId::ns0(node.id()));
    for node in StandardNode::all().filter(|node| !is_met(*node)) {
        let mut sources = node.references(false).iter().map(|reference| reference.other);
        assert!(!sources.any(is_met), "i={} was not met", node.id());
    }
    assert!(seen.len() > 5_000);
}
