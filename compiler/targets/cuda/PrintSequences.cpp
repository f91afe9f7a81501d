// What language models do over a ragged batch: rotation, the KV cache, attention.
#include "compiler/targets/cuda/KernelPrinter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

static constexpr int64_t MaxDimensions = 1024; // Rope::MaxDims

static StringRef getPairing(RopeOp op) { return op.getPairing() == RopePairing::Adjacent ? "Adjacent" : "Half"; }

/// The parameter `Early` of a template that turns.
static StringRef getEarly(const LaunchBody &body, RopeOp op) {
  bool early = body.isNeverWritten(op.getPositions()) && (!op.getFactors() || body.isNeverWritten(op.getFactors()));
  return early ? ", true" : "";
}

/// Adds the parameters that say how to turn. Fails with a diagnostic.
static LogicalResult addRotation(const LaunchBody &body, RopeOp op, TemplateUse &use) {
  FailureOr<std::string> positions = getParameter(body, op.getPositions());
  FailureOr<std::string> factors = op.getFactors() ? getParameter(body, op.getFactors()) : std::string("nullptr");
  if (failed(positions) || failed(factors))
    return failure();
  if (op.getDimensions() > uint64_t(MaxDimensions))
    return op.emitOpError() << "rotates " << op.getDimensions() << " dimensions, but its CUDA kernel at most "
                            << MaxDimensions << "; compile for the CPU";
  use.Params.insert(use.Params.end(), {{"PositionStride", printSize(body.getDim(op.getPositions(), 1))},
                                       {"Base", printFloat(op.getBase().convertToFloat())},
                                       {"PositionScale", "1.0f"},
                                       {"Magnitude", printFloat(op.getMagnitude().convertToFloat())}});
  // In both templates pointers stand before the sizes, and those before the distances of tokens.
  auto insertBefore = [&](StringRef prefix, ArrayRef<std::pair<std::string, std::string>> members) {
    auto place = llvm::find_if(use.Params, [&](const auto &m) { return StringRef(m.first).starts_with(prefix); });
    use.Params.insert(place, members.begin(), members.end());
  };
  insertBefore("Tokens", {{"Positions", *positions}, {"Factors", *factors}});
  insertBefore("Ld", {{"Dims", std::to_string(op.getDimensions())}});
  use.Threads = 256;
  use.SharedBytes = MaxDimensions * 4;
  return success();
}

/// A token's angles, in f64, and then as many pairs at a time as there are threads.
static void setRotationWork(ArrayRef<AffineExpr> dims, TemplateUse &use) {
  static constexpr double OfAngle = 250, OfPair = 25;
  use.MostResident = 6;
  report::KernelWork work;
  work.StepOtherBytes = double(use.Threads * 2 * (2 + 4)); // a pair of 16 bits each or more, in and out
  work.InFlight = 8;
  work.ItemAccesses = 2;
  work.ItemInstructions = OfAngle;
  work.StepInstructions = OfPair;
  work.StepThreads = use.Threads;
  use.setWork(work, dims[0], (dims[1] * dims[2]).ceilDiv(use.Threads * 2));
}

FailureOr<TemplateUse> cuda::printRope(const LaunchBody &body, RopeOp op) {
  FailureOr<std::string> x = getParameter(body, op.getInput());
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         output = getElementType(op, body.getYielded()[0].getType());
  if (failed(x) || failed(input) || failed(output) || failed(checkNoEpilogue(body)))
    return failure();
  ArrayRef<AffineExpr> dims = body.getDims(op.getInput());
  std::string stride = printSize(dims[1] * dims[2]);
  TemplateUse use;
  use.Header = "rope.cuh";
  use.Type = llvm::formatv("Rope<{0}, {1}, Pairing::{2}{3}>", *input, *output, getPairing(op), getEarly(body, op));
  use.Config = "one block a token";
  use.Params = {{"X", *x},
                {"Out", "p" + std::to_string(body.getOutputPort(0))},
                {"Tokens", printSize(dims[0])},
                {"Heads", printSize(dims[1])},
                {"Width", printSize(dims[2])},
                {"LdX", stride},
                {"LdOut", stride}};
  if (failed(addRotation(body, op, use)))
    return failure();
  use.Tiles = dims[0];
  setRotationWork(dims, use);
  return use;
}

