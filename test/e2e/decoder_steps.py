"""Generates with a decoder step by step, its cache going round, and holds every step against onnxruntime.

decoder_steps.py DECODER.onnx DECODER_WITH_PAST.onnx SCRATCH [--batch N] [--sequence N] [--prefix N] [--steps N]

The first model takes a prefix; the second takes one token more and the cache that came out of the step before, whose
length grows by one. Each engine goes on from its own cache. Both get the tokens that onnxruntime finds likeliest.
Logits and caches must be within the tolerance that Tolerance.h gives compiled code. SCRATCH is a folder, empty
afterwards.
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx_model import compare, compile_model, model_inputs, random_array, run_model, work_in

VOCABULARY = 96


class Engines:
    """A model in both engines."""

    def __init__(self, path, scratch, ats):
        self.model = onnx.load(path, load_external_data=False)
        self.outputs = [output.name for output in self.model.graph.output]
        self.inputs = [value.name for value in model_inputs(self.model)]
        self.artifact, self.scratch = scratch / f"{pathlib.Path(path).stem}.lathe", scratch
        self.reference = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        dims = {dim.dim_param for value in model_inputs(self.model) for dim in value.type.tensor_type.shape.dim}
        compile_model(path, self.artifact, [{name: at[name] for name in at if name in dims} for at in ats], [])

    def run(self, shared, caches, step):
        """Outputs of Lathe and of onnxruntime by name, the same as far as the tolerance goes."""
        inputs = [{name: (shared | cache)[name] for name in self.inputs} for cache in caches]
        found = run_model(self.artifact, self.scratch, inputs[0], self.outputs)
        wanted = self.reference.run(self.outputs, inputs[1])
        worst = max(compare(f"{name}, step {step}", *pair) for name, *pair in zip(self.outputs, found, wanted))
        return dict(zip(self.outputs, found)), dict(zip(self.outputs, wanted)), worst


def generate(arguments):
    at = {"batch": arguments.batch, "sequence": arguments.sequence, "prefix": arguments.prefix}
    longest = arguments.prefix + arguments.steps - 1
    decoder = Engines(arguments.decoder, arguments.scratch, [at])
    with_past = Engines(arguments.with_past, arguments.scratch, [at | {"past": past} for past in (arguments.prefix, longest)])
    rng = np.random.default_rng(0)
    shared = {value.name: random_array(rng, value, at, {"input_ids": (0, VOCABULARY)})
              for value in model_inputs(decoder.model)}  # fmt: skip
    found, wanted, worst = decoder.run(shared, ({}, {}), 0)
    # Keys and values of the encoder's states stay what the prefix made of them.
    caches = [{f"past_key_values.{name.removeprefix('present.')}": value for name, value in outputs.items() if name != "logits"}
              for outputs in (found, wanted)]  # fmt: skip
    for step in range(1, arguments.steps + 1):
        shared["input_ids"] = wanted["logits"][:, -1:].argmax(-1)
        found, wanted, rms = with_past.run(shared, caches, step)
        worst = max(worst, rms)
        for cache, outputs in zip(caches, (found, wanted)):
            cache.update((f"past_key_values.{name.removeprefix('present.')}", value) for name, value in outputs.items())
    print(f"{with_past.artifact.stem} batch {arguments.batch} prefix {arguments.prefix} steps {arguments.steps}",
          f"relative_rms {worst:.2g}")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decoder")
    parser.add_argument("with_past")
    parser.add_argument("scratch", type=pathlib.Path)
    for name, default in (("batch", 1), ("sequence", 1), ("prefix", 1), ("steps", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    work_in(arguments.scratch, lambda: generate(arguments))


if __name__ == "__main__":
    main()
