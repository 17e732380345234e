//! Values in the XML encoding (Part 6, 5.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use tagwire_model::Status;
use tagwire_ua_proto::services::{Argument, EUInformation, EnumValueType, Range, TimeZoneDataType};
use tagwire_ua_proto::types::{
    ByteString, ExpandedNodeId, ExtensionObject, Guid, LocalizedText, NodeId, QualifiedName, UaString, Variant,
    VariantArray, VariantItems, XmlElement,
};

use super::document::{child, elements, raw_text, text};
use super::header::{Scope, date};
use super::limits::MAX_VALUE_DEPTH;

/// Why there is no value.
pub(super) enum ValueError {
    /// The type is not known here.
    Unknown(String),
    /// The text does not fit its type.
    Wrong(String),
}

type Result<T> = std::result::Result<T, ValueError>;

/// Reads the element within a `Value`.
pub(super) fn read(scope: &Scope, element: Node<'_, '_>) -> Result<Variant> {
    Reader { scope, depth: 0 }.variant(element)
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    scope: &'a Scope,
    depth: usize,
}

macro_rules! built_in {
    ($($name:literal $variant:ident $read:ident;)*) => {
        impl Reader<'_> {
            /// A scalar by the name of its element.
            fn scalar(self, name: &str, element: Node<'_, '_>) -> Result<Variant> {
                match name {
                    $($name => self.$read(element).map(Variant::$variant),)*
                    "ExpandedNodeId" => self.expanded(element).map(|id| Variant::ExpandedNodeId(Box::new(id))),
                    "ExtensionObject" => self.object(element).map(|object| Variant::ExtensionObject(Box::new(object))),
                    _ => Err(ValueError::Unknown(format!("<{name}>"))),
                }
            }

            /// Elements of one type by their name.
            fn items<'x, 'i: 'x>(
                self,
                name: &str,
                of: impl Iterator<Item = Node<'x, 'i>>,
            ) -> Result<VariantItems> {
                match name {
                    $($name => of.map(|item| self.$read(item)).collect::<Result<Vec<_>>>().map(VariantItems::$variant),)*
                    "ExpandedNodeId" => {
                        of.map(|item| self.expanded(item)).collect::<Result<Vec<_>>>().map(VariantItems::from)
                    }
                    "ExtensionObject" => {
                        of.map(|item| self.object(item)).collect::<Result<Vec<_>>>().map(VariantItems::from)
                    }
                    "Variant" => of
                        .map(|item| self.within_variant(item))
                        .collect::<Result<Vec<_>>>()
                        .map(VariantItems::from),
                    _ => Err(ValueError::Unknown(format!("<ListOf{name}>"))),
                }
            }
        }
    };
}

built_in! {
    "Boolean" Boolean boolean;
    "SByte" SByte number;
    "Byte" Byte number;
    "Int16" Int16 number;
    "UInt16" UInt16 number;
    "Int32" Int32 number;
    "UInt32" UInt32 number;
    "Int64" Int64 number;
    "UInt64" UInt64 number;
    "Float" Float single;
    "Double" Double double;
    "String" String string;
    "DateTime" DateTime time;
    "Guid" Guid guid;
    "ByteString" ByteString bytes;
    "XmlElement" XmlElement xml;
    "NodeId" NodeId node_id;
    "StatusCode" StatusCode status;
    "QualifiedName" QualifiedName name;
    "LocalizedText" LocalizedText localized;
}

fn wrong<T>(element: Node<'_, '_>) -> Result<T> {
    let name = element.tag_name().name();
    let shown: String = text(element).chars().take(40).collect();
    Err(ValueError::Wrong(format!("\"{shown}\" is no {name}")))
}

