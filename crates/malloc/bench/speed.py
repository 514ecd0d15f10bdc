"""Processor time of allocation-heavy programs, for several allocators in one run.

    cargo build --release -p planet-malloc-preload
    python3 crates/malloc/bench/speed.py target/release/libplanet_malloc.so [ROUNDS]

Compiles speed.c, runs every program on every allocator in turn, ROUNDS times (5), and prints the least user plus
system time of each over glibc's. The rivals run with their own default settings.
"""

import math
import os
import subprocess
import sys
import tempfile

from memory import contenders


def main(ours, rounds):
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "speed")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "speed.c")
        subprocess.run(["cc", "-O2", "-pthread", "-o", program, source], check=True)
        names = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
        allocators = [(name, library) for name, library, _, trim in contenders(ours) if not trim]
        best = {}
        for _ in range(rounds):
            for test in names:
                for name, library in allocators:
                    environment = {**os.environ, **({"LD_PRELOAD": library} if library else {})}
                    ended = subprocess.run([program, test], env=environment, capture_output=True, text=True, check=True)
                    seconds = sum(map(float, ended.stdout.split()))
                    best[test, name] = min(seconds, best.get((test, name), math.inf))
    print(f"{'':14}{'glibc s':>9}" + "".join(f"{name:>12}" for name, _ in allocators[1:]))
    for test in names:
        base = best[test, "glibc"]
        print(f"{test:14}{base:9.2f}" + "".join(f"{best[test, name] / base:12.2f}" for name, _ in allocators[1:]))
    means = [math.exp(sum(math.log(best[t, n] / best[t, "glibc"]) for t in names) / len(names)) for n, _ in allocators[1:]]
    print(f"{'geometric mean':23}" + "".join(f"{mean:12.2f}" for mean in means))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5)
