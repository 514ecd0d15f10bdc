"""The scenarios of `cargo xtask bench memory`, one a process: scenarios.py NAME [trim].

Each has a spike of memory and a small result that stays. They use blocks of over 512 bytes, which CPython asks the
allocator for, except `document` and `dicts`, whose many small objects go to it only with PYTHONMALLOC=malloc.

Says `start` and waits for a byte on standard input, has its spike, says `idle` with the bytes that are live after it,
waits until standard input ends, without a call to the allocator in the meantime (but `server` serves on, and `light` has
a little to do), and says `end` with the user and the system time it took. With `trim`, `malloc_trim(0)` is called by hand.
"""

import ctypes
import gc
import json
import os
import resource
import select
import sys
import threading
import time

trim = ctypes.CDLL(None).malloc_trim if "trim" in sys.argv[2:] else lambda _: None


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


def dicts():
    """Many small dicts, of which every thousandth stays."""
    spike = [{"number": n, "text": str(n), "pair": (n, n + 0.5)} for n in range(600_000)]
    return spike[::1000]


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


def light():
    """Every thousandth block stays, and then there is light work."""
    return scattered()


def rest():
    """Has nothing to do until standard input ends."""
    os.read(0, 1)


def light_work():
    """Takes a hundred blocks every 10 ms and drops them, until standard input ends."""
    while not select.select([0], [], [], 0.01)[0]:
        [block(n) for n in range(100)]


def after(result, until_the_end):
    """Has had its spike: gives back by hand if asked to, says what is live, and goes on with what comes then."""
    gc.collect()
    trim(0)
    print("idle", live(result), flush=True)
    until_the_end()


def live(value):
    """The bytes of an object and of what it holds."""
    if isinstance(value, dict):
        held = [*value, *value.values()]
    else:
        held = value if isinstance(value, (list, tuple)) else ()
    return sys.getsizeof(value) + sum(map(live, held))


def main(name):
    if name == "server":
        # Here, so that it counts among what there is before the spike, and only where it is used.
        import server
    print("start", flush=True)
    os.read(0, 1)
    if name == "server":
        server.main(block, live, trim)
    else:
        after(globals()[name](), light_work if name == "light" else rest)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print("end", usage.ru_utime, usage.ru_stime, flush=True)
    # The sleeping threads of `threads` would keep the process from ending.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
