#include "runtime/template/ModelTemplate.h"

#include "runtime/Failure.h"
#include "runtime/template/Characters.h"

namespace lathe::templates {

using runtime::Failure;
using runtime::Metadata;

static const std::string Key = "tokenizer.chat_template";

static std::string_view findText(const Metadata &metadata, const std::string &name) {
  if (std::optional<std::string_view> text = metadata.text(name.empty() ? Key : Key + "." + name))
    return *text;
  throw Failure(LATHE_NOT_FOUND, metadata.where(), ": the model has no chat template", name.empty() ? "" : " '", name,
                name.empty() ? "" : "'", "; give one as text");
}

ModelTemplate::ModelTemplate(const Metadata &metadata, const std::string &name) : usual(findText(metadata, name)) {
  if (name.empty())
    if (std::optional<std::string_view> text = metadata.text(Key + ".tool_use"))
      forTools.emplace(*text);
  static constexpr std::pair<const char *, const char *> Names[] = {
      {"bos", "bos_token"}, {"eos", "eos_token"}, {"unknown", "unk_token"}, {"padding", "pad_token"}};
  std::span<const std::string_view> tokens = metadata.texts("tokenizer.ggml.tokens", /*required=*/false);
  for (auto [key, variable] : Names) {
    std::optional<uint64_t> id = metadata.number("tokenizer.ggml." + std::string(key) + "_token_id");
    if (id && *id < tokens.size() && findInvalidUtf8(tokens[*id]) == std::string::npos)
      specialTokens.emplace_back(variable, tokens[*id]);
  }
}

std::string ModelTemplate::render(RenderInputs inputs) const {
  inputs.texts = specialTokens;
  return (forTools && !inputs.tools.empty() ? *forTools : usual).render(inputs);
}

} // namespace lathe::templates
