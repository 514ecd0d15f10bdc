"""Those of CPython's own tests that have most to do with memory, threads, processes and C."""

from malloc.comparison import AS_USUAL, BEHIND_LAUNCHERS, PythonTest

MODULES = """
test_array test_buffer test_bytes test_bz2 test_codecs test_ctypes test_decimal test_deque test_descr test_dict
test_exceptions test_fork1 test_gc test_hashlib test_interpreters test_io test_itertools test_json test_list test_long
test_lzma test_marshal test_memoryio test_memoryview test_mmap test_os test_pickle test_posix test_queue test_re
test_resource test_set test_struct test_subprocess test_thread test_threadedtempfile test_threading
test_threading_local test_threadsignals test_tracemalloc test_unicode test_wait4 test_weakref test_xml_etree_c test_zlib
""".split()


class Python(PythonTest):
    def test_some_modules(self) -> None:
        self.compare([AS_USUAL, BEHIND_LAUNCHERS], MODULES)
