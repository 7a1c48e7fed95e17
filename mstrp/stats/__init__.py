"""Statistics of captures: requests, events, return codes, response times, calls and clients."""

from mstrp.stats.collector import Collector
from mstrp.stats.tables import TABLES, Table, tables_of

__all__ = ["TABLES", "Collector", "Table", "tables_of"]
