#include "runtime/api/Handles.h"
#include "runtime/api/Status.h"

using namespace lathe::runtime;

lathe_status lathe_engine_create(lathe_session *session, const lathe_engine_options *options,
                                 lathe_engine **out_engine) {
  return guarded("lathe_engine_create", [&] {
    require(out_engine, "out_engine");
    *out_engine = nullptr;
    require(session, "session");
    lathe_engine_options read = readOptions(options, /*required=*/false);
    std::shared_ptr<const Tokenizer> tokenizer = read.tokenizer ? read.tokenizer->object : nullptr;
    *out_engine = new lathe_engine{std::make_shared<Engine>(session->object, read, std::move(tokenizer))};
  });
}

void lathe_engine_release(lathe_engine *engine) { delete engine; }

lathe_status lathe_engine_submit(lathe_engine *engine, const lathe_request_options *options,
                                 lathe_request **out_request) {
  return guarded("lathe_engine_submit", [&] {
    require(out_request, "out_request");
    *out_request = nullptr;
    require(engine, "engine");
    auto request = std::make_unique<lathe_request>(engine->object);
    request->object = engine->object->submit(readOptions(options, /*required=*/true));
    *out_request = request.release();
  });
}

lathe_status lathe_engine_step(lathe_engine *engine, size_t *out_unfinished) {
  return guarded("lathe_engine_step", [&] {
    if (out_unfinished)
      *out_unfinished = 0;
    require(engine, "engine");
    size_t unfinished = engine->object->step();
    if (out_unfinished)
      *out_unfinished = unfinished;
  });
}

lathe_status lathe_engine_inspect(lathe_engine *engine, lathe_engine_info *info) {
  return guarded("lathe_engine_inspect", [&] {
    require(engine, "engine");
    require(info, "info");
    (void)readOptions(info, /*required=*/true);
    giveStruct(engine->object->inspect(), info);
  });
}

/// The elements of an array; NULL where there are none.
template <typename Array> static auto dataOf(const Array &array) { return array.empty() ? nullptr : array.data(); }

lathe_status lathe_request_poll(lathe_request *request, lathe_request_output *output) {
  return guarded("lathe_request_poll", [&] {
    require(request, "request");
    require(output, "output");
    (void)readOptions(output, /*required=*/true);
    const RequestOutput &taken = request->taken;
    lathe_request_output found{};
    request->engine->poll(*request->object, request->taken, found);
    found.tokens = dataOf(taken.tokens);
    found.token_count = taken.tokens.size();
    found.text = dataOf(taken.text);
    found.text_bytes = taken.text.size();
    found.log_probabilities = dataOf(taken.logProbabilities);
    found.top_tokens = dataOf(taken.topTokens);
    found.top_log_probabilities = dataOf(taken.topLogProbabilities);
    found.logits = dataOf(taken.logits);
    giveStruct(found, output);
  });
}

void lathe_request_cancel(lathe_request *request) { request->engine->cancel(*request->object); }

void lathe_request_release(lathe_request *request) {
  if (!request)
    return;
  request->engine->cancel(*request->object);
  delete request;
}
