//! The shape of every answer that this client can get, checked before the library decodes it.
//!
//! The library's decoder recurses through DataValue and DiagnosticInfo without a limit, so that a few kilobytes can
//! exhaust the stack, and it reserves room for as many elements as the peer claims. The walk here goes over the same
//! bytes without building anything: lengths must fit what is left, nesting has a limit, and only answers that belong
//! to requests of this client pass.

use std::fmt;

/// Nesting of variants, data values and diagnostics within one message or structure.
const MAX_DEPTH: usize = 16;
/// Elements of all arrays of one message together; each takes some 30 to 100 bytes once decoded.
const MAX_ELEMENTS: usize = 2 * crate::limits::MAX_ARRAY_LEN;

/// A part of a message (OPC UA Part 6, 5.2).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field {
    /// This many bytes, whatever they mean.
    Fixed(usize),
    /// Text or bytes behind a length.
    Bytes,
    NodeId,
    ExpandedNodeId,
    QualifiedName,
    LocalizedText,
    Variant,
    DataValue,
    DiagnosticInfo,
    /// An ExtensionObject; what is inside is checked when it is decoded.
    Structure,
    /// A sequence of parts.
    Group(&'static [Self]),
    /// A length, and that many times the parts.
    Array(&'static [Self]),
}

use Field::{
    Array, Bytes, DataValue, DiagnosticInfo, ExpandedNodeId, Fixed, Group, LocalizedText, NodeId, QualifiedName,
    Structure, Variant,
};

const HEADER: Field = Group(&[Fixed(8), Fixed(4), Fixed(4), DiagnosticInfo, Array(&[Bytes]), Structure]);
const DIAGNOSTICS: Field = Array(&[DiagnosticInfo]);
const STATUSES: Field = Array(&[Fixed(4)]);
const APPLICATION: Field = Group(&[Bytes, Bytes, LocalizedText, Fixed(4), Bytes, Bytes, Array(&[Bytes])]);
const TOKEN_POLICY: Field = Group(&[Bytes, Fixed(4), Bytes, Bytes, Bytes]);
const ENDPOINT: Field = Group(&[Bytes, APPLICATION, Bytes, Fixed(4), Bytes, Array(&[TOKEN_POLICY]), Bytes, Fixed(1)]);
const REFERENCE: Field =
    Group(&[NodeId, Fixed(1), ExpandedNodeId, QualifiedName, LocalizedText, Fixed(4), ExpandedNodeId]);
const BROWSE_RESULTS: Field = Array(&[Fixed(4), Bytes, Array(&[REFERENCE])]);
const NOTIFICATION: Field = Group(&[Fixed(4), Fixed(8), Array(&[Structure])]);
const BUILD_INFO: Field = Group(&[Bytes, Bytes, Bytes, Bytes, Bytes, Fixed(8)]);

/// The answers that may come, by the number of their encoding.
const ANSWERS: &[(u32, &[Field])] = &[
    // ServiceFault
    (397, &[HEADER]),
    // FindServersResponse
    (425, &[HEADER, Array(&[APPLICATION])]),
    // GetEndpointsResponse
    (431, &[HEADER, Array(&[ENDPOINT])]),
    // OpenSecureChannelResponse
    (449, &[HEADER, Fixed(4), Fixed(20), Bytes]),
    // CreateSessionResponse
    (
        464,
        &[
            HEADER,
            NodeId,
            NodeId,
            Fixed(8),
            Bytes,
            Bytes,
            Array(&[ENDPOINT]),
            Array(&[Bytes, Bytes]),
            Bytes,
            Bytes,
            Fixed(4),
        ],
    ),
    // ActivateSessionResponse
    (470, &[HEADER, Bytes, STATUSES, DIAGNOSTICS]),
    // CloseSessionResponse
    (476, &[HEADER]),
    // BrowseResponse, BrowseNextResponse
    (530, &[HEADER, BROWSE_RESULTS, DIAGNOSTICS]),
    (536, &[HEADER, BROWSE_RESULTS, DIAGNOSTICS]),
    // TranslateBrowsePathsToNodeIdsResponse
    (557, &[HEADER, Array(&[Fixed(4), Array(&[ExpandedNodeId, Fixed(4)])]), DIAGNOSTICS]),
    // ReadResponse
    (634, &[HEADER, Array(&[DataValue]), DIAGNOSTICS]),
    // HistoryReadResponse
    (667, &[HEADER, Array(&[Fixed(4), Bytes, Structure]), DIAGNOSTICS]),
    // WriteResponse
    (676, &[HEADER, STATUSES, DIAGNOSTICS]),
    // CallResponse
    (715, &[HEADER, Array(&[Fixed(4), STATUSES, DIAGNOSTICS, Array(&[Variant])]), DIAGNOSTICS]),
    // CreateMonitoredItemsResponse
    (754, &[HEADER, Array(&[Fixed(4), Fixed(4), Fixed(8), Fixed(4), Structure]), DIAGNOSTICS]),
    // CreateSubscriptionResponse
    (790, &[HEADER, Fixed(4), Fixed(8), Fixed(4), Fixed(4)]),
    // PublishResponse
    (829, &[HEADER, Fixed(4), STATUSES, Fixed(1), NOTIFICATION, STATUSES, DIAGNOSTICS]),
    // DeleteMonitoredItemsResponse
    (784, &[HEADER, STATUSES, DIAGNOSTICS]),
    // RepublishResponse
    (835, &[HEADER, NOTIFICATION]),
    // TransferSubscriptionsResponse
    (844, &[HEADER, Array(&[Fixed(4), Array(&[Fixed(4)])]), DIAGNOSTICS]),
    // DeleteSubscriptionsResponse
    (850, &[HEADER, STATUSES, DIAGNOSTICS]),
];

/// The structures that are decoded, by the number of their encoding; all others stay bytes.
const STRUCTURES: &[(u32, &[Field])] = &[
    // Argument
    (298, &[Bytes, NodeId, Fixed(4), Array(&[Fixed(4)]), LocalizedText]),
    // BuildInfo
    (340, &[BUILD_INFO]),
    // HistoryData
    (658, &[Array(&[DataValue])]),
    // DataChangeNotification
    (811, &[Array(&[Fixed(4), DataValue]), DIAGNOSTICS]),
    // StatusChangeNotification
    (820, &[Fixed(4), DiagnosticInfo]),
    // ServerStatusDataType
    (864, &[Fixed(8), Fixed(8), Fixed(4), BUILD_INFO, Fixed(4), LocalizedText]),
    // Range
    (886, &[Fixed(16)]),
    // EUInformation
    (889, &[Bytes, Fixed(4), LocalizedText, LocalizedText]),
    // EventNotificationList
    (916, &[Array(&[Fixed(4), Array(&[Variant])])]),
];

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misshapen {
    /// It ends too early, or a length goes past its end.
    CutShort,
    /// A length is negative, a kind is unknown, or parts contradict each other.
    Malformed,
    /// Nesting beyond the limit.
    TooDeep,
    /// More elements than the limit.
    TooLarge,
    /// An answer to something never asked.
    Unasked(u32),
    /// Bytes are left over.
    LeftOver,
}

impl fmt::Display for Misshapen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutShort => f.write_str("message ends too early"),
            Self::Malformed => f.write_str("message is malformed"),
            Self::TooDeep => f.write_str("message is nested too deeply"),
            Self::TooLarge => f.write_str("message holds too many elements"),
            Self::Unasked(id) => write!(f, "message of type {id} was not asked for"),
            Self::LeftOver => f.write_str("structure is shorter than its length"),
        }
    }
}

