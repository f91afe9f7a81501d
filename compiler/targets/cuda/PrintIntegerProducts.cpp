// Products of codes of 8 bits, on tensor cores: which tile, and where matrices and zeros are.
#include "compiler/targets/cuda/MatrixProduct.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

namespace {
/// Prints the functor of integer_matmul.cuh that says where the operands are.
class OperandsPrinter {
public:
  OperandsPrinter(const LaunchBody &body, IntegerMatmulOp op);
  FailureOr<std::string> print();
  std::string printValue() const { return Parts.printValue("Operands"); }

  AffineExpr M, N, K, Batch;

private:
  FailureOr<std::string> printMatrix(StringRef name, Value codes, AffineExpr rows);
  FailureOr<std::string> printZero(StringRef name, StringRef row, Value zero, Value codes, AffineExpr rows);
  std::string printNumber(ArrayRef<AffineExpr> own);

  const LaunchBody &Body;
  IntegerMatmulOp Op;
  Functor Parts;
  ArrayRef<AffineExpr> Result;
  bool OneMatrix; ///< on the right: all rows of the left meet it
};
} // namespace

OperandsPrinter::OperandsPrinter(const LaunchBody &body, IntegerMatmulOp op)
    : Body(body), Op(op), Parts(body), Result(body.getDims(op.getResult())) {
  AffineExpr one = getAffineConstantExpr(1, op.getContext());
  ArrayRef<AffineExpr> rhs = body.getDims(op.getRhs());
  OneMatrix = llvm::all_of(rhs.drop_back(2), [&](AffineExpr size) { return size == one; });
  K = rhs.back();
  N = Result.back();
  M = OneMatrix ? LaunchBody::getProduct(Result.drop_back(), op.getContext()) : Result[Result.size() - 2];
  Batch = OneMatrix ? one : LaunchBody::getProduct(Result.drop_back(2), op.getContext());
}

/// The number of an operand's matrix, of sizes `own` before its rows, that matrix `batch` of the result is made from.
std::string OperandsPrinter::printNumber(ArrayRef<AffineExpr> own) {
  AffineExpr one = getAffineConstantExpr(1, Op.getContext());
  ArrayRef<AffineExpr> batch = Result.drop_back(2);
  std::string text;
  AffineExpr inner = one, step = one; // of the result's batch, and of the operand's
  for (int64_t d = int64_t(batch.size()) - 1, i = int64_t(own.size()) - 1; i >= 0; --d, --i) {
    if (own[i] != one)
      text += llvm::formatv("{0}batch / ({1}) % ({2}) * ({3})", text.empty() ? "" : " + ", Parts.getSize(inner),
                            Parts.getSize(batch[d]), Parts.getSize(step));
    inner = inner * batch[d];
    step = step * own[i];
  }
  return text.empty() ? "int64_t(0)" : text;
}

FailureOr<std::string> OperandsPrinter::printMatrix(StringRef name, Value codes, AffineExpr rows) {
  FailureOr<unsigned> port = Body.getInputPort(Op, codes);
  FailureOr<std::string> type = getElementType(Op, codes.getType());
  if (failed(port) || failed(type))
    return failure();
  FailureOr<std::string> pointer = Parts.getPointer(*port, Op);
  if (failed(pointer))
    return failure();
  std::string number = OneMatrix ? "int64_t(0)" : printNumber(Body.getDims(codes).drop_back(2));
  return llvm::formatv("  __device__ const {0} *{1}(int64_t batch) const {{ return {2} + ({3}) * ({4}); }\n", *type,
                       name, *pointer, number, Parts.getSize(rows * K))
      .str();
}

/// `row` names the number of the row or the column: of all matrices where the right side has one.
FailureOr<std::string> OperandsPrinter::printZero(StringRef name, StringRef row, Value zero, Value codes,
                                                  AffineExpr rows) {
  FailureOr<unsigned> port = Body.getInputPort(Op, zero);
  if (failed(port))
    return failure();
  FailureOr<std::string> pointer = Parts.getPointer(*port, Op);
  if (failed(pointer))
    return failure();
  size_t rank = Body.getDims(zero).size();
  std::string index = "0";
  if (rank == 1)
    index = llvm::formatv("{0} % ({1})", row, Parts.getSize(rows));
  else if (rank > 1 && OneMatrix)
    index = row.str();
  else if (rank > 1)
    index =
        llvm::formatv("({0}) * ({1}) + {2}", printNumber(Body.getDims(codes).drop_back(2)), Parts.getSize(rows), row);
  return llvm::formatv("  __device__ int32_t {0}(int64_t batch, int64_t {1}) const {{ return {2}[{3}]; }\n", name, row,
                       *pointer, index)
      .str();
}

