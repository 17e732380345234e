//! Members of structures over tables of bytes.

use std::sync::Arc;

use tagwire_model::{ArrayData, Dims, Status, Value};
use tagwire_ua_client::NodeId;

use super::bytes::Flaw;
use super::definition::definition;
use super::definition::tests::{Written, defined};
use super::splice::change;
use super::types::{Kind, Types};
use super::walk::{Miss, Wanted, search};
use super::{Path, leaves};

/// Data types of namespace 2 by number, the encoding of each being 1000 more.
fn types(of: &[(u32, i32, &[Written])]) -> Types {
    let mut types = Types::default();
    for (id, kind, fields) in of {
        let shape = definition(&defined(id + 1_000, *kind, fields)).expect("a definition");
        types.set_encoding(NodeId::new(2, id + 1_000), Ok(NodeId::new(2, *id)));
        types.set_name(NodeId::new(2, *id), &format!("Type{id}"));
        types.set_kind(NodeId::new(2, *id), Ok(Kind::Structure(Arc::new(shape))));
    }
    types
}

fn find(types: &Types, root: u32, body: &[u8], path: &str) -> Result<Result<Option<Value>, Miss>, Flaw> {
    let path = Path::parse(path).expect("a path");
    let outcome = search(types, &NodeId::new(2, root), body, &Wanted::new([(7, &path)]))?;
    assert_eq!(outcome.found.len() + outcome.needs.len(), 1, "{path}: {outcome:?}");
    let Some((number, found)) = outcome.found.into_iter().next() else { return Ok(Ok(None)) };
    assert_eq!(number, 7);
    Ok(found.map(|found| found.value))
}

const MOTOR: (u32, i32, &[Written]) =
    (101, 0, &[("on", 1, -1, false), ("axes", 102, 1, false), ("levels", 4, 1, false), ("name", 12, -1, false)]);
const AXIS: (u32, i32, &[Written]) = (102, 0, &[("position", 3, -1, false), ("text", 21, -1, false)]);

/// Two axes, three levels.
const BODY: [u8; 35] = [
    1, 2, 0, 0, 0, 10, 0, 20, 2, 1, 0, 0, 0, b'x', 3, 0, 0, 0, 1, 0, 2, 0, 3, 0, 5, 0, 0, 0, b'd', b'r', b'i', b'v',
    b'e', 0, 0,
];

fn body() -> &'static [u8] {
    &BODY[..33]
}

#[test]
fn members_of_members_and_elements_are_found() {
    let types = types(&[MOTOR, AXIS]);
    let levels = Value::array(Dims::one(3), ArrayData::Int16(vec![1, 2, 3])).expect("an array");
    for (path, expected) in [
        ("on", Value::Boolean(true)),
        ("axes[0].position", Value::UInt8(10)),
        ("axes[1].position", Value::UInt8(20)),
        ("axes[1].text", Value::text("x")),
        ("axes[0].text", Value::text("")),
        ("levels", levels),
        ("levels[2]", Value::Int16(3)),
        ("name", Value::text("drive")),
        ("axes[0]", Value::bytes(&[10, 0])),
    ] {
        assert_eq!(find(&types, 101, body(), path), Ok(Ok(Some(expected))), "{path}");
    }
    let path = |text| Path::parse(text).expect("a path");
    let (on, name) = (path("on"), path("name"));
    let both = search(&types, &NodeId::new(2, 101_u32), body(), &Wanted::new([(1, &on), (2, &name)])).expect("found");
    assert_eq!(both.found.len(), 2, "in one walk");
}

#[test]
fn what_is_not_there_is_told_with_what_there_is() {
    let types = types(&[MOTOR, AXIS]);
    for (path, status, words) in [
        ("speed", Status::BAD_CONFIGURATION_ERROR, "no member speed, only on, axes, levels, name"),
        ("axes[0].speed", Status::BAD_CONFIGURATION_ERROR, "only position, text"),
        ("axes.position", Status::BAD_CONFIGURATION_ERROR, "array"),
        ("on.inner", Status::BAD_CONFIGURATION_ERROR, "no members"),
        ("on[0]", Status::BAD_CONFIGURATION_ERROR, "no members"),
        ("[0].on", Status::BAD_CONFIGURATION_ERROR, "no array"),
        ("axes[2].position", Status::BAD_NO_DATA, ""),
        ("levels[3]", Status::BAD_NO_DATA, ""),
    ] {
        let miss = find(&types, 101, body(), path).expect("walks").expect_err(path);
        assert_eq!(miss.status(), status, "{path}");
        assert!(miss.reason().map_or("", |reason| reason).contains(words), "{path}: {miss:?}");
    }
}

