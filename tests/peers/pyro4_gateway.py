"""A gateway of the kind that runs on Windows: Pyro4's own daemon, with a client that has a few tags."""

import sys
import time

import Pyro4

Pyro4.config.SERIALIZERS_ACCEPTED = {"serpent"}
VALUES = {"Random.Int4": 41, "Random.Real8": 0.5, "Random.Bytes": b"\x00\xff"}
STAMP = "2022-11-22 13:58:58+00:00"


@Pyro4.expose
class Client:
    def connect(self, server=None, host="localhost"):
        if server == "Wrong":
            raise RuntimeError("Connect: no such server")

    def servers(self, host="localhost"):
        return ["Matrikon.OPC.Simulation.1"]

    def read(self, tags=None, **named):
        if isinstance(tags, str):
            return VALUES[tags], "Good", STAMP
        return [(tag, VALUES[tag], "Good", STAMP) for tag in tags]

    def iread(self, tags=None, **named):
        yield from self.read(tags)

    def write(self, pairs, **named):
        if isinstance(pairs, tuple):
            VALUES[pairs[0]] = pairs[1]
            return "Success"
        VALUES.update(pairs)
        return [(tag, "Success") for tag, _ in pairs]

    def ping(self):
        return True

    def close(self):
        pass


@Pyro4.expose
class Service:
    def get_clients(self):
        return [("PYRO:obj_1@h:1", time.time(), time.time())]

    def create_client(self):
        client = Client()
        self._pyroDaemon.register(client)
        return client

    def release_client(self, client):
        pass


with Pyro4.Daemon(host="127.0.0.1", port=int(sys.argv[1])) as daemon:
    daemon.register(Service(), "opc")
    print("READY", flush=True)
    daemon.requestLoop()
