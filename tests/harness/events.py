"""Filters of events."""

from asyncua import ua

SERVER = ua.NodeId(2253, 0)
BASE, SYSTEM, FAILURE, AUDIT = 2041, 2130, 2131, 2052
OVERFLOW, MODEL_CHANGE, STATUS_CHANGE = 3035, 2132, 11446
FIELDS = ("EventId", "EventType", "SourceNode", "SourceName", "Time", "ReceiveTime", "Message", "Severity")
EQUALS, IS_NULL, GREATER, LESS, GREATER_EQUAL, LESS_EQUAL, LIKE, NOT = range(8)
BETWEEN, IN_LIST, AND, OR, CAST, IN_VIEW, OF_TYPE, RELATED_TO, BITWISE_AND, BITWISE_OR = range(8, 18)


def field(*path, type_=BASE, attribute=13, index_range=None):
    """A SimpleAttributeOperand."""
    made = ua.SimpleAttributeOperand()
    made.TypeDefinitionId = ua.NodeId(type_, 0)
    made.BrowsePath = [name if isinstance(name, ua.QualifiedName) else ua.QualifiedName(name, 0) for name in path]
    made.AttributeId = attribute
    made.IndexRange = index_range
    return made


def literal(value, kind=None):
    made = ua.LiteralOperand()
    made.Value = ua.Variant(value, kind) if kind is not None else ua.Variant(value)
    return made


def element(index):
    made = ua.ElementOperand()
    made.Index = index
    return made


def of(operator, *operands):
    made = ua.ContentFilterElement()
    made.FilterOperator = ua.FilterOperator(operator) if operator in range(18) else operator
    made.FilterOperands = list(operands)
    return made


def filter_(*where, select=None):
    made = ua.EventFilter()
    made.SelectClauses = [field(name) for name in FIELDS] if select is None else list(select)
    made.WhereClause.Elements = list(where)
    return made


def of_type(number):
    return of(OF_TYPE, literal(ua.NodeId(number, 0), ua.VariantType.NodeId))
