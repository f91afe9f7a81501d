// A chat template: Jinja text that turns messages into a prompt, as Hugging Face's tokenizers render it.
//
// Left out of Jinja: other files (include, import, extends, block), `recursive` loops, integers of more than 64 bits,
// and methods that change their value, which the sandbox that templates are rendered in forbids as well.
#ifndef LATHE_RUNTIME_TEMPLATE_CHATTEMPLATE_H
#define LATHE_RUNTIME_TEMPLATE_CHATTEMPLATE_H

#include "runtime/template/Ast.h"

#include <ctime>
#include <span>
#include <string>
#include <string_view>

namespace lathe::templates {

/// What one rendering is given. Texts that are empty are not given.
struct RenderInputs {
  std::string_view messages;  ///< JSON, an array
  std::string_view tools;     ///< JSON, an array; `tools` is none without it
  std::string_view variables; ///< JSON, an object: more variables, which go before all others
  std::span<const std::pair<std::string, std::string>> texts; ///< variables that go before nothing
  bool addGenerationPrompt = true;
  std::tm now = {};
  uint64_t maxSteps = 0, maxBytes = 0; ///< 0: the defaults
};

constexpr uint64_t DefaultMaxSteps = 20'000'000, DefaultMaxBytes = uint64_t(1) << 30;

class ChatTemplate {
public:
  /// Throws runtime::Failure with line and column, what was found and what is needed.
  explicit ChatTemplate(std::string_view text);

  /// May be called from several threads. Throws runtime::Failure.
  std::string render(const RenderInputs &inputs) const;

private:
  std::string source;
  Tree tree;
};

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_CHATTEMPLATE_H
