"""What it costs to look at files that were made to harm whoever looks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.hostile_files import EITHER, MADE_HARMLESS, REFUSED, SCRIPT, picture

# The largest that are still let in.
LARGE = (lambda: picture("JPEG", (5000, 5000)), lambda: picture("PNG", (5000, 5000), "RGBA"))


def test_no_hostile_file_takes_long_or_much_memory(tmp_path: Path) -> None:
    """B17: each in less than ten seconds, the process growing by less than 200 MB. In a process of its own."""
    made = [*(make for _, make in REFUSED.values()), *MADE_HARMLESS.values(), *EITHER.values(), *LARGE]
    for number, make in enumerate(made):
        (tmp_path / str(number)).write_bytes(make())
    program = f"""
import resource, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from storefront.errors import DomainError
from storefront.pictures import written_anew
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
slowest = 0.0
for file in Path({str(tmp_path)!r}).iterdir():
    began = time.monotonic()
    try:
        written_anew(file.read_bytes(), longest=1600)
    except DomainError:
        pass
    slowest = max(slowest, time.monotonic() - began)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, slowest)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown, slowest = done.stdout.split()
    assert int(grown) < 200 * 1024  # kilobytes
    assert float(slowest) < 10


def test_the_files_are_as_hostile_as_they_say() -> None:
    assert len(REFUSED) + len(MADE_HARMLESS) >= 14
    assert SCRIPT in MADE_HARMLESS["a web page behind a GIF"]()
    assert len(EITHER["remarks that unpack to a hundred megabytes"]()) < 300_000
