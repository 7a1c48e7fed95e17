"""The HTML report, read as text and used in a headless browser."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from browser import CHROMEDRIVER, CHROMIUM, Browser

from mstrp.checking import CaptureResult, check_capture
from mstrp.generate import Wire, play
from mstrp.report.html import as_html
from mstrp.report.html_record import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

browsing = pytest.mark.skipif(
    CHROMIUM is None or CHROMEDRIVER is None,
    reason="no headless browser (Debian: apt-get install chromium chromium-driver)",
)

BROKEN = "impacket-scapy_fault_connected_after_idle.pcap"
TRANSFER = "impacket-scapy_s45_transfer_typical.pcap"


def judged(*paths: Path, limit: int = 400_000) -> tuple[list[CaptureResult], list[Recorder]]:
    recorders = [Recorder(limit) for _ in paths]
    results = [
        check_capture(str(path), on_packet=recorder.packet, on_step=recorder.step)
        for path, recorder in zip(paths, recorders, strict=True)
    ]
    return results, recorders


@pytest.fixture(scope="session")
def page(captures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a capture with a failure and one without."""
    place = tmp_path_factory.mktemp("html") / "report.html"
    place.write_text(as_html(*judged(captures / BROKEN, captures / TRANSFER)), encoding="utf-8")
    return place


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


