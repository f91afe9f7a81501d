#include "compiler/targets/cuda/ConvolutionTile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe::cuda;

int64_t ConvolutionTile::countTiles(const ConvolutionShape &shape) const {
  return llvm::divideCeil(shape.Rows, M) * llvm::divideCeil(shape.Outputs, N);
}

namespace {
/// What a tile takes on an H200, in microseconds: measured on the layers of ResNet-50 with batch 32, whose times this
/// gives within a tenth or so where memory is not the limit.
struct TimedTile {
  ConvolutionTile Tile;
  double Start;  ///< of a block
  double Step;   ///< 64 along K
  double Finish; ///< the way out of the registers
  double Read;   ///< besides, where the epilogue reads an element for each result
};
} // namespace

static constexpr TimedTile Tiles[] = {
    {{"ConvolutionNarrowSm90", 128, 64, 4, 512, 2}, 0.5, 0.65, 2.5, 1.1},
    {{"ConvolutionSquareSm90", 128, 128, 6, 512, 1}, 2.7, 0.40, 2.1, 2.3},
    {{"ConvolutionHighSm90", 192, 128, 5, 640, 1}, 2.4, 0.67, 3.2, 2.9},
    {{"ConvolutionWideSm90", 128, 256, 4, 384, 1}, 2.0, 0.94, 4.0, 4.5},
};
static constexpr TimedTile WideProduct = {{"", 128, 256, 4, 384, 1}, 3.0, 0.72, 3.5, 4.5};

static double estimate(const ConvolutionShape &shape, const TimedTile &timed, int64_t split, int64_t multiprocessors) {
  const ConvolutionTile &tile = timed.Tile;
  int64_t blocks = tile.countTiles(shape) * split;
  double finish = timed.Finish + (shape.ReadsRows ? timed.Read : 0), step = timed.Step;
  if (shape.Outputs < tile.N)
    finish *= 2; // stores of rows that are no whole tiles
  if (tile.MinBlocks > 1 && blocks <= multiprocessors)
    step *= 0.7; // a block has its multiprocessor to itself
  double time = double(llvm::divideCeil(shape.Depth, split)) * step + finish;
  double rounds = double(llvm::divideCeil(blocks, multiprocessors * tile.MinBlocks));
  if (split == 1)
    return timed.Start + rounds * time;
  double meeting = 1.2 + 0.3 * double(split);
  return rounds * (timed.Start + time + meeting);
}

std::vector<ConvolutionTile> lathe::cuda::listConvolutionTiles(const ConvolutionShape &shape, int64_t multiprocessors) {
  std::vector<ConvolutionTile> tiles;
  for (const TimedTile &timed : Tiles)
    for (int64_t split : {1, 2, 4, 8}) {
      // No cluster stretches over two of the chip's groups of multiprocessors, which are of several sizes.
      int64_t usable = split == 8 ? multiprocessors * 6 / 7 : split == 4 ? multiprocessors * 10 / 11 : multiprocessors;
      if (split > 1 &&
          (shape.Depth < 2 * split || timed.Tile.countTiles(shape) * split > usable * timed.Tile.MinBlocks))
        continue;
      ConvolutionTile &tile = tiles.emplace_back(timed.Tile);
      tile.Split = split;
      tile.Time = estimate(shape, timed, split, multiprocessors);
    }
  return tiles;
}

ConvolutionTile lathe::cuda::chooseConvolutionTile(const ConvolutionShape &shape, int64_t multiprocessors) {
  std::vector<ConvolutionTile> tiles = listConvolutionTiles(shape, multiprocessors);
  return *llvm::min_element(tiles, [](const ConvolutionTile &a, const ConvolutionTile &b) { return a.Time < b.Time; });
}

double lathe::cuda::estimateWideProduct(const ConvolutionShape &shape, int64_t multiprocessors) {
  // Two blocks share a tile where they are so few; that they meet takes no time to speak of.
  constexpr int64_t LeastSharedDepth = 16;
  ConvolutionShape own = shape;
  if (WideProduct.Tile.countTiles(shape) * 2 <= multiprocessors && shape.Depth >= LeastSharedDepth)
    own.Depth = llvm::divideCeil(shape.Depth, 2);
  return estimate(own, WideProduct, 1, multiprocessors);
}
