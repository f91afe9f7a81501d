// Prints matrix products, and chooses the templates of those with experts.
#include "compiler/targets/cuda/MatrixProduct.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

namespace {
/// A product with a matrix, or with tiles of blocks.
class AnyProduct {
public:
  AnyProduct(MatmulOp op) : Op(op), TransposeRhs(op.getTransposeRhs()) {}
  AnyProduct(TileMatmulOp op) : Op(op), TransposeRhs(true) {}
  explicit AnyProduct(Operation *op)
      : AnyProduct(isa<MatmulOp>(op) ? AnyProduct(cast<MatmulOp>(op)) : cast<TileMatmulOp>(op)) {}

  using Tensor = TypedValue<RankedTensorType>;
  Tensor getLhs() const { return cast<Tensor>(Op->getOperand(0)); }
  Tensor getRhs() const { return cast<Tensor>(Op->getOperand(1)); }
  Tensor getResult() const { return cast<Tensor>(Op->getResult(0)); }
  bool getTransposeRhs() const { return TransposeRhs; }
  bool readsTiles() const { return isa<TileMatmulOp>(Op); }
  MLIRContext *getContext() const { return Op->getContext(); }
  InFlightDiagnostic emitOpError() const { return Op->emitOpError(); }
  operator Operation *() const { return Op; }

private:
  Operation *Op;
  bool TransposeRhs;
};
} // namespace

// The output of a product whose sums are not stored (together.cuh).
static constexpr StringRef Nothing = "Nothing";

/// The BatchStride of an operand whose matrices have `elements`, in the batch `space`. Fails where it repeats some
/// along two parts of the batch.
static FailureOr<std::string> printStride(const LaunchBody &body, AnyProduct op, Value operand,
                                          ArrayRef<AffineExpr> space, AffineExpr elements) {
  SmallVector<AffineExpr> strides = getBroadcastStrides(body.getDims(operand).drop_back(2), space, op.getContext());
  AffineExpr zero = getAffineConstantExpr(0, op.getContext());
  if (isUniform(space, strides))
    return llvm::all_of(strides, [&](AffineExpr stride) { return stride == zero; }) ? "0" : printSize(elements);
  SmallVector<AffineExpr> sizes; // without those that are 1, along which nothing repeats
  for (unsigned d = space.size(); d-- > 0;) {
    if (space[d] == getAffineConstantExpr(1, op.getContext()))
      strides.erase(strides.begin() + d);
    else
      sizes.insert(sizes.begin(), space[d]);
  }
  auto repeats = [&](AffineExpr stride) { return stride == zero; };
  auto begin = llvm::find_if(strides, repeats), end = std::find_if_not(begin, strides.end(), repeats);
  if (std::find_if(end, strides.end(), repeats) != strides.end())
    return op.emitOpError()
           << "multiplies " << op.getLhs().getType() << " and " << op.getRhs().getType()
           << ", of which one repeats along two parts of the batch, but CUDA's products take one matrix "
              "for each or one for all of one part; expand it in front of the product";
  size_t first = begin - strides.begin(), last = end - strides.begin();
  AffineExpr count = LaunchBody::getProduct(ArrayRef(sizes).slice(first, last - first), op.getContext()),
             inner = LaunchBody::getProduct(ArrayRef(sizes).drop_front(last), op.getContext());
  return "{" + printSize(elements) + ", " + printSize(count) + ", " + printSize(inner) + "}";
}

static LogicalResult readBatch(const LaunchBody &body, AnyProduct op, MatrixProduct &product) {
  ArrayRef<AffineExpr> result = body.getDims(op.getResult()), rows = result.drop_back();
  product.Batch = getAffineConstantExpr(1, op.getContext());
  product.M = rows.back();
  if (op.getRhs().getType().getRank() == 2) { // all rows meet one matrix
    product.M = LaunchBody::getProduct(rows, op.getContext());
    return success();
  }
  ArrayRef<AffineExpr> space = result.drop_back(2);
  AffineExpr k = body.getDims(op.getLhs()).back();
  FailureOr<std::string> lhs = printStride(body, op, op.getLhs(), space, product.M * k),
                         rhs = printStride(body, op, op.getRhs(), space, k * result.back());
  if (failed(lhs) || failed(rhs))
    return failure();
  product.Batch = LaunchBody::getProduct(space, op.getContext());
  product.LhsStride = *lhs;
  product.RhsStride = *rhs;
  return success();
}

/// The columns of all products of a launch.
static int64_t countColumns(const LaunchBody &body) {
  int64_t cols = 0;
  for (Operation &other : body.getBlock())
    if (isa<MatmulOp, TileMatmulOp>(other))
      cols += body.getMax(body.getDims(other.getResult(0)).back());
  return cols;
}

