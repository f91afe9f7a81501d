// Operations that compute each element from the elements at the same place. The expressions are in ScalarOps.def.

defvar Lathe_ElementRule = [{ Floats compute in f32, or in f64 for f64, and round
    once; integers in their own type, wrapping around.}];
defvar Lathe_BroadcastRule = [{Shapes broadcast as in NumPy: aligned at the last dimension, a missing or static dimension
    of 1 repeats.}];

defvar Lathe_HasDerivative = DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface>;
// Its rule is written, in Derivatives.cpp.
defvar Lathe_HasRule = DeclareOpInterfaceMethods<Lathe_DerivativeOpInterface, ["buildVectorJacobianProduct"]>;

class Lathe_UnaryOp<string mnemonic, Type tensor, string formula, string what, string example = "4x?xf32",
                    Trait derivative = Lathe_HasDerivative>
    : Lathe_ModelOp<mnemonic, [derivative, AllTypesMatch<["input", "result"]>]> {
  let summary = what;
  let description = "\n    `result[i] = " # formula # "`." # Lathe_ElementRule # [{
    Example:
    ```mlir
    %y = lathe.}] # mnemonic # " %x : tensor<" # example # ">\n    ```\n  ";
  let arguments = (ins tensor:$input);
  let results = (outs tensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
  let hasFolder = 1;
}

def Lathe_AbsOp : Lathe_UnaryOp<"abs", Lathe_NumberTensor, "|input[i]|", "Magnitude of each element">;
def Lathe_AcosOp : Lathe_UnaryOp<"acos", Lathe_RealTensor, "arccos(input[i])",
                                 "Angle in [0, pi] whose cosine each element is">;
def Lathe_AcoshOp : Lathe_UnaryOp<"acosh", Lathe_RealTensor, "arcosh(input[i])",
                                  "Inverse hyperbolic cosine of each element">;
def Lathe_AsinOp : Lathe_UnaryOp<"asin", Lathe_RealTensor, "arcsin(input[i])",
                                 "Angle in [-pi/2, pi/2] whose sine each element is">;
def Lathe_AsinhOp : Lathe_UnaryOp<"asinh", Lathe_RealTensor, "arsinh(input[i])",
                                  "Inverse hyperbolic sine of each element">;
def Lathe_AtanOp : Lathe_UnaryOp<"atan", Lathe_RealTensor, "arctan(input[i])",
                                 "Angle in [-pi/2, pi/2] whose tangent each element is">;
def Lathe_AtanhOp : Lathe_UnaryOp<"atanh", Lathe_RealTensor, "artanh(input[i])",
                                  "Inverse hyperbolic tangent of each element">;
def Lathe_CeilOp : Lathe_UnaryOp<"ceil", Lathe_RealTensor, "ceil(input[i])",
                                 "The smallest whole number that is not below each element">;
def Lathe_CosOp : Lathe_UnaryOp<"cos", Lathe_RealTensor, "cos(input[i])",
                                "Cosine of each element, an angle in radians", derivative = Lathe_HasRule>;
def Lathe_CoshOp : Lathe_UnaryOp<"cosh", Lathe_RealTensor, "cosh(input[i])", "Hyperbolic cosine of each element">;
def Lathe_ErfOp : Lathe_UnaryOp<"erf", Lathe_RealTensor, "erf(input[i])", "Error function of each element">;
def Lathe_ExpOp : Lathe_UnaryOp<"exp", Lathe_RealTensor, "e^input[i]", "Exponential of each element",
                                derivative = Lathe_HasRule>;
def Lathe_FloorOp : Lathe_UnaryOp<"floor", Lathe_RealTensor, "floor(input[i])",
                                  "The largest whole number that is not above each element">;
def Lathe_GeluOp : Lathe_UnaryOp<"gelu", Lathe_RealTensor, "input[i] / 2 * (1 + erf(input[i] / sqrt(2)))",
                                 "Each element times the normal distribution's share below it">;
def Lathe_GeluTanhOp : Lathe_UnaryOp<"gelu_tanh", Lathe_RealTensor,
                                     "input[i] / 2 * (1 + tanh(sqrt(2 / pi) * (input[i] + 0.044715 * input[i]^3)))",
                                     "The approximation of gelu by a hyperbolic tangent">;
def Lathe_LogOp : Lathe_UnaryOp<"log", Lathe_RealTensor, "ln(input[i])",
                                "Natural logarithm of each element; NaN below zero", derivative = Lathe_HasRule>;
def Lathe_NegOp : Lathe_UnaryOp<"neg", Lathe_SignedTensor, "-input[i]", "Each element with its sign changed",
                                derivative = Lathe_HasRule>;
def Lathe_NotOp : Lathe_UnaryOp<"not", Lathe_BitsTensor, "~input[i]",
                                "Each bit of each element inverted; on i1 the logical not", "4x?xi1",
                                Lathe_NotDifferentiable>;
def Lathe_ReciprocalOp : Lathe_UnaryOp<"reciprocal", Lathe_RealTensor, "1 / input[i]", "One divided by each element",
                                       derivative = Lathe_HasRule>;
def Lathe_ReluOp : Lathe_UnaryOp<"relu", Lathe_SignedTensor, "max(input[i], 0)",
                                 "Each element, or zero where it is negative", derivative = Lathe_HasRule>;
def Lathe_RoundOp : Lathe_UnaryOp<"round", Lathe_RealTensor, "round(input[i])",
                                  "The nearest whole number, the even one of two">;
def Lathe_RoundE4M3Op : Lathe_UnaryOp<"round_e4m3", Lathe_RealTensor, "e4m3(input[i])",
                                      "The nearest f8E4M3FN number, the even one of two; beyond 448 it is 448",
                                      derivative = Lathe_HasRule>;
def Lathe_SigmoidOp : Lathe_UnaryOp<"sigmoid", Lathe_RealTensor, "1 / (1 + e^-input[i])",
                                    "Logistic function of each element", derivative = Lathe_HasRule>;
def Lathe_SignOp : Lathe_UnaryOp<"sign", Lathe_NumberTensor, "input[i] / |input[i]|",
                                 "One with the sign of each element; zero and NaN stay">;
def Lathe_SiluOp : Lathe_UnaryOp<"silu", Lathe_RealTensor, "input[i] / (1 + e^-input[i])",
                                 "Each element times its logistic function (swish)">;
def Lathe_SinOp : Lathe_UnaryOp<"sin", Lathe_RealTensor, "sin(input[i])", "Sine of each element, an angle in radians",
                                derivative = Lathe_HasRule>;
def Lathe_SinhOp : Lathe_UnaryOp<"sinh", Lathe_RealTensor, "sinh(input[i])", "Hyperbolic sine of each element">;
def Lathe_SoftplusOp : Lathe_UnaryOp<"softplus", Lathe_RealTensor, "ln(1 + e^input[i])", "A smooth form of relu">;
def Lathe_SqrtOp : Lathe_UnaryOp<"sqrt", Lathe_RealTensor, "sqrt(input[i])",
                                 "Square root of each element; NaN below zero", derivative = Lathe_HasRule>;
def Lathe_TanOp : Lathe_UnaryOp<"tan", Lathe_RealTensor, "tan(input[i])",
                                "Tangent of each element, an angle in radians">;
def Lathe_TanhOp : Lathe_UnaryOp<"tanh", Lathe_RealTensor, "tanh(input[i])", "Hyperbolic tangent of each element",
                                 derivative = Lathe_HasRule>;

class Lathe_PredicateOp<string mnemonic, string formula, string what>
    : Lathe_ModelOp<mnemonic, [Lathe_NotDifferentiable, TypesMatchWith<"the result is i1 of the input's shape", "input",
        "result", "::lathe::getBoolSameShape($_self)">]> {
  let summary = what;
  let description = "\n    `result[i] = " # formula # [{`.
    Example:
    ```mlir
    %y = lathe.}] # mnemonic # [{ %x : tensor<4x?xf32>
    ```
  }];
  let arguments = (ins Lathe_RealTensor:$input);
  let results = (outs Lathe_BoolTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input)";
}

