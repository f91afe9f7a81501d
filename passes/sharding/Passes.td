// Passes of phase shard, in pipeline order; part of passes/Passes.td.

def PropagateShardings : Pass<"lathe-propagate-shardings", "::mlir::ModuleOp"> {
  let summary = "Choose how values and weights are spread over ranks";
  let description = [{
    Needs: entry points whose operations are `lathe` model operations, before kernels are formed.

    Leaves: the module with a grid of one axis, `lathe.grid`, and `lathe.sharding` on values that ranks do not have whole, a
    dimension of which is split, or which are the sum of what the ranks have. An operation's rule
    (`passes/sharding/ShardingRules.cpp`) says which of its dimensions are the same; dimensions that are the same by
    way of any number of operations are a class, which is split everywhere or nowhere. A class is split that splits
    weights and has no dimension in it that an operation needs whole: hidden columns of feed-forward layers, heads of attention,
    the vocabulary of embeddings and of logits. Chosen first are those that `rules` name, then experts, then what splits
    most bytes. No operation is split along two dimensions. Fewer key heads than ranks are split as far as there are
    heads. A product whose columns are read in parts, as those of one weight with queries, keys and values are, becomes one
    product for each part before. Remarks of category `sharding` say what is split and why the rest stays whole.

    `rules` are `PATTERN=DIMENSION` or `PATTERN=whole`, for weights whose names match the pattern; one that cannot be had is an
    error that says why.

    Before:
    ```mlir
    %u = lathe.matmul %x, %up transpose_rhs : tensor<?x64xf32>, tensor<128x64xf32> -> tensor<?x128xf32>
    %d = lathe.matmul %u, %down transpose_rhs : tensor<?x128xf32>, tensor<64x128xf32> -> tensor<?x64xf32>
    ```
    After, with 2 ranks: `lathe.sharding` of `%u` has the entry `{axis = "tensor", dim = 1, parts = 2}`, that of `%d`
    `{axis = "tensor", partial = "sum"}`.

    Not done: inputs, dimensions of open size, what branches and loops read; dimensions that would be gathered again for
    anything but results of the program and the choice of a token; classes whose ranks would exchange more bytes a row
    than they have weights.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
  let options = [
    Option<"ranks", "ranks", "int64_t", "1", "how many ranks there are; 1 leaves all as it is">,
    Option<"axis", "axis", "std::string", "\"tensor\"", "the name of the axis">,
    ListOption<"rules", "rules", "std::string", "PATTERN=DIMENSION or PATTERN=whole">,
  ];
}

def PartitionValues : Pass<"lathe-partition-values", "::mlir::ModuleOp"> {
  let summary = "Give values the types that one rank has, and make what ranks exchange explicit";
  let description = [{
    Needs: `lathe.grid` and `lathe.sharding` as PropagateShardings leaves them.

    Leaves: one program that every rank runs, with types as a rank has them, and no `lathe.sharding`. Weights are read
    through `lathe.take_shard`. Sums are completed by `lathe.all_reduce` where an operation needs the sum, once for all
    readers; sums of sums, and what scales them, come before. Results are put together by `lathe.all_gather`, a transpose
    and a reshape. Numbers of experts and of rows of a table are counted from the first of the rank: an expert of another
    rank gives 0, and rows of others become 0. Remarks of category `sharding` name each collective and its bytes.

    Before: as above, with `%d` returned.

    After:
    ```mlir
    %upPart = lathe.take_shard %up dim 0 parts 2 along "tensor" : tensor<128x64xf32> -> tensor<64x64xf32>
    %u = lathe.matmul %x, %upPart transpose_rhs : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    %downPart = lathe.take_shard %down dim 1 parts 2 along "tensor" : tensor<64x128xf32> -> tensor<64x64xf32>
    %d = lathe.matmul %u, %downPart transpose_rhs : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
    %sum = lathe.all_reduce %d along "tensor" : tensor<?x64xf32>
    ```

    Not done: splitting a value that is whole, which no rule asks for.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}

def CheckCollectives : Pass<"lathe-check-collectives", "::mlir::ModuleOp"> {
  let summary = "Prove that ranks meet at each collective, in one order, with one group, shape and type";
  let description = [{
    Needs: a program that all ranks run, after PartitionValues.

    Leaves: the same. All ranks run the operations of a block in one order, so that what could part them is data that
    differs between them: what `lathe.take_shard` gives, and what is computed from it or was appended to a state. What has been added up or
    gathered is the same on all ranks again. An error says so where such data decides whether a collective is run, or
    how often, or what sizes it exchanges; where a program returns what differs; and where a collective is along an axis
    that the grid does not have. Group and types of a collective are constants of the program.

    Before and after: as PartitionValues leaves it.

    Not done: what a program returns, with more than one axis in the grid.
  }];
  let dependentDialects = ["::lathe::LatheDialect"];
}
