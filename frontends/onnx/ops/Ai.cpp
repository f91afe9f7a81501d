#include "frontends/onnx/ops/Ai.h"

using namespace lathe::onnx;

/// The newest operator set whose changes are known here.
static constexpr int64_t Newest = 28;

// Sorted by name. Docs and `--list-onnx-ops` are made from this table.
static constexpr Operator Operators[] = {
    {"Add", 7, Newest, "float types", importAdd},
    {"Cast", 6, Newest, "between f32, f16 and bf16", importCast},
    {"Constant", 1, Newest, "dense tensors and numbers", importConstant},
    {"Conv", 1, Newest, "2-D, float types", importConv},
    {"Div", 7, Newest, "float types", importDiv},
    {"Exp", 6, Newest, "float types", importExp},
    {"Flatten", 1, Newest, "", importFlatten},
    {"Gemm", 7, Newest, "float types", importGemm},
    {"Identity", 1, Newest, "tensors", importIdentity},
    {"MatMul", 1, Newest, "rank 2, float types", importMatMul},
    {"Max", 8, Newest, "float types", importMax},
    {"MaxPool", 1, Newest, "2-D, float types, one output", importMaxPool},
    {"Min", 8, Newest, "float types", importMin},
    {"Mul", 7, Newest, "float types", importMul},
    {"Neg", 6, Newest, "float types", importNeg},
    {"Relu", 6, Newest, "float types", importRelu},
    {"Reshape", 5, Newest, "constant shape", importReshape},
    {"Sigmoid", 6, Newest, "float types", importSigmoid},
    {"Softmax", 1, Newest, "float types", importSoftmax},
    {"Sub", 7, Newest, "float types", importSub},
    {"Tanh", 6, Newest, "float types", importTanh},
    {"Transpose", 1, Newest, "", importTranspose},
};

llvm::ArrayRef<Operator> lathe::onnx::aiOperators() { return Operators; }