FailureOr<std::string> OperandsPrinter::print() {
  AffineExpr rows = Result[Result.size() - 2];
  FailureOr<std::string> parts[] = {printMatrix("left", Op.getLhs(), rows), printMatrix("right", Op.getRhs(), N),
                                    printZero("leftZero", "row", Op.getLhsZero(), Op.getLhs(), rows),
                                    printZero("rightZero", "col", Op.getRhsZero(), Op.getRhs(), N)};
  std::string text;
  for (FailureOr<std::string> &part : parts) {
    if (failed(part))
      return failure();
    text += *part;
  }
  auto isOne = [&](Value zero) { return Body.getDims(zero).empty() ? "true" : "false"; };
  text += llvm::formatv("  static constexpr bool OneLeftZero = {0}, OneRightZero = {1};\n", isOne(Op.getLhsZero()),
                        isOne(Op.getRhsZero()));
  return Parts.printStruct("Operands", text);
}

// IntegerMatmulFewRows.
static constexpr int64_t FewRows = 8;

static void useFewRows(const OperandsPrinter &operands, StringRef types, StringRef from, TemplateUse &use) {
  static constexpr int64_t Columns = 8, Depth = 256; ///< of a block, at once
  use.Type = llvm::formatv("IntegerMatmulFewRows<{0}, {1}>", types, from);
  use.Config = llvm::formatv("codes of 8 bits, few rows, up to {0}", FewRows);
  use.Threads = 128;
  use.SharedBytes = 2560;
  use.Tiles = operands.Batch * operands.N.ceilDiv(Columns);
  use.MostResident = 8;
  report::KernelWork work;
  work.StepBytes = double(Columns * Depth);
  work.StepInstructions = 32;
  work.StepThreads = use.Threads;
  work.InFlight = 3;
  use.setWork(work, use.Tiles, operands.K.ceilDiv(Depth));
}

static void useTiles(const LaunchBody &body, const OperandsPrinter &operands, StringRef types, StringRef from,
                     TemplateUse &use) {
  bool mayBeLarge = body.getTarget() == HopperTarget; // before it the large tile spills
  MmaTile tile = chooseMmaTile(body.getMax(operands.M), body.getMax(operands.N * operands.Batch), mayBeLarge);
  use.Type = llvm::formatv("IntegerMatmul<{0}, {1}, {2}>", types, tile.Name, from);
  use.Config =
      llvm::formatv("codes of 8 bits, tiles of {0} x {1} x {2}, {3} stages", tile.M, tile.N, 2 * tile.K, tile.Stages);
  use.Threads = tile.Threads;
  use.SharedBytes = tile.Stages * (tile.M + tile.N) * tile.K * 2;
  use.Tiles = operands.Batch * operands.M.ceilDiv(tile.M) * operands.N.ceilDiv(tile.N);
  use.MostResident = 512 / tile.Threads;
  // Twice as many codes as there would be elements of 16 bits, in the same bytes and the same time.
  report::KernelWork work = describeMmaTile(tile.M, tile.N, tile.K, tile.Stages, tile.Threads, /*weightBytes=*/2,
                                            double(llvm::divideCeil(body.getMax(operands.N), tile.N)));
  addEpilogue(countEpilogue(body), double(tile.M * tile.N / tile.Threads), work);
  use.setWork(work, use.Tiles, operands.K.ceilDiv(2 * tile.K));
}

FailureOr<TemplateUse> cuda::printIntegerMatmul(const LaunchBody &body, IntegerMatmulOp op) {
  FailureOr<std::string> left = getElementType(op, op.getLhs().getType()),
                         right = getElementType(op, op.getRhs().getType()),
                         output = getElementType(op, body.getYielded()[0].getType());
  OperandsPrinter operands(body, op);
  FailureOr<std::string> functor = operands.print();
  if (failed(left) || failed(right) || failed(output) || failed(functor))
    return failure();
  TemplateUse use;
  use.Header = "integer_matmul.cuh";
  use.Params = {{"From", operands.printValue()}, {"C", "p" + std::to_string(body.getOutputPort(0))},
                {"M", printSize(operands.M)},    {"N", printSize(operands.N)},
                {"K", printSize(operands.K)},    {"Batch", printSize(operands.Batch)}};
  std::string types = llvm::formatv("{0}, {1}, {2}", *left, *right, *output),
              from = ("Operands" + body.getSuffix()).str();
  if (body.getMax(operands.M) <= FewRows)
    useFewRows(operands, types, from, use);
  else
    useTiles(body, operands, types, from, use);
  std::string functors = *functor;
  if (failed(addEpilogue(body, /*split=*/op.getResult().getType().getRank() - 1, use)))
    return failure();
  use.Functors = functors + use.Functors;
  return use;
}
