#include "compiler/targets/cuda/TileProduct.h"
#include "compiler/targets/cuda/BatchTile.h"
#include "compiler/targets/cuda/ConvolutionTile.h"
#include "compiler/targets/cuda/MatrixProduct.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

namespace {
/// A tile of mma_tile.cuh or packed_matmul_sm90.cuh: M x N results, 128 bytes along K a stage.
struct ProductTile {
  StringRef Name;
  int64_t M, N, Stages, Threads;
};
} // namespace

// The templates have the same numbers; a kernel that disagrees does not compile.
static constexpr ProductTile LargeTile = {"PackedLargeTile", 128, 128, 3, 256},
                             MediumTile = {"PackedMediumTile", 64, 64, 3, 128},
                             SmallTile = {"PackedSmallTile", 16, 64, 4, 128};
// The wide ones are of a template of their own.
static constexpr ProductTile WideTile = {"", 128, 256, 4, 384}, NarrowerTile = {"", 128, 192, 5, 384},
                             RowsTile = {"PackedRowsTile", 64, 128, 8, 256},
                             ThinTile = {"PackedThinTile", 64, 32, 16, 256};

StringRef cuda::getProductElement(Type element) {
  if (isa<Float8E4M3FNType>(element))
    return "Float8";
  return element.isF16() ? "Half" : element.isBF16() ? "BFloat16" : "Tf32";
}

std::string TileProduct::describe() const {
  auto printPart = [&](const ProductPart &part) {
    std::string sums = Sums == 2 ? "2 x " : "";
    return sums + std::to_string(part.N) + (part.Blocks ? " " + part.Blocks.getFormat().str() : "");
  };
  StringRef element = Element == "Half" ? "f16" : Element == "BFloat16" ? "bf16" : Element == "Tf32" ? "tf32" : "f8";
  return llvm::formatv("product {0} {1} rows, k {2}, columns {3}{4}", element, MaxRows, K,
                       llvm::join(llvm::map_range(Parts, printPart), " + "), Left.Type.empty() ? "" : ", normalized");
}

std::string TileProduct::printOutputs() const {
  if (Sums == 2)
    return "Dual<" + Parts[0].Output + ">";
  if (Parts.size() == 1)
    return Parts[0].Output;
  return "Joined<" + llvm::join(llvm::map_range(Parts, [](const ProductPart &part) { return part.Output; }), ", ") +
         ">";
}

// Accesses before the first step: code, weights, and rows behind the kernel before. Tiles have rings to prepare, and
// wait again for what their epilogue reads.
static constexpr double StartOfFewRows = 3, StartOfTiles = 5;

// The widest product of a warpgroup: with more rows packed_matmul_batch_sm90.cuh reads weights several times.
static constexpr int64_t MostBatchRows = 256, MostSplit = 4;

static void setBlocks(int64_t tiles, TemplateUse &use, MLIRContext *context) {
  use.Tiles = getAffineConstantExpr(std::min(Multiprocessors, tiles), context);
}

static AffineExpr makeSize(const TileProduct &product, int64_t size) {
  return getAffineConstantExpr(size, product.M.getContext());
}

static TemplateUse usePortableFewRows(const TileProduct &product) {
  TemplateUse use;
  int64_t rows = llvm::PowerOf2Ceil(product.MaxRows);
  use.Header = "packed_matmul.cuh";
  use.Type = llvm::formatv("PackedMatmulFewRows<{0}, {1}, {2}{3}>", product.Element, product.printOutputs(), rows,
                           product.printLeftType());
  use.Config = llvm::formatv("few rows, up to {0}", rows);
  use.Threads = 128;
  use.SharedBytes = 256 * rows * product.Sums;
  use.MostResident = 4;
  use.Tiles = makeSize(product, product.countColumnTiles(16));
  // Each warp reads 16 rows of a tile, and then asks for those of the next.
  static constexpr int64_t Warps = 4, PieceBytes = 2048;
  report::KernelWork work;
  work.StepBytes = double(Warps * PieceBytes * product.Sums);
  // Rows that are normalized are f32, and read twice.
  work.StepOtherBytes = double(Warps * 64) * (product.Left.Type.empty() ? double(rows) * 2 : double(rows) * 8 + 4);
  work.StepFlops = double(Warps * 16 * 8 * 64 * 2 * product.Sums);
  work.Unit = report::Multiplier::Warps;
  // As measured on an H200, where about half of its threads wait at a time.
  static constexpr double OfStep = 740, OfNorm = 590, OfNormOfRow = 60;
  work.StepInstructions = OfStep + (product.Left.Type.empty() ? 0 : OfNorm + OfNormOfRow * double(rows));
  work.StepThreads = use.Threads / 2;
  work.StartAccesses += product.Left.Type.empty() ? 1 : 2; // the norm
  use.setWork(work, use.Tiles, makeSize(product, llvm::divideCeil(product.getDepth(), Warps)));
  return use;
}

