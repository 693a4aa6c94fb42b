"""What the preprocessed text of a CUDA source tells: its kernels and its dynamic shared array."""

import re

KERNEL = re.compile(r'extern\s+"C"\s+(?=[^;{]*?__global__)')
WORD = re.compile(r"\s*(\w+)\s*")
ALIGNED = r"(?:(?:__align__|alignas|__attribute__)\s*\([^;]*?\)+\s*)?"
DYNAMIC = re.compile(rf"extern\s+{ALIGNED}__shared__\s+{ALIGNED}([\w:][\w: ]*?)\s+(\w+)\s*\[\s*\]")


def kernels(text: str) -> dict[str, str]:
    """The `extern "C" __global__` functions by name, with their `__launch_bounds__`, or "()"."""
    return dict(_kernel(text, declaration.end()) for declaration in KERNEL.finditer(text))


def dynamic_array(text: str) -> tuple[str, str] | None:
    """The type and the name of the dynamic shared array."""
    arrays = {name: kind for kind, name in DYNAMIC.findall(text)}
    if len(arrays) > 1:
        raise ValueError(f"more than one dynamic shared array: {', '.join(arrays)}")
    return next(((kind, name) for name, kind in arrays.items()), None)


def _kernel(text: str, at: int) -> tuple[str, str]:
    bounds = "()"
    while word := WORD.match(text, at):
        at = word.end()
        if text[at : at + 1] != "(":
            continue
        if not word[1].startswith("__"):
            return word[1], bounds
        end = _after_parentheses(text, at)
        if word[1] == "__launch_bounds__":
            bounds = text[at:end]
        at = end
    raise ValueError(f"no name of a kernel in {text[at : at + 80]!r}")


def _after_parentheses(text: str, at: int) -> int:
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    return len(text)
