"""Compiles a model for CUDA with each blocked format: quantize_cuda.py MODEL OUT.cu. Its kernels have to read the
formats that are named here, and no others."""

import re
import subprocess
import sys

GROUPS = (32, 64, 128)
FORMATS = {"int8": "TiledQ8_0", "int8_channel": "TiledQ8_0", "int8_tensor": "TiledQ8_0", "nvfp4": "TiledNVFP4",
           "mxfp4": "TiledMXFP4", "nf4": "Blocked<Nf4Code, 64, float>", "nf4_double": "Blocked<Nf4Code, 64, float>"}
for n in GROUPS:
    FORMATS |= {f"int8_g{n}": "TiledQ8_0", f"int4_g{n}": "TiledQ4_0", f"int3_g{n}": "TiledQ4_0"}
    FORMATS |= {f"uint{bits}_g{n}": f"Blocked<UnsignedCode<{bits}>, {n}, Half, int8_t>" for bits in (3, 4)}
for code in ("E4M3", "E5M2"):
    # A row has as many columns as the product is deep.
    FORMATS |= {f"fp8_{code.lower()}{kind}": rf"Blocked<{code}Code, {width}, float>"
                for kind, width in (("", r"\d+"), ("_channel", r"\d+"), ("_tensor", r"\d+"), ("_block", "128"))}

model, out = sys.argv[1:]
wrong = 0
for name, wanted in FORMATS.items():
    subprocess.run(["lathec", model, f"--quantize={name}", "--target=sm_90a", "--emit=cuda", "-q", "-o", out], check=True)
    with open(out) as file:
        found = set(re.findall(r"Quantized\w+<[^;]*?((?:Tiled|Blocked<)[^;]*)>;", file.read()))
    formats = {f for text in found for f in re.findall(r"Tiled\w+|Blocked<[^>]*>(?:[^<>]*>)?", text)}
    pattern = wanted if "\\" in wanted else re.escape(wanted)
    if not formats or not all(re.match(pattern, f) for f in formats):
        print(f"{name}: kernels read {sorted(formats)}, needed {wanted}")
        wrong += 1
print(f"{len(FORMATS)} formats, {wrong} wrong")
sys.exit(wrong > 0)
