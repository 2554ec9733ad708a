"""Recipes that users follow from documents on class imbalance: each step as written, with pysampler's classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from optional import require
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, TensorDataset

from pysampler import AliasTable, ImbalancedDatasetSampler, WeightedRandomSampler, class_weights, sample_weights

# |z| below this holds with probability 1 - 1e-6 for a share of independent draws.
Z = 4.892


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks are fastest on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Images(Dataset[Any]):
    """A custom dataset of real images: it knows its labels only item by item."""

    def __init__(self, counts: dict[int, int]) -> None:
        digits = require("sklearn.datasets").load_digits()
        chosen = [np.flatnonzero(digits.target == digit)[:count] for digit, count in counts.items()]
        self.images = torch.tensor(digits.images[np.concatenate(chosen)], dtype=torch.float32) / 16
        self.classes_of = np.repeat(np.arange(len(counts)), [len(own) for own in chosen]).tolist()

    def __len__(self) -> int:
        return len(self.classes_of)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index], self.classes_of[index]


def recall_of_rare_class(loader: DataLoader[Any], dataset: Images, epochs: int) -> float:
    """Trains a linear classifier through the loader and returns the recall of class 1 on the whole dataset."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(epochs):
        for inputs, labels in loader:
            optimizer.zero_grad()
            functional.cross_entropy(network(inputs), labels).backward()
            optimizer.step()
    actual = torch.tensor(dataset.classes_of)
    return float((network(dataset.images).argmax(1)[actual == 1] == 1).double().mean())


def test_weighted_image_selection_from_class_weights_to_a_training_loop() -> None:
    dataset = Images({3: 90, 8: 10})
    class_weight = {0: 0.1, 1: 0.9}
    weights = [class_weight[label] for _, label in dataset]  # type: ignore[attr-defined]
    torch.manual_seed(1)
    sampler = WeightedRandomSampler(weights, len(weights))
    loader = DataLoader(dataset, batch_size=10, sampler=sampler)
    labels = torch.cat([labels for _ in range(20) for _, labels in loader])
    assert abs(labels.double().mean() - 0.5) < Z * 0.5 / len(labels) ** 0.5  # 90 of weight 0.1 to 10 of weight 0.9

    weighted = recall_of_rare_class(loader, dataset, 4)
    shuffled = recall_of_rare_class(DataLoader(dataset, batch_size=10, shuffle=True), dataset, 4)
    assert weighted > shuffled + 0.3, (weighted, shuffled)

    # The same weights in one line, without loading an image.
    short = sample_weights(dataset.classes_of)
    assert torch.allclose(short / short.sum(), torch.tensor(weights, dtype=torch.float64) / sum(weights))


COUNTS = {"none": 2555, "infection": 227, "ischaemia": 621, "both": 2552}


def test_one_hot_labels_give_the_right_weights_where_value_counts_gives_the_wrong_ones() -> None:
    pandas = require("pandas")
    index = np.random.default_rng(0).permutation(np.repeat(np.arange(4), list(COUNTS.values())))
    train_labels = pandas.DataFrame(np.eye(4, dtype=int)[index], columns=list(COUNTS))
    train_labels.insert(0, "image", [f"{number}.jpg" for number in range(len(index))])
    one_hot = train_labels.loc[:, "none":"both"]
    labels = torch.from_numpy(np.argmax(one_hot.values, axis=1))

    # The question's steps: counts sorted by frequency, so the weights of classes 1 and 3 change places...
    class_sample_count = np.array(pandas.Series(labels.numpy()).value_counts())
    assert class_sample_count.tolist() == [2555, 2552, 621, 227]
    weight = 1.0 / class_sample_count
    assert [f"{value:.8f}" for value in weight] == ["0.00039139", "0.00039185", "0.00161031", "0.00440529"]
    wrong = shares_of_draws(WeightedRandomSampler(weight[labels], len(labels), seed=0), labels)
    assert wrong[1] < 0.02
    assert wrong[3] > 0.75
    # ... and a weight per item and class, if one-hot labels are what indexes them.
    with pytest.raises(ValueError, match=r"shape \(5955, 4\).*argmax"):
        WeightedRandomSampler(weight[one_hot.values], len(labels))

    # From any form of the labels to a sampler that balances the classes.
    for form in (one_hot, one_hot.values, labels, [list(COUNTS)[number] for number in index]):
        items = sample_weights(form)
        expected = [1 / list(COUNTS.values())[number] for number in index]
        assert items.tolist() == pytest.approx(expected, rel=1e-15)
        right = shares_of_draws(WeightedRandomSampler(items, len(labels), seed=0), labels)
        assert np.abs(right - 0.25).max() < Z * (0.25 * 0.75 / (20 * len(labels))) ** 0.5


def shares_of_draws(sampler: WeightedRandomSampler, labels: torch.Tensor) -> np.ndarray[Any, Any]:
    """The share of each of four classes in 20 epochs."""
    drawn = torch.cat([labels[list(sampler)] for _ in range(20)])
    return (torch.bincount(drawn, minlength=4).double() / len(drawn)).numpy()


