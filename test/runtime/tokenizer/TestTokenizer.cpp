#include "test/runtime/tokenizer/TestTokenizer.h"

#include "compiler/artifact/TokenizerSection.h"

#include <cstring>

namespace lathe::test {

using gguf::Value;
using gguf::ValueType;

Tokenizer loadTokenizer(const std::string &path) {
  lathe_tokenizer *tokenizer = nullptr;
  succeed(lathe_tokenizer_load(path.c_str(), &tokenizer));
  return Tokenizer(tokenizer);
}

std::vector<int32_t> encode(const Tokenizer &tokenizer, const std::string &text, EncodeFlags flags) {
  lathe_encode_options options = {sizeof(options), flags.add, flags.parse};
  size_t count = 0;
  succeed(lathe_tokenizer_encode(tokenizer.get(), text.data(), text.size(), &options, nullptr, 0, &count));
  std::vector<int32_t> ids(count);
  succeed(lathe_tokenizer_encode(tokenizer.get(), text.data(), text.size(), &options, ids.data(), count, &count));
  EXPECT_EQ(count, ids.size());
  return ids;
}

std::string decode(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, DecodeFlags flags) {
  lathe_decode_options options = {sizeof(options), flags.keep, flags.goesOn};
  size_t bytes = 0;
  succeed(lathe_tokenizer_decode(tokenizer.get(), ids.data(), ids.size(), &options, nullptr, 0, &bytes));
  std::string text(bytes, '\0');
  succeed(lathe_tokenizer_decode(tokenizer.get(), ids.data(), ids.size(), &options, text.data(), bytes, &bytes));
  return text;
}

std::vector<std::string> stream(const Tokenizer &tokenizer, const std::vector<int32_t> &ids, DecodeFlags flags) {
  lathe_decode_options options = {sizeof(options), flags.keep, flags.goesOn};
  lathe_text_decoder *created = nullptr;
  succeed(lathe_text_decoder_create(tokenizer.get(), &options, &created));
  TextDecoder decoder(created);
  std::vector<std::string> shown;
  const char *text;
  size_t bytes;
  for (int32_t id : ids) {
    succeed(lathe_text_decoder_push(created, id, &text, &bytes));
    shown.emplace_back(text, bytes);
  }
  succeed(lathe_text_decoder_finish(created, &text, &bytes));
  shown.emplace_back(text, bytes);
  return shown;
}

Entries::Entries(const std::string &name) {
  std::string error;
  file = gguf::GgufFile::open(VOCABULARIES + name + ".gguf", error);
  if (!file)
    throw std::runtime_error(error);
  entries = file->entries();
}

Value &Entries::operator[](const std::string &key) {
  for (auto &[name, value] : entries)
    if (name == key)
      return value;
  return entries.emplace_back(key, Value()).second;
}

void Entries::remove(const std::string &key) {
  std::erase_if(entries, [&](const auto &entry) { return entry.first == key; });
}

void Entries::setText(const std::string &key, const std::string &text) {
  Value &value = (*this)[key] = {};
  value.type = ValueType::String;
  value.bytes = keep(text);
}

void Entries::setNumber(const std::string &key, uint32_t number) {
  Value &value = (*this)[key] = {};
  value.type = ValueType::U32;
  value.bytes = keep({reinterpret_cast<const char *>(&number), sizeof(number)});
}

void Entries::setFlag(const std::string &key, bool flag) {
  Value &value = (*this)[key] = {};
  value.type = ValueType::Bool;
  value.bytes = keep({char(flag)});
}

void Entries::setTexts(const std::string &key, const std::vector<std::string> &texts) {
  Value &value = (*this)[key] = {};
  value.type = ValueType::Array;
  value.elementType = ValueType::String;
  value.count = texts.size();
  for (const std::string &text : texts)
    value.strings.push_back(keep(text));
}

std::vector<std::string> Entries::texts(const std::string &key) {
  return {(*this)[key].strings.begin(), (*this)[key].strings.end()};
}

std::string Entries::bytes() const { return artifact::writeGgufEntries(entries); }

std::string Entries::failure() const {
  std::string path = write();
  lathe_tokenizer *tokenizer = nullptr;
  Outcome found = outcome(lathe_tokenizer_load(path.c_str(), &tokenizer));
  EXPECT_EQ(tokenizer, nullptr);
  lathe_tokenizer_release(tokenizer);
  std::string start = "lathe_tokenizer_load: " + path + ": ";
  EXPECT_EQ(found.message.substr(0, start.size()), start);
  return found.message.substr(std::min(start.size(), found.message.size()));
}

} // namespace lathe::test
