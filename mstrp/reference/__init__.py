"""Reference texts: rules, packets, machines and constants."""
