"""Fails where `lathe eval MODEL --against SOURCE` finds other differences than NumPy does in what `lathe run` writes.

usage: eval_tensors.py MODEL SOURCE FOLDER OUTPUT [INPUT OPTIONS]
"""

import json
import pathlib
import subprocess
import sys

import numpy as np

model, source, folder, output = sys.argv[1:5]
options = sys.argv[5:]


def rows_of(artifact):
    path = pathlib.Path(folder) / "output.npy"
    subprocess.run(["lathe", "run", artifact, *options, "--output", f"{output}={path}"], check=True, capture_output=True)
    return np.load(path).astype(np.float64)


found = subprocess.run(["lathe", "eval", model, "--against", source, "--json", *options], check=True, capture_output=True)
[found] = json.loads(found.stdout)["outputs"]
of_model, of_source = rows_of(model), rows_of(source)
difference = of_model - of_source
divergence = (of_source * (np.log(of_source) - np.log(of_model))).sum(axis=-1)
wanted = {
    "output": output,
    "of": "probabilities",
    "rows": len(of_model),
    "mean_squared_error": np.mean(difference**2),
    "relative_error": np.linalg.norm(difference) / np.linalg.norm(of_source),
    "greatest_error": np.abs(difference).max(),
    "divergence": divergence.mean(),
    "divergence_greatest": divergence.max(),
    "same_top": np.mean(of_model.argmax(axis=-1) == of_source.argmax(axis=-1)),
    "not_finite": 0,
}
for name, value in wanted.items():
    near = abs(found[name] - value) <= 1e-4 * abs(value) + 1e-9 if isinstance(value, float) else found[name] == value
    if not near:
        sys.exit(f"{name} is {found[name]}, wanted {value}")
