"""A headless Chromium, driven over the W3C WebDriver protocol of Debian's chromedriver."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CHROMEDRIVER", "CHROMIUM", "Browser"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CHROMEDRIVER = shutil.which("chromedriver")
_KEY = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One browser with one page; also a context manager."""

    def __init__(self, *, width: int = 1280, height: int = 1000) -> None:
        assert CHROMEDRIVER is not None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.session = ""
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.driver = subprocess.Popen(
            [CHROMEDRIVER, f"--port={port}", "--silent"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._ready()
            arguments = [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND", f"--window-size={width},{height}",
            ]  # fmt: skip
            options = {"binary": CHROMIUM, "args": arguments}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            self.session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        try:
            if self.session:
                self._ask("DELETE", f"/session/{self.session}")
        finally:
            self.driver.terminate()
            self.driver.wait(10)

    def _ready(self) -> None:
        until = time.monotonic() + 20
        while True:
            try:
                if self._ask("GET", "/status")["ready"]:
                    return
            except (OSError, urllib.error.URLError):
                pass
            assert time.monotonic() < until, "chromedriver does not answer"
            time.sleep(0.1)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(json.load(error)["value"]["message"]) from None

    def open(self, page: Path, *, ready: str = "return document.documentElement.dataset.ready") -> None:
        """Load a file and wait until its script is done."""
        self._ask("POST", f"/session/{self.session}/url", {"url": page.resolve().as_uri()})
        self.until(ready)

    def until(self, script: str, seconds: float = 20) -> Any:
        """Wait until a script returns something."""
        end = time.monotonic() + seconds
        while not (found := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)
        return found

    def run(self, script: str, *arguments: Any) -> Any:
        """Return the value of a script."""
        return self._ask("POST", f"/session/{self.session}/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector: str) -> str:
        """Return the id of an element."""
        found = self._ask("POST", f"/session/{self.session}/element", {"using": "css selector", "value": selector})
        return str(found[_KEY])

    def click(self, selector: str) -> None:
        self._ask("POST", f"/session/{self.session}/element/{self.find(selector)}/click", {})

    def keys(self, selector: str, text: str) -> None:
        """Type into an element with real key presses."""
        self._ask("POST", f"/session/{self.session}/element/{self.find(selector)}/value", {"text": text})

    def press(self, keys: str) -> None:
        """Press keys with the current focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        body = {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]}
        self._ask("POST", f"/session/{self.session}/actions", body)

    def log(self) -> list[dict[str, Any]]:
        """Return the messages of the console."""
        found: list[dict[str, Any]] = self._ask("POST", f"/session/{self.session}/se/log", {"type": "browser"})
        return found

    def screenshot(self, place: Path) -> None:
        """The visible part of the page as PNG."""
        place.write_bytes(base64.b64decode(self._ask("GET", f"/session/{self.session}/screenshot")))
