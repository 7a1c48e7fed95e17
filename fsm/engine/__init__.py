"""The engine: rows, tables, machines and their steps. It knows no telephony and no protocol."""
