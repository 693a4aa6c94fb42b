"""Tables: with rich where it is installed, in plain text otherwise."""

from collections.abc import Iterable, Sequence


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` under `columns`."""
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        print(plain(title, columns, rows))
        return
    table = Table(
        *columns, title=title, title_justify="left", box=SIMPLE_HEAD, show_header=any(columns)
    )
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:  # a file, or a pipe: no line need be folded
        console.width = console.measure(table, options=console.options.update(width=1000)).maximum
    console.print(table)


def plain(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the table as lines of text, the columns aligned."""
    lines = [columns, *rows] if any(columns) else list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) for line in lines
    ]
    return "\n".join([f"{title}\n", *(line.rstrip() for line in text), ""])
