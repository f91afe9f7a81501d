"""Fails where an artifact says another cost of quantizing than `lathe eval` finds: QUANTIZED SOURCE TEXT."""

import json
import subprocess
import sys

quantized, source, text = sys.argv[1:4]


def json_of(*command):
    return json.loads(subprocess.run(["lathe", *command], check=True, capture_output=True).stdout)


said = json_of("inspect", quantized, "--json")["quantization_errors"]["evaluation"]
found = json_of("eval", quantized, "--perplexity", text, "--against", source, "--json")
wanted = {**found, **found["source"], "source_perplexity": found["source"]["perplexity"], "perplexity": found["perplexity"],
          "standard_error": found["standard_error"], "text": "text.txt"}  # fmt: skip
for name, value in said.items():
    values = zip(value, wanted[name]) if isinstance(value, list) else [(value, wanted[name])]
    for one, other in values:
        if one != other if isinstance(one, (str, int)) else abs(one - other) > 1e-3 * abs(other):
            sys.exit(f"{name} is {value}, wanted {wanted[name]}")
missing = {"tokens", "perplexity", "source_perplexity", "ratio_interval", "divergence", "divergence_interval"} - set(said)
if missing:
    sys.exit(f"the artifact does not say {missing}")
