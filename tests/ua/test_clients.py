"""Foreign clients with every security policy and user token that they have: refused with a wrong token, then they browse,
write, read and subscribe. The table of `harness.clients` says which cells there are."""

import asyncio
import inspect
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import asyncua.client.client
import opcua
import opcua.client.client
import opcua.crypto.security_policies
import pytest
from asyncua import Client, ua
from asyncua.crypto import security_policies

from harness import certificates
from harness.certificates import Identity
from harness.clients import (
    ANONYMOUS,
    CERTIFICATE,
    CLIENTS,
    ENDPOINTS,
    ISSUED,
    LACKS,
    PAGE,
    RSA,
    TOKENS,
    USER_NAME,
    cells,
    page,
)
from harness.plant import CONFIG, CURVES, PASSWORD, ROLE, USER, SecuredServer
from harness.process import SLOW
from harness.product import command
from harness.provider import Provider

FOLDER, COUNTER = "mem.all", "sig.d.counter"
VARIABLES = {client: f"bulk.d.m{number}" for number, client in enumerate(CLIENTS)}
PATIENCE = 20 * SLOW
"""Seconds until a client must have seen its changes."""


class Refused(Exception):
    """The client could not log in; the text is what it said."""


@dataclass
class Login:
    """What a client shows as its user: a name and a password, a certificate with its key, a token, or nothing."""

    name: str = "-"
    secret: str = "-"
    user: Identity | None = None
    token: str | None = None

    def words(self, key_encoding: str) -> list:
        """The two words that the foreign programs take."""
        if self.user:
            return [f"certificate={self.user.certificate_der}", getattr(self.user, f"key_{key_encoding}")]
        return ["token=", self.token] if self.token else [self.name, self.secret]


class Gate(SecuredServer):
    """A server that admits nobody without a name, one user with a certificate, and those of an identity provider."""

    def __init__(self, folder):
        super().__init__(folder)
        self.anonymous = "none"
        self.provider = Provider()
        rsa = certificates.make(folder / "user", name="anna", uri="urn:people:anna")
        self.users = {RSA: rsa, **self.people}
        self.strangers = {
            key: certificates.make(folder / "stranger", name=f"carl-{key}", uri="urn:people:carl", curve=curve)
            for key, curve in ((RSA, None), *((curve.name, curve) for curve in CURVES))
        }
        trusted = self.folder / "data" / "pki" / "users" / "trusted"
        (trusted / "anna.der").write_bytes(rsa.der)
        digits = ", ".join(f'"{user.fingerprint}"' for user in self.users.values())
        role = f'[[access.role]]\nname = "{ROLE}"\ncertificates = [{digits}]\n'
        self.configure(CONFIG + '[access]\nusers = "users.toml"\n' + role + self.provider.configuration(self.folder))

    def right(self, token, key=RSA) -> Login:
        return {
            USER_NAME: lambda: Login(USER, PASSWORD),
            CERTIFICATE: lambda: Login(user=self.users[key]),
            ISSUED: lambda: Login(token=self.provider.token().decode()),
        }[token]()

    def wrong(self, token, key=RSA) -> Login:
        return {
            ANONYMOUS: Login,
            USER_NAME: lambda: Login(USER, "a wrong password"),
            CERTIFICATE: lambda: Login(user=self.strangers[key]),
            ISSUED: lambda: Login(token=Provider().token().decode()),
        }[token]()


@pytest.fixture(scope="module")
def gates(tmp_path_factory):
    """A server for each client, so that the wrong logins of one do not lock the others out."""
    started = {}

    def gate(client):
        if client not in started:
            started[client] = Gate(tmp_path_factory.mktemp(client)).start()
        return started[client]

    yield gate
    for server in started.values():
        server.__exit__(None, None, None)


class Changes:
    """Collects what a Python client's subscription brings."""

    def __init__(self):
        self.values = []

    def datachange_notification(self, _node, value, _data):
        self.values.append(value)

    def check(self):
        assert self.values == sorted(self.values)


def run_program(words):
    """Runs a foreign program to its end: it did all of its work, or it could not log in."""
    done = subprocess.run([str(word) for word in words], timeout=120, capture_output=True, text=True)
    if done.returncode != 0:
        raise Refused(done.stdout + done.stderr)
    seen = dict(line.split(" ", 1) for line in done.stdout.splitlines() if line.split(" ")[0] in ("children", "value", "changes"))
    assert int(seen["children"]) > 50 and float(seen["value"]) == 42.25 and int(seen["changes"]) >= 5, done.stdout


