"""The demo plugin in a real engine: QtWebKit 5.212."""

import http.server
import os
import threading
import unittest

from npapi.engine import Page
from support.python.planet import Server

HTML = """<body style="margin:0"><embed id="demo" type="application/x-planet-demo" width="200" height="100"
 title="first" red="0" green="128" blue="255"></body>"""


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers a POST with its type and body, and a GET with its path."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(f"{self.headers['Content-Type']}|{body.decode()}")

    def do_GET(self) -> None:
        self.answer(self.path)

    def answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments) -> None:
        pass


class QtWebKit(unittest.TestCase):
    def setUp(self) -> None:
        self.page = Page(HTML)
        self.addCleanup(self.page.close)
        self.page.run("var demo = document.getElementById('demo')")

    def exception(self, script: str) -> str:
        return self.page.run(f"(function() {{ try {{ {script}; return 'no exception' }} catch (e) {{ return e.message }} }})()")

    def test_a_method_gives_its_value(self) -> None:
        self.assertEqual(self.page.run("demo.getVersion()"), "0.1.0")
        self.assertEqual(self.page.run("demo.add(1.5, 2)"), 3.5)
        self.assertEqual(self.page.run("typeof demo.getVersion"), "function")

    def test_values_go_there_and_back(self) -> None:
        for value in ["undefined", "null", "true", "-7", "2.5", "1e300", "'gr\\u00fc\\u00df \\u4f60'", "''", "window", "demo"]:
            self.assertTrue(self.page.run(f"demo.echo({value}) === {value}"), value)

    def test_properties(self) -> None:
        self.assertEqual(self.page.run("demo.title"), "first")
        self.assertEqual(self.page.run("demo.title = 'second'; demo.title"), "second")
        self.assertEqual(self.exception("demo.title = 5"), "the title is a text")

    def test_the_plugin_calls_the_page(self) -> None:
        self.assertEqual(self.page.run("demo.call(function(a, b) { return a + b }, 4, 5)"), 9)
        self.assertEqual(self.page.run("demo.evaluate('6 * 7')"), 42)

    def test_a_page_calls_itself_through_the_plugin(self) -> None:
        self.page.run("function deep(n) { return n ? demo.call(deep, n - 1) + 1 : 0 }")
        self.assertEqual(self.page.run("deep(20)"), 20)

    def test_an_exception_comes_with_its_text(self) -> None:
        # Plain ASCII: this engine, like Chromium, reads the text of an exception as Latin-1, against the ABI.
        self.assertEqual(self.exception("demo.fail('it failed')"), "it failed")
        self.assertEqual(self.exception("demo.add(1)"), "add needs argument 1")

    def test_enumeration(self) -> None:
        keys = self.page.run("(function() { var all = []; for (var key in demo.child()) all.push(key); return all.join() })()")
        self.assertLessEqual({"getVersion", "panic", "title", "events"}, set(keys.split(",")))

    def test_construction_and_calls_of_the_object(self) -> None:
        self.assertEqual(self.page.run("new (demo.child())().getVersion()"), "0.1.0")
        self.assertEqual(self.page.run("demo.child()(1, 2, 3)"), 3)

    def test_a_value_from_another_thread(self) -> None:
        self.page.run("demo.later(function(value) { window.later = value }, 'hello')")
        self.assertEqual(self.page.wait_for("window.later"), "hello, from another thread: true")

    def test_a_panic_becomes_an_exception_and_the_page_lives_on(self) -> None:
        self.assertEqual(self.exception("demo.panic('out of luck')"), "panic in invoke panic: out of luck")
        self.assertEqual(self.page.run("demo.getVersion()"), "0.1.0")

    def test_get_and_post(self) -> None:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        page = Page(HTML, f"http://127.0.0.1:{server.server_port}/")
        self.addCleanup(page.close)
        page.run("var demo = document.getElementById('demo'), answers = {}")
        page.run("demo.get('some/path', function(reason, body) { answers.get = reason + ' ' + body })")
        self.assertEqual(page.wait_for("answers.get"), "Done /some/path")
        page.run("demo.post('x', 'two\\nlines', function(reason, body) { answers.post = reason + ' ' + body })")
        self.assertEqual(page.wait_for("answers.post"), "Done text/plain|two\nlines")
        page.run("demo.get('http://127.0.0.1:1/', function(reason, body) { answers.none = reason + body })")
        self.assertEqual(page.wait_for("answers.none"), "Network")

    def test_get_and_post_against_planet(self) -> None:
        planet = Server()
        self.addCleanup(planet.close)
        page = Page(HTML, planet.url + "/")
        self.addCleanup(page.close)
        page.run("var demo = document.getElementById('demo'), answers = {}")
        page.run("demo.get('/healthz', function(reason, body) { answers.get = [reason, body] })")
        self.assertEqual(page.wait_for("answers.get"), ["Done", "alive\n"])
        # Without a key the API answers with its error, in the browser's hands the page of a failed request.
        page.run("demo.post('/api/publish', '{}', function(reason, body) { answers.post = reason })")
        self.assertIn(page.wait_for("answers.post"), ["Done", "Network"])

    def test_painting(self) -> None:
        self.page.wait(lambda: self.page.color(100, 50) == (0, 128, 255))
        self.assertEqual(self.page.color(300, 50), (255, 255, 255))
        self.assertIn("window:200x100", self.page.run("demo.events"))

    def test_mouse_and_keys(self) -> None:
        self.page.click(20, 30)
        self.page.press("a")
        events = self.page.wait(lambda: [e for e in self.page.run("demo.events").split() if e != "leave"])
        for event in ["down:20,30,1", "up:20,30,1", "keydown", "keyup"]:
            self.assertIn(event, events)

    def test_what_the_engine_lacks_is_said(self) -> None:
        self.assertEqual(self.exception("demo.startTimer()"), "this browser has no NPN_ScheduleTimer")

    def test_the_file_says_which_it_is(self) -> None:
        path, build = self.page.run("demo.npapiOrigin").split("\n")
        folder = os.environ["QTWEBKIT_PLUGIN_PATH"]
        self.assertEqual(path, os.path.realpath(os.path.join(folder, "npdemo.so")))
        self.assertRegex(build, "^[0-9a-f]{16,}$")

    def test_an_element_that_goes_while_it_calls(self) -> None:
        self.page.run("window.kept = demo.child()")
        script = "demo.call(function() { demo.parentNode.removeChild(demo); return 'gone' })"
        self.assertIn(self.page.run(script), ["gone", None, ""])
        # Its objects are still there for the page, and say so.
        self.assertNotEqual(self.exception("kept.getVersion()"), "no exception")

    def test_a_thousand_instances_leave_nothing_behind(self) -> None:
        before = self.page.run("demo.live()")
        self.page.run("""
            for (var i = 0; i < 1000; i++) {
                var one = document.createElement('embed');
                one.type = 'application/x-planet-demo';
                document.body.appendChild(one);
                if (one.getVersion() != '0.1.0' || !one.child()) throw 'no plugin';
                document.body.removeChild(one);
            }
            window.one = null; window.done = i""")
        self.assertEqual(self.page.run("window.done"), 1000)
        # What the page still referred to goes with its garbage.
        self.page.view.settings().clearMemoryCaches()
        def collected():
            self.page.run("(function() { var all = []; for (var i = 0; i < 20000; i++) all.push(new Array(100)); })()")
            return self.page.run("demo.live()") == before
        self.page.wait(collected)


if __name__ == "__main__":
    unittest.main()
