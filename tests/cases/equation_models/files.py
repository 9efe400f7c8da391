"""Arrays and weights in files, and how far two arrays are apart."""

import json
import os
import struct

import numpy as np

TESTS_CASES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def write_safetensors(path, weights):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name in sorted(weights):
        raw = np.ascontiguousarray(weights[name], "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(weights[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    assert all(entry["dtype"] == "F32" for entry in header.values()), path
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])],
                                "<f4").reshape(entry["shape"])
            for name, entry in header.items()}


def write_array(folder, place, values):
    path = os.path.join(folder, place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    np.save(path, np.ascontiguousarray(values))


def described(name, values, file):
    return {"name": name, "dtype": str(values.dtype),
            "shape": list(values.shape), "file": file}


def rounded(value, digits):
    return float(f"{value:.{digits - 1}e}")


def valid_part(values, inputs, where):
    return values if where is None else values[inputs[where] == 1]


def rel_l2(got, ref):
    return np.linalg.norm(got - ref) / np.linalg.norm(ref)
