"""What belongs to sources and classes: in an order that means something, or by name."""

from __future__ import annotations

import itertools
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from optional import require

from pysampler import (
    ClassTable,
    Mixture,
    UnderSampling,
    class_weights,
    complete_targets,
    epochs,
    piecewise_linear,
    read_labels,
    temperature,
    unimax,
)
from pysampler.inputs.listed import listed

LABELS = ["cat"] * 6 + ["dog"] * 3 + ["owl"]
SHARES = {"cat": 0.2, "dog": 0.3, "owl": 0.5}

# Each takes one value for each of three sources or classes.
TAKERS: dict[str, Callable[[Any], Any]] = {
    "shares": lambda given: Mixture([6, 3, 1], given, names=[*SHARES]),
    "a stage": lambda given: Mixture([6, 3, 1], [(0, [1, 1, 1]), (512, given)], names=[*SHARES]),
    "new shares": lambda given: Mixture([6, 3, 1], names=[*SHARES]).at(512, given),
    "lengths": lambda given: Mixture([6, 3, 1], lengths=given, names=[*SHARES]),
    "a point": lambda given: piecewise_linear([(0, given), (100, [1, 1, 1])], steps=2),
    "targets": lambda given: class_weights(LABELS, targets=given),
    "targets of a table": lambda given: ClassTable.from_targets(LABELS, given),
    "sizes": lambda given: temperature(given, 2.0),
    "sizes of a budget": lambda given: unimax(given, 10),
    "epochs": lambda given: epochs([6, 3, 1], given),
}
BY_POSITION = {**TAKERS, "class weights": lambda given: ClassTable(LABELS, given)}


@pytest.mark.parametrize("name", BY_POSITION)
@pytest.mark.parametrize("make", [set, frozenset])
def test_what_has_no_order_is_refused(name: str, make: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        BY_POSITION[name](make(SHARES.values()))


@pytest.mark.parametrize(
    "call",
    [
        lambda: Mixture({3, 6, 1}),
        lambda: Mixture([3, {4, 5}]),
        lambda: Mixture([3, 6], names={"a", "b"}),
        lambda: read_labels(LABELS, classes={"cat", "dog", "owl"}),
        lambda: UnderSampling(LABELS, {1, 2, 3}),
        lambda: piecewise_linear({(0, (1, 0)), (9, (0, 1))}, steps=1),  # type: ignore[arg-type]
    ],
)
def test_sets_of_sources_names_classes_and_points_are_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match=r"order|sequence"):
        call()


@pytest.mark.parametrize("name", TAKERS)
def test_lists_arrays_tensors_iterators_and_values_of_dicts_say_the_same(name: str) -> None:
    values = [0.25, 0.25, 0.5]
    made = [
        repr(TAKERS[name](given))
        for given in (
            values,
            tuple(values),
            np.array(values),
            np.array(values, ">f4"),
            torch.tensor(values),
            torch.tensor(values).bfloat16(),
            torch.tensor(values, requires_grad=True),
            dict(enumerate(values)).values(),
            iter(values),
        )
    ]
    assert len(set(made)) == 1


@pytest.mark.parametrize("name", TAKERS)
def test_what_cannot_be_read_is_a_type_or_value_error_whatever_it_is(name: str) -> None:
    freed = torch.ones(3)
    freed.untyped_storage().resize_(0)
    for given in (
        freed,
        [freed, freed, freed],
        torch.ones(3, device="meta"),
        [*torch.ones(3, device="meta")],
        torch.ones(3).to_sparse(),
        torch.nested.nested_tensor([[1.0], [1.0, 2.0]]),
        torch.ones(1).expand(2**40),
        np.lib.stride_tricks.as_strided(np.ones(1), (2**40,), (0,)),
        torch.ones(3, 1),
        np.ones((1, 3)),
        3,
        object(),
        "abc",
        b"abc",
        [1.0, 1j, 1.0],
        [1.0, b"1", 1.0],
    ):
        with pytest.raises((TypeError, ValueError)):
            TAKERS[name](given)


@pytest.mark.parametrize("value", ["a freed tensor", "a meta tensor", math.nan, -1.0, 0, "2", None, -(10**400), 1j])
def test_temperatures_and_limits_are_numbers_that_can_be_read(value: Any) -> None:
    if value == "a freed tensor":
        value = torch.ones(2)[0].clone()
        value.untyped_storage().resize_(0)  # to compare it crashes in torch
    elif value == "a meta tensor":
        value = torch.ones((), device="meta")
    for call in (lambda: temperature([1, 2], value), lambda: unimax([1, 2], 10, value)):
        with pytest.raises((TypeError, ValueError)):
            call()


def test_sources_that_are_pairs_or_dicts_of_datasets_are_told_apart() -> None:
    named = {"web": range(10), "code": range(4)}
    with pytest.raises(TypeError, match="a pair of a name and a source, 'web': pass a dict"):
        Mixture(list(named.items()))
    with pytest.raises(TypeError, match=re.escape("source 0 is a dict of 'web', 'code': pass one of these")):
        Mixture([named, 5])
    assert Mixture([{0: "a", 1: "b"}, 5]).sizes == (2, 5)  # items 0 and 1


