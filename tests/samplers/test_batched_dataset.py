"""BatchedDataset takes whatever lists indices, and names what lists none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from pysampler import BatchedDataset

ITEMS: Any = [10, 20, 30, 40]


@pytest.mark.parametrize("indices", [[1, 3], (1, 3), np.array([1, 3]), torch.tensor([1, 3])])
def test_indices_may_be_any_list_of_numbers(indices: Any) -> None:
    assert BatchedDataset(ITEMS, list)[indices] == [20, 40]


@pytest.mark.parametrize("index", [1, np.int64(1), np.array(1), torch.tensor(1), slice(1, 3)])
def test_a_single_index_is_told_which_samplers_yield_lists(index: Any) -> None:
    with pytest.raises(TypeError, match=r"needs a list of indices, but got .*DistributedWeightedBatchSampler"):
        BatchedDataset(ITEMS, list)[index]