namespace {
/// Sizes of paged state as the templates take them.
struct PageShape {
  PageShape(StateType state, int64_t heads, int64_t keyWidth, int64_t valueWidth)
      : Heads(heads), KvHeads(state.getShape()[1]), KeyWidth(keyWidth), ValueWidth(valueWidth),
        StoredWidth(state.getShape()[2] - valueWidth), Layers(state.getShape()[0]),
        HeadBytes(state.getUnitBytes() / (Layers * KvHeads)) {}

  /// Whether keys begin with their values.
  bool isShared() const { return StoredWidth < KeyWidth; }
  std::string print() const {
    return llvm::formatv("AttentionShape<{0}, {1}, {2}, {3}{4}>", Heads, KvHeads, KeyWidth, ValueWidth,
                         isShared() ? ", true" : "");
  }
  int64_t getLayerElements() const { return KvHeads * StateType::PageTokens * (StoredWidth + ValueWidth); }
  void addPlace(TemplateUse &use, int64_t layer) const {
    use.Params.push_back({"PageElements", std::to_string(Layers * getLayerElements())});
    use.Params.push_back({"LayerOffset", "l0 * " + std::to_string(getLayerElements())});
    use.Layers.push_back(layer);
  }

  int64_t Heads, KvHeads, KeyWidth, ValueWidth, StoredWidth, Layers;
  int64_t HeadBytes; ///< of a page of one layer and key head
};
} // namespace

/// The most elements that a kernel without tensor cores reads at a time.
static int64_t getLargestChunk(StateType state) {
  return isa<QuantizedTypeInterface>(state.getElement()) ? 8 : 128 / state.getElement().getIntOrFloatBitWidth();
}

FailureOr<TemplateUse> cuda::printAppendKv(const LaunchBody &body, AppendKvOp op) {
  // Keys that are rotated in the same launch are read before that.
  auto rope = body.getRoots().size() == 2 ? cast<RopeOp>(body.getRoots()[0]) : RopeOp();
  Value keys = rope ? rope.getInput() : op.getKey();
  FailureOr<std::string> key = getParameter(body, keys), value = getParameter(body, op.getValue()),
                         slots = getParameter(body, op.getSlots());
  FailureOr<std::string> input = getElementType(op, keys.getType()),
                         valueInput = getElementType(op, op.getValue().getType()),
                         element = getMemoryType(op, op.getState().getType());
  if (failed(key) || failed(value) || failed(slots) || failed(input) || failed(valueInput) || failed(element) ||
      failed(getParameter(body, op.getState())) || failed(checkNoEpilogue(body)))
    return failure();
  if (*input != *valueInput)
    return op.emitOpError() << "has keys of type " << keys.getType() << " and values of type "
                            << op.getValue().getType() << ", but its CUDA kernel takes one element type";
  ArrayRef<AffineExpr> dims = body.getDims(op.getKey());
  auto keyType = op.getKey().getType();
  PageShape shape(op.getState().getType(), keyType.getDimSize(1), keyType.getDimSize(2),
                  op.getValue().getType().getDimSize(2));
  TemplateUse use;
  use.Header = "append_kv.cuh";
  use.Config = "one block a token";
  use.Params = {{"K", *key},
                {"V", *value},
                {"Pool", "p" + std::to_string(body.getOutputPort(0))},
                {"Slots", *slots},
                {"Tokens", printSize(dims[0])},
                {"LdK", std::to_string(shape.KvHeads * shape.KeyWidth)},
                {"LdV", std::to_string(shape.KvHeads * shape.ValueWidth)}};
  shape.addPlace(use, op.getLayer());
  use.Threads = 128;
  use.Tiles = dims[0];
  std::string types = llvm::formatv("{0}, {1}, {2}", *input, *element, shape.print());
  if (!rope) {
    use.Type = "AppendKv<" + types + ">";
    return use;
  }
  use.Type = llvm::formatv("AppendRotatedKv<{0}, Pairing::{1}{2}>", types, getPairing(rope), getEarly(body, rope));
  if (failed(addRotation(body, rope, use)))
    return failure();
  setRotationWork(dims, use);
  return use;
}

// The numbers of paged_attention.cuh; a kernel that disagrees does not compile.

