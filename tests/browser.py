"""A headless Chromium for tests, driven over the pipe of its DevTools protocol.

No driver and no package: the browser reads commands from file descriptor 3 and answers on 4, JSON
between null bytes (``--remote-debugging-pipe``). Tests that want one skip where none is installed.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
EXECUTABLE = next((path for path in map(shutil.which, NAMES) if path), None)
needs_browser = pytest.mark.skipif(
    EXECUTABLE is None, reason=f"no browser: none of {', '.join(NAMES)} is installed"
)
_SECONDS = 60


class Browser:
    """One page of a browser; what it complains of and asks for is kept.

    Attributes
    ----------
    problems : list of str
        Script errors and messages of the console that are errors or warnings.
    requests : list of str
        Addresses that were asked for.
    """

    def __init__(self, process, write, read):
        self._process, self._write, self._read = process, write, read
        self._id, self._buffer, self._session = 0, b"", None
        self._events = []
        self.problems, self.requests = [], []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __call__(self, method, **parameters):
        """Give a command and return its answer."""
        self._id += 1
        message = {"id": self._id, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _message(self):
        while b"\0" not in self._buffer:
            part = os.read(self._read, 1 << 20)
            if not part:
                raise RuntimeError(f"the browser has ended: {self._process.poll()}")
            self._buffer += part
        first, self._buffer = self._buffer.split(b"\0", 1)
        message = json.loads(first)
        self._take(message.get("method"), message.get("params", {}))
        return message

    def _take(self, method, parameters):
        if method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            said = details.get("exception", {}).get("description")
            self.problems.append(said or details["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.problems.append(json.dumps(parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.problems.append(parameters["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method is not None:
            self._events.append(method)

    def open(self, path, *, width, height=900, dark=False):
        """Open a file in a window of this width, on a light or a dark system."""
        self.problems.clear()
        self.requests.clear()
        self(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self("Page.navigate", url=Path(path).resolve().as_uri())
        end = time.monotonic() + _SECONDS
        while "Page.loadEventFired" not in self._events:
            self._message()
            assert time.monotonic() < end
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script):
        """Return the value of a script, awaited if it is a promise."""
        answer = self("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:500])
        return answer["result"].get("value")

    def press(self, key):
        """Press a key where the focus is."""
        code = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35}[key]
        for kind in ("keyDown", "keyUp"):
            self(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
            )

    def screenshot(self, path):
        """Write a picture of the whole page."""
        shot = self("Page.captureScreenshot", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shot["data"]))


@contextlib.contextmanager
def open_browser():
    """Start a browser for the ``with`` block, without a profile and without a network."""
    to_browser, commands = os.pipe()
    answers, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # The shell puts the pipe's ends where the browser looks for them.
        start = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
        ]
        process = subprocess.Popen(
            ["/bin/bash", "-c", start, "browser", EXECUTABLE, *options],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            yield Browser(process, commands, answers)
        finally:
            process.terminate()
            process.wait(timeout=_SECONDS)
            os.close(commands)
            os.close(answers)
