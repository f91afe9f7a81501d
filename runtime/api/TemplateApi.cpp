#include "runtime/api/Handles.h"
#include "runtime/api/Status.h"
#include "runtime/template/ModelTemplate.h"

#include <cstdlib>

using namespace lathe::runtime;
using lathe::templates::ModelTemplate;
using lathe::templates::RenderInputs;

struct lathe_template {
  ModelTemplate object;
};

lathe_status lathe_template_create(const char *text, size_t bytes, lathe_template **out_template) {
  return guarded("lathe_template_create", [&] {
    require(out_template, "out_template");
    *out_template = nullptr;
    require(text, "text");
    *out_template = new lathe_template{ModelTemplate(std::string_view(text, bytes))};
  });
}

lathe_status lathe_template_load(const char *path, const char *name, lathe_template **out_template) {
  return guarded("lathe_template_load", [&] {
    require(out_template, "out_template");
    *out_template = nullptr;
    require(path, "path");
    *out_template = new lathe_template{ModelTemplate(*Metadata::open(path), name ? name : "")};
  });
}

lathe_status lathe_template_create_for(const lathe_program *program, const char *name, lathe_template **out_template) {
  return guarded("lathe_template_create_for", [&] {
    require(out_template, "out_template");
    *out_template = nullptr;
    require(program, "program");
    std::shared_ptr<const Metadata> metadata = Metadata::fromArtifact(program->object->artifact, program->object);
    *out_template = new lathe_template{ModelTemplate(*metadata, name ? name : "")};
  });
}

void lathe_template_release(lathe_template *chat_template) { delete chat_template; }

static std::tm localTime(const lathe_template_options &options) {
  time_t seconds = time_t(options.time ? options.time : std::time(nullptr));
  std::tm local = {};
  if (__builtin_add_overflow(seconds, time_t(options.utc_offset), &seconds) || !gmtime_r(&seconds, &local))
    throw Failure(LATHE_INVALID_ARGUMENT, "time is ", options.time, " seconds since 1970, which no calendar has");
  return local;
}

static std::string_view textOrNothing(const char *text) { return text ? text : std::string_view(); }

lathe_status lathe_template_render(const lathe_template *chat_template, const lathe_template_options *options,
                                   char **out_text, size_t *out_bytes) {
  return guarded("lathe_template_render", [&] {
    require(out_text, "out_text");
    *out_text = nullptr;
    if (out_bytes)
      *out_bytes = 0;
    require(chat_template, "chat_template");
    lathe_template_options read = readOptions(options, /*required=*/true);
    require(read.messages, "messages");
    if (!*read.messages)
      throw Failure(LATHE_INVALID_ARGUMENT, "messages is empty, but must be a JSON array");
    RenderInputs inputs;
    inputs.messages = read.messages;
    inputs.tools = textOrNothing(read.tools);
    inputs.variables = textOrNothing(read.variables);
    inputs.addGenerationPrompt = !read.no_generation_prompt;
    inputs.now = localTime(read);
    inputs.maxSteps = read.max_steps;
    inputs.maxBytes = read.max_bytes;
    std::string prompt = chat_template->object.render(inputs);
    auto *text = static_cast<char *>(std::malloc(prompt.size() + 1));
    if (!text)
      throw std::bad_alloc();
    std::memcpy(text, prompt.c_str(), prompt.size() + 1);
    *out_text = text;
    if (out_bytes)
      *out_bytes = prompt.size();
  });
}

void lathe_text_release(char *text) { std::free(text); }
