"""How much memory stays after a spike, for several allocators in one run.

    cargo build --release -p planet-malloc-preload
    python3 crates/malloc/bench/memory.py target/release/libplanet_malloc.so [SCENARIO…]

Compares with glibc, with glibc after a `malloc_trim(0)` by hand, and with those of Debian's libjemalloc2,
libmimalloc2.0 and libtcmalloc-minimal4 that are installed, each with the settings that give back most. The resident
bytes are as the system counts them; `over live` is the geometric mean over the scenarios of the resident bytes 1 s
after the spike over those at the start plus the live bytes, which are 1 to 3 MB.
"""

import glob
import json
import math
import os
import subprocess
import sys

from scenarios import SCENARIOS

PYTHON = "/usr/bin/python3"
LIBRARIES = "/usr/lib/*-linux-gnu/"
LIVE = 2_000_000
RIVALS = {
    "jemalloc": ("libjemalloc.so.2", {"MALLOC_CONF": "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0"}),
    "mimalloc": ("libmimalloc.so.2*", {"MIMALLOC_PURGE_DELAY": "100"}),
    "gperftools": ("libtcmalloc_minimal.so.4", {"TCMALLOC_RELEASE_RATE": "10", "TCMALLOC_SKIP_SBRK": "1"}),
}


def contenders(ours):
    yield "glibc", None, {}, False
    yield "glibc + trim", None, {}, True
    for name, (library, settings) in RIVALS.items():
        found = glob.glob(LIBRARIES + library)
        if found:
            yield name, found[0], settings, False
        else:
            print(f"{name} is not installed", file=sys.stderr)
    yield "planet", os.path.abspath(ours), {}, False


def measure(scenario, library, settings, trim, malloc):
    environment = {**os.environ, **settings, "PYTHONMALLOC": malloc}
    if library:
        environment["LD_PRELOAD"] = library
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "scenarios.py")
    command = [PYTHON, script, scenario] + (["trim"] if trim else [])
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    if ended.returncode != 0:
        sys.exit(f"{scenario} ended with {ended.returncode}: {ended.stderr}")
    return json.loads(ended.stdout)


def main(ours, wanted):
    cases = [(name, "pymalloc") for name in SCENARIOS] + [("document", "malloc"), ("scattered", "malloc")]
    ratios = {}
    for scenario, malloc in cases:
        if wanted and scenario not in wanted:
            continue
        print(f"\n{scenario}, PYTHONMALLOC={malloc}: MB", flush=True)
        print(f"{'':14}{'start':>8}{'peak':>8}{'0 s':>8}{'1 s':>8}{'10 s':>8}{'user s':>8}{'sys s':>8}")
        for name, library, settings, trim in contenders(ours):
            got = measure(scenario, library, settings, trim, malloc)
            ratios.setdefault(name, []).append(got["after"]["1"] / (got["start"] + LIVE))
            sizes = [got["start"], got["peak"], *got["after"].values()]
            cells = [f"{size / 1e6:8.1f}" for size in sizes] + [f"{got[key]:8.2f}" for key in ("user", "system")]
            print(f"{name:14}{''.join(cells)}", flush=True)
    print("\nover live, 1 s after the spike")
    for name, values in ratios.items():
        print(f"{name:14}{math.exp(sum(map(math.log, values)) / len(values)):8.2f}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
