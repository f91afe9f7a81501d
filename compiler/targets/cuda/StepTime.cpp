#include "compiler/targets/cuda/StepTime.h"
#include "compiler/targets/cuda/MatrixProduct.h"
#include "compiler/targets/cuda/TileProduct.h"
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/TokenSymbols.h"
#include "passes/fusion/ProductRules.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

//===- What there is
//-------------------------------------------------------------------------------------------------------===//

/// Whether a value is made of weights alone, so that it is there when the model is loaded.
static bool isOfWeights(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || op->getNumRegions() != 0)
    return isa_and_nonnull<WeightProgramOp>(op);
  return isa<WeightOp, ConstantOp>(op) || (op->getNumOperands() > 0 && llvm::all_of(op->getOperands(), isOfWeights));
}

/// The norm that gives rows, but for their type; null without one.
static RmsNormOp findNorm(Value rows) {
  while (auto cast = rows.getDefiningOp<CastOp>())
    rows = cast.getInput();
  return rows.getDefiningOp<RmsNormOp>();
}

/// Whether the results of two products meet in an elementwise operation with nothing but such on the way.
static bool doMeet(MatmulOp a, MatmulOp b) {
  auto follow = [](Operation *op, Operation *stop) {
    SmallVector<Operation *> way = {op};
    while (way.back()->hasOneUse() && isElementwise(*way.back()->user_begin()) && *way.back()->user_begin() != stop)
      way.push_back(*way.back()->user_begin());
    return way;
  };
  SmallVector<Operation *> way = follow(a, nullptr);
  return llvm::any_of(follow(b, nullptr), [&](Operation *op) { return op != b && llvm::is_contained(way, op); });
}

FailureOr<StepTime> StepTime::create(func::FuncOp entry, StringRef symbol, bool batchInvariant, bool tf32) {
  FailureOr<SymbolicDims> dims = SymbolicDims::compute(entry);
  if (failed(dims))
    return failure();
  StepTime time;
  time.Symbols.assign(dims->getSymbols().begin(), dims->getSymbols().end());
  time.Symbol = symbol.str();
  time.BatchInvariant = batchInvariant;
  time.Tf32 = tf32;
  time.collect(entry, *dims);
  return time;
}

static double countBytes(RankedTensorType weights) {
  return double(weights.getNumElements()) * getBytesOfElement(weights.getElementType());
}

void StepTime::collect(func::FuncOp entry, const SymbolicDims &dims) {
  // By left side, in order.
  llvm::MapVector<Value, SmallVector<MatmulOp>> products;
  entry.walk([&](Operation *op) {
    auto matmul = dyn_cast<MatmulOp>(op);
    bool known = matmul && isOfWeights(matmul.getRhs()) && matmul.getRhs().getType().getRank() == 2 &&
                 matmul.getRhs().getType().hasStaticShape();
    if (known)
      products[matmul.getLhs()].push_back(matmul);
    else if (isa<MatmulOp, ConvOp, ExpertMatmulOp>(op))
      if (auto weights = dyn_cast<RankedTensorType>(op->getOperand(1).getType());
          weights && weights.hasStaticShape() && isOfWeights(op->getOperand(1)))
        UnknownBytes += countBytes(weights);
  });
  llvm::StringMap<size_t> alike;
  for (auto &[lhs, group] : products)
    while (!group.empty()) {
      // Those of one kind share a launch.
      ForeseenLaunch launch = describe(group, dims);
      std::string text;
      llvm::raw_string_ostream stream(text);
      stream << launch.Rows << launch.Lhs << launch.TransposeRhs << launch.Packed << launch.Meets << launch.HasNorm;
      for (RankedTensorType weights : launch.Weights) {
        stream << weights;
        KnownBytes += countBytes(weights);
      }
      auto [known, isNew] = alike.try_emplace(text, Launches.size());
      if (isNew)
        Launches.push_back(std::move(launch));
      else
        ++Launches[known->second].Count;
    }
}

/// Takes the first of `group`, and what shares its launch, out of it.
ForeseenLaunch StepTime::describe(SmallVectorImpl<MatmulOp> &group, const SymbolicDims &dims) const {
  MatmulOp first = group.front();
  auto typesOf = [](MatmulOp op) { return std::pair(op.getLhs().getType(), op.getRhs().getType()); };
  auto isPacked = [&](MatmulOp op) { return findTileObstacle(typesOf(op).first, typesOf(op).second, Tf32).empty(); };
  auto isQuantized = [&](MatmulOp op) { return isa<QuantizedTypeInterface>(typesOf(op).second.getElementType()); };
  ForeseenLaunch launch;
  launch.Lhs = first.getLhs().getType();
  launch.Rows = LaunchBody::getProduct(dims[first.getLhs()].drop_back(), first.getContext());
  launch.TransposeRhs = first.getTransposeRhs();
  launch.Packed = isPacked(first);
  launch.HasNorm = bool(findNorm(first.getLhs()));
  SmallVector<MatmulOp> members, rest;
  for (MatmulOp op : group)
    (op->getBlock() == first->getBlock() && isPacked(op) == launch.Packed && isQuantized(op) == isQuantized(first) &&
             op.getTransposeRhs() == first.getTransposeRhs()
         ? members
         : rest)
        .push_back(op);
  launch.Meets = members.size() == 2 && typesOf(members[0]) == typesOf(members[1]) && doMeet(members[0], members[1]);
  for (MatmulOp op : members)
    launch.Weights.push_back(typesOf(op).second);
  group.assign(rest.begin(), rest.end());
  return launch;
}

