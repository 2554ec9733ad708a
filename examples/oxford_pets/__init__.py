"""An article on WeightedRandomSampler, gone through step by step on a folder of images.

The article ("Removing class imbalance in PyTorch with WeightedRandomSampler", in Russian, by wl2776) takes 160 Siamese
and 10 Birman cats of the Oxford Pets and asks: how are weights computed, are batches balanced then, will the model see
all images, and does it help? Here every number it takes from one run or from trials stands beside its closed form.

Needs the extra ``demo``: ``pip install "pysampler[demo]"``.
"""

from oxford_pets.main import ArticleResults, run_article

__all__ = ["ArticleResults", "run_article"]
