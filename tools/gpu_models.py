#!/usr/bin/env python3
"""Compiles the models that tools/gpu-bench measures: gpu_models.py FOLDER [NAME...] [--target sm_90a] [--bin DIR]

Without weights: shapes and code are what counts, and the artifacts stay small enough to be sent to where the GPU is. No GPU is
needed here, only NVRTC. Language models come from test/models/block_llama.py, networks from tools/cpu_compare.py; the files
that they are compiled from are kept in FOLDER/sources. Needs numpy, gguf, onnx and onnxruntime.
"""

import argparse
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LANGUAGE = {"8b-bf16": "bf16", "8b-q4_k_m": "f16", "8b-q8_0": "f16", "1b-bf16": "bf16"}  # name -> --activations
QUANTIZED = {"8b-fp8": ("8b-bf16", "fp8_e4m3", "fp8")}  # name -> language model, --quantize, --activations
NETWORKS = {"resnet50-f16": "resnet50", "bert-f16": "bert"}
INVARIANT = "-invariant"  # ends the name of a language model whose results are to depend on no batch
# 256 texts of 1024 tokens and a prompt of 8192, in one step each.
SIZES = ["--context", "8704", "--dim", "tokens=1..8192", "--dim", "sequences=1..256", "--dim", "rows=1..256"]


def make_language_model(path, name):
    size, kind = name.split("-")
    script = ROOT / "test" / "models" / "block_llama.py"
    options = ["--type", kind, "--size", size, "--context", "8704", "--hollow"]
    if subprocess.run([sys.executable, script, path, *options]).returncode:
        sys.exit(f"gpu_models.py: {path.name} could not be made by {script.name}, which needs numpy and gguf")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*LANGUAGE, *QUANTIZED, *NETWORKS])}, and language models with '{INVARIANT}' behind their name; default: all, 8b-bf16{INVARIANT} too")
    parser.add_argument("--target", default="sm_90a")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin", help="where lathec is")
    arguments = parser.parse_args()
    if not (arguments.bin / "lathec").is_file():
        parser.error(f"--bin: there is no lathec in {arguments.bin}")
    sources = arguments.folder / "sources"
    sources.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in arguments.names or [*LANGUAGE, *QUANTIZED, f"8b-bf16{INVARIANT}", *NETWORKS]:
        model, recipe, activations = QUANTIZED.get(name, (name.removesuffix(INVARIANT), "", ""))
        if model not in LANGUAGE and name not in NETWORKS:
            parser.error(f"no model is named '{name}'")
        source = sources / f"{model}.{'gguf' if model in LANGUAGE else 'onnx'}"
        if name in NETWORKS:
            import cpu_compare  # needs onnxruntime

            make, _, dims = cpu_compare.NETWORKS[NETWORKS[name]]
            options = ["--dim", "batch=1..32", *dims, "--activations=f16"]
        else:
            options = [*SIZES, f"--activations={activations or LANGUAGE[model]}"]
            options += [f"--quantize={recipe}"] if recipe else ["--batch-invariant"] if model != name else []
        if not source.exists():
            make(source) if name in NETWORKS else make_language_model(source, model)
        start = time.monotonic()
        command = [arguments.bin / "lathec", source, "-q", f"--target={arguments.target}", "--weights=none", *options]
        done = subprocess.run([*command, "-o", arguments.folder / f"{name}.lathe"])
        print(f"{name}: {'compiled' if done.returncode == 0 else 'failed'} after {time.monotonic() - start:.1f} s", flush=True)
        failed |= done.returncode != 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