int64_t StepTime::evaluate(AffineExpr rows, int64_t count, bool largest) const {
  SmallVector<int64_t> values;
  for (SymbolAttr symbol : Symbols) {
    if (symbol.getName() != Symbol && Symbol == TokensSymbolName)
      symbol = boundByTokens(symbol, count);
    values.push_back(symbol.getName() == Symbol ? count : largest ? symbol.getMax() : symbol.getMin());
  }
  return std::max<int64_t>(evaluateSize(rows, values), 1);
}

//===- What it takes
//-------------------------------------------------------------------------------------------------------===//

namespace {
/// One launch that is foreseen, for some rows at most.
class Foreseer {
public:
  Foreseer(const ForeseenLaunch &launch, const KernelChooser &chooser, unsigned target, int64_t most, int64_t fewRows,
           bool tf32)
      : Launch(launch), Chooser(chooser), Target(target), Most(most), FewRows(fewRows), Tf32(tf32),
        Context(launch.Lhs.getContext()), K(launch.Lhs.getShape().back()) {}

  /// `many` as StepTime::choose has it.
  std::vector<TemplateUse> run(bool many) const;
  UnpackTimes predictUnpacking() const;

private:
  bool canUnpack() const;
  bool readsBlocks() const;
  double predict(bool unpacked) const;
  std::vector<TemplateUse> list(bool unpacked) const;
  int64_t getColumns(RankedTensorType weights) const { return weights.getDimSize(Launch.TransposeRhs ? 0 : 1); }
  TileProduct describeTiles(bool unpacked) const;
  TemplateUse useTiles(const TileProduct &product, StringRef variant) const;
  TemplateUse useMatrix(StringRef variant, bool readsTiles) const;

  const ForeseenLaunch &Launch;
  const KernelChooser &Chooser;
  unsigned Target;
  int64_t Most, FewRows;
  bool Tf32;
  MLIRContext *Context;
  int64_t K;
};
} // namespace

static bool isInTiles(RankedTensorType weights) { return isa<GgufTilesType>(weights.getElementType()); }

/// Of a matrix of blocks, which may be in tiles already.
static RankedTensorType getTiles(RankedTensorType weights) {
  return isInTiles(weights) ? weights : getBlockTiles(weights);
}

TileProduct Foreseer::describeTiles(bool unpacked) const {
  TileProduct product;
  Type element = Launch.Lhs.getElementType();
  product.M = getAffineSymbolExpr(0, Context);
  product.K = K;
  product.MaxRows = Most;
  product.Sums = Launch.Meets ? 2 : 1;
  product.Element = getProductElement(element);
  product.Epilogue = PlainEpilogue;
  for (RankedTensorType weights : ArrayRef(Launch.Weights).drop_back(product.Sums - 1)) {
    bool blocks = !unpacked && (isInTiles(weights) || hasTiles(weights));
    product.Parts.push_back({{},
                             "",
                             "float",
                             getColumns(weights),
                             blocks ? cast<GgufTilesType>(getTiles(weights).getElementType()) : GgufTilesType()});
  }
  return product;
}

/// The kernel that is chosen among those of a product.
TemplateUse Foreseer::useTiles(const TileProduct &product, StringRef variant) const {
  std::vector<TemplateUse> uses = listUses(product, variant, Target, Chooser.getMachine(Target));
  return uses.size() == 1 ? uses.front()
                          : chooseUse(Chooser, Target, product.describe() + (variant == "unsplit" ? ", unsplit" : ""),
                                      uses, [&](AffineExpr size) { return evaluateSize(size, Most); });
}

/// All products of the launch as one as wide as they are together.
TemplateUse Foreseer::useMatrix(StringRef variant, bool readsTiles) const {
  MatrixProduct product;
  double bytes = 0, elements = 0;
  for (RankedTensorType weights : Launch.Weights) {
    product.MaxColumns += getColumns(weights);
    bytes += countBytes(weights);
    elements += double(weights.getNumElements());
  }
  product.M = getAffineSymbolExpr(0, Context);
  product.N = getAffineConstantExpr(product.MaxColumns, Context);
  product.K = getAffineConstantExpr(K, Context);
  product.Batch = getAffineConstantExpr(1, Context);
  product.MaxRows = Most;
  product.Quantized = isa<QuantizedTypeInterface>(Launch.Weights.front().getElementType());
  product.TransposedRhs = Launch.TransposeRhs;
  product.ReadsTiles = readsTiles;
  product.Dual = Launch.Meets;
  product.WeightBytes = bytes / elements;
  product.Epilogue = PlainEpilogue;
  return useMatrixProduct(product, variant);
}

