"""Foreign clients browse, read, write and subscribe, with and without security, anonymous and as a user."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

import opcua
import pytest
from asyncua import Client, ua
from asyncua.crypto import security_policies

from harness import certificates
from harness.plant import PASSWORD, USER
from harness.product import command

NEWER = ("encrypt:Aes128_Sha256_RsaOaep", "encrypt:Aes256_Sha256_RsaPss", "sign:Aes256_Sha256_RsaPss")
BASIC_MODES = ("none", "sign", "encrypt")
MODES = BASIC_MODES + NEWER
"""Mode and policy; without a policy it is Basic256Sha256."""
USERS = ("anonymous", "user")
FOLDER, COUNTER = "mem.all", "sig.d.counter"
VARIABLES = {"asyncua": "bulk.d.m0", "python-opcua": "bulk.d.m1", "open62541": "bulk.d.m2", "node": "bulk.d.m3", "rust": "bulk.d.m4"}


@pytest.fixture
def secured(secure_plant):
    return secure_plant, secure_plant.identity


def words(server, identity, mode, user, key, variable):
    """The command line that the foreign programs share."""
    who = [USER, PASSWORD] if user == "user" else ["-", "-"]
    return [server.url, mode, identity.certificate_der, key, *who, FOLDER, variable, COUNTER]


def run_client(command_line, **environment):
    done = subprocess.run(
        [str(word) for word in command_line],
        env={**os.environ, **environment},
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.split(" ")[0] in ("children", "value", "changes"))
    assert int(seen["children"]) > 50 and float(seen["value"]) == 42.25 and int(seen["changes"]) >= 5, done.stdout


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", MODES)
def test_open62541(secured, mode, user):
    server, identity = secured
    program = Path(os.environ["TAGWIRE_PEERS_OPEN62541"]) / "open62541-client"
    run_client([program, *words(server, identity, mode, user, identity.key_der, VARIABLES["open62541"])])


CURVES = {"ECC_nistP256_AesGcm": "secp256r1", "ECC_nistP256": "secp256r1", "ECC_nistP384": "secp384r1"}
"""The policies over curves that open62541 has, which P-384 with AES-GCM is not among."""


@pytest.mark.parametrize("user", (*USERS, "certificate"))
@pytest.mark.parametrize("mode", ("sign", "encrypt"))
@pytest.mark.parametrize("policy", CURVES)
def test_open62541_over_curves(secure_plant, policy, mode, user):
    server, identity = secure_plant, secure_plant.identities[CURVES[policy]]
    program = Path(os.environ["TAGWIRE_PEERS_OPEN62541"]) / "open62541-client"
    line = words(server, identity, f"{mode}:{policy}", user, identity.key_der, VARIABLES["open62541"])
    if user == "certificate":
        person = server.people[CURVES[policy]]
        line[4], line[5] = f"x509:{person.certificate_der}", person.key_der
    run_client([program, *line])


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", MODES)
def test_async_opcua(secured, mode, user):
    server, identity = secured
    program = Path(os.environ["TAGWIRE_PEERS_RUST"]) / "tagwire-tests"
    run_client([program, *words(server, identity, mode, user, identity.key_pem, VARIABLES["rust"])])


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", MODES)
def test_node_opcua(secured, mode, user):
    server, identity = secured
    script = Path(__file__).parents[1] / "peers" / "node" / "client.js"
    line = words(server, identity, mode, user, identity.key_pem, VARIABLES["node"])
    line[2] = identity.certificate_pem
    run_client(["node", script, *line])


POLICY_CLASSES = {
    "": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}


class Changes:
    """Collects what a Python client's subscription brings."""

    def __init__(self):
        self.values = []

    def datachange_notification(self, _node, value, _data):
        self.values.append(value)


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", MODES)
async def test_asyncua(secured, mode, user):
    server, identity = secured
    client = Client(server.url, timeout=20)
    client.application_uri = certificates.CLIENT_URI
    if mode != "none":
        word, _, policy = mode.partition(":")
        wanted = ua.MessageSecurityMode.Sign if word == "sign" else ua.MessageSecurityMode.SignAndEncrypt
        await client.set_security(
            POLICY_CLASSES[policy], str(identity.certificate_der), str(identity.key_pem), mode=wanted
        )
    if user == "user":
        client.set_user(USER)
        client.set_password(PASSWORD)
    async with client:
        folder = client.get_node(ua.NodeId(FOLDER, 2))
        assert len(await folder.get_children()) > 50
        variable = client.get_node(ua.NodeId(VARIABLES["asyncua"], 2))
        await variable.write_value(ua.DataValue(ua.Variant(42.25, ua.VariantType.Double)))
        assert await variable.read_value() == 42.25
        changes = Changes()
        subscription = await client.create_subscription(100, changes)
        await subscription.subscribe_data_change(client.get_node(ua.NodeId(COUNTER, 2)))
        end = time.monotonic() + 20
        while len(changes.values) < 5:
            assert time.monotonic() < end, f"only {changes.values} in 20 s"
            await asyncio.sleep(0.05)
        assert changes.values == sorted(changes.values)
        await subscription.delete()


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("mode", BASIC_MODES)
def test_python_opcua(secured, mode, user):
    server, identity = secured
    client = opcua.Client(server.url, timeout=20)
    client.application_uri = certificates.CLIENT_URI
    if mode != "none":
        word = "Sign" if mode == "sign" else "SignAndEncrypt"
        client.set_security_string(f"Basic256Sha256,{word},{identity.certificate_der},{identity.key_pem}")
    if user == "user":
        client.set_user(USER)
        client.set_password(PASSWORD)
    client.connect()
    try:
        folder = client.get_node(opcua.ua.NodeId(FOLDER, 2))
        assert len(folder.get_children()) > 50
        variable = client.get_node(opcua.ua.NodeId(VARIABLES["python-opcua"], 2))
        variable.set_value(opcua.ua.DataValue(opcua.ua.Variant(42.25, opcua.ua.VariantType.Double)))
        assert variable.get_value() == 42.25
        changes = Changes()
        subscription = client.create_subscription(100, changes)
        subscription.subscribe_data_change(client.get_node(opcua.ua.NodeId(COUNTER, 2)))
        end = time.monotonic() + 20
        while len(changes.values) < 5:
            assert time.monotonic() < end, f"only {changes.values} in 20 s"
            time.sleep(0.05)
        subscription.delete()
    finally:
        client.disconnect()


@pytest.mark.parametrize("policy", ("basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss", "auto"))
def test_the_command_line_speaks_every_policy(secured, tmp_path, policy):
    """The command makes its certificate at its first try; the second comes after the server was told to trust it."""
    server, _ = secured
    home = {"XDG_DATA_HOME": str(tmp_path), "TAGWIRE_PASSWORD": PASSWORD}
    line = ("read", server.url, COUNTER, "--user", USER, "--security", policy, "--trust", "--timeout", "20s")
    command(*line, timeout=120, **home)
    own = tmp_path / "tagwire" / "client" / "pki" / "own" / "cert.der"
    assert own.exists(), list((tmp_path / "tagwire" / "client").rglob("*"))
    (server.folder / "data" / "pki" / "trusted" / f"command-{policy}.der").write_bytes(own.read_bytes())
    done = command(*line, timeout=120, **home)
    assert done.returncode == 0, done.stdout + done.stderr
