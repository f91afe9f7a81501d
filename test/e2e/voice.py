"""Finds speech chunk by chunk, the state going round, and holds every chunk against onnxruntime.

voice.py DETECTOR.onnx AUDIO.wav SCRATCH --rate HZ [--seconds N]

A chunk of the Silero voice detector is 32 ms long, with the last 4 ms of the chunk before in front. Each engine goes on
from its own state. Probabilities and states must be within the tolerance that Tolerance.h gives compiled code, and the
audio must hold both speech and silence. SCRATCH is a folder, empty afterwards.
"""

import argparse
import pathlib
import subprocess
import sys
import wave

import numpy as np
import onnxruntime
from onnx_model import compare, run_model, work_in


def read_audio(path, rate, seconds):
    """Samples from -1 to 1 at `rate`, to which the file's rate is cut by leaving samples out."""
    with wave.open(str(path)) as file:
        step = file.getframerate() // rate
        if step * rate != file.getframerate() or file.getnchannels() != 1 or file.getsampwidth() != 2:
            sys.exit(f"{path}: needed 16-bit mono audio at a multiple of {rate} Hz")
        samples = np.frombuffer(file.readframes(seconds * file.getframerate()), np.int16)
    return samples[::step].astype(np.float32) / 32768


def detect(arguments):
    size, context = arguments.rate * 32 // 1000, arguments.rate * 4 // 1000
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    reference = onnxruntime.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"])
    names, artifact = [output.name for output in reference.get_outputs()], arguments.scratch / "voice.lathe"
    shapes = [f"--shape=input=1x{context + size}", "--shape=state=?x1x?"]
    subprocess.run(["lathec", arguments.model, "-q", "-o", artifact, *shapes], check=True)
    samples = read_audio(arguments.audio, arguments.rate, arguments.seconds)
    samples = np.concatenate([np.zeros(context, np.float32), samples])
    states = [np.zeros((2, 1, 128), np.float32)] * 2
    rate = {"sr": np.array(arguments.rate, np.int64)}
    rate = {name: value for name, value in rate.items() if name in [each.name for each in reference.get_inputs()]}
    probabilities, worst = [], 0.0
    for chunk, start in enumerate(range(0, len(samples) - context - size + 1, size)):
        audio = samples[None, start : start + context + size]
        found = run_model(artifact, arguments.scratch, {"input": audio, "state": states[0], **rate}, names)
        wanted = reference.run(names, {"input": audio, "state": states[1], **rate})
        worst = max(worst, *[compare(f"{name}, chunk {chunk}", *pair) for name, *pair in zip(names, found, wanted)])
        states = [found[1], wanted[1]]
        probabilities.append(float(wanted[0].squeeze()))
    if min(probabilities) > 0.1 or max(probabilities) < 0.9:
        sys.exit(f"probabilities are {min(probabilities):.2g} to {max(probabilities):.2g}, needed speech and silence")
    print(f"{len(probabilities)} chunks at {arguments.rate} Hz: speech in {np.count_nonzero(np.array(probabilities) > 0.5)}, "
          f"relative_rms {worst:.2g}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("audio", type=pathlib.Path)
    parser.add_argument("scratch", type=pathlib.Path)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=int, default=6)
    arguments = parser.parse_args()
    work_in(arguments.scratch, lambda: detect(arguments))


if __name__ == "__main__":
    main()
