#include "runtime/parallel/Collective.h"

#include "runtime/Failure.h"

#include <bit>
#include <type_traits>

namespace lathe::runtime {

namespace {

/// bf16 as f32 and back, to the nearest, ties to even; a NaN stays one.
struct BFloat16 {
  uint16_t bits;
  operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
  BFloat16(float value) {
    auto wide = std::bit_cast<uint32_t>(value);
    bits = value != value ? uint16_t(wide >> 16 | 0x40) : uint16_t((wide + 0x7fff + (wide >> 16 & 1)) >> 16);
  }
};

template <typename Element> struct Wide {
  using Type = Element;
};
template <> struct Wide<BFloat16> {
  using Type = float;
};
template <> struct Wide<_Float16> {
  using Type = float;
};

template <typename Number> Number combine(Reduction reduction, Number left, Number right) {
  switch (reduction) {
  case Reduction::Sum:
    if constexpr (std::is_integral_v<Number>) // wraps around, as generated code does
      return Number(std::make_unsigned_t<Number>(left) + std::make_unsigned_t<Number>(right));
    else
      return left + right;
  case Reduction::Max:
    return right > left || right != right ? right : left;
  case Reduction::Min:
    return right < left || right != right ? right : left;
  }
  return left;
}

template <typename Element>
void reduce(Reduction reduction, const void *sources, int64_t rows, int64_t stride, void *target, int64_t count) {
  using Number = typename Wide<Element>::Type;
  const auto *from = static_cast<const Element *>(sources);
  auto *to = static_cast<Element *>(target);
  for (int64_t i = 0; i != count; ++i) {
    Number value = Number(from[i]);
    for (int64_t row = 1; row != rows; ++row)
      value = combine(reduction, value, Number(from[row * stride + i]));
    to[i] = Element(value);
  }
}

} // namespace

void reduceRows(Reduction reduction, lathe_type type, const void *sources, int64_t rows, int64_t stride, void *target,
                int64_t count) {
  auto with = [&]<typename Element>(Element) { reduce<Element>(reduction, sources, rows, stride, target, count); };
  switch (type) {
  case LATHE_F32:
    return with(float());
  case LATHE_F64:
    return with(double());
  case LATHE_F16:
    return with(_Float16());
  case LATHE_BF16:
    return with(BFloat16(0));
  case LATHE_I8:
    return with(int8_t());
  case LATHE_U8:
    return with(uint8_t());
  case LATHE_I16:
    return with(int16_t());
  case LATHE_U16:
    return with(uint16_t());
  case LATHE_I32:
    return with(int32_t());
  case LATHE_U32:
    return with(uint32_t());
  case LATHE_I64:
    return with(int64_t());
  case LATHE_U64:
    return with(uint64_t());
  default:
    throw Failure(LATHE_UNSUPPORTED, "type ", int(type), " of lathe_type cannot be reduced over ranks");
  }
}

const char *nameOf(CollectiveKind kind) {
  switch (kind) {
  case CollectiveKind::AllReduce:
    return "all_reduce";
  case CollectiveKind::AllGather:
    return "all_gather";
  case CollectiveKind::ReduceScatter:
    return "reduce_scatter";
  case CollectiveKind::Broadcast:
    return "broadcast";
  }
  return "?";
}

Collective readCollective(const HostCollective &asked, void *target, const void *source, int64_t count) {
  if (asked.kind < uint32_t(CollectiveKind::AllReduce) || asked.kind > uint32_t(CollectiveKind::Broadcast) ||
      asked.type < uint32_t(LATHE_F32) || asked.type > uint32_t(LATHE_U64) ||
      asked.reduction > uint32_t(Reduction::Min) || count < 0)
    throw Failure(LATHE_CORRUPT, "the code asks for collective ", asked.kind, " of ", count, " elements of type ",
                  asked.type, " with reduction ", asked.reduction, ", which is none; compile the model again");
  if (asked.axis != 0)
    throw Failure(LATHE_UNSUPPORTED, "the code asks for a collective along axis ", asked.axis,
                  " of the ranks but this runtime knows one axis; use a newer runtime");
  return {CollectiveKind(asked.kind), lathe_type(asked.type), Reduction(asked.reduction), target, source, count};
}

} // namespace lathe::runtime
