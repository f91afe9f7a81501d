// Convolution and pooling of images.
#include "compiler/targets/cuda/KernelPrinter.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

FailureOr<TemplateUse> cuda::printConvolution(const LaunchBody &body, ConvOp op) {
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         filter = getElementType(op, op.getFilter().getType()),
                         output = getElementType(op, body.getYielded()[0].getType()),
                         x = getParameter(body, op.getInput()), w = getParameter(body, op.getFilter());
  if (failed(input) || failed(filter) || failed(output) || failed(x) || failed(w))
    return failure();
  ArrayRef<AffineExpr> in = body.getDims(op.getInput()), kernel = body.getDims(op.getFilter()),
                       out = body.getDims(op.getResult());
  TemplateUse use;
  use.Header = "convolution.cuh";
  use.Type = llvm::formatv("Convolution<{0}, {1}, {2}>", *input, *filter, *output);
  use.Config = "one thread a result";
  use.Params = {{"X", *x}, {"Weights", *w}, {"Y", "p" + std::to_string(body.getOutputPort(0))}};
  auto add = [&](const char *name, const std::string &value) { use.Params.push_back({name, value}); };
  for (auto [name, size] : {std::pair{"N", in[0]},
                            {"C", in[1]},
                            {"H", in[2]},
                            {"W", in[3]},
                            {"O", out[1]},
                            {"KH", kernel[2]},
                            {"KW", kernel[3]},
                            {"OH", out[2]},
                            {"OW", out[3]}})
    add(name, printSize(size));
  for (auto [name, value] : {std::pair{"Groups", int64_t(op.getGroups())},
                             {"StrideH", op.getStrides()[0]},
                             {"StrideW", op.getStrides()[1]},
                             {"PadTop", op.getPads()[0]},
                             {"PadLeft", op.getPads()[1]},
                             {"DilationH", op.getDilations()[0]},
                             {"DilationW", op.getDilations()[1]}})
    add(name, std::to_string(value));
  use.Tiles = LaunchBody::getProduct(out, op.getContext()).ceilDiv(256);
  if (failed(addEpilogue(body, /*split=*/2, use)))
    return failure();
  return use;
}

FailureOr<TemplateUse> cuda::printMaxPool(const LaunchBody &body, MaxPoolOp op) {
  FailureOr<std::string> input = getElementType(op, op.getInput().getType()),
                         output = getElementType(op, body.getYielded()[0].getType()),
                         x = getParameter(body, op.getInput());
  if (failed(input) || failed(output) || failed(x))
    return failure();
  ArrayRef<AffineExpr> in = body.getDims(op.getInput()), out = body.getDims(op.getResult());
  TemplateUse use;
  use.Header = "pooling.cuh";
  use.Type = llvm::formatv("Pooling<{0}, {1}, Pool::Max>", *input, *output);
  use.Config = "one thread a result";
  use.Params = {{"X", *x}, {"Y", "p" + std::to_string(body.getOutputPort(0))}};
  auto add = [&](const char *name, const std::string &value) { use.Params.push_back({name, value}); };
  add("Planes", printSize(out[0] * out[1]));
  add("H", printSize(in[2]));
  add("W", printSize(in[3]));
  add("KH", std::to_string(op.getWindow()[0]));
  add("KW", std::to_string(op.getWindow()[1]));
  add("OH", printSize(out[2]));
  add("OW", printSize(out[3]));
  ArrayRef<int64_t> strides = op.getStrides(), pads = op.getPads(), dilations = op.getDilations();
  for (auto [name, value] : {std::pair{"StrideH", strides[0]},
                             {"StrideW", strides[1]},
                             {"PadTop", pads[0]},
                             {"PadLeft", pads[1]},
                             {"PadBottom", pads[2]},
                             {"PadRight", pads[3]},
                             {"DilationH", dilations[0]},
                             {"DilationW", dilations[1]}})
    add(name, std::to_string(value));
  add("CountPads", "false");
  use.Tiles = LaunchBody::getProduct(out, op.getContext()).ceilDiv(256);
  if (failed(addEpilogue(body, /*split=*/2, use)))
    return failure();
  return use;
}
