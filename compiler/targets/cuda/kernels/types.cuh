// Element types, their conversions to the type that arithmetic uses, and vector loads and stores.
//
// Memory holds T; registers hold Value<T>: float for float, Half and BFloat16, T itself for everything else. Storing a
// Value<T> rounds to nearest even.
#ifndef LATHE_KERNELS_TYPES_CUH
#define LATHE_KERNELS_TYPES_CUH

#include "instructions.cuh"

namespace lathe::kernels {

/// NVRTC has no INFINITY without a header.
inline constexpr float Infinity = __builtin_bit_cast(float, 0x7f800000u);

struct Half {
  uint16_t Bits;
};

struct BFloat16 {
  uint16_t Bits;
};

/// f8E4M3FN: sign, four bits of exponent with bias 7, three of fraction. It has no infinity; code 127 is NaN.
struct Float8 {
  uint8_t Bits;
};

/// What a kernel gives that stores no results: storing one does nothing.
struct Nothing {};

template <class A, class B> inline constexpr bool IsSame = false;
template <class A> inline constexpr bool IsSame<A, A> = true;

template <class T> struct WithoutConst {
  using Type = T;
};
template <class T> struct WithoutConst<const T> {
  using Type = T;
};
template <class T> using RemoveConst = typename WithoutConst<T>::Type;

/// The types of tensors that kernels compute on in f32.
template <class T>
concept FloatElement = IsSame<T, float> || IsSame<T, Half> || IsSame<T, BFloat16>;

/// An f32 that a product takes rounded to tf32: to 11 bits of fraction with the leading one.
struct Tf32 {};

/// The types of 16 bits that mma takes.
template <class T>
concept HalfElement = IsSame<T, Half> || IsSame<T, BFloat16>;

/// The types that mma takes.
template <class T>
concept MmaElement = HalfElement<T> || IsSame<T, Tf32> || IsSame<T, Float8>;

template <MmaElement T> struct InMemoryOf {
  using Type = T;
};
template <> struct InMemoryOf<Tf32> {
  using Type = float;
};
/// What stands in memory where a product takes T.
template <MmaElement T> using InMemory = typename InMemoryOf<T>::Type;

/// Elements in 16 bytes.
template <MmaElement T> inline constexpr int ChunkSize = 16 / int(sizeof(InMemory<T>));

template <class T> struct ValueOf {
  using Type = T;
};
template <> struct ValueOf<Half> {
  using Type = float;
};
template <> struct ValueOf<BFloat16> {
  using Type = float;
};
template <> struct ValueOf<Float8> {
  using Type = float;
};
template <> struct ValueOf<Nothing> {
  using Type = float;
};
template <class T> using Value = typename ValueOf<T>::Type;

template <class T> __device__ inline Value<T> toValue(T element) { return element; }
__device__ inline float toValue(Half element) { return halfToFloat(element.Bits); }
__device__ inline float toValue(BFloat16 element) {
  union {
    uint32_t Bits;
    float Number;
  } both;
  both.Bits = static_cast<uint32_t>(element.Bits) << 16;
  return both.Number;
}

__device__ inline float toValue(Float8 element) { return halfToFloat(uint16_t(widenFloat8(element.Bits))); }

/// A value as an element of T; the identity for what is no float type of less than 32 bits.
template <class T> __device__ inline T fromValue(Value<T> value) {
  if constexpr (IsSame<T, Half>)
    return Half{floatToHalf(value)};
  else if constexpr (IsSame<T, BFloat16>)
    return BFloat16{floatToBFloat16(value)};
  else if constexpr (IsSame<T, Float8>)
    return Float8{roundFloat8(value)};
  else if constexpr (IsSame<T, Nothing>)
    return Nothing{};
  else
    return value;
}

/// A float as an integer: towards zero, the type's bounds beyond them, 0 for NaN.
template <class To, class From> __device__ inline To saturate(From value) {
  constexpr bool Signed = To(-1) < To(0);
  constexpr To Least = Signed ? To(uint64_t(1) << (sizeof(To) * 8 - 1)) : To(0), Most = To(~Least);
  // Powers of two are floats; the most need not be, and rounds up to one.
  return value != value ? To(0) : value <= From(Least) ? Least : value >= From(Most) ? Most : To(value);
}

/// Two values as two neighbouring 16-bit elements, `low` first.
template <HalfElement T> __device__ inline uint32_t packPair(float low, float high) {
  if constexpr (IsSame<T, Half>)
    return packHalf(low, high);
  else
    return packBFloat16(low, high);
}

template <class T> __device__ inline bool isAligned(const T *pointer, int bytes) {
  return reinterpret_cast<uintptr_t>(pointer) % bytes == 0;
}

template <int Bytes> struct WordOf;
template <> struct WordOf<1> {
  using Type = uint8_t;
};
template <> struct WordOf<2> {
  using Type = uint16_t;
};
template <> struct WordOf<4> {
  using Type = uint32_t;
};
template <> struct WordOf<8> {
  using Type = uint2;
};
template <> struct WordOf<16> {
  using Type = uint4;
};

/// N neighbouring elements as the widest words a thread can move, 16 bytes at most. N is a power of two.
template <class T, int N> union Packet {
  static constexpr int Bytes = N * sizeof(T);
  static constexpr int WordBytes = Bytes > 16 ? 16 : Bytes;
  static constexpr int Words = Bytes / WordBytes;
  using Word = typename WordOf<WordBytes>::Type;
  Word Raw[Words];
  T Elements[N];
};

/// values = pointer[index .. index + N), in wide words where the address allows.
template <class T, int N> __device__ inline void loadVector(const T *pointer, int64_t index, Value<T> (&values)[N]) {
  using P = Packet<T, N>;
  P packet;
  const T *source = pointer + index;
  if (N == 1 || isAligned(source, P::WordBytes)) {
#pragma unroll
    for (int i = 0; i < P::Words; ++i)
      packet.Raw[i] = reinterpret_cast<const typename P::Word *>(source)[i];
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i)
      packet.Elements[i] = source[i];
  }
#pragma unroll
  for (int i = 0; i < N; ++i)
    values[i] = toValue(packet.Elements[i]);
}

