"""Run CUDA C++ kernels on the CPU, check them, and stand in for CuPy where there is no GPU."""

from .compiler import CompilationError
from .program import Buffer, Program
from .report import Fault, KernelFault, Line, Report

__all__ = ["Buffer", "CompilationError", "Fault", "KernelFault", "Line", "Program", "Report"]
