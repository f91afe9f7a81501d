"""Compiles a model for CUDA with each blocked format: quantize_cuda.py MODEL OUT.cu. Its kernels have to read the
formats that are named here, and no others."""

import re
import subprocess
import sys

GROUPS = (32, 64, 128)
FORMATS = {"int8": "TiledQ8_0", "int8_channel": "TiledQ8_0", "int8_tensor": "TiledQ8_0", "nvfp4": "TiledNVFP4",
           "mxfp4": "TiledMXFP4", "nf4": "TiledNF4", "nf4_double": "TiledNF4"}
for n in GROUPS:
    FORMATS |= {f"int8_g{n}": "TiledQ8_0", f"int4_g{n}": "TiledQ4_0", f"int3_g{n}": "TiledQ4_0"}
    FORMATS |= {f"uint{bits}_g{n}": f"TiledUINT4_G{n}" for bits in (3, 4)}
for code in ("E4M3", "E5M2"):
    FORMATS |= {f"fp8_{code.lower()}{kind}": f"Tiled{code}" for kind in ("", "_channel", "_tensor", "_block")}

model, out = sys.argv[1:]
wrong = 0
for name, wanted in FORMATS.items():
    subprocess.run(["lathec", model, f"--quantize={name}", "--target=sm_90a", "--emit=cuda", "-q", "-o", out], check=True)
    with open(out) as file:
        found = set(re.findall(r"Quantized\w+<[^;]*?((?:Tiled|Blocked<)[^;]*)>;", file.read()))
    formats = {f for text in found for f in re.findall(r"Tiled\w+|Blocked<[^>]*>(?:[^<>]*>)?", text)}
    if formats != {wanted}:
        print(f"{name}: kernels read {sorted(formats)}, needed {wanted}")
        wrong += 1
print(f"{len(FORMATS)} formats, {wrong} wrong")
sys.exit(wrong > 0)