/// Query heads that share one reading of the state.
static int64_t getHeadsPerBlock(int64_t group) {
  int64_t heads = std::min<int64_t>(group, 8);
  while (group % heads != 0)
    --heads;
  return heads;
}

static int64_t getSharedBytes(const PageShape &shape, int64_t heads, int64_t largest) {
  static constexpr int64_t Warps = 4, Lanes = 32;
  int64_t width = shape.ValueWidth;
  int64_t elements = width % largest == 0 ? largest : width % 4 == 0 ? 4 : width % 2 == 0 ? 2 : 1;
  int64_t chunks = width / elements, rows = chunks <= Lanes ? Lanes / chunks : 1;
  return 4 * (heads * shape.KeyWidth + Warps * StateType::PageTokens * heads + Warps * rows * heads * width +
              2 * Warps * heads);
}

/// The form without tensor cores.
static void useScalars(const PageShape &shape, StringRef types, int64_t largestChunk, AffineExpr tokens,
                       TemplateUse &use) {
  int64_t heads = getHeadsPerBlock(shape.Heads / shape.KvHeads);
  use.Header = "paged_attention.cuh";
  use.Type = llvm::formatv("PagedAttention<{0}, {1}>", types, shape.print());
  use.Config = llvm::formatv("{0} heads a block, 4 warps, 1 part", heads);
  use.Threads = 128;
  use.SharedBytes = getSharedBytes(shape, heads, largestChunk);
  use.Tiles = tokens * (shape.Heads / heads);
}

namespace {
/// The numbers of PagedAttentionDecode.
struct DecodeShape {
  explicit DecodeShape(const PageShape &shape) : Shape(shape) {
    int64_t group = shape.Heads / shape.KvHeads;
    Columns = group > 8 && shape.ValueWidth <= 128 ? 16 : 8;
    HeadBlocks = llvm::divideCeil(group, std::min(group, Columns));
  }
  int64_t getItemsPerToken() const { return Shape.KvHeads * HeadBlocks; }
  int64_t getSharedBytes(int64_t warps) const { return 4 * warps * Columns * (Shape.ValueWidth + 2); }

  const PageShape &Shape;
  int64_t Columns, HeadBlocks;
};
} // namespace

/// Before sm_90 nvJitLink takes more registers for the same program.
static bool isLean(const LaunchBody &body) { return body.getTarget() != HopperTarget; }

// Blocks of a cluster at most, and how many blocks it takes to fill a chip that has clusters.
static constexpr int64_t MaxCluster = 8, FullGrid = 128;

static Value skipCasts(Value value) {
  while (auto cast = value.getDefiningOp<CastOp>())
    value = cast.getInput();
  return value;
}

namespace {
/// What a launch of attention computes before it: rotations, and keys and values on their way into the cache.
struct FreshRows {
  RopeOp Query, Key;
  AppendKvOp Append;
  std::string Input, Fresh; ///< type of what is turned, and the template's parameter
  int64_t SharedBytes = 0;
};
} // namespace

/// Null operations when queries come from memory.
static FailureOr<FreshRows> findFreshRows(const LaunchBody &body, PagedAttentionOp op, const PageShape &shape,
                                          AffineExpr tokens) {
  FreshRows rows;
  rows.Query = skipCasts(op.getQuery()).getDefiningOp<RopeOp>();
  rows.Append = op.getState().getDefiningOp<AppendKvOp>();
  rows.Key = rows.Append ? skipCasts(rows.Append.getKey()).getDefiningOp<RopeOp>() : RopeOp();
  if (!rows.Query || !rows.Key)
    return FreshRows();
  FailureOr<std::string> input = getElementType(op, rows.Query.getInput().getType());
  if (failed(input))
    return failure();
  int64_t count = llvm::PowerOf2Ceil(body.getMax(tokens)), dims = rows.Query.getDimensions();
  DecodeShape decode(shape);
  rows.Input = *input;
  rows.Fresh = llvm::formatv("Rotating<{0}, Pairing::{1}, {2}, {3}>", *input, getPairing(rows.Query), dims, count);
  rows.SharedBytes = count * (dims * 4 + (shape.KeyWidth + shape.ValueWidth) * 2 + 16) +
                     decode.Columns * (shape.KeyWidth + 8) * op.getQuery().getType().getElementTypeBitWidth() / 8;
  return rows;
}