def test_the_keys_and_items_of_a_dict_have_an_order() -> None:
    named = {"web": 6, "code": 3}
    assert Mixture(named.values(), names=named.keys()).fingerprint == Mixture(named).fingerprint  # type: ignore[arg-type]
    assert read_labels(["cat", "dog"], classes={"dog": 0, "cat": 1}.keys()).classes == ("dog", "cat")  # type: ignore[arg-type]
    points = {0: [1, 0], 100: [0, 1]}
    assert piecewise_linear(points.items(), steps=2) == piecewise_linear([*points.items()], steps=2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a pair of a name and a source, 'web'"):
        Mixture(named.items())


def test_a_dict_of_classes_is_told_how_to_become_a_list() -> None:
    index = {"dog": 0, "cat": 1}
    with pytest.raises(TypeError, match=re.escape("sorted(classes, key=classes.get)")):
        read_labels(["cat", "dog"], classes=index)  # type: ignore[arg-type]
    assert read_labels(["cat", "dog"], classes=sorted(index, key=lambda name: index[name])).classes == ("dog", "cat")


def test_two_names_of_files_are_a_source_and_no_pair() -> None:
    assert Mixture([("a.png", "b.png"), ["c.png"], ("d", "e", "f")]).sizes == (2, 1, 3)


def test_a_source_that_is_a_mapping_by_number_is_not_read_item_by_item() -> None:
    """As TensorDicts are: their length is that of their tensors, and to iterate over them makes every item."""

    class Rows(dict[Any, Any]):
        def __iter__(self) -> Any:
            yield {"row": 0}
            raise AssertionError("the second item was made")

        def __len__(self) -> int:
            return 10**6

    assert Mixture([Rows(), 5]).sizes == (10**6, 5)


def test_complex_numbers_are_no_shares_sizes_or_temperatures_and_gradients_do_not_matter() -> None:
    for call in (
        lambda one: Mixture([3, 4], [one, one]),
        lambda one: temperature([one, one], 2),
        lambda one: temperature([1, 2], one),
        lambda one: unimax([1, 2], 10, one),
    ):
        with pytest.raises((TypeError, ValueError)):
            call(np.complex64(1))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            call(torch.tensor(1.0, requires_grad=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        class_weights([0, 1], "power", alpha=torch.tensor(0.5, requires_grad=True))  # type: ignore[arg-type]


def test_too_many_targets_are_counted_all() -> None:
    with pytest.raises(ValueError, match=r"one share per class, 2, but their shape is \(5,\)"):
        class_weights([0, 1], targets=[0.2] * 5)


def test_endless_iterators_are_not_listed() -> None:
    assert listed(itertools.count(), "numbers", 3, "numbers") == [0, 1, 2, 3]


def test_a_series_is_read_by_its_index() -> None:
    pandas = require("pandas")
    counts = pandas.Series(LABELS[::-1]).value_counts(normalize=True).sort_values()
    assert [*counts.index] == ["owl", "dog", "cat"]
    targets = {"cat": 0.6, "dog": 0.3, "owl": 0.1}
    for call in (
        lambda given: class_weights(LABELS, targets=given).tolist(),
        lambda given: ClassTable.from_targets(LABELS, given).fingerprint,
        lambda given: ClassTable(LABELS, given).fingerprint,
        lambda given: Mixture([6, 3, 1], given, names=[*targets]).fingerprint,
        lambda given: complete_targets(LABELS, given),
    ):
        assert call(counts) == call(targets)
    numbers = pandas.Series([2, 2, 2, 0, 0, 1]).value_counts(normalize=True)
    assert [*numbers.index] == [2, 0, 1]
    by_class = class_weights([0, 1, 2, 2], targets=numbers)
    assert torch.equal(by_class, class_weights([0, 1, 2, 2], targets={0: 2 / 6, 1: 1 / 6, 2: 3 / 6}))
    plain = pandas.Series([0.25, 0.25, 0.5])
    assert torch.equal(class_weights(LABELS, targets=plain), class_weights(LABELS, targets=[0.25, 0.25, 0.5]))
    table = pandas.DataFrame({"label": LABELS}).value_counts(normalize=True)  # by tuples of one
    assert torch.equal(class_weights(LABELS, targets=table), class_weights(LABELS, targets=targets))
    with pytest.raises(
        ValueError, match=r"1 is unknown: the sources are '0', '1'; if they are in this order, pass \.tolist"
    ):
        Mixture([3, 4], pandas.Series([0.5, 0.5], index=[1, 0]))
    with pytest.raises(ValueError, match="'cat' comes twice in the index"):
        class_weights(LABELS, targets=pandas.Series([0.5, 0.25, 0.25], index=["cat", "dog", "cat"]))
    with pytest.raises(ValueError, match="'dogs', which is none of the classes"):
        class_weights(LABELS, targets=pandas.Series([0.5, 0.25, 0.25], index=["cat", "dogs", "owl"]))
