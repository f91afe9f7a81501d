#include "compiler/targets/cuda/ConvolutionTile.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe::cuda;

int64_t ConvolutionTile::countTiles(const ConvolutionShape &shape) const {
  return llvm::divideCeil(shape.Rows, M) * llvm::divideCeil(shape.Outputs, N);
}

lathe::report::KernelWork ConvolutionTile::describeWork(bool overlap) const {
  report::KernelWork work;
  // Of windows that overlap some elements are still in the multiprocessor.
  static constexpr double ShareOfOverlapping = 0.6;
  work.StepOtherBytes = double(N * 128) + double(M * 128) * (overlap ? ShareOfOverlapping : 1);
  work.StepFlops = double(M * N * 64 * 2);
  work.Unit = report::Multiplier::Warpgroups;
  work.InFlight = Stages - 1;
  // Places of the first tile, and its first windows; those of further tiles come meanwhile.
  work.StartAccesses += 2;
  // Few threads gather windows, chunk by chunk: on an H200 a step of one of them takes 50 ns a chunk.
  static constexpr double OfChunk = 50;
  work.StepThreads = N == 256 ? 64 : 128;
  work.StepInstructions = double(M * 8 / work.StepThreads) * OfChunk;
  work.ItemThreads = M * 2; // a warpgroup for 64 places
  work.MeetingBytes = double(M * N * 4);
  // Sums go to a cluster's memory, and come from there.
  static constexpr double OfSharedSum = 6;
  work.ItemInstructions = Split > 1 ? double(M * N / work.ItemThreads) * OfSharedSum : 0;
  return work;
}

static constexpr ConvolutionTile Tiles[] = {
    {"ConvolutionNarrowSm90", 128, 64, 4, 512, 2},
    {"ConvolutionSquareSm90", 128, 128, 6, 512, 1},
    {"ConvolutionHighSm90", 192, 128, 5, 640, 1},
    {"ConvolutionWideSm90", 128, 256, 4, 384, 1},
};

std::vector<ConvolutionTile> lathe::cuda::listConvolutionTiles(const ConvolutionShape &shape,
                                                               const report::Machine &machine) {
  std::vector<ConvolutionTile> tiles;
  for (const ConvolutionTile &tile : Tiles)
    for (int64_t split : {1, 2, 4, 8}) {
      bool fits = tile.countTiles(shape) <= countClusters(machine, split) * tile.MinBlocks;
      if (split > 1 && (shape.Depth < 2 * split || !fits))
        continue;
      tiles.push_back(tile);
      tiles.back().Split = split;
    }
  return tiles;
}
