"""Time real links beside the same without the library: memory, NBD, HTTP, one after the other.

Each part is a script of its own with options of its own; this one runs them all. What a part needs
and the machine lacks (nbdkit, nginx) is said, and the other parts run. Run it as ``make bench``.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PARTS = {
    "shared memory: zero-copy, against slices and bare copies": "real_memory.py",
    "NBD: loads and prefetch, against bare clients": "real_nbd.py",
    "HTTP: copy-once, against plain clients": "real_remote.py",
}


def main() -> None:
    for title, script in PARTS.items():
        print(f"\n{title}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).with_name(script))], check=False)


if __name__ == "__main__":
    main()
