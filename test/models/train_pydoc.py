#!/usr/bin/env python3
"""Trains a tiny Llama-shaped language model on the docstrings of Python's standard library and writes it as GGUF:
train_pydoc.py [FOLDER] [--wide] [--seconds N]

The text is that of the Python that runs this: docstrings, longer comments and the help topics. One file in sixteen is held
out. With --wide the model is 512 wide, and reads the text of all packages that are installed, one file in eight held out:
what quantizing costs can be measured on it, but it is too large to commit. Documents stand as they are, and those that name
what they describe also as an answer to a question, so that the model has a chat template. Weights are rounded to Q8_0 (--wide: f16), and all figures are of the rounded weights.

Writes into FOLDER, by default gguf/pydoc beside this script:
  model.gguf    the model
  heldout.txt   with --wide: text that it was neither trained on nor chosen by
  golden.json   its mean loss in nats on the first 60,000 bytes of the held-out text, in windows of one context, and what
                it says to a prompt: `tokens`, the prompt's, and `chosen`, the likeliest that follow
  logits.npy    float32 [tokens + chosen, vocabulary]: what torch computes in f64

Needs torch 2.11, tokenizers 0.23, gguf 0.19; two minutes on a GPU. Training on another one gives other weights. With
--seconds the rate falls to its end within so many, in fewer steps where the machine is slower than that.
"""

import argparse
import ast
import dataclasses
import hashlib
import inspect
import io
import json
import math
import multiprocessing
import pathlib
import random
import sysconfig
import time
import tokenize

import gguf
import numpy as np
import tokenizers
import torch
import torch.nn.functional as F
from torch import nn


@dataclasses.dataclass(frozen=True)
class Recipe:
    name: str
    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    dropout: float
    steps: int
    rate: float
    kind: gguf.GGMLQuantizationType
    file_type: gguf.LlamaFileType
    packages: bool  # their text too
    heldout_share: int  # one file in so many
    heldout_bytes: int  # of heldout.txt


SMALL = Recipe("pydoc", 192, 512, 6, 6, 2, 32, 2048, 0.2, 1400, 3e-3, gguf.GGMLQuantizationType.Q8_0,
               gguf.LlamaFileType.MOSTLY_Q8_0, False, 16, 0)  # fmt: skip
WIDE = Recipe("pydoc-wide", 512, 1536, 8, 8, 4, 64, 8192, 0.05, 2000, 2e-3, gguf.GGMLQuantizationType.F16,
              gguf.LlamaFileType.MOSTLY_F16, True, 8, 1_200_000)  # fmt: skip
recipe = SMALL

CONTEXT = 512
ROPE_BASE, EPSILON = 10000.0, 1e-5
BATCH, WARMUP = 64, 100
BEGIN, USER, ASSISTANT, SYSTEM, END = SPECIAL = ["<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
QUESTIONS = ["What is {}?", "What does {} do?", "Describe {}.", "Explain {}."]
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message.role + '|>' + message.content }}"
    "{% if message.role == 'assistant' %}{{ '<|end|>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
PROMPT, CONTINUATION, HELDOUT_BYTES = "Return a list of", 24, 60_000
SKIPPED = {"test", "tests", "idle_test", "site-packages", "dist-packages", "lib2to3", "encodings", "__pycache__"}


# ---- Text ----


def comments(source):
    """Runs of at least three lines of comment, without their marks."""
    lines, last = [], None
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or not token.line.lstrip().startswith("#"):
            continue
        if last is not None and token.start[0] != last + 1:
            if len(lines) >= 3:
                yield "\n".join(lines)
            lines = []
        last = token.start[0]
        lines.append(token.string.lstrip("#").removeprefix(" ").rstrip())
    if len(lines) >= 3:
        yield "\n".join(lines)


def documents(path, module):
    """Pairs of what is described, or None, and the text."""
    source = path.read_text(encoding="utf-8")

    def visit(node, name):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if text := ast.get_docstring(node):
                yield name, inspect.cleandoc(text)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, f"{name}.{child.name}" if hasattr(child, "name") and child.name else name)

    yield from visit(ast.parse(source), module)
    for text in comments(source):
        yield None, text


def read(root, place):
    """What a file holds: pairs, as `documents` gives; none if it is no Python of this version."""
    module = ".".join(place.with_suffix("").parts).removesuffix(".__init__")
    try:
        found = list(documents(root / place, module))
        if place.name == "topics.py":
            tree = ast.parse((root / place).read_text(encoding="utf-8"))
            found = [(None, value.value) for value in ast.walk(tree)
                     if isinstance(value, ast.Constant) and isinstance(value.value, str) and len(value.value) > 200]  # fmt: skip
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError):
        return []
    return [(name, text) for name, text in found if len(text) >= 40]


