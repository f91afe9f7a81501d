"""Writes a tiny llama model twice, to the second and third argument: with the tokenizer of the first argument, and without.

With --no-bos behind them, the tokenizer adds nothing to a text. All weights are alike, so every token is as likely as any.
"""

import sys

import gguf
import numpy

WIDTH, HEADS, INNER = 32, 2, 64


def write_model(path, tokenizer):
    vocabulary = len(tokenizer.fields["tokenizer.ggml.tokens"].data) if tokenizer else 8
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    for key, field in (tokenizer.fields if tokenizer else {}).items():
        if key.startswith("tokenizer."):
            inner = field.types[1] if len(field.types) > 1 else None
            value = False if key.endswith(".add_bos_token") and "--no-bos" in sys.argv else field.contents()
            writer.add_key_value(key, value, field.types[0], inner)
    shapes = {"token_embd": (vocabulary, WIDTH), "output": (vocabulary, WIDTH), "output_norm": (WIDTH,)}
    shapes |= {f"blk.0.{name}": (WIDTH, WIDTH) for name in ("attn_q", "attn_k", "attn_v", "attn_output")}
    shapes |= {"blk.0.attn_norm": (WIDTH,), "blk.0.ffn_norm": (WIDTH,), "blk.0.ffn_down": (WIDTH, INNER)}
    shapes |= {"blk.0.ffn_gate": (INNER, WIDTH), "blk.0.ffn_up": (INNER, WIDTH)}
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", numpy.full(shape, 0.01, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


write_model(sys.argv[2], gguf.GGUFReader(sys.argv[1]))
write_model(sys.argv[3], None)
