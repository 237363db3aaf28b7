#!/usr/bin/python3
"""random_vector.py N SEED: N normally distributed numbers in vec.npy, their norm on stdout.

What a run leaves in its working directory is files/ of the run, so the vector can be mapped
instead of being read:

    numpy.load("/dj/tasks/random_vector/n=1000000,seed=7/files/vec.npy", mmap_mode="r")
"""
import sys

import numpy


def main():
    n, seed = int(sys.argv[1]), int(sys.argv[2])
    vector = numpy.random.default_rng(seed).standard_normal(n)
    numpy.save("vec.npy", vector)
    print(repr(float(numpy.linalg.norm(vector))))


if __name__ == "__main__":
    main()
