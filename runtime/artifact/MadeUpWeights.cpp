#include "runtime/artifact/MadeUpWeights.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lathe::runtime {

/// More than caches keep of it while a weight is read, and little enough to be made in no time.
static constexpr size_t PatternBytes = 4 << 20;

namespace {

/// The same numbers on every machine.
class Random {
public:
  uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
  }
  /// Near enough to normally distributed: the sum of four numbers that are evenly distributed.
  float normal(float deviation) {
    uint64_t bits = next();
    float sum = 0;
    for (int i = 0; i != 4; ++i, bits >>= 16)
      sum += float(bits & 0xffff) / 65536.0f - 0.5f;
    return sum * deviation * 1.7320508f;
  }

private:
  uint64_t state = 0x9e3779b97f4a7c15;
};

} // namespace

static uint16_t halfBits(float value) {
  _Float16 half = static_cast<_Float16>(value);
  uint16_t bits;
  std::memcpy(&bits, &half, sizeof(bits));
  return bits;
}

static uint16_t bfloatBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

template <typename Number, typename Make> static void fill(std::vector<unsigned char> &bytes, Make make) {
  for (size_t at = 0; at != bytes.size(); at += sizeof(Number)) {
    Number number = make();
    std::memcpy(bytes.data() + at, &number, sizeof(number));
  }
}

std::vector<unsigned char> makeUpBytes(const std::string &type) {
  constexpr float Deviation = 0.02f;
  std::vector<unsigned char> bytes(PatternBytes);
  Random random;
  if (type == "f32")
    fill<float>(bytes, [&] { return random.normal(Deviation); });
  else if (type == "f64")
    fill<double>(bytes, [&] { return double(random.normal(Deviation)); });
  else if (type == "f16")
    fill<uint16_t>(bytes, [&] { return halfBits(random.normal(Deviation)); });
  else if (type == "bf16")
    fill<uint16_t>(bytes, [&] { return bfloatBits(random.normal(Deviation)); });
  else if (type == "mxfp4" || type == "nvfp4") // scales of a byte: 2^-15 to 1 in E8M0, 0.5 to 1.9 in E4M3
    fill<uint8_t>(bytes, [&] { return uint8_t((random.next() >> 32 & 0x0f) | (type == "mxfp4" ? 0x70 : 0x30)); });
  else // scales are f16 at even offsets: whatever is read as one is from 2^-7 to 2^-4, with either sign
    fill<uint16_t>(bytes, [&] { return uint16_t((random.next() >> 32 & 0x8fff) | 0x2000); });
  return bytes;
}

void repeatBytes(const std::vector<unsigned char> &bytes, unsigned char *target, size_t size) {
  for (size_t done = 0; done < size; done += bytes.size())
    std::memcpy(target + done, bytes.data(), std::min(bytes.size(), size - done));
}

bool leavesWeightsOut(const Manifest &manifest) {
  return std::any_of(manifest.weights.begin(), manifest.weights.end(),
                     [](const Weight &weight) { return weight.source == WeightSource::None; });
}

} // namespace lathe::runtime