async def use_open62541(server, identity, endpoint, login, variable):
    program = Path(os.environ["TAGWIRE_PEERS_OPEN62541"]) / "open62541-client"
    own = [identity.certificate_der, identity.key_der]
    run_program([program, server.url, endpoint.word, *own, *login.words("der"), FOLDER, variable, COUNTER])


async def use_async_opcua(server, identity, endpoint, login, variable):
    program = Path(os.environ["TAGWIRE_PEERS_RUST"]) / "tagwire-tests"
    own = [identity.certificate_der, identity.key_pem]
    run_program([program, server.url, endpoint.word, *own, *login.words("pem"), FOLDER, variable, COUNTER])


async def use_node_opcua(server, identity, endpoint, login, variable):
    script = Path(__file__).parents[1] / "peers" / "node" / "client.js"
    own = [identity.certificate_pem, identity.key_pem]
    run_program(["node", script, server.url, endpoint.word, *own, *login.words("pem"), FOLDER, variable, COUNTER])


ASYNCUA_POLICIES = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}


async def use_asyncua(server, identity, endpoint, login, variable):
    client = Client(server.url, timeout=20)
    client.application_uri = certificates.CLIENT_URI
    if endpoint.mode != "None":
        mode = ua.MessageSecurityMode[endpoint.mode]
        own = (str(identity.certificate_der), str(identity.key_pem))
        await client.set_security(ASYNCUA_POLICIES[endpoint.policy], *own, mode=mode)
    if login.user:
        await client.load_client_certificate(str(login.user.certificate_der))
        await client.load_private_key(login.user.key_pem)
    elif login.name != "-":
        client.set_user(login.name)
        client.set_password(login.secret)
    try:
        await client.connect()
    except ua.UaError as refusal:
        raise Refused(str(refusal)) from refusal
    try:
        folder = client.get_node(ua.NodeId(FOLDER, 2))
        assert len(await folder.get_children()) > 50
        node = client.get_node(ua.NodeId(variable, 2))
        await node.write_value(ua.DataValue(ua.Variant(42.25, ua.VariantType.Double)))
        assert await node.read_value() == 42.25
        changes = Changes()
        subscription = await client.create_subscription(100, changes)
        await subscription.subscribe_data_change(client.get_node(ua.NodeId(COUNTER, 2)))
        end = time.monotonic() + PATIENCE
        while len(changes.values) < 5:
            assert time.monotonic() < end, f"only {changes.values} in {PATIENCE} s"
            await asyncio.sleep(0.05)
        changes.check()
        await subscription.delete()
    finally:
        await client.disconnect()


async def use_python_opcua(server, identity, endpoint, login, variable):
    client = opcua.Client(server.url, timeout=20)
    client.application_uri = certificates.CLIENT_URI
    if endpoint.mode != "None":
        client.set_security_string(f"{endpoint.policy},{endpoint.mode},{identity.certificate_der},{identity.key_pem}")
    if login.user:
        client.load_client_certificate(str(login.user.certificate_der))
        client.load_private_key(str(login.user.key_pem))
    elif login.name != "-":
        client.set_user(login.name)
        client.set_password(login.secret)
    try:
        client.connect()
    except opcua.ua.UaError as refusal:
        raise Refused(str(refusal)) from refusal
    try:
        folder = client.get_node(opcua.ua.NodeId(FOLDER, 2))
        assert len(folder.get_children()) > 50
        node = client.get_node(opcua.ua.NodeId(variable, 2))
        node.set_value(opcua.ua.DataValue(opcua.ua.Variant(42.25, opcua.ua.VariantType.Double)))
        assert node.get_value() == 42.25
        changes = Changes()
        subscription = client.create_subscription(100, changes)
        subscription.subscribe_data_change(client.get_node(opcua.ua.NodeId(COUNTER, 2)))
        end = time.monotonic() + PATIENCE
        while len(changes.values) < 5:
            assert time.monotonic() < end, f"only {changes.values} in {PATIENCE} s"
            time.sleep(0.05)
        changes.check()
        subscription.delete()
    finally:
        client.disconnect()


USE = {
    "asyncua": use_asyncua,
    "python-opcua": use_python_opcua,
    "node-opcua": use_node_opcua,
    "open62541": use_open62541,
    "async-opcua": use_async_opcua,
}

