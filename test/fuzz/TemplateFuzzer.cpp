// Parses a chat template and renders it, within small limits, for a conversation that has a bit of everything.
#include "runtime/Failure.h"
#include "runtime/template/ChatTemplate.h"

#include <cstdlib>

using namespace lathe;

static constexpr char Messages[] = R"([{"role": "system", "content": "Be brief."},
  {"role": "user", "content": "Gr\u00fc\u00dfe <b> {{ 1 }} \ud83d\ude00\n"},
  {"role": "assistant", "content": null, "tool_calls": [{"id": "abcdef123", "type": "function",
    "function": {"name": "now", "arguments": {"zone": "UTC", "deep": [1, 2.5, true, null, {}]}}}]},
  {"role": "tool", "tool_call_id": "abcdef123", "content": "noon"},
  {"role": "user", "content": [{"type": "text", "text": " What? "}, {"type": "image"}]}])";
static constexpr char Tools[] = R"([{"type": "function", "function": {"name": "now", "description": "The time.",
  "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}}}])";

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  templates::RenderInputs inputs;
  inputs.messages = Messages;
  inputs.tools = Tools;
  inputs.variables = R"({"bos_token": "<s>", "eos_token": "</s>", "number": -7})";
  inputs.maxSteps = 100000;
  inputs.maxBytes = 8 << 20;
  try {
    templates::ChatTemplate chatTemplate(std::string_view(reinterpret_cast<const char *>(data), size));
    std::string prompt = chatTemplate.render(inputs);
    if (prompt.size() > inputs.maxBytes)
      std::abort();
  } catch (const runtime::Failure &) {
    // Refused with a message: what a broken template must come to.
  }
  return 0;
}
