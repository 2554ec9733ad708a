"""What training frameworks need beyond the samplers themselves. Each module imports its framework when imported.

==============  =========================================  =====================================================
framework       give it                                    and for resuming within an epoch
==============  =========================================  =====================================================
Lightning       DistributedWeighted(Batch)Sampler          ``integrations.lightning.ResumeSampler``, a callback
Accelerate      WeightedRandomSampler, WeightedBatchSampler  ``integrations.accelerate.ResumableLoader``
HF Trainer      WeightedRandomSampler                      ``integrations.transformers.WeightedBatches``, a mixin
Ray, ignite     DistributedWeighted(Batch)Sampler          ``sampler.state_dict(consumed=...)``
==============  =========================================  =====================================================

A framework that puts a sampler of its own in place loses the weights without a word (Ray does so with anything but a
DistributedSampler). ``sampler_of(loader)`` raises if that has happened.
"""

from pysampler.integrations.loaders import sampler_of

__all__ = ["sampler_of"]
