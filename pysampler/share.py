"""Which positions of an epoch are a rank's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """What one rank takes of an epoch: every ``world``-th position, beginning with its own number.

    Attributes:
        rank: In [0, world).
        world: How many ranks share the epoch.
        drop_last: Whether positions that are left over once all ranks have the same number are dropped; else padding
            fills up the last ones.
        batch_size: How many of its positions a rank hands out at a time.
        drop_last_batch: Whether a smaller last batch is left out.
    """

    rank: int = 0
    world: int = 1
    drop_last: bool = False
    batch_size: int = 1
    drop_last_batch: bool = False

    def count(self, position: int, draws: int) -> int:
        """How many positions this rank takes of ``draws`` when ``position`` of them are done; the same on all ranks."""
        left = draws - position
        count = left // self.world if self.drop_last else -(-left // self.world)
        return count // self.batch_size * self.batch_size if self.drop_last_batch else count

    def reached(self, begun: int, taken: int, draws: int) -> int:
        """The global position after every rank has taken ``taken`` of what began at the global position ``begun``."""
        if taken >= self.count(begun, draws):
            return draws
        return min(begun + taken * self.world, draws)

    def nearest_whole(self, draws: int) -> list[int]:
        """The epochs' lengths next to ``draws`` of which this share leaves nothing out, the smaller one first."""
        unit = self.world * (self.batch_size if self.drop_last_batch else 1)
        return sorted({whole for whole in (draws // unit * unit, -(-draws // unit) * unit) if whole > 0})
