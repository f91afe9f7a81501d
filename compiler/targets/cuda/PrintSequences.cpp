// Attention of language models over a ragged batch, whose keys and values lie in pages.
#include "compiler/targets/cuda/LaunchStep.h"
#include "compiler/targets/cuda/PageShape.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

/// The most elements that a kernel without tensor cores reads at a time.
static int64_t getLargestChunk(StateType state) {
  return isa<QuantizedTypeInterface>(state.getElement()) ? 8 : 128 / state.getElement().getIntOrFloatBitWidth();
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
  /// Blocks for which a multiprocessor has registers: MinBlocks.
  int64_t getResident(int64_t warps) const {
    return (Columns * Shape.ValueWidth <= 128 * 8 && Shape.KeyWidth <= 128 ? 12 : 8) / warps;
  }

  const PageShape &Shape;
  int64_t Columns, HeadBlocks;
};
} // namespace

/// Before sm_90 nvJitLink takes more registers for the same program.
static bool isLean(const LaunchBody &body) { return body.getTarget() != HopperTarget; }

// Blocks of a cluster at most, and how many blocks it takes to fill a chip that has clusters.
static constexpr int64_t MaxCluster = 8, FullGrid = 128;

// Rows of a tile of LatentAttentionSm90.
static constexpr int64_t LatentRows = 64;

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
  int64_t Count = 0;        ///< of the step at most
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
  rows.Count = count;
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

// What rings of pages may take, so that the next kernel finds room beside them.
static constexpr int64_t BesideBytes = 112 * 1024;

/// Pages in the rings of PagedAttentionDecodeCluster, 0 where there is no room for two.
static int64_t getRingPages(const PageShape &shape, int64_t warps, int64_t pageBytes, int64_t others) {
  static constexpr int64_t MostPages = 3;
  int64_t pages = std::min(MostPages, (BesideBytes - others) / (warps * (pageBytes + 16)));
  return pages >= 2 && !shape.isShared() ? pages : 0;
}

namespace {
/// Who shares the pages of an item.
struct DecodeSplit {
  int64_t Cluster, Warps;
  bool Rings; ///< pages wait in shared memory, where it has room for two or more of each warp
  bool operator==(const DecodeSplit &) const = default;
};
} // namespace

/// Few rows: an item for each token and key head, its pages spread over warps and over a cluster.
static TemplateUse useDecode(const LaunchBody &body, const PageShape &shape, StringRef types, DecodeSplit split,
                             AffineExpr tokens, AffineExpr pages, const FreshRows &rows, TemplateUse use) {
  DecodeShape decode(shape);
  auto [cluster, warps, rings] = split;
  int64_t rowBytes = rows.SharedBytes, others = int64_t(llvm::alignTo(rowBytes, 8)) + 8;
  // A stage has the keys or the values of a page.
  int64_t width = shape.KeyWidth + shape.ValueWidth;
  int64_t pageBytes = 2 * shape.HeadBytes * std::max(shape.KeyWidth, shape.ValueWidth) / width;
  int64_t ringPages = rings && cluster > 1 ? getRingPages(shape, warps, pageBytes, others) : 0;
  // What a block of a cluster is sent: by each warp two maxima and totals of a pair of columns, and its dimensions.
  int64_t group = shape.Heads / shape.KvHeads;
  int64_t columns = rows.Query ? std::min(decode.Columns, rows.Count * group) : decode.Columns;
  int64_t cameBytes = warps * llvm::divideCeil(columns, 2) * 16 * (cluster + 8 * (shape.ValueWidth / 16));
  use.Threads = warps * 32;
  use.MostResident = decode.getResident(warps);
  use.SharedBytes = decode.getSharedBytes(warps) + rowBytes;
  use.Tiles = tokens * (decode.getItemsPerToken() * cluster);
  use.Header = cluster > 1 ? "paged_attention_decode_sm90.cuh" : "paged_attention_decode.cuh";
  use.Config = llvm::formatv("tensor cores, {0} warps{1}", warps, rows.Query ? ", turns its rows" : "");
  std::string fresh = rows.Query ? ", " + rows.Fresh : "";
  if (cluster == 1) {
    use.Type = llvm::formatv("PagedAttentionDecode<{0}, {1}, {2}, {2}, {3}{4}>", types, shape.print(), warps,
                             isLean(body) ? "true" : "false", fresh);
  } else {
    use.SharedBytes = cameBytes + others;
    use.Config += llvm::formatv(", a cluster of {0} blocks", cluster);
    if (ringPages > 0) {
      fresh = llvm::formatv("{0}, {1}", fresh.empty() ? ", Stored" : fresh, 2 * ringPages);
      int64_t ringBytes = warps * ringPages * pageBytes;
      others += warps * ringPages * 16;
      bool apart = ringBytes + cameBytes + others <= BesideBytes;
      use.SharedBytes = (apart ? ringBytes + cameBytes : std::max(ringBytes, cameBytes)) + others;
      use.Config += llvm::formatv(", rings of {0} pages", ringPages);
    }
    use.Type = llvm::formatv("PagedAttentionDecodeCluster<{0}, {1}, {2}, {3}{4}>", types, shape.print(), warps, cluster,
                             fresh);
    use.Cluster = cluster;
  }
  report::KernelWork work;
  work.StepBytes = double(warps * shape.HeadBytes); // each warp a page
  work.InFlight = std::max<int64_t>(ringPages, 1);
  work.ItemAccesses = rows.Query ? 7 : 4; // place of the row, length, page, its content; before them rotation
  work.MeetingBytes = double(cameBytes);
  use.setWork(work, tokens * decode.getItemsPerToken(), pages.ceilDiv(warps * cluster));
  return use;
}

