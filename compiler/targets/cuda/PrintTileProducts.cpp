// Prints products on weights in tiles.
#include "compiler/targets/cuda/TileProduct.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

static StringRef getVariant(const LaunchBody &body) {
  auto variant = body.getLaunch().getKernel().getConfig().getAs<StringAttr>("variant");
  return variant ? variant.getValue() : "";
}

static LogicalResult useVariant(const LaunchBody &body, const TileProduct &product, TemplateUse &use) {
  StringRef name = getVariant(body);
  if (name != "few_rows" && !product.Left.Type.empty())
    return body.getNorm().emitOpError() << "shares a launch with products of the variant '" << name
                                        << "', which take their rows as they are; put it into a fusion of its own";
  if (name != "few_rows" && name != "tiles" && name != "unsplit")
    return body.getRoot()->emitOpError() << "has the kernel variant '" << name << "', needed few_rows or tiles";
  if (name == "few_rows" && product.MaxRows > 8)
    return body.getRoot()->emitOpError() << "has up to " << product.MaxRows
                                         << " rows, but the variant 'few_rows' takes 8; choose 'tiles'";
  std::vector<TemplateUse> uses =
      listUses(product, name, body.getTarget(), body.getChooser().getMachine(body.getTarget()));
  std::string key = product.describe() + (name == "unsplit" ? ", unsplit" : "");
  use = uses.size() == 1 ? uses.front() : chooseUse(body, key, uses);
  return success();
}

/// Whether the product before this one normalizes its rows: layers have such and others by turns, so that every other
/// one is alone.
static bool followsNormalized(plan::LaunchOp launch) {
  for (Operation *op = launch->getPrevNode(); op; op = op->getPrevNode())
    if (auto other = dyn_cast<plan::LaunchOp>(op); other && other.getKernel().getKernelTemplate() == "tile_matmul")
      return !other.getBody().front().getOps<RmsNormOp>().empty();
  return false;
}

/// The sizes and types of what a launch computes; results and weights are addPart's.
static TileProduct readProduct(ArrayRef<LaunchBody> parts) {
  const LaunchBody &body = parts.front();
  auto op = cast<TileMatmulOp>(body.getRoot());
  TileProduct product;
  product.M = LaunchBody::getProduct(body.getDims(op.getResult()).drop_back(), op.getContext());
  product.K = op.getLhs().getType().getShape().back();
  product.MaxRows = body.getMax(product.M);
  product.Sums = body.getRoots().size();
  Type element = op.getLhs().getType().getElementType();
  product.Element = getProductElement(element);
  for (const LaunchBody &part : parts) {
    auto own = cast<TileMatmulOp>(part.getRoot());
    auto weights = cast<RankedTensorType>(own.getRhs().getType());
    product.Parts.push_back(
        {{}, "", "", own.getResult().getType().getShape().back(), dyn_cast<GgufTilesType>(weights.getElementType())});
  }
  return product;
}

bool cuda::areOneTileProduct(ArrayRef<LaunchBody> parts) {
  return llvm::all_of(parts, [](const LaunchBody &part) { return isa_and_nonnull<TileMatmulOp>(part.getRoot()); }) &&
         isOneTemplate(readProduct(parts), getVariant(parts.front()), parts.front().getTarget());
}

/// Adds the values of `body` to `part`, and its epilogue to `functors` and `epilogues`.
static LogicalResult addPart(const LaunchBody &body, ProductPart &part, std::string &functors,
                             SmallVectorImpl<std::string> &epilogues) {
  auto op = cast<TileMatmulOp>(body.getRoot());
  FailureOr<std::string> output = getElementType(op, body.getYielded()[0].getType());
  if (failed(output))
    return failure();
  part.Output = *output;
  part.Result = "p" + std::to_string(body.getOutputPort(0));
  for (Operation *root : body.getRoots()) {
    FailureOr<std::string> weights = getParameter(body, cast<TileMatmulOp>(root).getRhs());
    if (failed(weights))
      return failure();
    part.Weights.push_back(*weights);
  }
  TemplateUse own;
  if (failed(addEpilogue(body, /*split=*/body.getDims(op.getResult()).size() - 1, own)))
    return failure();
  functors += own.Functors;
  epilogues.push_back(own.Body);
  return success();
}

