#include "compiler/targets/cuda/BatchTile.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cassert>
#include <optional>

using namespace lathe::cuda;

// The template has the same numbers; a kernel that disagrees does not compile.
static constexpr int64_t ControlBytes = 512;
static constexpr int64_t UnitRows = 16, UnitBytes = UnitRows * 128, SharedLimit = 227 << 10;

int64_t BatchTile::countItems(const BatchShape &shape) const {
  return llvm::divideCeil(shape.Rows, Tokens) * llvm::divideCeil(shape.Units, Units);
}

lathe::report::KernelWork BatchTile::describeWork(const BatchShape &shape) const {
  int64_t blocks = llvm::divideCeil(Units, 4); // of 64 rows of weights
  lathe::report::KernelWork work;
  // Weights come from memory once, and from the cache for all but the first of the rows that an item takes.
  double weights = double(shape.Sums * Units * UnitBytes);
  work.StepBytes = weights;
  work.StepOtherBytes = double(Tokens * 128);
  work.Columns = double(llvm::divideCeil(shape.Units, Units));
  // A product of warpgroups takes as long as if it had some columns more.
  static constexpr int64_t ColumnsOfStart = 24;
  work.StepFlops = double(shape.Sums * blocks * 64 * (Tokens + ColumnsOfStart) * 64 * 2);
  work.Unit = report::Multiplier::Warpgroups;
  work.InFlight = Deep * (Stages - 1);
  work.MeetingBytes = double(shape.Sums * blocks * 64 * Tokens * 4);
  return work;
}

/// Fills in what follows from the rest; nothing when registers or shared memory do not hold it.
static std::optional<BatchTile> completeTile(const BatchShape &shape, int64_t tokens, int64_t units, int64_t split) {
  static constexpr int64_t MostWarpgroups = 3, MostSums = 128, FewestStages = 4, MostStages = 12, DeepStages = 12,
                           LanesOfWarp = 32;
  int64_t blocks = llvm::divideCeil(units, 4); // of 64 rows, a warpgroup's product
  int64_t groups = blocks <= MostWarpgroups ? blocks : blocks % 2 == 0 ? 2 : 1;
  if (blocks / groups * shape.Sums * tokens / 2 > MostSums || units * shape.Sums > LanesOfWarp)
    return {};
  int64_t stage = shape.Sums * units * UnitBytes + tokens * 128;
  int64_t came = (split - 1) * shape.Sums * (tokens / split) * (units * UnitRows) * 4; // other blocks' sums
  int64_t fixed = (units % 4 ? 3 * UnitBytes : 0) + came + ControlBytes;
  int64_t stages = std::min((SharedLimit - fixed) / stage, MostStages);
  if (stages < FewestStages)
    return {};
  // Stages of 64 along K are so short here that handing them on takes as long as what they bring; two at a time.
  bool deep = stages >= DeepStages && shape.Depth % (2 * split) == 0 && 2 * units * shape.Sums <= LanesOfWarp;
  stages -= deep ? stages % 2 : 0;
  return BatchTile{tokens, units, groups, split, deep ? stages / 2 : stages, deep ? 2 : 1, stages * stage + fixed};
}

std::vector<BatchTile> lathe::cuda::listBatchTiles(const BatchShape &shape, int64_t maxSplit) {
  auto most = int64_t(std::clamp<uint64_t>(llvm::PowerOf2Ceil(shape.Rows), 16, 256));
  std::vector<BatchTile> tiles;
  // Tiles of more rows first: where they are expected to take as long as those of fewer, they read weights less often.
  for (int64_t tokens = most; tokens >= std::min<int64_t>(most, 64); tokens /= 2)
    for (int64_t split = 1; split <= maxSplit; split *= 2)
      for (int64_t units = 4; units <= 16; ++units)
        if (std::optional<BatchTile> tile = completeTile(shape, tokens, units, split))
          tiles.push_back(*tile);
  assert(!tiles.empty() && "the smallest tile always fits");
  return tiles;
}
