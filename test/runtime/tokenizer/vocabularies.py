#!/usr/bin/env python3
"""Trains the small vocabularies of this folder from the documentation and writes what other libraries make of some texts.

    pip install gguf numpy sentencepiece tokenizers && ./vocabularies.py

Writes byte_pair.gguf, word_piece.gguf (tokenizers), sentence_piece.gguf, unigram.gguf (sentencepiece), the ids that these
libraries give for TEXTS to expected.json, and to splits.json the bytes of the pieces into which tokenizers splits SPLITS
by the patterns that the models' own tokenizer.json files have.
"""
import io
import json
import pathlib

import gguf
import sentencepiece
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).parent
ROOT = FOLDER.parents[2]
CORPUS = [line for path in ("README.md", "docs/commands.md", "docs/artifact.md", "docs/design.md")
          for line in (ROOT / path).read_text().splitlines() if line]  # fmt: skip

TEXTS = [
    "", " ", "   ", "\t", "\n", "\n\n\n", " \n \n", "the compiler", " the runtime", "a  b   c", "The artifact's weights, don't!",
    "x = 12345 + 0.5;\n\treturn x;\n", "Grüße aus Köln", "naïve café — “quoted”", "нещо на Български", "中文字符和 English",
    "ភាសាខ្មែរ", "🚀 (normal) 😶‍🌫️ 🏳️‍🌈", "e\u0301 \u1e9b\u0323 ﬁ Ａ", "A\u200bB\u00a0C\u3000D", "zero\u0000byte", "line\u000btab\u0085s", "ends with space ",
    "I'M you'LL we'Ve", "a" * 130, "\ufffd\U0010ffff",
]  # fmt: skip

