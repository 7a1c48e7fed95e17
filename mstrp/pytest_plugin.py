"""Pytest items for every requirement of a server, and fixtures for additional tests.

``pytest --mstrp-server=BINDING`` runs `mstrp.conform` once and creates an item for each requirement. Without the
option, the plugin loads nothing and changes nothing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mstrp.conform.core.campaign import Campaign
    from mstrp.conform.core.outcome import Outcome
    from mstrp.conform.core.target import Target

__all__: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; they are those of ``mstrp conform server``."""
    group = parser.getgroup("mstrp", "conformance of an MS-TRP server")
    group.addoption("--mstrp-server", metavar="BINDING", help="test this server, one item for each requirement")
    group.addoption("--mstrp-user", metavar="NAME:PASSWORD", help="credentials (NTLM in SPNEGO, privacy)")
    group.addoption(
        "--mstrp-to", metavar="NUMBER", default="", help="address to call (default: the second line of the server)"
    )
    group.addoption(
        "--mstrp-depth", choices=("quick", "normal", "full"), default="normal", help="number of test variants"
    )
    group.addoption("--mstrp-seed", type=int, default=0, help="random seed, to reproduce a run (default: 0)")
    group.addoption("--mstrp-patience", type=float, default=5.0, help="timeout for a response or an event in seconds")
    group.addoption("--mstrp-settle", type=float, default=0.25, help="quiet period that ends a test step, in seconds")
    group.addoption("--mstrp-baseline", metavar="FILE", help="baseline of known failures, which are expected")
    group.addoption("--mstrp-strict", action="store_true", help="treat warnings as failures")


