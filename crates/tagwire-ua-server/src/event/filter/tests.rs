use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{
    AttributeOperand, ContentFilter, ContentFilterElement, ElementOperand, EventFilter, FilterOperator, LiteralOperand,
    SimpleAttributeOperand,
};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{
    ByteString, ExpandedNodeId, ExtensionObject, Guid, LocalizedText, NodeId, QualifiedName, Variant,
};

use super::*;
use crate::event::{NewEvent, Source};
use crate::fixture::plant;

fn literal(value: impl Into<Variant>) -> ExtensionObject {
    ExtensionObject::new(&LiteralOperand { value: value.into() })
}

fn element(index: u32) -> ExtensionObject {
    ExtensionObject::new(&ElementOperand { index })
}

fn clause(type_id: u32, path: &[&str]) -> SimpleAttributeOperand {
    SimpleAttributeOperand {
        type_definition_id: NodeId::ns0(type_id),
        browse_path: path.iter().map(|name| QualifiedName::new(0, *name)).collect(),
        attribute_id: 13,
        index_range: Default::default(),
    }
}

fn field(name: &str) -> ExtensionObject {
    ExtensionObject::new(&clause(node::BASE_EVENT_TYPE, &[name]))
}

fn null() -> ExtensionObject {
    literal(Variant::Null)
}

fn of(operator: FilterOperator, operands: Vec<ExtensionObject>) -> ContentFilterElement {
    ContentFilterElement { filter_operator: operator, filter_operands: operands }
}

fn where_(elements: Vec<ContentFilterElement>) -> EventFilter {
    EventFilter {
        select_clauses: vec![clause(node::BASE_EVENT_TYPE, &["EventId"])],
        where_clause: ContentFilter { elements },
    }
}

fn check(filter: &EventFilter) -> Result<Filter, FilterRefused> {
    Filter::check(filter, &plant().snapshot()).map(|(filter, _)| filter)
}

fn event() -> Event {
    let source = Source::folder("line1.press");
    let new = NewEvent::new(node::DEVICE_FAILURE_EVENT_TYPE, source, 700, "press does not answer");
    Event::new(new, [9; 16], Timestamp::from_ticks(1_000)).expect("an event type")
}

/// The three values that a condition can have, found by asking for it, for its opposite, and whether it is null.
fn value_of(mut elements: Vec<ContentFilterElement>) -> Option<bool> {
    let event = event();
    let ask = |operator| {
        let mut all = vec![of(operator, vec![element(1)])];
        all.append(&mut shifted(&elements));
        check(&where_(all)).unwrap_or_else(|refused| panic!("{refused:?}")).accepts(&event)
    };
    let (is_false, is_null) = (ask(FilterOperator::NOT), ask(FilterOperator::IS_NULL));
    let is_true = check(&where_(std::mem::take(&mut elements))).expect("good").accepts(&event);
    assert_eq!(u8::from(is_true) + u8::from(is_false) + u8::from(is_null), 1);
    if is_null { None } else { Some(is_true) }
}

/// The same elements one place later.
fn shifted(elements: &[ContentFilterElement]) -> Vec<ContentFilterElement> {
    let shift = |operand: &ExtensionObject| match operand.decode_as::<ElementOperand>() {
        Some(Ok(operand)) => element(operand.index + 1),
        _ => operand.clone(),
    };
    elements.iter().map(|one| of(one.filter_operator, one.filter_operands.iter().map(shift).collect())).collect()
}

fn one(operator: FilterOperator, operands: Vec<ExtensionObject>) -> Option<bool> {
    value_of(vec![of(operator, operands)])
}

const T: Option<bool> = Some(true);
const F: Option<bool> = Some(false);
const N: Option<bool> = None;