def corpus():
    """Documents to train on, and those held out: each a list of pairs, as `documents` gives."""
    folders = sysconfig.get_paths()
    roots = [pathlib.Path(folders["stdlib"])] + [pathlib.Path(folders["purelib"])] * recipe.packages
    files = [(root, path.relative_to(root)) for root in roots for path in sorted(root.rglob("*.py"))]
    files = [(root, place) for root, place in files if not SKIPPED & set(place.parts)]
    with multiprocessing.Pool() as pool:
        found = pool.starmap(read, files, chunksize=16)
    parts = [], []
    for (_, place), pairs in zip(files, found):
        parts[hashlib.sha256(str(place).encode()).digest()[0] % recipe.heldout_share == 0].extend(pairs)
    train, held = (list(dict.fromkeys(part)) for part in parts)
    seen = {text for _, text in train} if recipe.packages else set()  # they carry copies of each other's files
    return train, [(name, text) for name, text in held if text not in seen]


def answer(text):
    """The first paragraphs of a text, up to 400 characters but at least one paragraph."""
    kept = ""
    for paragraph in text.split("\n\n"):
        if kept and len(kept) + len(paragraph) > 400:
            break
        kept = f"{kept}\n\n{paragraph}" if kept else paragraph
    return kept


def train_tokenizer(texts):
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=recipe.vocabulary, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


# ---- The network ----


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(recipe.width))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON) * self.weight


def rotate(x):
    """Rotary embedding of adjacent pairs; x is [batch, heads, tokens, head]."""
    frequencies = ROPE_BASE ** (-torch.arange(0, recipe.head, 2, device=x.device, dtype=torch.float64) / recipe.head)
    angles = torch.arange(x.shape[2], device=x.device, dtype=torch.float64)[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn_norm, self.ffn_norm = RmsNorm(), RmsNorm()
        self.attn_q = nn.Linear(recipe.width, recipe.heads * recipe.head, bias=False)
        self.attn_k = nn.Linear(recipe.width, recipe.kv_heads * recipe.head, bias=False)
        self.attn_v = nn.Linear(recipe.width, recipe.kv_heads * recipe.head, bias=False)
        self.attn_output = nn.Linear(recipe.heads * recipe.head, recipe.width, bias=False)
        self.ffn_gate = nn.Linear(recipe.width, recipe.inner, bias=False)
        self.ffn_up = nn.Linear(recipe.width, recipe.inner, bias=False)
        self.ffn_down = nn.Linear(recipe.inner, recipe.width, bias=False)

    def forward(self, x):
        h = self.attn_norm(x)
        q, k, v = (f(h).unflatten(-1, (-1, recipe.head)).transpose(1, 2) for f in (self.attn_q, self.attn_k, self.attn_v))
        mixed = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True, enable_gqa=True)
        x = x + F.dropout(self.attn_output(mixed.transpose(1, 2).flatten(-2)), recipe.dropout, self.training)
        h = self.ffn_norm(x)
        return x + F.dropout(self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h)), recipe.dropout, self.training)


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embd = nn.Embedding(recipe.vocabulary, recipe.width)
        self.blk = nn.ModuleList(Layer() for _ in range(recipe.layers))
        self.output_norm = RmsNorm()
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens):
        x = F.dropout(self.token_embd(tokens), recipe.dropout, self.training)
        for layer in self.blk:
            x = layer(x)
        return F.linear(self.output_norm(x), self.token_embd.weight)


# ---- Training ----


def epoch(train, tokenizer, generator):
    """All documents in a new order, each in one of its forms, as one row of tokens."""
    order = list(train)
    generator.shuffle(order)
    texts = []
    for name, text in order:
        if name and generator.random() < 0.4:
            question = generator.choice(QUESTIONS).format(name)
            texts.append(f"{BEGIN}{USER}{question}{ASSISTANT}{answer(text)}{END}")
        else:
            texts.append(BEGIN + text)
    return np.concatenate([np.array(one.ids, np.int64) for one in tokenizer.encode_batch(texts)])


def windows(ids, length):
    """The text in windows of `length` tokens, each after BEGIN, as [windows, 1 + length]."""
    count = len(ids) // length
    rows = np.asarray(ids[: count * length], np.int64).reshape(count, length)
    return torch.from_numpy(np.concatenate((np.zeros((count, 1), np.int64), rows), 1))


@torch.no_grad()
def loss_of(model, rows):
    """Mean loss in nats of every token of each row but the first, in batches."""
    device, losses = next(model.parameters()).device, []
    for part in rows.split(32):
        logits = model(part[:, :-1].to(device))
        losses.append(F.cross_entropy(logits.flatten(0, 1).float(), part[:, 1:].flatten().to(device), reduction="none"))
    return torch.cat(losses).mean().item()


