#include "runtime/tokenizer/PreTokenizer.h"

#include "runtime/Failure.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <new>

namespace lathe::runtime {

/// Replaces \s and \S: PCRE2's own take U+180E for a space, which Unicode and the libraries that tokenizers were
/// trained with do not.
static std::string expandSpaces(std::string_view pattern) {
  static constexpr char Spaces[] =
      R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";
  std::string expanded;
  bool inClass = false;
  for (size_t i = 0; i != pattern.size(); ++i) {
    if (pattern[i] != '\\') {
      inClass = inClass ? pattern[i] != ']' : pattern[i] == '[';
      expanded += pattern[i];
      continue;
    }
    char escaped = pattern[++i];
    if (escaped == 's' && inClass)
      expanded += Spaces;
    else if (escaped == 's' || escaped == 'S')
      expanded += std::string(escaped == 's' ? "[" : "[^") + Spaces + "]";
    else
      expanded += {'\\', escaped};
  }
  return expanded;
}

void PreTokenizer::Free::operator()(pcre2_real_code_8 *code) const { pcre2_code_free(code); }

PreTokenizer::PreTokenizer(const SplitRule &rule) {
  for (std::string_view pattern : rule.patterns) {
    std::string expanded = expandSpaces(pattern);
    int error;
    PCRE2_SIZE where;
    pcre2_code *code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expanded.data()), expanded.size(),
                                     PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY, &error, &where, nullptr);
    if (!code) // the patterns are ours: a bug, or no memory
      throw Failure(LATHE_UNSUPPORTED, "pattern '", expanded, "' fails at byte ", where, " with PCRE2's error ", error);
    patterns.emplace_back(code);
  }
}

namespace {

/// What PCRE2 needs for one text.
class Matcher {
public:
  Matcher(const pcre2_code *code, size_t textBytes)
      : code(code), data(pcre2_match_data_create_from_pattern(code, nullptr)),
        context(pcre2_match_context_create(nullptr)) {
    if (!data || !context) {
      release();
      throw std::bad_alloc();
    }
    // Enough for patterns that look at each byte some times, too little for one that goes back over and over.
    size_t limit = std::min<size_t>(UINT32_MAX, 10'000'000 + 100 * textBytes);
    pcre2_set_match_limit(context, uint32_t(limit));
  }
  Matcher(const Matcher &) = delete;
  Matcher &operator=(const Matcher &) = delete;
  ~Matcher() { release(); }

  /// Finds the first match in `piece` from `start` on that is not empty.
  bool find(std::string_view piece, size_t start, size_t &begin, size_t &end) {
    int result = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), start,
                             PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, data, context);
    if (result == PCRE2_ERROR_NOMATCH)
      return false;
    if (result == PCRE2_ERROR_NOMEMORY)
      throw std::bad_alloc();
    if (result < 0)
      throw Failure(LATHE_UNSUPPORTED, "splitting ", piece.size(), " bytes of text ends with PCRE2's error ", result,
                    "; pass the text in parts");
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(data);
    begin = places[0];
    end = places[1];
    return true;
  }

private:
  void release() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
  }

  const pcre2_code *code;
  pcre2_match_data *data;
  pcre2_match_context *context;
};

} // namespace

void PreTokenizer::split(std::string_view text, std::vector<std::string_view> &pieces) const {
  std::vector<std::string_view> current = {text}, next;
  for (const auto &pattern : patterns) {
    Matcher matcher(pattern.get(), text.size());
    next.clear();
    for (std::string_view piece : current) {
      size_t done = 0, begin, end;
      for (; done != piece.size() && matcher.find(piece, done, begin, end); done = end) {
        if (begin != done)
          next.push_back(piece.substr(done, begin - done));
        next.push_back(piece.substr(begin, end - begin));
      }
      if (done != piece.size())
        next.push_back(piece.substr(done));
    }
    current.swap(next);
  }
  pieces.insert(pieces.end(), current.begin(), current.end());
}

} // namespace lathe::runtime
