#include "runtime/template/ChatTemplate.h"

#include "runtime/Failure.h"
#include "runtime/template/Characters.h"
#include "runtime/template/Interpreter.h"
#include "runtime/template/Parser.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace lathe::templates {

using runtime::Failure;
using Json = nlohmann::ordered_json;

static constexpr size_t MaxTemplateBytes = 16 << 20;

ChatTemplate::ChatTemplate(std::string_view text) {
  if (text.size() > MaxTemplateBytes)
    throw Failure(LATHE_INVALID_ARGUMENT, "the template has ", text.size(), " bytes, but at most ", MaxTemplateBytes,
                  " are supported");
  if (size_t at = findInvalidUtf8(text); at != text.npos)
    throw Failure(LATHE_INVALID_ARGUMENT, "byte ", at, " of the template is not UTF-8");
  source = normalizeNewlines(text, /*dropLast=*/true);
  try {
    tree = Parser(tokenize(source)).parse();
  } catch (const TemplateError &error) {
    throw Failure(LATHE_INVALID_ARGUMENT, "template, ", describePlace(source, error.at), ": ", error.what());
  }
}

namespace {

/// JSON as values. `path` names it in messages.
class JsonReader {
public:
  JsonReader(Budget &budget, std::string path) : budget(budget), path(std::move(path)) {}

  Json parse(std::string_view text) const {
    try {
      return Json::parse(text);
    } catch (const Json::exception &error) {
      // "[json.exception.parse_error.101] parse error at line 1, column 2: ...": people need what stands behind ']'.
      std::string message = error.what();
      size_t behind = message.find("] ");
      throw Failure(LATHE_INVALID_ARGUMENT, path, ": ", behind == message.npos ? message : message.substr(behind + 2));
    }
  }

  Value convert(const Json &json, uint32_t depth = 0) const {
    if (depth == MaxDepth / 2)
      throw Failure(LATHE_INVALID_ARGUMENT, path, ": arrays and objects hold each other more than ", MaxDepth / 2,
                    " deep");
    budget.useBytes(sizeof(Value));
    switch (json.type()) {
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max()))
        throw Failure(LATHE_INVALID_ARGUMENT, path, ": the number ", json.get<uint64_t>(), " does not fit 64 bits");
      return Value(json.get<int64_t>());
    case Json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      budget.useBytes(json.get_ref<const std::string &>().size() + sizeof(Text));
      return Value::text(json.get<std::string>());
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json &item : json)
        items.push_back(convert(item, depth + 1));
      return Value::list(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> entries;
      for (auto &[key, item] : json.items())
        entries.emplace_back(Value::text(key), convert(item, depth + 1));
      return Value::dictionary(std::move(entries), budget);
    }
    default:
      return Value();
    }
  }

  Value read(std::string_view text, Json::value_t type, const char *needed) const {
    Json json = parse(text);
    if (json.type() != type)
      throw Failure(LATHE_INVALID_ARGUMENT, path, " is JSON of type ", json.type_name(), " but must be ", needed);
    return convert(json);
  }

private:
  Budget &budget;
  std::string path;
};

} // namespace

std::string ChatTemplate::render(const RenderInputs &inputs) const {
  Budget budget(inputs.maxSteps ? inputs.maxSteps : DefaultMaxSteps,
                inputs.maxBytes ? inputs.maxBytes : DefaultMaxBytes);
  try {
    Interpreter interpreter(tree, budget, inputs.now);
    auto read = [&](std::string_view text, const char *name, Json::value_t type, const char *needed) {
      return text.empty() ? Value() : JsonReader(interpreter.budget, name).read(text, type, needed);
    };
    for (auto &[name, value] : inputs.texts)
      interpreter.define(name, interpreter.text(value));
    interpreter.define("messages", read(inputs.messages, "messages", Json::value_t::array, "an array"));
    // As in the tokenizers that templates are written for, these are there, but none, if not given.
    interpreter.define("tools", read(inputs.tools, "tools", Json::value_t::array, "an array"));
    interpreter.define("documents", Value());
    interpreter.define("add_generation_prompt", Value(inputs.addGenerationPrompt));
    Value variables = read(inputs.variables, "variables", Json::value_t::object, "an object");
    if (const Dictionary *dictionary = variables.asDictionary())
      for (auto &[name, value] : dictionary->entries)
        interpreter.define(name.asText()->bytes, value);
    return interpreter.render();
  } catch (const TemplateError &error) {
    throw Failure(LATHE_INVALID_ARGUMENT, "template, ", describePlace(source, error.at), ": ", error.what());
  } catch (const EvaluationError &error) {
    throw Failure(LATHE_INVALID_ARGUMENT, error.what());
  }
}

} // namespace lathe::templates
