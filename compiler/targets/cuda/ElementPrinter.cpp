#include "compiler/targets/cuda/ElementPrinter.h"
#include "dialects/lathe/BlockedNumbers.h"
#include "dialects/lathe/ScalarTypes.h"
#include "mlir/IR/AffineExprVisitor.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

//===- Text -------------------------------------------------------------------------------------------------------===//

/// A format of blocked_formats.cuh; empty for blocks that are none.
static std::string printBlocked(BlockedType type) {
  int64_t bits = type.getCodeBits(), columns = type.getColumns();
  bool fits = type.getRows() == 1 && isa<NoneType>(type.getOuterScale()) && (bits <= 4 || bits == 8) &&
              (columns % 32 == 0 || columns == 16 || columns == 8);
  std::string width = std::to_string(bits), code;
  switch (getCodeNumber(type.getCode())) {
  case Number::Signed:
    code = "SignedCode<" + width + ">";
    break;
  case Number::Unsigned:
    code = "UnsignedCode<" + width + ">";
    break;
  case Number::E2M1:
    code = "E2M1Code";
    break;
  case Number::E4M3:
    code = "E4M3Code";
    break;
  case Number::E5M2:
    code = "E5M2Code";
    break;
  case Number::Nf4:
    code = "Nf4Code";
    break;
  default:
    fits = false;
  }
  StringRef scale = type.getScale().isF32() ? "float" : type.getScale().isF16() ? "Half" : "", zero;
  if (auto integer = dyn_cast<IntegerType>(type.getZero()); integer && integer.getWidth() == 8)
    zero = integer.isUnsigned() ? ", uint8_t" : ", int8_t";
  if (!fits || scale.empty() || (zero.empty() && !isa<NoneType>(type.getZero())))
    return "";
  return llvm::formatv("Blocked<{0}, {1}, {2}{3}>", code, columns, scale, zero);
}

FailureOr<std::string> cuda::getElementType(Operation *op, Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    type = tensor.getElementType();
  if (auto state = dyn_cast<StateType>(type))
    type = state.getElement();
  if (type.isF32())
    return std::string("float");
  if (type.isF64())
    return std::string("double");
  if (type.isF16())
    return std::string("Half");
  if (type.isBF16())
    return std::string("BFloat16");
  if (isa<Float8E4M3FNType>(type))
    return std::string("Float8"); // in registers float: what is cast is rounded where it is stored
  if (auto integer = dyn_cast<IntegerType>(type)) {
    unsigned width = integer.getWidth();
    if (width == 1)
      return std::string("bool");
    if (width == 8 || width == 16 || width == 32 || width == 64)
      return llvm::formatv("{0}int{1}_t", integer.isUnsigned() ? "u" : "", width).str();
  }
  if (auto gguf = dyn_cast<GgufType>(type))
    return gguf.getFormat().upper();
  if (auto tiles = dyn_cast<GgufTilesType>(type))
    return "Tiled" + tiles.getFormat().upper();
  if (auto blocked = dyn_cast<BlockedType>(type))
    if (std::string format = printBlocked(blocked); !format.empty())
      return format;
  return op->emitOpError() << "has elements of type " << type
                           << ", for which there is no CUDA kernel; f32, f64, f16, bf16, integers and GGUF's blocks "
                              "have; cast it to one of them in front of this operation";
}

FailureOr<std::string> cuda::getMemoryType(Operation *op, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if ((tensor && isa<QuantizedTypeInterface>(tensor.getElementType())) || isa<SizesType>(type))
    return std::string("uint8_t");
  // As pages.cuh calls them.
  if (auto state = dyn_cast<StateType>(type); state && isa<Float8E4M3FNType>(state.getElement()))
    return std::string("Float8");
  else if (state && isa<QuantizedTypeInterface>(state.getElement()))
    return std::string("Q8Block");
  return getElementType(op, type);
}

