//! A server to measure beside tagwire: `open62541-server PORT TAGS CHANGING CHILDREN [CERTIFICATE KEY URI]`.
//!
//! With a certificate and key (DER files) it offers every security policy beside None, and trusts every client.
//! Double variables `ns=2;s=Ch1.Dev<i/1000>.Tag<i>`, the first CHANGING of which count tenths of a second, and one
//! folder `ns=2;s=Big.Dev` with CHILDREN variables. Prints `ready` when it listens; limits are those a plant would set.

use std::ffi::{CString, c_void};
use std::io::Write as _;
use std::ptr;

use open62541_sys::*;

const TENTH_OF_A_SECOND: i64 = 1_000_000;

fn name(text: &str) -> CString {
    CString::new(text).expect("names have no NUL")
}

fn string_id(text: &str) -> UA_NodeId {
    // SAFETY: copies the text into memory of the library.
    unsafe { UA_NODEID_STRING_ALLOC(2, name(text).as_ptr()) }
}

fn number(id: u32) -> UA_NodeId {
    // SAFETY: builds a plain value.
    unsafe { UA_NODEID_NUMERIC(0, id) }
}

fn browse_name(text: &str) -> UA_QualifiedName {
    // SAFETY: copies the text into memory of the library.
    unsafe { UA_QUALIFIEDNAME_ALLOC(2, name(text).as_ptr()) }
}

unsafe extern "C" fn read_counter(
    _server: *mut UA_Server,
    _session: *const UA_NodeId,
    _session_context: *mut c_void,
    _node: *const UA_NodeId,
    _node_context: *mut c_void,
    with_source_time: bool,
    _range: *const UA_NumericRange,
    value: *mut UA_DataValue,
) -> UA_StatusCode {
    // SAFETY: the library passes a valid DataValue, and copies the number out of this frame before it returns.
    unsafe {
        let now = UA_DateTime_now();
        let count = (now / TENTH_OF_A_SECOND) as f64;
        let double = &raw const UA_TYPES[UA_TYPES_DOUBLE as usize];
        let result = UA_Variant_setScalarCopy(&raw mut (*value).value, (&raw const count).cast::<c_void>(), double);
        (*value).set_hasValue(true);
        if with_source_time {
            (*value).sourceTimestamp = now;
            (*value).set_hasSourceTimestamp(true);
        }
        result
    }
}

unsafe fn folder(server: *mut UA_Server, id: &str, parent: UA_NodeId) -> UA_NodeId {
    // SAFETY: all arguments are values or copies that the library owns.
    unsafe {
        let mut attributes = UA_ObjectAttributes::default();
        UA_ObjectAttributes_copy(&raw const UA_ObjectAttributes_default, &raw mut attributes);
        let made = string_id(id);
        let code = UA_Server_addObjectNode(
            server,
            string_id(id),
            parent,
            number(35),
            browse_name(id),
            number(61),
            attributes,
            ptr::null_mut(),
            ptr::null_mut(),
        );
        assert_eq!(code, 0, "{id}");
        made
    }
}

unsafe fn variable(server: *mut UA_Server, id: &str, parent: &str, changing: bool) {
    // SAFETY: all arguments are values or copies that the library owns.
    unsafe {
        let double = &raw const UA_TYPES[UA_TYPES_DOUBLE as usize];
        let zero = 0.0_f64;
        let mut attributes = UA_VariableAttributes::default();
        UA_VariableAttributes_copy(&raw const UA_VariableAttributes_default, &raw mut attributes);
        UA_Variant_setScalarCopy(&raw mut attributes.value, (&raw const zero).cast::<c_void>(), double);
        attributes.dataType = number(11);
        attributes.valueRank = -1;
        attributes.accessLevel = 3;
        let (server_id, parent, text) = (string_id(id), string_id(parent), browse_name(id));
        let code = if changing {
            let source = UA_CallbackValueSource { read: Some(read_counter), write: None };
            let out = ptr::null_mut();
            UA_Server_addCallbackValueSourceVariableNode(
                server,
                server_id,
                parent,
                number(35),
                text,
                number(63),
                attributes,
                source,
                ptr::null_mut(),
                out,
            )
        } else {
            let context = ptr::null_mut();
            let out = ptr::null_mut();
            UA_Server_addVariableNode(server, server_id, parent, number(35), text, number(63), attributes, context, out)
        };
        assert_eq!(code, 0, "{id}");
    }
}