def _target(config: pytest.Config) -> Target | None:
    binding = config.getoption("--mstrp-server")
    if not binding:
        return None
    from mstrp.conform.core.target import Target

    options: dict[str, Any] = {}
    user = config.getoption("--mstrp-user")
    try:
        if user:
            from mstrp.live.auth import initiator

            name, _, password = user.partition(":")
            options["security"] = initiator("negotiate", name, password)
        return Target.of(
            binding,
            options=options,
            to=config.getoption("--mstrp-to"),
            patience=config.getoption("--mstrp-patience"),
            settle=config.getoption("--mstrp-settle"),
        )
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Append the requirements to the collected tests, before ``-k`` and ``-m`` select."""
    target = _target(config)
    if target is None:
        return
    kit = _Kit.from_parent(session, name="mstrp", nodeid="mstrp", target=target, known=_known(config))
    items.extend(kit.collect())
    config.stash[_KIT] = kit


def _known(config: pytest.Config) -> dict[str, str]:
    """Return the failures that the baseline expects."""
    baseline = config.getoption("--mstrp-baseline")
    if not baseline:
        return {}
    from mstrp.checking.baseline import read_baseline

    try:
        return read_baseline(baseline)
    except (OSError, ValueError) as error:
        raise pytest.UsageError(str(error)) from error


class _Kit(pytest.Collector):
    """The run against the server, performed when the first requirement is evaluated."""

    def __init__(self, *, target: Target, known: dict[str, str], **options: Any) -> None:
        super().__init__(**options)
        self.target = target
        self.known = known
        self._campaign: Campaign | None = None
        self.total = 0

    @property
    def campaign(self) -> Campaign:
        """The outcomes of all requirements."""
        if self._campaign is None:
            from mstrp.conform.core.baseline import apply_baseline
            from mstrp.conform.core.campaign import Campaign
            from mstrp.conform.server.requirements import SERVER
            from mstrp.conform.server.suite import run, select

            depths = {"quick": 0, "normal": 1, "full": 2}
            self._campaign = Campaign.of(
                self.target,
                SERVER.values(),
                seed=self.config.getoption("--mstrp-seed"),
                depth=depths[self.config.getoption("--mstrp-depth")],
                strict=self.config.getoption("--mstrp-strict"),
            )
            asyncio.run(run(self._campaign, wanted=select(self._selected())))
            apply_baseline(self._campaign.outcomes.values(), self.known)
        return self._campaign

    def _selected(self) -> list[str] | None:
        """Return the requirements that ``-k``, ``-m`` and node ids select.

        None for all, or if a test uses the outcomes.
        """
        items = self.session.items
        if any("mstrp_campaign" in getattr(item, "fixturenames", ()) for item in items):
            return None
        names = [item.name for item in items if isinstance(item, _Item)]
        # What is checked in every conversation needs all of them.
        everywhere = any(name.startswith(("CALL-V", "CALL-ORDER-")) for name in names)
        return None if everywhere or len(names) == self.total else names

    def collect(self) -> Iterator[pytest.Item]:
        """Yield one item for each requirement."""
        from mstrp.conform.server.requirements import SERVER

        self.total = len(SERVER)
        for name in SERVER:
            yield _Item.from_parent(self, name=name)


#: The run of this pytest session.
_KIT = pytest.StashKey[_Kit]()


class _NotKept(Exception):  # noqa: N818 - what pytest shows is its text
    """A violated requirement."""


class _Item(pytest.Item):
    """One requirement."""

    parent: _Kit

    @property
    def outcome(self) -> Outcome:
        """The outcome of the requirement."""
        return self.parent.campaign.outcomes[self.name]

    def runtest(self) -> None:
        from mstrp.conform.core.outcome import Verdict

        outcome = self.outcome
        if outcome.verdict is Verdict.FAIL:
            if outcome.expected:
                pytest.xfail(f"{outcome.reason}: {outcome.cause}")
            raise _NotKept(outcome.cause)
        if outcome.verdict is Verdict.ERROR:
            raise RuntimeError(outcome.cause)
        if outcome.verdict is not Verdict.PASS:
            pytest.skip(f"{outcome.verdict.value}: {outcome.cause}")

    def repr_failure(self, excinfo: Any, style: Any = None) -> str:
        """Return the requirement and the shortest conversation, as a program."""
        from mstrp.conform.server.python_text import python_text

        if not isinstance(excinfo.value, _NotKept):
            return str(super().repr_failure(excinfo))
        outcome = self.outcome
        lines = [f"{self.name}, MS-TRP {outcome.requirement.section}: {outcome.requirement.summary}", outcome.cause]
        if outcome.program is not None and len(outcome.program):
            lines += ["", f"the shortest conversation found, {outcome.packets} packets:", ""]
            lines.append(python_text(outcome.program, binding=str(self.parent.target.binding), title=self.name))
        return "\n".join(lines)

    def reportinfo(self) -> tuple[str, None, str]:
        """Return the location and the name."""
        return "mstrp", None, self.name


@pytest.fixture(scope="session")
def mstrp_target(request: pytest.FixtureRequest) -> Any:
    """The server under test as `mstrp.conform.Target`; the test is skipped without ``--mstrp-server``."""
    target = _target(request.config)
    if target is None:
        pytest.skip("needs --mstrp-server=BINDING")
    return target


@pytest.fixture
def mstrp_tester(mstrp_target: Target) -> Any:
    """A factory of `mstrp.conform.Tester` for the server, to use with ``async with``."""
    from mstrp.conform.server.tester import Tester

    return lambda: Tester(mstrp_target)


@pytest.fixture
def mstrp_client(mstrp_target: Target) -> Any:
    """A factory of connected `mstrp.live.client.TapiClient`, to use with ``async with``; takes its options."""
    from mstrp.live.client import TapiClient

    def connect(**options: Any) -> Any:
        return TapiClient.connect(mstrp_target.binding, **{**mstrp_target.options, **options})

    return connect


@pytest.fixture(scope="session")
def mstrp_campaign(request: pytest.FixtureRequest, mstrp_target: Target) -> Campaign:
    """The outcomes of all requirements, as `mstrp.conform.Campaign`; the run is performed on first use."""
    return request.config.stash[_KIT].campaign
