#!/usr/bin/env python3
"""Prints the accuracy of digit probabilities and draws the first images with their predictions.

usage: show_digits.py IMAGES.npy LABELS.npy PROBABILITIES.npy [--count N]
"""

import argparse

import numpy as np

SHADES = " .:-=+*#%@"


def drawing(image):
    """The rows of one [8,8] image in 0..1 as text, two characters a pixel."""
    levels = np.rint(np.clip(image, 0, 1) * (len(SHADES) - 1)).astype(int)
    return ["".join(SHADES[level] * 2 for level in row) for row in levels]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images")
    parser.add_argument("labels")
    parser.add_argument("probabilities")
    parser.add_argument("--count", type=int, default=4, help="how many images to draw")
    arguments = parser.parse_args()

    images, labels = np.load(arguments.images), np.load(arguments.labels)
    probabilities = np.load(arguments.probabilities)
    if probabilities.shape != (len(labels), 10):
        parser.error(f"'{arguments.probabilities}' has shape {probabilities.shape}, needed ({len(labels)}, 10)")

    guesses = probabilities.argmax(1)
    right = int((guesses == labels).sum())
    count = min(arguments.count, len(labels))
    captions = [
        f"{guess} ({100 * row.max():.1f} %), is {label}"
        for guess, row, label in zip(guesses[:count], probabilities, labels)
    ]
    print("".join(caption.ljust(20) for caption in captions).rstrip())
    for row in zip(*(drawing(image[0]) for image in images[:count])):
        print("".join(line.ljust(20) for line in row).rstrip())
    print(f"{right} of {len(labels)} right, accuracy {100 * right / len(labels):.2f} %")


if __name__ == "__main__":
    main()