/// The members of RotatingAttentionParams that PagedAttentionParams has not, and those that differ.
static LogicalResult addFreshRows(const LaunchBody &body, FreshRows rows, const PageShape &shape, TemplateUse &use) {
  RopeOp rope = rows.Query;
  FailureOr<std::string> query = getParameter(body, rope.getInput()), key = getParameter(body, rows.Key.getInput()),
                         value = getParameter(body, rows.Append.getValue()),
                         slots = getParameter(body, rows.Append.getSlots()),
                         positions = getParameter(body, rope.getPositions());
  FailureOr<std::string> factors = rope.getFactors() ? getParameter(body, rope.getFactors()) : std::string("nullptr");
  if (failed(query) || failed(key) || failed(value) || failed(slots) || failed(positions) || failed(factors))
    return failure();
  use.Params[0].second = *query;
  for (auto [i, yielded] : llvm::enumerate(body.getYielded()))
    if (yielded == rows.Append.getResult())
      use.Params[2].second = "p" + std::to_string(body.getOutputPort(i));
  use.Params.insert(use.Params.end(), {{"K", *key},
                                       {"V", *value},
                                       {"Slots", *slots},
                                       {"Positions", *positions},
                                       {"Factors", *factors},
                                       {"LdK", std::to_string(shape.KvHeads * shape.KeyWidth)},
                                       {"LdV", std::to_string(shape.KvHeads * shape.ValueWidth)},
                                       {"PositionStride", printSize(body.getDim(rope.getPositions(), 1))},
                                       {"Base", printFloat(rope.getBase().convertToFloat())},
                                       {"PositionScale", "1.0f"},
                                       {"Magnitude", printFloat(rope.getMagnitude().convertToFloat())}});
  return success();
}

/// Whether the next product is on blocks. Its own blocks find no room beside rings of pages: a step of an 8B Q4_K_M
/// model takes 1.73 ms with them and 1.65 without.
static bool precedesBlocks(plan::LaunchOp launch) {
  for (Operation *op = launch->getNextNode(); op; op = op->getNextNode())
    if (auto other = dyn_cast<plan::LaunchOp>(op); other && other.getKernel().getKernelTemplate() == "tile_matmul")
      return llvm::any_of(other.getBody().front().getOps<TileMatmulOp>(), [](TileMatmulOp product) {
        return isa<GgufTilesType>(cast<RankedTensorType>(product.getRhs().getType()).getElementType());
      });
  return false;
}

/// Rings of PagedAttentionDecodeCluster: none where the next kernel would find no room beside them.
static int64_t getRingStages(const PageShape &shape, int64_t warps, int64_t others) {
  static constexpr int64_t MostStages = 3, BesideBytes = 112 * 1024;
  int64_t stages = std::min(MostStages, (BesideBytes - others) / (warps * (shape.HeadBytes + 8)));
  return stages >= 2 && !shape.isShared() ? stages : 0;
}

