#!/usr/bin/env python3
"""Makes small GGUF models of architectures and what the transformers library computes on them: gguf_goldens.py [NAME...].

For each NAME, or for all, writes gguf/NAME/model.gguf, golden.json (`tokens`, a prompt, and `chosen`, ids that follow)
and logits.npy, float32 [tokens + chosen, vocabulary], beside itself; of an encoder `tokens`, embd.npy [tokens, width],
pooled_mean.npy and pooled_cls.npy [width]. Weights are seeded and exact in F16; the reference computes in f64. Needs torch
2.15.0, transformers 5.23.0, gguf 0.19.0 (nomic-bert: torch 2.11.0, transformers 5.17.0); the same versions write the same
bytes.
"""

import json
import math
import pathlib
import sys

import gguf
import numpy as np
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent / "gguf"
WIDTH, INNER, LAYERS, VOCABULARY, CONTEXT, HEADS, KV_HEADS, HEAD = 64, 96, 4, 96, 128, 4, 2, 16
PROMPT, CHOSEN = 24, 8

# What the tensors of a layer are called in transformers and in GGUF.
LAYER = {
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
OUTER = {
    "embed_tokens.weight": "token_embd.weight",
    "norm.weight": "output_norm.weight",
    "embeddings.word_embeddings.weight": "token_embd.weight",
    "embeddings.token_type_embeddings.weight": "token_types.weight",
    "embeddings.LayerNorm.weight": "token_embd_norm.weight",
    "embeddings.LayerNorm.bias": "token_embd_norm.bias",
}


def seeded(model, seed):
    """Weights exact in F16 that keep the magnitude of what goes through them."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        noise = noise * 0.1 + model.norm_base if parameter.dim() == 1 else noise * 1.5 / math.sqrt(parameter.shape[-1])
        parameter.data.copy_(noise.half().to(parameter.dtype))
    return model.eval()


def common(**more):
    return dict(vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS,
                num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, max_position_embeddings=CONTEXT,
                rms_norm_eps=1e-6, pad_token_id=0, bos_token_id=1, eos_token_id=2, attn_implementation="eager",
                **more)  # fmt: skip


def permute(weight, heads):
    """Rows of queries and keys for rotation of adjacent pairs, where transformers rotates halves."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def gemma2():
    """Both soft caps bite, and the window of 8 is shorter than the prompt."""
    config = transformers.Gemma2Config(
        **common(), head_dim=HEAD, query_pre_attn_scalar=HEAD, sliding_window=8, attn_logit_softcapping=2.0,
        final_logit_softcapping=3.0, hidden_activation="gelu_pytorch_tanh")  # fmt: skip
    model = transformers.Gemma2ForCausalLM(config).double()
    model.norm_base = 0.0  # the weight of a norm is stored without its 1
    names = dict(LAYER) | {
        "post_attention_layernorm.weight": "post_attention_norm.weight",
        "pre_feedforward_layernorm.weight": "ffn_norm.weight",
        "post_feedforward_layernorm.weight": "post_ffw_norm.weight",
    }

    def convert(name, weight):
        return weight + 1 if name.endswith("norm.weight") else weight

    def describe(writer):
        writer.add_key_length(HEAD)
        writer.add_value_length(HEAD)
        writer.add_sliding_window(8)
        writer.add_attn_logit_softcapping(2.0)
        writer.add_final_logit_softcapping(3.0)

    return model, names, convert, describe


def granite():
    """Scales of embeddings, scores, residuals and logits, none of them 1."""
    config = transformers.GraniteConfig(
        **common(), embedding_multiplier=6.0, attention_multiplier=0.2, residual_multiplier=0.6, logits_scaling=3.0,
        tie_word_embeddings=True, rope_theta=1e4)  # fmt: skip
    model = transformers.GraniteForCausalLM(config).double()
    model.norm_base = 1.0
    names = dict(LAYER) | {"post_attention_layernorm.weight": "ffn_norm.weight"}

    def convert(name, weight):
        for suffix, heads in (("attn_q.weight", HEADS), ("attn_k.weight", KV_HEADS)):
            if name.endswith(suffix):
                return permute(weight, heads)
        return weight

    def describe(writer):
        writer.add_rope_dimension_count(HEAD)
        writer.add_rope_freq_base(1e4)
        writer.add_embedding_scale(6.0)
        writer.add_attention_scale(0.2)
        writer.add_residual_scale(0.6)
        writer.add_logit_scale(3.0)

    return model, names, convert, describe


def nomic_bert():
    """Queries, keys and values are one tensor in files; the vocabulary splits text of small letters."""
    config = transformers.NomicBertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=INNER, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, max_position_embeddings=CONTEXT, layer_norm_eps=1e-6,
        attn_implementation="eager")  # fmt: skip
    model = transformers.NomicBertModel(config).double()
    model.norm_base = 1.0
    names = {
        "self_attn.o_proj.weight": "attn_output.weight",
        "post_attention_layernorm.weight": "attn_output_norm.weight",
        "post_attention_layernorm.bias": "attn_output_norm.bias",
        "mlp.gate_proj.weight": "ffn_gate.weight",
        "mlp.up_proj.weight": "ffn_up.weight",
        "mlp.down_proj.weight": "ffn_down.weight",
        "post_mlp_layernorm.weight": "layer_output_norm.weight",
        "post_mlp_layernorm.bias": "layer_output_norm.bias",
    }

    def describe(writer):
        writer.add_layer_norm_eps(1e-6)
        writer.add_rope_freq_base(1000.0)
        writer.add_causal_attention(False)
        writer.add_pooling_type(gguf.PoolingType.MEAN)
        letters = [chr(ord("a") + i) for i in range(26)]
        tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *("\u2581" + letter for letter in letters), *letters]
        tokens += ["\u2581the", "\u2581of", "\u2581and", "ing", "er", "ed", "\u2581."]
        tokens += [f"[unused{i}]" for i in range(VOCABULARY - len(tokens))]
        writer.add_tokenizer_model("bert")
        writer.add_token_list(tokens)
        writer.add_token_types([3] * 5 + [1 if token[0] != "[" else 5 for token in tokens[5:]])
        writer.add_token_type_count(2)
        writer.add_pad_token_id(0)
        writer.add_unk_token_id(1)
        writer.add_bos_token_id(2)
        writer.add_sep_token_id(3)
        writer.add_mask_token_id(4)

    return model, names, lambda name, weight: weight, describe


