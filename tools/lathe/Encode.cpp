#include "tools/lathe/Encode.h"

#include <algorithm>

namespace lathe::tools {

std::vector<int32_t> encode(const Tokenizer &tokenizer, const std::string &text, bool addSpecial, bool parseSpecial) {
  lathe_encode_options options = {};
  options.struct_size = sizeof(options);
  options.add_special = addSpecial;
  options.parse_special = parseSpecial;
  std::vector<int32_t> ids(text.size() + 8);
  size_t count = 0;
  do {
    ids.resize(std::max(ids.size(), count));
    check(lathe_tokenizer_encode(tokenizer.get(), text.data(), text.size(), &options, ids.data(), ids.size(), &count));
  } while (count > ids.size());
  ids.resize(count);
  return ids;
}

std::string decode(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, bool special) {
  lathe_decode_options options = {};
  options.struct_size = sizeof(options);
  options.keep_special = special;
  std::string text;
  size_t bytes = 0;
  do {
    text.resize(bytes);
    check(lathe_tokenizer_decode(tokenizer.get(), ids.data(), ids.size(), &options, text.data(), text.size(), &bytes));
  } while (bytes > text.size());
  return text;
}

Tokenizer tokenizerOf(const Program &program) {
  lathe_tokenizer *tokenizer = nullptr;
  check(lathe_tokenizer_create(program.get(), &tokenizer));
  return Tokenizer(tokenizer);
}

} // namespace lathe::tools
