#include "runtime/api/Handles.h"
#include "runtime/api/Status.h"

using namespace lathe::runtime;

lathe_status lathe_tokenizer_load(const char *path, lathe_tokenizer **out_tokenizer) {
  return guarded("lathe_tokenizer_load", [&] {
    require(out_tokenizer, "out_tokenizer");
    *out_tokenizer = nullptr;
    require(path, "path");
    *out_tokenizer = new lathe_tokenizer{std::make_shared<const Tokenizer>(Metadata::open(path))};
  });
}

lathe_status lathe_tokenizer_create(const lathe_program *program, lathe_tokenizer **out_tokenizer) {
  return guarded("lathe_tokenizer_create", [&] {
    require(out_tokenizer, "out_tokenizer");
    *out_tokenizer = nullptr;
    require(program, "program");
    std::shared_ptr<const Metadata> metadata = Metadata::fromArtifact(program->object->artifact, program->object);
    *out_tokenizer = new lathe_tokenizer{std::make_shared<const Tokenizer>(std::move(metadata))};
  });
}

void lathe_tokenizer_release(lathe_tokenizer *tokenizer) { delete tokenizer; }

int32_t lathe_tokenizer_size(const lathe_tokenizer *tokenizer) { return tokenizer->object->size(); }

int32_t lathe_tokenizer_special(const lathe_tokenizer *tokenizer, lathe_special_token kind) {
  return kind < LATHE_TOKEN_BOS || kind > LATHE_TOKEN_MASK ? -1 : tokenizer->object->specialId(kind);
}

static bool isToken(const lathe_tokenizer *tokenizer, int32_t token) {
  return token >= 0 && token < tokenizer->object->size();
}

int32_t lathe_tokenizer_ends_text(const lathe_tokenizer *tokenizer, int32_t token) {
  return isToken(tokenizer, token) && tokenizer->object->endsText(token);
}

const char *lathe_tokenizer_piece(const lathe_tokenizer *tokenizer, int32_t token, size_t *out_bytes) {
  std::string_view piece = isToken(tokenizer, token) ? tokenizer->object->piece(token) : std::string_view();
  if (out_bytes)
    *out_bytes = piece.size();
  return piece.data();
}

/// Copies as much of `all` as there is room for.
template <typename Range, typename Element>
static void copyOut(const Range &all, Element *out, size_t capacity, size_t *out_count) {
  *out_count = all.size();
  std::copy_n(all.begin(), std::min(all.size(), capacity), out);
}

lathe_status lathe_tokenizer_encode(const lathe_tokenizer *tokenizer, const char *text, size_t text_bytes,
                                    const lathe_encode_options *options, int32_t *out_tokens, size_t capacity,
                                    size_t *out_count) {
  return guarded("lathe_tokenizer_encode", [&] {
    require(out_count, "out_count");
    *out_count = 0;
    require(tokenizer, "tokenizer");
    if (text_bytes != 0)
      require(text, "text");
    if (capacity != 0)
      require(out_tokens, "out_tokens");
    lathe_encode_options read = readOptions(options, /*required=*/false);
    std::vector<int32_t> ids;
    tokenizer->object->encode({text, text_bytes}, read.add_special, read.parse_special, ids);
    copyOut(ids, out_tokens, capacity, out_count);
  });
}

lathe_status lathe_tokenizer_decode(const lathe_tokenizer *tokenizer, const int32_t *tokens, size_t count,
                                    const lathe_decode_options *options, char *out_text, size_t capacity,
                                    size_t *out_bytes) {
  return guarded("lathe_tokenizer_decode", [&] {
    require(out_bytes, "out_bytes");
    *out_bytes = 0;
    require(tokenizer, "tokenizer");
    if (count != 0)
      require(tokens, "tokens");
    if (capacity != 0)
      require(out_text, "out_text");
    lathe_decode_options read = readOptions(options, /*required=*/false);
    TokenJoiner joiner(*tokenizer->object, read.keep_special, read.goes_on);
    std::string text;
    for (size_t i = 0; i != count; ++i)
      text += joiner.join(tokens[i]);
    copyOut(text, out_text, capacity, out_bytes);
  });
}

lathe_status lathe_text_decoder_create(const lathe_tokenizer *tokenizer, const lathe_decode_options *options,
                                       lathe_text_decoder **out_decoder) {
  return guarded("lathe_text_decoder_create", [&] {
    require(out_decoder, "out_decoder");
    *out_decoder = nullptr;
    require(tokenizer, "tokenizer");
    lathe_decode_options read = readOptions(options, /*required=*/false);
    *out_decoder =
        new lathe_text_decoder{tokenizer->object, TextDecoder(*tokenizer->object, read.keep_special, read.goes_on)};
  });
}

/// What `next` gives, for the caller.
template <typename Next>
static lathe_status giveText(const char *function, lathe_text_decoder *decoder, const char **out_text,
                             size_t *out_bytes, Next next) {
  return guarded(function, [&] {
    require(out_text, "out_text");
    *out_text = nullptr;
    require(out_bytes, "out_bytes");
    *out_bytes = 0;
    require(decoder, "decoder");
    std::string_view text = next(decoder->object);
    *out_text = text.data();
    *out_bytes = text.size();
  });
}

lathe_status lathe_text_decoder_push(lathe_text_decoder *decoder, int32_t token, const char **out_text,
                                     size_t *out_bytes) {
  return giveText("lathe_text_decoder_push", decoder, out_text, out_bytes,
                  [&](TextDecoder &object) { return object.push(token); });
}

lathe_status lathe_text_decoder_finish(lathe_text_decoder *decoder, const char **out_text, size_t *out_bytes) {
  return giveText("lathe_text_decoder_finish", decoder, out_text, out_bytes,
                  [](TextDecoder &object) { return object.finish(); });
}

void lathe_text_decoder_release(lathe_text_decoder *decoder) { delete decoder; }
