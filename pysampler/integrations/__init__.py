"""What other libraries need to work with pysampler. Each module imports its library; nobody imports them unasked.

===========  ======================================  =============================================
framework    give it                                 to resume within an epoch
===========  ======================================  =============================================
Lightning    DistributedWeightedSampler or           ``lightning.ResumeSampler``, a callback
             DistributedWeightedBatchSampler
Accelerate   WeightedRandomSampler or                ``accelerate.ResumableLoader``
             WeightedBatchSampler
HF Trainer   WeightedRandomSampler                   ``transformers.WeightedBatches``, a mixin
Ray, ignite  as Lightning                            ``sampler.state_dict(consumed=...)``
streams      ``interleave.interleave``, a dataset    ``StatefulDataLoader``, or its ``state_dict()``
nodes        ``nodes.MultiNodeMixture``              ``torchdata.nodes.Loader``
Megatron     ``Mixture.as_index_arrays``             nothing: any part can be made again
torchrl      ``torchrl.PrioritizedSampler``          its ``state_dict``, or the buffer's
===========  ======================================  =============================================

Some frameworks put a sampler of their own in place, and so lose the weights without a word (Ray does so with anything
but a DistributedSampler). ``sampler_of(loader)`` raises if that has happened.
"""

from pysampler.integrations.loaders import sampler_of

__all__ = ["sampler_of"]
