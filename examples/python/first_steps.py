"""Reads, writes and watches tags of `tagwire demo`."""

import sys

import tagwire


def main(url: str) -> None:
    with tagwire.connect(url) as plant:
        print("temperature", plant["boiler.plc.temperature"])
        plant["boiler.plc.setpoint"] = 62.5
        for sample in plant.read(["boiler.plc.temperature", "boiler.plc.pressure"]):
            print(sample.tag, sample.value, sample.quality.name, sample.source_time)
        with plant.subscribe("boiler.plc.temperature", every="200ms") as changes:
            for number, change in enumerate(changes):
                print("changed to", change.value)
                if number == 3:
                    break


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "opc.tcp://localhost:4840")
