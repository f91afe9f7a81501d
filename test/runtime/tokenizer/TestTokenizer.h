#ifndef LATHE_TEST_RUNTIME_TOKENIZER_TESTTOKENIZER_H
#define LATHE_TEST_RUNTIME_TOKENIZER_TESTTOKENIZER_H

#include "runtime/gguf/GgufFile.h"
#include "test/runtime/TestArtifact.h"

#include <gtest/gtest.h>

#include <deque>

namespace lathe::test {

Tokenizer loadTokenizer(const std::string &path);

struct EncodeFlags {
  bool add = false, parse = false;
};
std::vector<int32_t> encode(const Tokenizer &tokenizer, const std::string &text, EncodeFlags flags = {});

struct DecodeFlags {
  bool keep = false, goesOn = false;
};
std::string decode(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, DecodeFlags flags = {});
/// What a stream decoder shows, one string for each token and one for the end.
std::vector<std::string> stream(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, DecodeFlags flags = {});

/// The entries of a committed vocabulary, to be changed and written as another file.
class Entries {
public:
  explicit Entries(const std::string &name);

  gguf::Value &operator[](const std::string &key);
  void remove(const std::string &key);
  void setText(const std::string &key, const std::string &text);
  void setNumber(const std::string &key, uint32_t number);
  void setFlag(const std::string &key, bool flag);
  void setTexts(const std::string &key, const std::vector<std::string> &texts);
  template <typename T> void setNumbers(const std::string &key, gguf::ValueType type, const std::vector<T> &numbers) {
    gguf::Value &value = (*this)[key] = {};
    value.type = gguf::ValueType::Array;
    value.elementType = type;
    value.count = numbers.size();
    value.bytes = keep({reinterpret_cast<const char *>(numbers.data()), numbers.size() * sizeof(T)});
  }
  std::vector<std::string> texts(const std::string &key);

  std::string bytes() const;
  /// Writes the file and returns its path.
  std::string write() const { return writeTemporary(bytes()); }
  /// What loading the file fails with, without the path.
  std::string failure() const;

private:
  std::string_view keep(std::string bytes) { return kept.emplace_back(std::move(bytes)); }

  std::unique_ptr<gguf::GgufFile> file;
  std::vector<std::pair<std::string, gguf::Value>> entries;
  std::deque<std::string> kept;
};

} // namespace lathe::test

#endif // LATHE_TEST_RUNTIME_TOKENIZER_TESTTOKENIZER_H
