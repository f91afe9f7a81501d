#include "runtime/artifact/Manifest.h"

#include "runtime/Failure.h"
#include "runtime/HostAbi.h"
#include "runtime/artifact/Artifact.h"
#include "runtime/artifact/JsonField.h"
#include "runtime/gguf/BlockPanels.h"
#include "runtime/gguf/BlockTiles.h"
#include "runtime/gguf/MatrixTiles.h"

#include <algorithm>
#include <set>

namespace lathe::runtime {

namespace {
struct TypeRow {
  const char *name;
  lathe_type type;
  size_t bytes;
  int64_t block = 1; ///< elements that `bytes` hold
};
constexpr TypeRow Types[] = {{"f32", LATHE_F32, 4}, {"f16", LATHE_F16, 2},   {"bf16", LATHE_BF16, 2},
                             {"f64", LATHE_F64, 8}, {"i8", LATHE_I8, 1},     {"u8", LATHE_U8, 1},
                             {"i16", LATHE_I16, 2}, {"i32", LATHE_I32, 4},   {"i64", LATHE_I64, 8},
                             {"u32", LATHE_U32, 4}, {"bool", LATHE_BOOL, 1}, {"u16", LATHE_U16, 2},
                             {"u64", LATHE_U64, 8}};
constexpr TypeRow StateTypes[] = {{"f8E4M3FN", LATHE_F8_E4M3, 1}, {"q8_0", LATHE_Q8_0, 34, 32}};

const TypeRow &rowOf(lathe_type type) {
  return *std::find_if(std::begin(Types), std::end(Types), [&](const TypeRow &row) { return row.type == type; });
}

lathe_type readType(const JsonField &field) {
  std::string name = field.text();
  for (const TypeRow &row : Types)
    if (name == row.name)
      return row.type;
  field.wrong("f32, f16, bf16, f64, i8, u8, i16, i32, i64, u16, u32, u64 or bool");
}

/// A type of values, or one of those that states have beside them.
TypeRow readStateType(const JsonField &field) {
  std::string name = field.text();
  for (const TypeRow &row : StateTypes)
    if (name == row.name)
      return row;
  for (const TypeRow &row : Types)
    if (name == row.name)
      return row;
  field.wrong("f32, f16, bf16, f64, i8, u8, i16, i32, i64, u16, u32, u64, bool, f8E4M3FN or q8_0");
}

template <typename T> const T *findRole(const std::vector<T> &values, std::string_view role) {
  for (const T &value : values)
    if (value.role == role)
      return &value;
  return nullptr;
}

/// Refuses two elements of one name.
template <typename T> void refuseTwins(const std::vector<T> &elements, const std::string &where) {
  std::set<std::string> names;
  for (const T &element : elements)
    if (!names.insert(element.name).second)
      throw Failure(LATHE_CORRUPT, where, " has two elements named '", element.name, "'");
}

Symbol readSymbol(const JsonField &field) {
  Symbol symbol;
  symbol.name = field["name"].text();
  symbol.min = field["min"].integer(0);
  symbol.max = field["max"].integer(symbol.min);
  return symbol;
}

/// `computed`: sizes may be expressions, which the image computes; the manifest's text of them is for people.
Value readValue(const JsonField &field, const std::vector<Symbol> &symbols, bool computed) {
  Value value;
  value.name = field["name"].text();
  value.type = readType(field["type"]);
  value.role = field["role"].text();
  for (const JsonField &dim : field["shape"].items()) {
    value.symbols.push_back(-1);
    value.texts.emplace_back();
    if (!dim.isText()) {
      value.sizes.push_back(dim.integer(0));
      continue;
    }
    std::string name = dim.text();
    auto found = std::find_if(symbols.begin(), symbols.end(), [&](const Symbol &each) { return each.name == name; });
    if (found != symbols.end())
      value.symbols.back() = int(found - symbols.begin());
    else if (!computed || name.empty())
      dim.wrong(computed ? "a size, a symbol of the entry or an expression" : "a size or a symbol of the entry");
    value.sizes.push_back(-1);
    value.texts.back() = std::move(name);
  }
  if (value.sizes.size() > LATHE_MAX_RANK)
    field["shape"].wrong("at most " + std::to_string(LATHE_MAX_RANK) + " dimensions");
  return value;
}

State readState(const JsonField &field) {
  State state;
  state.name = field["name"].text();
  std::string kind = field["kind"].text();
  if (kind == "paged")
    state.kind = LATHE_STATE_PAGED;
  else if (kind == "slot")
    state.kind = LATHE_STATE_SLOT;
  else if (kind == "static")
    state.kind = LATHE_STATE_STATIC;
  else
    field["kind"].wrong("paged, slot or static");
  TypeRow element = readStateType(field["element"]);
  state.element = element.type;
  int64_t elements = 1;
  for (const JsonField &dim : field["shape"].items())
    elements *= state.shape.emplace_back(dim.integer(1, 1 << 30));
  if (state.shape.empty() ? element.block > 1 : state.shape.back() % element.block != 0)
    field["shape"].wrong("rows of whole blocks of " + std::to_string(element.block));
  int64_t bytes = elements / element.block * int64_t(element.bytes);
  if (state.shape.size() > LATHE_MAX_RANK)
    field["shape"].wrong("at most " + std::to_string(LATHE_MAX_RANK) + " dimensions");
  bool paged = state.kind == LATHE_STATE_PAGED;
  state.pageTokens = paged ? field["page_tokens"].integer(16, 16) : 0;
  state.pageBytes = paged ? field["page_bytes"].integer(bytes * state.pageTokens) : 0;
  state.window = paged ? field["window"].integer(0) : 0;
  return state;
}

/// The inputs that a language model must have, with rank and the fixed size of the second dimension (0: a symbol).
struct ModelInput {
  const char *role;
  size_t rank;
  int64_t second;
  int windowed = -1; ///< 1 or 0: one of models that have states with a window, or without
};
constexpr ModelInput ModelInputs[] = {{"tokens", 1, 0},
                                      {"positions", 2, 1},
                                      {"row_offsets", 1, 0},
                                      {"lengths", 1, 0},
                                      {"block_tables", 2, 0, 0},
                                      {"slots", 1, 0, 0},
                                      {"window_block_tables", 2, 0, 1},
                                      {"window_slots", 1, 0, 1},
                                      {"rows", 1, 0}};

/// Whether the entry has a paged state with a window, or one without.
bool hasStates(const Entry &entry, bool windowed) {
  return std::any_of(entry.states.begin(), entry.states.end(), [&](const State &state) {
    return state.kind == LATHE_STATE_PAGED && (state.window != 0) == windowed;
  });
}

/// States with a window share their pages, so they have the same.
void checkWindows(const Entry &entry, const std::string &where) {
  int64_t window = 0;
  for (const State &state : entry.states) {
    if (state.window != 0 && window != 0 && state.window != window)
      throw Failure(LATHE_UNSUPPORTED, where, " has states with windows of ", window, " and ", state.window,
                    " tokens, which this runtime cannot keep apart; use a newer runtime");
    window = state.window ? state.window : window;
  }
}

void checkLanguageModel(const Entry &entry, const std::string &where) {
  for (const Value &value : entry.inputs)
    if (std::none_of(std::begin(ModelInputs), std::end(ModelInputs),
                     [&](const ModelInput &known) { return value.role == known.role; }))
      throw Failure(LATHE_UNSUPPORTED, where, " has input '", value.name, "' of role '", value.role,
                    "', which this runtime cannot fill; use a newer runtime");
  checkWindows(entry, where);
  bool hasFull = hasStates(entry, false), hasWindows = hasStates(entry, true);
  for (const ModelInput &needed : ModelInputs) {
    const Value *value = entry.input(needed.role);
    bool isNeeded = needed.windowed == 1 ? hasWindows : needed.windowed != 0 || hasFull || !hasWindows;
    if (!isNeeded && value)
      throw Failure(LATHE_CORRUPT, where, " has an input of role '", needed.role, "' but no state that it is for");
    if (!isNeeded)
      continue;
    if (!value)
      throw Failure(LATHE_CORRUPT, where, " is a language model without an input of role '", needed.role, "'");
    bool good = value->type == LATHE_I32 && value->sizes.size() == needed.rank && value->symbols[0] >= 0;
    if (good && needed.rank == 2)
      good = needed.second ? value->sizes[1] == needed.second : value->symbols[1] >= 0;
    if (!good)
      throw Failure(LATHE_CORRUPT, where, " has input '", value->name, "' of role '", needed.role,
                    "' that is not i32 of rank ", needed.rank, " with symbols for sizes");
  }
  const Value *logits = entry.output("logits");
  const Value *sampled = entry.output("sampled_tokens");
  if (!logits || entry.outputs.size() != size_t(sampled ? 2 : 1) || logits->type != LATHE_F32 ||
      logits->sizes.size() != 2 || logits->symbols[0] != entry.input("rows")->symbols[0] || logits->sizes[1] < 1)
    throw Failure(LATHE_CORRUPT, where,
                  " must have an output of role 'logits', f32, [rows, vocabulary], and besides at most one of role "
                  "'sampled_tokens'");
  if (sampled &&
      (sampled->type != LATHE_I64 || sampled->sizes.size() != 1 || sampled->symbols[0] != logits->symbols[0]))
    throw Failure(LATHE_CORRUPT, where, " has output '", sampled->name,
                  "' of role 'sampled_tokens' that is not i64, [rows]");
  std::set<int> distinct;
  for (const char *role : {"tokens", "row_offsets", "lengths", "rows"})
    distinct.insert(entry.input(role)->symbols[0]);
  std::set<int> pages;
  for (const char *role : {"block_tables", "window_block_tables"})
    if (const Value *tables = entry.input(role))
      pages.insert(tables->symbols[1]);
  distinct.insert(pages.begin(), pages.end());
  if (distinct.size() != 5 || pages.size() != 1)
    throw Failure(LATHE_CORRUPT, where, " needs five symbols: tokens, sequences, offsets, pages and rows");
}

/// Texts that nothing is kept of: T tokens in O - 1 texts.
void checkEncoder(const Entry &entry, const std::string &where) {
  const Value *tokens = entry.input("tokens"), *positions = entry.input("positions");
  const Value *offsets = entry.input("row_offsets"), *hidden = entry.output("hidden_states");
  auto isSymbol = [](const Value *value, size_t rank, lathe_type type) {
    return value && value->type == type && value->sizes.size() == rank && value->symbols[0] >= 0;
  };
  bool good = entry.inputs.size() == 3 && entry.outputs.size() == 1 && entry.symbols.size() == 2 &&
              entry.states.empty() && isSymbol(tokens, 1, LATHE_I32) && isSymbol(positions, 2, LATHE_I32) &&
              isSymbol(offsets, 1, LATHE_I32) && isSymbol(hidden, 2, LATHE_F32) && positions->sizes[1] == 1 &&
              hidden->sizes[1] >= 1 && positions->symbols[0] == tokens->symbols[0] &&
              hidden->symbols[0] == tokens->symbols[0] && offsets->symbols[0] != tokens->symbols[0];
  if (!good)
    throw Failure(LATHE_CORRUPT, where,
                  " is an encoder, which must have i32 inputs of the roles tokens [tokens], positions [tokens, 1] and "
                  "row_offsets [offsets], an f32 output of role hidden_states [tokens, width], and no state");
}

/// A tensor entry's symbols get their values from its inputs.
/// An entry that finds the largest logits of a language model's rows, and their tokens.
void checkCandidates(const Entry &entry, const std::string &where) {
  auto isOfRows = [&](const Value &value, lathe_type type) {
    return value.type == type && value.sizes.size() == 2 && value.symbols[0] == 0 && value.sizes[1] >= 1;
  };
  bool good = entry.symbols.size() == 1 && entry.inputs.size() == 1 && entry.outputs.size() == 2 &&
              isOfRows(entry.inputs[0], LATHE_F32) && isOfRows(entry.outputs[0], LATHE_F32) &&
              isOfRows(entry.outputs[1], LATHE_I64) && entry.outputs[0].sizes[1] == entry.outputs[1].sizes[1];
  if (!good)
    throw Failure(
        LATHE_CORRUPT, where,
        " has an input of role 'logits', f32, [rows, vocabulary], but must then have two outputs, f32 and i64, "
        "[rows, count], and no other input");
}

void checkTensorEntry(const Entry &entry, const std::string &where) {
  if (entry.input("logits"))
    checkCandidates(entry, where);
  std::set<int> known;
  for (const Value &value : entry.inputs)
    known.insert(value.symbols.begin(), value.symbols.end());
  for (size_t i = 0; i != entry.symbols.size(); ++i)
    if (!known.count(int(i)))
      throw Failure(LATHE_CORRUPT, where, " has symbol '", entry.symbols[i].name, "' that no input's shape names");
  if (!entry.states.empty())
    throw Failure(LATHE_UNSUPPORTED, where, " is of kind tensor and has states; use a newer runtime");
}

lathe_pooling readPooling(const JsonField &field) {
  static constexpr const char *Names[] = {"none", "mean", "cls", "last"}; // in the order of lathe_pooling
  std::string name = field.text();
  for (size_t i = 0; i != std::size(Names); ++i)
    if (name == Names[i])
      return lathe_pooling(i);
  field.wrong("none, mean, cls or last");
}

Entry readEntry(const JsonField &field) {
  Entry entry;
  entry.name = field["name"].text();
  std::string kind = field["kind"].text();
  if (kind != "tensor" && kind != "language_model" && kind != "encoder")
    field["kind"].wrong("tensor, language_model or encoder");
  entry.kind = kind == "tensor"    ? LATHE_ENTRY_TENSOR
               : kind == "encoder" ? LATHE_ENTRY_ENCODER
                                   : LATHE_ENTRY_LANGUAGE_MODEL;
  if (entry.kind == LATHE_ENTRY_ENCODER) {
    entry.pooling = readPooling(field["pooling"]);
    entry.maxTokens = field["max_tokens"].integer(1, INT32_MAX);
  }
  for (const JsonField &symbol : field["symbols"].items())
    entry.symbols.push_back(readSymbol(symbol));
  for (const JsonField &input : field["inputs"].items())
    entry.inputs.push_back(readValue(input, entry.symbols, /*computed=*/false));
  for (const JsonField &output : field["outputs"].items())
    entry.outputs.push_back(readValue(output, entry.symbols, /*computed=*/true));
  for (const JsonField &state : field["states"].items())
    entry.states.push_back(readState(state));
  refuseTwins(entry.symbols, field.where() + ".symbols");
  refuseTwins(entry.inputs, field.where() + ".inputs");
  refuseTwins(entry.outputs, field.where() + ".outputs");
  refuseTwins(entry.states, field.where() + ".states");
  if (entry.kind == LATHE_ENTRY_TENSOR)
    checkTensorEntry(entry, field.where());
  else if (entry.kind == LATHE_ENTRY_ENCODER)
    checkEncoder(entry, field.where());
  else
    checkLanguageModel(entry, field.where());
  return entry;
}

Image readImage(const JsonField &field, const Artifact &artifact, const std::vector<Entry> &entries) {
  Image image;
  image.level = field["level"].text();
  const Section *section = artifact.find(SectionKind::HostImage, image.level);
  if (!section || section->bytes.empty())
    field["level"].wrong("the name of a host image section");
  int64_t last = int64_t(section->bytes.size()) - 1;
  for (auto &[name, functions] : field["entries"].members())
    image.entries[name] = {uint64_t(functions["run"].integer(0, last)),
                           uint64_t(functions["arena_bytes"].integer(0, last)),
                           uint64_t(functions["output_dims"].integer(0, last))};
  for (const Entry &entry : entries)
    if (!image.entries.count(entry.name))
      throw Failure(LATHE_CORRUPT, field.where(), ".entries has no '", entry.name, "'");
  return image;
}

/// Offsets of the modules of each section of a kind. A PTX text ends before the next begins.
void readModules(const JsonField &field, const Artifact &artifact, SectionKind kind, Manifest &manifest) {
  for (auto &[name, list] : field.members()) {
    const Section *section = artifact.find(kind, name);
    if (!section)
      throw Failure(LATHE_CORRUPT, list.where(), " is there, but there is no such section");
    std::vector<size_t> &offsets = manifest.modules[{kind, name}];
    int64_t least = 0, last = int64_t(section->bytes.size()) - 1;
    for (const JsonField &each : list.items()) {
      int64_t offset = each.integer(least, last);
      if (kind == SectionKind::Ptx && offset && section->bytes[size_t(offset) - 1])
        each.wrong("behind a zero byte, where a text begins");
      offsets.push_back(size_t(offset));
      least = offset + 1;
    }
  }
}

Kernel readKernel(const JsonField &field, size_t targets) {
  Kernel kernel = {field["name"].text(), {}};
  if (field.has("module"))
    kernel.module = size_t(field["module"].integer(0, INT32_MAX));
  for (const JsonField &target : field["targets"].items())
    kernel.sharedBytes.push_back(target["shared_bytes"].integer(0, 1 << 30));
  if (kernel.sharedBytes.size() != targets)
    field["targets"].wrong("one for each of cuda_targets");
  return kernel;
}

WeightStorage readWeightStorage(const JsonField &field) {
  WeightStorage storage;
  storage.bytes = field["bytes"].integer(0, int64_t(1) << 48);
  for (const JsonField &file : field["files"].items())
    storage.files.push_back({file["path"].text(), file["bytes"].integer(0)});
  return storage;
}

int64_t readOffset(const JsonField &field, int64_t last) {
  int64_t offset = field.integer(0, last);
  if (offset % int64_t(TensorAlignment) != 0)
    field.wrong("a multiple of " + std::to_string(TensorAlignment));
  return offset;
}

WeightSource readWeightSource(const JsonField &field) {
  if (!field.has("source"))
    return WeightSource::Section;
  std::string source = field["source"].text();
  if (source != "file" && source != "none" && source != "packed")
    field["source"].wrong("file, none or packed");
  return source == "file" ? WeightSource::File : source == "none" ? WeightSource::None : WeightSource::Packed;
}

/// The last element of the source that a packing reads, or -1 where that is beyond all counting.
int64_t lastElement(const Packing &packing) {
  constexpr int64_t Most = int64_t(1) << 48;
  int64_t last = 0;
  for (size_t d = 0; d != packing.sizes.size(); ++d) {
    int64_t steps = packing.sizes[d] - 1, reach;
    if (packing.panels && (d == *packing.panels || d + 1 == packing.sizes.size()))
      continue;
    if (__builtin_mul_overflow(steps, packing.strides[d], &reach) || reach > Most || (last += reach) > Most)
      return -1;
  }
  if (!packing.panels)
    return last;
  // The last column, or the last one of the panel before, whichever is farther.
  int64_t width = packing.sizes.back(), panel = (packing.columns - 1) / width, reach = 0;
  for (int64_t column : {packing.columns - 1, panel * width - 1}) {
    int64_t between, within;
    if (column < 0)
      continue;
    if (__builtin_mul_overflow(column / width, packing.strides[*packing.panels], &between) ||
        __builtin_mul_overflow(column % width, packing.strides.back(), &within) || between > Most || within > Most)
      return -1;
    reach = std::max(reach, between + within);
  }
  return last + reach > Most ? -1 : last + reach;
}

/// Reads the matrix that becomes the `bytes` bytes of a weight in panels.
PackedMatrix readBlockMatrix(const JsonField &field, int64_t bytes, int64_t sourceBytes) {
  constexpr int64_t Most = int64_t(1) << 31;
  PackedMatrix matrix{field["blocks"].text(), field["rows"].integer(1, Most), field["columns"].integer(1, Most)};
  const gguf::BlockFormat *format = gguf::findBlockFormat(matrix.format);
  if (!format || !gguf::findBlockPanels(*format))
    field["blocks"].wrong("a block format that has panels");
  if (matrix.columns % format->weights != 0)
    field["columns"].wrong("a multiple of the " + std::to_string(format->weights) + " columns of a block");
  constexpr int64_t Rows = gguf::BlockPanels::Rows;
  int64_t rowBytes = matrix.columns / format->weights * format->bytes;
  if (matrix.rows > sourceBytes / rowBytes || (matrix.rows + Rows - 1) / Rows * Rows != bytes / rowBytes ||
      bytes % rowBytes != 0)
    field["rows"].wrong("the rows of the source, which with those that fill the last panel are the weight's");
  return matrix;
}

/// As readBlockMatrix, for what becomes tiles.
PackedMatrix readTiles(const JsonField &field, int64_t bytes, int64_t sourceBytes) {
  constexpr int64_t Most = int64_t(1) << 31;
  PackedMatrix matrix{field["tiles"].text(), field["rows"].integer(1, Most), field["columns"].integer(1, Most), true};
  std::optional<gguf::MatrixTiles> dense = gguf::findMatrixTiles(matrix.format);
  const gguf::BlockFormat *format = gguf::findBlockFormat(matrix.format);
  const gguf::BlockTiles *tiles = format ? gguf::findBlockTiles(*format) : nullptr;
  if (!dense && !tiles)
    field["tiles"].wrong("f16, bf16, tf32, or a block format that has tiles");
  int64_t weights = dense ? 1 : format->weights;
  if (matrix.columns % weights != 0)
    field["columns"].wrong("a multiple of the " + std::to_string(weights) + " columns of a block");
  int64_t tileRows = dense ? gguf::MatrixTiles::Rows : gguf::BlockTiles::Rows;
  int64_t rowOfTiles =
      dense ? dense->count(matrix.columns) * gguf::MatrixTiles::Bytes : tiles->rowBytes(matrix.columns);
  int64_t rowBytes = matrix.columns / weights * (dense ? dense->ElementBytes : format->bytes);
  if (matrix.rows > sourceBytes / rowBytes || (matrix.rows + tileRows - 1) / tileRows != bytes / rowOfTiles ||
      bytes % rowOfTiles != 0)
    field["rows"].wrong("the rows of the source, which with those that fill the last tile are the weight's");
  return matrix;
}

Packing readPacking(const JsonField &field, int64_t bytes, const std::vector<Weight> &sources) {
  constexpr size_t MaxRank = 16;
  Packing packing;
  packing.from = size_t(field["from"].integer(0, int64_t(sources.size()) - 1));
  if (field.has("blocks")) {
    packing.matrix = readBlockMatrix(field, bytes, sources[packing.from].bytes);
    return packing;
  }
  if (field.has("tiles")) {
    packing.matrix = readTiles(field, bytes, sources[packing.from].bytes);
    return packing;
  }
  packing.elementBytes = field["element_bytes"].integer(1, 8);
  int64_t left = bytes / packing.elementBytes;
  for (const JsonField &size : field["sizes"].items())
    left /= packing.sizes.emplace_back(size.integer(1, std::max<int64_t>(left, 1)));
  for (const JsonField &stride : field["strides"].items())
    packing.strides.push_back(stride.integer(0));
  size_t rank = packing.sizes.size();
  int64_t elements = 1;
  for (int64_t size : packing.sizes) // no overflow: each size was at most what was left
    elements *= size;
  if (rank == 0 || rank > MaxRank || packing.strides.size() != rank || elements * packing.elementBytes != bytes)
    field["sizes"].wrong("1 to 16 sizes of as many elements as the weight has, and a stride for each");
  if (field.has("panels")) {
    packing.panels = size_t(field["panels"].integer(0, int64_t(rank) - 2));
    packing.columns = field["columns"].integer(1, packing.sizes[*packing.panels] * packing.sizes.back());
  }
  int64_t last = lastElement(packing), present = sources[packing.from].bytes / packing.elementBytes;
  if (last < 0 || last >= present)
    field["strides"].wrong("strides within the " + std::to_string(present) + " elements of the source");
  return packing;
}

std::string readHash(const JsonField &field) {
  std::string hash = field.text();
  if (hash.size() != 32 || hash.find_first_not_of("0123456789abcdef") != std::string::npos)
    field.wrong("32 hexadecimal digits");
  return hash;
}

/// Reads where the bytes are that the section or a file holds, and their hash.
void readStored(const JsonField &field, Weight &weight, int64_t sectionBytes, const WeightStorage *storage) {
  if (weight.source == WeightSource::File) {
    weight.file = size_t(field["file"].integer(0, int64_t(storage->files.size()) - 1));
    weight.fileOffset = field["file_offset"].integer(0, storage->files[weight.file].bytes);
    if (weight.bytes > storage->files[weight.file].bytes - weight.fileOffset)
      field["bytes"].wrong("what is left of the file");
  } else {
    weight.stored = storage ? readOffset(field["stored"], sectionBytes) : weight.offset;
    if (weight.bytes > sectionBytes - weight.stored)
      field["bytes"].wrong("an integer from 0 to " + std::to_string(sectionBytes - weight.stored));
  }
  weight.xxh3 = readHash(field["xxh3"]);
}

/// Reads the hashes of a weight that each rank has a slice of. It lies where code reads it, behind what ranks share;
/// or, where other weights are made up, all slices lie in one place of the section, one behind the other.
void readSlices(const JsonField &field, Weight &weight, const Ranks &ranks, int64_t sectionBytes, bool hasStorage) {
  constexpr auto Aligned = int64_t(TensorAlignment);
  weight.stored = hasStorage ? readOffset(field["stored"], sectionBytes) : weight.offset;
  weight.sliceStride = hasStorage ? (weight.bytes + Aligned - 1) / Aligned * Aligned : ranks.sliceBytes;
  if (int64_t left = sectionBytes - weight.stored - weight.bytes;
      hasStorage && (left < 0 || left / std::max<int64_t>(weight.sliceStride, 1) < ranks.size - 1))
    field["stored"].wrong("where there are slices of all ranks behind it");
  for (const JsonField &hash : field["slices"].items())
    weight.slices.push_back(readHash(hash));
  if (int64_t(weight.slices.size()) != ranks.size)
    field["slices"].wrong("a hash for each of " + std::to_string(ranks.size) + " ranks");
}

/// The arrangement of ranks, of which the weights section is made.
Ranks readRanks(const JsonField &field, const Section *section, const WeightStorage *storage) {
  constexpr int64_t Most = int64_t(1) << 46;
  Ranks ranks;
  std::vector<JsonField> grid = field["grid"].items();
  if (grid.size() != 1)
    throw Failure(LATHE_UNSUPPORTED, field.where(), ".grid has ", grid.size(),
                  " axes, but this runtime knows one; use a newer runtime");
  ranks.axis = grid[0]["name"].text();
  ranks.size = grid[0]["size"].integer(1, 65536);
  for (auto [name, bytes] : {std::pair{"shared_bytes", &ranks.sharedBytes}, {"slice_bytes", &ranks.sliceBytes}}) {
    *bytes = field[name].integer(0, Most);
    if (*bytes % RankAlignment != 0)
      field[name].wrong("a multiple of " + std::to_string(RankAlignment));
  }
  int64_t found = section ? int64_t(section->bytes.size()) : 0, ofRank = ranks.sharedBytes + ranks.sliceBytes;
  if (storage && storage->bytes != ofRank)
    throw Failure(LATHE_CORRUPT, field.where(), " makes ", ofRank, " bytes for a rank but weight_storage ",
                  storage->bytes);
  if (int64_t needed = ranks.sharedBytes + ranks.size * ranks.sliceBytes; !storage && found != needed)
    throw Failure(LATHE_CORRUPT, field.where(), " asks for ", needed, " bytes of weights but the section has ", found);
  return ranks;
}

/// What weights and their sources have in common.
Weight readTensor(const JsonField &field, const Section *section, bool hasStorage) {
  Weight weight;
  weight.source = hasStorage ? readWeightSource(field) : WeightSource::Section;
  if (weight.source == WeightSource::Section && !section)
    throw Failure(LATHE_CORRUPT, field.where(), " is a weight but there is no weights section");
  weight.name = field["name"].text();
  weight.type = field["type"].text();
  for (const JsonField &dim : field["shape"].items())
    dim.integer(0);
  return weight;
}

Weight readWeight(const JsonField &field, const Section *section, const Manifest &manifest) {
  const WeightStorage *storage = manifest.weightStorage ? &*manifest.weightStorage : nullptr;
  Weight weight = readTensor(field, section, storage);
  int64_t sectionBytes = section ? int64_t(section->bytes.size()) : 0, room = storage ? storage->bytes : sectionBytes;
  bool isSliced = manifest.ranks && field.has("slices");
  if (manifest.ranks && !storage)
    room = manifest.ranks->sharedBytes + (isSliced ? manifest.ranks->sliceBytes : 0);
  weight.offset = readOffset(field["offset"], room);
  weight.bytes = field["bytes"].integer(0, room - weight.offset);
  if (isSliced && weight.offset < manifest.ranks->sharedBytes)
    field["offset"].wrong("an integer from " + std::to_string(manifest.ranks->sharedBytes) + ", where slices begin");
  if (manifest.ranks && (weight.source == WeightSource::File || weight.source == WeightSource::Packed))
    throw Failure(LATHE_UNSUPPORTED, field.where(),
                  " is not in the weights section, and of a program for several ranks; use a newer runtime");
  if (isSliced)
    readSlices(field, weight, *manifest.ranks, sectionBytes, storage);
  else if (weight.source == WeightSource::Packed)
    weight.packing = readPacking(field["packing"], weight.bytes, manifest.sources);
  else if (weight.source != WeightSource::None)
    readStored(field, weight, sectionBytes, storage);
  return weight;
}

Weight readSource(const JsonField &field, const Section *section, const WeightStorage &storage) {
  Weight source = readTensor(field, section, /*hasStorage=*/true);
  if (source.source != WeightSource::Section && source.source != WeightSource::File)
    field["source"].wrong("file, or not there");
  source.bytes = field["bytes"].integer(0);
  readStored(field, source, section ? int64_t(section->bytes.size()) : 0, &storage);
  return source;
}

void publish(Value &value) {
  value.info = {value.name.c_str(), value.role.c_str(), value.type, value.sizes.size(), {}, {}};
  for (size_t i = 0; i != value.sizes.size(); ++i) {
    value.info.shape[i] = value.sizes[i];
    value.info.symbols[i] = value.sizes[i] < 0 ? value.texts[i].c_str() : nullptr;
  }
}

/// Fills the public structs, whose pointers hold once the entries stay where they are.
void publish(Entry &entry) {
  for (Symbol &symbol : entry.symbols)
    symbol.info = {symbol.name.c_str(), symbol.min, symbol.max};
  for (Value &value : entry.inputs)
    publish(value);
  for (Value &value : entry.outputs)
    publish(value);
  for (State &state : entry.states) {
    state.info = {state.name.c_str(), state.kind,      state.element, state.shape.size(), {},
                  state.pageTokens,   state.pageBytes, state.window};
    std::copy(state.shape.begin(), state.shape.end(), state.info.shape);
  }
  entry.info = {entry.name.c_str(),   entry.kind,          entry.symbols.size(), entry.inputs.size(),
                entry.outputs.size(), entry.states.size(), entry.pooling,        entry.maxTokens};
}

} // namespace

size_t typeBytes(lathe_type type) { return rowOf(type).bytes; }
const char *typeName(lathe_type type) { return rowOf(type).name; }

const Value *Entry::input(std::string_view role) const { return findRole(inputs, role); }
const Value *Entry::output(std::string_view role) const { return findRole(outputs, role); }

Manifest::Manifest(const Artifact &artifact) {
  const Section &section = *artifact.find(SectionKind::Manifest);
  text.assign(reinterpret_cast<const char *>(section.bytes.data()), section.bytes.size());
  nlohmann::json parsed = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  std::string where = artifact.where() + ": manifest";
  if (parsed.is_discarded())
    throw Failure(LATHE_CORRUPT, where, " is not JSON");
  JsonField root(parsed, where);
  int64_t format = root["format"].integer(0), abi = root["host_abi"].integer(0);
  if (format != 1 || abi != HostAbiVersion)
    throw Failure(LATHE_UNSUPPORTED, where, " has format ", format, " and host_abi ", abi,
                  " but this runtime reads format 1 and host_abi ", HostAbiVersion,
                  "; compile the model with the lathec of this release");
  modelName = root["model"]["name"].text();
  target = root["target"].text();
  if (target != "cpu" && target != "cuda")
    root["target"].wrong("cpu or cuda");
  for (const JsonField &entry : root["entries"].items())
    entries.push_back(readEntry(entry));
  refuseTwins(entries, where + ".entries");
  for (const JsonField &image : root["images"].items())
    images.push_back(readImage(image, artifact, entries));
  if (root.has("cuda_targets"))
    for (const JsonField &each : root["cuda_targets"].items())
      cudaTargets.push_back({each["name"].text(), each["dependent_launch"].boolean()});
  if (root.has("cuda_modules")) {
    readModules(root["cuda_modules"]["ptx"], artifact, SectionKind::Ptx, *this);
    readModules(root["cuda_modules"]["cubin"], artifact, SectionKind::Cubin, *this);
  }
  for (const JsonField &kernel : root["kernels"].items())
    kernels.push_back(readKernel(kernel, cudaTargets.size()));
  if (!kernels.empty() && cudaTargets.empty())
    throw Failure(LATHE_CORRUPT, where, " has kernels, but cuda_targets names nothing that they are compiled for");
  const Section *weightsSection = artifact.find(SectionKind::Weights);
  if (root.has("weight_storage"))
    weightStorage = readWeightStorage(root["weight_storage"]);
  if (weightStorage && root.has("weight_sources"))
    for (const JsonField &source : root["weight_sources"].items())
      sources.push_back(readSource(source, weightsSection, *weightStorage));
  if (root.has("ranks"))
    ranks = readRanks(root["ranks"], weightsSection, weightStorage ? &*weightStorage : nullptr);
  for (const JsonField &weight : root["weights"].items())
    weights.push_back(readWeight(weight, weightsSection, *this));
  for (Entry &entry : entries)
    publish(entry);
}

} // namespace lathe::runtime