impl Reader<'_> {
    fn variant(self, element: Node<'_, '_>) -> Result<Variant> {
        if self.depth >= MAX_VALUE_DEPTH {
            return Err(ValueError::Wrong(format!("values lie more than {MAX_VALUE_DEPTH} levels deep")));
        }
        let inner = Self { depth: self.depth + 1, ..self };
        let name = element.tag_name().name();
        if let Some(of) = name.strip_prefix("ListOf") {
            return inner.items(of, elements(element)).map(Variant::from);
        }
        match name {
            "Matrix" => inner.matrix(element),
            "Variant" => inner.within_variant(element),
            _ => inner.scalar(name, element),
        }
    }

    fn within_variant(self, element: Node<'_, '_>) -> Result<Variant> {
        match child(element, "Value").and_then(|value| elements(value).next()) {
            Some(value) => self.variant(value),
            None => Ok(Variant::Null),
        }
    }

    fn matrix(self, element: Node<'_, '_>) -> Result<Variant> {
        let lens = child(element, "Dimensions").into_iter().flat_map(elements);
        let lens = lens.map(|len| self.number(len)).collect::<Result<Vec<u32>>>()?;
        let Some(found) = child(element, "Elements") else { return wrong(element) };
        let name = elements(found).next().map_or("Variant", |first| first.tag_name().name()).to_owned();
        let items = self.items(&name, elements(found))?;
        match VariantArray::matrix(&lens, items) {
            Ok(array) => Ok(array.into()),
            Err(_) => Err(ValueError::Wrong("the dimensions of the matrix do not fit its elements".to_owned())),
        }
    }

    fn boolean(self, element: Node<'_, '_>) -> Result<bool> {
        match &*text(element) {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => wrong(element),
        }
    }

    fn number<T: std::str::FromStr>(self, element: Node<'_, '_>) -> Result<T> {
        text(element).parse().or_else(|_| wrong(element))
    }

    fn double(self, element: Node<'_, '_>) -> Result<f64> {
        match &*text(element) {
            "INF" => Ok(f64::INFINITY),
            "-INF" => Ok(f64::NEG_INFINITY),
            "NaN" => Ok(f64::NAN),
            _ => self.number(element),
        }
    }

    fn single(self, element: Node<'_, '_>) -> Result<f32> {
        self.double(element).map(|number| number as f32)
    }

    fn string(self, element: Node<'_, '_>) -> Result<UaString> {
        Ok(raw_text(element).into())
    }

    fn time(self, element: Node<'_, '_>) -> Result<tagwire_model::Timestamp> {
        match date(&text(element)) {
            Some(time) => Ok(time),
            // The least time that XML can write stands for no time.
            None if text(element).starts_with("0001-") => Ok(tagwire_model::Timestamp::NONE),
            None => wrong(element),
        }
    }

    fn guid(self, element: Node<'_, '_>) -> Result<Guid> {
        let written = child(element, "String").map_or_else(|| text(element), text);
        written.parse().or_else(|_| wrong(element))
    }

    fn bytes(self, element: Node<'_, '_>) -> Result<ByteString> {
        let plain: String = raw_text(element).split_whitespace().collect();
        STANDARD.decode(plain).map(ByteString::from).or_else(|_| wrong(element))
    }

    fn xml(self, element: Node<'_, '_>) -> Result<XmlElement> {
        let source = element.document().input_text();
        let inner = elements(element).next().and_then(|inner| source.get(inner.range()));
        Ok(XmlElement(inner.into()))
    }

    fn node_id(self, element: Node<'_, '_>) -> Result<NodeId> {
        let written = child(element, "Identifier").map_or_else(|| text(element), text);
        if written.is_empty() {
            return Ok(NodeId::NULL);
        }
        let error = |error| Err(ValueError::Wrong(format!("\"{written}\": {error}")));
        self.scope.id(&written).or_else(error)
    }

    fn expanded(self, element: Node<'_, '_>) -> Result<ExpandedNodeId> {
        self.node_id(element).map(ExpandedNodeId::from)
    }

    fn status(self, element: Node<'_, '_>) -> Result<Status> {
        match child(element, "Code") {
            Some(code) => self.number(code).map(Status),
            None => Ok(Status::GOOD),
        }
    }

    fn name(self, element: Node<'_, '_>) -> Result<QualifiedName> {
        let index = match child(element, "NamespaceIndex") {
            Some(index) => self.number(index)?,
            None => 0,
        };
        let Some(namespace) = self.scope.namespace(index) else {
            return Err(ValueError::Wrong(format!("namespace {index} is not among the NamespaceUris of the file")));
        };
        Ok(QualifiedName { namespace, name: child(element, "Name").map(raw_text).unwrap_or_default().into() })
    }

    fn localized(self, element: Node<'_, '_>) -> Result<LocalizedText> {
        let locale = child(element, "Locale").map(text).filter(|locale| !locale.is_empty());
        let text = child(element, "Text").map(raw_text);
        Ok(LocalizedText { locale: locale.as_deref().into(), text: text.as_deref().into() })
    }

    fn object(self, element: Node<'_, '_>) -> Result<ExtensionObject> {
        let Some(body) = child(element, "Body").and_then(|body| elements(body).next()) else {
            return Ok(ExtensionObject::default());
        };
        Ok(match body.tag_name().name() {
            "Argument" => ExtensionObject::new(&self.argument(body)?),
            "EnumValueType" => ExtensionObject::new(&EnumValueType {
                value: self.part(body, "Value", Self::number)?,
                display_name: self.part(body, "DisplayName", Self::localized)?,
                description: self.part(body, "Description", Self::localized)?,
            }),
            "EUInformation" => ExtensionObject::new(&EUInformation {
                namespace_uri: self.part(body, "NamespaceUri", Self::string)?,
                unit_id: self.part(body, "UnitId", Self::number)?,
                display_name: self.part(body, "DisplayName", Self::localized)?,
                description: self.part(body, "Description", Self::localized)?,
            }),
            "Range" => ExtensionObject::new(&Range {
                low: self.part(body, "Low", Self::double)?,
                high: self.part(body, "High", Self::double)?,
            }),
            "TimeZoneDataType" => ExtensionObject::new(&TimeZoneDataType {
                offset: self.part(body, "Offset", Self::number)?,
                daylight_saving_in_offset: self.part(body, "DaylightSavingInOffset", Self::boolean)?,
            }),
            other => return Err(ValueError::Unknown(format!("the structure <{other}>"))),
        })
    }

    fn argument(self, body: Node<'_, '_>) -> Result<Argument> {
        let lens = child(body, "ArrayDimensions").into_iter().flat_map(elements);
        Ok(Argument {
            name: self.part(body, "Name", Self::string)?,
            data_type: self.part(body, "DataType", Self::node_id)?,
            value_rank: match child(body, "ValueRank") {
                Some(rank) => self.number(rank)?,
                None => -1,
            },
            array_dimensions: lens.map(|len| self.number(len)).collect::<Result<_>>()?,
            description: self.part(body, "Description", Self::localized)?,
        })
    }

    /// A field of a structure; one that is left out has its default.
    fn part<T: Default>(self, body: Node<'_, '_>, name: &str, read: fn(Self, Node<'_, '_>) -> Result<T>) -> Result<T> {
        child(body, name).map_or_else(|| Ok(T::default()), |part| read(self, part))
    }
}
