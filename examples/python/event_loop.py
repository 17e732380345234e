"""The same with an event loop."""

import asyncio
import sys

import tagwire.aio


async def main(url: str) -> None:
    async with tagwire.aio.connect(url) as plant:
        temperature, pressure = await plant.values(["boiler.plc.temperature", "boiler.plc.pressure"])
        print(temperature, pressure)
        async with plant.subscribe(["boiler.plc.temperature"], every=0.2) as changes:
            change = await changes.next(timeout="5s")
            if change is not None:
                print(change.tag, change.value)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "opc.tcp://localhost:4840"))