static TemplateUse usePortableTiles(const TileProduct &product) {
  TemplateUse use;
  int64_t large = llvm::divideCeil(product.MaxRows, LargeTile.M) * product.countColumnTiles(LargeTile.N);
  // Two sums an element, or codes of f8 that are widened, are more registers than a thread of the large tile has left.
  bool useLarge = product.MaxRows > 128 && large >= Multiprocessors && product.Sums == 1 && product.Element != "Float8";
  ProductTile tile = product.MaxRows <= 32 ? SmallTile : useLarge ? LargeTile : MediumTile;
  use.Header = "packed_matmul.cuh";
  use.Type = llvm::formatv("PackedMatmul<{0}, {1}, {2}>", product.Element, product.printOutputs(), tile.Name);
  use.Config =
      llvm::formatv("tiles of {0} x {1} x {2}, {3} stages", tile.M, tile.N, product.getTileDepth(), tile.Stages);
  use.Threads = tile.Threads;
  use.SharedBytes = tile.Stages * (tile.M + product.Sums * tile.N) * 128;
  use.Tiles = product.M.ceilDiv(tile.M) * product.countColumnTiles(tile.N);
  use.MostResident = 512 / tile.Threads;
  report::KernelWork work = describeMmaTile(tile.M, tile.N * product.Sums, 64, tile.Stages, tile.Threads,
                                            /*weightBytes=*/2, double(product.countColumnTiles(tile.N)));
  addEpilogue(product.Epilogue, double(tile.M * tile.N / tile.Threads), work);
  use.setWork(work, use.Tiles, makeSize(product, product.getDepth()));
  return use;
}

static TemplateUse useHopperFewRows(const TileProduct &product) {
  TemplateUse use;
  constexpr int64_t StageBytes = 16384, Kilobyte = 1024, Half = 113 * Kilobyte, Aside = 128;
  int64_t rows = llvm::PowerOf2Ceil(product.MaxRows), rowBytes = product.getDepth() * rows * 128;
  bool resident = rowBytes <= 120 * Kilobyte;
  int64_t fixed = (resident ? rowBytes : 0) + 2 * 512 * rows + 256;
  int64_t room = (fixed + 3 * StageBytes <= Half - Aside ? Half - Aside : 227 * Kilobyte) - fixed; // of two, or one
  int64_t stages = std::min<int64_t>(room / StageBytes, 12);
  use.Header = "packed_matmul_few_sm90.cuh";
  StringRef alone = product.IsAlone ? ", AsIs, true" : "";
  use.Type = llvm::formatv("PackedMatmulFewRowsSm90<{0}, {1}, {2}, {3}{4}{5}>", product.Element, product.printOutputs(),
                           rows, product.K, product.printLeftType(), alone);
  use.Config = llvm::formatv("few rows, up to {0}, bulk copies in {1} stages", rows, stages);
  use.Threads = 288;
  use.SharedBytes = std::max(stages * StageBytes + fixed, product.IsAlone ? Half + Aside : 0);
  int64_t tiles = product.countColumnTiles(16);
  setBlocks(tiles, use, product.M.getContext());
  report::KernelWork work;
  work.StepBytes = StageBytes;
  work.InFlight = stages - 1;
  // Every block has all rows before its first step; those that it normalizes are f32, and it goes through them twice.
  // So many bytes come from the cache in the time of an access to memory.
  static constexpr double BytesOfAccess = 40000;
  double rowsOfBlock = resident ? double(product.K * rows) * (product.Left.Type.empty() ? 2 : 8) : 0;
  work.StartAccesses = StartOfFewRows + rowsOfBlock / BytesOfAccess + (product.Left.Type.empty() ? 0 : 1); // the norm
  use.setWork(work, makeSize(product, tiles),
              makeSize(product, llvm::divideCeil(product.getDepth(), 8) * product.Sums));
  return use;
}