NOBODY = ("user token policy", "BadIdentityTokenInvalid", "BadIdentityTokenRejected", "BadSecurityPolicyRejected")
"""What clients say of a server that offers no anonymous token; the last is what async-opcua calls that itself."""
REFUSALS = {
    ANONYMOUS: NOBODY,
    USER_NAME: ("BadIdentityTokenRejected", "BadUserAccessDenied"),
    CERTIFICATE: ("BadIdentityTokenRejected",),
    ISSUED: ("BadIdentityTokenRejected",),
}


@pytest.mark.parametrize(("client", "endpoint", "token"), cells(), ids=lambda part: str(part).replace(" ", "-"))
async def test_a_client_is_refused_with_a_wrong_token_and_works_with_the_right_one(secure_plant, gates, client, endpoint, token):
    gate, use, variable, key = gates(client), USE[client], VARIABLES[client], endpoint.key
    with pytest.raises(Refused) as refusal:
        await use(gate, gate.identities[key], endpoint, gate.wrong(token, key), variable)
    said = str(refusal.value)
    assert any(name.lower() in said.lower() for name in REFUSALS[token]), said
    if token == ANONYMOUS:
        await use(secure_plant, secure_plant.identities[key], endpoint, Login(), variable)
    else:
        await use(gate, gate.identities[key], endpoint, gate.right(token, key), variable)


PYTHON_POLICIES = {"asyncua": security_policies, "python-opcua": opcua.crypto.security_policies}
NO_POLICY = "(?i)policy|policies|only RSA|cannot find matching endpoint"
"""What clients say of a policy that they do not know, or of the keys that it needs."""


def policies_of(module) -> set[str]:
    """The names of the policies that a Python client has classes for."""
    return {str(kind.URI).rpartition("#")[2] for kind in vars(module).values() if hasattr(kind, "URI")}


@pytest.mark.parametrize("lack", LACKS, ids=lambda lack: f"{lack.client}-{lack.what}".replace(" ", "-"))
async def test_what_a_client_lacks_is_its_own_lack(gates, lack):
    """Each gap of the table is shown by the client itself, so that it is noticed when a later version fills it."""
    python = {"asyncua": asyncua.client.client, "python-opcua": opcua.client.client}.get(lack.client)
    if lack.token == ISSUED and python:
        source = inspect.getsource(python)
        assert "X509IdentityToken" in source and "IssuedIdentityToken" not in source
    elif lack.client in PYTHON_POLICIES:
        known = policies_of(PYTHON_POLICIES[lack.client])
        assert "Basic256Sha256" in known and not any(lack.has_policy(policy) for policy in known)
    else:
        said = {ISSUED: "Invalid userIdentityInfo", CERTIFICATE: "BadUserSignatureInvalid"}.get(lack.token, NO_POLICY)
        endpoint = next(endpoint for endpoint in ENDPOINTS if lack.has_policy(endpoint.policy))
        gate, variable, key = gates(lack.client), VARIABLES[lack.client], endpoint.key
        with pytest.raises(Refused, match=said):
            await USE[lack.client](gate, gate.identities[key], endpoint, gate.right(lack.token or USER_NAME, key), variable)


def test_every_client_has_a_cell_for_every_token_or_a_reason():
    assert {client for client, _, _ in cells()} == set(CLIENTS) == set(USE)
    tried = set(cells())
    for client in CLIENTS:
        for token in TOKENS:
            lacks = [lack for lack in LACKS if lack.client == client and lack.token == token and not lack.policy]
            assert lacks or any(cell[0] == client and cell[2] == token for cell in tried), (client, token)


def test_the_committed_page_of_clients_is_the_generated_one():
    assert PAGE.read_text() == page(), f"write {PAGE.name} again: python -m harness.clients FILE"


@pytest.mark.parametrize("policy", ("basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss", "auto"))
def test_the_command_line_speaks_every_policy(secure_plant, tmp_path, policy):
    """The command makes its certificate at its first try; the second comes after the server was told to trust it."""
    server = secure_plant
    home = {"XDG_DATA_HOME": str(tmp_path), "TAGWIRE_PASSWORD": PASSWORD}
    line = ("read", server.url, COUNTER, "--user", USER, "--security", policy, "--trust", "--timeout", "20s")
    command(*line, timeout=120, **home)
    own = tmp_path / "tagwire" / "client" / "pki" / "own" / "cert.der"
    assert own.exists(), list((tmp_path / "tagwire" / "client").rglob("*"))
    (server.folder / "data" / "pki" / "trusted" / f"command-{policy}.der").write_bytes(own.read_bytes())
    done = command(*line, timeout=120, **home)
    assert done.returncode == 0, done.stdout + done.stderr
