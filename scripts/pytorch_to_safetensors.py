#!/usr/bin/env python3
"""Turns what PyTorch saved into a safetensors file, which reel reads, and back. Needs PyTorch alone.

    scripts/pytorch_to_safetensors.py model.pt model.safetensors        # of a state_dict, or of {"state_dict": ...}
    scripts/pytorch_to_safetensors.py --back model.safetensors model.pt

In a program of one's own, with an example that reel recomputes when it loads the file:

    from pytorch_to_safetensors import save
    save("model.safetensors", module.state_dict(), inputs={"x": x}, outputs={"y": module(x)})
"""
import argparse
import ctypes
import json
import pickle
import struct
import sys

import torch

import safetensors_file

TYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}
OF_NAME = {name: kind for kind, name in TYPES.items()}


def raw(tensor):
    """The bytes of a contiguous tensor; no NumPy is needed for them."""
    return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size()) if tensor.numel() else b""


def write(path, tensors, metadata=None):
    """Tensors by name."""
    for name, tensor in tensors.items():
        if tensor.dtype not in TYPES:
            raise SystemExit(f"{name}: {tensor.dtype} has no counterpart in a safetensors file")
    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    safetensors_file.write(path, {name: (TYPES[t.dtype], t.element_size(), t.shape, raw(t)) for name, t in whole.items()}, metadata)


def read(path):
    """The tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        kind, (begin, end) = OF_NAME[entry["dtype"]], entry["data_offsets"]
        flat = torch.frombuffer(data[begin:end], dtype=kind) if end > begin else torch.empty(0, dtype=kind)
        tensors[name] = flat.reshape(entry["shape"]).clone()
    return tensors


def save(path, state, inputs=None, outputs=None, tolerance=1e-5):
    """A state_dict, and perhaps an example: inputs by name, and the outputs that they must give."""
    tensors, metadata = dict(state), {}
    for kind, values in (("input", inputs), ("output", outputs)):
        for name, value in (values or {}).items():
            tensors[f"example.{kind}.{name}"] = value
    if outputs:
        metadata["example.tolerance"] = repr(tolerance)
    write(path, tensors, metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--back", action="store_true", help="from a safetensors file to a .pt file")
    options = parser.parse_args()
    if options.back:
        torch.save(read(options.source), options.target)
        return
    try:
        state = torch.load(options.source, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        sys.exit(f"{options.source}: holds more than tensors: save module.state_dict(), not the module")
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        sys.exit(f"{options.source}: is no state_dict: save module.state_dict(), not the module")
    save(options.target, state)


if __name__ == "__main__":
    main()