/// `sharing`: whether blocks of a cluster may share a tile along K.
static TemplateUse useHopperTile(const TileProduct &product, const ProductTile &tile, bool sharing) {
  constexpr int64_t WideCluster = 2;
  TemplateUse use;
  int64_t columns = product.countColumnTiles(tile.N / product.Sums);
  int64_t blocks = llvm::divideCeil(product.MaxRows, tile.M) * columns;
  report::KernelWork work;
  if (tile.Name.empty()) {
    use.Cluster = WideCluster;
    work.MostSharing = sharing ? WideCluster : 1;
    blocks *= WideCluster;
    use.Header = "packed_matmul_wide_sm90.cuh";
    use.Type = llvm::formatv("PackedMatmulWideSm90<{0}, {1}, {2}{3}>", product.Element, product.printOutputs(), tile.N,
                             sharing ? "" : ", false");
  } else {
    use.Header = "packed_matmul_sm90.cuh";
    use.Type = llvm::formatv("PackedMatmulSm90<{0}, {1}, {2}>", product.Element, product.printOutputs(), tile.Name);
  }
  use.Config = llvm::formatv("warpgroup tiles of {0} x {1} x {2}, {3} stages", tile.M, tile.N, product.getTileDepth(),
                             tile.Stages);
  use.Threads = tile.Threads;
  use.SharedBytes = tile.Stages * (tile.M + tile.N) * 128 + 256;
  setBlocks(blocks, use, product.M.getContext());
  // Weights come from memory once, and from the cache for all but the first of the rows of tiles.
  work.StepBytes = double(tile.N * 128);
  work.StepOtherBytes = double(tile.M * 128);
  work.Columns = double(columns);
  work.StepFlops = double(tile.M * tile.N * 64 * 2); // 32 along K of tf32 and 128 of f8 take as long as 64 of 16 bits
  work.Unit = report::Multiplier::Warpgroups;
  work.InFlight = tile.Stages - 1;
  work.StartAccesses = StartOfTiles;
  work.ItemThreads = tile.M * 2; // a warpgroup for 64 rows
  addEpilogue(product.Epilogue, double(tile.M * tile.N / product.Sums / work.ItemThreads), work);
  work.MeetingBytes = double(tile.M * tile.N * 4);
  use.setWork(work, product.M.ceilDiv(tile.M) * columns, makeSize(product, product.getDepth()));
  return use;
}

/// Some rows: too many for a thread to keep the sums of all of them, too few to be worth more than reading weights
/// once.
static TemplateUse useHopperBatch(const TileProduct &product, const BatchShape &shape, const BatchTile &tile,
                                  const report::Machine &machine) {
  TemplateUse use;
  use.Header = "packed_matmul_batch_sm90.cuh";
  std::string deep = tile.Deep > 1 ? ", " + std::to_string(tile.Deep) : "";
  use.Type =
      llvm::formatv("PackedMatmulBatchSm90<{0}, {1}, BatchTile<{2}, {3}, {4}, {5}, {6}{7}>>", product.Element,
                    product.printOutputs(), tile.Tokens, tile.Units, tile.Warpgroups, tile.Split, tile.Stages, deep);
  use.Config = llvm::formatv("{0} columns x up to {1} rows, {2} stages", 16 * tile.Units, tile.Tokens, tile.Stages);
  if (tile.Deep > 1)
    use.Config += llvm::formatv(" of {0} tiles along k", tile.Deep);
  if (tile.Split > 1)
    use.Config += llvm::formatv(", a cluster of {0} blocks along k", tile.Split);
  use.Threads = tile.getThreads();
  use.SharedBytes = tile.SharedBytes;
  use.Cluster = tile.Split;
  use.Blocks = std::min(countClusters(machine, tile.Split), tile.countItems(shape)) * tile.Split;
  use.Tiles = makeSize(product, use.Blocks);
  report::KernelWork work = tile.describeWork(shape);
  work.StartAccesses = StartOfTiles;
  work.ItemThreads = tile.Warpgroups * 128;
  addEpilogue(product.Epilogue, double(tile.Units * 16 * tile.Tokens / work.ItemThreads) / double(tile.Split), work);
  use.setWork(work, product.M.ceilDiv(tile.Tokens) * int64_t(llvm::divideCeil(shape.Units, tile.Units)),
              makeSize(product, llvm::divideCeil(shape.Depth, tile.Split)));
  return use;
}