/// Few rows: an item for each token and key head, its pages spread over warps, and over a cluster where there are few
/// items and it is not to be one block alone.
static void useDecode(const LaunchBody &body, const PageShape &shape, StringRef types, bool alone, AffineExpr tokens,
                      AffineExpr pages, const FreshRows &rows, TemplateUse &use) {
  DecodeShape decode(shape);
  int64_t cluster = 1, items = decode.getItemsPerToken() * body.getMax(tokens);
  while (!alone && body.getTarget() == HopperTarget && cluster < MaxCluster && items * cluster < FullGrid)
    cluster *= 2;
  // Beside half of the warps a multiprocessor has registers for the next kernel, which fills its rings meanwhile. Where
  // it has not, that one's blocks crowd together elsewhere, and so do those of the kernels after it.
  bool narrow = shape.KeyWidth <= 256 && shape.ValueWidth <= 256;
  int64_t warps = narrow && cluster == 1 ? 8 : 4;
  int64_t rowBytes = rows.SharedBytes;
  int64_t sumBytes = decode.getSharedBytes(warps), joinedBytes = 4 * decode.Columns * (shape.ValueWidth + 2);
  int64_t stages = 0;
  use.Threads = warps * 32;
  use.SharedBytes = sumBytes + rowBytes;
  use.Tiles = tokens * (decode.getItemsPerToken() * cluster);
  use.Header = cluster > 1 ? "paged_attention_decode_sm90.cuh" : "paged_attention_decode.cuh";
  use.Config = llvm::formatv("tensor cores, {0} warps{1}", warps, rows.Query ? ", turns its rows" : "");
  std::string fresh = rows.Query ? ", " + rows.Fresh : "";
  if (cluster == 1) {
    use.Type = llvm::formatv("PagedAttentionDecode<{0}, {1}, {2}, {2}, {3}{4}>", types, shape.print(), warps,
                             isLean(body) ? "true" : "false", fresh);
  } else {
    int64_t others = joinedBytes + llvm::alignTo(rowBytes, 8);
    stages = precedesBlocks(body.getLaunch()) ? 0 : getRingStages(shape, warps, others);
    int64_t ringBytes = warps * stages * shape.HeadBytes;
    use.SharedBytes += joinedBytes;
    use.Config += llvm::formatv(", a cluster of {0} blocks", cluster);
    if (stages > 0) {
      fresh = llvm::formatv("{0}, {1}", fresh.empty() ? ", Stored" : fresh, stages);
      use.SharedBytes = std::max(ringBytes, int64_t(llvm::alignTo(sumBytes, 16))) + others + warps * stages * 8;
      use.Config += llvm::formatv(", rings of {0} pages", stages);
    }
    use.Type = llvm::formatv("PagedAttentionDecodeCluster<{0}, {1}, {2}, {3}{4}>", types, shape.print(), warps, cluster,
                             fresh);
    use.Cluster = cluster;
  }
  report::KernelWork work;
  work.StepBytes = double(warps * shape.HeadBytes); // each warp a page
  work.InFlight = std::max<int64_t>(stages, 1);
  work.ItemAccesses = rows.Query ? 7 : 4; // place of the row, length, page, its content; before them rotation
  work.MeetingBytes = double(joinedBytes);
  use.setWork(work, tokens * decode.getItemsPerToken(), pages.ceilDiv(warps * cluster));
}

// Positions a step of PagedAttentionPrefill where it is lean.
static constexpr int64_t LeanKeys = 32;

/// Shared memory of a tile of PagedAttentionPrefill.
static int64_t getTileBytes(const PageShape &shape, int64_t parts, int64_t rows, int64_t keys) {
  auto getRowBytes = [](int64_t width) { return ((width / 8) | 1) * 16; };
  return parts * rows * getRowBytes(shape.KeyWidth) +
         2 * keys * (getRowBytes(shape.KeyWidth) + getRowBytes(shape.ValueWidth));
}

/// Any rows: tiles of the sequences with many, items of those with few unless it is to be tiles alone. `parts` is how
/// many 16-bit numbers make up an element of a query.
static void usePrefill(const LaunchBody &body, const PageShape &shape, StringRef types, int64_t parts, bool tilesAlone,
                       AffineExpr tokens, AffineExpr sequences, TemplateUse &use) {
  static constexpr int64_t Warps = 4;
  DecodeShape few(shape);
  bool narrow = shape.KeyWidth <= 128 && shape.ValueWidth <= 128;
  bool lean = isLean(body) || tilesAlone;
  int64_t rowBlocks = !lean && narrow && parts == 1 ? 2 : 1, rows = Warps * 16 * rowBlocks;
  int64_t keys = !lean && shape.KeyWidth <= 128 && rowBlocks == 1 ? 64 : LeanKeys, group = shape.Heads / shape.KvHeads;
  int64_t tileBytes = getTileBytes(shape, parts, rows, keys);
  use.Header = "paged_attention_prefill.cuh";
  use.Type = llvm::formatv("PagedAttentionPrefill<{0}, {1}, {2}>", types, shape.print(), lean ? "true" : "false");
  use.Config = llvm::formatv("tensor cores, {0} rows a block, {1} positions a step", rows, keys);
  use.Threads = Warps * 32;
  use.SharedBytes = lean ? tileBytes : std::max(tileBytes, few.getSharedBytes(Warps));
  use.Tiles = ((tokens * group).ceilDiv(rows) + sequences) * shape.KvHeads;
  if (!lean)
    use.Tiles = use.Tiles + sequences * few.getItemsPerToken();
}

// With at most so many tokens most sequences of a step have one.
static constexpr int64_t MostSingleRows = 256;