static FailureOr<MatrixProduct> readProduct(const LaunchBody &body, AnyProduct op) {
  FailureOr<std::string> lhs = getElementType(op, op.getLhs().getType()),
                         rhs = getElementType(op, op.getRhs().getType());
  if (failed(lhs) || failed(rhs))
    return failure();
  MatrixProduct product;
  if (failed(readBatch(body, op, product)))
    return failure();
  product.N = body.getDims(op.getResult()).back();
  product.K = body.getDims(op.getLhs()).back();
  product.MaxRows = body.getMax(product.M);
  product.MaxColumns = countColumns(body);
  product.WeightBytes = getBytesOfElement(op.getRhs().getType().getElementType());
  product.ReadsTiles = op.readsTiles();
  product.Quantized = isa<QuantizedTypeInterface>(op.getRhs().getType().getElementType());
  product.TransposedRhs = op.getTransposeRhs();
  product.Dual = body.getRoots().size() == 2;
  product.Lhs = *lhs;
  product.Rhs = *rhs;
  return product;
}

/// What keeps a variant from computing a product, as a diagnostic.
static LogicalResult checkVariant(const LaunchBody &body, AnyProduct op, const MatrixProduct &product, StringRef name) {
  if (!llvm::is_contained({"few_rows", "tiles", "unsplit", "tf32", "simt"}, name))
    return op.emitOpError() << "has the kernel variant '" << name << "', needed few_rows, tiles, unsplit, tf32 or simt";
  if (!product.Left.Type.empty() && !(name == "few_rows" && op.readsTiles()))
    return body.getNorm().emitOpError() << "shares a launch with products of the variant '" << name
                                        << "', which take their rows as they are; put it into a fusion of its own";
  if (name == "few_rows" && !op.readsTiles()) {
    if (op.getRhs().getType().getRank() != 2)
      return op.emitOpError() << "multiplies matrices of a batch, but the variant 'few_rows' takes one; choose another";
    if (product.MaxRows > 8 || !product.TransposedRhs)
      return op.emitOpError() << "has up to " << product.MaxRows << " rows"
                              << (product.TransposedRhs ? "" : " and weights that do not lie along k")
                              << ", but the variant 'few_rows' takes 8 and weights along k; choose another";
  }
  if ((name == "tiles" || name == "unsplit") && op.getLhs().getType().getElementType().isF32())
    return op.emitOpError() << "has f32 operands, but the variant 'tiles' takes f16 and bf16; choose 'simt'";
  if (name == "tf32" && (product.Lhs != "float" || product.Rhs != "float"))
    return op.emitOpError() << "multiplies " << op.getLhs().getType() << " and " << op.getRhs().getType()
                            << ", but the variant 'tf32' takes f32 on both sides; choose another";
  return success();
}

/// The template of one product, without what follows it.
static FailureOr<MatrixUse> useProduct(const LaunchBody &body, AnyProduct op, StringRef output) {
  FailureOr<MatrixProduct> product = readProduct(body, op);
  FailureOr<PrintedLeft> left = printLeft(body, op.getLhs());
  FailureOr<std::string> w = getParameter(body, op.getRhs());
  if (failed(product) || failed(left) || failed(w))
    return failure();
  product->Output = output;
  product->Left = *left;
  product->Epilogue = countEpilogue(body);
  auto variant = body.getLaunch().getKernel().getConfig().getAs<StringAttr>("variant");
  StringRef name = variant ? variant.getValue() : "";
  if (failed(checkVariant(body, op, *product, name)))
    return failure();
  MatrixUse use = useMatrixProduct(*product, name);
  std::string n = printSize(product->N), k = printSize(product->K);
  use.Params = {{"A", left->A}, {"W", *w}};
  if (output != Nothing)
    use.Params.push_back({"C", "p" + std::to_string(body.getOutputPort(0))});
  use.Params.insert(use.Params.end(), {{"M", printSize(product->M)}, {"N", n}, {"K", k}, {"LdA", k}});
  if (!product->Quantized)
    use.Params.push_back({"LdW", product->TransposedRhs ? k : n});
  use.Params.push_back({"LdC", n});
  if (!product->Quantized && !StringRef(use.Type).starts_with("MatmulFewRows"))
    use.Params.insert(use.Params.end(), {{"Batch", printSize(product->Batch)},
                                         {"StrideA", product->LhsStride},
                                         {"StrideW", product->RhsStride},
                                         {"StrideC", printSize(product->M * product->N)}});
  if (!left->Norm.empty())
    use.Params.push_back({"Norm", left->Norm});
  return use;
}

