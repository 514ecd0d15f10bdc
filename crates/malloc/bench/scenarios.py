"""The scenarios of bench/memory.py, one a process. Prints one line of JSON with what it measured.

Each has a spike of memory and a small result that stays. They use blocks of over 512 bytes, which CPython asks the
allocator for, except `json`, whose many small objects go to the allocator only with PYTHONMALLOC=malloc.
"""

import ctypes
import gc
import json
import os
import resource
import sys
import threading
import time


def block(n):
    return bytearray(600 + n * 37 % 3000)


def high():
    """The result is built last, so it lies above all that goes."""
    spike = [block(n) for n in range(300_000)]
    return [block(n) for n in range(1000)]


def scattered():
    """Every thousandth block stays."""
    spike = [block(n) for n in range(300_000)]
    return spike[::1000]


def clustered():
    """Groups of ten neighbours stay."""
    spike = [block(n) for n in range(300_000)]
    return [kept for n in range(0, 300_000, 10_000) for kept in spike[n:n + 10]]


def threads():
    """Eight threads have a spike each, keep a little, and go to sleep."""
    kept = []

    def work():
        spike = [block(n) for n in range(40_000)]
        kept.append(spike[::1000])
        del spike
        done.release()
        threading.Event().wait()

    done = threading.Semaphore(0)
    for _ in range(8):
        threading.Thread(target=work, daemon=True).start()
    for _ in range(8):
        done.acquire()
    return kept


def document():
    """A large JSON document is read and dropped."""
    rows = [{"id": n, "name": f"user {n}", "tags": [str(n * t) for t in range(5)]} for n in range(200_000)]
    text = json.dumps(rows)
    del rows
    return json.loads(text)[::10_000]


def size_shift():
    """First all blocks are small, then all are large: what the small ones held cannot serve the large ones."""
    small = [bytearray(600 + n % 100) for n in range(200_000)]
    kept = small[::1000]
    del small
    large = [bytearray(20_000 + n % 1000) for n in range(10_000)]
    return kept + large[::1000]


def spikes():
    """Twenty spikes of 200 MB, one every 50 ms."""
    for _ in range(20):
        spike = [block(n) for n in range(100_000)]
        kept = spike[::1000]
        del spike
        time.sleep(0.05)
    return kept


SCENARIOS = {f.__name__: f for f in (high, scattered, clustered, threads, document, size_shift, spikes)}


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def main(name, trim):
    start = resident()
    result = SCENARIOS[name]()
    gc.collect()
    if trim:
        ctypes.CDLL(None).malloc_trim(0)
    after = {}
    began = time.monotonic()
    for seconds in (0, 1, 10):
        time.sleep(max(0, began + seconds - time.monotonic()))
        after[seconds] = resident()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({
        "start": start,
        "after": after,
        "peak": usage.ru_maxrss * 1024,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
    }), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], len(sys.argv) > 2)
