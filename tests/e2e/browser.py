# SPDX-License-Identifier: Apache-2.0
"""A real browser, driven by WebDriver with Python's own library. Where Chromium or its driver is missing, tests that need
it are skipped."""
import atexit
import base64
import json
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from harness import skip, wait_until

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--hide-scrollbars"]
KEYS = {"ArrowLeft": "\ue012", "ArrowRight": "\ue014", "Enter": "\ue007", "Escape": "\ue00c", "Home": "\ue011", "End": "\ue010", "Tab": "\ue004"}


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Browser:
    """One window. Errors of the console, and requests that a page made, can be asked for."""

    def __init__(self, width=1280, height=960):
        driver = self._start_driver()
        profile = tempfile.mkdtemp(prefix="ttalloc-browser-", dir="/tmp")
        atexit.register(shutil.rmtree, profile, ignore_errors=True)
        options = {"args": [*FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"], "binary": shutil.which("chromium")}
        session = self._call("POST", driver + "/session", {"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
        self.base = f"{driver}/session/{session['sessionId']}"
        atexit.register(self.close)

    @staticmethod
    def _start_driver():
        if not shutil.which("chromium") or not shutil.which("chromedriver"):
            skip("chromium and chromedriver are not installed (Debian: chromium chromium-driver)")
        port = _free_port()
        driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(driver.kill)  # for all tests of a file: starting a browser takes longer than most of them
        base = f"http://127.0.0.1:{port}"

        def is_ready():
            try:
                return Browser._call("GET", base + "/status")["ready"]
            except OSError:
                return False
        wait_until(is_ready, "chromedriver", 60)
        return base

    @staticmethod
    def _call(method, url, body=None):
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(url, method=method, data=data, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{url}: {error.read().decode(errors='replace')[:1000]}") from None

    def open(self, address):
        """Opens a file or an address, and waits until the page says that it is drawn."""
        self._call("POST", self.base + "/url", {"url": "about:blank"})
        self._call("POST", self.base + "/url", {"url": address if "://" in address else f"file://{urllib.parse.quote(os.path.abspath(address))}"})
        self.wait("return document.documentElement.dataset.ready === 'yes'", f"{address} to be drawn")

    def js(self, script, *arguments):
        return self._call("POST", self.base + "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, what):
        wait_until(lambda: self.js(script), what, 60)

    def errors(self):
        """What the console says, warnings included, since the last call."""
        return [entry["message"] for entry in self._call("POST", self.base + "/se/log", {"type": "browser"}) if entry["level"] != "INFO"]

    def requests(self):
        """The addresses that were asked for since the last call."""
        entries = self._call("POST", self.base + "/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]

    def element(self, selector):
        found = self._call("POST", self.base + "/element", {"using": "css selector", "value": selector})
        return next(iter(found.values()))

    def click(self, selector):
        self._call("POST", f"{self.base}/element/{self.element(selector)}/click", {})

    def pointer(self, selector, *points):
        """Presses at the first of POINTS (shares of the element's width and height), goes on to the others, and lets go."""
        self.js("arguments[0].scrollIntoView({block: 'center'})", {"element-6066-11e4-a52e-4f735466cecf": self.element(selector)})
        box = self.js("const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]", selector)
        places = [(round(box[0] + x * box[2]), round(box[1] + y * box[3])) for x, y in points]
        move = lambda place: {"type": "pointerMove", "duration": 0, "x": place[0], "y": place[1]}  # noqa: E731
        actions = [move(places[0]), {"type": "pointerDown", "button": 0}, *map(move, places[1:]), {"type": "pointerUp", "button": 0}]
        self._call("POST", self.base + "/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]})

    def keys(self, selector, *names):
        self.js("document.querySelector(arguments[0]).focus({preventScroll: true})", selector)
        actions = [{"type": kind, "value": KEYS.get(name, name)} for name in names for kind in ("keyDown", "keyUp")]
        self._call("POST", self.base + "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._call("GET", self.base + "/screenshot")))

    def close(self):
        self._call("DELETE", self.base)


_browsers = []


def the_browser():
    """The one of this file's tests."""
    if not _browsers:
        _browsers.append(Browser())
    return _browsers[0]
