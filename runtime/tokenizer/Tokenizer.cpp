#include "runtime/tokenizer/Tokenizer.h"

#include "runtime/Failure.h"
#include "runtime/tokenizer/PreTokenizer.h"

#include <algorithm>

namespace lathe::runtime {

namespace {

/// Where a special token's id stands, and what it is called where no key says so.
struct SpecialToken {
  lathe_special_token kind;
  const char *keys[2];
  const char *names[8];
};

constexpr SpecialToken SpecialTokens[] = {
    {LATHE_TOKEN_BOS, {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.cls_token_id"}, {"<s>", "[CLS]"}},
    {LATHE_TOKEN_EOS, {"tokenizer.ggml.eos_token_id"}, {"</s>"}},
    {LATHE_TOKEN_EOT,
     {"tokenizer.ggml.eot_token_id"},
     {"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>", "<|eot|>", "<EOT>", "[EOT]"}},
    {LATHE_TOKEN_EOM, {"tokenizer.ggml.eom_token_id"}, {"<|eom_id|>"}},
    {LATHE_TOKEN_UNKNOWN, {"tokenizer.ggml.unknown_token_id"}, {"<unk>", "[UNK]"}},
    // The first key is misspelled in files, too.
    {LATHE_TOKEN_SEPARATOR, {"tokenizer.ggml.seperator_token_id", "tokenizer.ggml.separator_token_id"}, {"[SEP]"}},
    {LATHE_TOKEN_PADDING, {"tokenizer.ggml.padding_token_id", "tokenizer.ggml.pad_token_id"}, {"<pad>", "[PAD]"}},
    {LATHE_TOKEN_MASK, {"tokenizer.ggml.mask_token_id"}, {"<mask>", "[MASK]"}},
};
static_assert(std::size(SpecialTokens) == LATHE_TOKEN_MASK + 1);

/// Tokens that end what a model says, beside those that have a key.
constexpr const char *EndNames[] = {"<|endoftext|>", "<|end_of_text|>", "<|return|>", "<|call|>", "<|eom_id|>",
                                    "<|eot_id|>",    "<|im_end|>",      "<|end|>",    "<EOT>",    "<end_of_turn>"};

} // namespace

bool Tokenizer::isSpecial(int32_t id) const {
  return vocabulary.type(id) == TokenType::Control || vocabulary.type(id) == TokenType::Unknown;
}

void Tokenizer::findSpecials() {
  for (const SpecialToken &token : SpecialTokens) {
    int32_t &id = specials[size_t(token.kind)];
    id = -1;
    for (const char *key : token.keys)
      if (key && id < 0)
        id = vocabulary.specialId(key);
    for (const char *name : token.names)
      if (name && id < 0)
        if (int32_t found = vocabulary.find(name); found >= 0 && isSpecial(found))
          id = found;
  }
}

void Tokenizer::findEnds() {
  isEnd.assign(size_t(size()), false);
  for (lathe_special_token kind : {LATHE_TOKEN_EOS, LATHE_TOKEN_EOT, LATHE_TOKEN_EOM})
    if (int32_t id = specialId(kind); id >= 0)
      isEnd[size_t(id)] = true;
  // gpt-oss ends a message with <|end|>, and its turn otherwise.
  bool hasChannels = vocabulary.find("<|channel|>") >= 0 && vocabulary.find("<|return|>") >= 0;
  for (std::string_view name : EndNames)
    if (int32_t id = vocabulary.find(name); id >= 0 && isSpecial(id))
      isEnd[size_t(id)] = !(hasChannels && name == "<|end|>");
}

void Tokenizer::makePieces() {
  for (int32_t id = 0; id != size(); ++id) {
    if (isSpecial(id) || isUserDefined(id))
      pieceText += vocabulary.text(id);
    else
      text->appendPiece(id, pieceText);
    pieceEnds.push_back(pieceText.size());
  }
}

static std::unique_ptr<const TextModel> makeModel(const Vocabulary &vocabulary, int32_t unknown) {
  switch (vocabulary.model()) {
  case TokenizerModel::BytePair:
    return makeBytePair(vocabulary, unknown);
  case TokenizerModel::SentencePiece:
    return makeSentencePiece(vocabulary, unknown);
  case TokenizerModel::WordPiece:
    return makeWordPiece(vocabulary, unknown);
  case TokenizerModel::Unigram:
    break;
  }
  return makeUnigram(vocabulary, unknown);
}

/// What `tokenizer.ggml.<key>` says, or `absent`; a token that is wanted must be there.
static bool readAdds(const Metadata &metadata, const std::string &key, bool absent, int32_t id, const char *idKey) {
  std::optional<bool> adds = metadata.flag("tokenizer.ggml." + key);
  if (adds.value_or(false) && id < 0)
    metadata.wrong("tokenizer.ggml." + key, std::string("is true but there is no '") + idKey + "'");
  return adds.value_or(absent) && id >= 0;
}

Tokenizer::Tokenizer(std::shared_ptr<const Metadata> source) : vocabulary(std::move(source)) {
  findSpecials();
  TokenizerModel model = vocabulary.model();
  text = makeModel(vocabulary, specialId(LATHE_TOKEN_UNKNOWN));
  const SplitRule *rule = findSplitRule(metadata().text("tokenizer.ggml.pre").value_or(""));
  bool wantsBos = model == TokenizerModel::SentencePiece || model == TokenizerModel::WordPiece ||
                  (model == TokenizerModel::BytePair && rule && rule->addsBos);
  addsBos = readAdds(metadata(), "add_bos_token", wantsBos, specialId(LATHE_TOKEN_BOS), SpecialTokens[0].keys[0]);
  addsEos = readAdds(metadata(), "add_eos_token", model == TokenizerModel::Unigram, specialId(LATHE_TOKEN_EOS),
                     SpecialTokens[1].keys[0]);
  addsSeparator = readAdds(metadata(), "add_sep_token", model == TokenizerModel::WordPiece,
                           specialId(LATHE_TOKEN_SEPARATOR), SpecialTokens[5].keys[0]);

  std::vector<Trie::Entry> own, all;
  for (int32_t id = 0; id != size(); ++id) {
    if (isUserDefined(id))
      own.emplace_back(vocabulary.text(id), id);
    if (isUserDefined(id) || isSpecial(id))
      all.emplace_back(vocabulary.text(id), id);
  }
  userDefined = Trie(std::move(own));
  allSpecial = Trie(std::move(all));
  findEnds();
  makePieces();
}

void Tokenizer::encode(std::string_view written, bool addSpecial, bool parseSpecial, std::vector<int32_t> &ids) const {
  // Places in a text are kept in 32 bits, and a space may become three bytes.
  if (written.size() > size_t(1) << 30)
    throw Failure(LATHE_INVALID_ARGUMENT, "the text has ", written.size(), " bytes, at most ", 1 << 30,
                  " are possible at once; pass it in parts");
  if (addSpecial && addsBos)
    ids.push_back(specialId(LATHE_TOKEN_BOS));
  const Trie &special = parseSpecial ? allSpecial : userDefined;
  size_t done = 0;
  for (size_t at = 0; at != written.size();) {
    auto [length, id] = special.findLongest(written.substr(at));
    if (length == 0) {
      ++at;
      continue;
    }
    if (at != done)
      text->encode(written.substr(done, at - done), ids);
    ids.push_back(id);
    done = at += length;
  }
  if (done != written.size())
    text->encode(written.substr(done), ids);
  if (addSpecial && addsEos)
    ids.push_back(specialId(LATHE_TOKEN_EOS));
  if (addSpecial && addsSeparator)
    ids.push_back(specialId(LATHE_TOKEN_SEPARATOR));
}

std::string_view Tokenizer::piece(int32_t id) const {
  size_t begin = id == 0 ? 0 : pieceEnds[size_t(id) - 1];
  return std::string_view(pieceText).substr(begin, pieceEnds[size_t(id)] - begin);
}

} // namespace lathe::runtime