/// More than few rows: all tiles that take so many; without `splitting` those that give one block each sum.
static std::vector<TemplateUse> listHopperTiles(const TileProduct &product, bool splitting,
                                                const report::Machine &machine) {
  // Of those that are expected to take as long, as where memory is the limit, the first is taken: the wide tile was
  // the faster one.
  std::vector<TemplateUse> uses = {useHopperTile(product, WideTile, splitting)};
  BatchShape shape = {product.MaxRows, product.countColumnTiles(16), product.getDepth(), product.Sums};
  if (product.MaxRows <= MostBatchRows)
    for (const BatchTile &tile : listBatchTiles(shape, splitting ? MostSplit : 1))
      uses.push_back(useHopperBatch(product, shape, tile, machine));
  for (const ProductTile &tile : {NarrowerTile, RowsTile, ThinTile})
    // Wide tiles take whole panels of 64 columns of each weights; the others add up in another order.
    if (tile.Name.empty() ? tile.N % (64 * product.Sums) == 0 : splitting)
      uses.push_back(useHopperTile(product, tile, splitting));
  return uses;
}

namespace {
/// What of quantized_few_sm90.cuh a launch takes.
struct BlockRing {
  int64_t Rows, Workers, StageBytes = 0, Stages, SharedBytes;
};
} // namespace

/// Whether one row meets the weights in f16, as TakesPairs of packed_row_blocks.cuh.
static bool takesPairs(const ProductPart &part) {
  return part.Blocks.getFormat() == "e4m3" || part.Blocks.getFormat() == "e5m2";
}

static BlockRing sizeBlockRing(const TileProduct &product, int64_t rows) {
  constexpr int64_t MaxStages = 8, NormalizedStages = 6, LeastStages = 4, SmallTileBytes = 2048;
  BlockRing ring;
  ring.Rows = rows;
  ring.Workers = rows == 8 ? 16 : 8;
  for (const ProductPart &part : product.Parts) {
    int64_t bytes = part.Blocks.getBlockBytes();
    ring.StageBytes = std::max(ring.StageBytes, ring.Workers * (bytes < SmallTileBytes ? 2 : 1) * bytes);
  }
  int64_t units = llvm::divideCeil(product.K, 256);
  int64_t rowsBytes = rows * (units * 512 + 16) + units * 256 + units * 32;
  // One row is there in halves of 8 bits, in pairs of f16, or in both.
  int64_t forms = 2 - llvm::all_equal(llvm::map_range(product.Parts, takesPairs));
  int64_t leftBytes = rows == 1 ? llvm::divideCeil(product.K, 128) * (64 + 256 * forms) : llvm::alignTo(rowsBytes, 16);
  // Sums of squares: of one row in each slot, for each worker.
  bool normalizes = !product.Left.Type.empty();
  int64_t slots = rows == 1 ? 4 : 2, slotFloats = product.Sums * ring.Workers * 16 * rows;
  slotFloats += normalizes && rows == 1 ? ring.Workers : 0;
  int64_t squareBytes = normalizes && rows > 1 ? llvm::divideCeil(rows * units, 2) * 8 : 0;
  int64_t rest = leftBytes + slots * slotFloats * 4 + squareBytes + 256;
  int64_t sharedOfBlock = (normalizes && rows == 1 ? 200 : 227) << 10; // attention that follows has room beside it
  ring.Stages =
      std::min((sharedOfBlock - rest) / ring.StageBytes, normalizes && rows == 1 ? NormalizedStages : MaxStages);
  // The next product's block, if it normalizes such rows, has room beside this one.
  int64_t beside = ((226 << 10) - 2 * rest) / ring.StageBytes - NormalizedStages;
  if (!normalizes && rows == 1 && beside >= LeastStages)
    ring.Stages = std::min(ring.Stages, beside);
  ring.SharedBytes = ring.Stages * ring.StageBytes + rest;
  return ring;
}

