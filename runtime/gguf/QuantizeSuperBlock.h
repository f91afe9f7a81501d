// Blocks whose groups have scales (and minima) that are integers times one f16 of the block.
//
// First each group is searched alone, then the f16 is taken from the largest scale, and by turns every group chooses
// its integers, with codes, for the f16, and the f16 is solved for by least squares for all integers and codes.
#ifndef LATHE_RUNTIME_GGUF_QUANTIZESUPERBLOCK_H
#define LATHE_RUNTIME_GGUF_QUANTIZESUPERBLOCK_H

#include "runtime/gguf/QuantizeSearch.h"

namespace lathe::gguf::LATHE_LEVEL {

//===- Scales -----------------------------------------------------------------------------------------------------===//

/// A block's f16 and the integers of its groups.
struct ScaleChoice {
  Floats unit;   ///< alike in all lanes of a block
  Floats factor; ///< of a group
  Floats error;  ///< of a group
};

/// The best integer for each group, of `2 * Reach + 1` around scale / unit, and the sums of its codes.
template <class Grid, int Low, int High, int Reach, bool Weighted, int N>
LATHE_INLINE ScaleChoice chooseFactors(const Batch<N> &batch, Floats unit, Floats scale, Floats &solvedTop,
                                       Floats &solvedBottom) {
  Floats middle = nearestInteger(clamp(scale * reciprocal(unit), Low, High));
  ScaleChoice best = {unit, Floats{}, splat(__builtin_inff())};
  ScaleSums bestSums;
  for (int step = -Reach; step <= Reach; ++step) {
    Floats factor = clamp(middle + float(step), Low, High), tried = unit * factor;
    ScaleSums sums = sumScale<Grid, Weighted, true>(batch, tried, reciprocal(tried));
    Ints isBetter = sums.error < best.error;
    best.factor = isBetter ? factor : best.factor;
    best.error = smaller(best.error, sums.error);
    bestSums.xq = isBetter ? sums.xq : bestSums.xq;
    bestSums.qq = isBetter ? sums.qq : bestSums.qq;
  }
  solvedTop = best.factor * bestSums.xq;
  solvedBottom = best.factor * best.factor * bestSums.qq;
  return best;
}

/// Integers from `Low` to `High` for the scales of blocks of `Groups` groups. The largest scale becomes an end of the
/// range, or one of `starts - 1` integers before it; from each start there are `turns` turns.
template <class Grid, int Groups, int Low, int High, int Reach, bool Weighted, int N>
LATHE_INLINE ScaleChoice searchFactors(const Batch<N> &batch, Floats scale, int starts, int turns) {
  Floats most = largestOfBlock<Groups>(magnitude(scale));
  // The largest goes to the end that has one more, whatever its sign.
  Floats largest = largestOfBlock<Groups>(scale) < most ? -most : most;
  ScaleChoice best = {Floats{}, Floats{}, Floats{}};
  Floats least = splat(__builtin_inff());
  for (int start = 0; start < starts; ++start) {
    Floats unit = largest * (1.0f / float(Low + start));
    for (int turn = 0; turn < turns; ++turn) {
      Floats top, bottom;
      unit = batch.stored(unit);
      ScaleChoice choice = chooseFactors<Grid, Low, High, Reach, Weighted>(batch, unit, scale, top, bottom);
      Floats error = sumOfBlock<Groups>(choice.error);
      Ints isBetter = error < least;
      best.unit = isBetter ? unit : best.unit;
      best.factor = isBetter ? choice.factor : best.factor;
      least = smaller(least, error);
      unit = quotient(sumOfBlock<Groups>(top), sumOfBlock<Groups>(bottom));
    }
  }
  return best;
}

//===- Scales and minima ------------------------------------------------------------------------------------------===//

/// Both f16 of a block and the integers of its groups.
struct AffineChoice {
  Affine unit, factor;
  Floats error;
};

/// The best pair of integers of each group. For each scale near the wanted one the minimum is solved for and rounded
/// both ways.
template <int Levels, int Most, bool Weighted, int N>
LATHE_INLINE AffineChoice chooseAffineFactors(const Batch<N> &batch, Affine unit, Affine wanted, Floats sumX,
                                              AffineSums &bestSums) {
  AffineChoice best = {unit, {}, splat(__builtin_inff())};
  Floats middle = nearestInteger(clamp(wanted.scale * reciprocal(unit.scale), 0, Most));
  Floats inverseMinimum = reciprocal(unit.minimum);
  for (int step = -1; step <= 1; ++step) {
    Floats factor = clamp(middle + float(step), 0, Most);
    Affine tried = {unit.scale * factor, wanted.minimum};
    Floats inverse = reciprocal(tried.scale);
    AffineSums sums = sumAffine<Levels, Weighted, false>(batch, tried, inverse);
    Floats solved = (tried.scale * sums.q - sumX) / batch.sumOfWeights;
    Floats nearest = nearestInteger(clamp(solved * inverseMinimum, 0, Most));
    Floats other = clamp(solved * inverseMinimum > nearest ? nearest + 1.0f : nearest - 1.0f, 0, Most);
    for (int way = 0; way < 2; ++way) {
      Floats minimum = way == 0 ? nearest : other;
      tried.minimum = unit.minimum * minimum;
      sums = sumAffine<Levels, Weighted, true>(batch, tried, inverse);
      Ints isBetter = sums.error < best.error;
      best.factor = {isBetter ? factor : best.factor.scale, isBetter ? minimum : best.factor.minimum};
      best.error = smaller(best.error, sums.error);
      bestSums.q = isBetter ? sums.q : bestSums.q;
      bestSums.qq = isBetter ? sums.qq : bestSums.qq;
      bestSums.xq = isBetter ? sums.xq : bestSums.xq;
    }
  }
  return best;
}

/// Both f16 by least squares for given integers and codes.
template <int Groups, int N>
LATHE_INLINE Affine solveUnits(const Batch<N> &batch, const Affine &factor, const AffineSums &sums, Floats sumX) {
  Floats a = sumOfBlock<Groups>(factor.scale * factor.scale * sums.qq);
  Floats b = sumOfBlock<Groups>(factor.scale * factor.minimum * sums.q);
  Floats c = sumOfBlock<Groups>(factor.minimum * factor.minimum * batch.sumOfWeights);
  Floats d = sumOfBlock<Groups>(factor.scale * sums.xq);
  Floats e = sumOfBlock<Groups>(factor.minimum * sumX);
  Floats determinant = a * c - b * b;
  Ints isSolvable = determinant > a * c * 1e-5f;
  Floats inverse = isSolvable ? 1.0f / determinant : Floats{};
  return {isSolvable ? (d * c - b * e) * inverse : quotient(d, a), (d * b - a * e) * inverse};
}

/// The sign of all minima of a block: a positive minimum lies below zero, and only a block without negative values has
/// them above.
template <int Groups, int N> LATHE_INLINE Floats signOfMinima(const Batch<N> &batch) {
  return largestOfBlock<Groups>(-batch.low) < 0.0f ? splat(-1.0f) : splat(1.0f);
}

/// Integers from 0 to `Most` for the scales and minima of blocks of `Groups` groups.
template <int Groups, int Levels, int Most, bool Weighted, int N>
LATHE_INLINE AffineChoice searchAffineFactors(const Batch<N> &batch, Affine wanted, Floats sumX, Floats sign,
                                              int turns) {
  Affine unit = {largestOfBlock<Groups>(wanted.scale) * (1.0f / float(Most)),
                 largestOfBlock<Groups>(magnitude(wanted.minimum)) * sign * (1.0f / float(Most))};
  AffineChoice best = {};
  Floats least = splat(__builtin_inff());
  for (int turn = 0; turn < turns; ++turn) {
    unit = {batch.stored(unit.scale), batch.stored(unit.minimum)};
    AffineSums sums;
    AffineChoice choice = chooseAffineFactors<Levels, Most, Weighted>(batch, unit, wanted, sumX, sums);
    Floats error = sumOfBlock<Groups>(choice.error);
    Ints isBetter = error < least;
    best.unit = {isBetter ? unit.scale : best.unit.scale, isBetter ? unit.minimum : best.unit.minimum};
    best.factor = {isBetter ? choice.factor.scale : best.factor.scale,
                   isBetter ? choice.factor.minimum : best.factor.minimum};
    least = smaller(least, error);
    unit = solveUnits<Groups>(batch, choice.factor, sums, sumX);
  }
  return best;
}

} // namespace lathe::gguf::LATHE_LEVEL

#endif // LATHE_RUNTIME_GGUF_QUANTIZESUPERBLOCK_H
