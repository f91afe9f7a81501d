// Operations that compute each element from the elements at the same place. The expressions are in ScalarOps.def.

class Lathe_UnaryOp<string mnemonic, string formula, string what, list<Trait> traits = []>
    : Lathe_ModelOp<mnemonic, [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>,
        AllTypesMatch<["input", "result"]>] # traits> {
  let summary = what;
  let description = "\n    `result[i] = " # formula # [{`, computed in f32 and rounded once.
    Example:
    ```mlir
    %y = lathe.}] # mnemonic # [{ %x : tensor<4x?xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Lathe_ExpOp : Lathe_UnaryOp<"exp", "e^input[i]", "Exponential of each element">;
def Lathe_NegOp : Lathe_UnaryOp<"neg", "-input[i]", "Each element with its sign changed">;
def Lathe_ReluOp : Lathe_UnaryOp<"relu", "max(input[i], 0)", "Each element, or zero where it is negative">;
def Lathe_SigmoidOp : Lathe_UnaryOp<"sigmoid", "1 / (1 + e^-input[i])", "Logistic function of each element">;
def Lathe_SiluOp : Lathe_UnaryOp<"silu", "input[i] / (1 + e^-input[i])",
                                 "Each element times its logistic function (swish)">;
def Lathe_TanhOp : Lathe_UnaryOp<"tanh", "tanh(input[i])", "Hyperbolic tangent of each element">;

class Lathe_BinaryOp<string mnemonic, string formula, string what, list<Trait> traits = []>
    : Lathe_ModelOp<mnemonic, [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>] # traits> {
  let summary = what;
  let description = "\n    `result[i] = " # formula # [{`, computed in f32 and rounded once. Shapes broadcast as in NumPy:
    aligned at the last dimension, a missing or static dimension of 1 repeats.
    Constraints:
    * (C1) Both operands and the result have one element type.
    * (C2) The operands broadcast to the result's shape.
    Example:
    ```mlir
    %z = lathe.}] # mnemonic # [{ %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$lhs, Lathe_FloatTensor:$rhs);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_AddOp : Lathe_BinaryOp<"add", "lhs[i] + rhs[i]", "Sum of two tensors, element by element", [Commutative]>;
def Lathe_SubOp : Lathe_BinaryOp<"sub", "lhs[i] - rhs[i]", "Difference of two tensors, element by element">;
def Lathe_MulOp : Lathe_BinaryOp<"mul", "lhs[i] * rhs[i]", "Product of two tensors, element by element",
                                 [Commutative]>;
def Lathe_DivOp : Lathe_BinaryOp<"div", "lhs[i] / rhs[i]", "Quotient of two tensors, element by element">;
def Lathe_MaximumOp : Lathe_BinaryOp<"maximum", "max(lhs[i], rhs[i])",
                                     "The larger of two elements; NaN when either is", [Commutative]>;
def Lathe_MinimumOp : Lathe_BinaryOp<"minimum", "min(lhs[i], rhs[i])",
                                     "The smaller of two elements; NaN when either is", [Commutative]>;

def Lathe_CastOp : Lathe_ModelOp<"cast", [DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>]> {
  let summary = "The same values in another float type";
  let description = [{
    Rounds to nearest, ties to even; values beyond the range become infinite. Quantized blocks can be cast to a float type
    (they are unpacked); the way back is quantization, not a cast.
    Constraints:
    * (C1) Operand and result have the same shape.
    Example:
    ```mlir
    %y = lathe.cast %x : tensor<?x64xf32> -> tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins Lathe_WeightTensor:$input);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}
