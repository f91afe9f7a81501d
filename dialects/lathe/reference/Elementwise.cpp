// The meaning of Elementwise.td. The expressions of ScalarOps.def are compiled here.
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/ScalarFunctions.h"
#include <limits>

using namespace mlir;
using namespace lathe;

//===- Types ------------------------------------------------------------------------------------------------------===//

namespace {
/// The types that scalar functions compute in, by MLIR's names.
enum class ScalarType {
#define LATHE_NAME(name, T, W) name,
  LATHE_EACH_ANY(LATHE_NAME)
#undef LATHE_NAME
};
} // namespace

static ScalarType getScalarType(Type type) {
  if (type.isF64())
    return ScalarType::f64;
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer)
    return ScalarType::f32; // f16 and bf16 compute in it
  bool isUnsigned = integer.isUnsigned();
  switch (integer.getWidth()) {
  case 1:
    return ScalarType::i1;
  case 8:
    return isUnsigned ? ScalarType::ui8 : ScalarType::i8;
  case 16:
    return isUnsigned ? ScalarType::ui16 : ScalarType::i16;
  case 32:
    return isUnsigned ? ScalarType::ui32 : ScalarType::i32;
  default:
    return isUnsigned ? ScalarType::ui64 : ScalarType::i64;
  }
}

/// Calls `body` with a value of the C type that `type` computes in.
template <typename Body> static auto dispatch(Type type, Body body) {
  switch (getScalarType(type)) {
#define LATHE_CASE(name, T, W)                                                                                         \
  case ScalarType::name:                                                                                               \
    return body(T());
    LATHE_EACH_ANY(LATHE_CASE)
#undef LATHE_CASE
  }
  llvm_unreachable("every scalar type has a case");
}

template <typename T> static SmallVector<T, 0> readElements(const ReferenceValue &value) {
  SmallVector<T, 0> elements(value.getNumElements());
  for (size_t i = 0; i < elements.size(); ++i)
    if constexpr (std::is_floating_point_v<T>)
      elements[i] = T(value.getFloat(i));
    else
      elements[i] = T(value.getInt(i));
  return elements;
}

template <typename T> static void writeElement(ReferenceValue &value, int64_t index, T element) {
  if constexpr (std::is_floating_point_v<T>)
    value.setFloat(index, element);
  else
    value.setInt(index, int64_t(element));
}

//===- Broadcasts -------------------------------------------------------------------------------------------------===//

/// NumPy's broadcast of all shapes. Fails with a diagnostic when a pair of sizes is neither equal nor has a 1.
static FailureOr<SmallVector<int64_t>> broadcast(Operation *op, ArrayRef<ReferenceValue> operands) {
  SmallVector<int64_t> shape;
  for (const ReferenceValue &operand : operands) {
    ArrayRef<int64_t> sizes = operand.getShape();
    if (sizes.size() > shape.size())
      shape.insert(shape.begin(), sizes.size() - shape.size(), 1);
    for (size_t i = 0; i < sizes.size(); ++i) {
      int64_t &size = shape[shape.size() - sizes.size() + i];
      if (size == 1)
        size = sizes[i];
      if (sizes[i] == size || sizes[i] == 1)
        continue;
      InFlightDiagnostic diagnostic = op->emitOpError() << "operands have shapes ";
      for (auto [j, each] : llvm::enumerate(operands))
        diagnostic << (j == 0 ? "" : j + 1 == operands.size() ? " and " : ", ") << formatShape(each.getShape());
      return diagnostic << ", needed shapes that broadcast";
    }
  }
  return shape;
}

/// The index into an operand of `shape` of the element that element `index` of a `result` shape reads.
static int64_t broadcastIndex(int64_t index, ArrayRef<int64_t> result, ArrayRef<int64_t> shape) {
  if (result == shape)
    return index;
  int64_t operandIndex = 0, stride = 1;
  for (size_t i = 1; i <= shape.size(); ++i) {
    int64_t size = shape[shape.size() - i], resultSize = result[result.size() - i];
    if (size != 1)
      operandIndex += index % resultSize * stride;
    index /= resultSize;
    stride *= size;
  }
  return operandIndex;
}

//===- The table --------------------------------------------------------------------------------------------------===//

namespace {
struct ScalarEntry {
  StringLiteral Mnemonic;
  ScalarType Type;
  void (*Function)();
};
} // namespace

