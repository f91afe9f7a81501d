#ifndef LATHE_RUNTIME_TOKENIZER_TEXTMODEL_H
#define LATHE_RUNTIME_TOKENIZER_TEXTMODEL_H

#include "runtime/tokenizer/Vocabulary.h"

namespace lathe::runtime {

/// How one kind of tokenizer turns text into tokens and back. Objects do not change, so that threads may share them.
class TextModel {
public:
  virtual ~TextModel() = default;

  /// Appends the tokens of text, not empty, without special tokens, before which there is nothing or a special token.
  virtual void encode(std::string_view text, std::vector<int32_t> &ids) const = 0;
  /// Appends the bytes of text that a token which is not special stands for.
  virtual void appendPiece(int32_t id, std::string &text) const = 0;
  /// Whether encoding puts a space before the text, which decoding takes away.
  virtual bool addsSpace() const = 0;
};

/// Appends the tokens of the bytes of `text`, or `unknown` once, unless it is -1, where some byte has no token.
void appendBytes(const Vocabulary &vocabulary, int32_t unknown, std::string_view text, std::vector<int32_t> &ids);
/// Appends a token of SentencePiece as text: spaces for their marks, a byte for a byte token, others as they are.
void appendUnmarked(const Vocabulary &vocabulary, int32_t id, std::string &text);

/// One for `tokenizer.ggml.model`. `vocabulary` outlives it; `unknown` is its unknown token or -1.
std::unique_ptr<TextModel> makeBytePair(const Vocabulary &vocabulary, int32_t unknown);
std::unique_ptr<TextModel> makeSentencePiece(const Vocabulary &vocabulary, int32_t unknown);
std::unique_ptr<TextModel> makeUnigram(const Vocabulary &vocabulary, int32_t unknown);
std::unique_ptr<TextModel> makeWordPiece(const Vocabulary &vocabulary, int32_t unknown);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_TEXTMODEL_H
