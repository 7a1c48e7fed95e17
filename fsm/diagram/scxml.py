"""Tables as SCXML, the state chart language of the W3C: every row is a transition, in the order of the table.

Guards are data of the document, false until the interpreter sets them. Event names are those of the table with
underscores. The monitor's behavior beyond one state at a time (`Row.expect`) is in attributes of a separate namespace.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from fsm.engine.interop import condition_name, state_name, trigger_name
from protocol.printable import printable

if TYPE_CHECKING:
    from fsm.engine.row import Row
    from fsm.engine.table import Table

__all__ = ["SCXML", "scxml"]

SCXML = "http://www.w3.org/2005/07/scxml"
#: Namespace of the level, section and rule of a row.
_OWN = "urn:mstrp:table"


def scxml(table: Table) -> str:
    """Return a table as an SCXML document. An event of intent does not change the state."""
    ET.register_namespace("", SCXML)
    ET.register_namespace("row", _OWN)
    root = ET.Element(
        f"{{{SCXML}}}scxml",
        {"version": "1.0", "name": table.name, "initial": state_name(table.initial), "datamodel": "ecmascript"},
    )
    guards = sorted({condition_name(guard) for row in table.rows for guard in row.guards})
    if guards:
        data = ET.SubElement(root, f"{{{SCXML}}}datamodel")
        for name in guards:
            ET.SubElement(data, f"{{{SCXML}}}data", {"id": name, "expr": "false"})
    for state in table.states:
        element = ET.SubElement(root, f"{{{SCXML}}}state", {"id": state_name(state)})
        element.set(f"{{{_OWN}}}caption", printable(table.caption(state)))
        if state in table.finals:
            element.set(f"{{{_OWN}}}final", "true")
        for row in table.rows:
            if row.source is state:
                _transition(element, table, row)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _transition(element: ET.Element, table: Table, row: Row) -> None:
    target = row.source if row.event in table.unproven and row.legal else row.target
    found = ET.SubElement(
        element, f"{{{SCXML}}}transition", {"event": trigger_name(row.event), "target": state_name(target)}
    )
    if row.guards:
        tests = [f"{condition_name(guard)} == {'true' if guard.wanted else 'false'}" for guard in row.guards]
        found.set("cond", " && ".join(tests))
    found.set(f"{{{_OWN}}}level", row.level.name)
    found.set(f"{{{_OWN}}}section", row.ref.section)
    if row.rule:
        found.set(f"{{{_OWN}}}rule", row.rule)
    if row.expect:
        found.set(f"{{{_OWN}}}expect", " ".join(state_name(state) for state in row.expect))
