//! Every limit of the server, each once: published in ServerCapabilities and enforced from the same constant.

use std::time::Duration;

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
/// Values that the queue of one monitored item of a durable subscription may hold.
pub const MAX_DURABLE_ITEM_QUEUE: u32 = 1_000_000;
/// Durable subscriptions of all sessions.
pub const MAX_DURABLE_SUBSCRIPTIONS: u32 = 500;
/// Bytes of the values in the queues of all monitored items, besides the newest of each; a value in several queues
/// counts in each. Queues that would grow beyond it lose values as full ones do.
pub const MAX_QUEUED_VALUE_BYTES: usize = 256 << 20;
/// Publish requests that one session may have waiting.
pub const MAX_PUBLISH_REQUESTS_PER_SESSION: usize = 64;

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

/// Bytes of the file of one trust list.
pub const MAX_TRUST_LIST_BYTES: usize = 1 << 20;
/// Files that one session may have open.
pub const MAX_OPEN_FILES_PER_SESSION: usize = 4;
/// Files that all sessions may have open.
pub const MAX_OPEN_FILES: usize = 32;
/// Bytes of all open files.
pub const MAX_OPEN_FILE_BYTES: usize = 16 << 20;
/// Time in milliseconds without a call after which an open file is closed.
pub const FILE_TIMEOUT_MS: u64 = 60_000;
/// Time in milliseconds that a client has to come back, when its connection breaks during a transaction.
pub const TRANSACTION_GRACE_MS: u64 = 10_000;

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

/// Nodes in one HistoryRead.
pub const MAX_NODES_PER_HISTORY_READ_DATA: u32 = 1_000;
/// Details in one HistoryUpdate.
pub const MAX_NODES_PER_HISTORY_UPDATE_DATA: u32 = 1_000;
/// Values or times in the details of one HistoryUpdate, and times in one HistoryRead of times.
pub const MAX_HISTORY_TIMES: usize = 10_000;
/// Values that one HistoryRead result holds at most; the rest follows with its continuation point.
pub const MAX_HISTORY_VALUES_PER_NODE: u32 = 200_000;
/// Events that one HistoryRead result holds at most; the rest follows with its continuation point.
pub const MAX_HISTORY_EVENTS_PER_NODE: u32 = 10_000;
/// Events that wait for the historian while it cannot write.
pub const MAX_EVENTS_TO_KEEP: usize = 10_000;
/// Nodes in one HistoryRead of events.
pub const MAX_NODES_PER_HISTORY_READ_EVENTS: u32 = 100;
/// Continuation points of HistoryRead that one session may hold.
pub const MAX_HISTORY_CONTINUATION_POINTS: u16 = 100;
/// History reads that are carried out at one time; further ones wait.
pub const MAX_HISTORY_READS: usize = 4;
/// Intervals of one processed read that are computed at once.
pub const MAX_HISTORY_INTERVALS: u64 = 10_000;
/// Values before a change of history that an auditor is told.
pub const MAX_AUDITED_OLD_VALUES: usize = 100;

/// Elements of one array in a request.
pub const MAX_ARRAY_LENGTH: u32 = 1_000_000;
/// Bytes of one String in a request.
pub const MAX_STRING_LENGTH: u32 = 16 << 20;
/// Bytes of one ByteString in a request.
pub const MAX_BYTE_STRING_LENGTH: u32 = 16 << 20;

/// Fastest sampling in milliseconds that a client can ask for.
pub const MIN_SUPPORTED_SAMPLE_RATE_MS: f64 = 10.0;

/// The profiles that the server meets.
pub const PROFILES: &[&str] = &[
    "http://opcfoundation.org/UA-Profile/Server/StandardUA2017",
    "http://opcfoundation.org/UA-Profile/Server/DataAccess",
    "http://opcfoundation.org/UA-Profile/Server/Methods",
    "http://opcfoundation.org/UA-Profile/Server/ReverseConnect",
    "http://opcfoundation.org/UA-Profile/Server/ClientRedundancy",
];

/// The languages that texts come in.
pub const LOCALES: &[&str] = &["en"];

/// Select clauses of one event filter.
pub const MAX_SELECT_CLAUSES: u32 = 1_000;
/// Elements of the where clause of one event filter.
pub const MAX_WHERE_ELEMENTS: u32 = 1_000;
/// Operands of one element of a where clause.
pub const MAX_WHERE_OPERANDS: usize = 1_000;
/// Bytes of all event filters together, as they came.
pub const MAX_EVENT_FILTER_BYTES: usize = 64 << 20;
/// Events that the queue of a monitored item holds unless the client asks for more than one.
pub const DEFAULT_EVENT_QUEUE: u32 = 1_000;
/// Events on their way to one subscription.
pub const MAX_WAITING_EVENTS: usize = 2_048;
/// Bytes of events in the queues of all monitored items; an event in several queues counts in each.
pub const MAX_QUEUED_EVENT_BYTES: usize = 64 << 20;
/// Bytes of the message of an event.
pub const MAX_EVENT_MESSAGE_BYTES: usize = 1 << 10;
/// Bytes of one field of an event; a larger value is left out.
pub const MAX_EVENT_FIELD_BYTES: usize = 4 << 10;
/// Steps that the filter of one monitored item may take for one event; an event whose filter takes more is not wanted.
/// Ten times what a search for a word in the longest field takes.
pub const MAX_FILTER_STEPS: usize = 10 * MAX_EVENT_FIELD_BYTES;

