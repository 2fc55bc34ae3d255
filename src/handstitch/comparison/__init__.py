"""Networks compared: by image, by seed, and by their settings.

    found = comparison.compare(["runs/a", "runs/b"]).comparison
    print(found.pairs[0].by_image[0].won, found.pairs[0].by_image[0].p)

networks            the networks that paths stand for
sides               single networks, or those of one recipe with several seeds
answers             the images that they are compared on, and their answers
paired_proportions  by image: exact test, interval, images that would decide
paired_seeds        by seed: paired or not, seeds that would decide
pairs               each side with the first: all of it
findings            the result
"""

from handstitch.comparison.findings import ByImage, BySeed, Comparison, Example, Pair, Side
from handstitch.comparison.pairs import Compared, compare

__all__ = ["ByImage", "BySeed", "Compared", "Comparison", "Example", "Pair", "Side", "compare"]
