#!/usr/bin/env python3
"""What each way to quantize a language model costs it: quantization_table.py MODEL TEXT RECIPE... [--target T] [--bin DIR]

Compiles MODEL as it is and with `lathec --quantize=RECIPE` for each recipe, and compares them on TEXT with `lathe eval
--against`: bytes, perplexity, the Kullback-Leibler divergence from the model as it is, and how often the likeliest token
is the same. Prints a table in Markdown, in the order of divergence; intervals are of 95 %. For another target than the
CPU artifacts run on the GPU of this machine. --activations and --context are passed on. --jobs recipes are under way at a
time, the first ones first. With --rows FILE each finished one is a line of JSON in it, and what is there is not measured
again: an interrupted run goes on where it was, and the table is of all that are there. Needs nothing but the programs.
"""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(*command):
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    except OSError as error:
        raise RuntimeError(f"{command[0]}: {error.strerror}; --bin names the folder of lathec and lathe") from None
    if done.returncode != 0:
        raise RuntimeError(f"{pathlib.Path(command[0]).name} {' '.join(map(str, command[1:]))}\n{done.stderr}")
    return done.stdout


def weights_of(lathe, artifact):
    """Bytes of the weights of an artifact, and bits of each of those that were quantized."""
    manifest = json.loads(run(lathe, "inspect", artifact, "--json"))
    tensors = manifest.get("quantization_errors", {}).get("tensors", [])
    counts = [1.0] * len(tensors)
    for i, tensor in enumerate(tensors):
        for size in tensor["shape"]:
            counts[i] *= size
    bits = sum(count * tensor["bits"] for count, tensor in zip(counts, tensors))
    error = sum(count * tensor["mse"] for count, tensor in zip(counts, tensors))
    values = sum(count * tensor["mean_square"] for count, tensor in zip(counts, tensors))
    return {"bits": bits / sum(counts), "error": (error / values) ** 0.5} if tensors else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--target", default="cpu")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build" / "release" / "bin")
    parser.add_argument("--activations", help="what activations are, for both")
    parser.add_argument("--context", help="tokens of a window")
    parser.add_argument("--jobs", type=int, default=1, help="recipes at a time")
    parser.add_argument("--rows", type=pathlib.Path, help="file of what was measured, which grows")
    arguments = parser.parse_args()
    lathec, lathe = arguments.bin / "lathec", arguments.bin / "lathe"
    options = ["-q", "--target", arguments.target, "--dim", "rows=1..512"]
    options += ["--activations", arguments.activations] if arguments.activations else []
    context = ["--context", arguments.context] if arguments.context else []
    known = arguments.rows.read_text().splitlines() if arguments.rows and arguments.rows.exists() else []
    rows, failed = [json.loads(line) for line in known], []
    recipes = [recipe for recipe in arguments.recipes if recipe not in [row["recipe"] for row in rows]]
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        source = pathlib.Path(folder) / "source.lathe"
        if recipes:
            try:
                run(lathec, arguments.model, *options, "-o", source)
            except RuntimeError as error:
                sys.exit(str(error))

        def measure(number, recipe):
            artifact = pathlib.Path(folder) / f"{number}.lathe"
            run(lathec, arguments.model, *options, "--quantize", recipe, "-o", artifact)
            found = run(lathe, "eval", artifact, "--perplexity", arguments.text, "--against", source, "--json", *context)
            return {"recipe": recipe, "bytes": artifact.stat().st_size, "source_bytes": source.stat().st_size,
                    **json.loads(found), "weights": weights_of(lathe, artifact)}  # fmt: skip

        for job in concurrent.futures.as_completed([pool.submit(measure, *numbered) for numbered in enumerate(recipes)]):
            try:
                rows.append(job.result())
            except RuntimeError as error:
                failed.append(str(error))
                print(error, file=sys.stderr, flush=True)
                continue
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            if arguments.rows:
                with arguments.rows.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
    if not rows:
        sys.exit("nothing was measured")
    first = rows[0]
    print(f"{first['tokens']:,} tokens in windows of {first['context']}, one every {first['stride']}, on {first['device']}\n")
    print("| recipe | bits a weight | error of weights | MB | perplexity | of the source's | divergence, nats a token | same top |")
    print("|---|---|---|---|---|---|---|---|")
    print(f"| as it is | | | {first['source_bytes'] / 1e6:.1f} | {first['source']['perplexity']:.4f} | 1 | 0 | 100 % |")
    for row in sorted(rows, key=lambda row: row["source"]["divergence"]):
        of, weights = row["source"], row["weights"]
        low, high = of["ratio_interval"]
        least, most = of["divergence_interval"]
        print(
            f"| {row['recipe']} | {weights['bits']:.2f} | {100 * weights['error']:.2f} % | {row['bytes'] / 1e6:.1f} "
            f"| {row['perplexity']:.4f} | {of['ratio']:.4f} ({low:.4f} to {high:.4f}) "
            f"| {of['divergence']:.5f} ({least:.5f} to {most:.5f}) | {100 * of['same_top']:.2f} % |"
        )
    if failed:
        sys.exit(f"{len(failed)} recipes failed, see above")


if __name__ == "__main__":
    main()
