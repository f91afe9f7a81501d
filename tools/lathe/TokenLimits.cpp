#include "tools/lathe/TokenLimits.h"

#include <algorithm>
#include <limits>

namespace lathe::tools {

namespace {

const lathe_symbol_info *findSymbol(const Model &model, const char *name) {
  for (size_t i = 0; const lathe_symbol_info *symbol = lathe_program_symbol(model.program.get(), model.entry, i); ++i)
    if (name && std::string(symbol->name) == name)
      return symbol;
  return nullptr;
}

} // namespace

int64_t greatestSize(const Model &model, const std::string &role, size_t dimension) {
  int64_t size = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; const lathe_value_info *value = lathe_program_input(model.program.get(), model.entry, i); ++i) {
    if (value->role != role)
      continue;
    const lathe_symbol_info *symbol = findSymbol(model, value->symbols[dimension]);
    size = std::min(size, symbol ? symbol->max : value->shape[dimension]);
  }
  return size;
}

TokenLimits::TokenLimits(const Model &model)
    : tokens(greatestSize(model, "tokens", 0)), sequences(greatestSize(model, "lengths", 0)),
      rows(greatestSize(model, "rows", 0)), length(std::numeric_limits<int64_t>::max()), vocabulary(0) {
  for (size_t i = 0; const lathe_value_info *value = lathe_program_output(model.program.get(), model.entry, i); ++i)
    if (value->role == std::string("logits"))
      vocabulary = value->shape[1];
  if (vocabulary < 1)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         std::string("entry '") + model.info().name + "' gives no logits, so it cannot write text");
  int64_t pages = std::min(greatestSize(model, "block_tables", 1), greatestSize(model, "window_block_tables", 1));
  for (size_t i = 0; const lathe_state_info *state = lathe_program_state(model.program.get(), model.entry, i); ++i)
    if (state->kind == LATHE_STATE_PAGED && state->page_tokens)
      length = std::min(length, pages > length / state->page_tokens ? length : pages * state->page_tokens);
}

} // namespace lathe::tools