bool Foreseer::canUnpack() const {
  RankedTensorType weights = Launch.Weights.front();
  if (!Launch.Packed)
    return lathe::canUnpack(Launch.Lhs, weights);
  return (isInTiles(weights) || hasTiles(weights)) && fillsTiles(getTiles(weights).getDimSize(1), K);
}

/// Whether a kernel takes each block apart once for all rows. Of more than that predictions are about equal, and only
/// what is taken apart before was measured.
bool Foreseer::readsBlocks() const {
  constexpr int64_t MostRows = 256;
  return Launch.Packed && Most <= MostRows &&
         isOneTemplate(describeTiles(/*unpacked=*/false), chooseTileProduct(Most, FewRows).variant, Target);
}

double Foreseer::predict(bool unpacked) const {
  double seconds = 0;
  for (const TemplateUse &use : list(unpacked))
    seconds += predictUse(use, Chooser.getMachine(Target), [&](AffineExpr size) { return evaluateSize(size, Most); });
  return seconds;
}

UnpackTimes Foreseer::predictUnpacking() const {
  return {predict(/*unpacked=*/true),
          readsBlocks() ? predict(/*unpacked=*/false) : std::numeric_limits<double>::infinity()};
}

UnpackTimes cuda::predictUnpacking(const ForeseenLaunch &launch, const KernelChooser &chooser, unsigned target,
                                   int64_t most) {
  return Foreseer(launch, chooser, target, most, FewRows, /*tf32=*/false).predictUnpacking();
}

std::vector<TemplateUse> Foreseer::run(bool many) const {
  if (!many || !canUnpack())
    return list(/*unpacked=*/false);
  UnpackTimes times = predictUnpacking();
  return list(/*unpacked=*/times.Apart <= times.Read);
}

std::vector<TemplateUse> Foreseer::list(bool unpacked) const {
  std::vector<TemplateUse> kernels;
  RankedTensorType weights = Launch.Weights.front();
  bool foldsNorm = false;
  if (unpacked)
    for (RankedTensorType matrix : Launch.Weights)
      kernels.push_back(useDequantize(Launch.Packed ? getTiles(matrix) : matrix, ""));
  if (!Launch.Packed && !unpacked) {
    KernelChoice choice = chooseProduct(Launch.Lhs, weights, Launch.TransposeRhs, Most, FewRows, Tf32);
    kernels.push_back(useMatrix(choice.variant, /*readsTiles=*/false));
  } else {
    std::string variant = chooseTileProduct(Most, FewRows).variant;
    // NormalizeInProducts
    foldsNorm = Launch.HasNorm && variant == "few_rows" && !Launch.Lhs.getElementType().isF32() &&
                int64_t(llvm::PowerOf2Ceil(Most)) * K <= MostNormalized;
    TileProduct product = describeTiles(unpacked);
    if (foldsNorm)
      product.Left.Type = "RmsNormalized";
    kernels.push_back(isOneTemplate(product, variant, Target) ? useTiles(product, variant)
                                                              : useMatrix(variant, /*readsTiles=*/true));
  }
  if (Launch.HasNorm && !foldsNorm) { // a launch that reads its rows twice
    TemplateUse norm;
    norm.Tiles = getAffineSymbolExpr(0, Context);
    report::KernelWork work;
    work.ItemAccesses = 1;
    norm.setWork(work, norm.Tiles, getAffineConstantExpr(0, Context));
    kernels.push_back(norm);
  }
  return kernels;
}

const StepTime::Kernels &StepTime::choose(const KernelChooser &chooser, unsigned target, size_t launch, int64_t most,
                                          bool many) const {
  auto [known, isNew] = Known.try_emplace({&chooser, target, launch, most, many});
  if (isNew)
    known->second = Foreseer(Launches[launch], chooser, target, most, BatchInvariant ? 0 : FewRows, Tf32).run(many);
  return known->second;
}

double StepTime::predict(const KernelChooser &chooser, unsigned target, int64_t least, int64_t most,
                         int64_t count) const {
  double seconds = 0;
  for (auto [i, launch] : llvm::enumerate(Launches)) {
    int64_t rows = evaluate(launch.Rows, count, /*largest=*/true);
    bool many = !BatchInvariant && evaluate(launch.Rows, least, /*largest=*/false) >= ManyRows;
    for (const TemplateUse &use : choose(chooser, target, i, evaluate(launch.Rows, most, /*largest=*/true), many))
      seconds += double(launch.Count) *
                 predictUse(use, chooser.getMachine(target), [&](AffineExpr size) { return evaluateSize(size, rows); });
  }
  return seconds;
}
