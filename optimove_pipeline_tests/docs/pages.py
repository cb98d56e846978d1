"""The pages of the documentation and the fenced blocks in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and its place for messages (``docs/settings.md:12``)."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    start, language, lines = 0, "", list[str]()
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if not line.startswith("```"):
            lines.append(line)
        elif start:
            yield Block(page, start, language, "\n".join(lines))
            start = 0
        else:
            start, language, lines = number, line.removeprefix("```"), []
    assert not start, f"{page}: the block that begins in line {start} has no end"


def all_blocks(language: str) -> list[Block]:
    """Return all blocks of a language, over all pages."""
    return [block for page in PAGES for block in blocks(page) if block.language == language]


def commands(block: Block) -> list[str]:
    """Return the commands of a shell block, those over several lines joined."""
    lines = block.text.replace("\\\n", "").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def first_cells(page: Path) -> list[tuple[str, str]]:
    """Return the first two cells of each table row of a page whose first cell is code, without the ticks."""
    rows = [line.split(" | ") for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return [(row[0].removeprefix("| ").strip("` "), row[1].strip("` ")) for row in rows]
