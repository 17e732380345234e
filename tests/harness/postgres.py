"""PostgreSQL of Debian on a cluster of the test's own, and a network in between that can be cut."""

import ipaddress
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .process import SLOW, accepts, free_port, wait_until

USER, PASSWORD, DATABASE = "plant", "wheat&chaff", "history"


def programs() -> Path:
    """The folder of the server's programs, which Debian keeps out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is not installed; run the tests through `cargo xtask test`"
    return found[-1].parent


class Postgres:
    """One cluster with one database, on loopback. It refuses to run as root, so that it runs as Debian's user for it."""

    def __init__(self):
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="tagwire-postgres-"))
        self.child = None
        self.owner = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.folder, account.pw_uid, account.pw_gid)
            self.owner = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        words = ["initdb", "-D", self.data, "-U", USER, "--pwfile", secret, "--auth", "scram-sha-256", "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8"]
        done = subprocess.run([str(programs() / words[0]), *map(str, words[1:])], cwd=self.folder, capture_output=True, text=True, **self.owner)
        assert done.returncode == 0, done.stdout + done.stderr
        self.certify()
        self.start()
        self.sql(f"CREATE DATABASE {DATABASE}", database="postgres")

    def certify(self):
        """An authority, and a certificate of it for loopback; the database takes connections with and without encryption."""
        now = datetime.now(timezone.utc)

        def issue(name, issuer, key, signer, is_authority):
            made = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
            made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
            made = made.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            if not is_authority:
                made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            return made.sign(signer, hashes.SHA256())

        names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("plant authority", "database")]
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in names]
        certificates = [issue(names[0], names[0], keys[0], keys[0], True), issue(names[1], names[0], keys[1], keys[0], False)]
        for name, certificate in zip(("authority.pem", "server.pem"), certificates):
            (self.folder / name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = self.folder / "server.key"
        secret.write_bytes(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        secret.chmod(0o600)
        if self.owner:
            os.chown(secret, self.owner["user"], self.owner["group"])

    @property
    def authority(self) -> str:
        return (self.folder / "authority.pem").read_text()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self):
        words = ["postgres", "-D", self.data, "-p", self.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=40", "-c", "ssl=on", "-c", f"ssl_cert_file={self.folder}/server.pem", "-c", f"ssl_key_file={self.folder}/server.key"]
        log = open(self.folder / "log", "ab")
        self.child = subprocess.Popen(
            [str(programs() / words[0]), *map(str, words[1:])],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **self.owner,
        )
        log.close()
        wait_until(self.answers, 30 * SLOW, "the database listens")

    def answers(self) -> bool:
        assert self.child.poll() is None, (self.folder / "log").read_text()[-3000:]
        return accepts(self.port) and self.ask("SELECT 1", "postgres").returncode == 0

    def stop(self):
        """Ends it in good order, with all sessions."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            self.child.wait(30 * SLOW)

    def kill(self):
        """Ends it as a power cut would, with all its processes."""
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait(10)

    def ask(self, text: str, database=DATABASE) -> subprocess.CompletedProcess:
        words = ["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, "-d", database, "-v", "ON_ERROR_STOP=1", "-AtXc", text]
        env = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run([str(programs() / words[0]), *words[1:]], env=env, capture_output=True, text=True, timeout=120)

    def sql(self, text: str, database=DATABASE) -> list[list[str]]:
        """The rows of a statement as text."""
        done = self.ask(text, database)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def number(self, text: str) -> int:
        """The one number that a statement gives; 0 while there is no such table."""
        done = self.ask(text)
        assert done.returncode == 0 or "does not exist" in done.stderr, done.stderr
        return int(done.stdout.strip() or 0) if done.returncode == 0 else 0

    def section(self, port=None, url_user=USER, database=DATABASE, more="") -> str:
        """`[history.postgres]` of a server that sends here; the password stands in a file beside the configuration."""
        return f'[history.postgres]\nurl = "postgresql://{url_user}@127.0.0.1:{port or self.port}/{database}"\npassword_file = "secret"\n{more}\n'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGQUIT)
            self.child.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


class Wire:
    """A TCP connection's way to a port, which can swallow everything as a cut cable does, or hang up."""

    def __init__(self, target: int):
        self.target = target
        self.is_cut = threading.Event()
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut.is_set():
                # The other side believes in the connection and hears nothing.
                self.pairs.append((near, near))
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._move, args=(source, sink), daemon=True).start()

    def _move(self, source, sink):
        try:
            while data := source.recv(1 << 16):
                if self.is_cut.is_set():
                    return
                sink.sendall(data)
        except OSError:
            pass
        if not self.is_cut.is_set():
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def cut(self):
        """From now on bytes vanish in both directions, on old connections and new ones."""
        self.is_cut.set()

    def mend(self):
        """New connections get through; the former ones are gone for good."""
        self.is_cut.clear()
        self.hang_up()

    def hang_up(self):
        pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for end in pair:
                end.close()

    def close(self):
        self.listener.close()
        self.hang_up()
