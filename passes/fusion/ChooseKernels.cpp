// See ChooseKernels in Passes.td.
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/Collectives.h"
#include "dialects/lathe/SymbolicDims.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/OpGroups.h"
#include "passes/fusion/ProductRules.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CHOOSEKERNELS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// The operation that names the kernel: one with a template, that which rounds a norm's result rather than the norm,
/// else a transpose, else none.
static Operation *getNaming(FusionOp fusion, ArrayRef<Operation *> roots) {
  if (!roots.empty())
    return isa<RoundRowsOp>(roots.back()) ? roots.back() : roots.front();
  auto transposes = fusion.getBody().front().getOps<TransposeOp>();
  return transposes.empty() ? nullptr : (*transposes.begin()).getOperation();
}

/// Products with chosen experts on CUDA, of `maxRows` rows that choose one or several each.
static KernelChoice chooseExpertProduct(ExpertMatmulOp product, int64_t maxRows, int64_t fewRows) {
  static constexpr int64_t MaxExperts = 511; // ExpertMatmulTiles::MaxExperts
  int64_t experts = product.getWeights().getType().getDimSize(0);
  if (maxRows <= fewRows)
    return {"expert_matmul", "few_rows", llvm::formatv("at most {0} rows: each reads its experts' weights", maxRows)};
  if (product.getInput().getType().getElementType().isF32())
    return {"expert_matmul", "simt", "f32 operands have no tensor core product"};
  if (ShapedType::isDynamic(experts) || experts > MaxExperts)
    return {"expert_matmul", "simt", llvm::formatv("at most {0} experts are sorted", MaxExperts)};
  return {"expert_matmul", "tiles", llvm::formatv("up to {0} rows, those of an expert together", maxRows)};
}

/// Paged attention on CUDA: tensor cores take widths that are multiples of 16 and pages whose elements they multiply in
/// 16 bits without losing more than the queries have.
static KernelChoice chooseAttention(PagedAttentionOp attention, int64_t maxRows, int64_t fewRows) {
  static constexpr int64_t MmaDepth = 16, MaxTileWidth = 256;
  StringRef name = "paged_attention";
  Type query = attention.getQuery().getType().getElementType(), state = attention.getState().getType().getElement();
  int64_t keyWidth = attention.getQuery().getType().getDimSize(2);
  int64_t valueWidth = attention.getResult().getType().getDimSize(2);
  bool shared = attention.getState().getType().getShape()[2] == keyWidth;
  bool halves = state.isF16() || state.isBF16(), blocks = isa<QuantizedTypeInterface>(state);
  if (state.isF32())
    return {name.str(), "simt", "the cache holds f32"};
  if (query.isF32() && blocks)
    return {name.str(), "simt", "queries in f32 would meet blocks rounded to 16 bits"};
  if (!query.isF32() && halves && query != state)
    return {name.str(), "simt", "queries and cache have two 16-bit types"};
  if (keyWidth % MmaDepth != 0 || valueWidth % MmaDepth != 0)
    return {name.str(), "simt", "a head is no multiple of 16 wide"};
  if (shared && fewRows == 0)
    return {name.str(), "latent_alone", "keys begin with their values: one block adds all that a row sees"};
  if (shared)
    return {name.str(), "latent", "keys begin with their values: all heads meet what is read once"};
  if (maxRows <= fewRows)
    return {name.str(), "few_rows", llvm::formatv("at most {0} rows: bound by reading the pages once", maxRows)};
  bool wide = keyWidth > MaxTileWidth || valueWidth > MaxTileWidth;
  if (wide && fewRows == 0)
    return {name.str(), "few_rows_alone", "heads are too wide for tiles: one block adds all that a row sees"};
  if (wide)
    return {name.str(), "few_rows", "heads are too wide for tiles of many rows"};
  if (fewRows == 0)
    return {name.str(), "tiles", "the same tiles for few rows of a sequence and for many"};
  return {name.str(), "any_rows", llvm::formatv("up to {0} rows: tiles where a sequence has many", maxRows)};
}

/// Attention over tensors on CUDA, of batches and of ragged ones, as above.
template <typename Op> static KernelChoice chooseTensorAttention(StringRef name, Op attention) {
  static constexpr int64_t MmaDepth = 16, MaxTileWidth = 128;
  int64_t keyWidth = attention.getKey().getType().getShape().back(),
          valueWidth = attention.getValue().getType().getShape().back();
  Type element = attention.getKey().getType().getElementType();
  if (!element.isF16() && !element.isBF16())
    return {name.str(), "simt", "keys are not f16 or bf16"};
  if (ShapedType::isDynamic(keyWidth) || ShapedType::isDynamic(valueWidth) || keyWidth % MmaDepth != 0 ||
      valueWidth % MmaDepth != 0)
    return {name.str(), "simt", "a head is no multiple of 16 wide"};
  if (keyWidth > MaxTileWidth || valueWidth > MaxTileWidth)
    return {name.str(), "simt", "heads are too wide for tiles"};
  return {name.str(), "tiles", "queries fill tensor core tiles"};
}

