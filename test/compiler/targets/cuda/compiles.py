"""What compiles for CUDA, without a GPU: compiles.py LIST [FOLDER_OF_GOLDENS] [--write]

Prints the kernels of the models in test/models, of the golden models and of the onnx package, and hands those of two
models, with experts and with attention over tensors, to NVRTC. LIST (compiles.txt) names each model that is refused, and the operations and reasons that refuse
it; whatever is refused for another reason, and whatever is not refused any more, fails. --write writes the list anew.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

import onnx

ROOT = pathlib.Path(__file__).parents[4]
ONNX = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"


def find_models(goldens):
    """Name, file and whether NVRTC sees it: of models that say something of their own, in a test that takes a minute."""
    for path in sorted((ROOT / "test" / "models").glob("*.onnx")):
        yield f"models/{path.stem}", path, False
    for path in sorted((ROOT / "test" / "models" / "gguf").glob("*/model.gguf")):
        yield f"models/{path.parent.name}", path, False
    for path in sorted(goldens.glob("*/model.gguf")) if goldens else []:
        name = path.parent.name
        yield f"golden/{name}", path, name in ("bert", "gpt-oss")
    for path in sorted((ONNX / "simple").glob("*/model.onnx")):
        yield f"simple/{path.parent.name}", path, False
    for path in sorted((ONNX / "light").glob("*.onnx")):
        yield f"light/{path.stem}", path, False


def find_refusal(case):
    """Why a model is refused: its errors without names, sizes and types; or an empty string."""
    _, path, nvrtc = case
    done = subprocess.run(["cuda-print", path, f"--emit={'ptx' if nvrtc else 'source'}"], capture_output=True, text=True)
    if done.returncode == 0:
        return ""
    errors = re.findall(r"error: (.*)", done.stderr)
    if done.returncode != 1 or not errors:
        return f"ended with {done.returncode}: {done.stderr.strip()[-300:]}"
    return "; ".join(sorted({re.sub(r"'[^']*(tensor|state)<.*?>'", "T", error) for error in errors}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("list", type=pathlib.Path)
    parser.add_argument("goldens", type=pathlib.Path, nargs="?")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    cases = list(find_models(arguments.goldens))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = {case[0]: why for case, why in zip(cases, pool.map(find_refusal, cases)) if why}
    if arguments.write:
        arguments.list.write_text("".join(f"{name}: {why}\n" for name, why in found.items()))
    lines = (line.split(": ", 1) for line in arguments.list.read_text().splitlines())
    names = {case[0] for case in cases}
    wanted = {name: why for name, why in lines if name in names}
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            print(f"{name}: found {found.get(name, 'that it compiles')}, the list says {wanted.get(name, 'that it compiles')}")
    print(f"{len(cases) - len(found)} of {len(cases)} models compile")
    sys.exit(found != wanted)


if __name__ == "__main__":
    main()
