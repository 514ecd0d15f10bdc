"""Redis and PostgreSQL serve on the allocator."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

from malloc.preload import PreloadTest

PATIENCE = 60


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.1)


class Redis(PreloadTest):
    """On a Unix socket, with nothing saved but what is asked for."""

    def setUp(self) -> None:
        super().setUp()
        self.program = pathlib.Path(shutil.which("redis-server") or "/usr/bin/redis-server")
        self.socket = self.folder / "socket"

    @contextlib.contextmanager
    def server(self) -> Iterator[subprocess.Popen]:
        settings = ["--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.folder]
        with (
            self.watched(self.program.resolve().name),
            open(self.folder / "log", "ab") as log,
            subprocess.Popen(
                [self.program, *settings, "--enable-debug-command", "local"],
                env=self.environment(preload=True),
                stdout=log,
                stderr=log,
            ) as server,
        ):
            try:
                wait_for(self.socket.exists, (self.folder / "log").read_text)
                yield server
            finally:
                server.terminate()

    def ask(self, *words: str) -> str:
        return self.run_program(["redis-cli", "-s", self.socket, *words], preload=True).strip()

    def figure(self, section: str, name: str) -> str:
        lines = self.ask("info", section).splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith(f"{name}:"))

    def background_save(self) -> None:
        """A child that the server forks writes the file."""
        before = int(self.ask("lastsave"))
        time.sleep(1.1)  # The time of the last one is given in whole seconds.
        self.ask("bgsave")
        wait_for(lambda: int(self.ask("lastsave")) > before, "the end of BGSAVE")
        self.assertEqual(self.figure("persistence", "rdb_last_bgsave_status"), "ok")

    def test_benchmark_memory_and_saving(self) -> None:
        with self.server() as server:
            idle = int(self.figure("memory", "used_memory"))
            load = ["redis-benchmark", "-s", self.socket, "-q", "-n", "30000", "-r", "20000", "-d", "300", "-P", "16"]
            said = self.run_program(load, preload=True)
            self.assertNotIn("error", said.lower())
            self.assertIn("LRANGE_600", said)
            self.ask("debug", "populate", "200000", "key", "150")
            self.assertGreater(int(self.ask("dbsize")), 200_000)
            self.background_save()
            digest = self.ask("debug", "digest")
            self.assertEqual(self.ask("debug", "reload"), "OK")
            self.assertEqual(self.ask("debug", "digest"), digest)
            # Redis adds up malloc_usable_size. Its MEMORY DOCTOR is no help: it asks jemalloc, which has nothing to do.
            used = int(self.figure("memory", "used_memory"))
            self.assertGreater(used, idle + 200_000 * 150)
            self.assertLess(used, resident(server.pid))
            self.assertLess(resident(server.pid), 2 * used)
            self.ask("flushall")
            self.assertLess(int(self.figure("memory", "used_memory")), idle + (8 << 20))
            self.assertEqual(self.ask("shutdown", "nosave"), "")
            self.assertEqual(server.wait(PATIENCE), 0, (self.folder / "log").read_text())


def resident(pid: int) -> int:
    """The resident bytes of a process."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class PostgreSQL(PreloadTest):
    """Which will not run as root: there, `nobody` owns the data."""

    def setUp(self) -> None:
        super().setUp()
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        self.assertTrue(programs, "there is no PostgreSQL in /usr/lib/postgresql")
        self.programs = programs[-1]
        self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        if self.user:
            for path in (self.folder, pathlib.Path(self.library)):
                os.chmod(path, 0o755)
        self.data = self.folder / "data"
        self.data.mkdir()
        if self.user:
            subprocess.run(["chown", "nobody:nogroup", self.data], check=True)

    def run_tool(self, tool: str, *arguments: str) -> str:
        return self.run_program([self.programs / tool, *arguments], preload=True, cwd="/", **self.user)

    def query(self, text: str) -> str:
        return self.run_tool("psql", *self.where, "--no-psqlrc", "-At", "-c", text, "postgres").strip()

    @property
    def where(self) -> list[str]:
        return ["-h", str(self.data), "-U", "planet"]

    @contextlib.contextmanager
    def server(self) -> Iterator[subprocess.Popen]:
        settings = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.data}", "-c", "fsync=off"]
        with (
            self.watched("postgres"),
            open(self.folder / "log", "ab") as log,
            subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *settings],
                env=self.environment(preload=True),
                cwd="/",
                stdout=log,
                stderr=log,
                **self.user,
            ) as server,
        ):
            try:
                wait_for((self.data / ".s.PGSQL.5432").exists, "PostgreSQL to listen")
                yield server
            finally:
                server.terminate()

    def test_pgbench(self) -> None:
        with self.watched("initdb", "postgres"):
            self.run_tool("initdb", "-D", str(self.data), "-U", "planet", "--auth=trust", "--no-sync")
        with self.server() as server:
            self.run_tool("pgbench", *self.where, "--initialize", "--scale=5", "--quiet", "postgres")
            with self.watched("pgbench"):
                load = ["--client=8", "--jobs=2", "--time=20", "--protocol=prepared"]
                said = self.run_tool("pgbench", *self.where, *load, "postgres")
            self.assertIn("number of failed transactions: 0 (0.000%)", said)
            # What pgbench adds to one table it adds to each of the others.
            sums = "select (select sum({0}balance) from pgbench_{1})"
            tables = [("a", "accounts"), ("b", "branches"), ("t", "tellers")]
            answers = {self.query(sums.format(*table)) for table in tables}
            self.assertEqual(answers, {self.query("select sum(delta) from pgbench_history")})
            done = int(self.query("select count(*) from pgbench_history"))
            self.assertIn(f"number of transactions actually processed: {done}\n", said)
            self.query("create table t as select md5(n::text) as word, n from generate_series(1, 300000) n")
            self.query("create index on t (word, n)")
            self.assertEqual(self.query("select count(*) from t a join t b using (word) where a.n = b.n"), "300000")
            self.run_tool("pg_amcheck", *self.where, "--install-missing", "--heapallindexed", "postgres")
            server.terminate()
            self.assertEqual(server.wait(PATIENCE), 0)
        log = (self.folder / "log").read_text()
        self.assertNotIn("PANIC", log)
        self.assertNotIn("terminated by signal", log)
