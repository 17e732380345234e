"""What becomes of a user's sessions when the user is changed."""

import asyncio

import pytest
from asyncua import Client, ua

from harness.plant import PASSWORD as USER_PASSWORD
from harness.plant import READER, READER_PASSWORD, USER, SecuredServer
from harness.process import SLOW
from harness.product import Tagwire, command, sim_device
from harness.tokens import log_in
from harness.wire import Closed, Fault

PASSWORD = "only looking 99"


async def connect(server) -> Client:
    """A session of anna, as soon as the server has made its key."""
    for _ in range(200 * SLOW):
        client = Client(server.url, timeout=10)
        client.set_user("anna")
        client.set_password(PASSWORD)
        try:
            await client.connect()
            return client
        except (ua.UaError, OSError, AssertionError, AttributeError):
            await asyncio.sleep(0.1)
    raise AssertionError("anna cannot log in")


@pytest.mark.parametrize("change", ["removed", "another password"])
async def test_a_changed_user_loses_the_live_session(tmp_path, change):
    with Tagwire(tmp_path, sim_device("note static i32 rw"), anonymous="none") as server:
        words = ("user", "add", "anna", "--role", "operator", "--config", server.file)
        done = command(*words, TAGWIRE_PASSWORD=PASSWORD)
        assert done.returncode == 0, done.stderr
        client = await connect(server)
        node = client.get_node("ns=2;s=mem.all.note")
        await node.write_value(ua.DataValue(ua.Variant(1, ua.VariantType.Int32)))
        if change == "removed":
            done = command("user", "remove", "anna", "--config", server.file)
        else:
            done = command(*words, TAGWIRE_PASSWORD="something else 7")
        assert done.returncode == 0, done.stderr
        with pytest.raises((ua.UaError, ConnectionError, asyncio.TimeoutError)):
            await node.write_value(ua.DataValue(ua.Variant(2, ua.VariantType.Int32)))
        try:
            await client.disconnect()
        except (ua.UaError, ConnectionError, asyncio.TimeoutError):
            pass


def test_a_user_who_is_taken_out_of_the_file_by_hand_is_gone_after_a_reload(tmp_path):
    with SecuredServer(tmp_path) as server, log_in(server, USER, USER_PASSWORD) as session:
        path = server.folder / "users.toml"
        text = path.read_text()
        path.write_text(text.replace("version = 1", "version = 7"))
        refused = command("reload", "--config", server.file, cwd=server.folder)
        assert refused.returncode != 0 and "version 7 is not known" in refused.stderr + refused.stdout
        assert session.read_status("i=2256") == "Good"
        kept = [part for part in text.split("\n[[user]]") if f'name = "{USER}"' not in part]
        path.write_text("\n[[user]]".join(kept))
        server.reload()
        with pytest.raises((Fault, Closed)):
            session.read_status("i=2256")
        with pytest.raises(Fault):
            log_in(server, USER, USER_PASSWORD)
        with log_in(server, READER, READER_PASSWORD) as other:
            other.close_session()