namespace {
struct SizePrinter : AffineExprVisitor<SizePrinter, std::string> {
  explicit SizePrinter(char prefix) : Prefix(prefix) {}
  std::string visitConstantExpr(AffineConstantExpr e) { return std::to_string(e.getValue()); }
  std::string visitSymbolExpr(AffineSymbolExpr e) { return Prefix + std::to_string(e.getPosition()); }
  std::string visitDimExpr(AffineDimExpr) { llvm_unreachable("sizes are expressions over symbols alone"); }
  std::string visitAddExpr(AffineBinaryOpExpr e) { return join(e, " + "); }
  std::string visitMulExpr(AffineBinaryOpExpr e) { return join(e, " * "); }
  std::string visitModExpr(AffineBinaryOpExpr e) { return join(e, " % "); }
  std::string visitFloorDivExpr(AffineBinaryOpExpr e) { return join(e, " / "); } // sizes are not negative
  std::string visitCeilDivExpr(AffineBinaryOpExpr e) {
    return "ceilDiv<int64_t>(" + visit(e.getLHS()) + ", " + visit(e.getRHS()) + ")";
  }

private:
  std::string join(AffineBinaryOpExpr e, const char *sign) {
    return "(" + visit(e.getLHS()) + sign + visit(e.getRHS()) + ")";
  }
  char Prefix;
};
} // namespace

std::string cuda::printSize(AffineExpr expression, char prefix) { return SizePrinter(prefix).visit(expression); }

std::string cuda::printFloat(double value) {
  if (std::isnan(value))
    return "__int_as_float(0x7fc00000)";
  if (std::isinf(value))
    return value < 0 ? "__int_as_float(0xff800000)" : "__int_as_float(0x7f800000)";
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.9g", value);
  std::string text = buffer;
  if (text.find_first_of(".e") == std::string::npos)
    text += ".0";
  return text + "f";
}

std::string cuda::printScalarFunctions(StringRef text) {
  std::string functions;
  auto add = [&](StringRef mnemonic, StringRef type, StringRef wide, StringRef result, bool binary,
                 StringRef expression) {
    std::string name = ("scalar_" + mnemonic + "(").str();
    if (text.contains(name))
      functions += llvm::formatv("__device__ inline {0} {1}{2} x{3}) {{\n  using T = {2};\n  using W = {4};\n"
                                 "  const Math math{{};\n  return {0}({5});\n}\n",
                                 result, name, type, binary ? (", " + type + " y").str() : "", wide, expression);
  };
#define LATHE_ADD_UNARY(name, T, W, mnemonic, expression) add(#mnemonic, #T, #W, #T, false, expression);
#define LATHE_ADD_PREDICATE(name, T, W, mnemonic, expression) add(#mnemonic, #T, #W, "bool", false, expression);
#define LATHE_ADD_BINARY(name, T, W, mnemonic, expression) add(#mnemonic, #T, #W, #T, true, expression);
#define LATHE_ADD_COMPARISON(name, T, W, mnemonic, expression) add(#mnemonic, #T, #W, "bool", true, expression);
#define LATHE_UNARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_ADD_UNARY, mnemonic, #expression)
#define LATHE_UNARY_ALSO LATHE_UNARY
#define LATHE_PREDICATE(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_ADD_PREDICATE, mnemonic, #expression)
#define LATHE_BINARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_ADD_BINARY, mnemonic, #expression)
#define LATHE_BINARY_ALSO LATHE_BINARY
#define LATHE_COMPARISON(Op, mnemonic, types, expression)                                                              \
  LATHE_EACH_##types(LATHE_ADD_COMPARISON, mnemonic, #expression)
#include "dialects/lathe/ScalarOps.def"
  return functions;
}

//===- Functors ---------------------------------------------------------------------------------------------------===//

FailureOr<std::string> Functor::getPointer(unsigned port, Operation *user) {
  FailureOr<std::string> type = getMemoryType(user, Body.getPortTypes()[port]);
  if (failed(type))
    return failure();
  bool input = port < Body.getBlock().getNumArguments();
  Pointers[port] = (input ? "const " : "") + *type + " *";
  return "P" + std::to_string(port);
}

std::string Functor::getSize(AffineExpr size) {
  size.walk([&](AffineExpr part) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(part))
      Dims.insert(symbol.getPosition());
  });
  return printSize(size, 'D');
}

std::string Functor::printStruct(StringRef name, StringRef text) const {
  std::string result = ("struct " + name + Body.getSuffix() + " {\n").str();
  for (const auto &[port, type] : Pointers)
    result += llvm::formatv("  {0}P{1};\n", type, port);
  for (unsigned dim : Dims)
    result += llvm::formatv("  int64_t D{0};\n", dim);
  return (result + text + "};\n").str();
}

