"""Operators that are supported in part refuse the rest by name: refusals.py LATHEC FOLDER

Each line of CASES is a model as in operators.py, then what lathec must say of it.
"""

import pathlib
import subprocess
import sys

import onnx
from operators import make_model

CASES = """
17 | float[2,5,16] x | | p = Constant<value=int64[1] {0}>() ; y = com.microsoft.RotaryEmbedding<num_heads=2, scale=2.0>(x, p, x, x) | 'scale' is 2.00, only 1 is supported
17 | float[2,5,6] x, float[5,2,6] z | | y = com.microsoft.FusedMatMul<transBatchA=1>(x, z) | 'transBatchA' or 'transBatchB' is set, only 0 is supported
17 | float[2,5,32] x, uint8[6,2,8] w, float[12] s | | y = com.microsoft.MatMulNBits<K=32, N=6, bits=3, block_size=16>(x, w, s) | 'bits' is 3 and 'block_size' 16, needed 2, 4 or 8, and a power of two from 16 to 65536
17 | float[2,5,32] x, uint8[6,2,8] w, float[12] s, int32[32] g | | y = com.microsoft.MatMulNBits<K=32, N=6, bits=4, block_size=16>(x, w, s, "", g) | has 'g_idx', an order of groups, which is not supported
17 | float[2,5,8] x | float[8,48] w, float[48] b | y = com.microsoft.Attention<num_heads=2, do_rotary=1>(x, w, b) | 'do_rotary', 'past_present_share_buffer' or 'past_sequence_length' is set, which is not supported
17 | float[2,5,8] x, int32[8] m | float[8,48] w, float[48] b | y = com.microsoft.Attention<num_heads=2>(x, w, b, m) | has a mask of shape [8], needed [batch], [batch, [5]] or [batch, queries, [5]]
17 | float[2,5,2,3,8] x | | y = com.microsoft.MultiHeadAttention<num_heads=2>(x) | only queries of rank 3 with keys and values of rank 3 or 4 are supported, not packed ones
17 | float[2,5,64] x, float[2,5,32] k, int32[2] s, int32[1] t | | y = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=2, smooth_softmax=1>(x, k, k, "", "", s, t) | 'smooth_softmax' is 1, only 0 is supported
17 | float[2,5,64] x, float[2,5,32] k, int32[2] s, int32[1] t, float[4] h | | y = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=2>(x, k, k, "", "", s, t, "", "", "", "", h) | has input 11, 'h': sinks, scales and norms of heads are not supported
17 | float[2,5,64] x, float[2,5,32] k, int32[2] s, int32[1] t | | y = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=0>(x, k, k, "", "", s, t) | 'num_heads' is 4 and 'kv_num_heads' 0, needed 1 to 1048576
17 | float[2,5,32] x, uint8[6,2,7] w, float[12] s | | y = com.microsoft.MatMulNBits<K=32, N=6, bits=4, block_size=16>(x, w, s) | 'B', input 'w', has shape [6, 2, 7], needed [6, 2, 8] or as many elements
17 | float[2,5,32] x, uint8[6,2,8] w, float[6] s | | y = com.microsoft.MatMulNBits<K=32, N=6, bits=4, block_size=16>(x, w, s) | 'scales', input 's', has shape [6], needed [6, 2] or as many elements
17 | float[2,5,32] x, uint8[6,2,8] w, float[12] s, uint8[12] z | | y = com.microsoft.MatMulNBits<K=32, N=6, bits=4, block_size=16>(x, w, s, z) | 'zero_points', input 'z', has shape [12], needed [6, 1] or as many elements
17 | uint8[2,8] x, uint8[8,3] w, float s, uint8 z | | y = com.microsoft.QGemm<alpha=2.0>(x, s, z, w, s, z) | 'alpha' is 2.00, only 1 is supported
17 | uint8[2,8] x, float s, uint8 z | | y = com.microsoft.QLinearSoftmax<axis=0, opset=12>(x, s, z, s, z) | 'opset' is 12 and 'axis' 0, needed 13 or the last dimension
17 | uint8[2,8] x, float s, uint8 z | | y = com.microsoft.QLinearConcat<axis=0>(s, z, x, s) | has 4 inputs, needed 2 and then 3 for each part
17 | uint8[2,5,8] x, uint8[8,48] w, float[48] b, float s | | y = com.microsoft.QAttention<num_heads=2, do_rotary=1>(x, w, b, s, s) | 'do_rotary' or 'past_present_share_buffer' is set, which is not supported
17 | float[2,5,8] x | float[8] g | y, m = com.microsoft.SkipSimplifiedLayerNormalization(x, x, g) | output 'm' is not supported
"""


def main():
    lathec, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for line in CASES.splitlines() if line]
    failures = 0
    for line in lines:
        case, wanted = line.rsplit(" | ", 1)
        onnx.save(make_model(case)[0], folder / "model.onnx")
        command = [lathec, folder / "model.onnx", "-o", folder / "model.lathe"]
        run = subprocess.run(command, text=True, capture_output=True)
        if run.returncode != 1 or wanted not in run.stderr or (folder / "model.lathe").exists():
            print(f"{line}: ended with {run.returncode} and said {run.stderr}")
            failures += 1
    print(f"{len(lines) - failures} of {len(lines)} models are refused by name")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