def train_model(train, heldout, tokenizer, device, seconds):
    generator = random.Random(1)
    torch.manual_seed(1)
    model = Llama().to(device)
    wide = [p for p in model.parameters() if p.dim() == 2]
    optimizer = torch.optim.AdamW(
        [{"params": wide, "weight_decay": 0.1}, {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0}],
        betas=(0.9, 0.95), fused=device == "cuda")  # fmt: skip
    text, best, kept = np.zeros(0, np.int64), math.inf, None
    step, share, start = 0, 0.0, time.monotonic()
    while share < 1:
        needed = BATCH * CONTEXT + 1
        while len(text) < needed:
            text = np.concatenate((text, epoch(train, tokenizer, generator)))
        rows, text = torch.from_numpy(text[:needed]), text[needed - 1 :]
        scale = min((step + 1) / WARMUP, 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share)))
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * scale
        tokens = rows[:-1].view(BATCH, CONTEXT).to(device)
        wanted = rows[1:].to(device)
        with torch.autocast(device, torch.bfloat16):
            logits = model(tokens)
        loss = F.cross_entropy(logits.float().flatten(0, 1), wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        share = max(step / recipe.steps, (time.monotonic() - start) / seconds if seconds else 0)
        if step % 100 == 0 or share >= 1:
            model.eval()
            value = loss_of(model, heldout)
            model.train()
            print(f"step {step}: loss {loss.item():.3f}, held out {value:.4f}", flush=True)
            if value < best:
                best, kept = value, {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(kept)
    return model.eval()


# ---- The file ----


def write_model(path, model, tokenizer):
    """Writes the model, and rounds its weights to what the file holds."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(recipe.name)
    writer.add_description("Llama-shaped model of docstrings of Python")
    writer.add_license("apache-2.0")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(recipe.width)
    writer.add_block_count(recipe.layers)
    writer.add_feed_forward_length(recipe.inner)
    writer.add_head_count(recipe.heads)
    writer.add_head_count_kv(recipe.kv_heads)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_rope_dimension_count(recipe.head)
    writer.add_vocab_size(recipe.vocabulary)
    writer.add_file_type(recipe.file_type)
    described = json.loads(tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([tokenizer.id_to_token(i) for i in range(recipe.vocabulary)])
    writer.add_token_types([gguf.TokenType.CONTROL if i < len(SPECIAL) else gguf.TokenType.NORMAL for i in range(recipe.vocabulary)])
    merges = described["model"]["merges"]
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in merges])
    writer.add_bos_token_id(SPECIAL.index(BEGIN))
    writer.add_eos_token_id(SPECIAL.index(BEGIN))
    writer.add_eot_token_id(SPECIAL.index(END))
    writer.add_add_bos_token(True)
    writer.add_chat_template(TEMPLATE)
    for name, parameter in model.named_parameters():
        values = parameter.detach().float().cpu().numpy()
        name = name if name.endswith(".weight") else name + ".weight"
        if values.ndim == 1:
            writer.add_tensor(name, values)
            continue
        kind = recipe.kind
        blocks = gguf.quants.quantize(values, kind)
        writer.add_tensor(name, blocks, raw_dtype=kind)
        parameter.data.copy_(torch.from_numpy(gguf.quants.dequantize(blocks, kind)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@torch.no_grad()
def greedy(model, tokens, count):
    device = next(model.parameters()).device
    tokens = list(tokens)
    for _ in range(count):
        tokens.append(model(torch.tensor([tokens[-CONTEXT:]], device=device))[0, -1].argmax().item())
    return tokens


def main():
    global recipe
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--seconds", type=float, help="what training may take")
    arguments = parser.parse_args()
    if arguments.wide:
        recipe = WIDE
    folder = arguments.folder or pathlib.Path(__file__).resolve().parent / "gguf" / recipe.name
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train, held = corpus()
    print(f"{sum(len(t) for _, t in train):,} characters to train on, {sum(len(t) for _, t in held):,} held out")
    tokenizer = train_tokenizer([text for _, text in train])
    random.Random(2).shuffle(held)
    text = "\n\n".join(text for _, text in held).encode()
    rows = windows(tokenizer.encode(text[:HELDOUT_BYTES].decode(errors="ignore")).ids, CONTEXT - 1)
    if recipe.heldout_bytes:
        text = text[HELDOUT_BYTES:][: recipe.heldout_bytes].decode(errors="ignore")
        (folder / "heldout.txt").write_text(text, encoding="utf-8")
        print(f"{len(tokenizer.encode(text).ids):,} tokens in heldout.txt")
    model = train_model(train, rows, tokenizer, device, arguments.seconds)
    before = loss_of(model, rows)
    write_model(folder / "model.gguf", model, tokenizer)
    model = model.double()
    loss = loss_of(model, rows)
    prompt = [0, *tokenizer.encode(PROMPT).ids]
    tokens = greedy(model, prompt, CONTINUATION)
    with torch.no_grad():
        np.save(folder / "logits.npy", model(torch.tensor([tokens], device=device))[0].float().cpu().numpy())
    golden = {
        "tokens": prompt,
        "chosen": tokens[len(prompt) :],
        "prompt": PROMPT,
        "text": tokenizer.decode(tokens[len(prompt) :]),
        "heldout_loss": round(loss, 6),
        "heldout_loss_before_rounding": round(before, 6),
        "heldout_tokens": rows[:, 1:].numel(),
    }
    (folder / "golden.json").write_text(json.dumps(golden) + "\n")
    print(json.dumps(golden, indent=1))


if __name__ == "__main__":
    main()
