"""Compiles encoders and holds their hidden states against goldens: embed.py LIBLATHE SCRATCH GOLDEN_DIR...

Each folder has model.gguf, golden.json, embd.npy, pooled_mean.npy and pooled_cls.npy of an encoder, or logits.npy of a
language model, which is compiled with --embeddings and whose hidden states must give these logits. The text of the golden
is computed alone and in ragged batches among others: differences above 1e-4 fail, and so does every bit in which a text in
a batch differs from the same text alone. SCRATCH is a folder, empty afterwards."""

import ctypes
import functools
import json
import pathlib
import sys

import numpy as np
from architectures import LIMIT, judge_all, output

TEXTS, TOKENS, BATCHES = 8, 256, 40  # of a batch at most
MEAN, CLS, LAST = 1, 2, 3


class DeviceOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("kind", ctypes.c_int), ("threads", ctypes.c_int32),
                ("parallel_for", ctypes.c_void_p), ("parallel_for_user", ctypes.c_void_p),
                ("ordinal", ctypes.c_int32)]  # fmt: skip


class EmbedOptions(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("entry", ctypes.c_char_p), ("text_count", ctypes.c_size_t),
                ("token_counts", ctypes.c_void_p), ("tokens", ctypes.c_void_p), ("pooling", ctypes.c_int),
                ("normalize", ctypes.c_int32), ("embeddings", ctypes.c_void_p), ("embeddings_bytes", ctypes.c_size_t),
                ("hidden_states", ctypes.c_void_p), ("hidden_states_bytes", ctypes.c_size_t)]  # fmt: skip


class Encoder:
    """A session over an artifact, through the C API."""

    def __init__(self, library, artifact, width, threads):
        self.library, self.width = library, width
        program, device, self.session = (ctypes.c_void_p() for _ in range(3))
        options = DeviceOptions(ctypes.sizeof(DeviceOptions), 0, threads, None, None, 0)
        self.check(library.lathe_program_load(str(artifact).encode(), ctypes.byref(program)))
        self.check(library.lathe_device_create(ctypes.byref(options), ctypes.byref(device)))
        self.check(library.lathe_session_create(program, device, None, ctypes.byref(self.session)))
        library.lathe_program_release(program)
        library.lathe_device_release(device)

    def close(self):
        self.library.lathe_session_release(self.session)

    def check(self, status):
        if status:
            raise RuntimeError(self.library.lathe_status_message(ctypes.c_void_p(status)).decode())

    def run(self, texts, pooling=MEAN):
        """Hidden states of each text, and the embeddings."""
        counts = np.array([len(text) for text in texts], np.int32)
        tokens = np.concatenate([np.asarray(text, np.int32) for text in texts])
        embeddings = np.full((len(texts), self.width), np.nan, np.float32)
        hidden = np.full((len(tokens), self.width), np.nan, np.float32)
        options = EmbedOptions(ctypes.sizeof(EmbedOptions), None, len(texts), counts.ctypes.data, tokens.ctypes.data,
                               pooling, 0, embeddings.ctypes.data, embeddings.nbytes, hidden.ctypes.data,
                               hidden.nbytes)  # fmt: skip
        self.check(self.library.lathe_session_embed(self.session, ctypes.byref(options)))
        return np.split(hidden, np.cumsum(counts)[:-1]), embeddings


def load_library(path):
    library = ctypes.CDLL(path)
    for name in ("program_load", "device_create", "session_create", "session_embed"):
        getattr(library, "lathe_" + name).restype = ctypes.c_void_p
    library.lathe_status_message.restype = ctypes.c_char_p
    for name in ("program_release", "device_release", "session_release"):
        getattr(library, "lathe_" + name).argtypes = [ctypes.c_void_p]
    return library


def distance(found, wanted):
    return float(np.abs(found.astype(np.float64) - wanted).max())


def judge_alone(encoder, folder, tokens):
    """The text alone, with each pooling: the largest difference."""
    wanted = np.load(folder / "embd.npy")
    (hidden,), mean = encoder.run([tokens], MEAN)
    _, cls = encoder.run([tokens], CLS)
    _, last = encoder.run([tokens], LAST)
    assert (cls[0] == hidden[0]).all() and (last[0] == hidden[-1]).all()
    return max(distance(hidden, wanted), distance(mean[0], np.load(folder / "pooled_mean.npy")),
               distance(cls[0], np.load(folder / "pooled_cls.npy")))  # fmt: skip


def judge_logits(encoder, folder, tokens):
    """A language model: its hidden states times the tied embeddings."""
    import gguf

    reader = gguf.GGUFReader(folder / "model.gguf")
    table = next(tensor.data for tensor in reader.tensors if tensor.name == "token_embd.weight").astype(np.float64)
    scale = reader.fields["granite.logit_scale"].contents()
    (hidden,), _ = encoder.run([tokens])
    return distance(hidden.astype(np.float64) @ table.T / scale, np.load(folder / "logits.npy"))


def judge_batches(encoders, tokens, vocabulary):
    """Random batches with the golden's text in them, on several numbers of threads: whether all bits are as alone."""
    random = np.random.default_rng(11)
    known = {}
    for batch in range(BATCHES):
        texts = [tokens]
        for _ in range(random.integers(0, TEXTS)):
            length = int(random.choice([1, 2, 7, 16, 17, 63, 64, 65, 100]))
            if sum(map(len, texts)) + length <= TOKENS:
                texts.insert(random.integers(0, len(texts) + 1), random.integers(0, vocabulary, length).tolist())
        hidden, embeddings = encoders[batch % len(encoders)].run(texts)
        for text, states, embedding in zip(texts, hidden, embeddings):
            key = tuple(text)
            if key not in known:
                known[key] = [part[0].tobytes() for part in encoders[0].run([text])]
            if known[key] != [states.tobytes(), embedding.tobytes()]:
                return False
    return True


def judge(folder, library, scratch):
    golden = json.loads((folder / "golden.json").read_text())
    tokens = golden["tokens"] + golden.get("chosen", [])
    is_decoder = (folder / "logits.npy").exists()
    artifact = scratch / "model.lathe"
    flags = ["--embeddings"] if is_decoder else []
    output("lathec", folder / "model.gguf", "-q", "-o", artifact, "--dim", f"tokens=1..{TOKENS}", "--dim",
           f"sequences=1..{TEXTS}", *flags)  # fmt: skip
    width = 64 if is_decoder else np.load(folder / "embd.npy").shape[1]
    encoders = [Encoder(library, artifact, width, threads) for threads in (2, 1, 3)]
    alone = (judge_logits if is_decoder else judge_alone)(encoders[0], folder, tokens)
    same = judge_batches(encoders, tokens, vocabulary=max(tokens) + 1)
    for encoder in encoders:
        encoder.close()
    good = alone <= LIMIT and same
    return good, (f"differs by {alone:.2g}{'' if alone <= LIMIT else ', TOO FAR'}; batches "
                  f"{'have the same bits' if same else 'HAVE OTHER BITS'}")  # fmt: skip


def main():
    library_path, scratch, *folders = sys.argv[1:]
    library, scratch, folders = load_library(library_path), pathlib.Path(scratch), map(pathlib.Path, folders)
    judge_all([(folder.name, functools.partial(judge, folder, library, scratch)) for folder in folders], scratch)


if __name__ == "__main__":
    main()