#[test]
fn optional_fields_and_unions_have_only_what_is_there() {
    let optional: (u32, i32, &[Written]) =
        (101, 1, &[("a", 3, -1, true), ("b", 3, -1, false), ("c", 3, -1, true), ("d", 3, -1, false)]);
    let union: (u32, i32, &[Written]) = (102, 2, &[("x", 3, -1, false), ("y", 5, -1, false)]);
    let types = types(&[optional, union]);
    let at = |root, body: &[u8], path| find(&types, root, body, path);
    assert_eq!(at(101, &[2, 0, 0, 0, 7, 8, 9], "a"), Ok(Err(Miss::Absent)));
    assert_eq!(at(101, &[2, 0, 0, 0, 7, 8, 9], "b"), Ok(Ok(Some(Value::UInt8(7)))));
    assert_eq!(at(101, &[2, 0, 0, 0, 7, 8, 9], "c"), Ok(Ok(Some(Value::UInt8(8)))));
    assert_eq!(at(101, &[1, 0, 0, 0, 7, 8, 9], "a"), Ok(Ok(Some(Value::UInt8(7)))));
    assert_eq!(at(102, &[1, 0, 0, 0, 7], "x"), Ok(Ok(Some(Value::UInt8(7)))));
    assert_eq!(at(102, &[1, 0, 0, 0, 7], "y"), Ok(Err(Miss::Absent)));
    assert_eq!(at(102, &[2, 0, 0, 0, 7, 1], "y"), Ok(Ok(Some(Value::UInt16(263)))));
    assert_eq!(at(102, &[0, 0, 0, 0], "x"), Ok(Err(Miss::Absent)));
    assert!(at(102, &[3, 0, 0, 0], "x").is_err());
}

#[test]
fn fields_that_no_tag_can_hold_are_passed_over() {
    let odd: (u32, i32, &[Written]) = (
        101,
        0,
        &[("v", 24, -1, false), ("d", 25, -1, false), ("e", 22, -1, false), ("m", 6, 2, false), ("z", 3, -1, false)],
    );
    let types = types(&[odd, AXIS]);
    let body = [
        &[3, 9][..],
        &[0],
        &[1, 2, 0x4E, 4, 1, 2, 0, 0, 0, 5, 0],
        &[2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0],
        &[42],
    ]
    .concat();
    assert_eq!(find(&types, 101, &body, "z"), Ok(Ok(Some(Value::UInt8(42)))));
    assert_eq!(find(&types, 101, &body, "v"), Ok(Ok(Some(Value::UInt8(9)))), "what a variant holds");
    assert_eq!(find(&types, 101, &body, "d"), Ok(Ok(None)));
    assert_eq!(find(&types, 101, &body, "e.position"), Ok(Ok(Some(Value::UInt8(5)))), "what says itself what it is");
    let matrix = Value::array(Dims::new(&[1, 1]).expect("dims"), ArrayData::Int32(vec![6])).expect("a matrix");
    assert_eq!(find(&types, 101, &body, "m"), Ok(Ok(Some(matrix))));
    let unknown = [&[3, 9][..], &[0], &[0, 99, 1, 2, 0, 0, 0, 5, 0], &[0; 4], &[42]].concat();
    let path = Path::parse("e.position").expect("a path");
    let outcome = search(&types, &NodeId::new(2, 101_u32), &unknown, &Wanted::new([(1, &path)])).expect("walks");
    assert_eq!(outcome.needs, [NodeId::new(0, 99_u32)]);
}

#[test]
fn a_body_that_is_not_what_its_definition_says_gives_nothing() {
    let types = types(&[MOTOR, AXIS]);
    for cut in 0..body().len() {
        assert_eq!(find(&types, 101, &body()[..cut], "on"), Err(Flaw::CutShort), "cut at {cut}");
    }
    assert_eq!(find(&types, 101, &BODY, "on"), Err(Flaw::LeftOver(2)));
    let mut long = body().to_vec();
    long[1..5].copy_from_slice(&i32::MAX.to_le_bytes());
    assert_eq!(find(&types, 101, &long, "on"), Err(Flaw::CutShort));
}

