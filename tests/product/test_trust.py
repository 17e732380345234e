"""The trust flow as a new user meets it, rows X02 and X12: refused, one sentence, one command, connected."""

import json

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from harness import certificates
from harness.plant import CONFIG, PASSWORD, USER
from harness.process import wait_until
from harness.product import Tagwire, command

POLICIES = ("basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss")


@pytest.fixture
def server(tmp_path):
    """A server that nobody has trusted a client on."""
    server = Tagwire(tmp_path / "server", CONFIG + '[access]\nusers = "users.toml"\n', security=POLICIES, anonymous="none")
    added = tagwire(server, "user", "add", USER, "--role", "operator", TAGWIRE_PASSWORD=PASSWORD)
    assert added.returncode == 0, added.stdout + added.stderr
    with server:
        wait_until(lambda: "certificate " in server.process.output, 60, "the server has made its certificate")
        yield server


def tagwire(server, *words, **environment):
    return command(*words, "--config", server.file, cwd=server.folder, **environment)


def trust(server, *words):
    done = tagwire(server, "trust", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listed(server):
    return json.loads(trust(server, "list", "--json"))


async def connect(server, identity) -> Client:
    client = Client(server.url, timeout=10)
    client.application_uri = certificates.CLIENT_URI
    await client.set_security(
        SecurityPolicyBasic256Sha256,
        str(identity.certificate_der),
        str(identity.key_pem),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    client.set_user(USER)
    client.set_password(PASSWORD)
    await client.connect()
    return client


async def refused(server, identity) -> bool:
    try:
        client = await connect(server, identity)
    except Exception:  # noqa: BLE001 asyncua raises many kinds when a channel is refused
        return True
    await client.disconnect()
    return False


async def test_an_untrusted_client_is_connected_after_one_command(server, tmp_path):
    identity = certificates.make(tmp_path / "client", name="press hall")
    for _ in range(3):
        assert await refused(server, identity)
    [waiting] = listed(server)["pending"]
    assert waiting["reason"] == "Untrusted" and waiting["count"] >= 3 and waiting["peer"] == "127.0.0.1"
    assert "press hall" in waiting["subject"] and waiting["uri"] == certificates.CLIENT_URI
    advice = f"type: tagwire trust accept {waiting['certificate']}"
    assert advice in waiting["fix"] and advice in trust(server, "list")
    sentence = [line for line in server.process.output.splitlines() if waiting["certificate"] in line]
    assert sentence and advice in sentence[0] and "not trusted" in sentence[0], server.process.output

    trust(server, "accept", waiting["certificate"])
    client = await connect(server, identity)
    assert await client.get_node("i=2258").read_value()
    after = listed(server)
    assert after["pending"] == [] and len(after["trusted"]) == 1
    await client.disconnect()


@pytest.mark.parametrize("decision", ["reject", "block"])
async def test_x12_taken_trust_ends_the_live_session_at_once(server, tmp_path, decision):
    identity = certificates.make(tmp_path / "client")
    other = certificates.make(tmp_path / "other", name="other")
    digits = {}
    for one in (identity, other):
        assert await refused(server, one)
        digits[one.certificate_der] = listed(server)["pending"][0]["certificate"]
        trust(server, "accept", digits[one.certificate_der])
    client, witness = await connect(server, identity), await connect(server, other)
    trust(server, decision, digits[identity.certificate_der])
    with pytest.raises(Exception):  # noqa: B017 the connection is gone, however the client says so
        for _ in range(20):
            await client.get_node("i=2258").read_value()
    assert await witness.get_node("i=2258").read_value(), "another client is left alone"
    await witness.disconnect()
    client.disconnect_socket()
    assert await refused(server, identity)
    after = listed(server)
    names = {state: [entry["certificate"] for entry in after[state]] for state in ("pending", "trusted", "blocked")}
    assert digits[identity.certificate_der] in names["pending" if decision == "reject" else "blocked"]
    assert digits[identity.certificate_der] not in names["trusted"]
    if decision == "block":
        assert names["pending"] == [], "a blocked certificate is not listed again"
    trust(server, "accept", digits[identity.certificate_der])
    client = await connect(server, identity)
    await client.disconnect()


async def test_trust_taken_by_hand_counts_too(server, tmp_path):
    identity = certificates.make(tmp_path / "client")
    dropped = server.folder / "data" / "pki" / "trusted" / "client.pem"
    dropped.write_bytes(identity.certificate_pem.read_bytes())
    client = await connect(server, identity)
    dropped.unlink()
    wait_until(lambda: "not trusted any more" in server.process.output, 10, "the session is closed")
    client.disconnect_socket()


def test_a_wrong_name_of_a_certificate_is_explained(server):
    done = tagwire(server, "trust", "accept", "0123abcd")
    assert done.returncode == 1 and "tagwire trust list" in done.stderr


def test_the_lists_can_be_seen_while_no_server_runs(tmp_path):
    server = Tagwire(tmp_path, CONFIG, security=POLICIES, anonymous="none")
    assert "waiting for a decision: none" in trust(server, "list")
