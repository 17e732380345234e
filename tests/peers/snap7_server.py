"""An S7 server over python-snap7: `snap7_server.py PORT`.

Data block 1 has 60,000 bytes, bit memory 2048, inputs and outputs 256 each, timers and counters 64 each; all are zero.
"""

import sys
import time

from snap7.server import Server
from snap7.type import SrvArea

server = Server(log=False)
for area, index, size in (
    (SrvArea.DB, 1, 60000),
    (SrvArea.MK, 0, 2048),
    (SrvArea.PE, 0, 256),
    (SrvArea.PA, 0, 256),
    (SrvArea.TM, 0, 128),
    (SrvArea.CT, 0, 128),
):
    server.register_area(area, index, bytearray(size))
server.start_to("127.0.0.1", int(sys.argv[1]))
print("ready", flush=True)
while True:
    time.sleep(3600)
