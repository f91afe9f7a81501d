#include "compiler/targets/cuda/BatchTile.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>

using namespace lathe::cuda;

// The template has the same numbers; a kernel that disagrees does not compile.
static constexpr int64_t TurnBytes = 640, ControlBytes = 512;
static constexpr int64_t UnitRows = 16, UnitBytes = UnitRows * 128, SharedLimit = 227 << 10;

int64_t BatchTile::countItems(const BatchShape &shape) const {
  return llvm::divideCeil(shape.Rows, Tokens) * llvm::divideCeil(shape.Units, Units);
}

int64_t BatchTile::countClusters(int64_t multiprocessors) const {
  return Split <= 2 ? multiprocessors / Split : multiprocessors * 10 / 11 / Split;
}

/// Fills in what follows from the rest; nothing when registers or shared memory do not hold it.
static std::optional<BatchTile> completeTile(const BatchShape &shape, int64_t tokens, int64_t units, int64_t split) {
  static constexpr int64_t MostWarpgroups = 3, MostSums = 128, FewestStages = 4, MostStages = 12, LanesOfWarp = 32;
  int64_t blocks = llvm::divideCeil(units, 4); // of 64 rows, a warpgroup's product
  int64_t groups = blocks <= MostWarpgroups ? blocks : blocks % 2 == 0 ? 2 : 1;
  if (blocks / groups * shape.Sums * tokens / 2 > MostSums || units * shape.Sums > LanesOfWarp)
    return {};
  int64_t stage = shape.Sums * units * UnitBytes + tokens * 128;
  int64_t fixed = (units % 4 ? 3 * UnitBytes : 0) + groups * 4 * shape.Sums * TurnBytes + ControlBytes;
  int64_t stages = std::min((SharedLimit - fixed) / stage, MostStages);
  bool sumsFit = split == 1 || blocks * 64 * shape.Sums * tokens * 4 <= stages * stage;
  if (stages < FewestStages || !sumsFit)
    return {};
  return BatchTile{tokens, units, groups, split, stages, stages * stage + fixed};
}

/// Nanoseconds that a launch takes, as measured on an H200: the memory's for all weights, or those of the block that
/// has most work.
static double estimate(const BatchShape &shape, const BatchTile &tile, int64_t multiprocessors) {
  static constexpr double Memory = 4300;                   // bytes a nanosecond for all blocks
  static constexpr double FromMemory = 36, FromCache = 80; // and for one: weights; weights and rows
  static constexpr double Product = 1.55;                  // of 64 rows of weights x 64 along K x a row
  static constexpr double Start = 2500, Meeting = 1500;    // of a launch; of a cluster, for each doubling
  int64_t blocks = tile.countClusters(multiprocessors) * tile.Split;
  int64_t rounds = llvm::divideCeil(tile.countItems(shape) * tile.Split, blocks);
  double weights = double(shape.Sums * tile.Units * UnitBytes), rows = double(tile.Tokens * 128);
  double product = double(shape.Sums * llvm::divideCeil(tile.Units, 4) * tile.Tokens) * Product;
  double share = std::min(Memory / double(std::min(blocks, tile.countItems(shape) * tile.Split)), FromMemory);
  double step = std::max({weights / share, (weights + rows) / FromCache, product});
  double meetings = double(llvm::Log2_64(uint64_t(tile.Split))) * Meeting;
  return Start + double(rounds) * (double(llvm::divideCeil(shape.Depth, tile.Split)) * step + meetings);
}

BatchTile lathe::cuda::chooseBatchTile(const BatchShape &shape, int64_t multiprocessors, int64_t maxSplit) {
  auto most = int64_t(std::clamp<uint64_t>(llvm::PowerOf2Ceil(shape.Rows), 16, 256));
  std::optional<BatchTile> best;
  double least = 0;
  for (int64_t tokens = std::min<int64_t>(most, 64); tokens <= most; tokens *= 2)
    for (int64_t split = 1; split <= maxSplit; split *= 2)
      for (int64_t units = 4; units <= 16; ++units) {
        std::optional<BatchTile> tile = completeTile(shape, tokens, units, split);
        if (!tile)
          continue;
        double time = estimate(shape, *tile, multiprocessors);
        if (!best || time < least) {
          best = tile;
          least = time;
        }
      }
  assert(best && "the smallest tile always fits");
  return *best;
}