/// `fewRows`: how many rows kernels for few rows take, 0 where there is to be none.
static KernelChoice chooseKernel(Operation *root, bool cuda, int64_t maxRows, int64_t fewRows, bool tf32) {
  if (!root)
    return {"elementwise", "", "every element depends on its own place alone"};
  if (auto matmul = dyn_cast<MatmulOp>(root); matmul && cuda)
    return chooseProduct(matmul.getLhs().getType(), matmul.getRhs().getType(), matmul.getTransposeRhs(), maxRows,
                         fewRows, tf32);
  if (isa<TileMatmulOp>(root))
    return chooseTileProduct(maxRows, fewRows);
  if (auto product = dyn_cast<ExpertMatmulOp>(root); product && cuda)
    return chooseExpertProduct(product, maxRows, fewRows);
  if (auto attention = dyn_cast<PagedAttentionOp>(root); attention && cuda)
    return chooseAttention(attention, maxRows, fewRows);
  if (auto attention = dyn_cast<AttentionOp>(root); attention && cuda)
    return chooseTensorAttention("attention", attention);
  if (auto attention = dyn_cast<RaggedAttentionOp>(root); attention && cuda)
    return chooseTensorAttention("ragged_attention", attention);
  std::string name = root->getName().stripDialect().str();
  if (isCollective(root))
    return {name, "", llvm::formatv("ranks exchange it along '{0}'", getCollectiveAxis(root))};
  return {name, "", "the template of this operation"};
}

static void report(FusionOp fusion, const KernelChoice &choice) {
  auto options = remark::RemarkOpts::name("ChooseKernels").category("fusion");
  if (choice.variant == "simt")
    remark::missed(fusion.getLoc(), options)
        << remark::add("'{0}' without tensor cores: {1}", choice.kernelTemplate, choice.reason);
  else
    remark::passed(fusion.getLoc(), options) << remark::add(
        "'{0}'{1}{2}: {3}", choice.kernelTemplate, choice.variant.empty() ? "" : " ", choice.variant, choice.reason);
}

/// The most rows that a fusion computes.
static int64_t countRows(Operation *root, FusionOp fusion, SymbolicDims &dims, const Bounds &bounds) {
  auto type = dyn_cast<RankedTensorType>(fusion.getResult(0).getType());
  if (!type || type.getRank() == 0)
    return 1;
  auto product = dyn_cast_or_null<TileMatmulOp>(root);
  if (auto matmul = dyn_cast_or_null<MatmulOp>(root); matmul && type.getRank() > 2) {
    // With one right matrix all dimensions but the last count rows, in a batch of products the last but one.
    ArrayRef<AffineExpr> sizes = dims[fusion.getResult(0)];
    AffineExpr rows = sizes[sizes.size() - 2];
    if (matmul.getRhs().getType().getRank() == 2)
      for (AffineExpr size : sizes.drop_back(2))
        rows = rows * size;
    return bounds.getRange(rows).second;
  }
  if (!product)
    return bounds.getRange(dims[fusion.getResult(0)][0]).second;
  // All dimensions but the last are rows, and an epilogue may give them another shape.
  AffineExpr elements = getAffineConstantExpr(1, fusion.getContext());
  for (AffineExpr dim : dims[fusion.getResult(0)])
    elements = dim * elements;
  return bounds.getRange(elements).second / product.getResult().getType().getShape().back();
}

namespace {
struct ChooseKernels : lathe::impl::ChooseKernelsBase<ChooseKernels> {
  using ChooseKernelsBase::ChooseKernelsBase;

  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    if (target != "cpu" && target != "cuda") {
      getOperation().emitError() << "target is '" << target << "', needed cpu or cuda";
      return signalPassFailure();
    }
    FailureOr<SymbolicDims> dims = SymbolicDims::compute(getOperation());
    if (failed(dims))
      return signalPassFailure();
    Bounds bounds(dims->getSymbols());
    Builder builder(&getContext());
    getOperation().walk([&](FusionOp fusion) {
      SmallVector<Operation *> roots = getRoots(fusion);
      Operation *root = getNaming(fusion, roots);
      int64_t maxRows = countRows(root, fusion, *dims, bounds);
      KernelChoice choice = chooseKernel(root, target == "cuda", maxRows, batchInvariant ? 0 : FewRows, tf32);
      if (roots.size() > 1 && isa<RoundRowsOp>(root))
        choice.reason = "normalizes the rows that it rounds";
      else if (roots.size() > 1)
        choice.reason = llvm::formatv("the template of this operation, {0} times", roots.size());
      report(fusion, choice);
      NamedAttrList config;
      if (!choice.variant.empty())
        config.set("variant", builder.getStringAttr(choice.variant));
      fusion.setKernelAttr(
          KernelAttr::get(&getContext(), choice.kernelTemplate, config.getDictionary(&getContext()), choice.reason));
    });
  }
};
} // namespace
