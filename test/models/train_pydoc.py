#!/usr/bin/env python3
"""Trains a tiny Llama-shaped language model on the docstrings of Python's standard library and writes it as GGUF:
train_pydoc.py [FOLDER]

The text is that of the Python that runs this: docstrings, longer comments and the help topics. One file in sixteen is held
out. Documents stand as they are, and those that name what they describe also as an answer to a question, so that the
model has a chat template. Weights are rounded to Q8_0, and all figures are of the rounded weights.

Writes into FOLDER, by default gguf/pydoc beside this script:
  model.gguf    the model
  golden.json   its mean loss in nats on the first 60,000 bytes of the held-out text, in windows of one context, and what
                it says to a prompt: `tokens`, the prompt's, and `chosen`, the likeliest that follow
  logits.npy    float32 [tokens + chosen, vocabulary]: what torch computes in f64

Needs torch 2.11, tokenizers 0.23, gguf 0.19; two minutes on a GPU. Training on another one gives other weights.
"""

import ast
import hashlib
import inspect
import io
import json
import math
import pathlib
import random
import sys
import sysconfig
import tokenize

import gguf
import numpy as np
import tokenizers
import torch
import torch.nn.functional as F
from torch import nn

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, HEAD, VOCABULARY, CONTEXT = 192, 512, 6, 6, 2, 32, 2048, 512
ROPE_BASE, EPSILON, DROPOUT = 10000.0, 1e-5, 0.2
BATCH, STEPS, WARMUP, RATE = 64, 1400, 100, 3e-3
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


def corpus():
    """Documents to train on, and those held out: each a list of pairs, as `documents` gives."""
    root = pathlib.Path(sysconfig.get_paths()["stdlib"])
    parts = [], []
    for path in sorted(root.rglob("*.py")):
        place = path.relative_to(root)
        if SKIPPED & set(place.parts):
            continue
        held = hashlib.sha256(str(place).encode()).digest()[0] % 16 == 0
        module = ".".join(place.with_suffix("").parts).removesuffix(".__init__")
        try:
            found = list(documents(path, module))
        except (SyntaxError, UnicodeDecodeError, tokenize.TokenError):
            continue
        if place.name == "topics.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found = [(None, value.value) for value in ast.walk(tree)
                     if isinstance(value, ast.Constant) and isinstance(value.value, str) and len(value.value) > 200]  # fmt: skip
        parts[held].extend((name, text) for name, text in found if len(text) >= 40)
    return [list(dict.fromkeys(part)) for part in parts]


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
        vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()))  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


# ---- The network ----


class RmsNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON) * self.weight


def rotate(x):
    """Rotary embedding of adjacent pairs; x is [batch, heads, tokens, head]."""
    frequencies = ROPE_BASE ** (-torch.arange(0, HEAD, 2, device=x.device, dtype=torch.float64) / HEAD)
    angles = torch.arange(x.shape[2], device=x.device, dtype=torch.float64)[:, None] * frequencies
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn_norm, self.ffn_norm = RmsNorm(), RmsNorm()
        self.attn_q = nn.Linear(WIDTH, HEADS * HEAD, bias=False)
        self.attn_k = nn.Linear(WIDTH, KV_HEADS * HEAD, bias=False)
        self.attn_v = nn.Linear(WIDTH, KV_HEADS * HEAD, bias=False)
        self.attn_output = nn.Linear(HEADS * HEAD, WIDTH, bias=False)
        self.ffn_gate = nn.Linear(WIDTH, INNER, bias=False)
        self.ffn_up = nn.Linear(WIDTH, INNER, bias=False)
        self.ffn_down = nn.Linear(INNER, WIDTH, bias=False)

    def forward(self, x):
        h = self.attn_norm(x)
        q, k, v = (f(h).unflatten(-1, (-1, HEAD)).transpose(1, 2) for f in (self.attn_q, self.attn_k, self.attn_v))
        mixed = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=True, enable_gqa=True)
        x = x + F.dropout(self.attn_output(mixed.transpose(1, 2).flatten(-2)), DROPOUT, self.training)
        h = self.ffn_norm(x)
        return x + F.dropout(self.ffn_down(F.silu(self.ffn_gate(h)) * self.ffn_up(h)), DROPOUT, self.training)


class Llama(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embd = nn.Embedding(VOCABULARY, WIDTH)
        self.blk = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.output_norm = RmsNorm()
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens):
        x = F.dropout(self.token_embd(tokens), DROPOUT, self.training)
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


def train_model(train, heldout, tokenizer, device):
    generator = random.Random(1)
    torch.manual_seed(1)
    model = Llama().to(device)
    wide = [p for p in model.parameters() if p.dim() == 2]
    optimizer = torch.optim.AdamW(
        [{"params": wide, "weight_decay": 0.1}, {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.0}],
        betas=(0.9, 0.95))  # fmt: skip
    text, best, kept = np.zeros(0, np.int64), math.inf, None
    for step in range(STEPS):
        needed = BATCH * CONTEXT + 1
        while len(text) < needed:
            text = np.concatenate((text, epoch(train, tokenizer, generator)))
        rows, text = torch.from_numpy(text[:needed]), text[needed - 1 :]
        scale = min((step + 1) / WARMUP, 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / STEPS)))
        for group in optimizer.param_groups:
            group["lr"] = RATE * scale
        tokens = rows[:-1].view(BATCH, CONTEXT).to(device)
        wanted = rows[1:].to(device)
        with torch.autocast(device, torch.bfloat16):
            logits = model(tokens)
        loss = F.cross_entropy(logits.float().flatten(0, 1), wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 99:
            model.eval()
            value = loss_of(model, heldout)
            model.train()
            print(f"step {step + 1}: loss {loss.item():.3f}, held out {value:.4f}", flush=True)
            if value < best:
                best, kept = value, {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.load_state_dict(kept)
    return model.eval()


# ---- The file ----


def write_model(path, model, tokenizer):
    """Writes the model, and rounds its weights to what the file holds."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("pydoc")
    writer.add_description("Llama-shaped model of the docstrings of Python's standard library")
    writer.add_license("apache-2.0")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(EPSILON)
    writer.add_rope_freq_base(ROPE_BASE)
    writer.add_rope_dimension_count(HEAD)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    described = json.loads(tokenizer.to_str())
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([tokenizer.id_to_token(i) for i in range(VOCABULARY)])
    writer.add_token_types([gguf.TokenType.CONTROL if i < len(SPECIAL) else gguf.TokenType.NORMAL for i in range(VOCABULARY)])
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
        kind = gguf.GGMLQuantizationType.Q8_0
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
    home = pathlib.Path(__file__).resolve().parent / "gguf" / "pydoc"
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else home
    folder.mkdir(parents=True, exist_ok=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train, held = corpus()
    print(f"{sum(len(t) for _, t in train):,} characters to train on, {sum(len(t) for _, t in held):,} held out")
    tokenizer = train_tokenizer([text for _, text in train])
    random.Random(2).shuffle(held)
    text = "\n\n".join(text for _, text in held).encode()[:HELDOUT_BYTES]
    rows = windows(tokenizer.encode(text.decode(errors="ignore")).ids, CONTEXT - 1)
    model = train_model(train, rows, tokenizer, device)
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