/// Checks the body of an answer, from its type on; bytes behind its last field are ignored, as they are when decoding.
pub(crate) fn check_answer(body: &[u8]) -> Result<(), Misshapen> {
    let mut walk = Walk::new(body);
    let id = walk.node_id(false)?.ok_or(Misshapen::Malformed)?;
    let (_, fields) = ANSWERS.iter().find(|(known, _)| *known == id).ok_or(Misshapen::Unasked(id))?;
    walk.all(fields)
}

/// Checks the body of a structure in namespace 0; `false` for one that is not to be decoded.
pub(crate) fn check_structure(encoding: u32, body: &[u8]) -> Result<bool, Misshapen> {
    let Some((_, fields)) = STRUCTURES.iter().find(|(known, _)| *known == encoding) else { return Ok(false) };
    let mut walk = Walk::new(body);
    walk.all(fields)?;
    if walk.rest.is_empty() { Ok(true) } else { Err(Misshapen::LeftOver) }
}

/// Fewest bytes that a part takes.
const fn min_len(field: &Field) -> usize {
    match field {
        Fixed(len) => *len,
        Bytes | Array(_) => 4,
        NodeId | ExpandedNodeId => 2,
        QualifiedName => 6,
        Structure => 3,
        LocalizedText | Variant | DataValue | DiagnosticInfo => 1,
        Group(fields) => min_len_of(fields),
    }
}