/// Connections at one time: one per session, and some more for clients that only look for endpoints.
pub const MAX_CONNECTIONS: usize = MAX_SESSIONS as usize + 100;
/// Time in which a client must have opened its channel.
pub const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Time in which a client must have a session on its channel.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
/// Time that a client may take no bytes while bytes wait for it.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Time without requests after which an idle connection gives its buffers back.
pub const RELEASE_AFTER: Duration = Duration::from_secs(2);
/// Bytes that may wait to be sent before nothing more is handled.
pub const MAX_UNSENT_BYTES: usize = 2 << 20;
/// Bytes that may wait to be sent on all connections before each is kept to [`FAIR_UNSENT_BYTES`].
pub const MAX_ALL_UNSENT_BYTES: usize = 64 << 20;
/// Bytes that may wait to be sent to a client while others keep too many waiting.
pub const FAIR_UNSENT_BYTES: usize = 64 << 10;
/// Time for which requests of one connection are handled before others get their turn.
pub const TURN: Duration = Duration::from_millis(1);
/// Bytes that are taken from one connection before others get their turn.
pub const BYTES_PER_TURN: usize = 256 << 10;
/// Largest request in bytes.
pub const MAX_MESSAGE_SIZE: u32 = 16 << 20;
/// Most chunks of one request.
pub const MAX_CHUNK_COUNT: u32 = 1024;
/// Requests of one connection that may wait for devices before further ones are left in the socket.
pub const MAX_WAITING_REQUESTS: usize = 64;
/// Bytes of all unfinished requests of all connections.
pub const MAX_UNFINISHED_BYTES: usize = 64 << 20;
/// Bytes after which a response that could be longer ends and leaves the rest to the next one.
pub const MAX_MESSAGE_BYTES: usize = 4 << 20;
/// Bytes of an endpoint URL (Part 6, 7.1.2.3).
pub const MAX_ENDPOINT_URL_BYTES: usize = 4096;
/// Characters of a session's name that are kept.
pub const MAX_SESSION_NAME_CHARS: usize = 128;

/// Shortest time in milliseconds without a request after which a session ends.
pub const MIN_SESSION_TIMEOUT_MS: f64 = 10_000.0;
/// Longest time in milliseconds without a request after which a session ends.
pub const MAX_SESSION_TIMEOUT_MS: f64 = 3_600_000.0;
/// The time when a client asks for none.
pub const DEFAULT_SESSION_TIMEOUT_MS: f64 = 60_000.0;

/// Shortest publishing interval in milliseconds.
pub const MIN_PUBLISHING_INTERVAL_MS: f64 = 10.0;
/// Longest publishing interval in milliseconds.
pub const MAX_PUBLISHING_INTERVAL_MS: f64 = 3_600_000.0;
/// Longest sampling interval in milliseconds.
pub const MAX_SAMPLING_INTERVAL_MS: f64 = 86_400_000.0;
/// Shortest interval of an aggregate that a subscription reports.
pub const MIN_PROCESSING_INTERVAL_MS: f64 = 100.0;
/// Longest interval of an aggregate that a subscription reports: a leap year.
pub const MAX_PROCESSING_INTERVAL_MS: f64 = 366.0 * 86_400_000.0;
/// Interval of an aggregate whose client leaves it to the server.
pub const DEFAULT_PROCESSING_INTERVAL_MS: f64 = 1_000.0;
/// Most publishing intervals between two keep-alives.
pub const MAX_KEEP_ALIVE: u32 = 100_000;
/// Publishing intervals between two keep-alives when a client asks for none.
pub const DEFAULT_KEEP_ALIVE: u32 = 10;
/// Longest lifetime of a subscription in milliseconds, unless three keep-alives are longer.
pub const MAX_LIFETIME_MS: f64 = 86_400_000.0;
/// Notifications in one message.
pub const MAX_NOTIFICATIONS_PER_MESSAGE: usize = 100_000;
/// Sent messages that one subscription keeps until they are acknowledged.
pub const MAX_SENT_MESSAGES: usize = 2 * MAX_PUBLISH_REQUESTS_PER_SESSION;
/// Bytes of sent messages that one subscription keeps.
pub const MAX_SENT_BYTES: usize = 16 << 20;
/// Bytes of sent messages that all subscriptions keep; a subscription that sends more then keeps its newest only.
pub const MAX_ALL_SENT_BYTES: usize = 256 << 20;