/// Two products whose sums meet in the epilogue.
static FailureOr<TemplateUse> printDual(const LaunchBody &body, AnyProduct first, AnyProduct second, StringRef output) {
  FailureOr<MatrixUse> uses[2] = {useProduct(body, first, Nothing), useProduct(body, second, output)};
  if (failed(uses[0]) || failed(uses[1]))
    return failure();
  if (body.getDims(first.getResult()) != body.getDims(second.getResult()) || uses[0]->Tiles != uses[1]->Tiles ||
      uses[0]->Threads != uses[1]->Threads)
    return second.emitOpError()
           << "meets another product of " << first.getResult().getType() << " and weights of type "
           << first.getRhs().getType()
           << ", but one CUDA kernel computes two of one shape and kind; put them into two fusions";
  TemplateUse use = *uses[1];
  use.Header = "together.cuh";
  use.OtherHeaders = {uses[0]->Header, uses[1]->Header};
  use.Type = llvm::formatv("MeetingProducts<{0}, {1}>", uses[0]->Type, uses[1]->Type);
  use.Config = "two products, " + uses[1]->Config;
  use.Params = {{"First", printMembers(uses[0]->Params)}, {"Second", printMembers(uses[1]->Params)}};
  use.SharedBytes = std::max(uses[0]->SharedBytes, uses[1]->SharedBytes) + use.Threads * uses[1]->SumsOfThread * 4;
  use.setWork(use.Work->Numbers, use.Work->Items, use.Work->Steps * 2); // one after the other
  return use;
}

static FailureOr<TemplateUse> printProduct(const LaunchBody &body, AnyProduct op) {
  FailureOr<std::string> output = getElementType(op, body.getYielded()[0].getType());
  if (failed(output))
    return failure();
  FailureOr<TemplateUse> use;
  if (body.getRoots().size() == 2)
    use = printDual(body, AnyProduct(body.getRoots()[0]), op, *output);
  else if (FailureOr<MatrixUse> product = useProduct(body, op, *output); succeeded(product))
    use = *product;
  if (failed(use) || failed(addEpilogue(body, /*split=*/op.getResult().getType().getRank() - 1, *use)))
    return failure();
  return use;
}

FailureOr<TemplateUse> cuda::printMatmul(const LaunchBody &body, MatmulOp op) { return printProduct(body, op); }

FailureOr<TemplateUse> cuda::printMatmul(const LaunchBody &body, TileMatmulOp op) { return printProduct(body, op); }

/// Many rows: the tile that the rows of an expert fill, if all experts have as many, and how many tiles of columns a
/// block computes, so that it sorts for them once.
static void useExpertTiles(const LaunchBody &body, StringRef types, int64_t experts, AffineExpr rows,
                           AffineExpr columns, TemplateUse &use) {
  struct Tile {
    StringRef Name;
    int64_t M, N, Threads, StageBytes, RightBytes; ///< of one stage of the left side, and of one of the weights
  };
  // LargeTile spills before sm_90.
  static constexpr Tile Tiles[] = {{"SmallTile", 16, 64, 128, 2048, 8192},
                                   {"MediumTile", 64, 64, 128, 4096, 4096},
                                   {"LargeTile", 128, 128, 256, 8192, 8192}};
  static constexpr int64_t Stages = 4, ManyRows = 4096, Strip = 4;
  int64_t most = body.getMax(rows), each = most / experts;
  bool large = each > 128 && body.getTarget() == HopperTarget;
  const Tile &tile = Tiles[each <= 16 ? 0 : large ? 2 : 1];
  int64_t strip = most >= ManyRows ? Strip : 1;
  StringRef format = types;
  format.consume_front("Packed");
  bool copied = format.starts_with("Plain<Half>, Half") || format.starts_with("Plain<BFloat16>, BFloat16");
  use.Header = "expert_matmul_tiles.cuh";
  use.Type = llvm::formatv("ExpertMatmulTiles<{0}, {1}, {2}>", types, tile.Name, strip);
  use.Config = llvm::formatv("tensor cores, {0}, {1} tiles of columns a block", tile.Name, strip);
  use.Threads = tile.Threads;
  use.SharedBytes = Stages * tile.StageBytes + (copied ? Stages : 2) * tile.RightBytes + 4 * tile.M;
  // As many tiles as there can be: each expert, and what chose none, may have a short one.
  use.Tiles = (rows.ceilDiv(tile.M) + experts + 1) * columns.ceilDiv(tile.N * strip);
}