/// Whether PagedAttentionRingsSm90 takes these heads: two blocks of a multiprocessor have rings of two pages or more.
static bool fitRings(const PageShape &shape, StringRef query) {
  return query != "float" && shape.KeyWidth <= 128 && shape.ValueWidth <= 128;
}

/// Steps of many texts on Hopper: pages of those with few rows by bulk copies, and tiles of the others.
static void useRings(const LaunchBody &body, const PageShape &shape, StringRef types, AffineExpr tokens,
                     AffineExpr sequences, AffineExpr pages, TemplateUse &use) {
  static constexpr int64_t Warps = 4, MostStages = 6, BlockBytes = 113 * 1024, BlocksEach = 2, Rows = Warps * 16;
  DecodeShape few(shape);
  int64_t sums = few.getSharedBytes(Warps);
  int64_t stages = std::min(MostStages, (BlockBytes - sums) / (Warps * (shape.HeadBytes + 8)));
  int64_t group = shape.Heads / shape.KvHeads;
  use.Header = "paged_attention_rings_sm90.cuh";
  use.Type =
      llvm::formatv("PagedAttentionRingsSm90<{0}, {1}, {2}>", types, shape.print(), BlocksEach * Multiprocessors);
  use.Config =
      llvm::formatv("tensor cores, rings of {0} pages, {1} rows a block where a sequence has many", stages, Rows);
  use.Threads = Warps * 32;
  use.SharedBytes = std::max(Warps * stages * (shape.HeadBytes + 8) + sums, getTileBytes(shape, 1, Rows, LeanKeys));
  int64_t tiles = body.getMax(((tokens * group).ceilDiv(Rows) + sequences) * shape.KvHeads);
  tiles = std::max(tiles, body.getMax(sequences) * few.getItemsPerToken());
  use.Tiles = getAffineConstantExpr(std::min(BlocksEach * Multiprocessors, tiles), tokens.getContext());
  // As if all sequences had single rows.
  report::KernelWork work;
  work.StepBytes = double(Warps * shape.HeadBytes); // each warp a page
  work.InFlight = stages;
  work.ItemAccesses = 1; // queries; what comes before them is loaded an item earlier
  use.setWork(work, sequences * few.getItemsPerToken(), pages.ceilDiv(Warps));
}

/// Whether PagedAttentionPrefillSm90 takes these heads, of queries of the cache's type.
static bool fitWarpgroups(const PageShape &shape) {
  return shape.KeyWidth % 16 == 0 && shape.KeyWidth <= 256 && shape.ValueWidth % 16 == 0 && shape.ValueWidth <= 256;
}

/// Any rows on Hopper: tiles of the sequences, whose products are those of warpgroups.
static void useWarpgroups(const LaunchBody &body, const PageShape &shape, StringRef types, AffineExpr tokens,
                          AffineExpr sequences, AffineExpr pages, TemplateUse &use) {
  static constexpr int64_t Consumers = 2, Rows = Consumers * 64, Panel = 64, MaxStages = 4, Kilobyte = 1024;
  int64_t keyPanels = llvm::divideCeil(shape.KeyWidth, Panel), valuePanels = llvm::divideCeil(shape.ValueWidth, Panel);
  int64_t keys = valuePanels <= 2 ? 128 : 64, group = shape.Heads / shape.KvHeads;
  int64_t queryBytes = Rows * keyPanels * Panel * 2, stepBytes = keys * (keyPanels + valuePanels) * Panel * 2;
  int64_t stages = std::min(MaxStages, (226 * Kilobyte - queryBytes) / stepBytes);
  use.Header = "paged_attention_prefill_sm90.cuh";
  use.Type = llvm::formatv("PagedAttentionPrefillSm90<{0}, {1}, {2}>", types, shape.print(), Multiprocessors);
  use.Config = llvm::formatv("warpgroups, {0} rows a block, {1} positions a step, {2} stages", Rows, keys, stages);
  use.Threads = (Consumers + 1) * 128;
  use.SharedBytes = queryBytes + stages * stepBytes + 256;
  int64_t tiles = body.getMax(((tokens * group).ceilDiv(Rows) + sequences) * shape.KvHeads);
  use.Tiles = getAffineConstantExpr(std::min(Multiprocessors, tiles), tokens.getContext());
  // As if all sequences had as many rows. The middle one of them does not see half of the others.
  AffineExpr each = tokens.floorDiv(sequences);
  AffineExpr seen = pages * int64_t(StateType::PageTokens) - each.floorDiv(2);
  report::KernelWork work;
  work.StepBytes = double(keys / StateType::PageTokens * shape.HeadBytes);
  work.StepFlops = double(Rows * keys * (shape.KeyWidth + shape.ValueWidth) * 2) * 1.5; // and the softmax
  work.Unit = report::Multiplier::Warpgroups;
  work.ItemAccesses = 4;
  use.setWork(work, sequences * ((each * group).ceilDiv(Rows) * shape.KvHeads), seen.ceilDiv(keys));
}