/// values[i] = pointer[index] for every i: an operand that does not change along the vector.
template <class T, int N> __device__ inline void loadSplat(const T *pointer, int64_t index, Value<T> (&values)[N]) {
  Value<T> value = toValue(pointer[index]);
#pragma unroll
  for (int i = 0; i < N; ++i)
    values[i] = value;
}

/// pointer[0 .. 4) = values, in one word: `pointer` is a multiple of it.
template <class T> __device__ inline void storeAligned(T *pointer, const Value<T> (&values)[4]) {
  using P = Packet<T, 4>;
  P packet;
  if constexpr (HalfElement<T>) {
    packet.Raw[0].x = packPair<T>(values[0], values[1]);
    packet.Raw[0].y = packPair<T>(values[2], values[3]);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      packet.Elements[i] = fromValue<T>(values[i]);
  }
  *reinterpret_cast<typename P::Word *>(pointer) = packet.Raw[0];
}

__device__ inline void storeAligned(Nothing *, const float (&)[4]) {}

/// pointer[index .. index + N) = values, in wide words where the address allows.
template <class T, int N> __device__ inline void storeVector(T *pointer, int64_t index, const Value<T> (&values)[N]) {
  using P = Packet<T, N>;
  P packet;
#pragma unroll
  for (int i = 0; i < N; ++i)
    packet.Elements[i] = fromValue<T>(values[i]);
  T *target = pointer + index;
  if (N == 1 || isAligned(target, P::WordBytes)) {
#pragma unroll
    for (int i = 0; i < P::Words; ++i)
      reinterpret_cast<typename P::Word *>(target)[i] = packet.Raw[i];
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i)
      target[i] = packet.Elements[i];
  }
}

template <int N> __device__ inline void storeVector(Nothing *, int64_t, const float (&)[N]) {}

} // namespace lathe::kernels

#endif // LATHE_KERNELS_TYPES_CUH