std::string Functor::printValue(StringRef name) const {
  SmallVector<std::string> members;
  for (const auto &entry : Pointers)
    members.push_back("p" + std::to_string(entry.first));
  for (unsigned dim : Dims)
    members.push_back("d" + std::to_string(dim));
  return (name + Body.getSuffix() + "{" + llvm::join(members, ", ") + "}").str();
}

//===- Places -----------------------------------------------------------------------------------------------------===//

static bool isConstant(AffineExpr expression, int64_t value) {
  auto constant = dyn_cast<AffineConstantExpr>(expression);
  return constant && constant.getValue() == value;
}

namespace {
/// Neighbouring dimensions that one stride covers.
struct Run {
  AffineExpr Size, Stride;
};
} // namespace

/// Innermost first; dimensions of size 1 have no part in it.
static SmallVector<Run> joinRuns(ArrayRef<AffineExpr> sizes, ArrayRef<AffineExpr> strides) {
  SmallVector<Run> runs;
  for (auto [size, stride] : llvm::reverse(llvm::zip_equal(sizes, strides))) {
    if (isConstant(size, 1))
      continue;
    if (!runs.empty() && runs.back().Stride * runs.back().Size == stride)
      runs.back().Size = runs.back().Size * size;
    else
      runs.push_back({size, stride});
  }
  return runs;
}

bool cuda::isUniform(ArrayRef<AffineExpr> sizes, ArrayRef<AffineExpr> strides) {
  SmallVector<Run> runs = joinRuns(sizes, strides);
  return runs.empty() || (runs.size() == 1 && (isConstant(runs[0].Stride, 0) || isConstant(runs[0].Stride, 1)));
}

SmallVector<AffineExpr> cuda::getBroadcastStrides(ArrayRef<AffineExpr> dims, ArrayRef<AffineExpr> space,
                                                  MLIRContext *context) {
  assert(dims.size() <= space.size() && "an operand has no more dimensions than what it broadcasts to");
  SmallVector<AffineExpr> strides(space.size(), getAffineConstantExpr(0, context));
  AffineExpr stride = getAffineConstantExpr(1, context);
  for (size_t i = 1; i <= dims.size(); ++i) {
    AffineExpr dim = dims[dims.size() - i];
    if (!isConstant(dim, 1))
      strides[space.size() - i] = stride;
    stride = stride * dim;
  }
  return strides;
}

/// The distance from the beginning of the part of a tensor whose elements `place` counts.
static std::string printPart(StringRef place, ArrayRef<AffineExpr> sizes, ArrayRef<AffineExpr> strides,
                             Functor &parts) {
  SmallVector<Run> runs = joinRuns(sizes, strides);
  SmallVector<std::string> terms;
  AffineExpr inner;
  for (auto [i, run] : llvm::enumerate(runs)) {
    if (!isConstant(run.Stride, 0)) {
      std::string term = place.str();
      if (inner)
        term += " / " + parts.getSize(inner);
      if (i + 1 < runs.size())
        term += " % " + parts.getSize(run.Size);
      if (!isConstant(run.Stride, 1))
        term += " * " + parts.getSize(run.Stride);
      terms.push_back(term);
    }
    inner = inner ? inner * run.Size : run.Size;
  }
  return llvm::join(terms, " + ");
}

std::string ElementPrinter::printOffset(ArrayRef<AffineExpr> strides, StringRef lane) {
  ArrayRef<AffineExpr> dims = Space.Dims;
  std::string place = Space.Split == 0 ? "index" : "col";
  if (!lane.empty())
    place = "(" + place + " + " + lane.str() + ")";
  std::string row = printPart("row", dims.take_front(Space.Split), strides.take_front(Space.Split), Parts);
  std::string col = printPart(place, dims.drop_front(Space.Split), strides.drop_front(Space.Split), Parts);
  if (row.empty() && col.empty())
    return "0";
  return row.empty() ? col : col.empty() ? row : row + " + " + col;
}

//===- Elements ---------------------------------------------------------------------------------------------------===//

