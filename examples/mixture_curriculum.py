"""A curriculum over three sources of text, killed in its second stage, gone on with on another number of processes.

    python examples/mixture_curriculum.py            # 2 processes, killed by SIGKILL; then 3: a minute or two
    python examples/mixture_curriculum.py --quick    # the same, a few hundred draws

The texts are Python's own: its language reference (as pydoc has it), the docstrings of the standard library, and its
code. A small network learns to predict the next byte, first mostly from the reference, later mostly from code.
"""

import argparse
import ast
import functools
import os
import pydoc_data.topics
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import ConcatDataset, DataLoader

from pysampler import DistributedWeightedSampler, Mixture
from pysampler.plan import plan_mixture
from pysampler.plan.mixture_report import mixture_as_text

LENGTH, GLOBAL_BATCH = 96, 24  # bytes of an item; draws of a step over all processes, whatever their number
STEPS = {"quick": 40, "whole": 400}
EARLY, LATE = {"reference": 6, "docstrings": 3, "code": 1}, {"reference": 1, "docstrings": 2, "code": 7}


class Text:
    """A text in pieces of LENGTH bytes."""

    def __init__(self, text: str) -> None:
        self.data = text.encode("ascii", "replace")

    def __len__(self) -> int:
        return len(self.data) // LENGTH

    def __getitem__(self, item: int) -> torch.Tensor:
        return torch.tensor(list(self.data[item * LENGTH :][:LENGTH]))


class Numbered(ConcatDataset):
    """Tells each item's index, so that it can be written down."""

    def __getitem__(self, index: int) -> tuple[int, torch.Tensor]:
        return index, super().__getitem__(index)


@functools.cache
def sources() -> dict[str, Text]:
    """Reads the three sources."""
    docstrings, code = [], []
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        tree = ast.parse(path.read_bytes())
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        texts = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented))
        docstrings += [text for text in texts if text]
        code.append(ast.unparse(tree))
    return {
        "reference": Text("\n".join(pydoc_data.topics.topics.values())),
        "docstrings": Text("\n".join(docstrings)),
        "code": Text("\n".join(code)),
    }


