"""QtWebKit, with the plugins of one folder and nothing else.

The folder has to be set before Qt starts, and an engine reads its plugins once in a process: so this module takes it from
QTWEBKIT_PLUGIN_PATH, and HOME must have no plugins of its own.
"""

import os
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "xcb")

from PyQt5.QtCore import QEvent, QPoint, Qt, QUrl
from PyQt5.QtTest import QTest
from PyQt5.QtWebKit import QWebSettings
from PyQt5.QtWebKitWidgets import QWebPage, QWebView
from PyQt5.QtWidgets import QApplication

# How long something may take that has to happen; nothing is slowed down by it.
PATIENCE = 60

application = QApplication.instance() or QApplication(sys.argv[:1])


class _Page(QWebPage):
    def javaScriptConsoleMessage(self, message, line, source):
        print(f"console: {source}:{line}: {message}", file=sys.stderr)


class Page:
    """A page in a window."""

    def __init__(self, html: str, address: str = "http://127.0.0.1/") -> None:
        self.view = QWebView()
        self.view.setPage(_Page(self.view))
        self.view.settings().setAttribute(QWebSettings.PluginsEnabled, True)
        self.view.resize(400, 300)
        self.view.show()
        loaded = []
        self.view.loadFinished.connect(loaded.append)
        self.view.setHtml(html, QUrl(address))
        self.wait(lambda: loaded)

    def run(self, script: str):
        """The value of a script."""
        return self.view.page().mainFrame().evaluateJavaScript(script)

    def wait(self, condition):
        """Lets the page go on until the condition holds, and gives its value."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            application.processEvents()
            value = condition()
            if value:
                return value
            time.sleep(0.005)
        raise AssertionError("it did not happen")

    def wait_for(self, script: str):
        """Lets the page go on until the script's value is true, and gives it."""
        return self.wait(lambda: self.run(script))

    def color(self, x: int, y: int) -> tuple[int, int, int]:
        """What a screenshot has at a place."""
        color = self.view.grab().toImage().pixelColor(x, y)
        return color.red(), color.green(), color.blue()

    def click(self, x: int, y: int) -> None:
        QTest.mouseClick(self.view, Qt.LeftButton, Qt.NoModifier, QPoint(x, y))

    def press(self, key: str) -> None:
        QTest.keyClick(self.view, key)

    def close(self) -> None:
        self.view.close()
        self.view.deleteLater()
        application.sendPostedEvents(None, QEvent.DeferredDelete)
        application.processEvents()