/// For as many rows at a time as leave room for two stages; one where they are bf16, which the template takes as
/// halves of 8 bits alone.
static BlockRing chooseBlockRing(const TileProduct &product) {
  int64_t rows = product.Element == "Half" ? llvm::PowerOf2Ceil(product.MaxRows) : 1;
  BlockRing ring = sizeBlockRing(product, rows);
  for (; ring.Stages < 2 && rows > 1; rows /= 2)
    ring = sizeBlockRing(product, rows / 2);
  return ring;
}

static std::string printFormats(const TileProduct &product) {
  std::string formats;
  for (const ProductPart &part : product.Parts)
    formats += ", Tiled" + part.Blocks.getFormat().upper();
  return formats;
}

static TemplateUse useHopperFewBlocks(const TileProduct &product) {
  TemplateUse use;
  BlockRing ring = chooseBlockRing(product);
  use.Header = "quantized_few_sm90.cuh";
  std::string left = product.Left.Type.empty() ? "Sm90<" : "Of<" + product.Left.Type + ", ";
  use.Type = llvm::formatv("QuantizedFewRows{0}{1}, {2}, {3}, {4}{5}>", left, product.Element, product.printOutputs(),
                           ring.Rows, product.K, printFormats(product));
  use.Config = llvm::formatv("blocks, {0} rows at a time, bulk copies in {1} stages", ring.Rows, ring.Stages);
  use.Threads = (ring.Workers + 2) * 32;
  use.SharedBytes = ring.SharedBytes;
  int64_t tiles = product.countColumnTiles(16), steps = 0, bytes = 0;
  setBlocks(tiles, use, product.M.getContext());
  for (const ProductPart &part : product.Parts) {
    int64_t units = product.Sums * llvm::divideCeil(product.K, part.Blocks.getBlockShape()[1]);
    bytes = std::max(bytes, units * part.Blocks.getBlockBytes());
  }
  steps = llvm::divideCeil(bytes, ring.StageBytes);
  report::KernelWork work;
  work.StepBytes = double(bytes) / double(steps);
  // Taking codes apart is most of the work: each takes about as long as nine operations of a thread. Of one row they
  // are multiplied as integers; of several by tensor cores, which multiply eight whatever there are.
  static constexpr double OperationsOfCode = 9, OperationsOfRows = 6.4, OperationsOfRow = 0.2;
  double operations = OperationsOfCode + (ring.Rows > 1 ? OperationsOfRows + double(ring.Rows) * OperationsOfRow : 0);
  work.StepFlops = double(product.Sums * 16 * product.K) / double(steps) * operations;
  work.InFlight = std::max<int64_t>(ring.Stages - 1, 1);
  // Rows are rounded by every block, after their norm.
  work.StartAccesses = StartOfFewRows + (product.Left.Type.empty() ? 1 : 2);
  use.setWork(work, makeSize(product, tiles), product.M.ceilDiv(ring.Rows) * steps);
  return use;
}

/// More rows than few on blocks: a cluster shares the columns of A.
static TemplateUse useHopperBlockRows(const TileProduct &product, int64_t cluster) {
  constexpr int64_t Cols = 128, Shared = (227 << 10) - 256, MinRows = 16, MaxRows = 64;
  int64_t rows = std::clamp<int64_t>(llvm::PowerOf2Ceil(product.MaxRows), MinRows, MaxRows), depth = 0, right = 0;
  for (const ProductPart &part : product.Parts)
    depth = std::max(depth, part.Blocks.getBlockShape()[1]);
  for (const ProductPart &part : product.Parts)
    right = std::max(right,
                     product.Sums * Cols / 16 * (depth / part.Blocks.getBlockShape()[1]) * part.Blocks.getBlockBytes());
  // Minima are multiplied with sums of the rows, which stand behind them.
  bool minima = llvm::any_of(product.Parts, [](const ProductPart &part) { return part.Blocks.getFormat() == "q4_k"; });
  int64_t left = depth * rows * 2 + (minima ? rows * 128 : 0);
  int64_t stageBytes = llvm::alignTo(left + right, 1024), stages = std::min<int64_t>(Shared / stageBytes, 8);
  int64_t strips = product.countColumnTiles(Cols), steps = llvm::divideCeil(product.K, depth);
  TemplateUse use;
  use.Header = "quantized_rows_sm90.cuh";
  use.Type = llvm::formatv("QuantizedRowsSm90<{0}, {1}, {2}{3}>", product.printOutputs(), rows, cluster,
                           printFormats(product));
  use.Config = llvm::formatv("blocks, warpgroup tiles of {0} x {1} x {2}, {3} stages, clusters of {4}", rows, Cols,
                             depth, stages, cluster);
  use.Threads = 384;
  use.SharedBytes = stages * stageBytes + 256;
  use.Cluster = cluster;
  if (cluster > 1)
    use.Tiles = product.M.ceilDiv(rows) * (strips * cluster);
  else
    setBlocks(llvm::divideCeil(product.MaxRows, rows) * strips, use, product.M.getContext());
  report::KernelWork work;
  work.StepBytes = double(right);
  work.StepOtherBytes = double(left);
  // Warps take codes apart between the products, which take less time: on an H200 each code as long as 18 operations of
  // 16 rows and 48 of 64.
  static constexpr double OperationsOfCode = 8, OperationsOfRow = 0.62;
  double operations = OperationsOfCode + double(rows) * OperationsOfRow;
  work.StepFlops = double(product.Sums * Cols * depth) * operations;
  work.InFlight = stages - 1;
  work.MeetingBytes = double(product.Sums * Cols * rows * 4);
  work.StartAccesses = StartOfTiles;
  work.ItemThreads = Cols * 2;
  addEpilogue(product.Epilogue, double(Cols * rows / work.ItemThreads) / double(cluster), work);
  use.setWork(work, product.M.ceilDiv(rows) * strips, makeSize(product, llvm::divideCeil(steps, cluster)));
  return use;
}

