// The meaning of ChannelsLast.td: sums accumulate in f64 and round once.
#include "dialects/lathe/Windows.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "runtime/gguf/MatrixTiles.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

namespace {
/// Images `[B, Y, X, C]` that windows slide over.
struct ImageReader {
  const ReferenceValue &Input;
  Windows Geometry;

  ArrayRef<int64_t> shape() const { return Input.getShape(); }
  SmallVector<int64_t> resultShape(int64_t channels) const {
    return {shape()[0], Geometry.resultSize(0, shape()[1]), Geometry.resultSize(1, shape()[2]), channels};
  }

  /// Calls `visit(element of the window, place in the input of channel 0)` for the elements inside of the image.
  template <typename Visit> void forEachInside(int64_t image, int64_t y, int64_t x, Visit visit) const {
    for (int64_t i = 0; i < Geometry.size[0]; ++i)
      for (int64_t j = 0; j < Geometry.size[1]; ++j) {
        int64_t inY = y * Geometry.strides[0] + i * Geometry.dilations[0] - Geometry.pads[0];
        int64_t inX = x * Geometry.strides[1] + j * Geometry.dilations[1] - Geometry.pads[1];
        if (inY >= 0 && inY < shape()[1] && inX >= 0 && inX < shape()[2])
          visit(i * Geometry.size[1] + j, ((image * shape()[1] + inY) * shape()[2] + inX) * shape()[3]);
      }
  }

  /// A result of which `compute(image, y, x, channel)` gives the elements.
  template <typename Compute> ReferenceValue build(Type element, int64_t channels, Compute compute) const {
    SmallVector<int64_t> sizes = resultShape(channels);
    ReferenceValue result = ReferenceValue::tensor(element, sizes);
    int64_t next = 0;
    for (int64_t image = 0; image < sizes[0]; ++image)
      for (int64_t y = 0; y < sizes[1]; ++y)
        for (int64_t x = 0; x < sizes[2]; ++x)
          for (int64_t channel = 0; channel < channels; ++channel)
            result.setFloat(next++, compute(image, y, x, channel));
    return result;
  }
};
} // namespace

LogicalResult PanelConvOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ImageReader reader{operands[0], {{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()}};
  if (failed(checkFits(*this, reader.Geometry, reader.shape(), 1)))
    return failure();
  const ReferenceValue &panels = operands[1];
  int64_t outputs = getResult().getType().getDimSize(3), groupOutputs = outputs / int64_t(getGroups());
  int64_t groupInputs = reader.shape()[3] / int64_t(getGroups());
  ArrayRef<int64_t> sizes = panels.getShape();
  results.push_back(reader.build(
      getEvaluatedElementType(getResult()), outputs, [&](int64_t image, int64_t y, int64_t x, int64_t output) {
        int64_t group = output / groupOutputs, own = output % groupOutputs;
        int64_t panel = (group * sizes[1] + own / sizes[3]) * sizes[2] * sizes[3] + own % sizes[3];
        double sum = 0;
        reader.forEachInside(image, y, x, [&](int64_t element, int64_t place) {
          for (int64_t c = 0; c < groupInputs; ++c)
            sum += operands[0].getFloat(place + group * groupInputs + c) *
                   panels.getFloat(panel + (element * groupInputs + c) * sizes[3]);
        });
        return sum;
      }));
  return success();
}

LogicalResult TileConvOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ImageReader reader{operands[0], {{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()}};
  if (failed(checkFits(*this, reader.Geometry, reader.shape(), 1)))
    return failure();
  int64_t channels = reader.shape()[3], depth = reader.Geometry.size[0] * reader.Geometry.size[1] * channels;
  results.push_back(reader.build(getEvaluatedElementType(getResult()), getResult().getType().getDimSize(3),
                                 [&](int64_t image, int64_t y, int64_t x, int64_t output) {
                                   double sum = 0;
                                   reader.forEachInside(image, y, x, [&](int64_t element, int64_t place) {
                                     for (int64_t c = 0; c < channels; ++c)
                                       sum += operands[0].getFloat(place + c) *
                                              operands[1].getFloat(
                                                  gguf::MatrixTiles{2}.place(output, element * channels + c, depth));
                                   });
                                   return sum;
                                 }));
  return success();
}

LogicalResult DepthwiseConvOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &filter = operands[1];
  ImageReader reader{operands[0],
                     {{filter.getShape()[0], filter.getShape()[1]}, getStrides(), getPads(), getDilations()}};
  int64_t channels = reader.shape()[3];
  if (channels != filter.getShape()[2])
    return emitOpError() << "input has " << channels << " channels and filter " << filter.getShape()[2];
  if (failed(checkFits(*this, reader.Geometry, reader.shape(), 1)))
    return failure();
  results.push_back(reader.build(
      getEvaluatedElementType(getResult()), channels, [&](int64_t image, int64_t y, int64_t x, int64_t channel) {
        double sum = 0;
        reader.forEachInside(image, y, x, [&](int64_t element, int64_t place) {
          sum += operands[0].getFloat(place + channel) * filter.getFloat(element * channels + channel);
        });
        return sum;
      }));
  return success();
}

LogicalResult ChannelMaxPoolOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ImageReader reader{operands[0], {{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()}};
  if (failed(checkFits(*this, reader.Geometry, reader.shape(), 1)))
    return failure();
  results.push_back(reader.build(getEvaluatedElementType(getResult()), reader.shape()[3],
                                 [&](int64_t image, int64_t y, int64_t x, int64_t channel) {
                                   double largest = -INFINITY;
                                   reader.forEachInside(image, y, x, [&](int64_t, int64_t place) {
                                     double value = operands[0].getFloat(place + channel);
                                     if (value > largest || std::isnan(value))
                                       largest = value;
                                   });
                                   return largest;
                                 }));
  return success();
}
