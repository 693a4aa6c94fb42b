"""The command line: ``softkern`` and ``python -m softkern``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from . import __version__
from ._cli import InputError

_EXAMPLES = """\
examples:
  softkern run scores.npy -o probabilities.npy --op softmax --axis -1
  softkern run scores.npy -o energy.npy --op logsumexp --axis none --temperature 0.5
  softkern run scores.npy -o probabilities.npy --engine dask --scheduler tcp://10.0.0.1:8786
  softkern info
  softkern check --json
  softkern bench softmax float32 --plot speed.png
"""

_RUN = """\
Apply an operation to an array in a .npy file. The file is read in blocks, so that it may be larger
than memory; even a single row may. The result takes its name only when it is complete.
"""


_BENCH = """\
Time softkern and every peer that is installed, by turns, each in a process of its own. All cases
take some five minutes; words choose those with all of them in their names.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {' '.join(message.split())}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` (by default the process's arguments) names; return its exit code."""
    parser, commands = _parsers()
    arguments = parser.parse_args(argv)
    try:
        return _command(arguments)
    except (InputError, OSError) as error:
        commands[arguments.command].error(str(error))
    except KeyboardInterrupt:
        print("softkern: interrupted", file=sys.stderr)
        return 130


def _command(arguments: argparse.Namespace) -> int:
    if arguments.command == "run":
        from ._cli.run import run

        return run(arguments)
    if arguments.command == "info":
        from ._cli.info import info

        return info(arguments.json)
    if arguments.command == "bench":
        from ._cli.bench import bench

        return bench(arguments.words, arguments.grid, arguments.json, arguments.plot)
    from ._cli.check import check

    return check(arguments.json)


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="softkern",
        description="softmax, log-sum-exp and their derivatives, fast and accurate.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"softkern {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="apply an operation to a .npy file", description=_RUN)
    info = commands.add_parser("info", help="show versions, backends, CPU, threads and cache")
    check = commands.add_parser("check", help="prove edge cases and accuracy on this machine")
    bench = commands.add_parser("bench", help="time softkern and its peers", description=_BENCH)
    for command in (run, info, check, bench):
        command.add_argument("--json", action="store_true", help="print the result as JSON")
    _add_run_arguments(run)
    bench.add_argument("words", nargs="*", metavar="WORD", help="such as softmax, float32, axis")
    bench.add_argument("--grid", action="store_true", help="time a grid of shapes, and sum it up")
    bench.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios to a file")
    return parser, {"run": run, "info": info, "check": check, "bench": bench}


def _add_run_arguments(run: _Parser) -> None:
    run.add_argument("input", type=Path, metavar="IN.npy", help="the array: floats or integers")
    run.add_argument(
        "-o", "--output", type=Path, metavar="OUT.npy", required=True, help="may be IN.npy itself"
    )
    run.add_argument(
        "--op",
        choices=["softmax", "log_softmax", "logsumexp"],
        default="softmax",
        help="default: %(default)s",
    )
    run.add_argument(
        "--axis",
        type=_axis,
        default=-1,
        metavar="AXIS",
        help="an integer, several as in --axis=0,-1, or none for all (default: %(default)s)",
    )
    run.add_argument(
        "--temperature", type=float, default=1.0, metavar="T", help=">= 0 (default: %(default)s)"
    )
    run.add_argument(
        "--resume",
        action="store_true",
        help="keep what is done when interrupted, in OUT.npy.part, and go on from there when run again",
    )
    run.add_argument(
        "--engine",
        choices=["here", "dask"],
        default="here",
        help="this process, or the workers of a Dask cluster, who must see both files "
        "(default: %(default)s)",
    )
    run.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of the cluster, such as tcp://10.0.0.1:8786; without it, workers on this machine",
    )


def _axis(text: str) -> int | tuple[int, ...] | None:
    if text.lower() == "none":
        return None
    try:
        axes = tuple(int(item) for item in text.split(","))
    except ValueError:
        message = f"{text!r} is not an axis: give an integer, a list such as 0,-1, or none"
        raise argparse.ArgumentTypeError(message) from None
    return axes if len(axes) > 1 else axes[0]


if __name__ == "__main__":
    sys.exit(main())