#[test]
fn comparisons_bring_their_operands_to_one_type() {
    use FilterOperator as Op;
    let severity = || field("Severity");
    for (operator, operands, expected) in [
        (Op::EQUALS, vec![severity(), literal(700_u16)], T),
        (Op::EQUALS, vec![severity(), literal(700_i64)], T),
        (Op::EQUALS, vec![severity(), literal(700.0)], T),
        (Op::EQUALS, vec![literal("700"), severity()], T),
        (Op::EQUALS, vec![literal("seven hundred"), severity()], F),
        (Op::EQUALS, vec![literal(5_u8), literal(6_u8)], F),
        (Op::EQUALS, vec![literal(-1_i8), literal(255_u8)], F),
        (Op::EQUALS, vec![literal(-1_i64), literal(u64::MAX)], F),
        (Op::EQUALS, vec![literal(Timestamp::from_ticks(1)), literal(1_i64)], F),
        (Op::EQUALS, vec![literal(vec![1_u8]), literal(1_u8)], F),
        (Op::EQUALS, vec![literal(vec![1_u8]), literal(vec![1_u8])], T),
        (Op::EQUALS, vec![literal(true), literal("TRUE")], T),
        (Op::EQUALS, vec![literal(true), literal(1_i32)], T),
        (Op::EQUALS, vec![field("SourceName"), literal("press")], T),
        (Op::EQUALS, vec![field("Message"), literal("press does not answer")], T),
        (Op::EQUALS, vec![field("SourceNode"), literal(NodeId::string(2, "line1.press"))], T),
        (Op::EQUALS, vec![field("SourceNode"), literal("ns=2;s=line1.press")], T),
        (Op::EQUALS, vec![literal(f64::NAN), literal(f64::NAN)], F),
        (Op::EQUALS, vec![severity(), null()], N),
        (Op::EQUALS, vec![field("LocalTime"), literal(1_u8)], N),
        (Op::GREATER_THAN, vec![severity(), literal(699_u32)], T),
        (Op::GREATER_THAN, vec![severity(), literal(700_u32)], F),
        (Op::GREATER_THAN, vec![null(), literal(700_u32)], N),
        (Op::GREATER_THAN, vec![literal(true), literal(Timestamp::NONE)], F),
        (Op::GREATER_THAN_OR_EQUAL, vec![severity(), literal(700.0_f32)], T),
        (Op::LESS_THAN, vec![severity(), literal(700.5)], T),
        (Op::LESS_THAN_OR_EQUAL, vec![severity(), literal(699.5)], F),
        (Op::LESS_THAN, vec![field("Time"), literal(Timestamp::from_ticks(1_001))], T),
        (Op::LESS_THAN, vec![literal("abc"), literal("abd")], T),
        (Op::LESS_THAN, vec![literal(f64::NAN), literal(1.0)], F),
        (Op::BETWEEN, vec![severity(), literal(700_u16), literal(700_u16)], T),
        (Op::BETWEEN, vec![severity(), literal(1_u16), literal(699_u16)], F),
        (Op::BETWEEN, vec![severity(), null(), literal(699_u16)], F),
        (Op::BETWEEN, vec![severity(), null(), literal(800_u16)], N),
        (Op::IN_LIST, vec![severity(), literal(1_u16), literal("700")], T),
        (Op::IN_LIST, vec![severity(), literal(1_u16)], F),
        (Op::IN_LIST, vec![severity(), null(), literal(700_u16)], T),
        (Op::IN_LIST, vec![severity(), null(), literal(1_u16)], N),
        (Op::LIKE, vec![field("SourceName"), literal("pr%")], T),
        (Op::LIKE, vec![field("Message"), literal("%answer")], T),
        (Op::LIKE, vec![field("SourceNode"), literal("%press")], T),
        (Op::LIKE, vec![severity(), literal("7%")], F),
        (Op::LIKE, vec![null(), literal("%")], N),
        (Op::IS_NULL, vec![null()], T),
        (Op::IS_NULL, vec![field("LocalTime")], T),
        (Op::IS_NULL, vec![severity()], F),
    ] {
        let shown = format!("{operator:?} {operands:?}");
        assert_eq!(one(operator, operands), expected, "{shown}");
    }
}

