"""Benchmarks: how fast pysampler is, beside its peers and beside what the machine allows.

`python -m benchmarks` measures and writes JSON, tables and plots; `pytest benchmarks` runs a quick
set under pytest-benchmark. Nothing here asserts a time: benchmarks measure, tests judge.
"""
