"""Holds every operator that is imported against onnxruntime: operators.py EVALUATE FOLDER

Each line of CASES is a model: opset | inputs | weights | nodes. Declarations and nodes are in ONNX's text format; the graph's
output is y. Inputs and weights get random values; weights become initializers with raw data, so that they are read from
the file. N is 3 when a model runs, M is 5. A declaration with `= {1 2}` gives the values of an input.
"""

import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
import onnx.parser
import onnx.reference
import onnxruntime

CASES = """
17 | float[N,4] x | | y = Relu(x)
17 | float[N,4] x | | y = Sigmoid(x)
17 | float[N,4] x | | y = Tanh(x)
17 | float[N,4] x | | y = Exp(x)
17 | float[N,4] x | | y = Neg(x)
8  | float[N,4] x | | y = Relu(x)
28 | float[N,4] x | | y = Relu(x)
17 | float[N,4] x, float[N,4] z | | y = Add(x, z)
17 | float[N,4] x | float[4] w | y = Add(x, w)
7  | float[N,4] x | float[4] w | y = Add(w, x)
17 | float[N,1,4] x, float[5,1] z | | y = Sub(x, z)
17 | float[N,4] x | float w | y = Mul(x, w)
17 | float[N,M] x, float[1,M] z | | y = Div(x, z)
17 | float[N,4] x, float[N,4] z | | y = Max(x, z)
17 | float[N,4] x, float[N,1] z, float[4] t | | y = Min(x, z, t)
17 | float[N,4] x | | y = Max(x)
17 | float16[N,4] x, float16[4] z | | y = Add(x, z)
17 | float[N,4] x | | h = Cast<to=10>(x) ; y = Cast<to=1>(h)
17 | float[N,4] x | | h = Cast<to=16>(x) ; y = Cast<to=1>(h)
19 | float[N,4] x | | y = Cast<to=10>(x)
17 | float[N,3,7,6] x | float[4,3,3,2] w | y = Conv(x, w)
17 | float[N,3,7,6] x | float[4,3,3,3] w, float[4] b | y = Conv<pads=[1,0,2,1], strides=[2,1]>(x, w, b)
17 | float[N,3,7,6] x | float[4,3,2,2] w | y = Conv<dilations=[2,3], kernel_shape=[2,2]>(x, w)
17 | float[N,4,5,5] x | float[6,2,3,3] w, float[6] b | y = Conv<group=2, pads=[1,1,1,1]>(x, w, b)
17 | float[N,4,5,5] x | float[4,1,3,3] w | y = Conv<group=4, auto_pad="SAME_UPPER", strides=[2,2]>(x, w)
17 | float[N,2,5,6] x | float[1,2,2,2] w | y = Conv<auto_pad="SAME_UPPER">(x, w)
17 | float[N,2,5,6] x | float[1,2,2,2] w | y = Conv<auto_pad="SAME_LOWER">(x, w)
17 | float[N,2,5,6] x | float[1,2,3,3] w | y = Conv<auto_pad="VALID", strides=[2,1]>(x, w)
17 | float[N,2,M] x | float[3,2,3] w | c = Concat<axis=2>(x, x) ; y = Conv<pads=[1,1], strides=[2]>(c, w)
17 | float[N,2,M] x | float[2,3,3] w | c = Concat<axis=2>(x, x) ; y = ConvTranspose<strides=[2]>(c, w)
17 | float[N,2,M] x | | c = Concat<axis=2>(x, x) ; y = AveragePool<kernel_shape=[3], pads=[1,0]>(c)
17 | float[N,2,M] x | | c = Concat<axis=2>(x, x) ; m, i = MaxPool<kernel_shape=[2], strides=[2]>(c) ; y = Cast<to=1>(i)
17 | float[N,2,6,7] x | | y = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x)
17 | float[N,2,6,7] x | | y = MaxPool<kernel_shape=[3,2], pads=[1,0,2,1]>(x)
17 | float[N,2,6,7] x | | y = MaxPool<kernel_shape=[2,2], dilations=[2,3]>(x)
17 | float[N,2,6,7] x | | y = MaxPool<kernel_shape=[3,3], strides=[2,2], auto_pad="SAME_LOWER">(x)
17 | float[N,2,6,7] x | | y = MaxPool<kernel_shape=[3,2], strides=[2,2], ceil_mode=1>(x)
17 | float[N,2,6,7] x | | y = MaxPool<kernel_shape=[2,2], strides=[3,3], pads=[0,1,0,1], ceil_mode=1>(x)
17 | float[N,2,3,4] x | | y = Flatten(x)
17 | float[N,2,M,4] x | | f = Flatten<axis=1>(x) ; s = Constant<value_ints=[0,2,-1,4]>() ; y = Reshape(f, s)
17 | float[N,2,3,4] x | | f = Flatten<axis=0>(x) ; s = Constant<value_ints=[-1,24]>() ; y = Reshape(f, s)
17 | float[N,2,3,4] x | | f = Flatten<axis=2>(x) ; s = Constant<value_ints=[-1,2,12]>() ; y = Reshape(f, s)
17 | float[3,2,3,4] x | | y = Flatten<axis=-1>(x)
17 | float[2,3,4] x | | y = Flatten<axis=3>(x)
17 | float[N,2,6] x | | s = Constant<value=int64[3] {0,-1,3}>() ; y = Reshape(x, s)
17 | float[N,2,6] x | | s = Constant<value_ints=[-1,12]>() ; y = Reshape(x, s)
17 | float[2,6] x | | s = Constant<value=int64[3] {3,2,2}>() ; y = Reshape(x, s)
14 | float[4,2,6] x | | s = Constant<value_ints=[-1,6]>() ; y = Reshape<allowzero=1>(x, s)
17 | float[N,6] x | float[6,5] w, float[5] b | y = Gemm(x, w, b)
17 | float[N,6] x, float[N,5] b | float[5,6] w | y = Gemm<transB=1>(x, w, b)
17 | float[6,N] x | float[5,6] w, float[1,5] b | y = Gemm<transA=1, transB=1, alpha=0.5, beta=2.0>(x, w, b)
17 | float[N,6] x | float[6,5] w, float b | y = Gemm(x, w, b)
11 | float[N,6] x | float[6,5] w | y = Gemm<alpha=-1.5>(x, w)
17 | float[N,6] x | float[6,5] w | y = MatMul(x, w)
17 | float[N,6] x, float[6,M] z | | y = MatMul(x, z)
17 | float[N,2,M,6] x, float[N,2,6,5] z | | y = MatMul(x, z)
17 | float[2,M,6] x, float[N,1,6,5] z | | y = MatMul(x, z)
17 | float[N,M,6] x | float[6,5] w | y = MatMul(x, w)
17 | float[M,6] x, float[N,6] z | | t = Transpose<perm=[1,0]>(z) ; y = MatMul(x, t)
17 | float[6] x, float[N,6,5] z | | y = MatMul(x, z)
17 | float[N,2,M,6] x, float[6] z | | y = MatMul(x, z)
17 | float[N,2,M,6] x, float[N,2,4,6] z | | y = Einsum<equation="bhqd,bhkd->bhqk">(x, z)
17 | float[N,M,2,6] x, float[N,4,2,6] z | | y = Einsum<equation="bqhd,bkhd->bhqk">(x, z)
17 | float[N,2,M,4] x, float[N,4,2,6] z | | y = Einsum<equation="bhqk,bkhd->bqhd">(x, z)
17 | float[N,M,8] x | float[8,2,3] w | y = Einsum<equation="btd,dhe->bthe">(x, w)
17 | float[N,M,2,3] x | float[2,3,8] w | y = Einsum<equation="bthe,hed->btd">(x, w)
17 | float[N,3,M,6] x, float[N,4,6] z | | y = Einsum<equation="bijd,bkd->bkij">(x, z)
17 | float[N,M,6] x, float[6] z | | y = Einsum<equation="...d,d">(x, z)
17 | float[N,M,6] x, float[N,6] z | | y = Einsum<equation="ijk,ik->i">(x, z)
17 | float[N,3] x, float[M,3] z, float[3,4] t | | y = Einsum<equation="ai,bi,ic->abc">(x, z, t)
17 | float[N,M,8] x | float[8] w, float[8] b | y = LayerNormalization(x, w, b)
17 | float[N,M,8] x | float[8] w | y = LayerNormalization<epsilon=0.01>(x, w)
17 | float[N,4,8] x | float[4,8] w, float[4,8] b | y = LayerNormalization<axis=1>(x, w, b)
17 | float[N,4,8] x | float[8] w, float[8] b | h, m, s = LayerNormalization(x, w, b) ; y = Add(h, m)
23 | float[N,M,8] x | float[8] w | y = RMSNormalization(x, w)
23 | float[N,4,8] x | float[4,8] w | y = RMSNormalization<axis=1>(x, w)
23 | float[N,M,8] x, float[N,4,8] k, float[N,4,8] v | | y = Attention<q_num_heads=2, kv_num_heads=2>(x, k, v)
23 | float[N,M,16] x, float[N,M,8] k, float[N,M,8] v, float[M,M] m | | y = Attention<q_num_heads=4, kv_num_heads=2, is_causal=1>(x, k, v, m)
23 | float[N,2,M,8] x, float[N,2,4,8] k, float[N,2,4,6] v | | y = Attention<scale=0.5>(x, k, v)
23 | float[N,2,M,8] x, float[N,2,M,8] k, float[N,2,M,8] v, float[N,2,4,8] p, float[N,2,4,8] q | | y, r, s = Attention<is_causal=1>(x, k, v, "", p, q)
23 | float[N,2,M,8] x, float[N,2,4,8] k, float[N,2,4,8] v | | y = Attention<softcap=2.0>(x, k, v)
23 | float[3,2,5,8] x | float[5,4] c, float[5,4] s | p = Constant<value=int64[3,5] {0,1,2,3,4,1,2,3,4,0,4,3,2,1,0}>() ; y = RotaryEmbedding(x, c, s, p)
23 | float[N,M,16] x, float[N,M,2] c, float[N,M,2] s | | y = RotaryEmbedding<num_heads=2, rotary_embedding_dim=4, interleaved=1>(x, c, s)
17 | float[N,M,8] x | | y = com.microsoft.Gelu(x)
17 | float[N,M,8] x | float[8] b | y = com.microsoft.BiasGelu(x, b)
17 | float[N,M,8] x | float[8] b | y = com.microsoft.FastGelu(x, b)
17 | float[N,M,8] x | | y = com.microsoft.FastGelu(x)
17 | float[N,M,8] x | | y = com.microsoft.QuickGelu<alpha=1.5>(x)
17 | float[N,M,8] x, float[N,M,8] z | float[8] g, float[8] b, float[8] c | y = com.microsoft.SkipLayerNormalization<epsilon=0.001>(x, z, g, b, c)
17 | float[N,M,8] x, float[N,M,8] z | float[8] g | y = com.microsoft.SkipSimplifiedLayerNormalization<epsilon=0.001>(x, z, g)
17 | float[N,M,8] x | float[8] g | y = SimplifiedLayerNormalization<epsilon=0.001>(x, g)
17 | float[2,4] x | float[9,8] w, float[6,8] p, float[2,8] s, float[8] g, float[8] b | i = Constant<value=int32[2,4] {0,8,3,4,7,1,2,2}>() ; t = Constant<value=int32[2,4] {0,0,1,1,0,1,1,1}>() ; h, m = com.microsoft.EmbedLayerNormalization(i, t, w, p, s, g, b) ; r = ReduceSum(h) ; y = Add(x, r)
17 | float[N,2,M,6] x, float[N,2,4,6] z | | y = com.microsoft.FusedMatMul<transB=1, alpha=0.5>(x, z)
17 | float[N,6,M] x | float[6,4] w | y = com.microsoft.FusedMatMul<transA=1>(x, w)
17 | float[N,M,40] x | uint8[6,3,8] w, float[18] s | y = com.microsoft.MatMulNBits<K=40, N=6, bits=4, block_size=16>(x, w, s)
17 | float[N,M,32] x | uint8[6,1,16] w, float[6] s, uint8[6] z | y = com.microsoft.MatMulNBits<K=32, N=6, bits=4, block_size=32>(x, w, s, z)
17 | float[N,M,24] x | uint8[6,2,16] w, float[12] s, uint8[12] z | c = Constant<value_float=0.02>() ; h = Mul(x, c) ; y = com.microsoft.MatMulNBits<K=24, N=6, bits=8, block_size=16>(h, w, s, z)
17 | float[3,5,16] x | float[10,4] c, float[10,4] s | p = Constant<value=int64[3,5] {0,1,2,3,4,1,2,3,4,9,4,3,2,1,0}>() ; y = com.microsoft.RotaryEmbedding<num_heads=2>(x, p, c, s)
17 | float[N,2,M,8] x | float[10,4] c, float[10,4] s | p = Constant<value=int64[1] {2}>() ; y = com.microsoft.RotaryEmbedding<interleaved=1>(x, p, c, s)
17 | float[N,M,8] x | float[8,48] w, float[48] b | y = com.microsoft.Attention<num_heads=2>(x, w, b)
17 | float[3,5,8] x | float[8,48] w, float[48] b | m = Constant<value=int32[3,5] {1,1,1,0,0,1,1,1,1,1,1,0,1,1,0}>() ; y = com.microsoft.Attention<num_heads=2, unidirectional=1>(x, w, b, m)
17 | float[3,5,8] x | float[8,48] w, float[48] b | m = Constant<value=int32[3] {3,5,2}>() ; y = com.microsoft.Attention<num_heads=2, scale=0.5>(x, w, b, m)
17 | float[N,M,8] x, float[2,N,2,4,8] p | float[8,48] w, float[48] b | y, q = com.microsoft.Attention<num_heads=2, scale=0.1>(x, w, b, "", p)
17 | float[N,M,8] x, float[1,2,M,M] a | float[8,48] w, float[48] b | y = com.microsoft.Attention<num_heads=2, scale=0.1>(x, w, b, "", "", a)
17 | float[3,M,16] x, float[3,4,16] k, float[3,4,16] v | float[48] b | m = Constant<value=int32[3,4] {1,1,1,0,1,1,0,0,1,1,1,1}>() ; y = com.microsoft.MultiHeadAttention<num_heads=2>(x, k, v, b, m)
17 | float[N,M,16] x, float[N,2,4,8] k, float[N,2,4,8] v | | y = com.microsoft.MultiHeadAttention<num_heads=2>(x, k, v)
17 | float[N,M,16] x, float[N,M,16] k, float[N,M,16] v, float[N,2,4,8] p, float[N,2,4,8] q | | y, r, s = com.microsoft.MultiHeadAttention<num_heads=2>(x, k, v, "", "", "", p, q)
17 | float[3,5,64] x, float[3,5,32] k, float[3,5,32] v | | s = Constant<value=int32[3] {4,4,4}>() ; t = Constant<value=int32[1] {5}>() ; y, r, q = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=2>(x, k, v, "", "", s, t)
17 | float[3,1,64] x, float[3,1,32] k, float[3,1,32] v, float[3,2,4,16] p, float[3,2,4,16] q | float[9,8] c, float[9,8] d | s = Constant<value=int32[3] {4,4,4}>() ; t = Constant<value=int32[1] {5}>() ; y, r, z = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=2, do_rotary=1>(x, k, v, p, q, s, t, c, d)
17 | float[3,1,128] x, float[3,2,8,16] p, float[3,2,8,16] q | float[9,8] c, float[9,8] d | s = Constant<value=int32[3] {2,4,3}>() ; t = Constant<value=int32[1] {5}>() ; y, r, z = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=2, do_rotary=1, rotary_interleaved=1, local_window_size=3>(x, "", "", p, q, s, t, c, d)
17 | float[3,5,64] x, float[3,5,32] k, float[3,5,32] v | | s = Constant<value=int32[3] {4,4,4}>() ; t = Constant<value=int32[1] {5}>() ; y, r, q = com.microsoft.GroupQueryAttention<num_heads=4, kv_num_heads=2, softcap=2.0, scale=0.7>(x, k, v, "", "", s, t)
17 | float[N,2,5] x | | y = Softmax(x)
17 | float[N,2,5] x | | y = Softmax<axis=1>(x)
17 | float[N,2,5] x | | y = Softmax<axis=-3>(x)
11 | float[N,2,5] x | | y = Softmax(x)
11 | float[N,M,5] x | | y = Softmax<axis=2>(x)
11 | float[2,N,5] x | | y = Softmax<axis=0>(x)
17 | float[N,2,5] x | | y = Transpose(x)
17 | float[N,2,5] x | | y = Transpose<perm=[0,2,1]>(x)
17 | float[N,2,5] x | | i = Identity(x) ; y = Relu(i)
17 | float[N,4] x | | c = Constant<value_float=0.25>() ; y = Add(x, c)
17 | float[N,2] x | | c = Constant<value_floats=[0.25,3.0]>() ; y = Mul(x, c)
17 | float[N,2] x | | c = Constant<value=float[2] {0.25,3.0}>() ; y = Sub(x, c)
18 | float[N,4] x, int64[2] s = {2 -1} | | y = Reshape(x, s)
18 | float[N,4] x, int64[3] s = {0 2 2} | | y = Reshape(x, s)
18 | float[N,M] x, int64[2] s = {5 3} | | y = Reshape(x, s)
18 | float[N,M] x, float[M,N,4] z | | f = Constant<value_ints=[-1,4]>() ; c = Reshape(z, f) ; s = Shape(z) ; y = Reshape(c, s)
18 | float[N,1,4] x, int64[4] s = {2 1 5 1} | | y = Expand(x, s)
18 | int64[2] s = {2 3} | | y = ConstantOfShape<value=float[1] {2.5}>(s)
18 | float[N,M] x, int64[2] b = {-2 1}, int64[2] e = {9 4}, int64[2] a = {0 1}, int64[2] t = {1 2} | | y = Slice(x, b, e, a, t)
18 | float[N,M] x, int64[1] b = {3}, int64[1] e = {-9} | | a = Constant<value_ints=[1]>() ; t = Constant<value_ints=[-2]>() ; y = Slice(x, b, e, a, t)
18 | float[M] x, float[N] z | | b = Constant<value_ints=[0]>() ; e = Shape(z) ; y = Slice(x, b, e)
18 | float[N,4] x, int64[4] p = {1 0 2 3} | | y = Pad(x, p)
18 | float[N,4] x, int64[2] p = {1 2}, int64[1] a = {-1} | float v | y = Pad(x, p, v, a)
18 | float[N,M] x, int64[2] s = {2 3} | | z, t = Split<axis=1>(x, s) ; y = Neg(t)
18 | float[N,M] x, int64[2] r = {2 3} | | y = Tile(x, r)
18 | float[N,M] x, int64[1] k = {2} | | y, i = TopK(x, k)
18 | float[N,M] x, int64[2] s = {2 8} | | y = CenterCropPad(x, s)
18 | int64[3] i = {0 2 -1}, int64 d = {4} | float[2] v | y = OneHot(i, d, v)
18 | float[1,N,1] x, int64[1] a = {2} | | y = Squeeze(x, a)
18 | float[N,M] x, int64[2] a = {0 -1} | | y = Unsqueeze(x, a)
18 | float[N,M,4] x, int64[2] a = {-1 0} | | y = ReduceSum<keepdims=0>(x, a)
18 | float[N,M,4] x, int64[1] a = {1} | | y = ReduceLogSumExp(x, a)
18 | float[N,M,4] x, int64[0] a = {} | | y = ReduceMean(x, a)
18 | float[1,2,N,M] x, float[4] s = {1 1 2 1.5} | | y = Resize<mode="linear">(x, "", s)
18 | float[1,2,N,M] x, int64[2] s = {7 4} | | y = Resize<axes=[2,3], keep_aspect_ratio_policy="not_larger">(x, "", "", s)
18 | float[1,2,N,M] x | | s = Constant<value_floats=[1.0,1.0,2.0,3.0]>() ; y = Resize<mode="nearest">(x, "", s)
9  | float[1,2,N,M] x | | s = Constant<value_floats=[1.0,1.0,2.0,2.0]>() ; y = Upsample(x, s)
20 | float[N,8,1] x, int64 l = {6}, int64 a = {1} | | y = DFT<onesided=1>(x, l, a)
17 | float[N,4,8,2] x | | y = DFT<axis=2, inverse=1>(x)
17 | float[N,32,1] x, int64 t = {5}, int64 l = {8} | float[8] w | y = STFT(x, t, w, l)
17 | int64 n = {9} | | y = BlackmanWindow(n)
17 | int64 n = {9} | | y = HannWindow<periodic=0>(n)
17 | int64 n = {9} | | y = HammingWindow(n)
17 | float[N,4] x | | r = Relu(x) ; i = NonZero(r) ; y = Cast<to=1>(i)
17 | float[N,M] x, bool[4] c = {1 0 0 1} | | y = Compress<axis=1>(x, c)
17 | float[N,M] x, bool[4] c = {0 1 0 1} | | y = Compress(x, c)
17 | float[N,M] x | | r = Round(x) ; y, f, i, c = Unique(r)
17 | float[N,M] x | | r = Round(x) ; v, f, i, c = Unique<axis=0, sorted=0>(r) ; y = Cast<to=1>(i)
17 | float[1,6,4] x, float[1,2,6] s, int64[1] m = {3}, float[1] o = {0.5} | | i = NonMaxSuppression(x, s, m, o) ; y = Cast<to=1>(i)
16 | float[1,2,8,8] x, float[3,4] r = {0 0 5 5 1 2 7 6 3 3 4 8}, int64[3] b = {0 0 0} | | y = RoiAlign<output_height=2, output_width=3, sampling_ratio=2>(x, r, b)
20 | float[N,2,3] x, int64[4] s = {3 1 4 5} | | y = AffineGrid(x, s)
20 | float[N,3,4] x, int64[5] s = {3 1 2 4 5} | | y = AffineGrid<align_corners=1>(x, s)
18 | float[N,18,4] x, int64[2] i = {5 5}, int64[2] b = {3 3} | | y = Col2Im<strides=[2,2]>(x, i, b)
18 | float[N,8,16] x | | i = Constant<value_ints=[3,3]>() ; b = Constant<value_ints=[2,2]>() ; y = Col2Im<pads=[1,1,1,1]>(x, i, b)
17 | float[N,2,6,6] x | | m, i = MaxPool<kernel_shape=[2,2], strides=[2,2]>(x) ; y = MaxUnpool<kernel_shape=[2,2], strides=[2,2]>(m, i)
17 | float[N,3,3] x | | y = Det(x)
17 | float[N,M] x, float[N,M] z | | y = Mod<fmod=1>(x, z)
8  | float[2,M,4] x, float[2,4] s | | h, y = Scan<num_scan_inputs=1, body = b (float[4] a, float[4] v) => (float[4] t, float[4] u) { t = Add(a, v) ; u = Mul(t, v) }>("", s, x)
17 | float[N,4] x | | n = Constant<value_int=3>() ; c = Constant<value=bool {1}>() ; y, r = Loop<body = b (int64 i, bool k, float[M,4] a) => (bool o, float[M,4] s, float[M,4] t) { o = Identity(k) ; s = Add(a, x) ; t = Neg(a) }>(n, c, x)
17 | float[N,4] x | | n = Constant<value_int=3>() ; c = Constant<value=bool {1}>() ; z, y = Loop<body = b (int64 i, bool k, float[M,4] a) => (bool o, float[M,4] s, float[M,4] t) { o = Identity(k) ; s = Add(a, x) ; t = Neg(s) }>(n, c, x)
17 | float[N,4] x, bool c | | y = If(c) <then_branch = t () => (float[N,4] r) { r = Neg(x) }, else_branch = e () => (float[N,4] q) { q = Exp(x) }>
17 | float[N,4] x, float[M,N,4] z | | h, y = Scan<num_scan_inputs=1, body = b (float[N,4] a, float[N,4] v) => (float[N,4] s, float[N,4] t) { s = Add(a, v) ; t = Mul(s, v) }>(x, z)
17 | float[N,4] x, float[N,M,4] z | | h, y = Scan<num_scan_inputs=1, scan_input_axes=[1], scan_output_axes=[1], body = b (float[N,4] a, float[N,4] v) => (float[N,4] s, float[N,4] t) { s = Add(a, v) ; t = Mul(s, v) }>(x, z)
17 | float[N,4] x | | s = Shape<end=1>(x) ; n = Squeeze(s) ; z = Constant<value_int=0>() ; o = Constant<value_int=1>() ; r = Range(z, n, o) ; y = Cast<to=1>(r)
17 | float[N,M] x | | s = Shape<end=1>(x) ; n = Squeeze(s) ; e = Shape<start=1>(x) ; m = Squeeze(e) ; o = Constant<value_int=-2>() ; r = Range(m, n, o) ; y = Cast<to=1>(r)
17 | float x | | z = Constant<value_float=-1.0>() ; o = Constant<value_float=0.5>() ; t = Constant<value_float=8.0>() ; s = Sigmoid(x) ; n = Mul(s, t) ; y = Range(z, n, o)
17 | float x | | z = Constant<value_int=5>() ; o = Constant<value_int=-1>() ; t = Constant<value_float=3.0>() ; s = Sigmoid(x) ; m = Mul(s, t) ; n = Cast<to=7>(m) ; r = Range(z, n, o) ; y = Cast<to=1>(r)
17 | float[N,M] x | | s = Shape(x) ; f = Cast<to=1>(s) ; h = Constant<value_float=0.5>() ; y = Mul(f, h)
17 | float[N,M] x | | s = Shape<end=1>(x) ; h = Constant<value_ints=[7]>() ; c = Concat<axis=0>(h, s) ; f = Cast<to=1>(c) ; e = Constant<value_float=0.25>() ; y = Add(f, e)
17 | float[N,M,4] x | | s = Shape(x) ; f = Constant<value_ints=[-1]>() ; r = Reshape(x, f) ; y = Reshape(r, s)
17 | float[N,4] x, float[2,4] z | | c = Concat<axis=0>(x, z) ; s = Shape<end=1>(c) ; m = Constant<value_ints=[-1]>() ; t = Concat<axis=0>(m, s) ; y = Reshape(c, t)
17 | float16[N,M,64] x | uint8[6,2,16] w, float16[12] s | c = Constant<value_float=0.02>() ; d = Cast<to=10>(c) ; h = Mul(x, d) ; y = com.microsoft.MatMulNBits<K=64, N=6, bits=4, block_size=32>(h, w, s)
17 | uint8[N,4] x, uint8[M,1,4] a | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.017>() ; w = Constant<value=uint8 {3}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearAdd(x, s, z, a, t, w, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,4] x, uint8[M,1,4] a | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.017>() ; w = Constant<value=uint8 {3}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearMul(x, s, z, a, t, w, r, v) ; y = DequantizeLinear(q, r, v)
17 | int8[N,4] x | int8[4] a | s = Constant<value_float=0.031>() ; z = Constant<value=int8 {-9}>() ; t = Constant<value_float=0.017>() ; w = Constant<value=int8 {3}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=int8 {11}>() ; q = com.microsoft.QLinearAdd(x, s, z, a, t, w, r, v) ; y = DequantizeLinear(q, r, v)
17 | int8[N,4] x | int8 a | s = Constant<value_float=0.031>() ; z = Constant<value=int8 {-9}>() ; t = Constant<value_float=0.017>() ; w = Constant<value=int8 {3}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=int8 {11}>() ; q = com.microsoft.QLinearMul(x, s, z, a, t, w, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,40] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.0041>() ; v = Constant<value=uint8 {0}>() ; q = com.microsoft.QLinearSigmoid(x, s, z, r, v) ; y = Cast<to=1>(q)
17 | int8[N,40] x | | s = Constant<value_float=0.031>() ; z = Constant<value=int8 {-9}>() ; r = Constant<value_float=0.0041>() ; v = Constant<value=int8 {-128}>() ; q = com.microsoft.QLinearSigmoid(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | int8[N,40] x | | s = Constant<value_float=0.031>() ; z = Constant<value=int8 {-9}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=int8 {11}>() ; q = com.microsoft.QLinearLeakyRelu<alpha=0.2>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,40] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearLeakyRelu(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,M,9] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.00390625>() ; v = Constant<value=uint8 {0}>() ; q = com.microsoft.QLinearSoftmax<axis=-1, opset=13>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | int8[N,9,4] x | | s = Constant<value_float=0.031>() ; z = Constant<value=int8 {-9}>() ; r = Constant<value_float=0.00390625>() ; v = Constant<value=int8 {-128}>() ; q = com.microsoft.QLinearSoftmax<axis=1, opset=13>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,9] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.00390625>() ; v = Constant<value=uint8 {0}>() ; q = com.microsoft.QLinearSoftmax<axis=1, opset=11>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[3,4] x, uint8[3,5] a | uint8[3,2] b | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.017>() ; w = Constant<value=uint8 {3}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearConcat<axis=1>(r, v, x, s, z, a, t, w, b, r, v) ; y = DequantizeLinear(q, r, v)
17 | bool[N,1] c, uint8[N,4] x, uint8[4] a | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.017>() ; w = Constant<value=uint8 {3}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearWhere(c, x, s, z, a, t, w, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,2,7,6] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearAveragePool<kernel_shape=[3,2], pads=[1,0,1,1], strides=[2,1], channels_last=0>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,2,7,6] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearGlobalAveragePool<channels_last=0>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,7,6,2] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearAveragePool<kernel_shape=[3,2], pads=[1,0,1,1], strides=[2,1], channels_last=1>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,7,6,2] x | | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=uint8 {131}>() ; q = com.microsoft.QLinearGlobalAveragePool<channels_last=1>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | int8[N,2,7,6] x | | s = Constant<value_float=0.031>() ; z = Constant<value=int8 {-9}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=int8 {11}>() ; q = com.microsoft.QLinearAveragePool<kernel_shape=[2,2], count_include_pad=1, pads=[1,1,1,1], strides=[2,2]>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | int8[N,2,8,6] x | | s = Constant<value_float=0.031>() ; z = Constant<value=int8 {-9}>() ; r = Constant<value_float=0.043>() ; v = Constant<value=int8 {11}>() ; q = com.microsoft.QLinearAveragePool<kernel_shape=[3,3], ceil_mode=1, strides=[2,2]>(x, s, z, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,6] x | int8[6,5] a, int32[5] b | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.017>() ; r = Constant<value_float=0.43>() ; v = Constant<value=uint8 {131}>() ; i = Constant<value=int8 {0}>() ; q = com.microsoft.QGemm(x, s, z, a, t, i, b, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[N,6] x | int8[5,6] a, int32[1,5] b | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.43>() ; v = Constant<value=uint8 {131}>() ; c = Constant<value_floats=[0.01,0.02,0.03,0.04,0.05]>() ; i = Constant<value=int8[5] {0,0,0,0,0}>() ; q = com.microsoft.QGemm<transB=1>(x, s, z, a, c, i, b, r, v) ; y = DequantizeLinear(q, r, v)
17 | uint8[6,N] x | uint8[6,5] a | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.017>() ; w = Constant<value=uint8 {3}>() ; q = com.microsoft.QGemm<transA=1>(x, s, z, a, t, w) ; y = Neg(q)
17 | uint8[N,M,6] x | int8[6,5] a, float[5] b | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; c = Constant<value_floats=[0.01,0.02,0.03,0.04,0.05]>() ; i = Constant<value=int8[5] {3,-2,0,5,1}>() ; q = com.microsoft.MatMulIntegerToFloat(x, a, s, c, z, i, b) ; y = Neg(q)
17 | uint8[N,M,6] x | uint8[6,5] a | s = Constant<value_float=0.031>() ; t = Constant<value_float=0.017>() ; q = com.microsoft.MatMulIntegerToFloat(x, a, s, t) ; y = Neg(q)
17 | float[N,M,6] x | int8[6,5] a, float[5] b | t = Constant<value_float=0.017>() ; q = com.microsoft.DynamicQuantizeMatMul(x, a, t, "", b) ; y = Neg(q)
17 | float[N,6] x | uint8[6,5] a | c = Constant<value_floats=[0.01,0.02,0.03,0.04,0.05]>() ; i = Constant<value=uint8[5] {128,100,131,0,255}>() ; q = com.microsoft.DynamicQuantizeMatMul(x, a, c, i) ; y = Neg(q)
17 | uint8[N,5,8] x | int8[8,48] a, float[48] b | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.0017>() ; i = Constant<value=int8 {0}>() ; q = com.microsoft.QAttention<num_heads=2>(x, a, b, s, t, "", z, i) ; y = Neg(q)
17 | uint8[3,5,8] x | uint8[8,48] a, float[48] b | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; t = Constant<value_float=0.0017>() ; w = Constant<value=uint8 {3}>() ; m = Constant<value=int32[3] {3,5,2}>() ; q = com.microsoft.QAttention<num_heads=2, unidirectional=1>(x, a, b, s, t, m, z, w) ; y = Neg(q)
17 | uint8[N,5,6,3] x | int8[4,3,3,2] a, int32[4] b | s = Constant<value_float=0.031>() ; z = Constant<value=uint8 {119}>() ; r = Constant<value_float=0.2>() ; v = Constant<value=uint8 {131}>() ; c = Constant<value_floats=[0.01,0.02,0.03,0.04]>() ; i = Constant<value=int8[4] {0,0,0,0}>() ; q = com.microsoft.QLinearConv<channels_last=1, pads=[1,0,1,1]>(x, s, z, a, c, i, r, v, b) ; y = DequantizeLinear(q, r, v)
17 | float[N,40] x | | s = Constant<value_float=0.0001>() ; z = Constant<value=int16 {-300}>() ; q = com.microsoft.QuantizeLinear(x, s, z) ; y = com.microsoft.DequantizeLinear(q, s, z)
17 | float[N,4] x | | s = Constant<value_floats=[0.001,0.002,0.01,0.02]>() ; z = Constant<value=uint16[4] {0,9,30000,65535}>() ; q = com.microsoft.QuantizeLinear<axis=1>(x, s, z) ; y = com.microsoft.DequantizeLinear<axis=1>(q, s, z)
21 | float x | int4[6,8] w, int4 z | s = Constant<value=float {0.07}>() ; d = DequantizeLinear(w, s, z) ; y = Add(d, x)
21 | float x | int4[6,8] w, int4[6] z | s = Constant<value=float[6] {0.07,0.12,0.17,-0.08,0.27,0.32}>() ; d = DequantizeLinear<axis=0>(w, s, z) ; y = Add(d, x)
21 | float x | int4[6,8] w, int4[8] z | s = Constant<value=float[8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42}>() ; d = DequantizeLinear<axis=1>(w, s, z) ; y = Add(d, x)
21 | float x | int4[6,8] w, int4[3,8] z | s = Constant<value=float[3,8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62,-0.53,0.72,0.77,-0.68,0.87,0.92,-0.83,1.02,1.07,-0.98,1.17,1.22}>() ; d = DequantizeLinear<axis=0, block_size=2>(w, s, z) ; y = Add(d, x)
21 | float x | int4[6,8] w, int4[6,2] z | s = Constant<value=float[6,2] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62}>() ; d = DequantizeLinear<axis=-1, block_size=4>(w, s, z) ; y = Add(d, x)
21 | float x | uint4[6,8] w, uint4 z | s = Constant<value=float {0.07}>() ; d = DequantizeLinear(w, s, z) ; y = Add(d, x)
21 | float x | uint4[6,8] w, uint4[6] z | s = Constant<value=float[6] {0.07,0.12,0.17,-0.08,0.27,0.32}>() ; d = DequantizeLinear<axis=0>(w, s, z) ; y = Add(d, x)
21 | float x | uint4[6,8] w, uint4[8] z | s = Constant<value=float[8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42}>() ; d = DequantizeLinear<axis=1>(w, s, z) ; y = Add(d, x)
21 | float x | uint4[6,8] w, uint4[3,8] z | s = Constant<value=float[3,8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62,-0.53,0.72,0.77,-0.68,0.87,0.92,-0.83,1.02,1.07,-0.98,1.17,1.22}>() ; d = DequantizeLinear<axis=0, block_size=2>(w, s, z) ; y = Add(d, x)
21 | float x | uint4[6,8] w, uint4[6,2] z | s = Constant<value=float[6,2] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62}>() ; d = DequantizeLinear<axis=-1, block_size=4>(w, s, z) ; y = Add(d, x)
25 | float x | int2[6,8] w, int2 z | s = Constant<value=float {0.07}>() ; d = DequantizeLinear(w, s, z) ; y = Add(d, x)
25 | float x | int2[6,8] w, int2[6] z | s = Constant<value=float[6] {0.07,0.12,0.17,-0.08,0.27,0.32}>() ; d = DequantizeLinear<axis=0>(w, s, z) ; y = Add(d, x)
25 | float x | int2[6,8] w, int2[8] z | s = Constant<value=float[8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42}>() ; d = DequantizeLinear<axis=1>(w, s, z) ; y = Add(d, x)
25 | float x | int2[6,8] w, int2[3,8] z | s = Constant<value=float[3,8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62,-0.53,0.72,0.77,-0.68,0.87,0.92,-0.83,1.02,1.07,-0.98,1.17,1.22}>() ; d = DequantizeLinear<axis=0, block_size=2>(w, s, z) ; y = Add(d, x)
25 | float x | int2[6,8] w, int2[6,2] z | s = Constant<value=float[6,2] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62}>() ; d = DequantizeLinear<axis=-1, block_size=4>(w, s, z) ; y = Add(d, x)
25 | float x | uint2[6,8] w, uint2 z | s = Constant<value=float {0.07}>() ; d = DequantizeLinear(w, s, z) ; y = Add(d, x)
25 | float x | uint2[6,8] w, uint2[6] z | s = Constant<value=float[6] {0.07,0.12,0.17,-0.08,0.27,0.32}>() ; d = DequantizeLinear<axis=0>(w, s, z) ; y = Add(d, x)
25 | float x | uint2[6,8] w, uint2[8] z | s = Constant<value=float[8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42}>() ; d = DequantizeLinear<axis=1>(w, s, z) ; y = Add(d, x)
25 | float x | uint2[6,8] w, uint2[3,8] z | s = Constant<value=float[3,8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62,-0.53,0.72,0.77,-0.68,0.87,0.92,-0.83,1.02,1.07,-0.98,1.17,1.22}>() ; d = DequantizeLinear<axis=0, block_size=2>(w, s, z) ; y = Add(d, x)
25 | float x | uint2[6,8] w, uint2[6,2] z | s = Constant<value=float[6,2] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62}>() ; d = DequantizeLinear<axis=-1, block_size=4>(w, s, z) ; y = Add(d, x)
21 | float x | float8e4m3fn[6,8] w | s = Constant<value=float {0.07}>() ; d = DequantizeLinear(w, s) ; y = Add(d, x)
21 | float x | float8e4m3fn[6,8] w | s = Constant<value=float[6] {0.07,0.12,0.17,-0.08,0.27,0.32}>() ; d = DequantizeLinear<axis=0>(w, s) ; y = Add(d, x)
21 | float x | float8e4m3fn[6,8] w | s = Constant<value=float[8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42}>() ; d = DequantizeLinear<axis=1>(w, s) ; y = Add(d, x)
21 | float x | float8e4m3fn[6,8] w | s = Constant<value=float[3,8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62,-0.53,0.72,0.77,-0.68,0.87,0.92,-0.83,1.02,1.07,-0.98,1.17,1.22}>() ; d = DequantizeLinear<axis=0, block_size=2>(w, s) ; y = Add(d, x)
21 | float x | float8e4m3fn[6,8] w | s = Constant<value=float[6,2] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62}>() ; d = DequantizeLinear<axis=-1, block_size=4>(w, s) ; y = Add(d, x)
23 | float x | float8e5m2[6,8] w | s = Constant<value=float {0.07}>() ; d = DequantizeLinear(w, s) ; y = Add(d, x)
23 | float x | float8e5m2[6,8] w | s = Constant<value=float[6] {0.07,0.12,0.17,-0.08,0.27,0.32}>() ; d = DequantizeLinear<axis=0>(w, s) ; y = Add(d, x)
23 | float x | float8e5m2[6,8] w | s = Constant<value=float[8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42}>() ; d = DequantizeLinear<axis=1>(w, s) ; y = Add(d, x)
23 | float x | float8e5m2[6,8] w | s = Constant<value=float[3,8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62,-0.53,0.72,0.77,-0.68,0.87,0.92,-0.83,1.02,1.07,-0.98,1.17,1.22}>() ; d = DequantizeLinear<axis=0, block_size=2>(w, s) ; y = Add(d, x)
23 | float x | float8e5m2[6,8] w | s = Constant<value=float[6,2] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62}>() ; d = DequantizeLinear<axis=-1, block_size=4>(w, s) ; y = Add(d, x)
23 | float x | float4e2m1[6,8] w | s = Constant<value=float {0.07}>() ; d = DequantizeLinear(w, s) ; y = Add(d, x)
23 | float x | float4e2m1[6,8] w | s = Constant<value=float[6] {0.07,0.12,0.17,-0.08,0.27,0.32}>() ; d = DequantizeLinear<axis=0>(w, s) ; y = Add(d, x)
23 | float x | float4e2m1[6,8] w | s = Constant<value=float[8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42}>() ; d = DequantizeLinear<axis=1>(w, s) ; y = Add(d, x)
23 | float x | float4e2m1[6,8] w | s = Constant<value=float[3,8] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62,-0.53,0.72,0.77,-0.68,0.87,0.92,-0.83,1.02,1.07,-0.98,1.17,1.22}>() ; d = DequantizeLinear<axis=0, block_size=2>(w, s) ; y = Add(d, x)
23 | float x | float4e2m1[6,8] w | s = Constant<value=float[6,2] {0.07,0.12,0.17,-0.08,0.27,0.32,-0.23,0.42,0.47,-0.38,0.57,0.62}>() ; d = DequantizeLinear<axis=-1, block_size=4>(w, s) ; y = Add(d, x)
"""
SIZES = {"N": 3, "M": 5}
# Its CPU kernels lack this type: models with it are held against the evaluator of the onnx package.
NOT_OF_ONNXRUNTIME = [onnx.TensorProto.FLOAT4E2M1]
# Both engines compute in f32 and add up at most 36 products of numbers around 1; f16 results may differ by one rounding.
TOLERANCES = {np.dtype("float32"): 3e-6, np.dtype("float16"): 2.0**-10}