#[test]
fn logic_has_three_values() {
    let value = |value: Option<bool>| value.map_or_else(null, literal);
    for (a, b, and, or) in [
        (T, T, T, T),
        (T, F, F, T),
        (T, N, N, T),
        (F, T, F, T),
        (F, F, F, F),
        (F, N, F, N),
        (N, T, N, T),
        (N, F, F, N),
        (N, N, N, N),
    ] {
        assert_eq!(one(FilterOperator::AND, vec![value(a), value(b)]), and, "{a:?} and {b:?}");
        assert_eq!(one(FilterOperator::OR, vec![value(a), value(b)]), or, "{a:?} or {b:?}");
    }
    for (a, not) in [(T, F), (F, T), (N, N)] {
        assert_eq!(one(FilterOperator::NOT, vec![value(a)]), not);
    }
    assert_eq!(one(FilterOperator::AND, vec![literal("true"), literal(Timestamp::NONE)]), N);
}

#[test]
fn x_cannot_be_five_and_six() {
    use FilterOperator as Op;
    let is = |value: u16| of(Op::EQUALS, vec![field("Severity"), literal(value)]);
    let both = |operator| vec![of(operator, vec![element(1), element(2)]), is(700), is(600)];
    assert_eq!(value_of(both(Op::AND)), F);
    assert_eq!(value_of(both(Op::OR)), T);
}

#[test]
fn types_match_with_all_their_subtypes() {
    for (type_id, expected) in [
        (node::DEVICE_FAILURE_EVENT_TYPE, T),
        (node::SYSTEM_EVENT_TYPE, T),
        (node::BASE_EVENT_TYPE, T),
        (node::AUDIT_EVENT_TYPE, F),
    ] {
        assert_eq!(one(FilterOperator::OF_TYPE, vec![literal(NodeId::ns0(type_id))]), expected, "{type_id}");
        let expanded = Box::new(ExpandedNodeId::from(NodeId::ns0(type_id)));
        assert_eq!(one(FilterOperator::OF_TYPE, vec![literal(expanded)]), expected, "{type_id}");
    }
    assert_eq!(one(FilterOperator::OF_TYPE, vec![field("EventType")]), T);
    assert_eq!(one(FilterOperator::OF_TYPE, vec![field("Severity")]), N);
}

