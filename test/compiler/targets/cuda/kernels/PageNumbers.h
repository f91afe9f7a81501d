// What pages hold, to and from numbers: every state type of pages.cuh, by definition.
#ifndef LATHE_TEST_KERNELS_PAGENUMBERS_H
#define LATHE_TEST_KERNELS_PAGENUMBERS_H

#include "KernelTest.h"
#include "pages.cuh"

namespace lathe::kernels::test {

/// Numbers as a pool of State; a block of q8_0 with a number that is not finite is NaN.
template <class State> std::vector<State> encodePages(const std::vector<double> &numbers) {
  std::vector<State> pool(numbers.size() / BlockElements<State>);
  for (size_t i = 0; i < pool.size(); ++i)
    if constexpr (!IsSame<State, Q8Block>) {
      pool[i] = element<State>(numbers[i]);
    } else {
      double largest = 0;
      bool finite = true;
      for (int j = 0; j < 32; ++j) {
        largest = std::max(largest, std::fabs(numbers[i * 32 + j]));
        finite = finite && std::isfinite(numbers[i * 32 + j]);
      }
      pool[i].Scale = finite ? halfBits(float(largest / 127)) : 0x7e00;
      double scale = halfValue(pool[i].Scale);
      for (int j = 0; j < 32; ++j)
        pool[i].Codes[j] = finite && scale > 0
                               ? int8_t(std::clamp(std::nearbyint(numbers[i * 32 + j] / scale), -127.0, 127.0))
                               : int8_t(0);
    }
  return pool;
}

template <class State> std::vector<double> decodePages(const std::vector<State> &pool) {
  std::vector<double> numbers(pool.size() * BlockElements<State>);
  for (size_t i = 0; i < numbers.size(); ++i)
    if constexpr (IsSame<State, Q8Block>)
      numbers[i] = double(halfValue(pool[i / 32].Scale)) * pool[i / 32].Codes[i % 32];
    else
      numbers[i] = number(pool[i]);
  return numbers;
}

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_PAGENUMBERS_H