def take_values(declarations):
    """Declarations without the values that are given for some, and these values as text, by name."""
    given = {name: values.split() for name, values in re.findall(r"(\w+) = \{([^}]*)\}", declarations)}
    return re.sub(r" = \{[^}]*\}", "", declarations), given


def make_model(line):
    opset, inputs, weights, nodes = (part.strip() for part in line.split("|"))
    inputs, _ = take_values(inputs)
    declarations = ", ".join(filter(None, [inputs, weights]))
    weights = [declaration.split()[-1] for declaration in weights.split(", ")] if weights else []
    text = f'<ir_version: 8, opset_import: ["" : {opset}, "com.microsoft" : 1]> model ({declarations}) => (float y) {{ {nodes} }}'
    model = onnx.parser.parse_model(text.replace(" ;", "\n"))
    graph = model.graph
    graph.output[0].ClearField("type")
    return model, weights


def make_values(rng, graph, given):
    """Random values for all declared inputs but those that are given, by name."""
    values = {}
    for value in graph.input:
        tensor = value.type.tensor_type
        shape = [SIZES[dim.dim_param] if dim.dim_param else dim.dim_value for dim in tensor.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        if value.name in given:
            values[value.name] = np.array(given[value.name], np.float64).astype(dtype).reshape(shape)
        elif code := re.fullmatch(r"(u?)int([248])", dtype.name):
            count = 1 << int(code[2])
            codes = rng.integers(256, size=shape, dtype=np.uint8).astype(np.int16) % count
            values[value.name] = (codes - (0 if code[1] else count // 2)).astype(dtype)
        else:
            values[value.name] = rng.normal(size=shape).astype(dtype)
    return values


def prepare(line, folder, rng):
    """Writes the model and its inputs, and returns what onnxruntime makes of them."""
    model, weights = make_model(line)
    values = make_values(rng, model.graph, take_values(line.split("|")[1])[1])
    inputs = [value for value in model.graph.input if value.name not in weights]
    model.graph.initializer.extend(onnx.numpy_helper.from_array(values[name], name) for name in weights)
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model = onnx.shape_inference.infer_shapes(model)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    feeds = {value.name: values[value.name] for value in inputs}
    for name, value in feeds.items():
        np.save(folder / f"{name}.npy", value)
    if any(tensor.data_type in NOT_OF_ONNXRUNTIME for tensor in model.graph.initializer):
        return onnx.reference.ReferenceEvaluator(model).run(None, feeds)[0]
    return onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"]).run(None, feeds)[0]


def difference(found, expected):
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return f"found {found.dtype}{list(found.shape)}, needed {expected.dtype}{list(expected.shape)}"
    error = np.abs(found.astype(np.float64) - expected) / np.maximum(np.abs(expected.astype(np.float64)), 1)
    if not np.all(error <= TOLERANCES[expected.dtype]):
        return f"differs by {np.nanmax(error):.3g} of max(value, 1), needed {TOLERANCES[expected.dtype]:.3g}"
    return None


def main():
    evaluate, root = sys.argv[1], pathlib.Path(sys.argv[2])
    lines = [line for line in CASES.splitlines() if line]
    rng = np.random.default_rng(5)
    folders = [root / str(index) for index in range(len(lines))]
    expected = [prepare(line, folder, rng) for line, folder in zip(lines, folders)]
    for result in root.glob("*/y.result.npy"):
        result.unlink()
    status = subprocess.run([evaluate, *folders]).returncode
    failures = 0
    for line, folder, wanted in zip(lines, folders, expected):
        result = folder / "y.result.npy"
        why = difference(np.load(result), wanted) if result.exists() else "no result"
        if why:
            print(f"{folder.name}: {line}: {why}")
            failures += 1
    print(f"{len(lines) - failures} of {len(lines)} models agree with onnxruntime")
    sys.exit(1 if failures or status else 0)


if __name__ == "__main__":
    main()