SPLITS = [
    "The model's 1234567 weights, DON'T you'LL I'ſ", " leading   and trailing  ", "a\n\n  b\r\n\tc \n d", "x=(y+1)//2;!!\n\n#end",
    "GRÜSSE Straße ǅ naïveÉcole e\u0301a\u0308", "中文字符123和かなカナ한국어 ภาษา नमस्ते", "ⅣⅧ ½ ٣٤٥ x² …。，、", "🚀😶‍🌫️ a\u00a0b\u3000c\u1680d\u180ee\u0085f",
    "camelCaseHTTPServer2Go _snake_case", "...   \n   end $5+<=>^~|` 'tis",
]  # fmt: skip

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
TAIL = r"|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CASED = (
    r"\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA}\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF}"
    r"\x{370}-\x{373}\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C}\x{38E}-\x{3A1}"
    r"\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F}\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}"
    r"\x{13F8}-\x{13FD}\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B}\x{1D6B}-\x{1D77}"
    r"\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15}\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D}"
    r"\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D}\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}"
    r"\x{1FC2}-\x{1FC4}\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB}\x{1FE0}-\x{1FEC}"
    r"\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102}\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}"
    r"\x{2126}\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139}\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}"
    r"\x{2183}\x{2184}\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2}\x{2CF3}\x{A640}-\x{A66D}"
    r"\x{A680}-\x{A69B}\x{A722}-\x{A76F}\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF}"
    r"\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A}\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}"
    r"\x{104B0}-\x{104D3}\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2}\x{118A0}-\x{118DF}"
    r"\x{1E900}-\x{1E943}]+"
)
HEAD = r"[^\r\n\p{L}\p{N}]?"
PATTERNS = {
    "gpt-2": [GPT2],
    "starcoder": [r"\p{N}", GPT2],
    "falcon": [r"[\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]"],
    "llama-bpe": [CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL],
    "qwen2": [CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*" + TAIL],
    "qwen35": [CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*" + TAIL],
    "tekken": [f"{HEAD}{UPPER}*{LOWER}+|{HEAD}{UPPER}+{LOWER}*" + r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL],
    "gpt-4o": [f"{HEAD}{UPPER}*{LOWER}+{CONTRACTIONS}?|{HEAD}{UPPER}+{LOWER}*{CONTRACTIONS}?"
               + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*" + TAIL],
    "seed-coder": [CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+" + TAIL],
    "bloom": [r" ?[^(\s|[.,!?…。，、।۔،])]+"],
    "deepseek-coder": [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"],
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "viking": [r" ?[^(\s|[.,!?…。，、।۔،])]+", r"\p{N}"],
    "deepseek-llm": [r"[\r\n]", CASED, r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", "[一-龥ࠀ-一가-퟿]+", r"\p{N}+"],
    "deepseek-v3": [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
                    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*""" + TAIL],
}  # fmt: skip


class Gguf(gguf.GGUFWriter):
    """A file with nothing but a tokenizer."""

    def __init__(self, name, model):
        super().__init__(FOLDER / name, "llama")
        self.add_name(name)
        self.add_tokenizer_model(model)

    def finish(self):
        self.write_header_to_file()
        self.write_kv_data_to_file()
        self.close()


NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6


def train_byte_pair():
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=380, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    data = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(data["vocab"], key=data["vocab"].get)
    extra = [("<|begin|>", CONTROL), ("<|end|>", CONTROL), ("<tool>", USER_DEFINED)]
    file = Gguf("byte_pair.gguf", "gpt2")
    file.add_tokenizer_pre("gpt-2")
    file.add_token_list(tokens + [text for text, _ in extra])
    file.add_token_types([NORMAL] * len(tokens) + [kind for _, kind in extra])
    file.add_token_merges([" ".join(merge) for merge in data["merges"]])
    file.add_bos_token_id(len(tokens))
    file.add_eos_token_id(len(tokens) + 1)
    file.add_add_bos_token(True)
    file.add_chat_template("{% for m in messages %}{{ m.content }}<|end|>{% endfor %}")
    file.finish()
    return [tokenizer.encode(text).ids for text in TEXTS]


def train_word_piece():
    tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    corpus = CORPUS + ["grusse koln naive cafe — “quoted” нещо 中 文 字 符 12345 0.5 = + ;"] * 5
    trainer = trainers.WordPieceTrainer(vocab_size=320, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(corpus, trainer)
    vocab = tokenizer.get_vocab()
    tokens = sorted(vocab, key=vocab.get)
    file = Gguf("word_piece.gguf", "bert")
    file.add_token_list([t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens])
    file.add_token_types([CONTROL if t in special else NORMAL for t in tokens])
    for name in special[:1]:
        file.add_pad_token_id(vocab[name])
    file.add_unk_token_id(vocab["[UNK]"])
    file.add_bos_token_id(vocab["[CLS]"])
    file.add_sep_token_id(vocab["[SEP]"])
    file.add_mask_token_id(vocab["[MASK]"])
    file.finish()
    return [tokenizer.encode(text).ids for text in TEXTS]


def train_sentencepiece(name, model, **options):
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=written, minloglevel=2, **options)
    tokenizer = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    from sentencepiece import sentencepiece_model_pb2

    proto = sentencepiece_model_pb2.ModelProto.FromString(written.getvalue())
    file = Gguf(name, model)
    file.add_token_list([piece.piece for piece in proto.pieces])
    file.add_token_scores([piece.score for piece in proto.pieces])
    file.add_token_types([piece.type for piece in proto.pieces])
    file.add_add_space_prefix(proto.normalizer_spec.add_dummy_prefix)
    file.add_remove_extra_whitespaces(proto.normalizer_spec.remove_extra_whitespaces)
    if charsmap := proto.normalizer_spec.precompiled_charsmap:
        file.add_precompiled_charsmap(charsmap)
    file.add_unk_token_id(tokenizer.unk_id())
    file.add_eos_token_id(tokenizer.eos_id())
    if tokenizer.bos_id() >= 0:
        file.add_bos_token_id(tokenizer.bos_id())
    file.finish()
    return [tokenizer.encode(text) for text in TEXTS]


def train_sentence_piece():
    return train_sentencepiece(
        "sentence_piece.gguf", "llama", model_type="bpe", vocab_size=440, byte_fallback=True,
        normalization_rule_name="identity", remove_extra_whitespaces=False, split_digits=True,
    )  # fmt: skip


def train_unigram():
    rules = {"ﬁ": "fi", "Ａ": "A", "\t": " ", "\n": " ", "\u00a0": " ", "\u3000": " ", "\u200b": "", "e\u0301": "é", "“": '"', "”": '"'}
    table = FOLDER / "rules.tsv"
    codes = lambda text: " ".join(f"{ord(c):X}" for c in text)
    table.write_text("".join(f"{codes(a)}\t{codes(b)}\n" for a, b in rules.items()))
    try:
        return train_sentencepiece(
            "unigram.gguf", "t5", model_type="unigram", vocab_size=220, normalization_rule_tsv=str(table),
            pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        )  # fmt: skip
    finally:
        table.unlink()


def split(patterns, text):
    steps = [pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated") for pattern in patterns]
    return [len(piece.encode()) for piece, _ in pre_tokenizers.Sequence(steps).pre_tokenize_str(text)]


def main():
    expected = {
        "texts": TEXTS,
        "byte_pair": train_byte_pair(),
        "word_piece": train_word_piece(),
        "sentence_piece": train_sentence_piece(),
        "unigram": train_unigram(),
    }
    rows = lambda items: ",\n".join(json.dumps(item, separators=(",", ":")) for item in items)
    text = ",\n".join(f'"{name}": [\n{rows(items)}\n]' for name, items in expected.items())
    (FOLDER / "expected.json").write_text("{\n" + text + "\n}\n")
    lines = [f'"texts": [\n{rows(SPLITS)}\n]']
    lines += [f'"{name}": [\n{rows(split(patterns, text) for text in SPLITS)}\n]' for name, patterns in PATTERNS.items()]
    (FOLDER / "splits.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
