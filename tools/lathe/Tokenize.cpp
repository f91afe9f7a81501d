#include "tools/lathe/Commands.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <iterator>

namespace lathe::tools {

namespace {

std::vector<int32_t> encode(const Tokenizer &tokenizer, const std::string &text, bool special) {
  lathe_encode_options options = {};
  options.struct_size = sizeof(options);
  options.add_special = options.parse_special = special;
  std::vector<int32_t> ids(text.size() + 8);
  size_t count = 0;
  do {
    ids.resize(std::max(ids.size(), count));
    check(lathe_tokenizer_encode(tokenizer.get(), text.data(), text.size(), &options, ids.data(), ids.size(), &count));
  } while (count > ids.size());
  ids.resize(count);
  return ids;
}

/// Numbers with spaces, line ends or commas between them.
std::vector<int32_t> parseIds(const std::string &text) {
  static constexpr char Between[] = " \t\r\n,";
  std::vector<int32_t> ids;
  for (size_t at = 0; (at = text.find_first_not_of(Between, at)) != std::string::npos;) {
    size_t end = std::min(text.find_first_of(Between, at), text.size());
    int32_t id = 0;
    auto [stop, error] = std::from_chars(text.data() + at, text.data() + end, id);
    if (error != std::errc() || stop != text.data() + end)
      throw CommandFailure(LATHE_INVALID_ARGUMENT,
                           "standard input: '" + text.substr(at, std::min<size_t>(end - at, 40)) + "' is no token id");
    ids.push_back(id);
    at = end;
  }
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

} // namespace

void addTokenizeCommand(CLI::App &app, TokenizeArguments &arguments) {
  CLI::App *tokenize = app.add_subcommand("tokenize", "Turn standard input into token ids, or back");
  tokenize->add_option("model", arguments.model, "A .lathe file, or a .gguf file, with or without weights")->required();
  tokenize->add_flag("--decode", arguments.decode, "Take ids and print the text that they stand for");
  tokenize->add_flag("--special", arguments.special,
                     "Add the tokens that the model wants around a text, take names of special tokens in it for these "
                     "tokens, and print them when decoding");
}

void tokenizeInput(const TokenizeArguments &arguments) {
  lathe_tokenizer *loaded = nullptr;
  check(lathe_tokenizer_load(arguments.model.c_str(), &loaded));
  Tokenizer tokenizer(loaded);
  std::string input((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  if (arguments.decode) {
    std::cout << decode(tokenizer, parseIds(input), arguments.special);
    return;
  }
  const char *separator = "";
  for (int32_t id : encode(tokenizer, input, arguments.special)) {
    std::cout << separator << id;
    separator = " ";
  }
  std::cout << "\n";
}

} // namespace lathe::tools
