//! The method RequestServerStateChange (Part 5, 9.4): a shutdown with notice, and back before its time has come.

use tagwire_access::{ChannelSecurity, Operation, Target, authorise};
use tagwire_model::{Status, Timestamp};
use tagwire_ua_proto::ids::node;
use tagwire_ua_proto::services::{CallMethodRequest, CallMethodResult, ServerState};
use tagwire_ua_proto::status;
use tagwire_ua_proto::types::{LocalizedText, Variant};

use super::Context;
use crate::event::{NewEvent, Source};
use crate::limits;
use crate::rights::denied_status;
use crate::shutdown::Planned;

const SEVERITY: u16 = 700;

/// What a client asks for.
struct Asked {
    state: ServerState,
    returns: Timestamp,
    seconds: u32,
    reason: LocalizedText,
    restart: bool,
}

/// Takes the state, the expected return, seconds until the shutdown, its reason, and whether to start anew.
pub(super) fn request(context: &Context<'_>, call: &CallMethodRequest) -> CallMethodResult {
    let failed = |status_code| CallMethodResult { status_code, ..Default::default() };
    if let Err(status) = check_rights(context) {
        return failed(status);
    }
    let asked = match &call.input_arguments[..] {
        [state, returns, seconds, reason, restart] => {
            arguments(state, returns, seconds, reason, restart).map_err(|results| CallMethodResult {
                status_code: status::BAD_INVALID_ARGUMENT,
                input_argument_results: results,
                ..Default::default()
            })
        }
        few if few.len() < 5 => Err(failed(status::BAD_ARGUMENTS_MISSING)),
        _ => Err(failed(status::BAD_TOO_MANY_ARGUMENTS)),
    };
    match asked.map(|asked| carry_out(context, asked)) {
        Ok(Ok(())) => CallMethodResult { input_argument_results: vec![Status::GOOD; 5], ..Default::default() },
        Ok(Err(status)) => failed(status),
        Err(result) => result,
    }
}

/// Whoever may stop the server, and over a channel on which nobody else can listen.
fn check_rights(context: &Context<'_>) -> Result<(), Status> {
    let principal = context.principal()?;
    authorise(principal, Operation::Control, Target::Server).map_err(|denied| denied_status(&denied))?;
    match principal.origin().security {
        ChannelSecurity::Encrypted => Ok(()),
        _ => Err(status::BAD_SECURITY_MODE_INSUFFICIENT),
    }
}

fn arguments(
    state: &Variant,
    returns: &Variant,
    seconds: &Variant,
    reason: &Variant,
    restart: &Variant,
) -> Result<Asked, Vec<Status>> {
    let known = |state: &i32| (ServerState::RUNNING.0..=ServerState::UNKNOWN.0).contains(state);
    let result = |is_right| if is_right { Status::GOOD } else { Status::BAD_TYPE_MISMATCH };
    match (state, returns, seconds, reason, restart) {
        (
            Variant::Int32(state),
            Variant::DateTime(returns),
            Variant::UInt32(seconds),
            Variant::LocalizedText(reason),
            Variant::Boolean(restart),
        ) if known(state) => Ok(Asked {
            state: ServerState(*state),
            returns: *returns,
            seconds: *seconds,
            reason: LocalizedText::clone(reason),
            restart: *restart,
        }),
        _ => Err(vec![
            match state {
                Variant::Int32(state) if !known(state) => Status::BAD_OUT_OF_RANGE,
                state => result(matches!(state, Variant::Int32(_))),
            },
            result(matches!(returns, Variant::DateTime(_))),
            result(matches!(seconds, Variant::UInt32(_))),
            result(matches!(reason, Variant::LocalizedText(_))),
            result(matches!(restart, Variant::Boolean(_))),
        ]),
    }
}

fn carry_out(context: &Context<'_>, asked: Asked) -> Result<(), Status> {
    let server = context.server;
    let user = context.principal()?.identity();
    match asked.state {
        // Whoever started this process can start it again, and it cannot do so itself.
        _ if asked.restart => Err(status::BAD_NOT_SUPPORTED),
        ServerState::SHUTDOWN if server.is_shutting_down() => Err(status::BAD_INVALID_STATE),
        ServerState::SHUTDOWN => {
            let mut reason = asked.reason;
            if reason.text.as_str().len() > limits::MAX_EVENT_MESSAGE_BYTES {
                return Err(Status::BAD_OUT_OF_RANGE);
            }
            if reason.text.is_null() {
                reason = LocalizedText::with_locale("en", "an administrator stops the server");
            }
            tracing::warn!(%user, seconds = asked.seconds, %reason, "shutdown asked for");
            let message = format!("the server stops in {} s: {reason}", asked.seconds);
            let at = context.now + u64::from(asked.seconds) * 1_000;
            server.shutdown.plan(Planned { at, reason, returns: asked.returns });
            tell(context, message, ServerState::SHUTDOWN);
            Ok(())
        }
        ServerState::RUNNING if server.is_shutting_down() => Err(status::BAD_INVALID_STATE),
        ServerState::RUNNING => {
            if server.shutdown.call_off() {
                tracing::warn!(%user, "shutdown called off");
                tell(context, "the shutdown was called off".to_owned(), ServerState::RUNNING);
            }
            Ok(())
        }
        _ => Err(status::BAD_NOT_SUPPORTED),
    }
}

fn tell(context: &Context<'_>, message: String, state: ServerState) {
    let event = NewEvent::new(node::SYSTEM_STATUS_CHANGE_EVENT_TYPE, Source::server(), SEVERITY, message);
    context.server.events().emit(event.with("SystemState", state));
}
