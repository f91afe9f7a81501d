// What weight programs end in as one strided copy: the same bytes as the program.
#include "compiler/WeightMoves.h"
#include "compiler/Dialects.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "runtime/artifact/PackWeight.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace lathe;

namespace {

struct Case {
  const char *name;
  const char *body; ///< computes %r from the block's argument %x
  const char *input, *result;
  const char *source; ///< of the copy: the name of the operation that makes it, "" for %x, null: there is no copy
};

class WeightMoves : public testing::TestWithParam<Case> {};

/// The copy as the runtime makes it.
std::vector<uint8_t> copy(const artifact::Packing &packing, llvm::ArrayRef<uint8_t> source, size_t bytes) {
  std::vector<uint8_t> target(bytes);
  runtime::Packing read{0, packing.elementBytes, packing.sizes, packing.strides, packing.panels, packing.columns, {}};
  if (packing.matrix)
    read.matrix = {packing.matrix->format, packing.matrix->rows, packing.matrix->columns, packing.matrix->tiles};
  runtime::packWeight(read, source.data(), target.data(),
                      [](int64_t count, auto body, void *argument) { body(argument, 0, count); });
  return target;
}

TEST_P(WeightMoves, AreTheProgramsBytes) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry);
  auto tensor = [](const char *shape) { return "tensor<" + std::string(shape) + ">"; };
  auto module = mlir::parseSourceString<mlir::ModuleOp>("func.func @f(%x: " + tensor(GetParam().input) + ") -> " +
                                                            tensor(GetParam().result) + " { " + GetParam().body +
                                                            " return %r : " + tensor(GetParam().result) + " }",
                                                        &context);
  ASSERT_TRUE(module);
  mlir::Block &block = (*module->getOps<mlir::func::FuncOp>().begin()).getBody().front();
  mlir::Value result = block.getTerminator()->getOperand(0);
  std::optional<WeightMove> move = findMove(result);
  ASSERT_EQ(move.has_value(), GetParam().source != nullptr);
  if (!move)
    return;
  mlir::Operation *producer = move->source.getDefiningOp();
  EXPECT_EQ(producer ? producer->getName().stripDialect().str() : "", GetParam().source);

  auto type = llvm::cast<mlir::RankedTensorType>(block.getArgument(0).getType());
  ReferenceValue input = ReferenceValue::tensor(type.getElementType(), type.getShape());
  for (int64_t i = 0; i < input.getNumElements(); ++i)
    input.setFloat(i, double(i + 1));
  Evaluator evaluator;
  auto wanted = evaluator.evaluateBlock(block, {input});
  ASSERT_TRUE(succeeded(wanted));
  block.getTerminator()->setOperand(0, move->source);
  auto source = Evaluator().evaluateBlock(block, {input});
  ASSERT_TRUE(succeeded(source));
  llvm::ArrayRef<uint8_t> bytes = wanted->front().getBytes();
  EXPECT_EQ(llvm::ArrayRef<uint8_t>(copy(move->packing, source->front().getBytes(), bytes.size())), bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Programs, WeightMoves,
    testing::Values(
        Case{"Transpose", "%r = lathe.transpose %x permutation [2, 0, 1] : tensor<2x3x5xf32> -> tensor<5x2x3xf32>",
             "2x3x5xf32", "5x2x3xf32", ""},
        Case{"HalfTranspose", "%r = lathe.transpose %x permutation [1, 0] : tensor<4x3xf16> -> tensor<3x4xf16>",
             "4x3xf16", "3x4xf16", ""},
        Case{"Pack", "%r = lathe.pack_columns %x : tensor<3x35xf32> -> tensor<3x3x16xf32>", "3x35xf32", "3x3x16xf32",
             ""},
        Case{"PackFullPanels", "%r = lathe.pack_columns %x : tensor<3x32xf32> -> tensor<2x3x16xf32>", "3x32xf32",
             "2x3x16xf32", ""},
        Case{"Tiles", "%r = lathe.pack_tiles %x : tensor<70x130xf16> -> tensor<2x3x64x64xf16>", "70x130xf16",
             "2x3x64x64xf16", ""},
        Case{"TilesOfATranspose",
             "%t = lathe.transpose %x permutation [1, 0] : tensor<10x70xbf16> -> tensor<70x10xbf16> "
             "%r = lathe.pack_tiles %t : tensor<70x10xbf16> -> tensor<2x1x64x64xbf16>",
             "10x70xbf16", "2x1x64x64xbf16", "transpose"},
        Case{"PackTransposed", "%r = lathe.pack_columns %x transposed : tensor<2x5x3xf32> -> tensor<2x1x3x16xf32>",
             "2x5x3xf32", "2x1x3x16xf32", ""},
        Case{"Filter",
             "%t = lathe.transpose %x permutation [0, 2, 3, 1] : tensor<20x3x2x2xf32> -> tensor<20x2x2x3xf32>\n"
             "%s = lathe.reshape %t shape [1, 20, 12] : tensor<20x2x2x3xf32> -> tensor<1x20x12xf32>\n"
             "%r = lathe.pack_columns %s transposed : tensor<1x20x12xf32> -> tensor<1x2x12x16xf32>",
             "20x3x2x2xf32", "1x2x12x16xf32", ""},
        Case{"ColumnsOfTwoRuns",
             "%t = lathe.transpose %x permutation [0, 2, 1] : tensor<2x3x5xf32> -> tensor<2x5x3xf32>\n"
             "%s = lathe.reshape %t shape [2, 15] : tensor<2x5x3xf32> -> tensor<2x15xf32>\n"
             "%r = lathe.pack_columns %s : tensor<2x15xf32> -> tensor<1x2x16xf32>",
             "2x3x5xf32", "1x2x16xf32", "reshape"},
        Case{"CutAtNoWholePart",
             "%t = lathe.transpose %x permutation [1, 0] : tensor<6x2xf32> -> tensor<2x6xf32>\n"
             "%r = lathe.reshape %t shape [3, 4] : tensor<2x6xf32> -> tensor<3x4xf32>",
             "6x2xf32", "3x4xf32", "transpose"},
        Case{"SplitAndMerge",
             "%s = lathe.reshape %x shape [2, 3, 4, 5] : tensor<6x20xf32> -> tensor<2x3x4x5xf32>\n"
             "%t = lathe.transpose %s permutation [2, 3, 0, 1] : tensor<2x3x4x5xf32> -> tensor<4x5x2x3xf32>\n"
             "%r = lathe.reshape %t shape [20, 1, 6] : tensor<4x5x2x3xf32> -> tensor<20x1x6xf32>",
             "6x20xf32", "20x1x6xf32", ""},
        Case{"BehindPanels",
             "%p = lathe.pack_columns %x : tensor<2x5xf32> -> tensor<1x2x16xf32>\n"
             "%r = lathe.reshape %p shape [32] : tensor<1x2x16xf32> -> tensor<32xf32>",
             "2x5xf32", "32xf32", "pack_columns"},
        Case{"BehindArithmetic",
             "%n = lathe.neg %x : tensor<2x5xf32>\n"
             "%r = lathe.transpose %n permutation [1, 0] : tensor<2x5xf32> -> tensor<5x2xf32>",
             "2x5xf32", "5x2xf32", "neg"},
        Case{"Arithmetic", "%r = lathe.neg %x : tensor<2x5xf32>", "2x5xf32", "2x5xf32", nullptr},
        Case{"Nothing", "%r = lathe.transpose %x permutation [1, 0] : tensor<0x5xf32> -> tensor<5x0xf32>", "0x5xf32",
             "5x0xf32", nullptr}),
    [](const testing::TestParamInfo<Case> &info) { return info.param.name; });

} // namespace
