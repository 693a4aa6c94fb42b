"""One library, timed case by case as standard input asks.

It is run as a process of its own, and imports nothing that lies beside it, so that it can time any
softkern there is.

    python -P worker.py LIBRARY THREADS
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

Call = Callable[[], Any]
SMALL = 1000  # numbers below which the results, too, are made by the call
LARGE = 1 << 24  # bytes beyond which a copy is shared by threads


class Unable(Exception):
    """The library has no such operation, or not for such numbers."""


def call_of(library: str, threads: int, case: list[Any]) -> Call:
    """The call that is timed: results go to arrays made before, where the library takes any."""
    operation, dtype, shape, axis = case
    rng = np.random.default_rng(0)
    if dtype == "bfloat16":
        import ml_dtypes  # noqa: F401  NumPy knows the name by it
    x, v = rng.standard_normal((2, *shape)).astype(dtype)
    if operation.startswith("cross_entropy"):
        v = rng.integers(shape[axis], size=np.delete(shape, axis))
    make: Callable[..., Call] = globals()[f"_{library}"]
    return make(operation, x, v, axis, threads)


def _softkern(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    import softkern

    if not hasattr(softkern, operation):
        raise Unable
    call = getattr(softkern, operation)
    if operation.startswith("cross_entropy"):
        return lambda: call(x, v, axis)
    if operation == "softmax_vjp":
        y, dx = softkern.softmax(x, axis), np.empty_like(x)
        return lambda: call(None, v, axis, output=y, out=dx)
    if operation == "softmax_jvp":
        out = np.empty_like(x), np.empty_like(x)
        return lambda: call(x, v, axis, out=out)
    if x.size < SMALL:
        return lambda: call(x, axis)
    result = np.empty_like(call(x, axis))
    return lambda: call(x, axis, out=result)


def _torch(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    import torch

    torch.set_num_threads(threads)
    x, v = _tensor(x), _tensor(v)
    if operation == "softmax_vjp":
        y, dx = torch.softmax(x, axis), torch.empty_like(x)
        backward = torch._softmax_backward_data
        return lambda: backward(v, y, axis, x.dtype, grad_input=dx)
    if operation == "softmax_jvp":
        return lambda: torch.func.jvp(lambda a: torch.softmax(a, axis), (x,), (v,))
    if operation.startswith("cross_entropy"):
        return _torch_loss(operation, x, v)
    call = getattr(torch, operation)
    if x.numel() < SMALL:
        return lambda: call(x, axis)
    result = torch.empty_like(call(x, axis))
    return lambda: call(x, axis, out=result)


def _tensor(a: Any) -> Any:
    import torch

    if a.dtype.name == "bfloat16":  # torch does not take it from NumPy
        return torch.from_numpy(a.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(a)


def _torch_loss(operation: str, x: Any, classes: Any) -> Call:
    import torch

    loss_of = torch.nn.functional.cross_entropy
    if operation == "cross_entropy":
        return lambda: loss_of(x, classes)
    x.requires_grad_()

    def value_and_grad() -> Any:
        x.grad = None
        loss = loss_of(x, classes)
        loss.backward()
        return loss.detach(), x.grad

    return value_and_grad


def _scipy(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    from scipy import special

    if not hasattr(special, operation):
        raise Unable
    call = getattr(special, operation)
    return lambda: call(x, axis=axis)


def _numpy(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    """The usual lines of NumPy, which find all their arrays made."""
    d, e = np.empty_like(x), np.empty_like(x)
    m, s = (np.empty_like(x.max(axis, keepdims=True)) for _ in range(2))

    def exponentials() -> None:
        np.max(x, axis, keepdims=True, out=m)
        np.subtract(x, m, out=d)
        np.exp(d, out=e)
        np.sum(e, axis, keepdims=True, out=s)

    def softmax() -> Any:
        exponentials()
        return np.divide(e, s, out=e)

    def logsumexp() -> Any:
        exponentials()
        return np.add(np.log(s, out=s), m, out=s)

    def log_softmax() -> Any:
        exponentials()
        return np.subtract(d, np.log(s, out=s), out=d)

    def softmax_vjp() -> Any:
        np.multiply(e, v, out=d)
        np.sum(d, axis, keepdims=True, out=s)
        np.subtract(v, s, out=d)
        return np.multiply(d, e, out=d)

    def softmax_jvp() -> Any:
        return softmax(), softmax_vjp()

    rows = np.arange(len(x))

    def cross_entropy() -> Any:
        return -log_softmax()[rows, v].mean()

    def cross_entropy_value_and_grad() -> Any:
        exponentials()
        loss = (np.log(s[:, 0]) - d[rows, v]).mean()
        np.divide(e, s, out=e)
        e[rows, v] -= 1
        return loss, np.divide(e, len(x), out=e)

    softmax()
    calls: dict[str, Call] = {
        "cross_entropy": cross_entropy,
        "cross_entropy_value_and_grad": cross_entropy_value_and_grad,
        "softmax": softmax,
        "logsumexp": logsumexp,
        "log_softmax": log_softmax,
        "softmax_vjp": softmax_vjp,
        "softmax_jvp": softmax_jvp,
    }
    return calls[operation]


def _onnxruntime(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    import onnxruntime as ort

    if operation.startswith("cross_entropy"):
        raise Unable
    y = x.sum(axis) if operation == "logsumexp" else np.empty_like(x)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        session = ort.InferenceSession(_onnx_model(operation, x, y, axis), options)
    except ort.capi.onnxruntime_pybind11_state.NotImplemented as error:  # 16-bit numbers
        raise Unable from error
    binding = session.io_binding()
    binding.bind_ortvalue_input("x", ort.OrtValue.ortvalue_from_numpy(x))
    binding.bind_ortvalue_output("y", ort.OrtValue.ortvalue_from_numpy(y))

    def call() -> Any:
        session.run_with_iobinding(binding)
        return y

    return call


def _onnx_model(operation: str, x: Any, y: Any, axis: int) -> bytes:
    """A graph of one node."""
    from onnx import helper

    names = {"softmax": "Softmax", "log_softmax": "LogSoftmax", "logsumexp": "ReduceLogSumExp"}
    if operation not in names:
        raise Unable
    along = {"axes": [axis], "keepdims": 0} if operation == "logsumexp" else {"axis": axis}
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    x_info = helper.make_tensor_value_info("x", kind, x.shape)
    y_info = helper.make_tensor_value_info("y", kind, y.shape)
    node = helper.make_node(names[operation], ["x"], ["y"], **along)
    graph = helper.make_graph([node], operation, [x_info], [y_info])
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())


def _jax(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    import jax

    jax.config.update("jax_enable_x64", True)
    x, v = jax.device_put(x), jax.device_put(v)

    def softmax(x: Any) -> Any:
        return jax.nn.softmax(x, axis)

    def softmax_vjp(y: Any) -> Any:
        return y * (v - (y * v).sum(axis, keepdims=True))

    def softmax_jvp(x: Any) -> Any:
        return jax.jvp(softmax, (x,), (v,))

    def cross_entropy(x: Any) -> Any:
        z = jax.nn.log_softmax(x, axis)
        return -jax.numpy.take_along_axis(z, v[:, None], axis).mean()

    own = {
        "softmax": softmax,
        "softmax_vjp": softmax_vjp,
        "softmax_jvp": softmax_jvp,
        "cross_entropy": cross_entropy,
        "cross_entropy_value_and_grad": jax.value_and_grad(cross_entropy),
    }
    call = jax.jit(own.get(operation) or (lambda x: getattr(jax.nn, operation)(x, axis)))
    if operation == "softmax_vjp":
        x = softmax(x)
    return lambda: jax.block_until_ready(call(x))


def _copy(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    """A copy of x."""
    result = np.empty_like(x)
    return lambda: np.copyto(result, x)


def _stream(operation: str, x: Any, v: Any, axis: int, threads: int) -> Call:
    """A copy of x: a large one by all threads, past the cache (as `turns` asks of the C library)."""
    result = np.empty_like(x)
    if x.nbytes < LARGE:
        return lambda: np.copyto(result, x)
    pool = ThreadPoolExecutor(threads)
    parts = [np.array_split(a.reshape(-1), threads) for a in (result, x)]
    return lambda: list(pool.map(np.copyto, *parts))


def seconds(call: Call, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def serve(library: str, threads: int) -> None:
    """Answer each line with seconds a call: a case makes a call ready, a number is of repeats."""
    call: Call = lambda: None
    for line in sys.stdin:
        request = json.loads(line)
        if isinstance(request, int):
            seconds(call, max(1, request // 4))  # for what went to sleep since the last turn
            answer = seconds(call, request)
        else:
            try:
                call = call_of(library, threads, request)
            except Unable:
                answer = float("inf")
            else:
                call()
                answer = min(seconds(call, 1) for _ in range(5))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
