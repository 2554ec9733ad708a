"""An article on WeightedRandomSampler, reproduced: 160 Siamese to 10 Birman, every number beside its closed form.

    python examples/oxford_pets_article.py --images data/pets/images --out figures

Without --images it writes scikit-learn's digits as PNG files into a temporary folder of the same layout.
"""

import argparse
import sys
from pathlib import Path

from oxford_pets import run_article

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--images", type=Path, metavar="DIR", help="Oxford Pets' folder of images, or one laid out like it")
parser.add_argument("--frequent", default="Siamese", metavar="NAME", help="class of 160 images (%(default)s)")
parser.add_argument("--rare", default="Birman", metavar="NAME", help="class of 10 images (%(default)s)")
parser.add_argument("--out", type=Path, metavar="DIR", help="save the figures there")
parser.add_argument("--quick", action="store_true", help="fewer trials and epochs; the scores then mean nothing")
parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draws (%(default)s)")

if __name__ == "__main__":
    arguments = vars(parser.parse_args())
    try:
        run_article(arguments.pop("images"), **arguments)
    except (ValueError, OSError, ImportError) as error:
        sys.exit(f"{parser.prog}: {error}")
