"""Every CUDA kernel, compiled for every architecture by NVIDIA's compiler: no GPU or driver needed."""

import re
from itertools import product

import nvrtc
import pytest

NUMBERS = {"float": 4, "double": 8, "__half": 2, "softkern::bfloat16": 2}
OPERATIONS = {  # how many arrays they read
    "Softmax": 1,
    "LogSoftmax": 1,
    "LogSumExp": 1,
    "LogSumExpVjp": 1,
    "SoftmaxJvp": 2,
    "SoftmaxGiven": 2,
    "LogSoftmaxJvp": 2,
    "LogSoftmaxVjp": 2,
    "LogSumExpJvp": 2,
    "CrossEntropy": 1,
    "CrossEntropyVjp": 1,
    "CrossEntropyOfAll": 2,
    "CrossEntropyOfAllVjp": 2,
}
REDUCED = ("LogSumExp", "LogSumExpJvp", "CrossEntropy", "CrossEntropyOfAll")
LENGTHS = (20, *(3 << k for k in range(4, 20)))
OPTIONS, MASK = {"TEMPERED": 1}, {"HIDING": 1}
PHASES = ("WHOLE", "FOLD", "MAP")
# On the others float alone, in its largest forms: all would take half as long as all other tests.
ALL_ON = 90


@pytest.fixture(scope="module")
def backend(cupy):
    """The modules that choose and compile kernels; they are told of no GPU."""
    from softkern.backends.cupy_cuda import kernels, regimes

    return kernels, regimes


def numbers_on(architecture):
    return NUMBERS if architecture == ALL_ON else ("float",)


def forms_on(architecture, wanted):
    """All kernels, or the last of each source and phase, which holds most in registers."""
    if architecture == ALL_ON:
        return wanted
    return {(name, dict(macros)["PHASE"]): (name, macros) for name, macros in wanted}.values()


def of_rows(regimes, operation, size):
    for n in LENGTHS:
        regime = regimes.of_rows(
            n,
            size,
            arrays=OPERATIONS[operation],
            reduced=operation in REDUCED,
            most_shared=220 << 10,
        )
        for phase in PHASES[:1] if regime.slices == 1 else PHASES[1:]:
            yield regime.kernel, (*regime.macros, ("PHASE", phase))


def of_columns(regimes, size, widths):
    for width, phase in product(widths, PHASES):
        yield "columns", (*regimes.of_columns(100, 64, size, width=width).macros, ("PHASE", phase))


def instantiations(regimes, operation, number):
    """Every kernel that the host code may ask for: its source and macros."""
    size = NUMBERS[number]
    own = (("NUMBER", number), ("OPERATION", operation))
    widths = {1, regimes.columns_at_once(size, OPERATIONS[operation])}
    rows = dict.fromkeys(of_rows(regimes, operation, size))
    return [(name, own + more) for name, more in (*rows, *of_columns(regimes, size, widths))]


def with_options(regimes, operation, number):
    """The same with a mask, where there may be one, and temperatures."""
    options = OPTIONS if operation.startswith("CrossEntropy") else OPTIONS | MASK
    for name, macros in instantiations(regimes, operation, number):
        if ("COLUMN_WIDTH", 1) in macros or name != "columns":
            yield name, macros + tuple(options.items())


def faults(kernels, name, macros, architecture):
    """What is wrong with one kernel, or None."""
    options = kernels.options(macros)
    compiled = nvrtc.compiled(kernels.source(f"{name}.cu"), options, architecture)
    if compiled.stack or compiled.spills or compiled.warnings:
        return name, macros, compiled._replace(cubin=b"")
    return None


def assert_clean(kernels, wanted, architecture):
    found = (faults(kernels, *each, architecture) for each in wanted)
    assert list(filter(None, found)) == []


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_spills_no_local_memory_no_warnings(backend, operation, architecture):
    kernels, regimes = backend
    numbers = numbers_on(architecture)
    wanted = [each for number in numbers for each in instantiations(regimes, operation, number)]
    assert_clean(kernels, forms_on(architecture, wanted), architecture)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_nor_with_a_mask_and_temperatures(backend, operation):
    kernels, regimes = backend
    numbers = "float", "double"
    wanted = [each for number in numbers for each in with_options(regimes, operation, number)]
    assert_clean(kernels, wanted, ALL_ON)


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_nor_of_segments(backend, architecture):
    from softkern.backends.cupy_cuda import segments

    kernels, _ = backend
    operations = segments.KERNELS.values()
    teams = [team for _, team in segments.TEAMS] + [segments.LARGEST_TEAM]
    wanted = product(operations, numbers_on(architecture), teams, (False, True))
    assert_clean(
        kernels, (("segments", segments.macros_of(*each)) for each in wanted), architecture
    )


def code(kernels, name, macros, architecture, folder):
    compiled = nvrtc.compiled(kernels.source(f"{name}.cu"), kernels.options(macros), architecture)
    return nvrtc.machine_code(compiled.cubin, folder)


@pytest.mark.parametrize("architecture", [75, 90])
@pytest.mark.parametrize("number", NUMBERS)
def test_memory_is_moved_sixteen_bytes_at_once(backend, tmp_path, number, architecture):
    kernels, regimes = backend
    for name, macros in instantiations(regimes, "Softmax", number):
        if name != "columns":
            found = code(kernels, name, macros, architecture, tmp_path)
            assert re.search(r"LDG\.E\.128", found), (name, macros)
            assert ("PHASE", "FOLD") in macros or re.search(r"STG\.E\.128", found), (name, macros)


@pytest.mark.parametrize("number", ["float", "__half", "softkern::bfloat16"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_double_arithmetic_but_for_doubles(backend, tmp_path, operation, number):
    kernels, regimes = backend
    wanted = dict(with_options(regimes, operation, number))
    for name, macros in wanted.items():  # one of each source
        found = code(kernels, name, macros, 90, tmp_path)
        assert not re.search(r"\b(D(ADD|MUL|FMA|SETP|MNMX)|F2F\.F(32\.F64|64\.F32))\b", found)