def Lathe_IsInfOp : Lathe_PredicateOp<"is_inf", "|input[i]| = infinity", "Where elements are infinite">;
def Lathe_IsNanOp : Lathe_PredicateOp<"is_nan", "input[i] is no number", "Where elements are NaN">;

class Lathe_BinaryOp<string mnemonic, Type tensor, string formula, string what, list<Trait> traits = [],
                     string rule = "", string example = "f32", Trait derivative = Lathe_HasDerivative>
    : Lathe_ModelOp<mnemonic, [derivative] # traits> {
  let summary = what;
  let description = "\n    `result[i] = " # formula # "`." # Lathe_ElementRule # "\n    " #
                    !if(!empty(rule), "", rule # "\n    ") # Lathe_BroadcastRule # [{
    Constraints:
    * (C1) Both operands and the result have one element type.
    * (C2) The operands broadcast to the result's shape.
    Example:
    ```mlir
    %z = lathe.}] # mnemonic # " %x, %y : tensor<?x4x" # example # ">, tensor<4x" # example # "> -> tensor<?x4x" #
                    example # ">\n    ```\n  ";
  let arguments = (ins tensor:$lhs, tensor:$rhs);
  let results = (outs tensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_AddOp : Lathe_BinaryOp<"add", Lathe_NumberTensor, "lhs[i] + rhs[i]", "Sum of two tensors, element by element",
                                 [Commutative], derivative = Lathe_HasRule>;
def Lathe_AndOp : Lathe_BinaryOp<"and", Lathe_BitsTensor, "lhs[i] & rhs[i]",
                                 "The bits that both elements have; on i1 the logical and", [Commutative], "", "i1",
                                 Lathe_NotDifferentiable>;
def Lathe_DivOp : Lathe_BinaryOp<"div", Lathe_NumberTensor, "lhs[i] / rhs[i]",
                                 "Quotient of two tensors, element by element", [],
                                 "Integers round towards zero; a quotient by 0 is 0, the lowest number divided by -1 itself.",
                                 derivative = Lathe_HasRule>;
def Lathe_FmodOp : Lathe_BinaryOp<"fmod", Lathe_NumberTensor, "lhs[i] - rhs[i] * trunc(lhs[i] / rhs[i])",
                                  "What a division leaves, with the sign of the dividend", [],
                                  "For integers the rest of a division by 0 is 0.">;
def Lathe_MaximumOp : Lathe_BinaryOp<"maximum", Lathe_NumberTensor, "max(lhs[i], rhs[i])",
                                     "The larger of two elements; NaN when either is", [Commutative]>;
def Lathe_MinimumOp : Lathe_BinaryOp<"minimum", Lathe_NumberTensor, "min(lhs[i], rhs[i])",
                                     "The smaller of two elements; NaN when either is", [Commutative]>;
def Lathe_ModOp : Lathe_BinaryOp<"mod", Lathe_NumberTensor, "lhs[i] - rhs[i] * floor(lhs[i] / rhs[i])",
                                 "What a division leaves, with the sign of the divisor", [],
                                 "For integers the rest of a division by 0 is 0.">;
def Lathe_MulOp : Lathe_BinaryOp<"mul", Lathe_NumberTensor, "lhs[i] * rhs[i]",
                                 "Product of two tensors, element by element", [Commutative],
                                 derivative = Lathe_HasRule>;
def Lathe_OrOp : Lathe_BinaryOp<"or", Lathe_BitsTensor, "lhs[i] | rhs[i]",
                                "The bits that either element has; on i1 the logical or", [Commutative], "", "i1",
                                 Lathe_NotDifferentiable>;
def Lathe_PowOp : Lathe_BinaryOp<"pow", Lathe_NumberTensor, "lhs[i]^rhs[i]",
                                 "One tensor to the power of another, element by element", [],
                                 "For integers a negative exponent gives the reciprocal rounded towards zero, and 0 for 0.">;
def Lathe_ShiftLeftOp : Lathe_BinaryOp<"shift_left", Lathe_IntegerTensor, "lhs[i] * 2^rhs[i]",
                                       "Bits moved towards the higher places", [],
                                       "A shift by the width or more, or by a negative number, gives 0.", "ui8",
                                       Lathe_NotDifferentiable>;
def Lathe_ShiftRightOp : Lathe_BinaryOp<"shift_right", Lathe_IntegerTensor, "floor(lhs[i] / 2^rhs[i])",
                                        "Bits moved towards the lower places, the sign kept", [],
                                        "A shift by the width or more, or by a negative number, gives 0.", "ui8",
                                       Lathe_NotDifferentiable>;
def Lathe_SubOp : Lathe_BinaryOp<"sub", Lathe_NumberTensor, "lhs[i] - rhs[i]",
                                 "Difference of two tensors, element by element", derivative = Lathe_HasRule>;
def Lathe_XorOp : Lathe_BinaryOp<"xor", Lathe_BitsTensor, "lhs[i] ^ rhs[i]",
                                 "The bits that one element has and the other has not", [Commutative], "", "i1",
                                 Lathe_NotDifferentiable>;

class Lathe_ComparisonOp<string mnemonic, Type tensor, string formula, string what, list<Trait> traits = []>
    : Lathe_ModelOp<mnemonic, [Lathe_NotDifferentiable] # traits> {
  let summary = what;
  let description = "\n    `result[i] = " # formula # "`. " # Lathe_BroadcastRule # [{
    Constraints:
    * (C1) Both operands have one element type; the result's is i1.
    * (C2) The operands broadcast to the result's shape.
    Example:
    ```mlir
    %z = lathe.}] # mnemonic # [{ %x, %y : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xi1>
    ```
  }];
  let arguments = (ins tensor:$lhs, tensor:$rhs);
  let results = (outs Lathe_BoolTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` type($lhs) `,` type($rhs) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_EqualOp : Lathe_ComparisonOp<"equal", Lathe_PlainTensor, "lhs[i] = rhs[i]",
                                       "Where two elements are equal; NaN equals nothing", [Commutative]>;
def Lathe_LessOp : Lathe_ComparisonOp<"less", Lathe_NumberTensor, "lhs[i] < rhs[i]",
                                      "Where the left element is smaller; false where either is NaN">;
def Lathe_LessEqualOp : Lathe_ComparisonOp<"less_equal", Lathe_NumberTensor, "lhs[i] <= rhs[i]",
                                           "Where the left element is not larger; false where either is NaN">;

def Lathe_SelectOp : Lathe_ModelOp<"select", [Lathe_HasRule]> {
  let summary = "One of two elements, by a condition";
  let description = [{
    `result[i] = condition[i] ? on_true[i] : on_false[i]`. All three operands broadcast as in NumPy.
    Constraints:
    * (C1) Both choices and the result have one element type.
    * (C2) The operands broadcast to the result's shape.
    Example:
    ```mlir
    %y = lathe.select %c, %a, %b : tensor<?x1xi1>, tensor<?x4xf32>, tensor<f32> -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins Lathe_BoolTensor:$condition, Lathe_PlainTensor:$on_true, Lathe_PlainTensor:$on_false);
  let results = (outs Lathe_PlainTensor:$result);
  let assemblyFormat = [{
    $condition `,` $on_true `,` $on_false attr-dict `:` type($condition) `,` type($on_true) `,` type($on_false) `->`
    type($result)
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
}

def Lathe_CastOp : Lathe_ModelOp<"cast", [Lathe_HasRule]> {
  let summary = "The same values in another element type";
  let description = [{
    | from | to | value |
    |---|---|---|
    | float, integer | float | the nearest, ties to even, beyond the range infinity; f16 and bf16 by way of f32 |
    | float | integer | towards zero; values beyond the range become the nearest of the type, NaN becomes 0 |
    | integer, i1 | integer | the low bits |
    | any | i1 | false for zero, true for all else, NaN included |
    | i1 | any | 0 or 1 |
    | float | f8E4M3FN | the nearest, ties to even, by way of f32; beyond 448 it is 448 |
    | quantized blocks | float | unpacked; the way back is quantization, not a cast |

    Constraints:
    * (C1) Operand and result have the same shape.
    * (C2) Quantized blocks become a float of at most 32 bits.
    Example:
    ```mlir
    %y = lathe.cast %x : tensor<?x64xf32> -> tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins Lathe_CastableTensor:$input);
  let results = (outs Lathe_CastTensor:$result);
  let assemblyFormat = "$input attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
}
