"""RequestServerStateChange (Part 5, 9.4): an administrator stops the server with notice, and may call it off."""

import datetime
import json

import pytest
from asyncua import ua

from harness.plant import PASSWORD, USER, SecuredServer
from harness.process import SLOW
from harness.product import command, sim_device
from harness.secured import SIGN, SecureSession
from harness.tokens import log_in, user_token
from harness.wire import status

SERVER, STATE_CHANGE = "i=2253", "i=12886"
STATUS, STATE, SECONDS, REASON, RETURN = "i=2256", "i=2259", "i=2992", "i=2993", "i=12885"
RUNNING, SUSPENDED, SHUTDOWN, TEST = 0, 3, 4, 5
CHIEF = "chief"
T = ua.VariantType
BACK = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)


@pytest.fixture
def server(tmp_path):
    server = SecuredServer(tmp_path)
    server.configure(sim_device("value static i32 rw") + '[access]\nusers = "users.toml"\n')
    server.add_user(CHIEF, "configure-admin", PASSWORD)
    return server


def secure(server, user, **how):
    session = SecureSession(server, activate=False, **how)
    session.activate(token=user_token(session, user, PASSWORD))
    return session


def arguments(state, seconds=60, reason="repair", restart=False):
    return (
        ua.Variant(state, T.Int32),
        ua.Variant(BACK, T.DateTime),
        ua.Variant(seconds, T.UInt32),
        ua.Variant(ua.LocalizedText(reason, "en"), T.LocalizedText),
        ua.Variant(restart, T.Boolean),
    )


def change(session, *words, **named):
    return status(session.call_methods((SERVER, STATE_CHANGE, *arguments(*words, **named)))[0].StatusCode)


def test_a_shutdown_is_announced_and_can_be_called_off(server):
    with server, secure(server, CHIEF) as session:
        made = session.subscribe(interval=50.0, keep_alive=2)
        session.monitor(made.SubscriptionId, [session.item(STATE, handle=1, queue=5)])
        assert [value.Value.Value for _, value in session.changes(5 * SLOW, 1)] == [RUNNING]
        assert change(session, SHUTDOWN, 600) == "Good"
        assert [value.Value.Value for _, value in session.changes(5 * SLOW, 1)] == [SHUTDOWN]
        assert session.value(REASON).Text == "repair"
        assert 590 <= session.value(SECONDS) <= 600
        assert session.value(RETURN).replace(tzinfo=datetime.UTC) == BACK
        told = session.value(STATUS)
        assert (told.State, told.ShutdownReason.Text) == (SHUTDOWN, "repair") and told.SecondsTillShutdown > 500
        assert change(session, RUNNING) == "Good"
        assert [value.Value.Value for _, value in session.changes(5 * SLOW, 1)] == [RUNNING]
        assert session.value(SECONDS) == 0 and session.value(REASON).Text is None
        session.close_session()
    assert "shutdown called off" in server.process.output


def test_the_server_ends_in_good_order_when_the_time_has_come(server):
    server.start()
    with secure(server, CHIEF) as session:
        assert change(session, SHUTDOWN, 1) == "Good"
        session.close()
    assert server.process.wait(20 * SLOW) == 0, server.process.output
    shown = command("audit", "show", "--json", "--config", server.file, cwd=server.folder)
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    assert records[-1]["what"] == "server-stopped"
    calls = [call for record in records if record["what"] == "call" for call in record["calls"]]
    assert any(call["method"] == STATE_CHANGE and "repair" in json.dumps(call) for call in calls), calls
    server.process = None


def test_only_who_may_stop_the_server_does_and_only_where_nobody_listens(server):
    with server:
        with log_in(server, CHIEF, PASSWORD) as plain, secure(server, CHIEF, mode=SIGN) as signed:
            assert change(plain, SHUTDOWN) == "BadSecurityModeInsufficient"
            assert change(signed, SHUTDOWN) == "BadSecurityModeInsufficient"
            plain.close_session()
            signed.close_session()
        with secure(server, USER) as operator:
            assert change(operator, SHUTDOWN) == "BadUserAccessDenied"
            assert operator.value(STATE) == RUNNING
            operator.close_session()


def test_states_that_no_client_can_ask_for_are_refused(server):
    with server, secure(server, CHIEF) as session:
        assert change(session, RUNNING) == "Good"
        for state in (SUSPENDED, TEST):
            assert change(session, state) == "BadNotSupported"
        assert change(session, SHUTDOWN, restart=True) == "BadNotSupported"
        assert change(session, SHUTDOWN, reason="x" * 5000) == "BadOutOfRange"
        result = session.call_methods((SERVER, STATE_CHANGE, *arguments(17)))[0]
        assert status(result.StatusCode) == "BadInvalidArgument"
        assert [status(code) for code in result.InputArgumentResults] == ["BadOutOfRange"] + 4 * ["Good"]
        wrong = (ua.Variant(4, T.UInt32), *arguments(SHUTDOWN)[1:])
        result = session.call_methods((SERVER, STATE_CHANGE, *wrong))[0]
        assert [status(code) for code in result.InputArgumentResults] == ["BadTypeMismatch"] + 4 * ["Good"]
        few = session.call_methods((SERVER, STATE_CHANGE, *arguments(SHUTDOWN)[:2]))[0]
        assert status(few.StatusCode) == "BadArgumentsMissing"
        assert session.value(STATE) == RUNNING
        session.close_session()