static const ScalarEntry Entries[] = {
#define LATHE_ENTRY(mnemonic, name, Signature)                                                                         \
  {#mnemonic, ScalarType::name, reinterpret_cast<void (*)()>(static_cast<Signature>(scalar::scalar_##mnemonic))},
#define LATHE_UNARY_ENTRY(name, T, W, mnemonic) LATHE_ENTRY(mnemonic, name, T (*)(T))
#define LATHE_PREDICATE_ENTRY(name, T, W, mnemonic) LATHE_ENTRY(mnemonic, name, bool (*)(T))
#define LATHE_BINARY_ENTRY(name, T, W, mnemonic) LATHE_ENTRY(mnemonic, name, T (*)(T, T))
#define LATHE_COMPARISON_ENTRY(name, T, W, mnemonic) LATHE_ENTRY(mnemonic, name, bool (*)(T, T))
#define LATHE_UNARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_UNARY_ENTRY, mnemonic)
#define LATHE_UNARY_ALSO LATHE_UNARY
#define LATHE_PREDICATE(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_PREDICATE_ENTRY, mnemonic)
#define LATHE_BINARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_BINARY_ENTRY, mnemonic)
#define LATHE_BINARY_ALSO LATHE_BINARY
#define LATHE_COMPARISON(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_COMPARISON_ENTRY, mnemonic)
#include "dialects/lathe/ScalarOps.def"
};

template <typename T, typename R>
static void computeElements(void (*function)(), ArrayRef<ReferenceValue> operands, ReferenceValue &result) {
  ArrayRef<int64_t> shape = result.getShape();
  SmallVector<T, 0> x = readElements<T>(operands[0]);
  if (operands.size() == 1) {
    for (int64_t i = 0, n = result.getNumElements(); i < n; ++i)
      writeElement(result, i, reinterpret_cast<R (*)(T)>(function)(x[i]));
    return;
  }
  SmallVector<T, 0> y = readElements<T>(operands[1]);
  for (int64_t i = 0, n = result.getNumElements(); i < n; ++i)
    writeElement(result, i,
                 reinterpret_cast<R (*)(T, T)>(function)(x[broadcastIndex(i, shape, operands[0].getShape())],
                                                         y[broadcastIndex(i, shape, operands[1].getShape())]));
}

static LogicalResult evaluateScalar(Operation *op, ArrayRef<ReferenceValue> operands,
                                    SmallVectorImpl<ReferenceValue> &results) {
  FailureOr<SmallVector<int64_t>> shape = broadcast(op, operands);
  if (failed(shape))
    return failure();
  Type type = operands[0].getType();
  const auto *entry = llvm::find_if(Entries, [&, mnemonic = op->getName().stripDialect()](const ScalarEntry &each) {
    return each.Type == getScalarType(type) && each.Mnemonic == mnemonic;
  });
  assert(entry != std::end(Entries) && "ScalarOps.def has a line for each type that the operation takes");
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(op->getResult(0)), *shape);
  dispatch(type, [&](auto zero) {
    using T = decltype(zero);
    if (result.getType().isInteger(1))
      computeElements<T, bool>(entry->Function, operands, result);
    else
      computeElements<T, T>(entry->Function, operands, result);
  });
  results.push_back(std::move(result));
  return success();
}

#define LATHE_UNARY(Op, mnemonic, types, expression)                                                                   \
  LogicalResult Op::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {            \
    return evaluateScalar(*this, operands, results);                                                                   \
  }
#define LATHE_PREDICATE LATHE_UNARY
#define LATHE_BINARY LATHE_UNARY
#define LATHE_COMPARISON LATHE_UNARY
#include "dialects/lathe/ScalarOps.def"

//===- Select and cast --------------------------------------------------------------------------------------------===//

LogicalResult SelectOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  FailureOr<SmallVector<int64_t>> shape = broadcast(*this, operands);
  if (failed(shape))
    return failure();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), *shape);
  for (int64_t i = 0, n = result.getNumElements(); i < n; ++i) {
    bool condition = operands[0].getInt(broadcastIndex(i, *shape, operands[0].getShape()));
    const ReferenceValue &chosen = operands[condition ? 1 : 2];
    int64_t index = broadcastIndex(i, *shape, chosen.getShape());
    if (isa<FloatType>(result.getType()))
      result.setFloat(i, chosen.getFloat(index));
    else
      result.setInt(i, chosen.getInt(index));
  }
  results.push_back(std::move(result));
  return success();
}

template <typename To, typename From> static To convertElement(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != From(0);
  } else if constexpr (std::is_floating_point_v<From> && !std::is_floating_point_v<To>) {
    constexpr To Least = std::numeric_limits<To>::min(), Most = std::numeric_limits<To>::max();
    // 2^n bounds are floats; Most need not be, and rounds up to one.
    return value != value ? To(0) : value <= From(Least) ? Least : value >= From(Most) ? Most : To(value);
  } else {
    return To(value);
  }
}

LogicalResult CastOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), operands[0].getShape());
  if (isa<QuantizedTypeInterface>(operands[0].getType())) {
    FailureOr<std::vector<float>> values = operands[0].toFloats();
    if (failed(values))
      return emitOpError() << "input has " << operands[0].getBytes().size() << " bytes, which are not the blocks of "
                           << getInput().getType();
    for (auto [i, value] : llvm::enumerate(*values))
      result.setFloat(i, value);
  } else {
    dispatch(operands[0].getType(), [&](auto from) {
      using From = decltype(from);
      SmallVector<From, 0> values = readElements<From>(operands[0]);
      if (isa<Float8E4M3FNType>(result.getType())) {
        MutableArrayRef<uint8_t> codes = result.mutableBytes();
        for (auto [i, value] : llvm::enumerate(values))
          codes[i] = E4M3::round(float(value));
        return;
      }
      dispatch(result.getType(), [&](auto to) {
        for (auto [i, value] : llvm::enumerate(values))
          writeElement(result, i, convertElement<decltype(to)>(value));
      });
    });
  }
  results.push_back(std::move(result));
  return success();
}