fn file(path: &str) -> UA_ByteString {
    let content = std::fs::read(path).expect("a file");
    // SAFETY: the buffer has exactly as many bytes as are copied into it.
    unsafe {
        let mut buffer = UA_ByteString::default();
        assert_eq!(UA_ByteString_allocBuffer(&raw mut buffer, content.len()), 0);
        ptr::copy_nonoverlapping(content.as_ptr(), buffer.data, content.len());
        buffer
    }
}

/// Sets every security policy up and trusts every client.
unsafe fn secure(config: *mut UA_ServerConfig, port: u16, certificate: &str, key: &str, uri: &str) {
    let (certificate, key) = (file(certificate), file(key));
    // SAFETY: the files live until the call returns; the configuration is the server's own and it does not run yet.
    unsafe {
        let (own, none) = ((&raw const certificate, &raw const key), ptr::null());
        let code =
            UA_ServerConfig_setDefaultWithSecurityPolicies(config, port, own.0, own.1, none, 0, none, 0, none, 0);
        assert_eq!(code, 0, "the security policies");
        UA_CertificateGroup_AcceptAll(&raw mut (*config).secureChannelPKI);
        UA_CertificateGroup_AcceptAll(&raw mut (*config).sessionPKI);
        UA_String_clear(&raw mut (*config).applicationDescription.applicationUri);
        (*config).applicationDescription.applicationUri = UA_String_fromChars(name(uri).as_ptr());
        for at in 0..(*config).endpointsSize {
            let server = &raw mut (*(*config).endpoints.add(at)).server;
            UA_String_clear(&raw mut (*server).applicationUri);
            (*server).applicationUri = UA_String_fromChars(name(uri).as_ptr());
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (numbers, files) = words.split_at_checked(4).expect("PORT TAGS CHANGING CHILDREN");
    let numbers: Vec<usize> = numbers.iter().map(|word| word.parse().expect("numbers")).collect();
    let [port, tags, changing, children] = numbers[..] else { panic!("PORT TAGS CHANGING CHILDREN") };
    // SAFETY: the server is built before it runs, on this thread alone.
    unsafe {
        let server = UA_Server_new();
        let config = UA_Server_getConfig(server);
        match files {
            [certificate, key, uri] => secure(config, port as u16, certificate, key, uri),
            _ => assert_eq!(UA_ServerConfig_setMinimal(config, port as u16, ptr::null()), 0),
        }
        let strings = &raw const UA_TYPES[UA_TYPES_STRING as usize];
        UA_Array_delete((*config).serverUrls.cast::<c_void>(), (*config).serverUrlsSize, strings);
        (*config).serverUrls = UA_Array_new(1, strings).cast::<UA_String>();
        (*config).serverUrlsSize = 1;
        *(*config).serverUrls = UA_String_fromChars(name(&format!("opc.tcp://127.0.0.1:{port}")).as_ptr());
        (*config).maxSessions = 2000;
        (*config).maxSecureChannels = 2000;
        (*config).samplingIntervalLimits = UA_DurationRange { min: 50.0, max: 86_400_000.0 };
        (*config).publishingIntervalLimits = UA_DurationRange { min: 50.0, max: 86_400_000.0 };
        assert_eq!(UA_Server_addNamespace(server, name("urn:tagwire:tags").as_ptr()), 2);
        folder(server, "Ch1", number(85));
        for i in 0..tags {
            let device = format!("Ch1.Dev{}", i / 1000);
            if i % 1000 == 0 {
                folder(server, &device, string_id("Ch1"));
            }
            variable(server, &format!("{device}.Tag{i}"), &device, i < changing);
        }
        folder(server, "Big", number(85));
        folder(server, "Big.Dev", string_id("Big"));
        for i in 0..children {
            variable(server, &format!("Big.Dev.Tag{i}"), "Big.Dev", false);
        }
        println!("ready");
        std::io::stdout().flush().expect("output");
        let code = UA_Server_runUntilInterrupt(server);
        std::process::exit(i32::from(code != 0));
    }
}
