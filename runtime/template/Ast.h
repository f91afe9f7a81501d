// A template as a tree: what the parser makes and the interpreter walks.
#ifndef LATHE_RUNTIME_TEMPLATE_AST_H
#define LATHE_RUNTIME_TEMPLATE_AST_H

#include "runtime/template/Value.h"

namespace lathe::templates {

/// A variable's name, as a number: names are compared often.
using Symbol = uint32_t;

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr list, dictionary; ///< *list, **dictionary
};

enum class Operator : uint8_t {
  Add,
  Subtract,
  Multiply,
  Divide,
  FloorDivide,
  Modulo,
  Power,
  Equal,
  NotEqual,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  In,
  NotIn
};

struct Expression {
  enum class Kind : uint8_t {
    Constant,
    Name,       ///< symbol, name
    List,       ///< operands
    Tuple,      ///< operands
    Dictionary, ///< operands: key, value, key, value, ...
    Attribute,  ///< operands[0].name
    Item,       ///< operands[0][operands[1]]
    Slice,      ///< operands[0][operands[1]:operands[2]:operands[3]], null where left out
    Call,       ///< operands[0](arguments)
    Filter,     ///< operands[0] | name(arguments); operands[0] is null for the text of a block
    Test,       ///< operands[0] is name(arguments)
    Not,
    Negative,
    Positive,
    Binary,  ///< operands[0] operators[0] operands[1]
    Compare, ///< operands[0] operators[0] operands[1] operators[1] operands[2] ...
    And,
    Or,
    Join,       ///< operands[0] ~ operands[1] ~ ...
    Conditional ///< operands[0] if operands[1] else operands[2], which may be null
  };
  Kind kind = Kind::Constant;
  uint32_t at = 0;
  uint32_t depth = 1; ///< how deep expressions hold each other, this one included
  Symbol symbol = 0;
  Value constant;
  std::string name;
  std::vector<ExpressionPtr> operands;
  std::vector<Operator> operators;
  CallArguments arguments;
};

/// What is assigned to: a name, names to unpack into, or an attribute of a namespace.
struct Target {
  enum class Kind : uint8_t { Name, Tuple, Attribute };
  Kind kind = Kind::Name;
  uint32_t at = 0;
  Symbol symbol = 0; ///< of the name, or of the namespace
  std::string attribute;
  std::vector<Target> parts;
};

struct Statement;
using Block = std::vector<std::unique_ptr<const Statement>>;

/// What a macro, or the body of a call block, takes and does.
struct Procedure {
  std::string name;
  std::vector<Symbol> parameters;
  std::vector<std::string> names;      ///< of the parameters
  std::vector<ExpressionPtr> defaults; ///< of the last parameters
  bool usesCaller = false, usesVarargs = false, usesKwargs = false;
  Block body;
};

struct Statement {
  enum class Kind : uint8_t {
    Text,        ///< text
    Print,       ///< expressions
    If,          ///< expressions[i] chooses blocks[i]; one block more is the else
    For,         ///< target in expressions[0] if expressions[1], null where left out; blocks: body, else
    Set,         ///< target = expressions[0]
    SetBlock,    ///< target = blocks[0] | expressions[0], null where left out
    Macro,       ///< procedure, called symbol
    Call,        ///< expressions[0] is a call; procedure is its caller
    FilterBlock, ///< blocks[0] | expressions[0]
    With,        ///< targets[i] = expressions[i] inside of blocks[0]
    Generation,  ///< blocks[0], with variables of its own
    Break,
    Continue
  };
  Kind kind = Kind::Text;
  uint32_t at = 0;
  std::string text;
  Symbol symbol = 0;
  Target target;
  std::vector<Target> targets;
  std::vector<ExpressionPtr> expressions;
  std::vector<Block> blocks;
  Procedure procedure;
};

struct Tree {
  Block body;
  std::vector<std::string> symbols; ///< the name of each
};

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_AST_H
