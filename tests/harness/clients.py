"""Which foreign client speaks which policy with which user token: one table, which the tests try cell by cell.

`python -m harness.clients FILE`, run in the folder of the tests, writes the page; without a file it is printed.
"""

import json
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import product
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "clients.md"


@dataclass(frozen=True)
class Endpoint:
    """A security policy and a mode of it."""

    policy: str
    mode: str

    @property
    def word(self) -> str:
        """How the foreign programs are told: `none`, `sign:POLICY` or `encrypt:POLICY`."""
        kind = {"None": "none", "Sign": "sign", "SignAndEncrypt": "encrypt"}[self.mode]
        return kind if kind == "none" else f"{kind}:{self.policy}"

    def __str__(self):
        return self.policy if self.mode == "None" else f"{self.policy}-{self.mode}"


    @property
    def key(self) -> str:
        """What kind of key both sides have: RSA, or the name of a curve."""
        return CURVE_POLICIES.get(self.policy, RSA)


RSA = "rsa"
CURVE_POLICIES = {
    "ECC_nistP256_AesGcm": "secp256r1",
    "ECC_nistP384_AesGcm": "secp384r1",
    "ECC_nistP256": "secp256r1",
    "ECC_nistP384": "secp384r1",
}
RSA_POLICIES = ("Basic256Sha256", "Aes128_Sha256_RsaOaep", "Aes256_Sha256_RsaPss")
SECURED = product((*RSA_POLICIES, *CURVE_POLICIES), ("Sign", "SignAndEncrypt"))
ENDPOINTS = [Endpoint("None", "None"), *(Endpoint(*pair) for pair in SECURED)]
ANONYMOUS, USER_NAME, CERTIFICATE, ISSUED = TOKENS = ("anonymous", "user name", "certificate", "issued token")
CLIENTS = ("asyncua", "python-opcua", "node-opcua", "open62541", "async-opcua")


@dataclass(frozen=True)
class Lack:
    """What a client cannot do, with a policy, with a token, or with both together; a test has the client itself say so."""

    client: str
    reason: str
    policy: str | None = None
    token: str | None = None

    def has_policy(self, policy: str) -> bool:
        """Whether it concerns a policy; a star stands for the rest of the names."""
        return self.policy is None or fnmatch(policy, self.policy)

    def covers(self, client: str, endpoint: Endpoint, token: str) -> bool:
        return client == self.client and self.has_policy(endpoint.policy) and self.token in (None, token)

    @property
    def what(self) -> str:
        return " with a ".join(filter(None, (self.policy, self.token)))


_THREE_TOKENS = "its client builds anonymous, user name and X509 tokens only"
_OLD = "its newest policy is Basic256Sha256"
_NO_CURVES = "it knows policies with RSA keys only"
LACKS = [
    *(Lack(client, _NO_CURVES, policy="ECC_*") for client in ("asyncua", "python-opcua", "node-opcua", "async-opcua")),
    Lack("open62541", "its library has no policy of that name", policy="ECC_nistP384_AesGcm"),
    Lack("asyncua", _THREE_TOKENS, token=ISSUED),
    Lack("python-opcua", _OLD, policy="Aes128_Sha256_RsaOaep"),
    Lack("python-opcua", _OLD, policy="Aes256_Sha256_RsaPss"),
    Lack("python-opcua", _THREE_TOKENS, token=ISSUED),
    Lack("node-opcua", "it refuses the identity before it sends anything: `Invalid userIdentityInfo`", token=ISSUED),
    Lack(
        "open62541",
        "it signs the certificate that the channel has of the server, and an unsecured one has none (Part 4, 7.41, wants that of the session)",
        policy="None",
        token=CERTIFICATE,
    ),
]


def lack_of(client: str, endpoint: Endpoint, token: str) -> Lack | None:
    """Why there is no such connection; `None` when there is."""
    return next((lack for lack in LACKS if lack.covers(client, endpoint, token)), None)


def cells() -> list[tuple[str, Endpoint, str]]:
    """Every client, endpoint and token that go together."""
    everything = product(CLIENTS, ENDPOINTS, TOKENS)
    return [cell for cell in everything if lack_of(*cell) is None]


def versions() -> dict[str, str]:
    """The exact version of each client, from the lists that it is installed by."""
    python = dict(line.split("==") for line in (TESTS / "requirements.txt").read_text().splitlines())
    node = json.loads((TESTS / "peers" / "node" / "package.json").read_text())["dependencies"]
    locked = (TESTS.parent / "Cargo.lock").read_text()
    binding = (TESTS / "peers" / "open62541" / "Cargo.lock").read_text()
    entry = r'name = "{}"\nversion = "([^"]+)"'
    return {
        "asyncua": python["asyncua"],
        "python-opcua": python["opcua"],
        "node-opcua": node["node-opcua"],
        "open62541": "of open62541-sys " + re.search(entry.format("open62541-sys"), binding)[1],
        "async-opcua": re.search(entry.format("async-opcua-client"), locked)[1],
    }


def page() -> str:
    """The table of all cells, with a note for each that is not there."""
    lines = [
        "# Clients",
        "",
        "<!-- Generated from the tests; see tests/harness/clients.py. -->",
        "",
        "Foreign clients against the real binary, with every security policy and every user token that they have.",
        "In each cell that says yes, the client is refused with a wrong token, and with the right one it browses, writes, reads and subscribes; `ua/test_clients.py` tries them all.",
        "For an anonymous client, wrong means a server that admits nobody without a name.",
        "A number names the note that says what the client itself cannot do.",
        "",
        "| client | policy | mode | " + " | ".join(TOKENS) + " |",
        "|---|---|---|" + "---|" * len(TOKENS),
    ]
    version = versions()
    for client, endpoint in product(CLIENTS, ENDPOINTS):
        lacks = [lack_of(client, endpoint, token) for token in TOKENS]
        shown = ["yes" if lack is None else f"no ({LACKS.index(lack) + 1})" for lack in lacks]
        mode = "" if endpoint.mode == "None" else endpoint.mode
        lines.append(f"| {client} {version[client]} | {endpoint.policy} | {mode} | " + " | ".join(shown) + " |")
    lines += ["", "| note | client | what it lacks | why |", "|---|---|---|---|"]
    lines += [f"| {n} | {lack.client} | {lack.what} | {lack.reason} |" for n, lack in enumerate(LACKS, 1)]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    if arguments:
        Path(arguments[0]).write_text(page())
    else:
        print(page(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
