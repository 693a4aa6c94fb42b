"""Functions that are compiled as parts of a kernel, and are not to be called from Python.

Numba optimises each function it compiles and makes machine code of it, with wrappers for Python and
C, and does so again in each of its callers, which hold copies of it. Parts are only typed and
written down as LLVM code: the kernel is optimised once, with all its parts in it.
"""

import ctypes
from typing import Any

from llvmlite.binding import Linkage
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, PassManager
from numba.core.typed_passes import (
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import (
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    ReconstructSSA,
    TranslateByteCode,
)

PASSES = (
    TranslateByteCode,
    FixupArgs,
    IRProcessing,
    GenericRewrites,
    ReconstructSSA,
    NopythonTypeInference,
    PreLowerStripPhis,
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
)


# What is called where Python calls a part: it raises a TypeError.
_REFUSE = ctypes.cast(ctypes.pythonapi.PyErr_BadArgument, ctypes.c_void_p).value


class _Library(JITCodeLibrary):
    """LLVM code for kernels to link."""

    def finalize(self):
        self._finalized = True

    def _optimize_functions(self, ll_module):
        """Left to the kernel that they become parts of."""

    def _get_module_for_linking(self):
        if self._shared_module is None:
            module = self._final_module.clone()
            self._link_parts(module, set())
            for function in module.functions:
                if not function.is_declaration and function.linkage == Linkage.external:
                    function.linkage = "linkonce_odr"  # as another part may hold it, too
            self._shared_module = module  # whole: what links it may be interrupted
        return self._shared_module

    def _link_parts(self, module, linked):
        """Link all it calls, each once."""
        for library in self._linking_libraries:
            if library in linked:
                continue
            linked.add(library)
            if isinstance(library, _Library):
                module.link_in(library._final_module, preserve=True)
                library._link_parts(module, linked)
            else:
                module.link_in(library._get_module_for_linking(), preserve=True)

    def get_pointer_to_function(self, name):
        return _REFUSE

    @property
    def codegen(self):
        """Asked only to `set_env`."""
        return self

    def set_env(self, name, environment):
        """Nothing to set: what Numba keeps for Python code has no place in LLVM code."""


class _Compiler(CompilerBase):
    def define_pipelines(self):
        self.state.library = _Library(self.state.targetctx.codegen(), self.state.func_id.func_name)
        passes = PassManager("part")
        for each in PASSES:
            passes.add_pass(each, each._name)
        passes.finalize()
        return [passes]


PART: dict[str, Any] = {
    "pipeline_class": _Compiler,
    "error_model": "numpy",
    "nogil": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}
