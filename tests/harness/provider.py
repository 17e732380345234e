"""An identity provider whose tokens are made here, by Python's cryptography."""

import base64
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

URL, AUDIENCE = "https://login.plant/realms/hall", "tagwire"


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int, length: int) -> str:
    return text(value.to_bytes(length, "big"))


class Provider:
    """An identity provider with one RSA and one elliptic key."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())

    def keys(self) -> str:
        public, point = self.rsa.public_key().public_numbers(), self.ec.public_key().public_numbers()
        rsa_key = {"kty": "RSA", "kid": "r", "use": "sig", "n": number(public.n, 256), "e": number(public.e, 3)}
        ec_key = {"kty": "EC", "crv": "P-256", "kid": "e", "x": number(point.x, 32), "y": number(point.y, 32)}
        return json.dumps({"keys": [rsa_key, ec_key]})

    def token(self, algorithm="RS256", **claims) -> bytes:
        claims = {"iss": URL, "aud": AUDIENCE, "exp": int(time.time()) + 300, "sub": "anna", "roles": ["operator"]} | claims
        header = {"alg": algorithm, "kid": "e" if algorithm == "ES256" else "r"}
        signed = f"{text(json.dumps(header).encode())}.{text(json.dumps(claims).encode())}".encode()
        if algorithm == "ES256":
            r, s = decode_dss_signature(self.ec.sign(signed, ec.ECDSA(hashes.SHA256())))
            signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
        elif algorithm == "PS256":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
            signature = self.rsa.sign(signed, pss, hashes.SHA256())
        else:
            signature = self.rsa.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return signed + b"." + text(signature).encode()

    def configuration(self, folder) -> str:
        """Writes the public keys into the folder of a server and returns the table that names them."""
        (folder / "keys.json").write_text(self.keys())
        return f'[[access.issuer]]\nurl = "{URL}"\naudience = "{AUDIENCE}"\nkeys = "keys.json"\n'
