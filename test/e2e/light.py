"""Holds a light network of the onnx package against onnxruntime: light.py light_NAME SCRATCH

test/models/reseed.py gives it weights and asserts that its answers are finite, spread and different from picture to
picture. SCRATCH is a folder, empty afterwards.
"""

import pathlib
import sys

from onnx_model import check_model, model_inputs, work_in

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "models"))
import reseed  # noqa: E402


def main():
    name, scratch = sys.argv[1].removeprefix("light_"), pathlib.Path(sys.argv[2])
    path = str(scratch / f"light_{name}.onnx")

    def check():
        reseed.reseed(name, path)
        reseed.check(path)
        check_model(path, scratch, [{}], lambda model, at: {model_inputs(model)[0].name: reseed.pictures(1, seed=8)})

    work_in(scratch, check)


if __name__ == "__main__":
    main()
