//! A foreign client for the tests: `open62541-client URL MODE CERTIFICATE KEY USER PASSWORD FOLDER VARIABLE COUNTER`.
//!
//! MODE is `none`, `sign` or `encrypt`, the latter two with `:POLICY` for another one than Basic256Sha256; unused words
//! are `-`. USER is a name, or `certificate=FILE` with a key file for PASSWORD, or `token=` with a token for PASSWORD.
//! Browses FOLDER, writes and reads VARIABLE (a Double), and waits for five changes of COUNTER. Prints what it saw and
//! ends with 0 when all of it worked.

use std::ffi::{CStr, CString, c_void};
use std::ptr;
use std::time::{Duration, Instant};

use open62541_sys::*;

type Outcome<T> = Result<T, String>;

fn check(what: &str, code: UA_StatusCode) -> Outcome<()> {
    if code == 0 {
        return Ok(());
    }
    // SAFETY: the library returns a static string for every code.
    let name = unsafe { CStr::from_ptr(UA_StatusCode_name(code)) };
    Err(format!("{what}: {}", name.to_string_lossy()))
}

fn text(value: &str) -> CString {
    CString::new(value).expect("arguments have no NUL")
}

fn ua_string(value: &str) -> UA_String {
    // SAFETY: copies the text into memory of the library.
    unsafe { UA_String_fromChars(text(value).as_ptr()) }
}

/// A NodeId in namespace 2; the library owns the copy, which lives as long as the process.
fn node(id: &str) -> UA_NodeId {
    // SAFETY: copies the text into memory of the library.
    unsafe { UA_NODEID_STRING_ALLOC(2, text(id).as_ptr()) }
}

fn bytes_of(file: &str) -> Outcome<UA_ByteString> {
    let content = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
    // SAFETY: the buffer has exactly as many bytes as are copied into it.
    unsafe {
        let mut buffer = UA_ByteString::default();
        check("memory", UA_ByteString_allocBuffer(&raw mut buffer, content.len()))?;
        ptr::copy_nonoverlapping(content.as_ptr(), buffer.data, content.len());
        Ok(buffer)
    }
}

/// Adds a policy that the library has but does not offer by itself; the arrays have room for more than they hold.
unsafe fn add_policy(
    (policies, count): (*mut UA_SecurityPolicy, &mut usize),
    policy: &str,
    (certificate, key): (&str, &str),
    logging: *const UA_Logger,
) -> Outcome<()> {
    let client = UA_ApplicationType::UA_APPLICATIONTYPE_CLIENT;
    let (certificate, key) = (bytes_of(certificate)?, bytes_of(key)?);
    // SAFETY: the library allocates room for every policy that it knows.
    unsafe {
        let place = policies.add(*count);
        let made = match policy {
            "ECC_nistP256" => UA_SecurityPolicy_EccNistP256(place, client, certificate, key, logging),
            "ECC_nistP384" => UA_SecurityPolicy_EccNistP384(place, client, certificate, key, logging),
            _ => return Ok(()),
        };
        check(policy, made)?;
    }
    *count += 1;
    Ok(())
}

fn connect(words: &[String]) -> Outcome<*mut UA_Client> {
    let [url, mode, certificate, key, user, password, ..] = words else { return Err("too few arguments".to_owned()) };
    let (mode, policy) = mode.split_once(':').unwrap_or((mode, "Basic256Sha256"));
    // SAFETY: the configuration is the client's own and is only changed before it connects.
    unsafe {
        let client = UA_Client_new();
        let config = UA_Client_getConfig(client);
        if mode == "none" && user == "-" {
            check("defaults", UA_ClientConfig_setDefault(config))?;
            (*config).securityMode = UA_MessageSecurityMode::UA_MESSAGESECURITYMODE_NONE;
        } else {
            let (own, secret) = (bytes_of(certificate)?, bytes_of(key)?);
            let set = UA_ClientConfig_setDefaultEncryption(config, own, secret, ptr::null(), 0, ptr::null(), 0);
            check("certificate", set)?;
            let channel = ((*config).securityPolicies, &mut (*config).securityPoliciesSize);
            add_policy(channel, policy, (certificate, key), (*config).logging)?;
            UA_CertificateGroup_AcceptAll(&raw mut (*config).certificateVerification);
            UA_String_clear(&raw mut (*config).clientDescription.applicationUri);
            (*config).clientDescription.applicationUri = ua_string("urn:tagwire:tests:client");
            (*config).securityMode = match mode {
                "none" => UA_MessageSecurityMode::UA_MESSAGESECURITYMODE_NONE,
                "sign" => UA_MessageSecurityMode::UA_MESSAGESECURITYMODE_SIGN,
                "encrypt" => UA_MessageSecurityMode::UA_MESSAGESECURITYMODE_SIGNANDENCRYPT,
                other => return Err(format!("no such mode: {other}")),
            };
            let policy = if mode == "none" { "None" } else { policy };
            (*config).securityPolicyUri = ua_string(&format!("http://opcfoundation.org/UA/SecurityPolicy#{policy}"));
        }
        log_in_as(config, policy, user, password)?;
        check("connect", UA_Client_connect(client, text(url).as_ptr()))?;
        Ok(client)
    }
}