const fn min_len_of(fields: &[Field]) -> usize {
    let mut len = 0;
    let mut idx = 0;
    while idx < fields.len() {
        len += min_len(&fields[idx]);
        idx += 1;
    }
    len
}

struct Walk<'a> {
    rest: &'a [u8],
    depth: usize,
    n_elements: usize,
}

impl<'a> Walk<'a> {
    const fn new(rest: &'a [u8]) -> Self {
        Self { rest, depth: 0, n_elements: 0 }
    }

    fn skip(&mut self, len: usize) -> Result<(), Misshapen> {
        self.rest = self.rest.get(len..).ok_or(Misshapen::CutShort)?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Misshapen> {
        let (first, rest) = self.rest.split_first().ok_or(Misshapen::CutShort)?;
        self.rest = rest;
        Ok(*first)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Misshapen> {
        let (first, rest) = self.rest.split_first_chunk::<N>().ok_or(Misshapen::CutShort)?;
        self.rest = rest;
        Ok(*first)
    }

    /// A length, minus one meaning none.
    fn len(&mut self) -> Result<usize, Misshapen> {
        match i32::from_le_bytes(self.fixed()?) {
            -1 => Ok(0),
            len => usize::try_from(len).map_err(|_| Misshapen::Malformed),
        }
    }

    /// Counts elements of at least `min` bytes each, which must fit what is left.
    fn elements(&mut self, n: usize, min: usize) -> Result<(), Misshapen> {
        if n.saturating_mul(min.max(1)) > self.rest.len() {
            return Err(Misshapen::CutShort);
        }
        self.n_elements += n;
        if self.n_elements > MAX_ELEMENTS { Err(Misshapen::TooLarge) } else { Ok(()) }
    }

    fn bytes(&mut self) -> Result<(), Misshapen> {
        let len = self.len()?;
        self.skip(len)
    }

    fn all(&mut self, fields: &[Field]) -> Result<(), Misshapen> {
        fields.iter().try_for_each(|field| self.field(field))
    }

    fn field(&mut self, field: &Field) -> Result<(), Misshapen> {
        match field {
            Fixed(len) => self.skip(*len),
            Bytes => self.bytes(),
            NodeId => self.node_id(false).map(|_| ()),
            ExpandedNodeId => self.node_id(true).map(|_| ()),
            QualifiedName => self.skip(2).and_then(|()| self.bytes()),
            LocalizedText => {
                let mask = self.byte()?;
                (0..(mask & 1) + (mask >> 1 & 1)).try_for_each(|_| self.bytes())
            }
            Variant => self.nested(Self::variant),
            DataValue => self.nested(Self::data_value),
            DiagnosticInfo => self.diagnostic_info(),
            Structure => self.structure(),
            Group(fields) => self.all(fields),
            Array(fields) => {
                let n = self.len()?;
                self.elements(n, min_len_of(fields))?;
                (0..n).try_for_each(|_| self.all(fields))
            }
        }
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Result<(), Misshapen>) -> Result<(), Misshapen> {
        if self.depth >= MAX_DEPTH {
            return Err(Misshapen::TooDeep);
        }
        self.depth += 1;
        let outcome = inside(self);
        self.depth -= 1;
        outcome
    }

    /// The number of a numeric id in namespace 0, `None` for any other.
    fn node_id(&mut self, is_expanded: bool) -> Result<Option<u32>, Misshapen> {
        let encoding = self.byte()?;
        let (kind, extra) = if is_expanded { (encoding & 0x0F, encoding & 0xF0) } else { (encoding, 0) };
        let id = match kind {
            0 => Some(u32::from(self.byte()?)),
            1 => {
                let [namespace, low, high] = self.fixed()?;
                (namespace == 0).then_some(u32::from(u16::from_le_bytes([low, high])))
            }
            2 => {
                let namespace = u16::from_le_bytes(self.fixed()?);
                let id = u32::from_le_bytes(self.fixed()?);
                (namespace == 0).then_some(id)
            }
            3 | 5 => {
                self.skip(2)?;
                self.bytes()?;
                None
            }
            4 => {
                self.skip(18)?;
                None
            }
            _ => return Err(Misshapen::Malformed),
        };
        if extra & 0x80 != 0 {
            self.bytes()?;
        }
        if extra & 0x40 != 0 {
            self.skip(4)?;
        }
        Ok(id)
    }

    fn structure(&mut self) -> Result<(), Misshapen> {
        self.node_id(false)?;
        match self.byte()? {
            0 => Ok(()),
            1 => {
                let len = i32::from_le_bytes(self.fixed()?);
                self.skip(usize::try_from(len).unwrap_or(0))
            }
            2 => self.bytes(),
            _ => Err(Misshapen::Malformed),
        }
    }

    fn variant(&mut self) -> Result<(), Misshapen> {
        let mask = self.byte()?;
        let element: &[Field] = match mask & 0x3F {
            0 => &[],
            1..=3 => &[Fixed(1)],
            4 | 5 => &[Fixed(2)],
            6 | 7 | 10 | 19 => &[Fixed(4)],
            8 | 9 | 11 | 13 => &[Fixed(8)],
            12 | 15 | 16 => &[Bytes],
            14 => &[Fixed(16)],
            17 => &[NodeId],
            18 => &[ExpandedNodeId],
            20 => &[QualifiedName],
            21 => &[LocalizedText],
            22 => &[Structure],
            23 => &[DataValue],
            24 => &[Variant],
            25 => &[DiagnosticInfo],
            _ => return Err(Misshapen::Malformed),
        };
        let (is_array, has_dimensions) = (mask & 0x80 != 0, mask & 0x40 != 0);
        if !is_array {
            return if has_dimensions { Err(Misshapen::Malformed) } else { self.all(element) };
        }
        let n = self.len()?;
        // The decoder reads no dimensions after an empty array, and no bytes for elements without a type.
        if element.is_empty() || n == 0 && has_dimensions {
            return Err(Misshapen::Malformed);
        }
        self.elements(n, min_len_of(element))?;
        (0..n).try_for_each(|_| self.all(element))?;
        if has_dimensions { self.field(&STATUSES) } else { Ok(()) }
    }

    fn data_value(&mut self) -> Result<(), Misshapen> {
        let mask = self.byte()?;
        if mask & 0x01 != 0 {
            self.field(&Variant)?;
        }
        let len = [(0x02, 4), (0x04, 8), (0x08, 8), (0x10, 2), (0x20, 2)];
        self.skip(len.into_iter().filter(|(bit, _)| mask & bit != 0).map(|(_, len)| len).sum())
    }

    fn diagnostic_info(&mut self) -> Result<(), Misshapen> {
        for _ in 0..MAX_DEPTH {
            let mask = self.byte()?;
            self.skip(4 * (mask & 0x0F).count_ones() as usize)?;
            if mask & 0x10 != 0 {
                self.bytes()?;
            }
            if mask & 0x20 != 0 {
                self.skip(4)?;
            }
            if mask & 0x40 == 0 {
                return Ok(());
            }
        }
        Err(Misshapen::TooDeep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua_types::{
        Array as WireArray, BinaryEncodable, ByteString, ContextOwned, DataChangeNotification, DateTime,
        ExtensionObject, MonitoredItemNotification, Range, ReadResponse, StatusCode, VariantScalarTypeId,
    };

    fn read_answer(values: Vec<opcua_types::Variant>) -> Vec<u8> {
        let results = values
            .into_iter()
            .map(|value| opcua_types::DataValue {
                value: Some(value),
                status: Some(StatusCode::Good),
                source_timestamp: Some(DateTime::now()),
                server_timestamp: Some(DateTime::now()),
                source_picoseconds: Some(1),
                server_picoseconds: Some(2),
            })
            .collect();
        let response = ReadResponse {
            results: Some(results),
            diagnostic_infos: Some(vec![opcua_types::DiagnosticInfo {
                symbolic_id: Some(1),
                additional_info: Some("more".into()),
                inner_diagnostic_info: Some(Box::default()),
                ..opcua_types::DiagnosticInfo::default()
            }]),
            ..ReadResponse::default()
        };
        let mut body = vec![1, 0, 0x7A, 2];
        body.extend(response.encode_to_vec(&ContextOwned::default().context()));
        body
    }

    fn samples() -> Vec<opcua_types::Variant> {
        use opcua_types::Variant as V;
        let matrix = WireArray {
            value_type: VariantScalarTypeId::Int16,
            values: (0..6).map(V::Int16).collect(),
            dimensions: Some(vec![2, 3]),
        };
        vec![
            V::Empty,
            V::Boolean(true),
            V::UInt16(1),
            V::Float(1.0),
            V::Int64(1),
            V::String("text".into()),
            V::String(opcua_types::UAString::null()),
            V::ByteString(ByteString::from(vec![1, 2, 3])),
            V::Guid(Box::new(opcua_types::Guid::new())),
            V::DateTime(Box::new(DateTime::now())),
            V::NodeId(Box::new(opcua_types::NodeId::new(2, "s"))),
            V::NodeId(Box::new(opcua_types::NodeId::new(300, 1_000_000))),
            V::ExpandedNodeId(Box::new(opcua_types::ExpandedNodeId::new((opcua_types::NodeId::new(1, 2), 7)))),
            V::LocalizedText(Box::new(opcua_types::LocalizedText::new("en", "text"))),
            V::QualifiedName(Box::new(opcua_types::QualifiedName::new(1, "name"))),
            V::StatusCode(StatusCode::BadTimeout),
            V::ExtensionObject(ExtensionObject::from_message(Range { low: 0.0, high: 1.0 })),
            V::Variant(Box::new(V::Variant(Box::new(V::Int32(1))))),
            V::DataValue(Box::new(opcua_types::DataValue::new_now(1_i32))),
            V::DiagnosticInfo(Box::default()),
            V::Array(Box::new(matrix)),
            V::from(vec!["a".to_owned(), "b".to_owned()]),
            V::from(vec![1_u8, 2, 3]),
        ]
    }

    #[test]
    fn everything_that_the_library_writes_has_a_shape() {
        for value in samples() {
            let shown = format!("{value:?}");
            assert_eq!(check_answer(&read_answer(vec![value])), Ok(()), "{shown}");
        }
        assert_eq!(check_answer(&read_answer(samples())), Ok(()));
    }

    #[test]
    fn no_cut_and_no_flipped_byte_makes_the_walk_panic_and_every_cut_is_noticed() {
        let whole = read_answer(samples());
        for len in 0..whole.len() {
            assert!(check_answer(&whole[..len]).is_err(), "{len}");
        }
        for idx in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[idx] ^= 1 << bit;
                let _ = check_answer(&flipped);
            }
        }
    }

    #[test]
    fn nesting_lengths_and_strangers_are_refused() {
        let header = [&[1, 0, 0x7A, 2][..], &[0; 16], &[0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0]].concat();
        let answer = |values: &[u8]| [&header[..], values].concat();
        let one = [1, 0, 0, 0];
        let deep_values = answer(&[&one[..], &[1, 23].repeat(1_000)].concat());
        assert_eq!(check_answer(&deep_values), Err(Misshapen::TooDeep));
        let deep_variants = answer(&[&one[..], &[1], &[24; 1_000]].concat());
        assert_eq!(check_answer(&deep_variants), Err(Misshapen::TooDeep));
        let deep_diagnostics = [&[1, 0, 0x7A, 2][..], &[0; 16], &[0x40; 1_000]].concat();
        assert_eq!(check_answer(&deep_diagnostics), Err(Misshapen::TooDeep));
        assert_eq!(check_answer(&answer(&i32::MAX.to_le_bytes())), Err(Misshapen::CutShort));
        assert_eq!(check_answer(&answer(&(-2_i32).to_le_bytes())), Err(Misshapen::Malformed));
        assert_eq!(check_answer(&[1, 0, 0x77, 2]), Err(Misshapen::Unasked(631)), "a request");
        let many = answer(&[&3_000_000_i32.to_le_bytes()[..], &vec![0; 3_000_000]].concat());
        assert_eq!(check_answer(&many), Err(Misshapen::TooLarge));
    }

    #[test]
    fn structures_must_fill_their_length() {
        let notification = DataChangeNotification {
            monitored_items: Some(vec![MonitoredItemNotification {
                client_handle: 1,
                value: opcua_types::DataValue::new_now(1.5),
            }]),
            diagnostic_infos: None,
        };
        let mut body = notification.encode_to_vec(&ContextOwned::default().context());
        assert_eq!(check_structure(811, &body), Ok(true));
        body.push(0);
        assert_eq!(check_structure(811, &body), Err(Misshapen::LeftOver));
        assert_eq!(check_structure(629, &body), Ok(false));
    }
}