/// The parameters of a product that is a convolution.
static void setWindows(const TileProduct &product, TemplateUse &use) {
  const ProductPart &part = product.Parts.front();
  use.Params = {{"X", product.Left.A}, {"Weights", part.Weights.front()}, {"Y", part.Result}};
  std::string k = std::to_string(product.K), n = std::to_string(part.N);
  for (auto [name, size] : {std::pair{"N", printSize(product.M)}, {"C", k}, {"H", "1"}, {"W", "1"}, {"O", n}})
    use.Params.push_back({name, size});
  for (const char *name : {"KH", "KW", "OH", "OW", "StrideH", "StrideW"})
    use.Params.push_back({name, "1"});
  use.Params.insert(use.Params.end(), {{"PadTop", "0"}, {"PadLeft", "0"}, {"DilationH", "1"}, {"DilationW", "1"}});
  use.Params.push_back({"Blocks", std::to_string(use.Blocks)});
}

static std::string printPart(const ProductPart &part) {
  std::string n = std::to_string(part.N);
  return "{.W = {" + llvm::join(part.Weights, ", ") + "}, .C = " + part.Result + ", .N = " + n + ", .LdC = " + n + "}";
}

/// What keeps `parts` from being one product, as a diagnostic.
static LogicalResult checkParts(ArrayRef<LaunchBody> parts, const TileProduct &product) {
  Value lhs = cast<TileMatmulOp>(parts.front().getRoot()).getLhs();
  for (auto [part, own] : llvm::zip_equal(parts, product.Parts))
    for (Operation *root : part.getRoots())
      if (cast<TileMatmulOp>(root).getLhs() != lhs || part.getRoots().size() != size_t(product.Sums) ||
          (product.Sums == 2 && parts.size() > 1) || !own.Blocks != !product.Parts.front().Blocks)
        return root->emitOpError() << "shares a launch with products that its CUDA kernel cannot compute too; put them "
                                      "into two fusions";
  return success();
}

FailureOr<TemplateUse> cuda::printTileMatmuls(ArrayRef<LaunchBody> parts) {
  const LaunchBody &body = parts.front();
  TileProduct product = readProduct(parts);
  FailureOr<PrintedLeft> left = printLeft(body, cast<TileMatmulOp>(body.getRoot()).getLhs());
  if (failed(left) || failed(checkParts(parts, product)))
    return failure();
  product.Left = *left;
  product.IsAlone = left->Type.empty() && followsNormalized(body.getLaunch());
  std::string functors;
  SmallVector<std::string> epilogues, places;
  for (auto [part, own] : llvm::zip_equal(parts, product.Parts)) {
    if (failed(addPart(part, own, functors, epilogues)))
      return failure();
    places.push_back(printPart(own));
    EpilogueWork epilogue = countEpilogue(part);
    product.Epilogue = {std::max(product.Epilogue.Instructions, epilogue.Instructions),
                        std::max(product.Epilogue.Tensors, epilogue.Tensors)};
  }
  TemplateUse use;
  if (failed(useVariant(body, product, use)))
    return failure();
  use.Functors = functors;
  use.Body = epilogues.size() == 1 ? epilogues.front() : "joinEpilogues(" + llvm::join(epilogues, ", ") + ")";
  if (use.Header == "convolution_sm90.cuh") {
    setWindows(product, use);
    return use;
  }
  use.Params = {{"A", product.Left.A}, {"M", printSize(product.M)}};
  if (use.Header != "quantized_few_sm90.cuh") // it has K among the parameters of the template
    use.Params.push_back({"K", std::to_string(product.K)});
  use.Params.insert(use.Params.end(), {{"LdA", std::to_string(product.K)},
                                       {"Blocks", std::to_string(use.Blocks)},
                                       {"Parts", "{" + llvm::join(places, ", ") + "}"}});
  if (!product.Left.Norm.empty())
    use.Params.push_back({"Norm", product.Left.Norm});
  return use;
}

FailureOr<TemplateUse> cuda::printUnpackTiles(const LaunchBody &body, UnpackTilesOp op) {
  FailureOr<std::string> w = getParameter(body, op.getInput()), format = getElementType(op, op.getInput().getType()),
                         element = getElementType(op, op.getResult().getType());
  if (failed(w) || failed(format) || failed(element) || failed(checkNoEpilogue(body)))
    return failure();
  ArrayRef<int64_t> shape = op.getInput().getType().getShape();
  TemplateUse use = useDequantize(op.getInput().getType(), *format + ", " + *element);
  use.Params = {{"W", *w},
                {"Out", "p" + std::to_string(body.getOutputPort(0))},
                {"N", std::to_string(shape[0])},
                {"K", std::to_string(shape[1])}};
  return use;
}
