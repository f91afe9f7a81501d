#ifndef LATHE_RUNTIME_TEMPLATE_MODELTEMPLATE_H
#define LATHE_RUNTIME_TEMPLATE_MODELTEMPLATE_H

#include "runtime/template/ChatTemplate.h"
#include "runtime/tokenizer/Metadata.h"

#include <optional>

namespace lathe::templates {

/// A chat template with what its model gives it: the texts of special tokens and, in some models, another template for
/// conversations with tools.
class ModelTemplate {
public:
  /// A template alone.
  explicit ModelTemplate(std::string_view text) : usual(text) {}
  /// The model's template of this name; its usual one, and that for tools, if the name is empty. Throws
  /// runtime::Failure: LATHE_NOT_FOUND where the model has no such template.
  ModelTemplate(const runtime::Metadata &metadata, const std::string &name);

  std::string render(RenderInputs inputs) const;

private:
  ChatTemplate usual;
  std::optional<ChatTemplate> forTools;
  std::vector<std::pair<std::string, std::string>> specialTokens;
};

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_MODELTEMPLATE_H