/// Rows on blocks whose weights are rounded, so that each is taken apart once for up to 256 rows.
static TemplateUse useHopperWideBlocks(const TileProduct &product, int64_t warpgroups) {
  constexpr int64_t Shared = 227 << 10, BarrierBytes = 512, MinRows = 16, MostOutRows = 32;
  constexpr int64_t MostWeightStages = 6, MostRowStages = 8, Depth = 64;
  // The parts of several products would take more registers than 256 rows leave.
  int64_t mostRows = product.Parts.size() == 1 ? 256 : 128;
  int64_t rows = std::clamp<int64_t>(llvm::PowerOf2Ceil(product.MaxRows), MinRows, mostRows);
  int64_t cols = 64 * warpgroups / product.Sums, weightBytes = 0, rowBytes = rows * 2 * Depth;
  double bytesOfStep = 0;
  for (const ProductPart &part : product.Parts) {
    int64_t bytes = 4 * warpgroups * part.Blocks.getBlockBytes();
    weightBytes = std::max<int64_t>(weightBytes, llvm::alignTo(bytes, 128));
    bytesOfStep = std::max(bytesOfStep, double(bytes * Depth) / double(part.Blocks.getBlockShape()[1]));
  }
  int64_t outBytes = std::min(rows, MostOutRows) * (64 * warpgroups + 4) * 4, room = Shared - outBytes - BarrierBytes;
  int64_t weightStages = std::max<int64_t>(std::min((room - 4 * rowBytes) / weightBytes, MostWeightStages), 2);
  int64_t rowStages = std::min((room - weightStages * weightBytes) / rowBytes, MostRowStages);
  TemplateUse use;
  use.Header = "quantized_wide_sm90.cuh";
  use.Type = llvm::formatv("QuantizedWideSm90<{0}, {1}, {2}{3}>", product.printOutputs(), rows, warpgroups,
                           printFormats(product));
  use.Config =
      llvm::formatv("rounded blocks, warpgroup tiles of {0} x {1} x {2}, {3} stages", rows, cols, Depth, rowStages);
  use.Threads = 128 * (warpgroups + 1);
  use.SharedBytes = rowStages * rowBytes + weightStages * weightBytes + outBytes + BarrierBytes;
  int64_t strips = product.countColumnTiles(cols);
  setBlocks(llvm::divideCeil(product.MaxRows, rows) * strips, use, product.M.getContext());
  report::KernelWork work;
  work.StepBytes = bytesOfStep;
  work.StepOtherBytes = double(rowBytes);
  // As measured on an H200, in the mean of formats; those of q4_0 take 0.8 of it, of nvfp4 1.15.
  double operations = warpgroups == 4 ? 14.7 + 0.08 * double(rows) : 17.5 + 0.115 * double(rows); // of a code
  work.StepFlops = double(64 * warpgroups * Depth) * operations;
  work.InFlight = rowStages - 1;
  work.StartAccesses = StartOfTiles;
  work.ItemThreads = 128 * warpgroups;
  addEpilogue(product.Epilogue, double(cols * rows / work.ItemThreads), work);
  use.setWork(work, product.M.ceilDiv(rows) * strips, makeSize(product, llvm::divideCeil(product.K, Depth)));
  return use;
}

