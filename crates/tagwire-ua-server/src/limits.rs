//! Every limit of the server, each once: published in ServerCapabilities and enforced from the same constant.

/// Sessions at one time.
pub const MAX_SESSIONS: u32 = 500;
/// Subscriptions of one session.
pub const MAX_SUBSCRIPTIONS_PER_SESSION: u32 = 10;
/// Subscriptions of all sessions.
pub const MAX_SUBSCRIPTIONS: u32 = MAX_SESSIONS * MAX_SUBSCRIPTIONS_PER_SESSION;
/// Monitored items of one subscription.
pub const MAX_MONITORED_ITEMS_PER_SUBSCRIPTION: u32 = 100_000;
/// Monitored items of all subscriptions.
pub const MAX_MONITORED_ITEMS: u32 = 1_000_000;
/// Values that the queue of one monitored item may hold.
pub const MAX_MONITORED_ITEM_QUEUE: u32 = 10_000;
/// Publish requests that one session may have waiting.
pub const MAX_PUBLISH_REQUESTS_PER_SESSION: u32 = 10;

/// Continuation points of Browse that one session may hold.
pub const MAX_BROWSE_CONTINUATION_POINTS: u16 = 10;
/// References that one Browse result holds at most; the rest follows with BrowseNext.
pub const MAX_REFERENCES_PER_NODE: u32 = 100_000;
/// Elements of one browse path.
pub const MAX_BROWSE_PATH_ELEMENTS: usize = 100;
/// Targets of one browse path.
pub const MAX_BROWSE_PATH_TARGETS: usize = 10_000;
/// References that one view request may look at before it is refused or cut into continuation points.
pub const MAX_REFERENCES_EXAMINED: usize = 1_000_000;

/// Nodes in one Read.
pub const MAX_NODES_PER_READ: u32 = 10_000;
/// Nodes in one Write.
pub const MAX_NODES_PER_WRITE: u32 = 10_000;
/// Methods in one Call.
pub const MAX_NODES_PER_METHOD_CALL: u32 = 1_000;
/// Nodes in one Browse and continuation points in one BrowseNext.
pub const MAX_NODES_PER_BROWSE: u32 = 10_000;
/// Nodes in one RegisterNodes or UnregisterNodes.
pub const MAX_NODES_PER_REGISTER_NODES: u32 = 10_000;
/// Paths in one TranslateBrowsePathsToNodeIds.
pub const MAX_NODES_PER_TRANSLATE_BROWSE_PATHS: u32 = 10_000;
/// Items in one service of the MonitoredItem service set.
pub const MAX_MONITORED_ITEMS_PER_CALL: u32 = 100_000;

/// Elements of one array in a request.
pub const MAX_ARRAY_LENGTH: u32 = 1_000_000;
/// Bytes of one String in a request.
pub const MAX_STRING_LENGTH: u32 = 16 << 20;
/// Bytes of one ByteString in a request.
pub const MAX_BYTE_STRING_LENGTH: u32 = 16 << 20;

/// Fastest sampling in milliseconds that a client can ask for.
pub const MIN_SUPPORTED_SAMPLE_RATE_MS: f64 = 10.0;

/// The profiles that the server meets.
pub const PROFILES: &[&str] = &["http://opcfoundation.org/UA-Profile/Server/EmbeddedUA2017"];

/// The languages that texts come in.
pub const LOCALES: &[&str] = &["en"];

/// Whether objects offer events; EventNotifier says nothing else.
pub const SERVES_EVENTS: bool = false;
