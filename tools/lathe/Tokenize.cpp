#include "tools/ExitCodes.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Encode.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

namespace lathe::tools {

namespace {

struct TokenizeArguments {
  std::string model;
  bool decode = false, special = false;
};

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

/// Standard input to standard output.
int tokenizeInput(const TokenizeArguments &arguments) {
  lathe_tokenizer *loaded = nullptr;
  check(lathe_tokenizer_load(arguments.model.c_str(), &loaded));
  Tokenizer tokenizer(loaded);
  std::string input = readStandardInput();
  if (arguments.decode) {
    std::cout << decode(tokenizer, parseIds(input), arguments.special);
    return Success;
  }
  const char *separator = "";
  for (int32_t id : encode(tokenizer, input, arguments.special, arguments.special)) {
    std::cout << separator << id;
    separator = " ";
  }
  std::cout << "\n";
  return Success;
}

} // namespace

void addTokenizeCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<TokenizeArguments>();
  CLI::App *tokenize = app.add_subcommand("tokenize", "Turn standard input into token ids, or back");
  tokenize->add_option("model", arguments->model, "A .lathe file, or a .gguf file, with or without weights")
      ->required();
  tokenize->add_flag("--decode", arguments->decode, "Take ids and print the text that they stand for");
  tokenize->add_flag("--special", arguments->special,
                     "Add the tokens that the model wants around a text, take names of special tokens in it for these "
                     "tokens, and print them when decoding");
  tokenize->callback([arguments, &chosen] { chosen = [arguments] { return tokenizeInput(*arguments); }; });
}

} // namespace lathe::tools
