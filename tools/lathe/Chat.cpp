#include "tools/ExitCodes.h"
#include "tools/Numbers.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Generation.h"
#include "tools/lathe/Prompt.h"
#include "tools/lathe/TokenLimits.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace lathe::tools {

namespace {

using Json = nlohmann::ordered_json;

/// Of a conversation, where the model can take so many.
constexpr int64_t DefaultContext = 4096;

struct ChatArguments {
  ModelArguments model;
  GenerationArguments generation;
  PromptArguments prompt;
  std::string system, chatTemplate;
  int64_t context = 0;
};

/// Lines of standard input, which Ctrl-C can end the waiting for.
class LineReader {
public:
  explicit LineReader(const Interrupts &interrupts) : interrupts(interrupts) {}

  /// The next line without its end; false at the end of input and after Ctrl-C.
  bool read(std::string &line) {
    size_t end;
    while ((end = buffer.find('\n')) == std::string::npos && !atEnd)
      if (!fill())
        return false;
    if (buffer.empty())
      return false;
    line = buffer.substr(0, end);
    buffer.erase(0, end == std::string::npos ? end : end + 1);
    return true;
  }

private:
  bool fill() {
    if (!interrupts.waitFor(STDIN_FILENO))
      return false;
    char bytes[4096];
    ssize_t count = ::read(STDIN_FILENO, bytes, sizeof(bytes));
    if (count < 0 && errno != EINTR && errno != EAGAIN)
      throw CommandFailure(LATHE_NOT_FOUND, std::string("standard input: cannot be read: ") + std::strerror(errno));
    atEnd = count == 0;
    buffer.append(bytes, size_t(std::max<ssize_t>(count, 0)));
    return true;
  }

  const Interrupts &interrupts;
  std::string buffer;
  bool atEnd = false;
};

/// A conversation: its messages, and the model that answers.
class Conversation {
public:
  Conversation(const ChatArguments &given, const Model &model, const Tokenizer &tokenizer)
      : arguments(given), tokenizer(tokenizer),
        chatTemplate(templateOf(model.program, tokenizer, given.chatTemplate, arguments.prompt)),
        writer(model, tokenizer, given.generation, contextOf(given, model)) {
    clear();
  }

  /// Begins anew.
  void clear() {
    messages = Json::array();
    if (!arguments.system.empty())
      messages.push_back({{"role", "system"}, {"content", arguments.system}});
  }

  /// Prints the model's answer. If that fails, nothing was said.
  void say(const std::string &text, Interrupts &interrupts) {
    Json all = messages;
    all.push_back({{"role", "user"}, {"content", text}});
    std::string prompt = renderPrompt(chatTemplate, dump(all), arguments.prompt, /*beginsAnswer=*/true);
    // The template has put there whatever the model wants.
    std::vector<int32_t> tokens = encode(tokenizer, prompt, /*addSpecial=*/false, /*parseSpecial=*/true);
    if (tokens.empty())
      throw CommandFailure(LATHE_INVALID_ARGUMENT, "the chat template makes an empty prompt of the conversation");
    Written written = writer.write(tokens, arguments.generation.maxTokens, interrupts, [](const auto &output) {
      printNow(std::string_view(output.text ? output.text : "", output.text_bytes));
    });
    interrupts.forget();
    if (written.text.empty() || written.text.back() != '\n')
      printNow("\n");
    writer.summarize(written);
    all.push_back({{"role", "assistant"}, {"content", written.text}});
    messages = std::move(all);
  }

private:
  static int64_t contextOf(const ChatArguments &arguments, const Model &model) {
    int64_t most = TokenLimits(model).length;
    if (arguments.context > most)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, "--context is " + std::to_string(arguments.context) +
                                                       " but the model was compiled for texts of " +
                                                       std::to_string(most) + " tokens");
    return arguments.context ? arguments.context : std::min(DefaultContext, most);
  }

  static std::string dump(const Json &messages) {
    try {
      return messages.dump();
    } catch (const Json::type_error &) {
      throw CommandFailure(LATHE_INVALID_ARGUMENT, "the line is no UTF-8, which messages must be");
    }
  }

  ChatArguments arguments;
  const Tokenizer &tokenizer;
  Template chatTemplate;
  TextWriter writer;
  Json messages;
};

int chat(const ChatArguments &arguments) {
  Model model = loadModel(arguments.model);
  if (model.info().kind != LATHE_ENTRY_LANGUAGE_MODEL)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         arguments.model.model + ": is no language model, so it cannot converse");
  Tokenizer tokenizer = tokenizerOf(model.program);
  Conversation conversation(arguments, model, tokenizer);
  Interrupts interrupts;
  LineReader lines(interrupts);
  bool isTerminal = isatty(STDIN_FILENO);
  for (std::string line;;) {
    if (isTerminal)
      std::cerr << "> " << std::flush;
    if (!lines.read(line))
      break;
    if (line == "/exit")
      return Success;
    if (line == "/clear")
      conversation.clear();
    else if (!line.empty()) {
      try {
        conversation.say(line, interrupts);
      } catch (const CommandFailure &failure) {
        if (!isTerminal || failure.code == LATHE_DEVICE_ERROR)
          throw;
        std::cerr << "lathe: " << failure.what() << "\n"; // there is somebody to ask again, or to /clear
      }
    }
  }
  if (isTerminal)
    std::cerr << "\n";
  return interrupts.noted() ? Interrupted : Success;
}

} // namespace

void addChatCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<ChatArguments>();
  CLI::App *command = app.add_subcommand("chat", "Hold a conversation with a language model, a line of standard input "
                                                 "at a time");
  addModelOptions(*command, arguments->model);
  const char *group = "Conversation";
  command->add_option("--system", arguments->system, "What the model is told before the conversation")->group(group);
  command
      ->add_option("--context", arguments->context,
                   "Tokens that the conversation may have (default: 4096, or what the model can take)")
      ->check(Positive)
      ->group(group);
  command->add_option("--template", arguments->chatTemplate, "File with a chat template, in place of the model's")
      ->group(group);
  addPromptOptions(*command, arguments->prompt, group);
  addGenerationOptions(*command, arguments->generation);
  command
      ->add_option("--seed", arguments->generation.seed,
                   "The same seed gives the same text (default: another one each time)")
      ->group(group);
  command->footer("A line is a message. /clear begins a new conversation; /exit, the end of input or Ctrl-C ends it. "
                  "While the\nmodel answers, Ctrl-C ends the answer.");
  command->callback([arguments, &chosen] { chosen = [arguments] { return chat(*arguments); }; });
}

} // namespace lathe::tools
