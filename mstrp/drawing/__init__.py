"""Diagrams of machines and captures as files: text formats, SVG, PNG and PDF."""
