// The digit classifier, imported and run on the reference evaluator, answers what onnxruntime answers.
#include "dialects/lathe/reference/Evaluator.h"
#include "frontends/onnx/OnnxImporter.h"
#include "tools/lathe/Npy.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cstring>

using namespace lathe;

namespace {

// Both sum in another order; the largest sum has 144 products of numbers around 1, so f32 rounding leaves 1e-6.
constexpr double Tolerance = 2e-6;

std::vector<float> readFloats(const std::string &path) {
  tools::Array array = tools::readNpy(path);
  EXPECT_EQ(array.type, LATHE_F32) << path;
  std::vector<float> values(array.bytes.size() / sizeof(float));
  std::memcpy(values.data(), array.bytes.data(), values.size() * sizeof(float));
  return values;
}

TEST(Digits, AnswersAsOnnxruntime) {
  mlir::MLIRContext context;
  auto module = importOnnx(context, MODELS "digits.onnx");
  ASSERT_TRUE(succeeded(module));
  auto function = *(**module).getOps<mlir::func::FuncOp>().begin();

  std::vector<float> images = readFloats(MODELS "digits_images.npy"),
                     expected = readFloats(MODELS "digits_expected.npy");
  ASSERT_EQ(images.size(), 360u * 64);
  ASSERT_EQ(expected.size(), 360u * 10);
  ReferenceValue input = ReferenceValue::tensor(mlir::Float32Type::get(&context), {360, 1, 8, 8});
  for (auto [i, pixel] : llvm::enumerate(images))
    input.setFloat(i, pixel);
  Evaluator evaluator;
  auto results = evaluator.evaluateFunction(function, input);
  ASSERT_TRUE(succeeded(results));
  ASSERT_EQ((*results)[0].getShape(), llvm::ArrayRef<int64_t>({360, 10}));
  for (size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR((*results)[0].getFloat(i), expected[i], Tolerance) << "image " << i / 10 << ", class " << i % 10;
}

} // namespace
