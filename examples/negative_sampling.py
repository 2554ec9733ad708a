"""Word vectors by negative sampling, the draws inside a compiled training step: python examples/negative_sampling.py.

Negatives come from unigram^0.75 (Mikolov et al. 2013). Seed and position are a buffer: every step draws on without
being compiled again, on the GPU as a CUDA graph; the CPU draws the same negatives.
"""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from pysampler import AliasTable, stream_state

WORDS, DIMENSIONS, BATCH, NEGATIVES, STEPS = 2000, 32, 512, 8, 300


class SkipGram(nn.Module):
    """Vectors of words and of their contexts; draws its own negatives."""

    def __init__(self, counts: torch.Tensor) -> None:
        super().__init__()
        self.words, self.contexts = nn.Embedding(WORDS, DIMENSIONS), nn.Embedding(WORDS, DIMENSIONS)
        nn.init.normal_(self.words.weight, std=0.1)
        nn.init.zeros_(self.contexts.weight)
        self.register_buffer("table", AliasTable(counts.double() ** 0.75).as_tensor())
        self.register_buffer("state", stream_state(seed=42))

    def forward(self, word: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Returns the loss of pairs that were seen together."""
        drawn = torch.ops.pysampler.draw(self.table, self.state, len(word) * NEGATIVES)
        centre = self.words(word)
        seen = (centre * self.contexts(context)).sum(1)
        unseen = torch.einsum("bnd,bd->bn", self.contexts(drawn.view(-1, NEGATIVES)), centre)
        return -(logsigmoid(seen) + logsigmoid(-unseen).sum(1)).mean()


def main() -> None:
    """Trains on made-up text in which words 2k and 2k + 1 stand side by side, and looks whether they are found."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    frequency = 1 / torch.arange(1, WORDS // 2 + 1).repeat_interleave(2)  # Zipf, alike within a pair
    text = AliasTable(frequency).draw(BATCH * STEPS, seed=1)
    model = SkipGram(text.bincount(minlength=WORDS)).to(device)
    step = torch.compile(model, fullgraph=True, mode="reduce-overhead" if device == "cuda" else "default")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for number, words in enumerate(text.to(device).view(STEPS, BATCH)):
        optimizer.zero_grad()
        loss = step(words, words ^ 1)
        loss.backward()
        optimizer.step()
        if number % 50 == 0 or number == STEPS - 1:
            print(f"step {number:3}  loss {loss.item():.3f}  negatives drawn {model.state[2].item()}")
    nearest = (model.words.weight @ model.contexts.weight.T)[:200].argmax(1).cpu()
    found = (nearest == torch.arange(200) ^ 1).float().mean().item()
    print(f"of the 200 most frequent words, {found:.0%} have their neighbour as the closest context (on the {device})")


if __name__ == "__main__":
    main()