/// Experts in tiles, on Hopper: for as many rows of an expert at once as there are.
static void useHopperExperts(const LaunchBody &body, StringRef types, int64_t experts, AffineExpr tokens,
                             AffineExpr rows, TemplateUse &use) {
  static constexpr int64_t SharedOfBlock = 227 << 10, Reserve = 1024, BarrierBytes = 24;
  static constexpr int64_t WeightBytes = 16384, MostStages = 12, MostGroups = 8, Few = 16, Some = 64, Many = 256;
  // A token chooses an expert once. Where there are many tokens, an expert may have up to twice as many as others.
  int64_t most = body.getMax(tokens), each = std::min(most, 2 * int64_t(llvm::divideCeil(body.getMax(rows), experts)));
  int64_t group = each <= Few ? Few : each <= Some ? Some : Many;
  int64_t workBytes = llvm::alignTo(12 + MostGroups * (8 + 8 * group), 8), stageBytes = WeightBytes + group * 128;
  int64_t turnBytes = group == Many ? 5120 : group == Some ? 20480 : 10240;
  int64_t stages = std::min((SharedOfBlock - turnBytes - workBytes - Reserve) / stageBytes, MostStages);
  use.Header = "expert_matmul_sm90.cuh";
  use.Type = llvm::formatv("ExpertMatmulSm90<{0}, {1}>", types, group);
  use.Config = llvm::formatv("warpgroups, up to {0} rows of an expert at once, {1} stages", group, stages);
  use.Threads = 384;
  use.SharedBytes = stages * stageBytes + turnBytes + workBytes + stages * BarrierBytes;
  use.Tiles = getAffineConstantExpr(Multiprocessors, rows.getContext());
  use.Params.push_back({"Blocks", std::to_string(Multiprocessors)});
}

FailureOr<TemplateUse> cuda::printExpertMatmul(const LaunchBody &body, ExpertMatmulOp op) {
  FailureOr<std::string> x = getParameter(body, op.getInput()), w = getParameter(body, op.getWeights()),
                         chosen = getParameter(body, op.getExperts());
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         weights = getElementType(op, op.getWeights().getType()),
                         index = getElementType(op, op.getExperts().getType()),
                         output = getElementType(op, body.getYielded()[0].getType());
  if (failed(x) || failed(w) || failed(chosen) || failed(input) || failed(weights) || failed(index) || failed(output))
    return failure();
  RankedTensorType matrices = op.getWeights().getType();
  bool quantized = isa<QuantizedTypeInterface>(matrices.getElementType()), packed = matrices.getRank() == 4;
  ArrayRef<AffineExpr> result = body.getDims(op.getResult());
  AffineExpr rows = result[0] * result[1], columns = result[2], one = getAffineConstantExpr(1, op.getContext());
  int64_t experts = matrices.getDimSize(0); // or unknown
  if (packed)
    experts = experts * matrices.getDimSize(2) / op.getResult().getType().getDimSize(2);
  TemplateUse use;
  std::string others = llvm::formatv("{0}, {1}, {2}", *input, *index, *output);
  std::string format = quantized ? *weights : (packed ? "PackedPlain<" : "Plain<") + *weights + ">";
  std::string types = format + ", " + others;
  use.Params = {{"X", *x},
                {"W", *w},
                {"Chosen", *chosen},
                {"C", "p" + std::to_string(body.getOutputPort(0))},
                {"Rows", printSize(rows)},
                {"N", printSize(columns)},
                {"K", printSize(body.getDim(op.getInput(), 2))},
                {"Experts", packed ? std::to_string(experts) : printSize(body.getDim(op.getWeights(), 0))},
                {"SharedRows", body.getDim(op.getInput(), 1) == one ? printSize(result[1]) : "1"}};
  auto variant = body.getLaunch().getKernel().getConfig().getAs<StringAttr>("variant");
  bool single = variant && variant.getValue() == "few_rows" && body.getMax(result[0]) == 1; // no two rows meet
  if (packed && body.getTarget() == HopperTarget && !single) {
    useHopperExperts(body, others, experts, result[0], rows, use);
  } else if (variant && variant.getValue() == "tiles") {
    if (op.getInput().getType().getElementType().isF32())
      return op.emitOpError() << "has f32 operands, but the variant 'tiles' takes f16 and bf16; choose 'simt'";
    useExpertTiles(body, types, experts, rows, columns, use);
  } else {
    use.Header = "expert_matmul.cuh";
    use.Type = "ExpertMatmul<" + types + ">";
    use.Config = "one warp for four columns of a row";
    use.Threads = 128;
    use.Tiles = rows * columns.ceilDiv(16);
  }
  if (failed(addEpilogue(body, /*split=*/2, use)))
    return failure();
  return use;
}
