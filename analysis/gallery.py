"""``python -m analysis.gallery``: run the code of docs/gallery.md and write its pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from matplotlib import pyplot as plt

from chgraph.plotting import save_figure

_PART = re.compile(r"^```python\n(.*?)^```$|^!\[[^\]]*\]\((gallery/\w+\.svg)\)$", re.S | re.M)


@dataclass(frozen=True)
class Arguments:
    """Draw the gallery."""

    page: Path = Path("docs/gallery.md")
    """The page whose code is run."""
    out: Path = Path("docs")
    """Folder to which the names of the pictures are relative."""


def main() -> None:
    """Run the blocks in order; each picture is the figure of the last ``ax`` above it."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.gallery")
    scope: dict[str, Any] = {}
    for code, picture in _PART.findall(arguments.page.read_text(encoding="utf-8")):
        if picture:
            print(save_figure(scope["ax"].figure, arguments.out / picture))
            plt.close("all")
        else:
            exec(compile(code, str(arguments.page), "exec"), scope)


if __name__ == "__main__":
    main()
