"""The demo plugin in Chromium 31 under Wine: `cargo xtask test --npapi-windows`.

    windows.py CHROMIUM_FOLDER PLUGIN_DLL WINE_PREFIX

Chromium is the `cefclient.exe` of the PyPI package cefpython3 31.2. The page does the calls and sends what came of them.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading
import unittest

PATIENCE = 240
PAGE = """<!DOCTYPE html>
<body>
<embed id="demo" type="application/x-planet-demo" width="200" height="100" title="first" red="255">
<embed id="own" type="application/x-planet-demo" width="120" height="80" windowed="true">
<script>
var answers = {}, demo = document.getElementById('demo'), own = document.getElementById('own');
function attempt(name, body) {
    try { answers[name] = body(); } catch (problem) { answers[name] = 'threw ' + problem.message; }
}
function send() {
    var request = new XMLHttpRequest();
    request.open('POST', '/answers', false);
    request.send(JSON.stringify(answers));
}
window.onload = function () {
    attempt('version', function () { return demo.getVersion(); });
    attempt('sum', function () { return demo.add(1.5, 2); });
    attempt('text', function () { return demo.echo('gr\\u00fc\\u00df \\u4f60'); });
    attempt('title', function () { return demo.title; });
    attempt('written', function () { demo.title = 'second'; return demo.title; });
    attempt('refused', function () { demo.title = 5; return 'no exception'; });
    attempt('failed', function () { demo.fail('it failed'); return 'no exception'; });
    attempt('panicked', function () { demo.panic('out of luck'); return 'no exception'; });
    attempt('after', function () { return demo.getVersion(); });
    attempt('called', function () { return demo.call(function (a, b) { return a + b; }, 4, 5); });
    attempt('evaluated', function () { return demo.evaluate('6 * 7'); });
    attempt('keys', function () { var all = []; for (var key in demo.child()) all.push(key); return all; });
    attempt('constructed', function () { return new (demo.child())().getVersion(); });
    attempt('origin', function () { return demo.npapiOrigin; });
    attempt('timer', function () { demo.startTimer(); return 'started'; });
    attempt('later', function () { demo.later(function (value) { answers.later = value; }, 'hello'); });
    attempt('get', function () { demo.get('/some/path', function (reason, body) { answers.get = reason + ' ' + body; }); });
    (function wait() {
        if (demo.ticks >= 5 && answers.later && answers.get && own.events.indexOf('window:') >= 0) {
            answers.ticks = demo.ticks;
            answers.events = demo.events;
            answers.own = own.events;
            attempt('ownVersion', function () { return own.getVersion(); });
            send();
        } else setTimeout(wait, 50);
    })();
};
setTimeout(function () { answers.late = true; answers.ticks = demo.ticks; answers.own = own.events; send(); }, 60000);
</script>
"""


class Site(http.server.BaseHTTPRequestHandler):
    answers: dict = {}
    arrived = threading.Event()

    def do_GET(self) -> None:
        self.reply(PAGE if self.path == "/" else self.path, "text/html" if self.path == "/" else "text/plain")

    def do_POST(self) -> None:
        Site.answers = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply("", "text/plain")
        Site.arrived.set()

    def reply(self, text: str, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *arguments) -> None:
        pass


class Chromium(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder, plugin, prefix = (pathlib.Path(argument).resolve() for argument in ARGUMENTS)
        environment = {**os.environ, "WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "WINEDLLOVERRIDES": "mscoree,mshtml="}
        environment["NPAPI_LOG"] = "Z:" + str(prefix / "npapi.log").replace("/", "\\")
        key = r"HKCU\Software\MozillaPlugins\@planet/demo"
        path = "Z:" + str(plugin).replace("/", "\\")
        add = ["wine", "reg", "add", key, "/v", "Path", "/t", "REG_SZ", "/d", path, "/f"]
        subprocess.run(add, env=environment, check=True, capture_output=True, timeout=PATIENCE)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        flags = ["--no-sandbox", "--disable-gpu", "--allow-outdated-plugins", "--always-authorize-plugins"]
        command = ["wine", "cefclient.exe", f"--url=http://127.0.0.1:{server.server_port}/", *flags]
        browser = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            if not Site.arrived.wait(PATIENCE):
                raise AssertionError("the page has sent nothing")
        finally:
            browser.terminate()
            subprocess.run(["wineserver", "-k"], env=environment, capture_output=True, timeout=60)
            browser.wait(60)
            server.shutdown()
            server.server_close()
        cls.answers, cls.plugin = Site.answers, path
        print(json.dumps(cls.answers, indent=1, ensure_ascii=False))

    def test_methods(self) -> None:
        self.assertEqual(self.answers["version"], "0.1.0")
        self.assertEqual(self.answers["sum"], 3.5)
        self.assertEqual(self.answers["text"], "grüß 你")
        self.assertEqual(self.answers["called"], 9)
        self.assertEqual(self.answers["evaluated"], 42)
        self.assertEqual(self.answers["constructed"], "0.1.0")

    def test_properties(self) -> None:
        self.assertEqual((self.answers["title"], self.answers["written"]), ("first", "second"))
        self.assertLessEqual({"getVersion", "title", "events"}, set(self.answers["keys"]))

    def test_exceptions_and_panics(self) -> None:
        self.assertEqual(self.answers["failed"], "threw it failed")
        self.assertEqual(self.answers["refused"], "threw the title is a text")
        self.assertEqual(self.answers["panicked"], "threw panic in invoke panic: out of luck")
        self.assertEqual(self.answers["after"], "0.1.0")

    def test_timers(self) -> None:
        self.assertEqual(self.answers["timer"], "started")
        self.assertGreaterEqual(self.answers["ticks"], 5)

    def test_threads_and_requests(self) -> None:
        self.assertEqual(self.answers["later"], "hello, from another thread: true")
        self.assertEqual(self.answers["get"], "Done /some/path")

    def test_a_window_of_its_own(self) -> None:
        self.assertIn("window:120x80:own:handle", self.answers["own"].split())
        self.assertEqual(self.answers["ownVersion"], "0.1.0")

    def test_the_file_says_which_it_is(self) -> None:
        path, build = self.answers["origin"].split("\n")
        self.assertEqual(path.lower(), self.plugin.lower())
        self.assertRegex(build, "^[0-9a-f]{9,}$")


if __name__ == "__main__":
    ARGUMENTS = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1], verbosity=2)
