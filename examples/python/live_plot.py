"""Draws two tags of `tagwire demo` for a few seconds and keeps the picture: live_plot.py [address] [picture.png]."""

import sys
import tempfile
import time
from pathlib import Path

import tagwire


def main(url: str, file: Path) -> None:
    with tagwire.connect(url) as plant:
        # With a screen, show() opens a window instead.
        with plant.plot(["boiler.plc.temperature", "boiler.plc.setpoint"], seconds=20, backend="matplotlib") as trend:
            time.sleep(3)
            file.write_bytes(trend.picture().png())
    print(f"see {file}")


if __name__ == "__main__":
    main(
        sys.argv[1] if len(sys.argv) > 1 else "opc.tcp://localhost:4840",
        Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.mkdtemp()) / "boiler.png",
    )
