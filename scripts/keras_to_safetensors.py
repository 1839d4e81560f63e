#!/usr/bin/env python3
"""Turns the weights that Keras saved as HDF5 into a safetensors file, which reel reads, and back. Needs h5py alone.

    scripts/keras_to_safetensors.py model.h5 model.safetensors          # also a .weights.h5 file
    scripts/keras_to_safetensors.py --back model.safetensors model.h5   # over the weights of an HDF5 file that is there

Tensors are called by their path in the file without "model_weights/", such as "lstm/lstm/lstm_cell/kernel:0"; the prefix that reel is
given is all that stands before "kernel", and the suffix what stands after it.
"""
import argparse
import json
import struct
import sys

import h5py

import safetensors_file

TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8"}


def datasets(file):
    """The weights of an HDF5 file by name."""
    found = {}

    def visit(path, item):
        if isinstance(item, h5py.Dataset) and not path.startswith("optimizer_weights/"):
            found[path.removeprefix("model_weights/")] = item

    file.visititems(visit)
    if not found:
        sys.exit(f"{file.filename}: holds no weights")
    return found


def to_safetensors(source, target):
    with h5py.File(source, "r") as file:
        arrays = {name: item[()] for name, item in datasets(file).items()}
    for name, array in arrays.items():
        if array.dtype.name not in TYPES:
            sys.exit(f"{source}: {name} is {array.dtype.name}, which has no counterpart in a safetensors file")
    little = {name: array.astype(array.dtype.newbyteorder("<"), order="C") for name, array in arrays.items()}
    safetensors_file.write(target, {name: (TYPES[a.dtype.name], a.itemsize, a.shape, a.tobytes()) for name, a in little.items()})


def to_hdf5(source, target):
    names = {kind: name for name, kind in TYPES.items()}
    with open(source, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    with h5py.File(target, "r+") as file:
        there = datasets(file)
        if missing := sorted(set(header) ^ set(there)):
            sys.exit(f"{target}: only one of both files has: {', '.join(missing)}")
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            if list(there[name].shape) != entry["shape"]:
                sys.exit(f"{target}: {name} is {list(there[name].shape)}, but {entry['shape']} in {source}")
            array = there[name][()].astype(names[entry["dtype"]])
            array.ravel()[:] = memoryview(data[begin:end]).cast("B").cast(array.dtype.char) if end > begin else []
            there[name][...] = array


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--back", action="store_true", help="from a safetensors file into an HDF5 file")
    options = parser.parse_args()
    (to_hdf5 if options.back else to_safetensors)(options.source, options.target)


if __name__ == "__main__":
    main()
