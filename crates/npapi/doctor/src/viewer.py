import os
import sys

from PyQt5.QtCore import QTimer, QUrl
from PyQt5.QtWebKit import QWebSettings
from PyQt5.QtWebKitWidgets import QWebView
from PyQt5.QtWidgets import QApplication

application = QApplication(sys.argv[:1])
view = QWebView()
view.settings().setAttribute(QWebSettings.PluginsEnabled, True)
view.resize(640, 480)


def end():
    print(view.page().mainFrame().toPlainText().strip())
    if len(sys.argv) > 2 and not view.grab().save(sys.argv[2]):
        print(f"cannot write {sys.argv[2]}", file=sys.stderr)
    sys.stdout.flush()
    # The engine's own clean-up is of no use to anybody any more.
    os._exit(0)


def loaded(good):
    if not good:
        print(f"cannot load {sys.argv[1]}", file=sys.stderr)
        os._exit(1)
    # What the page does when it is loaded is still to come.
    QTimer.singleShot(500, end)


view.loadFinished.connect(loaded)
view.load(QUrl.fromLocalFile(sys.argv[1]))
view.show()
application.exec_()
