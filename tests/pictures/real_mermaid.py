"""Run Mermaid, from npm, in headless Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import NamedTuple

__all__ = ["MISSING", "Rendered", "render"]

_SCRIPT = Path(__file__).parents[1] / "node_modules" / "mermaid" / "dist" / "mermaid.min.js"
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: The reason why Mermaid cannot be run; empty if it can.
MISSING = (
    "Chromium is not installed (Debian: apt-get install chromium)"
    if _CHROMIUM is None
    else "Mermaid is not installed (npm ci --prefix tests)"
    if not _SCRIPT.is_file()
    else ""
)
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=120000", "--dump-dom",
)  # fmt: skip
_PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<script src="{script}"></script>
<pre id="found"></pre>
<script>
const charts = {charts};
async function draw(text, number) {{
  try {{
    await mermaid.parse(text);
    if (text.length > 50000) return {{error: "", text: "", tags: []}};
    const {{svg}} = await mermaid.render(`chart${{number}}`, text);
    const place = document.createElement("div");
    place.innerHTML = svg;
    place.querySelectorAll("style").forEach((style) => style.remove());
    const tags = new Set(Array.from(place.querySelectorAll("*"), (node) => node.localName));
    const cut = (node) => node.nodeType === 3 ? node.data : Array.from(node.childNodes, cut).join(
      ["tspan", "span"].includes(node.localName) ? "" : " ");
    return {{error: "", text: cut(place).replace(/\\s+/g, " "), tags: Array.from(tags)}};
  }} catch (error) {{
    return {{error: String(error.message || error) || "failed", text: "", tags: []}};
  }}
}}
(async () => {{
  mermaid.initialize({{startOnLoad: false}});
  const found = [];
  for (const [number, text] of charts.entries()) found.push(await draw(text, number));
  document.body.textContent = "";
  const place = document.createElement("pre");
  place.textContent = "BEGIN" + JSON.stringify(found) + "END";
  document.body.append(place);
}})();
</script>
"""


class Rendered(NamedTuple):
    """A chart as rendered by Mermaid."""

    #: The message of the parser or renderer; empty if there is none.
    error: str
    #: Text of the SVG; empty for charts above Mermaid's size limit.
    text: str
    #: Names of the elements of the SVG.
    tags: frozenset[str]


def render(charts: list[str], folder: Path) -> list[Rendered]:
    """Parse and draw charts."""
    assert _CHROMIUM is not None
    page = folder / "charts.html"
    shown = json.dumps(charts).replace("<", "\\u003c")
    page.write_text(_PAGE.format(script=_SCRIPT.as_uri(), charts=shown), encoding="utf-8")
    command = [_CHROMIUM, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, check=True, timeout=300).stdout.decode()
    found = re.search(r"BEGIN(.*)END", dom, re.DOTALL)
    assert found is not None, dom[:2000]
    return [Rendered(one["error"], one["text"], frozenset(one["tags"])) for one in json.loads(unescape(found[1]))]