FailureOr<std::string> ElementPrinter::load(Value value, Operation *user, std::string pointer,
                                            ArrayRef<AffineExpr> strides) {
  FailureOr<std::string> type = getElementType(user, value.getType());
  if (failed(type))
    return failure();
  std::string name = printName();
  if (!Space.Vector) {
    Fetches.push_back({"Value<" + *type + ">", name, "toValue(" + pointer + "[" + printOffset(strides, "") + "])"});
    Loads.push_back(llvm::formatv("const {0} {1} = {2};", Fetches.back().Type, name, Fetches.back().Expression));
    return name;
  }
  Loads.push_back(llvm::formatv("Value<{0}> {1}[N];", *type, name));
  ArrayRef<AffineExpr> dims = ArrayRef(Space.Dims).drop_front(Space.Split), along = strides.drop_front(Space.Split);
  if (isUniform(dims, along)) {
    SmallVector<Run> runs = joinRuns(dims, along);
    bool repeats = runs.empty() || isConstant(runs[0].Stride, 0);
    Loads.push_back(llvm::formatv("load{0}({1}, {2}, {3});", repeats ? "Splat" : "Vector", pointer,
                                  printOffset(strides, ""), name));
  } else {
    Loads.push_back("#pragma unroll");
    Loads.push_back("for (int i = 0; i < N; ++i)");
    Loads.push_back(llvm::formatv("  {0}[i] = toValue({1}[{2}]);", name, pointer, printOffset(strides, "i")));
  }
  return name + "[i]";
}

FailureOr<std::string> ElementPrinter::load(BlockArgument argument) {
  Operation *user = *argument.user_begin();
  ArrayRef<AffineExpr> dims = Body.getDims(argument);
  if (dims.size() > Space.Dims.size())
    return user->emitOpError() << "reads " << argument.getType() << " where the kernel computes tensors of "
                               << Space.Dims.size() << " dimensions";
  FailureOr<std::string> pointer = Parts.getPointer(argument.getArgNumber(), user);
  if (failed(pointer))
    return failure();
  return load(argument, user, *pointer, getBroadcastStrides(dims, Space.Dims, argument.getContext()));
}

FailureOr<std::string> cuda::getRegisterType(Operation *op, Type type) {
  Type element = getElementTypeOrSelf(type);
  if (element.isF16() || element.isBF16())
    return std::string("float");
  return getElementType(op, type);
}

/// The expression of an elementwise operation. Fails with a diagnostic when CUDA has none.
static FailureOr<std::string> printCall(Operation *op, ArrayRef<std::string> operands) {
  Type from = cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
  if (!isElementwise(op))
    return op->emitOpError() << "has no CUDA kernel as part of another operation's";
  if (isa<SelectOp>(op))
    return "(" + operands[0] + " ? " + operands[1] + " : " + operands[2] + ")";
  if (!isa<CastOp>(op))
    return ("scalar_" + op->getName().stripDialect() + "(" + llvm::join(operands, ", ") + ")").str();
  FailureOr<std::string> type = getRegisterType(op, op->getResult(0).getType());
  if (failed(type))
    return failure();
  if (*type == "bool")
    return "(" + operands[0] + " != 0)";
  if (isa<FloatType>(from) && !isa<FloatType>(cast<RankedTensorType>(op->getResult(0).getType()).getElementType()))
    return "saturate<" + *type + ">(" + operands[0] + ")";
  return "static_cast<" + *type + ">(" + operands[0] + ")";
}

/// The number that all elements of a constant are.
static FailureOr<std::string> printSplat(Operation *op, SplatElementsAttr splat) {
  Type element = splat.getElementType();
  if (auto number = dyn_cast<FloatType>(element)) {
    double value = splat.getSplatValue<APFloat>().convertToDouble();
    return number.isF64() ? "__longlong_as_double(" + std::to_string(llvm::bit_cast<int64_t>(value)) + "ll)"
                          : printFloat(value);
  }
  FailureOr<std::string> type = getElementType(op, element);
  if (failed(type))
    return failure();
  APInt value = splat.getSplatValue<APInt>();
  // As an unsigned literal: the lowest number of a signed type has no other.
  return llvm::formatv("static_cast<{0}>({1}ull)", *type, value.getZExtValue()).str();
}

