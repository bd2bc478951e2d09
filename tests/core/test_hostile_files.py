"""Time and memory needed for hostile image files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.hostile_files import EITHER, MADE_HARMLESS, REFUSED, SCRIPT, picture

# The largest that are still let in, of anyone and of the staff.
LARGE = (lambda: picture("JPEG", (5000, 5000)), lambda: picture("PNG", (5000, 5000), "RGBA"))
MODES = (("JPEG", "CMYK"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "LA"), ("PNG", "P"), ("GIF", "P"))


def test_no_hostile_file_takes_long_or_much_memory(tmp_path: Path) -> None:
    """B17: each in less than ten seconds, the process growing by less than 200 MB. In a process of its own."""
    made = [*(make for _, make in REFUSED.values()), *MADE_HARMLESS.values(), *EITHER.values(), *LARGE]
    grown, slowest = measure(tmp_path, made, "reencode(sent, longest=1600)")
    assert grown < 200
    assert slowest < 10


def test_the_largest_images_of_staff_take_bounded_memory(tmp_path: Path) -> None:
    """Forty megapixels, one after the other; `docs/decisions/0014` says what a WebP of them takes."""
    made = [lambda kind=kind, mode=mode: picture(kind, (8000, 5000), mode) for kind, mode in MODES]
    grown, slowest = measure(
        tmp_path, made, "make_renditions(sent, longest=1600, widths=(320, 640, 1280), limits=FROM_STAFF)"
    )
    assert grown < 320
    assert slowest < 15


def measure(folder: Path, made: Sequence[Callable[[], bytes]], call: str) -> tuple[float, float]:
    """Look at files in a process of its own.

    :return: megabytes it grows by, seconds that the slowest takes
    """
    for number, make in enumerate(made):
        (folder / str(number)).write_bytes(make())
    program = f"""
import resource, sys, time
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from storefront.core.errors import DomainError
from storefront.core.image_processing import FROM_STAFF, make_renditions, reencode
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
slowest = 0.0
for file in Path({str(folder)!r}).iterdir():
    sent = file.read_bytes()
    began = time.monotonic()
    try:
        {call}
    except DomainError:
        pass
    slowest = max(slowest, time.monotonic() - began)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, slowest)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown, slowest = done.stdout.split()
    return int(grown) / 1024, float(slowest)


def test_the_hostile_files_are_what_they_claim() -> None:
    assert len(REFUSED) + len(MADE_HARMLESS) >= 14
    assert SCRIPT in MADE_HARMLESS["a web page behind a GIF"]()
    assert len(EITHER["remarks that unpack to a hundred megabytes"]()) < 300_000
