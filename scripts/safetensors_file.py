"""Writes safetensors files: what scripts/pytorch_to_safetensors.py and scripts/keras_to_safetensors.py share. Needs nothing but Python."""
import json
import os
import struct
import tempfile


def write(path, tensors, metadata=None):
    """Tensors by name, each (type, bytes of an element, shape, its bytes): the larger types first, then by name, and the header padded
    to eight bytes. The file is written whole or not at all."""
    order = sorted(tensors, key=lambda name: (-tensors[name][1], name))
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name in order:
        kind, _, shape, data = tensors[name]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with tempfile.NamedTemporaryFile(dir=os.path.dirname(os.path.abspath(path)), delete=False) as file:
        try:
            file.write(struct.pack("<Q", len(text)) + text)
            for name in order:
                file.write(tensors[name][3])
            file.close()
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(file.name, 0o666 & ~mask)
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