class _Links(HTMLParser):
    """Collects everything in a page that makes a browser load a resource."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("src", "srcset", "data", "poster") or (name == "href" and tag != "a"):
                self.loads.append(f"{tag} {name}={value}")
            if name == "id":
                self.ids.append(str(value))


def test_needs_nothing_else(page: Path) -> None:
    """The page loads no external resource, and uses no id twice."""
    links = _Links()
    links.feed(page.read_text(encoding="utf-8"))
    assert links.loads == []
    assert len(links.ids) == len(set(links.ids))
    assert "@import" not in page.read_text(encoding="utf-8")


def test_hostile_text_stays_text(captures: Path) -> None:
    """Text from a capture is never interpreted as markup."""
    results, recorders = judged(captures / BROKEN)
    nasty = "<script>alert(1)</script>{{data}}"
    finding = results[0].findings[0]._replace(summary=nasty, capture=nasty, instance=nasty)
    text = as_html([results[0]._replace(path=nasty, findings=[finding], error=nasty)], recorders)
    assert "<script>alert" not in text
    assert "alert(1)&lt;/script&gt;{{data}}" in text


def test_equal_input_gives_equal_pages(captures: Path) -> None:
    """The same capture gives the same bytes, so that reports can be compared."""
    assert as_html(*judged(captures / TRANSFER)) == as_html(*judged(captures / TRANSFER))


def test_findings_stand_in_the_page_itself(page: Path) -> None:
    """Verdict, cause, sentence and section are present without scripts."""
    text = page.read_text(encoding="utf-8")
    text = text[: text.index('<script type="text/plain" id="data">')]
    assert 'class="verdict fail"' in text
    assert re.search(r"CALL-V01.*frame 58.*after the call had become idle", text, re.DOTALL)
    assert "MS-TRP 2.2.3.1.29" in text


def test_rule_coverage_is_shown_when_known(captures: Path) -> None:
    """A report with coverage has a table of rules with the numbers of checks and violations."""
    coverage = {"rules": {"CALL-V01": {"checked": 7, "broken": 1}, "CALL-V02": {"checked": 0}}}
    text = as_html(*judged(captures / BROKEN), report={"coverage": coverage})
    assert "1 of 2 rules were checked" in text
    assert re.search(r'class="broken".*CALL-V01</code></th><td>7</td><td>1</td>', text)
    assert 'class="open"' in text


def test_packets_beyond_the_limit_are_counted(captures: Path) -> None:
    """A full recorder continues and reports the number of omitted packets."""
    results, (recorder,) = judged(captures / BROKEN, limit=10)
    assert (recorder.count, recorder.left_out) == (10, 28)
    assert [finding.rule for finding in results[0].findings] == ["CALL-V01"]


@browsing
def test_opens_where_it_failed(browser: Browser, page: Path) -> None:
    """The page opens at the failed call: its ladder with states, the finding in its packet, no error."""
    browser.open(page)
    assert browser.run("return document.documentElement.dataset.ready") == "true"
    assert [entry["message"] for entry in browser.log() if entry["level"] == "SEVERE"] == []
    rungs = browser.run("return [...document.querySelectorAll('.rung')].map((rung) => rung.innerText)")
    assert len(rungs) == 16
    (broken,) = [rung for rung in rungs if "CALL-V01" in rung]
    assert "LINE_CALLSTATE hCall=0x87011 CONNECTED" in broken
    assert "connected" in broken


@browsing
def test_draws_the_path_and_the_violation(browser: Browser, page: Path) -> None:
    """The diagram has the visited states, shaded coverage, and one red arrow from idle to connected."""
    browser.open(page)
    walked = browser.run("return [...document.querySelectorAll('#picture .node.walked')].map((node) => node.id)")
    assert {"call-state-OFFERING", "call-state-CONNECTED", "call-state-IDLE"} <= set(walked)
    assert browser.run("return document.querySelectorAll('#picture path.violated').length") == 1
    colour = "return getComputedStyle(document.querySelector('#picture path.violated')).stroke"
    assert browser.run(colour) == "rgb(208, 2, 27)"
    assert browser.run("return document.querySelectorAll('#picture .node.covered').length") == 4
    words = browser.run("return document.querySelector('#path .fail').innerText")
    assert words == "frame 58: idle → connected on LINE_CALLSTATE CONNECTED, violates CALL-V01"


@browsing
def test_a_packet_opens_by_keyboard(browser: Browser, page: Path) -> None:
    """A rung is a button: Enter opens its fields with numbers and meanings, and notifies a screen reader."""
    browser.open(page)
    browser.run("document.querySelectorAll('.rung > button')[1].focus()")
    browser.press("\ue007")
    shown = browser.until("return document.querySelector('.rung .detail')?.innerText")
    assert "LINECALLSTATE_OFFERING" in shown
    assert "0x87011 (552977)" in shown
    assert browser.run("return document.activeElement.getAttribute('aria-expanded')") == "true"


@browsing
def test_a_finding_leads_to_its_packet(browser: Browser, page: Path) -> None:
    """The button of a finding shows the packet in the ladder and moves the focus to it."""
    browser.open(page)
    browser.click(".go")
    browser.until("return document.querySelector('.rung.here')")
    assert browser.run("return document.activeElement.closest('.rung').innerText").startswith("58")


@browsing
def test_calls_by_keyboard(browser: Browser, page: Path) -> None:
    """Arrow keys select sessions and calls, Enter confirms, and the selection is announced."""
    browser.open(page)
    browser.run("document.getElementById('list').focus()")
    browser.press("\ue010\ue007")  # End, Enter
    chosen = browser.until(
        "const row = document.querySelector('.row[aria-selected=true]');"
        "return row && row.getAttribute('aria-posinset') === row.getAttribute('aria-setsize') && row.innerText"
    )
    announced = browser.until(f"return document.getElementById('chosen').innerText === {chosen!r}")
    assert announced
    assert browser.run("return document.getElementById('chosen').getAttribute('aria-live')") == "polite"


@browsing
def test_every_control_has_a_name(browser: Browser, page: Path) -> None:
    """Buttons, fields, regions and lists have names for a screen reader, and headings do not skip a level."""
    browser.open(page)
    nameless = browser.run(
        "return [...document.querySelectorAll('button, input, select, [role=listbox], [role=region], [role=img]')]"
        ".filter((node) => !(node.innerText || '').trim() && !node.getAttribute('aria-label')"
        " && !(node.labels && node.labels.length)).map((node) => node.outerHTML.slice(0, 80))"
    )
    assert nameless == []
    levels = browser.run("return [...document.querySelectorAll('h1, h2, h3, h4')].map((node) => +node.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


#: The minimum contrast of all visible text with its background.
_CONTRAST = """
const channel = (value) => { value /= 255; return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (node) => {
  for (; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (colour.startsWith('rgb(')) return numbers(colour);
  }
  return [255, 255, 255];
};
let least = [99, ''];
for (const node of document.querySelectorAll('p, a, h1, h2, h3, dt, dd, li span, button, code, label, .row, .arrow, .when')) {
  if (!node.innerText || !node.getClientRects().length || node.disabled || node.closest('#picture')) continue;
  const [a, b] = [light(numbers(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
  const ratio = (a + 0.05) / (b + 0.05);
  if (ratio < least[0]) least = [ratio, node.outerHTML.slice(0, 90)];
}
return least;
"""


@browsing
def test_dark_and_light_can_be_read(browser: Browser, page: Path) -> None:
    """In both themes every text has a contrast of at least 4.5 with its background (WCAG AA)."""
    browser.open(page)
    themes = set()
    for _ in range(2):
        themes.add(browser.run("return document.documentElement.dataset.theme"))
        least, where = browser.run(_CONTRAST)
        assert least >= 4.5, where
        browser.click("#theme")
    assert themes == {"dark", "light"}


@browsing
def test_ten_thousand_calls(browser: Browser, tmp_path: Path) -> None:
    """With 10,000 calls the page loads in seconds, keeps few rows, finds a call and shows its ladder."""
    capture, place = tmp_path / "many.pcap", tmp_path / "many.html"
    with capture.open("wb") as stream:
        play(Wire(stream), scenario="4.5", calls=3)
    results, recorders = judged(capture)
    (session,) = results[0].sessions
    # One session with many calls, all with the same path: this test is about the page.
    ways = [(key, way) for key, way in recorders[0].ways.items()]
    many = [session.calls[0]._replace(handle=0x10000 + number) for number in range(10_000)]
    for call in many:
        key = (session.id, f"{call.handle:#x}#{call.epoch}")
        recorders[0].calls[key] = list(recorders[0].calls[ways[0][0]])
        recorders[0].ways[key] = list(ways[0][1])
    place.write_text(
        as_html([results[0]._replace(sessions=[session._replace(calls=many)])], recorders), encoding="utf-8"
    )
    browser.open(place)
    assert "10,000 calls" in browser.run("return document.getElementById('shown').innerText")
    assert browser.run("return document.querySelectorAll('.row').length") < 60
    browser.keys("#search", "0x11f3f")
    browser.until("return document.getElementById('shown').innerText.startsWith('1 calls')")
    browser.run("document.getElementById('list').focus()")
    browser.press("\ue007")
    browser.until("return document.getElementById('chosen').innerText.includes('0x11f3f#1')")
    assert browser.until("return document.querySelectorAll('.rung').length") > 5
    browser.run("document.getElementById('search').value = ''; document.getElementById('search').oninput()")
    browser.run("document.getElementById('list').scrollTop = 140000")
    row = "return [...document.querySelectorAll('.row')].some((row) => row.innerText.includes('0x1138'))"
    assert browser.until(row)
