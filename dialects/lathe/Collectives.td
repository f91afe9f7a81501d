// What ranks of a device grid do together, and what each of them keeps of a tensor. The module's attribute `lathe.grid`
// names the axes of the grid and their sizes; ranks are numbered row by row over it. A collective is among the ranks that
// differ along one axis alone, its group: every rank of the group runs it, in the order of the program.

def Lathe_TakeShardOp : Lathe_ModelOp<"take_shard", [Lathe_NotDifferentiable]> {
  let summary = "The part of a tensor that a rank keeps";
  let description = [{
    Dimension `dim` of `input` is cut into `parts` equal parts; rank c of n along `axis` keeps part c * `parts` / n, rounded
    down. With fewer parts than ranks, neighbours keep the same. It is the one operation whose value depends on the rank:
    weight programs hold it, so that a program reads a weight of another value on each rank and is the same on all.
    Constraints:
    * (C1) `dim` is a dimension of `input` that `parts` divides; the result has that part of it, and the input's other
      dimensions and element type.
    * (C2) Each part of quantized blocks begins and ends on the border of a block.
    * (C3) `parts` divides the size of `axis` in the module's grid, if it has one.
    Example:
    ```mlir
    %p = lathe.take_shard %w dim 0 parts 2 along "tensor" : tensor<64x32xf32> -> tensor<32x32xf32>
    ```
  }];
  let arguments = (ins Lathe_AnyTensor:$input, I64Attr:$dim, I64Attr:$parts, StrAttr:$axis);
  let results = (outs Lathe_AnyTensor:$result);
  let assemblyFormat = "$input `dim` $dim `parts` $parts `along` $axis attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_AllReduceOp : Lathe_ModelOp<"all_reduce", [Lathe_NotDifferentiable, AllTypesMatch<["input", "result"]>]> {
  let summary = "The sum of what the ranks of a group have, on each of them";
  let description = [{
    `result[i...] = sum_r input_r[i...]` over the ranks r of the group along `axis`, added in their order in f32 and rounded
    once, so that all get the same bits.
    Constraints:
    * (C1) `axis` is one of the module's grid, if it has one.
    Example:
    ```mlir
    %y = lathe.all_reduce %x along "tensor" : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, StrAttr:$axis);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input `along` $axis attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def Lathe_AllGatherOp : Lathe_ModelOp<"all_gather", [Lathe_NotDifferentiable]> {
  let summary = "What each rank of a group has, one behind the other, on each of them";
  let description = [{
    `result[r, i...] = input_r[i...]` for the ranks r of the group along `axis`.
    Constraints:
    * (C1) `axis` is one of the module's grid, if it has one.
    * (C2) `result` has one dimension more than `input`, in front, of the size of `axis`; all else is the same, and not
      quantized.
    Example:
    ```mlir
    %y = lathe.all_gather %x along "tensor" : tensor<?x64xf32> -> tensor<2x?x64xf32>
    ```
  }];
  let arguments = (ins Lathe_NumberTensor:$input, StrAttr:$axis);
  let results = (outs Lathe_NumberTensor:$result);
  let assemblyFormat = "$input `along` $axis attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}

def Lathe_ReduceScatterOp : Lathe_ModelOp<"reduce_scatter", [Lathe_NotDifferentiable]> {
  let summary = "For each rank of a group its part of the sum of what all have";
  let description = [{
    `result[i...] = sum_r input_r[c, i...]` on rank c of the group along `axis`, added as in `lathe.all_reduce`.
    Constraints:
    * (C1) `axis` is one of the module's grid, if it has one.
    * (C2) `input` has one dimension more than `result`, in front, of the size of `axis`; all else is the same.
    Example:
    ```mlir
    %y = lathe.reduce_scatter %x along "tensor" : tensor<2x?x64xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Lathe_FloatTensor:$input, StrAttr:$axis);
  let results = (outs Lathe_FloatTensor:$result);
  let assemblyFormat = "$input `along` $axis attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
}