#[test]
fn definitions_that_hold_themselves_or_explode_end_the_walk() {
    let own: (u32, i32, &[Written]) = (101, 0, &[("me", 101, -1, false), ("z", 3, -1, false)]);
    assert_eq!(find(&types(&[own]), 101, &[0; 100], "z"), Err(Flaw::TooDeep));
    // Sixteen levels of structures without a byte, each twice as many as the one above.
    let pair = |id: u32| -> Vec<Written> {
        vec![("a", id + 1, -1, false), ("b", id + 1, -1, false), ("c", id + 1, -1, false)]
    };
    let levels: Vec<Vec<Written>> = (101..115).map(pair).collect();
    let mut all: Vec<(u32, i32, &[Written])> =
        (101..).zip(&levels).map(|(id, level)| (id, 0, level.as_slice())).collect();
    all.push((115, 0, &[]));
    assert_eq!(find(&types(&all), 101, &[], "a.x"), Err(Flaw::TooMuch));
    let empty: (u32, i32, &[Written]) = (101, 0, &[("all", 102, 1, false)]);
    let nothing: (u32, i32, &[Written]) = (102, 0, &[]);
    let many = types(&[empty, nothing]);
    assert!(find(&many, 101, &i32::MAX.to_le_bytes(), "all[0]").is_err());
    assert!(matches!(find(&many, 101, &10_i32.to_le_bytes(), "all[0]"), Ok(Ok(_))));
    // A tree is a type within itself that ends where the value does.
    let tree: (u32, i32, &[Written]) = (101, 0, &[("n", 3, -1, false), ("inner", 101, 1, false)]);
    let body = [1, 1, 0, 0, 0, 2, 0, 0, 0, 0];
    assert_eq!(find(&types(&[tree]), 101, &body, "inner[0].n"), Ok(Ok(Some(Value::UInt8(2)))));
}

#[test]
fn a_changed_member_leaves_all_others_as_they_were() {
    let types = types(&[MOTOR, AXIS]);
    let levels = Value::array(Dims::one(1), ArrayData::Int16(vec![9])).expect("an array");
    for (path, value) in [
        ("on", Value::Boolean(false)),
        ("axes[1].position", Value::UInt8(99)),
        ("axes[0].text", Value::text("longer than before")),
        ("levels[1]", Value::Int16(-5)),
        ("levels", levels),
        ("name", Value::text("")),
    ] {
        let found = {
            let path = Path::parse(path).expect("a path");
            let outcome = search(&types, &NodeId::new(2, 101_u32), body(), &Wanted::new([(0, &path)])).expect("walks");
            outcome.found.into_iter().next().expect("one").1.expect("found")
        };
        let changed = change(body(), &found, value.clone()).expect("changed");
        assert_eq!(find(&types, 101, &changed, path), Ok(Ok(Some(value))), "{path}");
        for other in ["on", "axes[0].position", "axes[1].position", "axes[1].text", "levels[0]", "name"] {
            if !other.starts_with(path) {
                assert_eq!(find(&types, 101, &changed, other), find(&types, 101, body(), other), "{path}: {other}");
            }
        }
    }
}

#[test]
fn a_structure_gives_a_tag_to_every_member() {
    let types = types(&[MOTOR, AXIS]);
    let found = leaves(&types, &NodeId::new(2, 101_u32), body(), &[]);
    let names: Vec<String> = found.leaves.iter().map(|leaf| format!("{} {}", leaf.path, leaf.value_type)).collect();
    assert_eq!(
        names,
        [
            "on bool",
            "axes[0].position u8",
            "axes[0].text string",
            "axes[1].position u8",
            "axes[1].text string",
            "levels i16[3]",
            "name string"
        ]
    );
    let branches: Vec<&str> = found.branches.iter().map(|branch| branch.type_name.as_str()).collect();
    assert_eq!(branches, ["Type102", "Type102", "Type101"]);
    let odd = self::types(&[(101, 0, &[("d", 25, -1, false), ("v", 24, -1, false), ("none", 150, -1, false)])]);
    let found = leaves(&odd, &NodeId::new(2, 101_u32), &[], &[]);
    assert_eq!((found.leaves.len(), found.left_out.len()), (0, 3), "{found:?}");
}