def test_resampling_by_effective_numbers_is_the_influence_balanced_sampler() -> None:
    counts, beta = [410, 506, 146, 103], 0.9999
    targets = torch.arange(4).repeat_interleave(torch.tensor(counts))[
        torch.randperm(1165, generator=torch.Generator().manual_seed(0))
    ]
    # The document's own arithmetic.
    per_cls_weights = (1.0 - beta) / (1.0 - np.power(beta, counts))
    assert [f"{weight:.8f}" for weight in per_cls_weights] == ["0.00248924", "0.00202661", "0.00689909", "0.00975834"]
    ours = class_weights(targets, "effective", beta=beta, dtype=torch.float64)
    assert ours.tolist() == pytest.approx(per_cls_weights, rel=1e-10)
    printed = [0.00248924, 0.00202661, 0.00689909, 0.00975834]
    total = sum(count * weight for count, weight in zip(counts, printed, strict=True))
    assert total == pytest.approx(4.05842922, abs=5e-9)

    # Its sampler, train_sampler = ImbalancedDatasetSampler(dset_train), draws with these weights per item.
    items = sample_weights(targets, "effective", beta=beta)
    assert items.sum().item() == pytest.approx(total, abs=1165 * 5e-9)
    sampler = WeightedRandomSampler(items, len(targets), seed=0)
    drawn = torch.bincount(torch.cat([targets[list(sampler)] for _ in range(20)]), minlength=4).double()
    expected = per_cls_weights * counts / total
    deviation = (drawn / drawn.sum()).numpy() - expected
    assert np.abs(deviation / np.sqrt(expected * (1 - expected) / drawn.sum().item())).max() < Z

    # The class of that name balances fully: ufoym's weights, 1 / count.
    balanced = ImbalancedDatasetSampler(TensorDataset(torch.arange(1165), targets), seed=0)
    assert balanced.weights.tolist() == [1 / counts[label] for label in targets.tolist()]

    # CBReweight: the same class weights in the loss.
    loss = nn.CrossEntropyLoss(weight=class_weights(targets, "effective", beta=beta))
    assert loss(torch.zeros(1165, 4), targets).item() == pytest.approx(np.log(4), rel=1e-6)


def test_under_sampling_over_sampling_and_loss_weights_of_ten_against_a_thousand() -> None:
    labels = torch.tensor([0] * 10 + [1] * 1000)  # the document's two classes, the rare one first
    weights = sample_weights(labels)

    # Under-sampling: an epoch of as many images as twice the rare class, balanced. What one epoch leaves out another
    # brings: nothing is removed for good.
    under = WeightedRandomSampler(weights, num_samples=20, seed=0)
    seen = torch.zeros(len(labels), dtype=torch.bool)
    rare = 0
    for _ in range(1500):
        epoch = torch.tensor(list(under))
        assert len(epoch) == 20
        seen[epoch] = True
        rare += int((labels[epoch] == 0).sum())
    assert bool(seen.all())  # expected after 750 epochs
    assert abs(rare / 30_000 - 0.5) < Z * 0.5 / 30_000**0.5

    # Over-sampling: copies of the rare images, until the classes are even.
    over = torch.tensor(list(WeightedRandomSampler(weights, num_samples=2000, seed=0)))
    copies = torch.bincount(over, minlength=1010)[:10]
    assert abs(int(copies.sum()) - 1000) < Z * 500**0.5
    assert int(copies.min()) > 50

    # Loss weights: the document's [0.1, 0.9] for classes of equal size would favour class 1; by counts it is class 0.
    ours = class_weights(labels)
    assert ours.tolist() == pytest.approx([0.1, 0.001])
    given = nn.CrossEntropyLoss(weight=torch.tensor([0.1, 0.9]))
    balanced = nn.CrossEntropyLoss(weight=ours)
    always_frequent = torch.tensor([[0.0, 3.0]]).repeat(1010, 1)
    errors = functional.cross_entropy(always_frequent, labels, reduction="none")
    assert given(always_frequent, labels).item() < 0.1  # as good as right: the rare class hardly counts
    mean_of_classes = (errors[labels == 0].mean() + errors[labels == 1].mean()) / 2
    assert balanced(always_frequent, labels).item() == pytest.approx(mean_of_classes.item(), rel=1e-5)


def test_the_articles_two_classes_have_the_articles_expectations() -> None:
    labels = ["Siamese"] * 160 + ["Birman"] * 10
    chances = AliasTable(sample_weights(labels)).probabilities().numpy()
    for draws, expected in ((170, 76.017), (340, 114.797)):
        assert (1 - (1 - chances) ** draws).sum() == pytest.approx(expected, abs=5e-4)
    skewed = AliasTable(sample_weights(labels, targets={"Siamese": 0.1, "Birman": 0.9})).probabilities().numpy()
    assert (1 - (1 - skewed) ** 170).sum() == pytest.approx(26.133, abs=5e-4)