#[test]
fn casts_convert_where_the_table_allows_it() {
    let guid: Guid = "72962b91-fa75-4ae6-8d28-b404dc7daf63".parse().expect("guid");
    for (value, data_type, expected) in [
        (Variant::from(3.5), 6_u32, Some(Variant::from(4_i32))),
        (2.5.into(), 6, Some(2_i32.into())),
        (300_u16.into(), 3, None),
        (f64::NAN.into(), 6, None),
        (1e300.into(), 10, None),
        (7_u8.into(), 1, Some(true.into())),
        (7_u8.into(), 12, Some("7".into())),
        (1.5.into(), 12, Some("1.5".into())),
        ("1.5".into(), 11, Some(1.5.into())),
        ("1.5".into(), 6, None),
        ("no".into(), 1, None),
        (guid.into(), 12, Some("72962b91-fa75-4ae6-8d28-b404dc7daf63".into())),
        ("72962b91-fa75-4ae6-8d28-b404dc7daf63".into(), 14, Some(guid.into())),
        (ByteString::from(&guid.0[..]).into(), 14, Some(guid.into())),
        ("ns=2;s=a".into(), 17, Some(NodeId::string(2, "a").into())),
        ("2026-01-01T00:00:00Z".into(), 13, Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").map(Variant::from)),
        ("2:name".into(), 20, Some(QualifiedName::new(2, "name").into())),
        (QualifiedName::new(0, "n").into(), 21, Some(LocalizedText::new("n").into())),
        (Status::BAD_TIMEOUT.into(), 7, Some(Status::BAD_TIMEOUT.0.into())),
        (Timestamp::NONE.into(), 8, None),
        (vec![1_u8].into(), 12, None),
    ] {
        assert_eq!(convert::cast(&value, data_type), expected, "{value:?} to {data_type}");
    }
    let elements = |value: &str| {
        vec![
            of(FilterOperator::EQUALS, vec![element(1), literal(700_u16)]),
            of(FilterOperator::CAST, vec![literal(value), literal(NodeId::ns0(5))]),
        ]
    };
    assert_eq!(value_of(elements("700")), T);
    assert_eq!(value_of(elements("many")), N);
}

#[test]
fn bits_are_combined_in_the_wider_type() {
    let bits = |operator, a: Variant, b: Variant| {
        let combine: fn(i128, i128) -> i128 =
            if operator == FilterOperator::BITWISE_AND { |a, b| a & b } else { |a, b| a | b };
        let result = compare::bitwise(&a, &b, combine);
        let elements = vec![
            of(FilterOperator::EQUALS, vec![element(1), literal(result.clone().unwrap_or_else(|| 0_u8.into()))]),
            of(operator, vec![literal(a), literal(b)]),
        ];
        assert_eq!(value_of(elements), if result.is_some() { T } else { N });
        result
    };
    let (and, or) = (FilterOperator::BITWISE_AND, FilterOperator::BITWISE_OR);
    assert_eq!(bits(and, 0b1100_u8.into(), 0b1010_u32.into()), Some(0b1000_u32.into()));
    assert_eq!(bits(or, 0b1100_u8.into(), 0b1010_i16.into()), Some(0b1110_i16.into()));
    assert_eq!(bits(and, (-1_i32).into(), 0xFF_u8.into()), Some(0xFF_i32.into()));
    assert_eq!(bits(and, 1.0.into(), 1_u8.into()), None);
    assert_eq!(bits(or, true.into(), false.into()), None);
    assert_eq!(bits(or, Variant::Null, 1_u8.into()), None);
}

fn element_codes(elements: Vec<ContentFilterElement>) -> Vec<(Status, Vec<Status>)> {
    let refused = check(&where_(elements)).expect_err("refused");
    assert_eq!(refused.status, status::BAD_EVENT_FILTER_INVALID);
    let result = refused.result.expect("told");
    result
        .where_clause_result
        .element_results
        .into_iter()
        .map(|one| (one.status_code, one.operand_status_codes))
        .collect()
}

#[test]
fn every_operator_takes_its_number_of_operands_and_no_other() {
    for (operator, good) in [
        (0, 2..=2),
        (1, 1..=1),
        (2, 2..=2),
        (3, 2..=2),
        (4, 2..=2),
        (5, 2..=2),
        (6, 2..=2),
        (7, 1..=1),
        (8, 3..=3),
        (9, 2..=5),
        (10, 2..=2),
        (11, 2..=2),
        (12, 2..=2),
        (14, 1..=1),
        (16, 2..=2),
        (17, 2..=2),
    ] {
        for n in 0..=5 {
            let operands = vec![literal(NodeId::ns0(node::BASE_EVENT_TYPE)); n];
            let elements = vec![of(FilterOperator(operator), operands)];
            if operator == 12 && n == 2 {
                continue;
            }
            if good.contains(&n) {
                assert!(check(&where_(elements)).is_ok(), "{operator} with {n}");
            } else {
                assert_eq!(element_codes(elements), [(status::BAD_FILTER_OPERAND_COUNT_MISMATCH, vec![])]);
            }
        }
    }
    for operator in [13, 15] {
        let elements = vec![of(FilterOperator(operator), vec![null(); 2])];
        assert_eq!(element_codes(elements), [(status::BAD_FILTER_OPERATOR_UNSUPPORTED, vec![])]);
    }
    for operator in [-1, 18, i32::MAX] {
        let elements = vec![of(FilterOperator(operator), vec![null(); 2])];
        assert_eq!(element_codes(elements), [(status::BAD_FILTER_OPERATOR_INVALID, vec![])]);
    }
}

#[test]
fn each_bad_operand_gets_its_code() {
    let invalid = status::BAD_FILTER_OPERAND_INVALID;
    let not = |operand| vec![of(FilterOperator::NOT, vec![operand])];
    let broken = ExtensionObject {
        type_id: NodeId::ns0(tagwire_ua_proto::ids::encoding::LITERAL_OPERAND),
        ..Default::default()
    };
    let ids = tagwire_ua_proto::ids::attribute::DISPLAY_NAME;
    for (operand, code) in [
        (element(0), invalid),
        (element(1), invalid),
        (element(u32::MAX), invalid),
        (ExtensionObject::default(), invalid),
        (ExtensionObject::new(&AttributeOperand::default()), invalid),
        (broken, status::BAD_FILTER_LITERAL_INVALID),
        (ExtensionObject::new(&clause(node::SERVER_TYPE, &["EventId"])), status::BAD_TYPE_DEFINITION_INVALID),
        (field("Nothing"), status::BAD_NODE_ID_UNKNOWN),
        (
            ExtensionObject::new(&SimpleAttributeOperand {
                attribute_id: ids,
                ..clause(node::BASE_EVENT_TYPE, &["EventId"])
            }),
            status::BAD_ATTRIBUTE_ID_INVALID,
        ),
    ] {
        assert_eq!(element_codes(not(operand.clone())), [(invalid, vec![code])], "{operand:?}");
    }
    let two = vec![of(FilterOperator::EQUALS, vec![field("Severity"), field("Nothing")]), not(null()).remove(0)];
    let codes = [(invalid, vec![Status::GOOD, status::BAD_NODE_ID_UNKNOWN]), (Status::GOOD, vec![])];
    assert_eq!(element_codes(two), codes);
    for wrong in [literal(1_u8), literal(NodeId::ns0(node::SERVER)), literal(NodeId::numeric(7, 1))] {
        let elements = vec![of(FilterOperator::OF_TYPE, vec![wrong])];
        assert_eq!(element_codes(elements), [(invalid, vec![invalid])]);
    }
    let cast = vec![of(FilterOperator::CAST, vec![literal(1_u8), literal(NodeId::ns0(22))])];
    assert_eq!(element_codes(cast), [(invalid, vec![Status::GOOD, invalid])]);
}

#[test]
fn loops_are_refused_and_a_thousand_levels_are_evaluated() {
    let last = || of(FilterOperator::EQUALS, vec![field("Severity"), literal(700_u16)]);
    let chain = |n: u32| {
        let mut elements: Vec<_> = (1..n).map(|next| of(FilterOperator::NOT, vec![element(next)])).collect();
        elements.push(last());
        elements
    };
    let deepest = check(&where_(chain(1_000))).expect("good");
    assert!(!deepest.accepts(&event()), "999 negations");
    assert!(check(&where_(chain(999))).expect("good").accepts(&event()));
    assert_eq!(check(&where_(chain(1_001))).expect_err("too large").status, status::BAD_EVENT_FILTER_INVALID);
    let back = vec![of(FilterOperator::NOT, vec![element(1)]), of(FilterOperator::NOT, vec![element(0)])];
    assert_eq!(element_codes(back)[1].0, status::BAD_FILTER_OPERAND_INVALID);
    // What the first element does not lead to is ignored.
    let stray = vec![last(), of(FilterOperator::EQUALS, vec![literal(1_u8), literal(2_u8)])];
    assert!(check(&where_(stray)).expect("good").accepts(&event()));
}

#[test]
fn select_clauses_get_a_code_each_and_give_null_where_they_are_wrong() {
    let base = node::BASE_EVENT_TYPE;
    let with = |change: fn(&mut SimpleAttributeOperand)| {
        let mut clause = clause(base, &["Message"]);
        change(&mut clause);
        clause
    };
    let cases = [
        (clause(base, &["Severity"]), Status::GOOD, Variant::from(700_u16)),
        (clause(node::SYSTEM_EVENT_TYPE, &["Severity"]), Status::GOOD, 700_u16.into()),
        (clause(node::AUDIT_EVENT_TYPE, &["Severity"]), Status::GOOD, Variant::Null),
        (clause(base, &["NewValue"]), Status::GOOD, Variant::Null),
        (clause(base, &["EnabledState", "Id"]), Status::GOOD, Variant::Null),
        (clause(node::SYSTEM_EVENT_TYPE, &["NewValue"]), status::BAD_NODE_ID_UNKNOWN, Variant::Null),
        (clause(base, &["Nothing"]), status::BAD_NODE_ID_UNKNOWN, Variant::Null),
        (clause(base, &["Message", "Nothing"]), status::BAD_NODE_ID_UNKNOWN, Variant::Null),
        (clause(base, &[""]), status::BAD_BROWSE_NAME_INVALID, Variant::Null),
        (clause(node::SERVER_TYPE, &["Severity"]), status::BAD_TYPE_DEFINITION_INVALID, Variant::Null),
        (clause(0, &["Severity"]), Status::GOOD, 700_u16.into()),
        (clause(99_999_999, &["Severity"]), status::BAD_TYPE_DEFINITION_INVALID, Variant::Null),
        (with(|clause| clause.browse_path[0].namespace = 2), status::BAD_NODE_ID_UNKNOWN, Variant::Null),
        (with(|clause| clause.attribute_id = 1), status::BAD_ATTRIBUTE_ID_INVALID, Variant::Null),
        (with(|clause| clause.attribute_id = 99), status::BAD_ATTRIBUTE_ID_INVALID, Variant::Null),
        (with(|clause| clause.index_range = "3:1".into()), status::BAD_INDEX_RANGE_INVALID, Variant::Null),
        (with(|clause| clause.index_range = "1".into()), Status::BAD_TYPE_MISMATCH, Variant::Null),
        (
            SimpleAttributeOperand { index_range: "1:2".into(), ..clause(base, &["SourceName"]) },
            Status::GOOD,
            "re".into(),
        ),
        (SimpleAttributeOperand { attribute_id: 1, ..clause(node::CONDITION_TYPE, &[]) }, Status::GOOD, Variant::Null),
        (clause(node::CONDITION_TYPE, &[]), status::BAD_ATTRIBUTE_ID_INVALID, Variant::Null),
    ];
    let filter = EventFilter {
        select_clauses: cases.iter().map(|(clause, ..)| clause.clone()).collect(),
        where_clause: ContentFilter::default(),
    };
    let (filter, result) = Filter::check(&filter, &plant().snapshot()).expect("good");
    let event = event();
    let values: Vec<Variant> = filter.fields(&event).collect();
    assert_eq!(values.len(), filter.n_fields());
    for (idx, (clause, code, value)) in cases.iter().enumerate() {
        assert_eq!(result.select_clause_results[idx], *code, "{clause:?}");
        assert_eq!(values[idx], *value, "{clause:?}");
    }
    assert!(filter.accepts(&event), "no condition means every event");
}

#[test]
fn a_filter_without_or_with_too_many_clauses_is_refused() {
    let clauses = |n| EventFilter {
        select_clauses: vec![clause(node::BASE_EVENT_TYPE, &["EventId"]); n],
        where_clause: ContentFilter::default(),
    };
    assert!(check(&clauses(1_000)).is_ok());
    for n in [0, 1_001] {
        assert_eq!(check(&clauses(n)).expect_err("refused").status, status::BAD_EVENT_FILTER_INVALID);
    }
}
