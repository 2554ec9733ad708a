"""The stream: Philox, which word belongs to a position, and the known answers that freeze both."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
import torch
from families import hashed_integers

from pysampler import AliasTable

# Random123's kat_vectors for philox4x32-10: counter, key, result.
KNOWN_BLOCKS = [
    (
        (0x00000000, 0x00000000, 0x00000000, 0x00000000),
        (0x00000000, 0x00000000),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]

FROZEN_WEIGHTS = [1, 2, 3, 4, 5, 6, 7, 0, 0.5, 1e-12]
FROZEN_SLOTS = [  # (threshold, alias)
    (1507006069, 2),
    (3014012138, 4),
    (1733056980, 3),
    (3466113959, 4),
    (1130254552, 5),
    (2335859406, 6),
    (4294967295, 6),
    (0, 4),
    (753503034, 5),
    (1, 6),
]
FROZEN_FINGERPRINT = "35a23ad8da39ffe7dfcb0d232d0efaa5"
FROZEN_DRAWS = [2, 4, 4, 1, 4, 2, 6, 5, 8, 5, 1, 2, 2, 2, 4, 2, 5, 5, 1, 8]  # seed 2024, epoch 3
FROZEN_LARGE_DRAWS = [28474, 57290, 26403, 40311, 58404, 60047, 30996, 10506]


def top_bits(bits: int, seed: int, epoch: int, start: int, count: int, step: int = 1) -> list[int]:
    """The leading bits of the stream's words: draws from a constant table of 2^bits items are nothing else."""
    table = AliasTable(torch.ones(2**bits))
    found: list[int] = table.draw(count, seed=seed, epoch=epoch, start=start, step=step).tolist()
    return found


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN_BLOCKS)
def test_the_oracle_computes_the_known_answers_of_random123(
    counter: tuple[int, int, int, int], key: tuple[int, int], result: tuple[int, int, int, int]
) -> None:
    assert oracle.philox4x32_10(counter, key) == result


def test_the_first_words_of_seed_0_are_the_halves_of_the_known_zero_block() -> None:
    words = top_bits(16, seed=0, epoch=0, start=0, count=9)
    assert words[0] == 0xE169C58D6627E8D5 >> 48
    assert words[8] == 0x9B00DBD8BC57AC4C >> 48


def test_seed_epoch_and_tag_fill_the_known_block_of_ones() -> None:
    # Tag 255 is not in use, so the block of all ones is checked on the oracle's own layout.
    position = 2**64 - 1  # block 8 * (position // 16) + 7, high half
    block = position // 16 * 8 + position % 8
    assert block == 2**63 - 1
    counter = (block & oracle.MASK32, block >> 32, oracle.MASK32, 255 << 24 | 0xFFFF)
    w2, w3 = oracle.philox4x32_10(counter, (oracle.MASK32, oracle.MASK32))[2:]
    assert oracle.word(-1, 2**48 - 1, position, tag=255) == w2 | w3 << 32


@pytest.mark.parametrize("start", [0, 5, 8, 13, 16, 1000003, 2**36 - 5, 2**62 - 7, 2**63 - 70])
def test_position_i_is_half_i_div_8_mod_2_of_block_8_times_i_div_16_plus_i_mod_8(start: int) -> None:
    seed, epoch = 0xA4093822299F31D0, 77
    expected = []
    for position in range(start, start + 70):
        block = 8 * (position // 16) + position % 8
        words = oracle.philox4x32_10((block % 2**32, block // 2**32, epoch, 0), (seed % 2**32, seed // 2**32))
        half = position // 8 % 2
        expected.append((words[2 * half] + 2**32 * words[2 * half + 1]) >> 44)
    assert top_bits(20, seed, epoch, start, 70) == expected


def test_no_two_positions_share_a_word() -> None:
    positions = np.arange(10_000, dtype=np.uint64)
    blocks = positions // 16 * 8 + positions % 8
    halves = positions // 8 % 2
    assert len(set(zip(blocks.tolist(), halves.tolist(), strict=True))) == 10_000
    assert len(np.unique(oracle.word(1, 2, positions))) == 10_000


def test_the_oracle_agrees_with_itself_on_ints_and_arrays() -> None:
    positions = [0, 7, 8, 15, 16, 2**40 + 3, 2**63 - 1]
    words = oracle.word(-5, 2**48 - 1, np.array(positions, dtype=np.uint64))
    assert words.tolist() == [oracle.word(-5, 2**48 - 1, position) for position in positions]
    for items in (1, 3, 10**6, 2**31, 2**32 - 1):
        assert oracle.scaled(words, items).tolist() == [int(word) * items >> 32 for word in words]


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63, 2**64 - 1, -(2**63), 0x0123456789ABCDEF])
@pytest.mark.parametrize("epoch", [0, 1, 2**32, 2**48 - 1])
def test_every_bit_of_seed_and_epoch_reaches_the_stream(seed: int, epoch: int) -> None:
    expected = [oracle.word(seed, epoch, position) >> 48 for position in range(40)]
    assert top_bits(16, seed, epoch, 0, 40) == expected


def test_seeds_count_modulo_two_to_the_64() -> None:
    assert top_bits(16, -1, 0, 0, 40) == top_bits(16, 2**64 - 1, 0, 0, 40)
    assert top_bits(16, -(2**63), 0, 0, 40) == top_bits(16, 2**63, 0, 0, 40)


def test_neighbouring_seeds_and_epochs_have_unrelated_streams() -> None:
    streams = [top_bits(16, seed, epoch, 0, 1000) for seed in (0, 1, 2**32) for epoch in (0, 1, 2**32)]
    for i, one in enumerate(streams):
        for other in streams[:i]:
            assert sum(a == b for a, b in zip(one, other, strict=True)) < 5  # 1000 / 65536 by chance


def test_a_small_table_its_fingerprint_and_its_draws_are_frozen() -> None:
    table = AliasTable(FROZEN_WEIGHTS)
    slots = [(int(entry) % 2**32, int(entry) >> 32) for entry in oracle.entries_of(table)]
    assert slots == FROZEN_SLOTS
    assert table.fingerprint == FROZEN_FINGERPRINT
    assert table.draw(20, seed=2024, epoch=3).tolist() == FROZEN_DRAWS


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize(
    ("items", "fingerprint"),
    [
        (1000, "055297a37b9462fea933c845fd31cb82"),
        (3072, "e60910b360757e41929d369da3afee2a"),
        (70001, "d9aab7be6800d5d58943fb790afa262e"),
    ],
)
def test_larger_tables_are_frozen_by_their_fingerprints(items: int, fingerprint: str, dtype: type) -> None:
    assert AliasTable(hashed_integers(items).astype(dtype)).fingerprint == fingerprint


def test_draws_of_a_larger_table_are_frozen() -> None:
    table = AliasTable(hashed_integers(70001))
    assert table.draw(8, seed=-1, epoch=2**48 - 1, start=2**62 - 3, step=7).tolist() == FROZEN_LARGE_DRAWS