/// All ways to spread the pages of an item, or with `alone` the one in which a row's sum is one block's.
static std::vector<TemplateUse> listDecodeUses(const LaunchBody &body, const PageShape &shape, StringRef types,
                                               bool alone, AffineExpr tokens, AffineExpr pages, const FreshRows &rows,
                                               const TemplateUse &use) {
  static constexpr int64_t MostSharedBytes = 227 * 1024;
  bool narrow = shape.KeyWidth <= 256 && shape.ValueWidth <= 256, hopper = body.getTarget() == HopperTarget;
  bool rings = !precedesBlocks(body.getLaunch());
  int64_t cluster = 1, items = DecodeShape(shape).getItemsPerToken() * body.getMax(tokens);
  while (!alone && hopper && cluster < MaxCluster && items * cluster < FullGrid)
    cluster *= 2;
  // Of those that are expected to take as long the first is taken. Beside half of the warps a multiprocessor has
  // registers for the next kernel, which fills its rings meanwhile. Where it has not, that one's blocks crowd together
  // elsewhere, and so do those of the kernels after it: clusters have no more.
  std::vector<DecodeSplit> splits = {{cluster, narrow && cluster == 1 ? 8 : 4, rings && cluster > 1}};
  auto add = [&](DecodeSplit split) {
    if (!llvm::is_contained(splits, split))
      splits.push_back(split);
  };
  if (!alone) {
    for (int64_t warps : {8, 4})
      if (warps == 4 || narrow)
        add({1, warps, false});
    for (int64_t size = 2; hopper && size <= MaxCluster; size *= 2)
      for (bool ring : {true, false})
        if (rings || !ring)
          add({size, 4, ring});
  }
  std::vector<TemplateUse> uses;
  for (DecodeSplit split : splits) {
    TemplateUse next = useDecode(body, shape, types, split, tokens, pages, rows, use);
    bool known = llvm::any_of(uses, [&](const TemplateUse &other) { return other.Config == next.Config; });
    if (uses.empty() || (!known && next.SharedBytes <= MostSharedBytes)) // rings may have had no room
      uses.push_back(std::move(next));
  }
  return uses;
}

/// As if all sequences had as many rows, in tiles of `rows` of them and `keys` positions a step. The middle one of them
/// does not see half of the others.
static void setTileWork(const PageShape &shape, int64_t rows, int64_t keys, double parts, AffineExpr tokens,
                        AffineExpr sequences, AffineExpr pages, report::KernelWork work, TemplateUse &use) {
  AffineExpr each = tokens.floorDiv(sequences);
  AffineExpr seen = pages * int64_t(StateType::PageTokens) - each.floorDiv(2);
  work.StepBytes = double(keys / StateType::PageTokens * shape.HeadBytes);
  work.StepFlops = double(rows * keys * (shape.KeyWidth + shape.ValueWidth) * 2) * 1.5 * parts; // and the softmax
  work.ItemAccesses = 4;
  int64_t group = shape.Heads / shape.KvHeads;
  use.setWork(work, sequences * ((each * group).ceilDiv(rows) * shape.KvHeads), seen.ceilDiv(keys));
}