def mixture_of(steps: int) -> Mixture:
    """Every window is a global batch; shares change after half of the steps."""
    stages = [(0, EARLY), (steps // 2 * GLOBAL_BATCH, LATE)]
    return Mixture(sources(), stages, window=GLOBAL_BATCH)


class NextByte(torch.nn.Module):
    """Tells the loss of predicting each byte from those before it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.read, self.say = torch.nn.Embedding(256, 32), torch.nn.GRU(32, 64), torch.nn.Linear(64, 256)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        """Returns the mean over texts of shape (batch, LENGTH)."""
        guess = self.say(self.read(self.embed(text[:, :-1].T))[0])
        return torch.nn.functional.cross_entropy(guess.flatten(0, 1), text[:, 1:].T.flatten())


def train(folder: Path, steps: int) -> None:
    """One process: trains, writes down each position and index, and saves a checkpoint every few steps."""
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rank, world = dist.get_rank(), dist.get_world_size()
    dataset = Numbered(list(sources().values()))
    sampler = DistributedWeightedSampler(mixture_of(steps), num_samples=steps * GLOBAL_BATCH, seed=1)
    model = DistributedDataParallel(NextByte())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    position = 0
    if (folder / "checkpoint.pt").exists():
        saved = torch.load(folder / "checkpoint.pt")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        sampler.load_state_dict(saved["sampler"])
        position = saved["sampler"]["position"]
    begun = position
    (folder / f"process-{world}-{rank}").write_text(str(os.getpid()))
    with open(folder / f"trained-{world}-{rank}.txt", "w") as file:
        for index, text in DataLoader(dataset, GLOBAL_BATCH // world, sampler=sampler, num_workers=1):
            optimizer.zero_grad()
            model(text).backward()
            optimizer.step()
            for item in index.tolist():
                print(position + rank, item, file=file, flush=True)
                position += world
            if position // GLOBAL_BATCH % 5 == 0:
                done = (position - begun) // world  # on this rank, by training: the worker has fetched more
                state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                state["sampler"] = sampler.state_dict(since_begun=done)  # the same on every rank
                if rank == 0:
                    torch.save(state, folder / "unfinished.pt")
                    (folder / "unfinished.pt").replace(folder / "checkpoint.pt")  # all of it or nothing
    if rank == 0:
        for name, text in sources().items():
            batch = torch.stack([text[item] for item in range(0, len(text), len(text) // 64)])
            with torch.no_grad():
                print(f"loss per byte of {name}: {model.module(batch):.3f}", flush=True)
    dist.destroy_process_group()


def written(folder: Path, world: int) -> dict[int, int]:
    """What the processes of a run wrote down: position -> index. A line cut short by the kill is left out."""
    lines = [line for path in folder.glob(f"trained-{world}-*.txt") for line in path.read_text().splitlines(True)]
    return {int(line.split()[0]): int(line.split()[1]) for line in lines if line.endswith("\n")}


def demonstrate(quick: bool) -> None:
    """Starts 2 processes, kills them in the second stage, starts 3, and compares with the mixture's own draws."""
    steps = STEPS["quick" if quick else "whole"]
    draws, mixture = steps * GLOBAL_BATCH, mixture_of(steps)
    print(mixture_as_text(plan_mixture(mixture, draws, seed=1, source="Python in three sources")), end="\n\n")
    folder = Path(tempfile.mkdtemp())

    def start(processes: int) -> subprocess.Popen[bytes]:
        launch = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--standalone"]
        settings = {**os.environ, "CURRICULUM": str(folder), "STEPS": str(steps), "OMP_NUM_THREADS": "1"}
        with open(folder / f"errors-{processes}.txt", "w") as errors:
            return subprocess.Popen([*launch, __file__], env=settings, stderr=errors)

    first, enough = start(2), draws * 5 // 8
    while len(written(folder, 2)) < enough and first.poll() is None:
        time.sleep(0.01)
    if first.poll() is not None:
        sys.exit(f"the first run ended before it was killed: {(folder / 'errors-2.txt').read_text()}")
    for process in (first.pid, *(int(path.read_text()) for path in folder.glob("process-2-*"))):
        os.kill(process, signal.SIGKILL)  # who starts them first, lest it start them again
    print(f"2 processes killed in the second stage (exit status {first.wait()})")
    before = written(folder, 2)
    begun = torch.load(folder / "checkpoint.pt")["sampler"]["position"]
    print(f"they had trained on {len(before)} items; the last checkpoint has {begun}")

    if start(3).wait() != 0:
        sys.exit(f"the resumed run failed: {(folder / 'errors-3.txt').read_text()}")
    after = written(folder, 3)
    expected = mixture.draw(draws, seed=1).tolist()
    joined = {position: index for position, index in before.items() if position < begun} | after
    assert sorted(after) == list(range(begun, draws))
    assert joined == dict(enumerate(expected)), "the runs together are not the uninterrupted one"
    assert all(expected[position] == index for position, index in before.items())
    print(f"3 processes went on from {begun} to {draws}: all {draws} indices are those of an uninterrupted run")
    for name, share, place in (("first", EARLY, 0), ("second", LATE, steps // 2 * GLOBAL_BATCH)):
        window = [mixture.locate(joined[place + draw])[0] for draw in range(GLOBAL_BATCH)]
        counted = ", ".join(f"{source} {window.count(source)}" for source in share)
        print(f"a batch of the {name} stage: {counted}")


if "RANK" in os.environ:
    train(Path(os.environ["CURRICULUM"]), int(os.environ["STEPS"]))
elif __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few hundred draws; the losses then mean nothing")
    demonstrate(parser.parse_args().quick)
