#!/usr/bin/env python3
"""Writes a Llama-shaped GGUF of any size whose weights are random blocks: block_llama.py MODEL.gguf [--type T] [--size S]

To measure with: every block is valid, with weights as large as those of a trained model, but the model says nothing. Types
are what llama.cpp's quantizer gives: Q4_K_M has Q6_K in the tied output, and in values and down projections of half of the
layers. Memory stays small: tensors are written piece by piece. --hollow leaves the weights out as holes of the file, which
then takes a few MB on the disk: for lathec --weights=none, which reads none of them. Needs numpy and gguf.
"""

import argparse
import os

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

# width, layers, heads, heads of keys, inner width, words; rows of keys and heads are 64 (1b) or 128 (8b, 70b) wide
SIZES = {
    "tiny": (256, 2, 4, 2, 512, 512, True),
    "1b": (2048, 16, 32, 8, 8192, 128256, True),
    "8b": (4096, 32, 32, 8, 14336, 128256, False),
    "70b": (8192, 80, 64, 8, 28672, 128256, False),
}
PIECE = 1 << 22  # weights made at a time
PLAIN = (Type.F16, Type.BF16)


def halves(values):
    return np.asarray(values, np.float32).astype(np.float16).view(np.uint8).reshape(-1, 2)


def bfloat16(values):
    """Their bits, rounded towards zero."""
    return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def make_blocks(rng, kind, count, deviation):
    """`count` blocks whose weights have this standard deviation, about."""
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = rng.integers(0, 256, (count, size), np.uint8)
    scale = deviation * rng.uniform(0.7, 1.3, count)
    if kind == Type.Q4_K:  # scale * code - minimum, both around 31.5 times d and dmin; the minimum evens out the codes
        blocks[:, 0:2], blocks[:, 2:4] = halves(scale / 255), halves(scale / 255 * 7.5)
    elif kind == Type.Q6_K:
        blocks[:, 208:210] = halves(scale / 1367)
    elif kind == Type.Q8_0:
        blocks[:, 0:2] = halves(scale / 74)
    elif kind == Type.Q4_0:
        blocks[:, 0:2] = halves(scale / 4.6)
    else:
        raise ValueError(kind)
    return blocks


def make_weights(rng, kind, rows, columns):
    """The bytes of a matrix, in pieces of whole rows."""
    step = max(1, PIECE // columns)
    for first in range(0, rows, step):
        count = min(step, rows - first)
        if kind in PLAIN:
            values = rng.normal(size=(count, columns), scale=columns**-0.5)
            yield values.astype(np.float16) if kind == Type.F16 else bfloat16(values)
        else:
            yield make_blocks(rng, kind, count * columns // gguf.GGML_QUANT_SIZES[kind][0], columns**-0.5)


def choose_type(kind, name, layer, layers):
    """As llama.cpp mixes them."""
    if kind != "q4_k_m":
        return Type[kind.upper()]
    more = layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
    return Type.Q6_K if name in ("token_embd", "output") or (name in ("attn_v", "ffn_down") and more) else Type.Q4_K


def list_tensors(size, kind):
    width, layers, heads, key_heads, inner, words, tied = SIZES[size]
    keys = width // heads * key_heads
    shapes = {"attn_q": (width, width), "attn_k": (keys, width), "attn_v": (keys, width), "attn_output": (width, width),
              "ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner)}  # fmt: skip
    yield "token_embd.weight", (words, width), choose_type(kind, "token_embd", 0, layers)
    yield "output_norm.weight", (width,), Type.F32
    if not tied:
        yield "output.weight", (words, width), choose_type(kind, "output", 0, layers)
    for layer in range(layers):
        for norm in ("attn_norm", "ffn_norm"):
            yield f"blk.{layer}.{norm}.weight", (width,), Type.F32
        for name, shape in shapes.items():
            yield f"blk.{layer}.{name}.weight", shape, choose_type(kind, name, layer, layers)


def add_metadata(writer, size, context, window):
    width, layers, heads, key_heads, inner, words, _ = SIZES[size]
    writer.add_name(f"blocks-{size}")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(key_heads)
    writer.add_rope_dimension_count(width // heads)
    writer.add_rope_freq_base(500000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    if window:
        writer.add_sliding_window(window)
    writer.add_vocab_size(words)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>"] + [f"w{i}" for i in range(words - 3)])
    writer.add_token_scores([0.0] * 3 + [-float(i) for i in range(words - 3)])
    writer.add_token_types([2, 3, 3] + [1] * (words - 3))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--type", default="q4_k_m", choices=["q4_k_m", "q8_0", "q4_0", "q4_k", "q6_k", "f16", "bf16"])
    parser.add_argument("--size", default="1b", choices=SIZES)
    parser.add_argument("--window", type=int, default=0, help="tokens that every layer sees; 0: all")
    parser.add_argument("--context", type=int, default=4096, help="tokens of the longest text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hollow", action="store_true", help="zeros that take no room on the disk, not random blocks")
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    writer = gguf.GGUFWriter(arguments.model, "llama")
    add_metadata(writer, arguments.size, arguments.context, arguments.window)
    tensors = list(list_tensors(arguments.size, arguments.type))
    for name, shape, kind in tensors:
        if len(shape) == 1:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), shape[0] * 4)
            continue
        block, size = gguf.GGML_QUANT_SIZES[kind]
        bytes_per_row = shape[1] // block * size
        stored = (shape[0], bytes_per_row) if kind not in PLAIN else shape
        dtype = np.dtype(np.float16 if kind in PLAIN else np.uint8)
        writer.add_tensor_info(name, stored, dtype, shape[0] * bytes_per_row, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    out = writer.fout[0]
    for name, shape, kind in tensors:
        writer.write_padding(out, out.tell())
        if len(shape) == 1:
            values = 1 + 0.1 * rng.normal(size=shape)
            (values * (3 if name.startswith("output") else 1)).astype(np.float32).tofile(out)
        elif arguments.hollow:
            block, size = gguf.GGML_QUANT_SIZES[kind]
            out.seek(shape[0] * shape[1] // block * size, os.SEEK_CUR)
        else:
            for piece in make_weights(rng, kind, *shape):
                piece.tofile(out)
    writer.write_padding(out, out.tell())
    out.truncate(out.tell())
    writer.close()


if __name__ == "__main__":
    main()
