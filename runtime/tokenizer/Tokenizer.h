#ifndef LATHE_RUNTIME_TOKENIZER_TOKENIZER_H
#define LATHE_RUNTIME_TOKENIZER_TOKENIZER_H

#include "runtime/include/lathe.h"
#include "runtime/tokenizer/TextModel.h"
#include "runtime/tokenizer/Trie.h"

#include <array>

namespace lathe::runtime {

/// Text to tokens and back, as a model's metadata says. Does not change, so that threads may share it.
class Tokenizer {
public:
  /// Failures are those of Vocabulary, and LATHE_UNSUPPORTED for a pre-tokenizer that is not known.
  explicit Tokenizer(std::shared_ptr<const Metadata> metadata);

  const Metadata &metadata() const { return vocabulary.metadata(); }
  int32_t size() const { return vocabulary.size(); }
  /// -1 where the model has none.
  int32_t specialId(lathe_special_token kind) const { return specials[size_t(kind)]; }
  /// Whether a model that has written this token has nothing more to say.
  bool endsText(int32_t id) const { return isEnd[size_t(id)]; }
  /// A token that is no text, or that stands for text that the model does not know.
  bool isSpecial(int32_t id) const;
  /// A token that text is searched for before anything else.
  bool isUserDefined(int32_t id) const { return vocabulary.type(id) == TokenType::UserDefined; }

  /// Appends the tokens of `text`, any bytes. `addSpecial`: and the tokens that the model wants around it.
  /// `parseSpecial`: special tokens that are written out in the text are those tokens.
  void encode(std::string_view text, bool addSpecial, bool parseSpecial, std::vector<int32_t> &ids) const;

  /// What a token stands for; what is written of a special one is its name. Valid as long as the tokenizer.
  std::string_view piece(int32_t id) const;
  /// Whether a text begins with a space that encoding has put there.
  bool addsSpace() const { return text->addsSpace(); }

private:
  void findSpecials();
  void findEnds();
  void makePieces();

  Vocabulary vocabulary;
  std::array<int32_t, LATHE_TOKEN_MASK + 1> specials;
  bool addsBos, addsEos, addsSeparator;
  std::unique_ptr<const TextModel> text;
  Trie userDefined, allSpecial; ///< tokens that are found in text before anything else
  std::vector<bool> isEnd;
  std::string pieceText;
  std::vector<size_t> pieceEnds;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_TOKENIZER_H
