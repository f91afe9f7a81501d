#ifndef LATHE_RUNTIME_TOKENIZER_PRETOKENIZER_H
#define LATHE_RUNTIME_TOKENIZER_PRETOKENIZER_H

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct pcre2_real_code_8;

namespace lathe::runtime {

/// What a value of `tokenizer.ggml.pre` stands for.
struct SplitRule {
  std::span<const std::string_view> names;
  /// Regular expressions, one after the other: each splits the pieces that the one before left into its matches and
  /// what is between them. `\s` and `\S` go by the Unicode property White_Space.
  std::span<const std::string_view> patterns;
  bool keepsWords = false; ///< a piece that is a token is that token, whatever the merges say
  bool addsBos = false;    ///< where `tokenizer.ggml.add_bos_token` is absent
};

std::span<const SplitRule> splitRules();
/// Null where the name is not known.
const SplitRule *findSplitRule(std::string_view name);

/// Splits text into the pieces that byte-pair merges stay within.
class PreTokenizer {
public:
  explicit PreTokenizer(const SplitRule &rule);

  /// Appends the pieces of `text`, valid UTF-8, which together are `text`. Throws LATHE_UNSUPPORTED where a pattern
  /// takes too long on it.
  void split(std::string_view text, std::vector<std::string_view> &pieces) const;

private:
  struct Free {
    void operator()(pcre2_real_code_8 *code) const;
  };
  std::vector<std::unique_ptr<pcre2_real_code_8, Free>> patterns;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_PRETOKENIZER_H
