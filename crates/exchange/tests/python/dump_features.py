"""Prints what Python and NumPy read from a features pickle, every number by its bits.

A line for each face with its embedding (little-endian float32), one for each number of its attributes (big-endian float64).
"""

import pickle
import struct
import sys

import numpy


def bits(number):
    return struct.pack(">d", float(number)).hex()


for name, (embedding, demographics, expression, mask, pose) in pickle.load(open(sys.argv[1], "rb")).items():
    assert type(embedding) is numpy.ndarray and embedding.dtype == numpy.dtype("<f4") and embedding.ndim == 1
    print(name.removesuffix(".png"), embedding.tobytes().hex())
    named = {**demographics, "expression": expression, "pose": pose}
    for attribute in ["age", "gender", "race", "expression", "pose"]:
        for label, number in named.pop(attribute).items():
            assert type(number) is float
            print(f"  {attribute} {label}: {bits(number)}")
    assert not named, named
    if mask is not None:
        assert type(mask) is numpy.float64
        print(f"  mask: {bits(mask)}")
