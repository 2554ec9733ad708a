"""A subinterpreter cannot have the compiled part, and must be told so: loading it there would hang."""

from __future__ import annotations

import pytest
from processes import run

_INTERPRETERS = """
    import sys
    try:
        import _interpreters as interpreters  # from Python 3.13 on
    except ImportError:
        import _xxsubinterpreters as interpreters
    made = interpreters.create()
    code = f"import sys; sys.path[:] = {sys.path!r}; import MODULE"
    try:
        answer = interpreters.run_string(made, code)
    except Exception as error:
        answer = error
    print(answer)
"""
_CTYPES = """
    import ctypes, sys
    main = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThreadState_Get", ctypes.pythonapi))()
    code = f"import sys; sys.path[:] = {sys.path!r}; import MODULE".encode()
    ctypes.PYFUNCTYPE(ctypes.c_void_p)(("Py_NewInterpreter", ctypes.pythonapi))()
    ctypes.pythonapi.PyRun_SimpleString(code)  # prints the error
    ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(("PyThreadState_Swap", ctypes.pythonapi))(main)
    import pysampler
    print(len(pysampler.AliasTable([1.0])), "item here")
"""


@pytest.mark.parametrize("module", ["pysampler", "pysampler._core"])
@pytest.mark.parametrize("way", ["interpreters", "Py_NewInterpreter"])
def test_loading_in_a_subinterpreter_is_refused_by_name(module: str, way: str) -> None:
    result = run((_INTERPRETERS if way == "interpreters" else _CTYPES).replace("MODULE", module))
    assert "pysampler, as torch, cannot be used in a subinterpreter" in result.stdout + result.stderr
    if way == "Py_NewInterpreter":
        assert "1 item here" in result.stdout, result.stderr