FailureOr<std::string> ElementPrinter::compute(Operation *op) {
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    auto splat = dyn_cast<SplatElementsAttr>(constant.getValue());
    if (!splat)
      return op->emitOpError() << "holds different numbers inside of a launch; pass it in as a weight";
    return printSplat(op, splat);
  }
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    FailureOr<unsigned> port = Body.getInputPort(op, transpose.getInput());
    FailureOr<std::string> pointer = succeeded(port) ? Parts.getPointer(*port, op) : FailureOr<std::string>();
    if (failed(pointer))
      return failure();
    ArrayRef<AffineExpr> dims = Body.getDims(transpose.getInput());
    SmallVector<AffineExpr> dense = getBroadcastStrides(dims, dims, op->getContext());
    auto strides = llvm::map_to_vector(transpose.getPermutation(), [&](int64_t d) { return dense[d]; });
    return load(transpose.getInput(), op, *pointer, strides);
  }
  SmallVector<std::string> operands;
  for (Value operand : op->getOperands()) {
    FailureOr<std::string> text = get(operand);
    if (failed(text))
      return failure();
    operands.push_back(*text);
  }
  FailureOr<std::string> from = getRegisterType(op, op->getOperand(0).getType()),
                         to = getRegisterType(op, op->getResult(0).getType());
  if (failed(from) || failed(to))
    return failure();
  if (isa<CastOp>(op) && *from == *to) // values stay in f32 until they are stored
    return operands[0];
  FailureOr<std::string> call = printCall(op, operands);
  if (failed(call))
    return failure();
  std::string name = printName();
  Computes.push_back(llvm::formatv("const {0} {1} = {2};", *to, name, *call));
  return name;
}

FailureOr<std::string> ElementPrinter::get(Value value) {
  if (auto known = Values.find(value); known != Values.end())
    return known->second;
  auto argument = dyn_cast<BlockArgument>(value);
  FailureOr<std::string> text = argument ? load(argument) : compute(value.getDefiningOp());
  if (succeeded(text))
    Values[value] = *text;
  return text;
}

LogicalResult ElementPrinter::store(unsigned yielded) {
  Value value = Body.getYielded()[yielded];
  Operation *yield = Body.getBlock().getTerminator();
  unsigned port = Body.getOutputPort(yielded);
  FailureOr<std::string> element = get(value), type = getElementType(yield, value.getType()),
                         pointer = Parts.getPointer(port, yield);
  if (failed(element) || failed(type) || failed(pointer))
    return failure();
  SmallVector<AffineExpr> strides = getBroadcastStrides(Space.Dims, Space.Dims, yield->getContext());
  if (!Space.Vector) {
    Stores.push_back(
        llvm::formatv("{0}[{1}] = fromValue<{2}>({3});", *pointer, printOffset(strides, ""), *type, *element));
    return success();
  }
  std::string name = "y" + std::to_string(yielded);
  Loads.push_back(llvm::formatv("Value<{0}> {1}[N];", *type, name));
  Computes.push_back(llvm::formatv("{0}[i] = {1};", name, *element));
  Stores.push_back(llvm::formatv("storeVector({0}, {1}, {2});", *pointer, printOffset(strides, ""), name));
  return success();
}

LogicalResult ElementPrinter::assign(Value value, StringRef target) {
  FailureOr<std::string> element = get(value);
  if (failed(element))
    return failure();
  Computes.push_back(llvm::formatv("{0} = {1};", target, *element));
  return success();
}

std::string ElementPrinter::printFetching(StringRef parameter, StringRef type, StringRef result) const {
  std::string members, values, names, computes;
  for (const Fetch &fetch : Fetches) {
    members += "    " + fetch.Type + " " + fetch.Name + ";\n";
    values += (values.empty() ? "" : ", ") + fetch.Expression;
    names += "    const " + fetch.Type + " " + fetch.Name + " = fetched." + fetch.Name + ";\n";
  }
  for (const std::string &line : Computes)
    computes += "    " + line + "\n";
  return llvm::formatv(
      "  struct Fetched {{\n{0}  };\n"
      "  __device__ Fetched fetch(int64_t row, int64_t col) const {{ return {{{1}}; }\n"
      "  __device__ {2} operator()({3}, const Fetched &fetched) const {{\n{4}{5}    return {6};\n  }\n",
      members, values, type, parameter, names, computes, result);
}

std::string ElementPrinter::print(unsigned indent) const {
  std::string text;
  auto add = [&](unsigned spaces, StringRef line) {
    if (!line.starts_with("#"))
      text.append(spaces, ' ');
    text += (line + "\n").str();
  };
  for (const std::string &line : Loads)
    add(indent, line);
  if (Space.Vector && !Computes.empty()) {
    add(indent, "#pragma unroll");
    add(indent, "for (int i = 0; i < N; ++i) {");
  }
  for (const std::string &line : Computes)
    add(indent + (Space.Vector ? 2 : 0), line);
  if (Space.Vector && !Computes.empty())
    add(indent, "}");
  for (const std::string &line : Stores)
    add(indent, line);
  return text;
}
