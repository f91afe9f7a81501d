#!/usr/bin/env python3
"""Exports small transformers of the transformers library with seeded weights: export_transformers.py [NAME...].

Writes NAME.onnx beside itself, for each name or for all. Both of torch's exporters are used, since their graphs differ:
`script` traces (opset 17), `dynamo` captures (opset 18). Needs torch 2.15.0, transformers 5.23.0, onnx 1.23.2, onnxscript 0.7.2 and onnxruntime;
the same versions write the same bytes.
"""

import functools
import math
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
WIDTH, INNER, HEADS, LAYERS, VOCABULARY = 48, 96, 4, 2, 96


def seeded(model, seed):
    """Weights that keep the magnitude of what goes through them, so that every layer matters to the output."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() > 1 and "embed" not in name and "shared" not in name and "bias" not in name:
            noise *= 1.4 / math.sqrt(parameter[0].numel())
        elif parameter.dim() == 1:
            noise *= 0.1
            noise += float(name.endswith("weight"))
        parameter.data.copy_(noise)
    return model.eval()


class Outputs(torch.nn.Module):
    """A model as a function of positional tensors that gives a tuple of tensors."""

    def __init__(self, model, function):
        super().__init__()
        self.model, self.function = model, function

    def forward(self, *inputs):
        return self.function(self.model, *inputs)


def past(layers, tensors):
    """The cache of a decoder from four tensors a layer: keys and values of itself, then of the encoder."""
    cache = transformers.EncoderDecoderCache(transformers.DynamicCache(), transformers.DynamicCache())
    for i in range(layers):
        own_key, own_value, cross_key, cross_value = tensors[4 * i : 4 * i + 4]
        cache.self_attention_cache.update(own_key, own_value, i)
        cache.cross_attention_cache.update(cross_key, cross_value, i)
        cache.is_updated[i] = True
    return cache


def flat(cache):
    tensors = []
    for own, cross in zip(cache.self_attention_cache.layers, cache.cross_attention_cache.layers):
        tensors += [own.keys, own.values, cross.keys, cross.values]
    return tensors


def bert():
    config = transformers.BertConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        vocab_size=VOCABULARY, max_position_embeddings=64, attn_implementation="eager")  # fmt: skip
    model = seeded(transformers.BertModel(config), 1)
    ids = torch.randint(0, VOCABULARY, (2, 7))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    call = Outputs(model, lambda m, i, a, t: m(input_ids=i, attention_mask=a, token_type_ids=t)[:2])
    sizes = {name: {0: "batch", 1: "sequence"} for name in inputs}
    return call, inputs, ["last_hidden_state", "pooler_output"], sizes


def vit():
    config = transformers.ViTConfig(
        hidden_size=64, intermediate_size=128, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        image_size=32, patch_size=8, num_labels=10, attn_implementation="sdpa")  # fmt: skip
    model = seeded(transformers.ViTForImageClassification(config), 2)
    inputs = {"pixel_values": torch.randn(2, 3, 32, 32)}
    return Outputs(model, lambda m, x: (m(x).logits,)), inputs, ["logits"], {"pixel_values": {0: "batch"}}


@functools.cache
def t5():
    config = transformers.T5Config(
        d_model=WIDTH, d_ff=INNER, num_layers=LAYERS, num_heads=HEADS, d_kv=WIDTH // HEADS, vocab_size=VOCABULARY,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False, decoder_start_token_id=0)  # fmt: skip
    return seeded(transformers.T5ForConditionalGeneration(config), 3)


def t5_encoder():
    ids = torch.randint(0, VOCABULARY, (2, 7))
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    call = Outputs(t5().encoder, lambda m, i, a: (m(input_ids=i, attention_mask=a).last_hidden_state,))
    return call, inputs, ["last_hidden_state"], {name: {0: "batch", 1: "sequence"} for name in inputs}


def t5_decoder():
    """Logits of a whole prefix, and the cache that the decoder with past goes on from."""
    model = t5()

    def function(m, ids, mask, states):
        out = m(decoder_input_ids=ids, attention_mask=mask, encoder_outputs=(states,), use_cache=True)
        return out.logits, *flat(out.past_key_values)

    inputs = {
        "input_ids": torch.randint(0, VOCABULARY, (2, 5)),
        "encoder_attention_mask": torch.ones(2, 7, dtype=torch.int64),
        "encoder_hidden_states": torch.randn(2, 7, WIDTH),
    }
    sizes = {
        "input_ids": {0: "batch", 1: "prefix"},
        "encoder_attention_mask": {0: "batch", 1: "sequence"},
        "encoder_hidden_states": {0: "batch", 1: "sequence"},
    }
    return Outputs(model, function), inputs, ["logits", *cache_names("present")], sizes


def cache_names(prefix):
    return [f"{prefix}.{i}.{who}.{what}" for i in range(LAYERS) for who in ("decoder", "encoder") for what in ("key", "value")]


def with_past(model, name, seed_states):
    """One token more, from the cache."""

    def function(m, ids, *rest):
        mask, tensors = (rest[0], rest[1:]) if name == "t5" else (None, rest)
        batch, _, length, _ = tensors[2].shape
        states = tensors[2].new_zeros(batch, length, WIDTH)  # only its shape counts: keys and values are in the cache
        out = m(decoder_input_ids=ids, attention_mask=mask, encoder_outputs=(states,),
                past_key_values=past(LAYERS, tensors), use_cache=True)  # fmt: skip
        return out.logits, *[t for i, t in enumerate(flat(out.past_key_values)) if i % 4 < 2]

    inputs = {"input_ids": torch.randint(0, VOCABULARY, (2, 1))}
    sizes = {"input_ids": {0: "batch"}}
    if name == "t5":
        inputs["encoder_attention_mask"] = torch.ones(2, 7, dtype=torch.int64)
        sizes["encoder_attention_mask"] = {0: "batch", 1: "sequence"}
    for each in cache_names("past_key_values"):
        own = "decoder" in each
        inputs[each] = torch.randn(2, HEADS, 5 if own else seed_states, WIDTH // HEADS)
        sizes[each] = {0: "batch", 2: "past" if own else "sequence"}
        if name == "whisper" and not own:
            del sizes[each][2]
    names = ["logits", *[each for each in cache_names("present") if "decoder" in each]]
    return Outputs(model, function), inputs, names, sizes


def t5_decoder_past():
    return with_past(t5(), "t5", 7)


@functools.cache
def whisper():
    config = transformers.WhisperConfig(
        d_model=WIDTH, encoder_ffn_dim=INNER, decoder_ffn_dim=INNER, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, num_mel_bins=16, max_source_positions=40,
        max_target_positions=32, vocab_size=VOCABULARY, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None, attn_implementation="sdpa")  # fmt: skip
    return seeded(transformers.WhisperForConditionalGeneration(config), 4)


def whisper_encoder():
    inputs = {"input_features": torch.randn(2, 16, 80)}
    call = Outputs(whisper().model.encoder, lambda m, x: (m(x).last_hidden_state,))
    return call, inputs, ["last_hidden_state"], {"input_features": {0: "batch"}}


def whisper_decoder():
    def function(m, ids, states):
        out = m(decoder_input_ids=ids, encoder_outputs=(states,), use_cache=True)
        return out.logits, *flat(out.past_key_values)

    inputs = {"input_ids": torch.randint(0, VOCABULARY, (2, 5)), "encoder_hidden_states": torch.randn(2, 40, WIDTH)}
    sizes = {"input_ids": {0: "batch", 1: "prefix"}, "encoder_hidden_states": {0: "batch"}}
    return Outputs(whisper(), function), inputs, ["logits", *cache_names("present")], sizes


def whisper_decoder_past():
    return with_past(whisper(), "whisper", 40)


MODELS = {
    "bert": (bert, "script"),
    "vit": (vit, "dynamo"),
    "t5_encoder": (t5_encoder, "script"),
    "t5_decoder": (t5_decoder, "script"),
    "t5_decoder_past": (t5_decoder_past, "dynamo"),
    "whisper_encoder": (whisper_encoder, "dynamo"),
    "whisper_decoder": (whisper_decoder, "dynamo"),
    "whisper_decoder_past": (whisper_decoder_past, "script"),
}


def export(name):
    build, exporter = MODELS[name]
    torch.manual_seed(0)
    call, inputs, outputs, sizes = build()
    with torch.no_grad():
        produced = call(*inputs.values())
    assert len(produced) == len(outputs)
    path = HERE / f"{name}.onnx"
    if exporter == "script":
        # Sizes of outputs that the trace cannot know keep the numbers of the example unless they are named here.
        torch.onnx.export(call, tuple(inputs.values()), path, dynamo=False, opset_version=17, dynamic_axes=sizes,
                          input_names=list(inputs), output_names=outputs)  # fmt: skip
    else:
        dims = {name: torch.export.Dim(name, min=1, max=512) for each in sizes.values() for name in each.values()}
        shapes = tuple({axis: dims[name] for axis, name in sizes.get(each, {}).items()} for each in inputs)
        torch.onnx.export(call, tuple(inputs.values()), path, dynamo=True, opset_version=18, dynamic_shapes=(shapes,),
                          input_names=list(inputs), output_names=outputs, external_data=False)  # fmt: skip
    model = onnx.load(path)
    del model.metadata_props[:]
    for node in model.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        del value.metadata_props[:]
    onnx.save(model, path)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answers = session.run(outputs, {key: value.numpy() for key, value in inputs.items()})
    assert all(np.allclose(*pair, atol=1e-4) for pair in zip(answers, produced)), "onnxruntime and torch disagree"
    print(f"{name}: {path.stat().st_size} bytes, {len(model.graph.node)} nodes")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    names = sys.argv[1:] or list(MODELS)
    if len(names) == 1:
        export(names[0])
    else:  # each in a process of its own: what dynamo writes depends on what was exported before
        for each in names:
            subprocess.run([sys.executable, __file__, each], check=True)