/// Tiles of 16 rows, `rowBlocks` of them for each warp of `use`, that a step brings to `keys` positions: with each page
/// 1,650 cycles of a warp's arithmetic. 64 texts of 4 rows at 4,096 take 487 us on an H100 so, by warpgroups 369.
static report::KernelWork describeWarpTiles(const TemplateUse &use, int64_t rowBlocks, int64_t keys) {
  static constexpr double PageInstructions = 940;
  report::KernelWork work;
  work.Unit = report::Multiplier::Warps;
  work.InFlight = 2;
  work.StepInstructions = PageInstructions * double(rowBlocks * keys / StateType::PageTokens);
  work.StepThreads = use.Threads;
  return work;
}

/// As if all sequences had single rows, `inFlight` pages of each warp on their way at a time.
static void setRowWork(const PageShape &shape, int64_t warps, int64_t inFlight, double accesses, AffineExpr sequences,
                       AffineExpr pages, TemplateUse &use) {
  report::KernelWork work;
  work.StepBytes = double(warps * shape.HeadBytes); // each warp a page
  work.InFlight = inFlight;
  work.ItemAccesses = accesses;
  use.setWork(work, sequences * DecodeShape(shape).getItemsPerToken(), pages.ceilDiv(warps));
}

/// Whether sequences of the step that a launch is chosen for have so few rows that they are items of them.
static bool hasFewRows(const LaunchBody &body, const PageShape &shape, AffineExpr tokens, AffineExpr sequences) {
  DecodeShape few(shape);
  int64_t rows = few.HeadBlocks > 1 ? 1 : few.Columns / (shape.Heads / shape.KvHeads);
  LaunchStep step(body);
  return step.evaluate(tokens) <= step.evaluate(sequences) * rows;
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
static TemplateUse usePrefill(const LaunchBody &body, const PageShape &shape, StringRef types, int64_t parts,
                              bool tilesAlone, AffineExpr tokens, AffineExpr sequences, AffineExpr pages,
                              TemplateUse use) {
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
  if (!lean && hasFewRows(body, shape, tokens, sequences)) {
    setRowWork(shape, Warps, /*inFlight=*/1, /*accesses=*/4, sequences, pages, use);
    return use;
  }
  setTileWork(shape, rows, keys, double(parts), tokens, sequences, pages, describeWarpTiles(use, rowBlocks, keys), use);
  return use;
}

/// Whether PagedAttentionRingsSm90 takes these heads: two blocks of a multiprocessor have rings of two pages or more.
static bool fitRings(const PageShape &shape, StringRef query) {
  return query != "float" && shape.KeyWidth <= 128 && shape.ValueWidth <= 128;
}

/// Steps of many texts on Hopper: pages of those with few rows by bulk copies, and tiles of the others.
static TemplateUse useRings(const LaunchBody &body, const PageShape &shape, StringRef types, AffineExpr tokens,
                            AffineExpr sequences, AffineExpr pages, TemplateUse use) {
  static constexpr int64_t Warps = 4, MostStages = 6, Rows = Warps * 16, Kilobyte = 1024;
  DecodeShape few(shape);
  int64_t sums = few.getSharedBytes(Warps);
  // Warps spend longer on 8 bits than memory does: a third block of a multiprocessor helps, if there are items for all.
  int64_t elements = (shape.KeyWidth + shape.ValueWidth) * StateType::PageTokens;
  bool has8Bits = shape.HeadBytes < 2 * elements;
  int64_t items = std::min(body.getMax(sequences), body.getMax(tokens)) * few.getItemsPerToken();
  int64_t each = has8Bits && few.Columns == 8 && items >= 6 * Multiprocessors ? 3 : 2,
          blockBytes = (228 / each - 1) * Kilobyte;
  int64_t stages = std::min(MostStages, (blockBytes - sums) / (Warps * (shape.HeadBytes + 8)));
  int64_t group = shape.Heads / shape.KvHeads;
  use.Header = "paged_attention_rings_sm90.cuh";
  use.Type =
      llvm::formatv("PagedAttentionRingsSm90<{0}, {1}, {2}, {3}>", types, shape.print(), each * Multiprocessors, each);
  use.Config =
      llvm::formatv("tensor cores, rings of {0} pages, {1} rows a block where a sequence has many", stages, Rows);
  use.Threads = Warps * 32;
  use.SharedBytes = std::max(Warps * stages * (shape.HeadBytes + 8) + sums, getTileBytes(shape, 1, Rows, LeanKeys));
  int64_t tiles = body.getMax(((tokens * group).ceilDiv(Rows) + sequences) * shape.KvHeads);
  tiles = std::max(tiles, items);
  use.Tiles = getAffineConstantExpr(std::min(each * Multiprocessors, tiles), tokens.getContext());
  if (hasFewRows(body, shape, tokens, sequences)) {
    // Queries; what comes before them is loaded an item earlier.
    setRowWork(shape, Warps, stages, /*accesses=*/1, sequences, pages, use);
    return use;
  }
  setTileWork(shape, Rows, LeanKeys, /*parts=*/1, tokens, sequences, pages, describeWarpTiles(use, 1, LeanKeys), use);
  return use;
}

/// Whether PagedAttentionPrefillSm90 takes these heads, of queries of the cache's type.
static bool fitWarpgroups(const PageShape &shape) {
  return shape.KeyWidth % 16 == 0 && shape.KeyWidth <= 256 && shape.ValueWidth % 16 == 0 && shape.ValueWidth <= 256;
}

/// Any rows on Hopper: tiles of the sequences, whose products are those of warpgroups.
static TemplateUse useWarpgroups(const LaunchBody &body, const PageShape &shape, StringRef types, AffineExpr tokens,
                                 AffineExpr sequences, AffineExpr pages, TemplateUse use) {
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
  report::KernelWork work;
  work.Unit = report::Multiplier::Warpgroups;
  setTileWork(shape, Rows, keys, /*parts=*/1, tokens, sequences, pages, work, use);
  return use;
}

/// Whether LatentAttentionSm90 takes these heads.
static bool fitLatent(const PageShape &shape) {
  return shape.isShared() && llvm::is_contained({128, 256, 512}, shape.ValueWidth) && shape.KeyWidth % 16 == 0 &&
         shape.KeyWidth <= 576;
}

/// Keys that begin with their values, on Hopper: tiles of all heads, the steps of a tile spread over a cluster.
static TemplateUse useLatent(const PageShape &shape, StringRef types, int64_t cluster, AffineExpr tiles,
                             AffineExpr pages, TemplateUse use) {
  static constexpr int64_t Rows = LatentRows, Keys = 64, Panel = 64, MaxStages = 4, Kilobyte = 1024;
  int64_t panelBytes = llvm::divideCeil(shape.KeyWidth, Panel) * Rows * Panel * 2; // of queries, and of a stage
  int64_t otherBytes = Rows * Keys * 2 + 128 * 8 + 2 * Rows * 4 + 256;
  int64_t stages = std::min(MaxStages, (226 * Kilobyte - panelBytes - otherBytes) / panelBytes);
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
  return use;
}

/// Clusters of all sizes, that first which fills the chip; with `alone` one block.
static std::vector<TemplateUse> listLatentUses(const LaunchBody &body, const PageShape &shape, StringRef types,
                                               bool alone, AffineExpr tokens, AffineExpr sequences, AffineExpr pages,
                                               const TemplateUse &use) {
  int64_t group = shape.Heads / shape.KvHeads, tilesOfToken = llvm::divideCeil(group, LatentRows);
  AffineExpr many = (tokens * group).ceilDiv(LatentRows) + sequences, few = tokens * tilesOfToken;
  // Any number of blocks is right: of two bounds that depend on the step the smaller for the largest step.
  AffineExpr tiles = (body.getMax(few) < body.getMax(many) ? few : many) * shape.KvHeads;
  // A cluster's blocks are neighbours on the chip, so that clusters leave some of it empty: of more than 2 blocks 128
  // did not run at once.
  static constexpr int64_t MostInClusters = 112;
  auto fits = [&](int64_t size) { return body.getMax(tiles) * size <= (size == 2 ? Multiprocessors : MostInClusters); };
  int64_t first = 1;
  while (!alone && first < MaxCluster && fits(first * 2))
    first *= 2;
  std::vector<TemplateUse> uses = {useLatent(shape, types, first, tiles, pages, use)};
  for (int64_t cluster = 1; !alone && cluster <= MaxCluster; cluster *= 2)
    if (cluster != first)
      uses.push_back(useLatent(shape, types, cluster, tiles, pages, use));
  return uses;
}

/// The templates that take sequences with many rows; with `tilesAlone` the one that all clones have, whose order of
/// sums is then that of any step.
static std::vector<TemplateUse> listManyRowUses(const LaunchBody &body, PagedAttentionOp op, const PageShape &shape,
                                                StringRef types, bool tilesAlone, AffineExpr tokens,
                                                AffineExpr sequences, AffineExpr pages, const TemplateUse &use) {
  auto [query, rest] = types.split(", ");
  auto [element, output] = rest.split(", ");
  bool hopper = body.getTarget() == HopperTarget;
  std::vector<TemplateUse> uses;
  if (hopper && !tilesAlone && body.getMax(tokens) <= MostSingleRows && fitRings(shape, query))
    uses.push_back(useRings(body, shape, types, tokens, sequences, pages, use));
  if (hopper && query == element && fitWarpgroups(shape) && op.getScale().convertToFloat() > 0)
    uses.push_back(useWarpgroups(body, shape, rest, tokens, sequences, pages, use));
  int64_t parts = query != "float" ? 1 : element == "BFloat16" ? 3 : 2; // OperandParts
  if (uses.empty() || !tilesAlone)
    uses.push_back(usePrefill(body, shape, types, parts, tilesAlone, tokens, sequences, pages, use));
  return uses;
}

/// What the time of attention depends on.
static std::string describeAttention(const LaunchBody &body, PagedAttentionOp op, const PageShape &shape,
                                     FreshRows rows, StringRef variant) {
  LaunchStep step(body);
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "attention " << op.getQuery().getType().getElementType() << " over pages of "
         << op.getState().getType().getElement() << ": " << variant << ", "
         << step.evaluate(body.getDim(op.getQuery(), 0)) << " rows of "
         << step.evaluate(body.getDim(op.getLengths(), 0)) << " texts, "
         << step.evaluate(body.getDim(op.getBlockTables(), 1)) << " pages each, " << shape.Heads << " heads of "
         << shape.KeyWidth << " and " << shape.ValueWidth << ", " << shape.KvHeads << " of keys"
         << (shape.isShared() ? " that begin with their values" : "");
  if (int64_t window = op.getVisibleTokens())
    stream << ", window " << window;
  if (!op.getCap().isZero())
    stream << ", capped";
  if (rows.Query)
    stream << ", turns " << rows.Query.getDimensions() << " of " << rows.Query.getInput().getType().getElementType();
  if (precedesBlocks(body.getLaunch()))
    stream << ", beside blocks";
  return text;
}

/// Of a text, those of the pages that its last rows see in the step that a launch is chosen for.
static AffineExpr getSeenPages(const LaunchBody &body, PagedAttentionOp op) {
  AffineExpr pages = body.getDim(op.getBlockTables(), 1);
  int64_t window = op.getVisibleTokens(), most = llvm::divideCeil(window, StateType::PageTokens) + 1;
  bool hides = window > 0 && LaunchStep(body).evaluate(pages) > most;
  return hides ? getAffineConstantExpr(most, op.getContext()) : pages;
}

FailureOr<TemplateUse> cuda::printPagedAttention(const LaunchBody &body, PagedAttentionOp op) {
  auto variant = body.getLaunch().getKernel().getConfig().getAs<StringAttr>("variant");
  StringRef name = variant ? variant.getValue() : "simt";
  bool scalars = name == "simt";
  StateType state = op.getState().getType();
  auto queryType = op.getQuery().getType();
  PageShape shape(state, queryType.getDimSize(1), queryType.getDimSize(2), op.getResult().getType().getDimSize(2));
  AffineExpr tokens = body.getDim(op.getQuery(), 0), sequences = body.getDim(op.getLengths(), 0),
             pages = getSeenPages(body, op);
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
    return use;
  }
  bool few = name == "few_rows" || name == "few_rows_alone", alone = name.ends_with("_alone");
  if (few && rows->Query && failed(addFreshRows(body, *rows, shape, use)))
    return failure();
  bool latent = shape.isShared() && fitLatent(shape) && body.getTarget() == HopperTarget && *query != "float" &&
                op.getScale().convertToFloat() > 0;
  std::vector<TemplateUse> uses =
      latent ? listLatentUses(body, shape, types, alone, tokens, sequences, pages, use)
      : few || shape.isShared()
          ? listDecodeUses(body, shape, types, alone, tokens, pages, *rows, use)
          : listManyRowUses(body, op, shape, types, name == "tiles", tokens, sequences, pages, use);
  if (uses.size() == 1)
    return uses.front();
  return chooseUse(body, describeAttention(body, op, shape, *rows, name), uses);
}
