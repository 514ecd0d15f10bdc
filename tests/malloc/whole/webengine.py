"""Shows a page in QtWebEngine, prints its text and writes what it looks like to a file: webengine.py PAGE PNG"""

import sys

from PyQt5.QtCore import QTimer, QUrl
from PyQt5.QtWebEngineWidgets import QWebEngineView
from PyQt5.QtWidgets import QApplication

application = QApplication(sys.argv)
view = QWebEngineView()
view.resize(600, 600)


def loaded(good: bool) -> None:
    if not good:
        sys.exit("the page cannot be loaded")
    view.page().runJavaScript("document.body.innerText", print)
    timer.start(500)


def look() -> None:
    """What has been drawn reaches the window a little later: waits until there is something that stays as it is."""
    image = view.grab().toImage()
    seen.append(image)
    has_colours = len({image.pixel(x, y) for x in range(0, 600, 7) for y in range(0, 600, 7)}) > 20
    if has_colours and all(image == before for before in seen[-3:]):
        image.save(sys.argv[2])
        application.quit()


seen = []
timer = QTimer(timeout=look)
view.loadFinished.connect(loaded)
view.load(QUrl.fromLocalFile(sys.argv[1]))
view.show()
sys.exit(application.exec_())
