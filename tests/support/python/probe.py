"""The example `client_probe` of the WebSocket crate, which drives Planet's own client against a server of the test's."""

import asyncio
import os
import pathlib

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
LIMIT_SECONDS = 60

# What the report says of the messages when all came back.
ECHOED = [f"echoed {size}" for size in (0, 1, 125, 126, 127, 65535, 65536, 65537, 1048576, "fragments")]


def program() -> pathlib.Path:
    """Beside the planet that is tested."""
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    planet = pathlib.Path(os.environ.get("TESTED_PLANET", target / "release/planet"))
    path = planet.parent / "examples/client_probe"
    if not path.exists():
        raise FileNotFoundError(f"{path}: cargo build --release -p planet-websocket --example client_probe")
    return path


async def echo(url: str, *options: str) -> list[str]:
    """Round trips with an echo server: the lines of the report."""
    pipe = asyncio.subprocess.PIPE
    probe = await asyncio.create_subprocess_exec(program(), "echo", url, *options, stdout=pipe, stderr=pipe)
    try:
        out, errors = await asyncio.wait_for(probe.communicate(), LIMIT_SECONDS)
    finally:
        if probe.returncode is None:
            probe.kill()
    if probe.returncode != 0:
        raise AssertionError(errors.decode())
    return out.decode().splitlines()