/// Whether LatentAttentionSm90 takes these heads.
static bool fitLatent(const PageShape &shape) {
  return shape.isShared() && llvm::is_contained({128, 256, 512}, shape.ValueWidth) && shape.KeyWidth % 16 == 0 &&
         shape.KeyWidth <= 576;
}

/// Keys that begin with their values, on Hopper: tiles of all heads, the steps of a tile spread over a cluster where
/// there are few tiles and it is not to be one block alone.
static void useLatent(const LaunchBody &body, const PageShape &shape, StringRef types, bool alone, AffineExpr tokens,
                      AffineExpr sequences, AffineExpr pages, TemplateUse &use) {
  static constexpr int64_t Rows = 64, Keys = 64, Panel = 64, MaxStages = 4, Kilobyte = 1024;
  int64_t panelBytes = llvm::divideCeil(shape.KeyWidth, Panel) * Rows * Panel * 2; // of queries, and of a stage
  int64_t otherBytes = Rows * Keys * 2 + 128 * 8 + 2 * Rows * 4 + 256;
  int64_t stages = std::min(MaxStages, (226 * Kilobyte - panelBytes - otherBytes) / panelBytes);
  int64_t group = shape.Heads / shape.KvHeads, tilesOfToken = llvm::divideCeil(group, Rows);
  AffineExpr many = (tokens * group).ceilDiv(Rows) + sequences, few = tokens * tilesOfToken;
  // Any number of blocks is right: of two bounds that depend on the step the smaller for the largest step.
  AffineExpr tiles = (body.getMax(few) < body.getMax(many) ? few : many) * shape.KvHeads;
  // A cluster's blocks are neighbours on the chip, so that clusters leave some of it empty: of more than 2 blocks 128
  // did not run at once.
  static constexpr int64_t MostInClusters = 112;
  auto fits = [&](int64_t size) { return body.getMax(tiles) * size <= (size == 2 ? Multiprocessors : MostInClusters); };
  int64_t cluster = 1;
  while (!alone && cluster < MaxCluster && fits(cluster * 2))
    cluster *= 2;
  use.Header = "latent_attention_sm90.cuh";
  use.Type = llvm::formatv("LatentAttentionSm90<{0}, {1}, {2}>", types, shape.print(), cluster);
  use.Config = llvm::formatv("warpgroups, {0} rows a block, {1} positions a step, {2} stages", Rows, Keys, stages);
  if (cluster > 1)
    use.Config += llvm::formatv(", a cluster of {0} blocks", cluster);
  use.Threads = 3 * 128;
  use.SharedBytes = panelBytes * (stages + 1) + otherBytes;
  use.Cluster = cluster;
  use.Tiles = tiles * cluster;
  report::KernelWork work;
  work.StepBytes = double(Keys / StateType::PageTokens * shape.HeadBytes);
  work.StepFlops = double(Rows * Keys * (shape.KeyWidth + shape.ValueWidth) * 2) * 1.5; // and the softmax
  work.Unit = report::Multiplier::Warpgroups;
  work.ItemAccesses = 4;
  work.MeetingBytes = double(cluster > 1 ? Rows * (shape.ValueWidth + 2) * 4 : 0);
  use.setWork(work, tiles, pages.ceilDiv(Keys / StateType::PageTokens * cluster));
}