/// Without `splitting` one block gives each sum, in one order whatever the number of rows.
static std::vector<TemplateUse> listHopperBlockRows(const TileProduct &product, bool splitting) {
  std::vector<TemplateUse> uses;
  for (int64_t cluster : {1, 2, 4})
    if (cluster == 1 || (splitting && product.K >= cluster * 256))
      uses.push_back(useHopperBlockRows(product, cluster));
  if (splitting)
    for (int64_t warpgroups : {2, 4})
      if (warpgroups == 2 || product.MaxRows <= 64)
        uses.push_back(useHopperWideBlocks(product, warpgroups));
  return uses;
}

/// A product is a convolution of images of one place, whose tiles are faster where the way in and out of a tile counts:
/// with many rows, but few columns or little depth. What was not measured keeps to products.
static bool isConvolution(const TileProduct &product) {
  constexpr int64_t MaxColumns = 2048, MaxK = 2048;
  return product.Element != "Tf32" && product.Element != "Float8" && product.Sums == 1 && product.Parts.size() == 1 &&
         product.MaxRows > MostBatchRows && product.K % 8 == 0 && product.K <= MaxK &&
         product.Parts.front().N <= MaxColumns;
}

/// All ways to compute rows of 16-bit weights on Hopper, more than few.
static std::vector<TemplateUse> listHopperUses(const TileProduct &product, bool splitting,
                                               const report::Machine &machine) {
  std::vector<TemplateUse> uses = listHopperTiles(product, splitting, machine);
  if (splitting && isConvolution(product))
    llvm::append_range(uses, listWarpgroupWindows({product.MaxRows, product.Parts.front().N, product.getDepth()},
                                                  product.M, product.Element + ", " + product.Parts.front().Output,
                                                  product.Epilogue, /*overlap=*/false, machine, {}));
  return uses;
}

bool cuda::isOneTemplate(const TileProduct &product, StringRef variant, unsigned target) {
  if (!product.Parts.front().Blocks)
    return true;
  if (target != HopperTarget)
    return false;
  return variant == "few_rows" ? chooseBlockRing(product).Stages >= 2 : product.Element == "Half";
}

std::vector<TemplateUse> cuda::listUses(const TileProduct &product, StringRef variant, unsigned target,
                                        const report::Machine &machine) {
  bool blocks = bool(product.Parts.front().Blocks), hopper = target == HopperTarget, splitting = variant == "tiles";
  if (variant == "few_rows")
    return {blocks ? useHopperFewBlocks(product) : hopper ? useHopperFewRows(product) : usePortableFewRows(product)};
  if (blocks)
    return listHopperBlockRows(product, splitting);
  if (!hopper)
    return {usePortableTiles(product)};
  return listHopperUses(product, splitting, machine);
}

TemplateUse cuda::useDequantize(RankedTensorType blocks, StringRef types) {
  static constexpr int64_t Steps = 4, CodesOfThread = 32; // 64 columns at a time
  auto tiles = dyn_cast<GgufTilesType>(blocks.getElementType());
  const double OfCode = !tiles ? 25 : tiles.getFormat() == "q4_k" ? 10 : 14;
  int64_t n = blocks.getDimSize(0), k = blocks.getDimSize(1);
  MLIRContext *context = blocks.getContext();
  TemplateUse use;
  use.Header = "dequantize.cuh";
  use.Type = ("Dequantize<" + types + ">").str();
  use.Config = "a warp for 16 rows of 256 columns";
  use.Threads = 128;
  use.SharedBytes = 8192;
  use.Tiles = getAffineConstantExpr(llvm::divideCeil(n, 64) * llvm::divideCeil(k, 256), context);
  use.MostResident = 8;
  report::KernelWork work;
  work.InFlight = 1;
  work.StepBytes = double(16 * 64 * 4); // what a step reads is less than this, and waited for
  work.StepInstructions = CodesOfThread * OfCode;
  work.StepThreads = use.Threads;
  use.setWork(work, use.Tiles, getAffineConstantExpr(Steps, context));
  return use;
}
