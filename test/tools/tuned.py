"""Changes a file of `lathec --tune`: tuned.py FROM TO KEY=VALUE"""

import json
import sys

tuning = json.load(open(sys.argv[1]))
key, value = sys.argv[3].split("=")
first = tuning["launches"][0]
if key == "fastest":  # the last candidate takes so many microseconds
    first["measured"][-1]["microseconds"] = float(value)
elif key == "candidate":
    first["measured"] = [{"candidate": value, "microseconds": 1}]
elif key == "measured":
    first["measured"] = []
elif key == "kernels":
    first["kernels"] = value
else:
    tuning[key] = int(value) if value.isdigit() else value
json.dump(tuning, open(sys.argv[2], "w"))