FailureOr<TemplateUse> cuda::printPagedAttention(const LaunchBody &body, PagedAttentionOp op) {
  auto variant = body.getLaunch().getKernel().getConfig().getAs<StringAttr>("variant");
  bool scalars = !variant || variant.getValue() == "simt";
  StateType state = op.getState().getType();
  auto queryType = op.getQuery().getType();
  PageShape shape(state, queryType.getDimSize(1), queryType.getDimSize(2), op.getResult().getType().getDimSize(2));
  AffineExpr tokens = body.getDim(op.getQuery(), 0), sequences = body.getDim(op.getLengths(), 0),
             pages = body.getDim(op.getBlockTables(), 1);
  FailureOr<FreshRows> rows = findFreshRows(body, op, shape, tokens);
  if (failed(rows))
    return failure();
  SmallVector<std::string> pointers;
  for (Value operand : op->getOperands()) {
    bool computed = rows->Query && (operand == op.getQuery() || operand == op.getState());
    FailureOr<std::string> pointer = computed ? std::string() : getParameter(body, operand);
    if (failed(pointer))
      return failure();
    pointers.push_back(*pointer);
  }
  unsigned own = 0; // of what the launch yields
  while (rows->Query && skipCasts(body.getYielded()[own]) != op.getResult())
    ++own;
  FailureOr<std::string> query = getElementType(op, op.getQuery().getType()), element = getMemoryType(op, state),
                         output = getElementType(op, body.getYielded()[own].getType());
  if (failed(query) || failed(element) || failed(output) || (!rows->Query && failed(checkNoEpilogue(body))))
    return failure();
  std::string types = llvm::formatv("{0}, {1}, {2}", *query, *element, *output);
  TemplateUse use;
  use.Params = {{"Q", pointers[0]},       {"Out", "p" + std::to_string(body.getOutputPort(own))},
                {"Pool", pointers[1]},    {"RowOffsets", pointers[2]},
                {"Lengths", pointers[3]}, {"BlockTables", pointers[4]}};
  std::string sinks = op.getSinks() ? pointers[5] : "nullptr";
  if (scalars)
    use.Params.push_back({"Slots", "nullptr"});
  else
    use.Params.push_back({"Sinks", sinks});
  use.Params.insert(use.Params.end(), {{"Tokens", printSize(tokens)},
                                       {"Sequences", printSize(sequences)},
                                       {"Pages", printSize(body.getDim(op.getBlockTables(), 1))},
                                       {"LdQ", std::to_string(shape.Heads * shape.KeyWidth)},
                                       {"LdOut", std::to_string(shape.Heads * shape.ValueWidth)}});
  shape.addPlace(use, op.getLayer());
  use.Params.insert(use.Params.end(), {{"Scale", printFloat(op.getScale().convertToFloat())},
                                       {"SoftCap", printFloat(op.getCap().convertToFloat())},
                                       {"Window", std::to_string(op.getVisibleTokens())}});
  if (scalars) {
    use.Params.insert(use.Params.end(), {{"Sinks", sinks}, {"Splits", "1"}, {"Partial", "nullptr"}});
    useScalars(shape, types, getLargestChunk(state), tokens, use);
  } else if (shape.isShared()) {
    bool alone = variant.getValue() == "latent_alone";
    bool fits =
        body.getTarget() == HopperTarget && *query != "float" && fitLatent(shape) && op.getScale().convertToFloat() > 0;
    if (fits)
      useLatent(body, shape, types, alone, tokens, sequences, pages, use);
    else
      useDecode(body, shape, types, alone, tokens, pages, *rows, use);
  } else if (bool alone = variant.getValue() == "few_rows_alone"; alone || variant.getValue() == "few_rows") {
    if (rows->Query && failed(addFreshRows(body, *rows, shape, use)))
      return failure();
    useDecode(body, shape, types, alone, tokens, pages, *rows, use);
  } else if (body.getTarget() == HopperTarget && variant.getValue() == "any_rows" &&
             body.getMax(tokens) <= MostSingleRows && fitRings(shape, *query)) {
    useRings(body, shape, types, tokens, sequences, pages, use);
  } else if (body.getTarget() == HopperTarget && *query == *element && fitWarpgroups(shape) &&
             op.getScale().convertToFloat() > 0) {
    useWarpgroups(body, shape, llvm::formatv("{0}, {1}", *element, *output).str(), tokens, sequences, pages, use);
  } else {
    int64_t parts = *query != "float" ? 1 : *element == "BFloat16" ? 3 : 2; // OperandParts
    usePrefill(body, shape, types, parts, variant.getValue() == "tiles", tokens, sequences, use);
  }
  return use;
}
