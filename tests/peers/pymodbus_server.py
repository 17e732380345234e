"""A Modbus server over pymodbus: `pymodbus_server.py tcp PORT`, `rtu-over-tcp PORT`, `ascii-over-tcp PORT`, `rtu DEVICE`, `ascii DEVICE`.

Four tables of 1000 entries. Coils and holding registers are zero; discrete input i is set when i is divisible by 3,
input register i holds i * 7.
"""

import asyncio
import sys

from pymodbus import FramerType
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

ENTRIES = 1000


def device(number):
    bits = dict(datatype=DataType.BITS)
    registers = dict(datatype=DataType.REGISTERS)
    return SimDevice(
        id=number,
        simdata=(
            [SimData(0, values=[False] * ENTRIES, **bits)],
            [SimData(0, values=[i % 3 == 0 for i in range(ENTRIES)], **bits)],
            [SimData(0, values=[0] * ENTRIES, **registers)],
            [SimData(0, values=[i * 7 & 0xFFFF for i in range(ENTRIES)], **registers)],
        ),
    )


async def main(kind, where):
    context = [device(1), device(2)]
    print("ready", flush=True)
    if kind == "tcp":
        await StartAsyncTcpServer(context=context, address=("127.0.0.1", int(where)))
    elif kind == "rtu-over-tcp":
        await StartAsyncTcpServer(context=context, framer=FramerType.RTU, address=("127.0.0.1", int(where)))
    elif kind == "ascii-over-tcp":
        await StartAsyncTcpServer(context=context, framer=FramerType.ASCII, address=("127.0.0.1", int(where)))
    elif kind == "rtu":
        await StartAsyncSerialServer(context=context, framer=FramerType.RTU, port=where, baudrate=115200)
    elif kind == "ascii":
        await StartAsyncSerialServer(context=context, framer=FramerType.ASCII, port=where, baudrate=115200, bytesize=8)
    else:
        raise SystemExit(f"no such kind: {kind}")


asyncio.run(main(*sys.argv[1:3]))
