#include "runtime/session/StepBuilder.h"

#include "runtime/Failure.h"

#include <algorithm>

namespace lathe::runtime {

/// The input that names the pages of sequences, of whichever states there are.
static const Value &blockTables(const Entry &entry) {
  const Value *tables = entry.input("block_tables");
  return tables ? *tables : *entry.input("window_block_tables");
}

ModelSymbols::ModelSymbols(const Entry &entry)
    : tokens(entry.input("tokens")->symbols[0]), sequences(entry.input("lengths")->symbols[0]),
      offsets(entry.input("row_offsets")->symbols[0]), pages(blockTables(entry).symbols[1]),
      rows(entry.input("rows")->symbols[0]), vocabulary(entry.output("logits")->sizes[1]) {}

int64_t greatestLength(const Entry &entry) { return entry.symbols[size_t(ModelSymbols(entry).pages)].max * PageTokens; }

static void refuseReserved(const Entry &entry, const Entry *candidates, const lathe_step_options &options) {
  const std::pair<const char *, const void *> fields[] = {
      {"embeddings", options.embeddings},
      {"hidden_states", options.hidden_states},
      {"tree_parents", options.tree_parents},
      {"adapters", options.adapters},
      {"logit_mask", options.logit_mask},
      {"samplers", candidates ? nullptr : options.samplers},
      {"sampled_tokens", entry.output("sampled_tokens") ? nullptr : options.sampled_tokens},
      {"sampled_log_probabilities", options.sampled_log_probabilities}};
  for (auto &[name, value] : fields)
    if (value)
      throw Failure(LATHE_UNSUPPORTED, "'", name, "' is set but entry '", entry.name,
                    "' was compiled without it; leave it NULL");
}

static void checkCount(const Symbol &symbol, int64_t count, const char *what) {
  if (count > symbol.max)
    throw Failure(LATHE_INVALID_ARGUMENT, "the step has ", count, " ", what, " but the model was compiled for at most ",
                  symbol.max, "; split it");
}

static void checkRows(const lathe_step_options &options, uint64_t sequences, int64_t tokens, int64_t vocabulary) {
  if (!options.rows && options.row_count != 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "row_count is ", options.row_count, " but rows is NULL");
  for (size_t i = 0; i != options.row_count; ++i)
    if (options.rows[i] < 0 || options.rows[i] >= tokens)
      throw Failure(LATHE_INVALID_ARGUMENT, "rows[", i, "] is ", options.rows[i], " but the step has ", tokens,
                    " tokens");
  uint64_t rows = options.rows ? options.row_count : sequences;
  uint64_t needed = rows * uint64_t(vocabulary) * sizeof(float);
  if (options.logits && options.logits_bytes < needed)
    throw Failure(LATHE_INVALID_ARGUMENT, "logits_bytes is ", options.logits_bytes, " but ", rows, " rows of ",
                  vocabulary, " take ", needed);
}

void checkStep(const Entry &entry, const Entry *candidates, const lathe_step_options &options, int64_t longest,
               std::vector<StepPart> &parts) {
  refuseReserved(entry, candidates, options);
  ModelSymbols symbols(entry);
  if (parts.empty() || !options.tokens)
    throw Failure(LATHE_INVALID_ARGUMENT, "a step needs sequences and tokens");
  checkCount(entry.symbols[size_t(symbols.sequences)], int64_t(parts.size()), "sequences");
  int64_t total = 0, greatest = greatestLength(entry);
  for (size_t i = 0; i != parts.size(); ++i) {
    int64_t count = options.token_counts ? options.token_counts[i] : 1;
    if (count < 1)
      throw Failure(LATHE_INVALID_ARGUMENT, "token_counts[", i, "] is ", count, " but must be at least 1");
    if (parts[i].sequence->length + count > greatest)
      throw Failure(LATHE_INVALID_ARGUMENT, "sequences[", i, "] would have ", parts[i].sequence->length + count,
                    " tokens but the model was compiled for at most ", greatest);
    if (parts[i].sequence->length + count > longest)
      throw Failure(LATHE_INVALID_ARGUMENT, "sequences[", i, "] would have ", parts[i].sequence->length + count,
                    " tokens but the session is for at most ", longest, "; raise max_text_tokens");
    parts[i].count = count;
    total += count;
  }
  checkCount(entry.symbols[size_t(symbols.tokens)], total, "tokens");
  for (int64_t i = 0; i != total; ++i)
    if (options.tokens[i] < 0 || options.tokens[i] >= symbols.vocabulary)
      throw Failure(LATHE_INVALID_ARGUMENT, "tokens[", i, "] is ", options.tokens[i], " but the vocabulary has ",
                    symbols.vocabulary);
  checkRows(options, parts.size(), total, symbols.vocabulary);
  checkCount(entry.symbols[size_t(symbols.rows)], options.rows ? int64_t(options.row_count) : int64_t(parts.size()),
             "rows");
}

StepShape shapeOf(const Entry &entry, const lathe_step_options &options, const std::vector<StepPart> &parts) {
  ModelSymbols symbols(entry);
  auto least = [&](int symbol, int64_t value) { return std::max(value, entry.symbols[size_t(symbol)].min); };
  StepShape shape{0, int64_t(parts.size()), 0, 0};
  for (const StepPart &part : parts) {
    shape.tokens += part.count;
    shape.pages = std::max(shape.pages, (part.sequence->length + part.count + PageTokens - 1) / PageTokens);
  }
  shape.rows = options.rows ? int64_t(options.row_count) : shape.sequences;
  return {least(symbols.tokens, shape.tokens),
          std::max(least(symbols.sequences, shape.sequences), entry.symbols[size_t(symbols.offsets)].min - 1),
          least(symbols.pages, shape.pages), least(symbols.rows, shape.rows)};
}

/// The arrays with an element a token; padding reads token 0.
static void fillTokens(const lathe_step_options &options, const std::vector<StepPart> &parts, StepCall &call) {
  call.tokens.assign(size_t(call.shape.tokens), 0);
  call.positions.assign(size_t(call.shape.tokens), 0);
  size_t row = 0;
  for (const StepPart &part : parts) {
    const SequenceState &sequence = *part.sequence;
    for (int64_t i = 0; i != part.count; ++i, ++row) {
      int64_t index = sequence.length + i;
      call.tokens[row] = options.tokens[row];
      call.positions[row] = options.positions ? options.positions[row] : int32_t(index);
    }
  }
}

/// Where the pages of a group are, and where new tokens go there; padding goes nowhere.
static void fillGroup(const std::vector<StepPart> &parts, size_t group, const StepShape &shape,
                      std::vector<int32_t> &tables, std::vector<int32_t> &slots) {
  tables.assign(size_t(shape.sequences * shape.pages), 0);
  slots.assign(size_t(shape.tokens), -1);
  size_t row = 0;
  for (size_t i = 0; i != parts.size(); ++i) {
    const SequenceState &sequence = *parts[i].sequence;
    const std::vector<int32_t> &pages = sequence.groups[group].pages;
    // Nobody looks at pages that were given back; the number must only be one.
    for (size_t page = 0; page != pages.size(); ++page)
      tables[i * size_t(shape.pages) + page] = std::max(pages[page], 0);
    for (int64_t index = sequence.length; index != sequence.length + parts[i].count; ++index, ++row)
      slots[row] = pages[size_t(index / PageTokens)] * int32_t(PageTokens) + int32_t(index % PageTokens);
  }
}

void fillStep(const lathe_step_options &options, const StateLimits &limits, const std::vector<StepPart> &parts,
              StepCall &call) {
  ModelSymbols symbols(*call.entry);
  call.symbols.assign(call.entry->symbols.size(), 0);
  call.symbols[size_t(symbols.tokens)] = call.shape.tokens;
  call.symbols[size_t(symbols.sequences)] = call.shape.sequences;
  call.symbols[size_t(symbols.offsets)] = call.shape.sequences + 1;
  call.symbols[size_t(symbols.pages)] = call.shape.pages;
  call.symbols[size_t(symbols.rows)] = call.shape.rows;
  fillTokens(options, parts, call);

  call.rowOffsets.assign(size_t(call.shape.sequences) + 1, 0);
  call.lengths.assign(size_t(call.shape.sequences), 0);
  for (size_t i = 0; i != size_t(call.shape.sequences); ++i) {
    // A padded sequence owns one of the padded tokens as long as there are any.
    int64_t count = i < parts.size() ? parts[i].count : call.rowOffsets[i] < call.shape.tokens;
    call.rowOffsets[i + 1] = call.rowOffsets[i] + int32_t(count);
    if (i < parts.size())
      call.lengths[i] = int32_t(parts[i].sequence->length + count);
  }
  if (int group = limits.groupFor(*call.entry, /*windowed=*/false); group >= 0)
    fillGroup(parts, size_t(group), call.shape, call.blockTables, call.slots);
  if (int group = limits.groupFor(*call.entry, /*windowed=*/true); group >= 0)
    fillGroup(parts, size_t(group), call.shape, call.windowBlockTables, call.windowSlots);

  call.rows.assign(size_t(call.shape.rows), 0);
  call.wantedRows = int64_t(options.rows ? options.row_count : parts.size());
  for (size_t i = 0; i != size_t(call.wantedRows); ++i)
    call.rows[i] = options.rows ? options.rows[i] : call.rowOffsets[i + 1] - 1;
  call.logits = options.logits;
  call.logitsMemory = options.logits_memory;
  call.sampledTokens = options.samplers ? nullptr : options.sampled_tokens;
  call.stream = options.stream;
}

} // namespace lathe::runtime
