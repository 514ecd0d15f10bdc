"""What a C program may do with an allocator, in places where an allocator is easily caught unprepared."""

from malloc.preload import PreloadTest

ALL_RIGHT = "all is as it should be\n"


class Face(PreloadTest):
    def test_before_main_and_after_it(self) -> None:
        self.assertEqual(self.run_program([self.compile("before_main.c")], preload=True), ALL_RIGHT)

    def test_memory_goes_to_and_from_a_library_that_was_opened(self) -> None:
        plugin = self.compile("plugin.c", "-fPIC", "-shared", name="plugin.so")
        self.assertEqual(self.run_program([self.compile("plugins.c"), plugin], preload=True), "1 opened\n")

    def test_there_is_as_much_room_for_thread_local_storage_as_without(self) -> None:
        # The loader keeps some 1.6 KB for the initial-exec storage of libraries that are opened later.
        plugin = self.compile("plugin.c", "-fPIC", "-shared", "-DSTATIC_TLS", name="plugin.so")
        copies = [self.folder / f"plugin{number}.so" for number in range(100)]
        for copy in copies:
            copy.write_bytes(plugin.read_bytes())
        program = self.compile("plugins.c")
        without = self.run_program([program, *copies], preload=False)
        self.assertNotIn("100 opened", without)
        self.assertEqual(self.run_program([program, *copies], preload=True), without)

    def test_signals_in_the_middle_of_a_call(self) -> None:
        program = self.compile("signals.c")
        for way in ("", "fork", "exec"):
            with self.subTest(way):
                self.assertEqual(self.run_program([program, way], preload=True), ALL_RIGHT)

    def test_a_limit_on_the_address_space(self) -> None:
        self.assertEqual(self.run_program([self.compile("limited.c")], preload=True), ALL_RIGHT)

    def test_64_threads(self) -> None:
        program = self.compile("threads.c")
        for settings in ({}, {"PLANET_MALLOC_DELAY_MS": "0"}, {"PLANET_MALLOC_BACKGROUND": "0"}):
            with self.subTest(**settings):
                said = self.run_program([program], preload=True, environment=settings)
                self.assertEqual(said, "3520000 blocks\n")

    def test_stacks_are_freed_under_a_lock_of_the_c_library(self) -> None:
        self.assertEqual(self.run_program([self.compile("stacks.c")], preload=True), ALL_RIGHT)

    def test_threads_that_start_and_end_all_the_time(self) -> None:
        program = self.compile("generations.c")
        for delay in ("1000", "20", "0"):
            with self.subTest(delay=delay):
                settings = {"PLANET_MALLOC_DELAY_MS": delay}
                self.assertEqual(self.run_program([program], preload=True, environment=settings), ALL_RIGHT)