MODELS = {"gemma2": gemma2, "granite": granite, "nomic-bert": nomic_bert}
ENCODERS = {"nomic-bert"}


def write_model(path, architecture, model, names, convert, describe):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    if architecture not in ENCODERS:
        writer.add_head_count_kv(KV_HEADS)
        writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(VOCABULARY)
    describe(writer)
    parameters = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    fused = "self_attn.{}_proj.weight"
    for name, parameter in parameters.items():
        short = name.removeprefix("model.")
        if short.startswith("layers."):
            _, layer, rest = short.split(".", 2)
            if rest not in names:  # queries, keys and values of files that have them as one
                if rest == fused.format("q"):
                    rows = [parameters[f"layers.{layer}." + fused.format(part)] for part in "qkv"]
                    writer.add_tensor(f"blk.{layer}.attn_qkv.weight", np.concatenate(rows).astype(np.float16))
                assert rest in [fused.format(part) for part in "qkv"], rest
                continue
            target = f"blk.{layer}.{names[rest]}"
        else:
            target = OUTER[short]
        weight = convert(target, parameter)
        writer.add_tensor(target, np.ascontiguousarray(weight, np.float32 if weight.ndim == 1 else np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_encoder(folder, model):
    tokens = [2, *np.random.default_rng(7).integers(5, VOCABULARY, PROMPT - 2).tolist(), 3]
    with torch.no_grad():
        hidden = model(torch.tensor([tokens])).last_hidden_state[0].numpy()
    assert np.isfinite(hidden).all() and hidden.std() > 0.1, hidden.std()
    np.save(folder / "embd.npy", hidden.astype(np.float32))
    np.save(folder / "pooled_mean.npy", hidden.mean(axis=0).astype(np.float32))
    np.save(folder / "pooled_cls.npy", hidden[0].astype(np.float32))
    (folder / "golden.json").write_text(json.dumps({"tokens": tokens}) + "\n")
    print(f"{folder.name}: hidden states of {hidden.std():.3g}")


def make(name):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    model, names, convert, describe = MODELS[name]()
    seeded(model, seed=len(name))
    write_model(folder / "model.gguf", name, model, names, convert, describe)
    if name in ENCODERS:
        return make_encoder(folder, model)
    tokens = np.random.default_rng(7).integers(3, VOCABULARY, PROMPT + CHOSEN).tolist()
    with torch.no_grad():
        logits = model(torch.tensor([tokens])).logits[0].numpy()
    assert np.isfinite(logits).all() and logits.std() > 0.1, logits.std()
    np.save(folder / "logits.npy", logits.astype(np.float32))
    golden = {"tokens": tokens[:PROMPT], "chosen": tokens[PROMPT:], "n_vocab": VOCABULARY}
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    print(f"{name}: logits of {logits.std():.3g}")


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        make(name)
