"""Whatever ends `ashlar compile`, the old output stays or the new one is
there, whole; nothing else is left behind."""

import ctypes
import os
import resource
import signal
import subprocess
import time

import artifact
import models


def start(model, output, **options):
    return subprocess.Popen(
        [artifact.ASHLAR, "compile", model, "-o", output, "--target=x86-64-v3"],
        stderr=subprocess.PIPE, text=True, **options)


def signals(folder):
    model = os.path.join(artifact.EXAMPLES, "calculator-gpt")
    output = os.path.join(folder, "m.so")
    begin = time.monotonic()
    process = start(model, output)
    assert process.wait() == 0, process.stderr.read()
    duration = time.monotonic() - begin
    new = {name: open(os.path.join(folder, name), "rb").read()
           for name in ("m.so", "m.h")}
    old = {name: b"old " + name.encode() for name in new}
    ended = 0
    kinds = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]
    for turn in range(32):
        for name in old:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(old[name])
        process = start(model, output)
        # Most of them at the end, when files are written.
        share = (0.1 + 0.9 * turn / 32) if turn % 4 else 0.3
        time.sleep(duration * share)
        kind = kinds[turn // 2 % 4]
        process.send_signal(kind)
        process.communicate()
        ended += process.returncode != 0
        assert process.returncode in (0, -kind, 128 + kind, 1), (
            kind, process.returncode)
        now = {name: open(os.path.join(folder, name), "rb").read()
               for name in new}
        # The library and its header are renamed one after the other: only
        # SIGKILL can come between.
        if kind == signal.SIGKILL:
            assert all(now[n] in (old[n], new[n]) for n in now), turn
        else:
            assert now in (old, new), (turn, kind)
        left = set(os.listdir(folder)) - set(new)
        if kind != signal.SIGKILL:
            assert not left, (kind, left)
        for name in left:
            os.remove(os.path.join(folder, name))
    assert ended > 5, ended


def nohup(folder):
    """A hang-up that the process was started to ignore does not end it."""
    model = os.path.join(artifact.EXAMPLES, "calculator-gpt")
    process = start(model, os.path.join(folder, "m.so"), preexec_fn=lambda:
                    signal.signal(signal.SIGHUP, signal.SIG_IGN))
    for _ in range(20):
        time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
    assert process.communicate()[1] == "" and process.returncode == 0
    assert sorted(os.listdir(folder)) == ["m.h", "m.so"]


def size_limit(folder):
    """`ulimit -f`: an error, the old file, no temporary."""
    model = os.path.join(artifact.EXAMPLES, "story-llama")
    output = os.path.join(folder, "m.so")
    with open(output, "wb") as file:
        file.write(b"old")
    process = start(model, output, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_FSIZE, (200000, 200000)))
    message = process.communicate()[1]
    assert process.returncode == 1 and message.startswith("error: "), (
        process.returncode, message)
    assert "File too large" in message, message
    assert os.listdir(folder) == ["m.so"] and open(output, "rb").read() == b"old"


def full_file_system(folder):
    """A file system that fills up while the weights are written."""
    libc = ctypes.CDLL(None, use_errno=True)
    place = os.path.join(folder, "full")
    os.mkdir(place)
    # A mount of our own, if we may; seen by this process and its children.
    if (libc.unshare(0x00020000) != 0 or
            libc.mount(b"none", b"/", None, 0x44000, None) != 0 or
            libc.mount(b"ashlar", place.encode(), b"tmpfs", 0,
                       b"size=256k") != 0):
        print("full_file_system: mounting is not permitted: skipped")
        return
    try:
        output = os.path.join(place, "m.so")
        with open(output, "wb") as file:
            file.write(b"old")
        process = start(os.path.join(artifact.EXAMPLES, "story-llama"), output)
        message = process.communicate()[1]
        assert process.returncode == 1 and message.startswith("error: "), (
            process.returncode, message)
        assert "No space left" in message, message
        assert os.listdir(place) == ["m.so"]
        assert open(output, "rb").read() == b"old"
    finally:
        libc.umount2(place.encode(), 2)


if __name__ == "__main__":
    artifact.main(signals, nohup, size_limit, full_file_system)
