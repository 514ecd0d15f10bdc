"""Programs of everyday use do on the allocator what they do without it."""

import pathlib
import random

from malloc.preload import REPOSITORY, SOURCES, PreloadTest

GIT = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false", "-c", "gc.auto=0"]

SQL = """
pragma journal_mode = wal;
create table people (id integer primary key, name text, town text, about blob);
with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < 200000)
    insert into people select n, 'name ' || (n * 7919 % 200003), 'town ' || (n % 977), zeroblob(n % 300) from numbers;
create index names on people (name);
create index towns on people (town, name);
delete from people where id % 3 = 0 or town like '%77';
update people set name = upper(name) || hex(about) where id % 50 = 0;
create virtual table texts using fts5 (name, town);
insert into texts select name, town from people where id % 5 = 0;
pragma integrity_check;
pragma foreign_key_check;
select count(*), count(distinct name), sum(length(about)), max(length(name)) from people;
select town, count(*) from people group by town order by 2 desc, 1 limit 5;
select count(*) from people a join people b on a.name = b.name and a.id < b.id;
select count(*) from texts where texts match 'town 12';
vacuum;
pragma integrity_check;
select count(*), sum(id) from people;
"""


class Programs(PreloadTest):
    def same(self, command: list, **options) -> str:
        """Runs a command in both ways, expects the same output, and gives it."""
        without = self.run_program(command, preload=False, **options)
        with self.watched(pathlib.Path(command[0]).name):
            self.assertEqual(self.run_program(command, preload=True, **options), without)
        return without

    def test_git(self) -> None:
        # Makes a repository, rewrites it, clones it, and looks at every object in it.
        origin, copy = self.folder / "origin", self.folder / "copy"
        choose = random.Random(4)

        def git(folder: pathlib.Path, *arguments: str) -> str:
            return self.run_program([*GIT, *arguments], preload=True, cwd=folder)

        origin.mkdir()
        # Debian's git and others may have another name for the first branch.
        git(origin, "init", "--quiet", "--initial-branch=main")
        for turn in range(12):
            for number in range(250):
                if turn == 0 or choose.random() < 0.3:
                    lines = [f"line {choose.randrange(1000)} of {number}\n" for _ in range(choose.randrange(400))]
                    (origin / f"file{number}").write_text("".join(lines))
            git(origin, "add", ".")
            git(origin, "commit", "--quiet", "--message", f"turn {turn}")
        with self.watched("git"):
            git(self.folder, "clone", "--quiet", "--no-local", str(origin), str(copy))
            git(copy, "gc", "--aggressive", "--prune=now", "--quiet")
            git(copy, "fsck", "--full", "--strict")
        for question in (["log", "--stat", "--patch"], ["ls-tree", "-r", "HEAD"], ["blame", "file7"]):
            answer = git(copy, *question)
            self.assertEqual(answer, self.run_program([*GIT, *question], preload=False, cwd=origin))
            self.assertTrue(answer)
        self.run_program([*GIT, "fsck", "--full", "--strict"], preload=False, cwd=copy)

    def test_sqlite(self) -> None:
        said = self.same(["sqlite3", ":memory:"], input=SQL)
        self.assertEqual(said.count("\nok\n"), 2, said)
        with self.watched("sqlite3"):
            on_disk = self.run_program(["sqlite3", "people.db"], preload=True, input=SQL)
        self.assertEqual(on_disk.replace("wal\n", "memory\n", 1), said)
        self.assertEqual(
            self.run_program(["sqlite3", "people.db", "pragma integrity_check"], preload=False), "ok\n"
        )

    def test_a_c_compiler_compiles_the_c_of_this_project(self) -> None:
        sources = [*SOURCES.glob("*.c"), *(REPOSITORY / "crates/malloc").glob("**/*.c")]
        self.assertGreater(len(sources), 8)
        with self.watched("cc1"):
            for source in sources:
                stock, ours = (
                    self.run_program(["cc", "-O3", "-g", "-w", "-S", "-o", "-", source], preload)
                    for preload in (False, True)
                )
                self.assertTrue(ours == stock, f"{source} was compiled to something else")

    def test_a_cxx_compiler_and_its_program(self) -> None:
        source = SOURCES / "program.cpp"
        programs = []
        with self.watched("cc1plus"):
            for name, preload in (("stock", False), ("ours", True)):
                programs.append(self.folder / name)
                self.run_program(["c++", "-std=c++20", "-O2", "-pthread", "-o", programs[-1], source], preload)
        stock, ours = programs
        self.assertEqual(ours.read_bytes(), stock.read_bytes())
        said = self.same([ours])
        self.assertEqual(said.splitlines()[0], "65536 leaves")
        self.assertEqual(said.splitlines()[-1], "no memory for that")
