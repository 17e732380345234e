"""Makes the synchronous interface from the asynchronous one: `python python/generate.py [--check]`."""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "tagwire"
HEAD = '"""Every operation, for a thread that waits: made from aio.py by python/generate.py."""\n'
WORDS = [
    (r"Opening\[(\w+)\]", r"\1"),
    (r"(?<=import Background, Face, )Opening, ", ""),
    (r"\b_wait_async\b", "_wait_sync"),
    (r"Union\[None, Awaitable\[None\]\]", "object"),
    (r"^    (Awaitable),\n", ""),
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit|iter|next)__\b", r"__\1__"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"async with", "with"),
]


def synchronous(source: str) -> str:
    """The text of the synchronous module."""
    _, _, body = source.partition('"""\n\nfrom __future__')
    text = "\n\nfrom __future__".lstrip("\n") + body
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    return HEAD + "\n" + text


def main() -> int:
    wanted = synchronous((FOLDER / "aio.py").read_text(encoding="utf-8"))
    target = FOLDER / "_sync.py"
    if "--check" in sys.argv[1:]:
        if target.read_text(encoding="utf-8") == wanted:
            return 0
        print("python/tagwire/_sync.py differs from aio.py: run python python/generate.py", file=sys.stderr)
        return 1
    target.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
