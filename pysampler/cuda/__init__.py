"""Drawing on NVIDIA GPUs.

The compiled part, ``pysampler._cuda``, is there if nvcc was found when pysampler was built.
"""
