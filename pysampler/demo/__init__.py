"""A small real training, with and without oversampling: what `pysampler demo` runs.

Needs the extra ``demo``: ``pip install "pysampler[demo]"``.
"""

from pysampler.demo.main import DemoResults, run_demo

__all__ = ["DemoResults", "run_demo"]
