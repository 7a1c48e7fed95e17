"""The engine: rows, tables, machines and their steps, independent of telephony and of the protocol."""