/// Chooses the user token that the session is activated with.
unsafe fn log_in_as(config: *mut UA_ClientConfig, policy: &str, user: &str, password: &str) -> Outcome<()> {
    // SAFETY: the configuration is the client's own; it takes the token over, which the library made.
    unsafe {
        match user.split_once('=') {
            None if user == "-" => Ok(()),
            None => {
                let (user, password) = (text(user), text(password));
                check("user", UA_ClientConfig_setAuthenticationUsername(config, user.as_ptr(), password.as_ptr()))
            }
            Some(("certificate", file)) => {
                check("user", UA_ClientConfig_setAuthenticationCert(config, bytes_of(file)?, bytes_of(password)?))?;
                let auth = ((*config).authSecurityPolicies, &mut (*config).authSecurityPoliciesSize);
                add_policy(auth, policy, (file, password), (*config).logging)
            }
            Some(_) => {
                let kind = &raw const UA_TYPES[UA_TYPES_ISSUEDIDENTITYTOKEN as usize];
                let token = UA_new(kind).cast::<UA_IssuedIdentityToken>();
                (*token).tokenData = ua_string(password);
                UA_ExtensionObject_setValue(&raw mut (*config).userIdentityToken, token.cast::<c_void>(), kind);
                Ok(())
            }
        }
    }
}

fn browse(client: *mut UA_Client, folder: &str) -> Outcome<usize> {
    // SAFETY: the request lives until the call returns; the result is read before the process ends.
    unsafe {
        let mut wanted = UA_BrowseDescription::default();
        wanted.nodeId = node(folder);
        wanted.browseDirection = UA_BrowseDirection::UA_BROWSEDIRECTION_FORWARD;
        wanted.includeSubtypes = true;
        wanted.referenceTypeId = UA_NODEID_NUMERIC(0, 33);
        wanted.resultMask = 63;
        let result = UA_Client_browse(client, ptr::null(), 0, &raw const wanted);
        check("browse", result.statusCode)?;
        Ok(result.referencesSize)
    }
}

fn write_and_read(client: *mut UA_Client, variable: &str) -> Outcome<f64> {
    let sent = 42.25_f64;
    // SAFETY: the variants point at memory that lives until the calls return; the answer's type is checked first.
    unsafe {
        let double = &raw const UA_TYPES[UA_TYPES_DOUBLE as usize];
        let mut value = UA_Variant::default();
        check("copy", UA_Variant_setScalarCopy(&raw mut value, (&raw const sent).cast::<c_void>(), double))?;
        check("write", UA_Client_writeValueAttribute(client, node(variable), &raw const value))?;
        let mut answer = UA_Variant::default();
        check("read", UA_Client_readValueAttribute(client, node(variable), &raw mut answer))?;
        if answer.type_ != double || answer.data.is_null() {
            return Err("read: not a Double".to_owned());
        }
        let received = *answer.data.cast::<f64>();
        if received == sent { Ok(received) } else { Err(format!("read {received}, wrote {sent}")) }
    }
}

unsafe extern "C" fn on_change(
    _client: *mut UA_Client,
    _subscription: UA_UInt32,
    _context: *mut c_void,
    _item: UA_UInt32,
    item_context: *mut c_void,
    _value: *mut UA_DataValue,
) {
    // SAFETY: the context is the counter that `subscribe` keeps alive while it iterates.
    unsafe { *item_context.cast::<usize>() += 1 }
}

fn subscribe(client: *mut UA_Client, counter: &str) -> Outcome<usize> {
    let mut seen = 0_usize;
    // SAFETY: `seen` outlives the loop in which the library calls back, on this thread.
    unsafe {
        let mut request = UA_CreateSubscriptionRequest_default();
        request.requestedPublishingInterval = 100.0;
        let created = UA_Client_Subscriptions_create(client, request, ptr::null_mut(), None, None);
        check("create subscription", created.responseHeader.serviceResult)?;
        let mut item = UA_MonitoredItemCreateRequest_default(node(counter));
        item.requestedParameters.samplingInterval = 50.0;
        let context = (&raw mut seen).cast::<c_void>();
        let both = UA_TimestampsToReturn::UA_TIMESTAMPSTORETURN_BOTH;
        let id = created.subscriptionId;
        let made = UA_Client_MonitoredItems_createDataChange(client, id, both, item, context, Some(on_change), None);
        check("create item", made.statusCode)?;
        let end = Instant::now() + Duration::from_secs(20);
        while ptr::read_volatile(&raw const seen) < 5 && Instant::now() < end {
            check("iterate", UA_Client_run_iterate(client, 50))?;
        }
    }
    if seen < 5 { Err(format!("only {seen} changes in 20 s")) } else { Ok(seen) }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = connect(&words).and_then(|client| {
        let [.., folder, variable, counter] = words.as_slice() else { return Err("too few arguments".to_owned()) };
        println!("children {}", browse(client, folder)?);
        println!("value {}", write_and_read(client, variable)?);
        println!("changes {}", subscribe(client, counter)?);
        // SAFETY: the client is not used afterwards.
        unsafe { check("disconnect", UA_Client_disconnect(client)) }
    });
    if let Err(problem) = outcome {
        eprintln!("{problem}");
        std::process::exit(1);
    }
}
